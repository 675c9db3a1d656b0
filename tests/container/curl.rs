//! HTTPS requests by curl, which verifies the certificate.

use std::path::Path;

use tokio::process::Command;

use crate::engine::run;

/// Status and body of the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub body: String,
}

/// Runs curl, which trusts only this authority.
pub async fn curl(authority: &Path, arguments: &[&str]) -> Answered {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}"]);
    curl.arg("--cacert").arg(authority).args(arguments);
    let (code, output, errors) = run(&mut curl).await;
    assert_eq!(code, Some(0), "curl {arguments:?}: {errors}");
    let (body, status) = output.rsplit_once('\n').unwrap_or(("", &output));
    Answered { status: status.parse().unwrap(), body: body.to_owned() }
}

/// The service's answer to a stored callback.
pub fn stored() -> Answered {
    Answered { status: 200, body: "OK\n".to_owned() }
}
