//! The registered paths, and the credentials.

use secrecy::{ExposeSecret, SecretString};

use super::ExpectedRow;
use crate::callback::{Callback, Method};

/// Shown in place of a secret.
const HIDDEN: &str = "***";

/// The registered paths, and the credentials.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The path before that of each callback: empty, or beginning with `/` and not ending with it.
    pub prefix: String,
    /// User and password.
    pub login: Option<(String, SecretString)>,
    /// The last segment of the path of delivery reports. Without it, reports carry the login.
    pub report_token: Option<SecretString>,
}

impl Access {
    /// The same with the secrets hidden, to be shown.
    #[must_use]
    pub fn hidden(&self) -> Self {
        Self {
            prefix: self.prefix.clone(),
            login: self.login.as_ref().map(|_| (HIDDEN.to_owned(), HIDDEN.into())),
            report_token: self.report_token.as_ref().map(|_| HIDDEN.into()),
        }
    }

    /// The callback that causes this row. A message is a form, unless `in_query`.
    pub(super) fn callback(&self, row: &ExpectedRow, in_query: bool) -> Callback {
        match row {
            ExpectedRow::Report { mess_id, number, status } => self
                .report(Method::Get)
                .with("mess_id", mess_id.as_str())
                .with("status", status.as_str())
                .with("number", number.as_str()),
            ExpectedRow::Message { org, dest, dcs, message_raw, .. } => {
                let method = if in_query { Method::Post } else { Method::PostForm };
                let callback = self.message(method);
                let callback = match dcs {
                    Some(dcs) => callback.with("dcs", dcs.as_str()),
                    None => callback,
                };
                callback
                    .with("org", org.as_str())
                    .with("dest", dest.as_str())
                    .with("message", message_raw.as_slice())
            }
        }
    }

    fn report(&self, method: Method) -> Callback {
        let path = format!("{}/delivery-reports", self.prefix);
        match &self.report_token {
            Some(token) => Callback::new(method, &format!("{path}/{}", token.expose_secret())),
            None => self.with_login(Callback::new(method, &path)),
        }
    }

    fn message(&self, method: Method) -> Callback {
        self.with_login(Callback::new(method, &format!("{}/inbound-messages", self.prefix)))
    }

    fn with_login(&self, callback: Callback) -> Callback {
        match &self.login {
            Some((user, password)) => {
                callback.with("user", user.as_str()).with("pass", password.expose_secret())
            }
            None => callback,
        }
    }
}
