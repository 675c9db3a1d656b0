//! The responses to callbacks: one line of plain text each, without anything from the request.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;

use crate::domain::AccountName;
use crate::ingest::{Receipt, SubmitError};
use crate::wire::{UnreadableBody, Unusable};

/// `Retry-After` in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The callback is durable: 200. Needs the receipt.
#[derive(Debug)]
pub(super) struct Acknowledged {
    pub(super) account: AccountName,
    pub(super) receipt: Receipt,
}

impl IntoResponse for Acknowledged {
    fn into_response(self) -> Response<Body> {
        let Self { account: _, receipt } = self;
        drop(receipt);
        text(StatusCode::OK, "OK\n")
    }
}

/// Why a callback is not answered 200.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallbackError {
    #[error("wrong or missing credentials")]
    Unauthorized,
    /// A wrong report token, and the address has used up its failure budget.
    #[error(
        "too many failed authentications from this address; valid credentials are always accepted"
    )]
    TooManyFailures,
    /// A login from an address that has used up its failure budget for this user.
    #[error(
        "too many failed authentications as this user from this address; only one attempt per second is checked"
    )]
    NotCompared,
    /// The credentials are right, but not allowed from this address.
    #[error("this address is not among the account's allowed_sources")]
    SourceNotAllowed,
    /// Neither a report nor a message; stored in `rejected_callbacks`.
    #[error("{unusable}; the callback is kept in rejected_callbacks")]
    Unusable { account: AccountName, unusable: Unusable, receipt: Receipt },
    /// Somebody tries the URL.
    #[error("{unusable}; this URL takes callbacks with their parameters")]
    NoParameters { account: AccountName, unusable: Unusable },
    /// The credentials may be in a body that can't be read. Nothing is stored.
    #[error("{0}")]
    Unreadable(UnreadableBody),
    /// It was not stored as what it is.
    #[error("{error}")]
    NotStored { account: AccountName, error: SubmitError },
    /// It was not stored in time.
    #[error("the callback could not be stored in time")]
    TooSlow { account: AccountName },
    /// Callbacks with valid credentials hold as much memory as is allowed.
    #[error("too many callbacks at once")]
    OutOfMemory,
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The limit is lower if the head does not authenticate the request.
    #[error(
        "the body is larger than {0} bytes, the most that is read of a request without user and pass in its URL"
    )]
    UnauthenticatedBodyTooLarge(usize),
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    /// The body ended early, is not valid HTTP, or the connection was evicted.
    #[error("the body could not be read")]
    BodyBroken,
}

impl CallbackError {
    /// The account that the callback belongs to, if it authenticated and was read.
    pub(super) fn account(&self) -> Option<&AccountName> {
        match self {
            Self::Unusable { account, .. }
            | Self::NotStored { account, .. }
            | Self::NoParameters { account, .. }
            | Self::TooSlow { account } => Some(account),
            Self::Unauthorized
            | Self::TooManyFailures
            | Self::NotCompared
            | Self::Unreadable(_)
            | Self::SourceNotAllowed
            | Self::OutOfMemory
            | Self::BodyTooLarge(_)
            | Self::UnauthenticatedBodyTooLarge(_)
            | Self::BodyTooSlow
            | Self::BodyBroken => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyFailures | Self::NotCompared => StatusCode::TOO_MANY_REQUESTS,
            Self::SourceNotAllowed => StatusCode::FORBIDDEN,
            Self::Unusable { unusable: Unusable::Unreadable(_), .. } | Self::Unreadable(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Unusable { unusable: Unusable::Missing(_), .. }
            | Self::NoParameters { .. }
            | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::NotStored { .. } | Self::TooSlow { .. } | Self::OutOfMemory => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BodyTooLarge(_) | Self::UnauthenticatedBodyTooLarge(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl IntoResponse for CallbackError {
    fn into_response(self) -> Response<Body> {
        let mut answer = text(self.status(), format!("{self}\n"));
        let headers = answer.headers_mut();
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                let challenge = HeaderValue::from_static("Basic realm=\"routo-receiver\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            // The rest of the body is not read.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        answer
    }
}

/// A response of plain text. Every line ends with a line feed.
pub(super) fn text(status: StatusCode, line: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(line.into());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}
