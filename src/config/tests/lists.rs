//! Keys that have a list: addresses and networks.

use super::super::report;
use super::{line, load};

const ACCOUNT: &str = "[accounts.main]\nreport_token = '0123456789abcdef'\n";

#[test]
fn a_list_is_an_array_in_a_file_and_separated_by_commas_in_the_environment() {
    let variable = "ROUTO_ACCOUNTS__MAIN__ALLOWED_SOURCES";
    let array = format!("{ACCOUNT}allowed_sources = ['192.0.2.1', '2001:db8::/32']");
    let text = format!("{ACCOUNT}allowed_sources = '192.0.2.1, 2001:db8::/32'");
    let commas = [(variable, "192.0.2.1,2001:db8::/32")];
    let expected = "192.0.2.1, 2001:db8::/32".parse().ok();
    for (file, environment) in
        [(array.as_str(), &[][..]), (text.as_str(), &[][..]), (ACCOUNT, &commas[..])]
    {
        let settings = load(Some(file), environment).unwrap();
        assert_eq!(settings.accounts[0].allowed_sources, expected, "{file}");
        assert!(report(&settings).contains("192.0.2.1,"));
    }
    let settings = load(Some(ACCOUNT), &[("ROUTO_HTTP__TRUSTED_PROXIES", "10.0.0.0/8")]).unwrap();
    assert_eq!(settings.http.trusted_proxies, "10.0.0.0/8".parse().ok());
    assert_eq!(settings.accounts[0].allowed_sources, None, "anywhere");
}

#[test]
fn a_value_that_is_not_a_list_of_networks_is_reported_with_what_to_write() {
    let table = [
        ("allowed_sources = []", "expected one or more IP addresses and networks"),
        ("allowed_sources = ['10.0.0.0/33']", "\"10.0.0.0/33\""),
        ("allowed_sources = ['gateway.example.com']", "expected one or more IP addresses"),
        ("allowed_sources = [10]", "write accounts.main.allowed_sources = [\"…\", \"…\"]"),
        ("allowed_sources = [['10.0.0.1']]", "is a list of strings"),
        ("allowed_sources.a = '10.0.0.1'", "is a list of strings"),
    ];
    for (key, expected) in table {
        let line = line(Some(&format!("{ACCOUNT}{key}")), &[]);
        assert!(line.starts_with("accounts.main.allowed_sources"), "{line}");
        assert!(line.contains(expected), "{line}");
    }
    let line = line(None, &[("ROUTO_HTTP__TRUSTED_PROXIES", "10.0.0.0/8;10.0.0.1")]);
    assert!(line.starts_with("http.trusted_proxies = \"10.0.0.0/8;10.0.0.1\" ("), "{line}");
}
