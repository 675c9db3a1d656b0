//! The parts of the configuration, as the rooms take them.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::{Accounts, Credentials, Rotated};
use crate::config::{
    Account, HttpSettings, IngestSettings, Login, RetentionSettings, Settings, TlsSettings,
};
use crate::http::{AccessPolicy, CallbackState, ConnectionLimits};
use crate::ingest::{self, IngestHandle};
use crate::memory::MemoryBudget;
use crate::metrics::Metrics;
use crate::store::Retention;
use crate::store::upkeep::Upkeep;
use crate::tls::CertificateFiles;

/// How long dropping a partition may block callbacks.
const MAX_LOCK_PATIENCE: Duration = Duration::from_millis(100);

pub(super) fn upkeep_options(settings: &Settings) -> Upkeep {
    let RetentionSettings { delivery_reports, inbound_messages, rejected_callbacks } =
        settings.retention;
    Upkeep {
        retention: Retention { delivery_reports, inbound_messages, rejected_callbacks },
        lock_patience: MAX_LOCK_PATIENCE.min(settings.ingest.commit_deadline / 10),
    }
}

pub(super) fn ingest_limits(settings: &IngestSettings) -> ingest::Limits {
    let IngestSettings { queue_capacity, max_batch_rows, commit_deadline } = *settings;
    ingest::Limits { queue_capacity, max_batch_rows, commit_deadline }
}

pub(super) fn callback_state(
    accounts: &[Account],
    http: &HttpSettings,
    ingest: &IngestHandle,
    memory: &Arc<MemoryBudget>,
    metrics: &Metrics,
) -> CallbackState {
    CallbackState {
        accounts: Accounts::new(accounts.iter().map(credentials_of)),
        access: AccessPolicy::new(http.trusted_proxies.clone()),
        ingest: ingest.clone(),
        max_body_bytes: http.max_body_bytes,
        max_unauthenticated_body_bytes: http.max_unauthenticated_body_bytes,
        memory: Arc::clone(memory),
        request_timeout: http.request_timeout,
        metrics: metrics.clone(),
    }
}

fn credentials_of(account: &Account) -> Credentials<'_> {
    Credentials {
        name: account.name.clone(),
        login: account.login.as_ref().map(|login| {
            let Login { user, password, previous_password } = login;
            let password =
                Rotated { current: Some(password), previous: previous_password.as_ref() };
            (user.as_str(), password)
        }),
        report_token: Rotated {
            current: account.report_token.as_ref(),
            previous: account.previous_report_token.as_ref(),
        },
        allowed_sources: account.allowed_sources.clone(),
        encodings: account.encodings.clone(),
    }
}

/// The files of the certificate for HTTPS, if it is on.
pub(crate) fn certificate_files(settings: &TlsSettings) -> Option<CertificateFiles> {
    let TlsSettings { certificate_file, key_file, .. } = settings.clone();
    Some(CertificateFiles { certificate: certificate_file?, key: key_file? })
}

/// The part of `http.max_buffered_bytes` for requests that are not authenticated.
pub(super) fn unauthenticated_share(http: &HttpSettings) -> usize {
    http.max_buffered_bytes / 4
}

pub(super) fn connection_limits(http: &HttpSettings, max_connections: usize) -> ConnectionLimits {
    ConnectionLimits {
        max_connections,
        max_head_bytes: http.max_head_bytes,
        max_unauthenticated_bytes: unauthenticated_share(http),
        head_timeout: http.head_timeout,
        idle_timeout: http.idle_timeout,
        shutdown_timeout: http.shutdown_timeout,
    }
}
