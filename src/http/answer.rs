//! What a callback is answered. One line of plain text each; none repeats anything of the request.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;

use crate::ingest::{Receipt, SubmitError};
use crate::wire::Unusable;

/// Seconds after which what was refused may be tried again, for `Retry-After`.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The callback is durable: 200. The receipt is what it takes to say so.
#[derive(Debug)]
pub(super) struct Acknowledged(pub(super) Receipt);

impl IntoResponse for Acknowledged {
    fn into_response(self) -> Response<Body> {
        let Self(receipt) = self;
        drop(receipt);
        text(StatusCode::OK, "OK")
    }
}

/// Why a callback is not answered 200.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallbackError {
    /// No account has these credentials.
    #[error("wrong or missing credentials")]
    Unauthorized,
    /// Nor has it had them before, too often.
    #[error(
        "too many failed authentications from this address; right credentials are always taken"
    )]
    TooManyFailures,
    /// The credentials are right, the address is not.
    #[error("this address is not among the account's allowed_sources")]
    SourceNotAllowed,
    /// It is no report and no message; it is kept among the rejected callbacks.
    #[error("{0}; the callback is kept in rejected_callbacks")]
    Unusable(Unusable, Receipt),
    /// It was not made durable as what it is.
    #[error(transparent)]
    NotStored(#[from] SubmitError),
    /// The answer was not there in time.
    #[error("the callback could not be stored in time")]
    TooSlow,
    /// The body is larger than allowed.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The body did not come in time.
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    /// The body ended early, or is no HTTP.
    #[error("the body could not be read")]
    BodyBroken,
}

impl CallbackError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            Self::SourceNotAllowed => StatusCode::FORBIDDEN,
            Self::Unusable(Unusable::Unreadable(_), _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unusable(Unusable::Missing(_), _)
            | Self::BodyBroken
            | Self::NotStored(SubmitError::StoredAsRejected) => StatusCode::BAD_REQUEST,
            Self::NotStored(SubmitError::Overloaded | SubmitError::Unavailable) | Self::TooSlow => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl IntoResponse for CallbackError {
    fn into_response(self) -> Response<Body> {
        let mut answer = text(self.status(), self.to_string());
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
            // What is left of the body is of no use to anybody.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        answer
    }
}

/// A plain text answer of one line.
pub(super) fn text(status: StatusCode, line: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(line.into());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}
