//! Metrics of requests and connections.

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

#[derive(Clone, Debug)]
pub struct HttpMetrics {
    callbacks: Family<CallbackLabels, Counter>,
    answer: Family<KindLabel, Histogram, fn() -> Histogram>,
    /// The members of `answer`, without a lookup for each callback.
    report_answer: Histogram,
    message_answer: Histogram,
    failures: Family<ReasonLabel, Counter>,
    connections: Family<ListenerLabel, Gauge>,
    limit: Family<ListenerLabel, Gauge>,
    refused: Family<ListenerLabel, Counter>,
    evicted: Family<ListenerLabel, Counter>,
    closed_for_memory: Family<ListenerLabel, Counter>,
    unauthenticated_bytes: Gauge,
}

/// Why an authentication failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationFailure {
    /// No account has these credentials.
    Credentials,
    /// They are right, but the account does not allow the source address.
    Source,
    /// No account has these credentials, and the address has used up its failure budget.
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
    /// The gateway's.
    Http,
    /// The operator's.
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
struct CallbackLabels {
    kind: &'static str,
    account: AccountLabel,
    answer: u16,
}

/// Empty for a callback that was not authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct AccountLabel(Option<AccountName>);

impl EncodeLabelValue for AccountLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        encoder.write_str(self.0.as_ref().map_or("", AccountName::as_str))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let answer = Family::new_with_constructor(seconds as fn() -> Histogram);
        let of =
            |kind: CallbackKind| answer.get_or_create_owned(&KindLabel { kind: kind.as_str() });
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
            unauthenticated_bytes: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        for reason in AuthenticationFailure::ALL {
            let _ = self.failures.get_or_create(&ReasonLabel { reason: reason.as_str() });
        }
        registry.register(
            "callbacks",
            "Callbacks by HTTP status; the account is empty if authentication failed",
            self.callbacks.clone(),
        );
        registry.register(
            "answer_seconds",
            "Time from the callback's head to its response",
            self.answer.clone(),
        );
        registry.register(
            "authentication_failures",
            "Failed authentications",
            self.failures.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("connections_limit", "Limit of open connections", self.limit.clone());
        registry.register(
            "connections_refused",
            "Connections refused at the limit",
            self.refused.clone(),
        );
        registry.register(
            "connections_evicted",
            "Idle connections closed at the limit to make room for new ones",
            self.evicted.clone(),
        );
        registry.register(
            "connections_closed_for_memory",
            "Connections that were closed because requests without valid credentials held too much memory",
            self.closed_for_memory.clone(),
        );
    }

    /// Exposes an account before its first callback: a rate needs a zero to start from.
    pub fn expect(&self, account: &AccountName) {
        for kind in CallbackKind::ALL {
            let account = AccountLabel(Some(account.clone()));
            let labels = CallbackLabels { kind: kind.as_str(), account, answer: 200 };
            let _ = self.callbacks.get_or_create(&labels);
        }
    }

    /// A callback was answered. `account` is `None` if it was not authenticated.
    pub fn answered(
        &self,
        kind: CallbackKind,
        account: Option<AccountName>,
        status: u16,
        elapsed: Duration,
    ) {
        let labels =
            CallbackLabels { kind: kind.as_str(), account: AccountLabel(account), answer: status };
        self.callbacks.get_or_create(&labels).inc();
        let answer = match kind {
            CallbackKind::DeliveryReport => &self.report_answer,
            CallbackKind::InboundMessage => &self.message_answer,
        };
        answer.observe(elapsed.as_secs_f64());
    }

    pub fn authentication_failed(&self, failure: AuthenticationFailure) {
        self.failures.get_or_create(&ReasonLabel { reason: failure.as_str() }).inc();
    }

    /// The memory of requests that have not authenticated, in bytes.
    #[must_use]
    pub fn unauthenticated_bytes(&self) -> u64 {
        // Concurrent changes may be seen in another order.
        self.unauthenticated_bytes.get().max(0).unsigned_abs()
    }

    /// The metrics of a listener that accepts at most `limit` connections at once.
    #[must_use]
    pub fn listener(&self, listener: Listener, limit: usize) -> ListenerMetrics {
        let labels = ListenerLabel { listener: listener.as_str() };
        self.limit.get_or_create(&labels).set(i64::try_from(limit).unwrap_or(i64::MAX));
        ListenerMetrics {
            open: self.connections.get_or_create_owned(&labels),
            refused: self.refused.get_or_create_owned(&labels),
            evicted: self.evicted.get_or_create_owned(&labels),
            closed_for_memory: self.closed_for_memory.get_or_create_owned(&labels),
            unauthenticated_bytes: self.unauthenticated_bytes.clone(),
        }
    }
}

/// Metrics of one listener's connections.
#[derive(Clone, Debug)]
pub struct ListenerMetrics {
    open: Gauge,
    refused: Counter,
    evicted: Counter,
    closed_for_memory: Counter,
    /// Of all listeners together.
    unauthenticated_bytes: Gauge,
}

impl ListenerMetrics {
    /// Counts a connection as open until the returned value is dropped.
    #[must_use]
    pub fn opened(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// An idle connection is closed to make room for another.
    pub fn evicted(&self) {
        self.evicted.inc();
    }

    /// A connection is closed because requests that have not authenticated hold too much memory.
    pub fn closed_for_memory(&self) {
        self.closed_for_memory.inc();
    }

    /// Requests that have not authenticated hold this much more memory, or less.
    pub fn unauthenticated_bytes_changed(&self, change: i64) {
        self.unauthenticated_bytes.inc_by(change);
    }

    /// A connection is refused, because too many are open.
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
