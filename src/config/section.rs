//! How a section is declared: a struct with one line per key.

use super::kinds::{Form, Kind};

/// A key that exists.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Dotted; `*` stands for a name that the user chooses.
    pub(super) path: String,
    pub(super) form: Form,
}

impl Key {
    /// The keys that one declaration makes: a secret can also be in a file.
    pub(super) fn declared<F: Field<T>, T>(path: &str, kind: &Kind<T>) -> Vec<Self> {
        let mut keys = vec![Self { path: path.to_owned(), form: kind.form }];
        if kind.form == Form::Secret {
            keys.push(Self { path: format!("{path}_file"), form: Form::Plain });
        }
        keys
    }
}

/// A field for a value of type `T`: a `T`, or an `Option<T>` where the key may be unset.
pub(super) trait Field<T>: From<T> {
    /// The field of an unset key, if a key may be unset.
    const UNSET: Option<Self>;
}

impl<T> Field<T> for T {
    const UNSET: Option<Self> = None;
}

impl<T> Field<T> for Option<T> {
    const UNSET: Option<Self> = Some(None);
}

/// Declares a section. Each line is `key: Type = kind`: the field that other rooms read, and what a
/// user may write (see `kinds`). `Option<Type>` is a key that may be unset. The default and the help
/// of each key are in `config/default.toml`; a test compares the two.
macro_rules! section {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $key:ident: $type:ty = $kind:expr,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        $visibility struct $name {
            $($(#[$field_attribute])* pub $key: $type,)+
        }

        impl $name {
            pub(super) fn keys(section: &str) -> Vec<Key> {
                let key = |name| format!("{section}.{name}");
                [$(Key::declared::<$type, _>(&key(stringify!($key)), &$kind)),+].concat()
            }

            /// Reads every key, also after a problem.
            pub(super) fn read(reader: &mut Reader, section: &str) -> Option<Self> {
                let key = |name| format!("{section}.{name}");
                $(let $key: Option<$type> = reader.read(&key(stringify!($key)), &$kind);)+
                Some(Self { $($key: $key?),+ })
            }
        }
    };
}

pub(super) use section;
