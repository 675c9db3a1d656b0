//! Request lines as old gateways send them, and what hyper is given instead.

use proptest::prelude::*;

use super::*;

fn pass(pieces: &[&[u8]]) -> Vec<u8> {
    let mut rewriter = RequestLineRewriter::new(1_000);
    let mut passed = Vec::new();
    for piece in pieces {
        rewriter.push(piece, &mut |bytes| passed.extend_from_slice(bytes));
    }
    rewriter.finish(&mut |bytes| passed.extend_from_slice(bytes));
    passed
}

#[track_caller]
fn check(arrives: &[u8], expected: &[u8]) {
    let found = pass(&[arrives]);
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(expected));
}

#[track_caller]
fn check_untouched(arrives: &[u8]) {
    check(arrives, arrives);
}

#[test]
fn blanks_and_bytes_that_are_no_url_characters_are_encoded() {
    check(
        b"GET /r?message=a b  c\xE9#\"<>\x01&x=%41+ HTTP/1.0\r\n\r\n",
        b"GET /r?message=a%20b%20%20c%E9%23%22%3C%3E%01&x=%41+ HTTP/1.0\r\n\r\n",
    );
    check(b"GET  /r HTTP/1.1\n\n", b"GET /r HTTP/1.1\n\n");
}

#[test]
fn every_request_of_a_connection_is_mended() {
    check(
        b"POST /a?b=c d HTTP/1.1\r\nHost: x\r\nContent-Length: 21\r\n\r\nGET /e f HTTP/1.1\r\n\r\n\r\nGET /g h HTTP/1.1\r\n\r\n",
        b"POST /a?b=c%20d HTTP/1.1\r\nHost: x\r\nContent-Length: 21\r\n\r\nGET /e f HTTP/1.1\r\n\r\n\r\nGET /g%20h HTTP/1.1\r\n\r\n",
    );
}

#[test]
fn a_good_request_and_anything_that_is_no_request_pass_untouched() {
    check_untouched(b"GET /a?b=c%20d HTTP/1.1\r\nHost: x y\r\n\r\n");
    check_untouched(b"GET /a b HTTP/2.0\r\n\r\n");
    check_untouched(b"\x16\x03\x01 TLS \xE9\n");
    check_untouched(b"GET /a b");
    check_untouched(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET /a b HTTP/1.1\r\n\r\n");
    check_untouched(b"GET /a\r\n\r\nGET /a b HTTP/1.1\r\n\r\n");
}

#[test]
fn after_a_body_of_uncertain_length_nothing_is_touched() {
    for header in [
        "Transfer-Encoding: chunked",
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: +1",
        "Content-Length: 1, 1",
        "Content-Length:",
        "Content-Length: 1\r\nTransfer-Encoding: x",
        "X: y\r\n Content-Length: 5",
    ] {
        check_untouched(
            format!("POST / HTTP/1.1\r\n{header}\r\n\r\nGET /a b HTTP/1.1\r\n\r\n").as_bytes(),
        );
    }
}

#[test]
fn a_line_longer_than_the_bound_passes_untouched() {
    check_untouched(&[b"GET /", "a b".repeat(1_000).as_bytes(), b" HTTP/1.1\r\n\r\n"].concat());
}

proptest! {
    #[test]
    fn the_pieces_that_bytes_come_in_make_no_difference(
        requests in proptest::collection::vec("(GET|POST) /[a-z \\x7F]{0,9} HTTP/1\\.1\r\n(Content-Length: [0-9]\r\n|X: [a-z]{0,9}\r\n){0,2}\r\n[a-z \r\n]{0,9}", 1..4),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = requests.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &whole[cut[0]..cut[1]]).collect();
        prop_assert_eq!(pass(&pieces), pass(&[&whole]));
    }

    #[test]
    fn any_bytes_pass_without_a_panic(pieces: Vec<Vec<u8>>) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        pass(&pieces);
    }
}
