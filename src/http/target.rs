//! The target of a request, as the routes expect it.
//!
//! Gateways and people write a registered URL in many ways: with a slash at its end, with two slashes
//! between host and path, and with parameters appended by `&` although there is no `?`.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The URI without superfluous slashes, and with the parameters that were appended to its path in the
/// query. `None` if it is as the routes expect it.
pub(super) fn normalized(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let is_plain = !path.contains('&') && !path.contains("//");
    if is_plain && (path == "/" || !path.ends_with('/')) {
        return None;
    }
    let (path, appended) = path.split_once('&').unwrap_or((path, ""));
    let mut target = String::with_capacity(path.len() + appended.len() + 1);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        target.push('/');
        target.push_str(segment);
    }
    if target.is_empty() {
        target.push('/');
    }
    let queries = [appended, uri.query().unwrap_or_default()];
    for (query, separator) in queries.into_iter().filter(|query| !query.is_empty()).zip(['?', '&'])
    {
        target.push(separator);
        target.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_appended_parameters_do_not_change_the_route() {
        for (sent, expected) in [
            ("/delivery-reports/T", None),
            ("/", None),
            ("*", None),
            ("/delivery-reports/T?a=b/&c=//d", None),
            ("/delivery-reports/T/", Some("/delivery-reports/T")),
            ("/delivery-reports/T//?a=b", Some("/delivery-reports/T?a=b")),
            ("//delivery-reports//T?a=b", Some("/delivery-reports/T?a=b")),
            ("/delivery-reports/T&a=b", Some("/delivery-reports/T?a=b")),
            ("/delivery-reports/T/&a=b/c//d&e=f", Some("/delivery-reports/T?a=b/c//d&e=f")),
            ("/delivery-reports/T&a=b?c=d", Some("/delivery-reports/T?a=b&c=d")),
            ("/inbound-messages&?c=d", Some("/inbound-messages?c=d")),
            ("http://host:1/inbound-messages/", Some("http://host:1/inbound-messages")),
            ("//", Some("/")),
        ] {
            let normalized = normalized(&sent.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(normalized.as_deref(), expected, "{sent}");
        }
    }
}
