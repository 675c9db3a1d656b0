//! Where callbacks go and with whose credentials, from the command line and the configuration.

use rand::RngExt;
use secrecy::SecretString;
use simulator::{Access, Behaviour, Destination, Kinds, Script};
use time::OffsetDateTime;

use crate::accounts::EncodingOverrides;
use crate::commands::CommandError;
use crate::config::{Account, Settings};
use crate::credentials::accounts_without_generating;
use crate::error_chain::Chain;
use crate::service::{StartError, database_at, existing_database, reachable};
use crate::store::Database;

use super::{SimulateError, TargetArguments};

/// The simulated gateway of one run.
pub(super) struct Caller {
    pub(super) url: String,
    pub(super) destination: Destination,
    pub(super) behaviour: Behaviour,
    pub(super) script: Script,
    /// How the service reads the account's messages, as far as the local configuration says.
    pub(super) encodings: EncodingOverrides,
    /// When the run began.
    pub(super) began: OffsetDateTime,
}

impl Caller {
    pub(super) async fn of(
        arguments: &TargetArguments,
        kinds: Kinds,
        settings: &Settings,
    ) -> Result<Self, CommandError> {
        let default = || format!("http://{}", reachable(settings.http.listen));
        let url = arguments.url.clone().unwrap_or_else(default);
        let ca = arguments.ca.as_deref();
        let destination = Destination::resolve(&url, ca).await.map_err(SimulateError::from)?;
        let (access, encodings) = access(arguments, settings)?;
        if access.login.is_none() && kinds != Kinds::Reports {
            return Err(SimulateError::NoLogin.into());
        }
        let script = Script {
            // Short enough to be typed again.
            seed: arguments.seed.unwrap_or_else(|| u64::from(rand::rng().random::<u32>())),
            run: format!("{:08x}", rand::rng().random::<u32>()),
            access: Access { prefix: destination.prefix().to_owned(), ..access },
            kinds,
            torture: arguments.torture,
        };
        let behaviour = Behaviour {
            attempt_timeout: arguments.timeout,
            mark_attempts: true,
            ..Behaviour::default()
        };
        Ok(Self {
            url,
            destination,
            behaviour,
            script,
            encodings,
            began: OffsetDateTime::now_utc(),
        })
    }
}

/// The credentials given on the command line; where none are given, those of the account.
fn access(
    arguments: &TargetArguments,
    settings: &Settings,
) -> Result<(Access, EncodingOverrides), CommandError> {
    let login = arguments.user.clone().zip(arguments.password.clone());
    let report_token = arguments.report_token.clone();
    let is_given = login.is_some() || report_token.is_some();

    let accounts = accounts_without_generating(settings).map(|served| served.accounts);
    let accounts = if is_given && arguments.account.is_none() {
        accounts.unwrap_or_else(|error| {
            // Accounts are needed for their encodings only.
            tracing::warn!(error = %Chain(&error), "can't read the accounts: messages are compared without encoding overrides");
            Vec::new()
        })
    } else {
        accounts?
    };
    let mut accounts = accounts.into_iter();
    let account = match (&arguments.account, &arguments.user) {
        (Some(name), _) => {
            let configured = accounts.as_slice().iter().map(|account| account.name.clone());
            let configured = configured.collect();
            let named = accounts.find(|account| account.name == *name);
            let missing = || SimulateError::NoSuchAccount { name: name.clone(), configured };
            Some(named.ok_or_else(missing)?)
        }
        (None, Some(user)) => accounts.find(|account| has_user(account, user)),
        (None, None) => accounts.next(),
    };
    if account.is_none() && !is_given {
        return Err(SimulateError::NoCredentials.into());
    }
    let (own_login, own_token, encodings) = match account {
        Some(Account { login, report_token, encodings, .. }) => (login, report_token, encodings),
        None => (None, None, EncodingOverrides::default()),
    };
    let access = Access {
        prefix: String::new(),
        // A login that is given is used for reports too, in place of the account's token.
        report_token: if login.is_some() { report_token } else { report_token.or(own_token) },
        login: login.or(own_login.map(|login| (login.user, login.password))),
    };
    Ok((access, encodings))
}

fn has_user(account: &Account, user: &str) -> bool {
    account.login.as_ref().is_some_and(|login| login.user == user)
}

/// The database to inspect: the given one, else the configured one, else the embedded one of a
/// service. It is not started for this, and nothing in it is changed.
pub(super) fn database(
    arguments: &TargetArguments,
    settings: &Settings,
) -> Result<Database, CommandError> {
    let given = arguments.verify.as_ref().and_then(Option::as_ref);
    let url: SecretString = match given {
        Some(url) => url.clone(),
        None => existing_database(settings).map_err(|error| match error {
            StartError::NoDatabase { data_dir } => SimulateError::NoDatabase(data_dir).into(),
            other => CommandError::from(other),
        })?,
    };
    Ok(database_at(&url, false, settings)?)
}
