//! The head of a callback's request, and the account that it authenticates.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, header};

use crate::accounts::{Account, Accounts};
use crate::domain::{CallbackKind, Source, Transport};
use crate::wire::params::{Input, Params};
use crate::wire::{BodyType, ReportPath};

use super::access_policy::AccessPolicy;
use super::answer::CallbackError;
use super::basic_auth::basic;

/// What authenticates the callbacks of a route.
#[derive(Clone, Copy)]
pub(super) enum Authentication {
    /// What follows `/delivery-reports/` in the path.
    ReportToken,
    /// The parameters `user` and `pass`; HTTP Basic where there are neither.
    Login,
}

/// What the head says of the account.
#[derive(Clone, Copy)]
pub(super) enum HeadAccount<'a> {
    /// The body can't change it.
    Final(Option<&'a Account>),
    /// That of HTTP Basic. `user` and `pass` in the body take precedence.
    Basic(Option<&'a Account>),
    /// The body decides.
    Unknown,
}

impl<'a> HeadAccount<'a> {
    pub(super) fn account(self) -> Option<&'a Account> {
        match self {
            Self::Final(account) | Self::Basic(account) => account,
            Self::Unknown => None,
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
            body_type: {
                let value = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
                BodyType::new(value(header::CONTENT_TYPE), value(header::CONTENT_ENCODING))
            },
            target: parts.uri.into_parts().path_and_query,
        }
    }

    /// The parameters of the query, then those of the body.
    pub(super) fn params<'a>(&'a self, kind: CallbackKind, body: &'a [u8]) -> Params<'a> {
        // A URL without a query has no parameters. Those behind a path are in the query already.
        let query = self.target.as_ref().and_then(PathAndQuery::query).unwrap_or_default();
        let (query, body_type) = (query.as_bytes(), &self.body_type);
        Params::read(kind, Input { path: b"", query, body_type, body })
    }

    /// The report token in the path.
    fn report_path(&self) -> ReportPath<'_> {
        let path = self.target.as_ref().map_or("", PathAndQuery::path);
        let token = path.strip_prefix("/delivery-reports/");
        ReportPath::new(token.expect("the route has this prefix").as_bytes())
    }

    /// The account, before the body is read.
    pub(super) fn account<'a>(
        &self,
        access: &AccessPolicy,
        accounts: &'a Accounts,
        kind: CallbackKind,
        authentication: Authentication,
    ) -> Result<HeadAccount<'a>, CallbackError> {
        let source = self.source.remote_addr;
        if let Authentication::ReportToken = authentication {
            let token = self.report_path().token;
            return access.by_report_token(accounts, source, &token).map(HeadAccount::Final);
        }
        let params = self.params(kind, b"");
        match (params.first("user"), params.first("pass")) {
            (Some(user), Some(pass)) => {
                access.by_login(accounts, source, user, pass).map(HeadAccount::Final)
            }
            (None, None) => Ok(match self.basic() {
                // A login in the body may be compared even if this one may not.
                Some((user, pass)) => access
                    .by_login(accounts, source, &user, &pass)
                    .map_or(HeadAccount::Unknown, HeadAccount::Basic),
                None => HeadAccount::Unknown,
            }),
            // The other one may be in the body.
            _ => Ok(HeadAccount::Unknown),
        }
    }

    /// The account of a login, once all parameters have been read.
    pub(super) fn account_by_login<'a>(
        &self,
        access: &AccessPolicy,
        accounts: &'a Accounts,
        by_head: HeadAccount<'a>,
        params: &Params<'_>,
    ) -> Result<Option<&'a Account>, CallbackError> {
        let source = self.source.remote_addr;
        let (user, pass) = (params.first("user"), params.first("pass"));
        if user.is_none() && pass.is_none() {
            if let HeadAccount::Basic(account) = by_head {
                return Ok(account);
            }
            if let Some((user, pass)) = self.basic() {
                return access.by_login(accounts, source, &user, &pass);
            }
            if let Some(unreadable) = params.unreadable_body() {
                return Err(CallbackError::Unreadable(unreadable));
            }
        }
        // A missing parameter takes the same time as a wrong one.
        access.by_login(accounts, source, user.unwrap_or_default(), pass.unwrap_or_default())
    }

    /// User and password of the `Authorization` header.
    fn basic(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        basic(self.authorization.as_ref()?.as_bytes())
    }
}
