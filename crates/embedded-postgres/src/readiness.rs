//! Waits until the server accepts connections, and creates its one database.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep, timeout};

/// A server that does not respond for this long has failed.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// Crash recovery takes time, and starting over would only prolong it.
const RECOVERY: Duration = Duration::from_mins(10);

const ONE_ATTEMPT: Duration = Duration::from_secs(5);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);
const NO_SUCH_DATABASE: &str = "3D000";
const DATABASE_EXISTS: &str = "42P04";
const STARTING_UP: &str = "57P03";
const TOO_MANY_CONNECTIONS: &str = "53300";

/// How the wait for the server ended.
#[derive(Debug)]
pub(super) enum Readiness {
    Accepting,
    Silent,
    Refused(sqlx::Error),
}

/// Connects until it works. Cancellation safe.
pub(super) async fn wait_until_accepting(url: &SecretString) -> Readiness {
    let begin = Instant::now();
    let mut last_heard = begin;
    loop {
        match timeout(ONE_ATTEMPT, connect(url)).await {
            Ok(Ok(())) => return Readiness::Accepting,
            Ok(Err(error)) => match code(&error).as_deref() {
                Some(STARTING_UP | TOO_MANY_CONNECTIONS) => last_heard = Instant::now(),
                Some(_) => return Readiness::Refused(error),
                None => {} // not listening yet
            },
            Err(_) => {}
        }
        if last_heard.elapsed() > SILENCE || begin.elapsed() > RECOVERY {
            return Readiness::Silent;
        }
        sleep(BETWEEN_ATTEMPTS).await;
    }
}

async fn connect(url: &SecretString) -> Result<(), sqlx::Error> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    match PgConnection::connect_with(&options).await {
        Ok(connection) => connection.close().await,
        Err(error) if code(&error).as_deref() == Some(NO_SUCH_DATABASE) => {
            make_database(options).await
        }
        Err(error) => Err(error),
    }
}

async fn make_database(options: PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.database("postgres").connect().await?;
    match connection.execute("create database routo").await {
        Ok(_) => {}
        Err(error) if code(&error).as_deref() == Some(DATABASE_EXISTS) => {}
        Err(error) => return Err(error),
    }
    connection.close().await
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}
