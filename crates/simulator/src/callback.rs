//! A callback: its parameters, and how they are transmitted.

use super::oddity::Oddity;

/// How parameters are transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// In the query of a `GET` (the gateway's document, section 5.3.2).
    Get,
    /// In the query of a `POST` without a body (section 7.1).
    Post,
    /// In the body of a `POST`, as a form (section 7.1.2).
    PostForm,
}

/// A delivery report or an inbound message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) parameters: Vec<(&'static str, Vec<u8>)>,
    pub(super) oddity: Option<Oddity>,
}

impl Callback {
    /// A delivery report, as a `GET`.
    #[must_use]
    pub fn report(path: &str, mess_id: &str, status: i32, number: &str) -> Self {
        Self::new(Method::Get, path)
            .with("mess_id", mess_id)
            .with("status", status.to_string())
            .with("number", number)
    }

    /// An inbound message, as a `POST` with a form. The text is in the charset that `dcs` stands for.
    #[must_use]
    pub fn message(
        path: &str,
        (user, password): (&str, &str),
        (org, dest): (&str, &str),
        dcs: &str,
        text: impl Into<Vec<u8>>,
    ) -> Self {
        Self::new(Method::PostForm, path)
            .with("user", user)
            .with("pass", password)
            .with("dcs", dcs)
            .with("org", org)
            .with("dest", dest)
            .with("message", text)
    }

    /// A callback without parameters.
    #[must_use]
    pub fn new(method: Method, path: &str) -> Self {
        let parameters = Vec::with_capacity(8);
        Self { method, path: path.to_owned(), parameters, oddity: None }
    }

    #[must_use]
    pub fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// The same, with an oddity of old gateways.
    #[must_use]
    pub fn oddly(self, oddity: Oddity) -> Self {
        Self { oddity: Some(oddity), ..self }
    }

    /// Appends a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }
}
