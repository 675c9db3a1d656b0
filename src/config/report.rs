//! What `check` prints: every key in force, and the URLs to register. No secret is in it.

use std::fmt::{self, Write};

use secrecy::ExposeSecret;

use super::postgres_url;
use super::reader::NOT_SET;
use super::settings::{Account, DatabaseSource, Settings};
use crate::credentials;

/// The settings in force, each with its origin; the warnings; and the URLs to register.
#[must_use]
pub fn report(settings: &Settings) -> String {
    Report(settings).to_string()
}

struct Report<'a>(&'a Settings);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.0;
        keys(f, settings)?;
        writeln!(f, "\nThe database: {}", database(settings))?;
        if !settings.warnings.is_empty() {
            writeln!(f, "\nWarnings:")?;
        }
        for warning in &settings.warnings {
            writeln!(f, "  {warning}")?;
        }
        writeln!(f)?;
        if settings.accounts.is_empty() {
            return no_account(f, settings);
        }
        urls(f, settings)
    }
}

fn keys(f: &mut fmt::Formatter<'_>, settings: &Settings) -> fmt::Result {
    let widest = |of: fn(&super::Effective) -> &str| {
        settings.effective.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0)
    };
    let (key_width, value_width) = (widest(|entry| &entry.key), widest(|entry| &entry.value));
    writeln!(f, "The configuration in force, and where each value comes from:\n")?;
    for super::Effective { key, value, origin } in &settings.effective {
        if value == NOT_SET {
            writeln!(f, "  {key:key_width$}  {value}")?;
        } else {
            writeln!(f, "  {key:key_width$}  {value:value_width$}  {origin}")?;
        }
    }
    Ok(())
}

fn database(settings: &Settings) -> String {
    match &settings.database.source {
        DatabaseSource::Embedded { .. } => {
            format!("a private Postgres in {}", settings.data_dir.display())
        }
        DatabaseSource::External(url) => {
            postgres_url::without_secrets(url.expose_secret()).unwrap_or_default()
        }
    }
}

fn no_account(f: &mut fmt::Formatter<'_>, settings: &Settings) -> fmt::Result {
    match &settings.database.source {
        DatabaseSource::Embedded { .. } => writeln!(
            f,
            "No account is configured: `serve` makes one, keeps it in {}, and prints how to use it.",
            credentials::path(&settings.data_dir).display()
        ),
        DatabaseSource::External(_) => writeln!(f, "{}", credentials::NoAccount),
    }
}

fn urls(f: &mut fmt::Formatter<'_>, settings: &Settings) -> fmt::Result {
    let base = settings.http.public_url.as_deref().unwrap_or("https://YOUR-HOST");
    writeln!(
        f,
        "URLs to register. The command centre takes them without a scheme, other places with it."
    )?;
    writeln!(
        f,
        "Tokens and passwords are not printed: put each in from where the list above says it is set."
    )?;
    if settings.http.public_url.is_none() {
        writeln!(
            f,
            "YOUR-HOST is the name by which the gateway reaches you: set http.public_url."
        )?;
    }
    for account in &settings.accounts {
        writeln!(f, "\nAccount {}", account.name)?;
        f.write_str(&routes(base, account)?)?;
    }
    Ok(())
}

fn routes(base: &str, account: &Account) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let name = &account.name;
    if account.report_token.is_some() {
        writeln!(text, "  delivery reports:")?;
        both(&mut text, base, &format!("/delivery-reports/<report_token of account {name}>"))?;
    } else {
        writeln!(
            text,
            "  delivery reports, with user and pass among the parameters, or HTTP Basic:"
        )?;
        both(&mut text, base, "/delivery-reports")?;
    }
    if account.login.is_some() {
        writeln!(text, "  inbound messages, with user and pass among the parameters:")?;
        both(&mut text, base, "/inbound-messages")?;
    } else {
        writeln!(text, "  inbound messages: none, as the account has no user and password")?;
    }
    Ok(text)
}

fn both(text: &mut String, base: &str, path: &str) -> fmt::Result {
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    writeln!(text, "    {host}{path}")?;
    writeln!(text, "    {base}{path}")
}
