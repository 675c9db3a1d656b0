//! What `check` prints: every key in force, the warnings, and the URLs to register. No secrets.

use std::fmt;

use secrecy::ExposeSecret;

use super::accounts::{Account, NoAccount};
use super::postgres_url;
use super::reader::{Effective, NOT_SET};
use super::settings::{DatabaseSource, Settings, credentials_file};

/// `generated` is the account in the data directory, if a service with these settings has it.
#[must_use]
pub fn report(settings: &Settings, generated: Option<&Account>) -> String {
    Report { settings, generated }.to_string()
}

const SHARED_PROXY: &str = "http.trusted_proxies is not set. If a proxy is in front of the service, \
    everybody who comes through it has its address: once the gateway has authenticated through it, \
    passwords can be guessed through it without limit. Set http.trusted_proxies to its address.";

struct Report<'a> {
    settings: &'a Settings,
    generated: Option<&'a Account>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, generated } = self;
        keys(f, &settings.effective)?;
        writeln!(f, "\nThe database: {}", database(settings))?;
        if !settings.warnings.is_empty() {
            writeln!(f, "\nWarnings:")?;
        }
        for warning in &settings.warnings {
            writeln!(f, "  {warning}")?;
        }
        if settings.http.trusted_proxies.is_none() {
            writeln!(f, "\n{SHARED_PROXY}")?;
        }
        writeln!(f)?;
        if generated.is_some() || !settings.accounts.is_empty() {
            return urls(f, settings, *generated);
        }
        match settings.database.source() {
            DatabaseSource::Embedded { .. } => writeln!(
                f,
                "No account is configured: `serve` generates one, stores it in {}, and prints how to use it.",
                credentials_file(&settings.data_dir).display()
            ),
            DatabaseSource::External(_) => writeln!(f, "{NoAccount}"),
        }
    }
}

fn keys(f: &mut fmt::Formatter<'_>, effective: &[Effective]) -> fmt::Result {
    let widest = |of: fn(&Effective) -> &str| {
        effective.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0)
    };
    let (key_width, value_width) = (widest(|entry| &entry.key), widest(|entry| &entry.value));
    writeln!(f, "The configuration in force, and where each value comes from:\n")?;
    for Effective { key, value, origin } in effective {
        if value == NOT_SET {
            writeln!(f, "  {key:key_width$}  {value}")?;
        } else {
            writeln!(f, "  {key:key_width$}  {value:value_width$}  {origin}")?;
        }
    }
    Ok(())
}

fn database(settings: &Settings) -> String {
    match settings.database.source() {
        DatabaseSource::Embedded { .. } => {
            format!("an embedded Postgres in {}", settings.data_dir.display())
        }
        DatabaseSource::External(url) => postgres_url::without_secrets(url.expose_secret())
            .expect("database.url takes usable URLs only"),
    }
}

fn urls(
    f: &mut fmt::Formatter<'_>,
    settings: &Settings,
    generated: Option<&Account>,
) -> fmt::Result {
    let base = settings.http.public_url.as_deref().unwrap_or("https://YOUR-HOST");
    writeln!(
        f,
        "URLs to register. The command centre takes them without a scheme, other places with it.\n\
         Tokens and passwords are not printed: the list above says where each is set."
    )?;
    if settings.http.public_url.is_none() {
        writeln!(
            f,
            "YOUR-HOST is the host name at which the gateway reaches the service: set http.public_url."
        )?;
    }
    for account in &settings.accounts {
        writeln!(f, "\nAccount {}", account.name)?;
        urls_of(f, base, account)?;
    }
    if let Some(account) = generated {
        let file = credentials_file(&settings.data_dir);
        writeln!(
            f,
            "\nAccount {}, generated: its credentials are in {}",
            account.name,
            file.display()
        )?;
        urls_of(f, base, account)?;
    }
    Ok(())
}

fn urls_of(
    f: &mut fmt::Formatter<'_>,
    base: &str,
    Account { name, login, report_token, .. }: &Account,
) -> fmt::Result {
    if report_token.is_some() {
        writeln!(f, "  delivery reports:")?;
        url(f, base, &format!("/delivery-reports/<report_token of account {name}>"))?;
    } else {
        writeln!(f, "  delivery reports, with user and pass among the parameters, or HTTP Basic:")?;
        url(f, base, "/delivery-reports")?;
    }
    if login.is_some() {
        writeln!(f, "  inbound messages, with user and pass among the parameters:")?;
        url(f, base, "/inbound-messages")
    } else {
        writeln!(f, "  inbound messages: none, because the account has no user and password")
    }
}

/// A URL without its scheme, and with it.
fn url(f: &mut fmt::Formatter<'_>, base: &str, path: &str) -> fmt::Result {
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    writeln!(f, "    {host}{path}\n    {base}{path}")
}
