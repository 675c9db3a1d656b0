//! A callback as the gateway sends it: parameters, and the bytes they make on the wire.

use std::net::SocketAddr;

use form_urlencoded::byte_serialize;

/// How the parameters travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// In the query of a `GET` (the gateway's document, section 5.3.2).
    Get,
    /// In the query of a `POST` without a body (section 7.1).
    Post,
    /// In the body of a `POST`, as a form (section 7.1.2).
    PostForm,
}

/// A delivery report or an inbound message on its way to the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    method: Method,
    path: String,
    parameters: Vec<(&'static str, Vec<u8>)>,
}

impl Callback {
    /// A delivery report for the registered path: a `GET`.
    #[must_use]
    pub fn report(path: &str, mess_id: &str, status: i32, number: &str) -> Self {
        Self::new(Method::Get, path)
            .with("mess_id", mess_id)
            .with("status", status.to_string())
            .with("number", number)
    }

    /// An inbound message for the registered path: a `POST` with a form. The text is bytes in
    /// whatever character set `dcs` stands for.
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

    fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), parameters: Vec::with_capacity(8) }
    }

    /// The same by another method.
    #[must_use]
    pub fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// With one more parameter, at the end.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// The request, byte for byte. `attempt` adds a parameter of that name.
    #[must_use]
    pub fn request(&self, host: SocketAddr, keep_alive: bool, attempt: Option<u32>) -> Vec<u8> {
        let mut encoded = String::new();
        for (name, value) in &self.parameters {
            append(&mut encoded, name, value);
        }
        if let Some(attempt) = attempt {
            append(&mut encoded, "attempt", attempt.to_string().as_bytes());
        }
        let path = &self.path;
        let connection = if keep_alive { "" } else { "Connection: close\r\n" };
        let common = format!("Host: {host}\r\n{connection}");
        match self.method {
            Method::Get => format!("GET {path}?{encoded} HTTP/1.1\r\n{common}\r\n"),
            Method::Post => {
                format!("POST {path}?{encoded} HTTP/1.1\r\n{common}Content-Length: 0\r\n\r\n")
            }
            Method::PostForm => format!(
                "POST {path} HTTP/1.1\r\n{common}\
                 Content-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\n\r\n{encoded}",
                encoded.len()
            ),
        }
        .into_bytes()
    }
}

fn append(encoded: &mut String, name: &str, value: &[u8]) {
    if !encoded.is_empty() {
        encoded.push('&');
    }
    encoded.push_str(name);
    encoded.push('=');
    encoded.extend(byte_serialize(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(callback: &Callback, keep_alive: bool, attempt: Option<u32>) -> String {
        let host = SocketAddr::from(([127, 0, 0, 1], 80));
        String::from_utf8(callback.request(host, keep_alive, attempt)).unwrap()
    }

    #[test]
    fn a_report_is_a_get_with_a_query() {
        let report = Callback::report("/delivery-reports/t", "a&b=ü", -1, "+44");
        assert_eq!(
            text(&report, true, None),
            "GET /delivery-reports/t?mess_id=a%26b%3D%C3%BC&status=-1&number=%2B44 HTTP/1.1\r\n\
             Host: 127.0.0.1:80\r\n\r\n"
        );
    }

    #[test]
    fn a_message_is_a_form_of_bytes() {
        let message = Callback::message("/m", ("u", "p w"), ("1", "2"), "0", b"\x00\xe9".to_vec());
        assert_eq!(
            text(&message, false, Some(3)),
            "POST /m HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 59\r\n\r\n\
             user=u&pass=p+w&dcs=0&org=1&dest=2&message=%00%E9&attempt=3"
        );
    }

    #[test]
    fn a_message_can_be_a_post_with_a_query_as_the_document_shows_it() {
        let message = Callback::message("/m", ("u", "p"), ("1", "2"), "0", "x").by(Method::Post);
        let expected = "POST /m?user=u&pass=p&dcs=0&org=1&dest=2&message=x HTTP/1.1\r\n\
                        Host: 127.0.0.1:80\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(text(&message, true, None), expected);
    }
}
