//! The head of a callback's request, and the account that it authenticates.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, header};

use crate::accounts::{Account, Accounts};
use crate::domain::{CallbackKind, Source, Transport};
use crate::wire::BodyType;
use crate::wire::params::{Input, Params};

use super::access_policy::AccessPolicy;
use super::basic_auth::basic;

/// What authenticates the callbacks of a route.
pub(super) enum Authentication {
    /// The last segment of the path.
    ReportToken(Vec<u8>),
    /// The parameters `user` and `pass`; HTTP Basic where there are neither.
    Login,
}

/// What the head says of the account.
#[derive(Clone, Copy)]
pub(super) enum HeadAccount<'a> {
    /// The body can't change it.
    Final(Option<&'a Account>),
    /// `user` and `pass` in the body take precedence.
    Provisional(Option<&'a Account>),
}

impl<'a> HeadAccount<'a> {
    pub(super) fn account(self) -> Option<&'a Account> {
        match self {
            Self::Final(account) | Self::Provisional(account) => account,
        }
    }
}

/// The parts of a head that a callback needs.
pub(super) struct RequestHead {
    pub(super) source: Source,
    target: Option<PathAndQuery>,
    authorization: Option<HeaderValue>,
    body_type: BodyType,
}

impl RequestHead {
    pub(super) fn new(access: &AccessPolicy, peer: IpAddr, parts: Parts) -> Self {
        Self {
            source: Source {
                transport: match parts.method {
                    Method::POST => Transport::HttpPost,
                    _ => Transport::HttpGet,
                },
                remote_addr: access.source(peer, &parts.headers),
            },
            authorization: parts.headers.get(header::AUTHORIZATION).cloned(),
            body_type: BodyType::new(
                parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes),
                parts.headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes),
            ),
            target: parts.uri.into_parts().path_and_query,
        }
    }

    /// The parameters of the query, then those of the body.
    pub(super) fn params<'a>(&'a self, kind: CallbackKind, body: &'a [u8]) -> Params<'a> {
        // A URL without a query has no parameters.
        let query = self.target.as_ref().and_then(PathAndQuery::query).unwrap_or_default();
        let (query, body_type) = (query.as_bytes(), &self.body_type);
        Params::read(kind, Input { path: b"", query, body_type, body })
    }

    /// The account, before the body is read.
    pub(super) fn account<'a>(
        &self,
        accounts: &'a Accounts,
        kind: CallbackKind,
        authentication: &Authentication,
    ) -> HeadAccount<'a> {
        if let Authentication::ReportToken(token) = authentication {
            return HeadAccount::Final(accounts.by_report_token(token));
        }
        let params = self.params(kind, b"");
        match (params.first("user"), params.first("pass")) {
            (Some(user), Some(pass)) => HeadAccount::Final(accounts.by_login(user, pass)),
            (None, None) => {
                HeadAccount::Provisional(self.basic().and_then(|(u, p)| accounts.by_login(&u, &p)))
            }
            // The other one may be in the body.
            _ => HeadAccount::Provisional(None),
        }
    }

    /// The account of a login, once all parameters have been read.
    pub(super) fn account_by_login<'a>(
        &self,
        accounts: &'a Accounts,
        params: &Params<'_>,
    ) -> Option<&'a Account> {
        let (user, pass) = (params.first("user"), params.first("pass"));
        if user.is_none()
            && pass.is_none()
            && let Some((user, pass)) = self.basic()
        {
            return accounts.by_login(&user, &pass);
        }
        // A missing parameter takes the same time as a wrong one.
        accounts.by_login(user.unwrap_or_default(), pass.unwrap_or_default())
    }

    /// User and password of the `Authorization` header.
    fn basic(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        basic(self.authorization.as_ref()?.as_bytes())
    }
}
