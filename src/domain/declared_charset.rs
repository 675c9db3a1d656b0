//! The charsets that messages are read in only where a request declares them.

/// A charset of the WHATWG Encoding Standard that extends ASCII, other than UTF-8 and Windows-1252.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclaredCharset(&'static str);

impl DeclaredCharset {
    /// Names as in the standard, in lower case.
    const NAMES: [&'static str; 33] = [
        "big5",
        "euc-jp",
        "euc-kr",
        "gb18030",
        "gbk",
        "ibm866",
        "iso-8859-2",
        "iso-8859-3",
        "iso-8859-4",
        "iso-8859-5",
        "iso-8859-6",
        "iso-8859-7",
        "iso-8859-8",
        "iso-8859-8-i",
        "iso-8859-10",
        "iso-8859-13",
        "iso-8859-14",
        "iso-8859-15",
        "iso-8859-16",
        "koi8-r",
        "koi8-u",
        "macintosh",
        "shift_jis",
        "windows-874",
        "windows-1250",
        "windows-1251",
        "windows-1253",
        "windows-1254",
        "windows-1255",
        "windows-1256",
        "windows-1257",
        "windows-1258",
        "x-mac-cyrillic",
    ];

    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(Self)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The charset with this name; letter case is ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|charset| charset.0.eq_ignore_ascii_case(name))
    }
}
