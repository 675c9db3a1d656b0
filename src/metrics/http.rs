//! Requests and connections.

use std::fmt::{self, Write as _};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::{AccountName, CallbackKind};

use super::seconds;

/// Callbacks by what was answered, how long that took, and connections.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    callbacks: Family<Callback, Counter>,
    answer: Family<OfKind, Histogram, fn() -> Histogram>,
    /// The two of them, which every callback needs.
    report_answer: Histogram,
    message_answer: Histogram,
    failures: Family<OfReason, Counter>,
    connections: Family<OfListener, Gauge>,
    limit: Family<OfListener, Gauge>,
    refused: Family<OfListener, Counter>,
    evicted: Family<OfListener, Counter>,
    closed_for_memory: Family<OfListener, Counter>,
}

/// Why somebody was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationFailure {
    /// No account has these credentials.
    Credentials,
    /// They are right, but the account has no callbacks from there.
    Source,
    /// No account has these credentials, and their address has shown too many such.
    Limited,
}

impl AuthenticationFailure {
    const ALL: [Self; 3] = [Self::Credentials, Self::Source, Self::Limited];

    fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Source => "source",
            Self::Limited => "limited",
        }
    }
}

/// One of the service's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// For the gateway.
    Http,
    /// For the operator.
    Admin,
}

impl Listener {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Admin => "admin",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Callback {
    kind: &'static str,
    account: Account,
    answer: u16,
}

/// Empty where nobody was authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Account(Option<AccountName>);

impl EncodeLabelValue for Account {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        encoder.write_str(self.0.as_ref().map_or("", AccountName::as_str))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfListener {
    listener: &'static str,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let answer = Family::new_with_constructor(seconds as fn() -> Histogram);
        let of = |kind: CallbackKind| answer.get_or_create_owned(&OfKind { kind: kind.as_str() });
        Self {
            callbacks: Family::default(),
            report_answer: of(CallbackKind::DeliveryReport),
            message_answer: of(CallbackKind::InboundMessage),
            answer,
            failures: Family::default(),
            connections: Family::default(),
            limit: Family::default(),
            refused: Family::default(),
            evicted: Family::default(),
            closed_for_memory: Family::default(),
        }
    }
}

impl HttpMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        for reason in AuthenticationFailure::ALL {
            let _ = self.failures.get_or_create(&OfReason { reason: reason.as_str() });
        }
        registry.register(
            "callbacks",
            "Callbacks by the status of their answer; without an account, nobody was authenticated",
            self.callbacks.clone(),
        );
        registry.register(
            "answer_seconds",
            "From when a callback's head was read until its answer was ready",
            self.answer.clone(),
        );
        registry.register(
            "authentication_failures",
            "Callbacks that were not believed",
            self.failures.clone(),
        );
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register(
            "connections_limit",
            "Connections that may be open at once",
            self.limit.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections that there was no place for",
            self.refused.clone(),
        );
        registry.register(
            "connections_evicted",
            "Connections that were closed while they waited for a request, to make room for others",
            self.evicted.clone(),
        );
        registry.register(
            "connections_closed_for_memory",
            "Connections that were closed because requests without right credentials held too much memory",
            self.closed_for_memory.clone(),
        );
    }

    /// Shows an account from the start: a rate needs a zero to begin with.
    pub fn expect(&self, account: &AccountName) {
        for kind in CallbackKind::ALL {
            let account = Account(Some(account.clone()));
            let labels = Callback { kind: kind.as_str(), account, answer: 200 };
            let _ = self.callbacks.get_or_create(&labels);
        }
    }

    /// A callback was answered; `account` is whose it was, where that is known.
    pub fn answered(
        &self,
        kind: CallbackKind,
        account: Option<AccountName>,
        status: u16,
        elapsed: Duration,
    ) {
        let labels = Callback { kind: kind.as_str(), account: Account(account), answer: status };
        self.callbacks.get_or_create(&labels).inc();
        let answer = match kind {
            CallbackKind::DeliveryReport => &self.report_answer,
            CallbackKind::InboundMessage => &self.message_answer,
        };
        answer.observe(elapsed.as_secs_f64());
    }

    /// Somebody was not believed.
    pub fn not_believed(&self, failure: AuthenticationFailure) {
        self.failures.get_or_create(&OfReason { reason: failure.as_str() }).inc();
    }

    /// The figures of one of the sockets, which takes so many connections at once.
    #[must_use]
    pub fn listener(&self, listener: Listener, limit: usize) -> ListenerMetrics {
        let labels = OfListener { listener: listener.as_str() };
        self.limit.get_or_create(&labels).set(i64::try_from(limit).unwrap_or(i64::MAX));
        ListenerMetrics {
            open: self.connections.get_or_create_owned(&labels),
            refused: self.refused.get_or_create_owned(&labels),
            evicted: self.evicted.get_or_create_owned(&labels),
            closed_for_memory: self.closed_for_memory.get_or_create_owned(&labels),
        }
    }
}

/// The connections of one socket.
#[derive(Clone, Debug)]
pub struct ListenerMetrics {
    open: Gauge,
    refused: Counter,
    evicted: Counter,
    closed_for_memory: Counter,
}

impl ListenerMetrics {
    /// A connection was opened: it counts until the value is dropped.
    #[must_use]
    pub fn opened(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// A connection is closed to make room for another.
    pub fn evicted(&self) {
        self.evicted.inc();
    }

    /// A connection is closed because requests that have not authenticated hold too much memory.
    pub fn closed_for_memory(&self) {
        self.closed_for_memory.inc();
    }

    /// There was no place for a connection.
    pub fn refused(&self) {
        self.refused.inc();
    }
}

/// A connection that counts as open.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
