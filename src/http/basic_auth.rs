//! HTTP Basic authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// User and password of an `Authorization: Basic` header's value (RFC 7617).
pub(super) fn basic(header: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let login = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = memchr::memchr(b':', &login)?;
    let (user, pass) = login.split_at_checked(colon)?;
    Some((user.to_vec(), pass.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_as_rfc_7617_writes_them() {
        let read = |header: &str| basic(header.as_bytes());
        let aladdin = Some((b"Aladdin".to_vec(), b"open sesame".to_vec()));
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), aladdin);
        assert_eq!(read("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ== "), aladdin);
        assert_eq!(read("Basic YTpiOmM="), Some((b"a".to_vec(), b"b:c".to_vec())));
        for none in ["", "Basic", "Basic ", "Basic ?", "Bearer YTpi", "Basic YWI="] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
