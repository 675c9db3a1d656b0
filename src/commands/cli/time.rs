//! Times given on the command line.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, UtcOffset};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time; write 2026-11-24 (midnight UTC), or 2026-11-24T09:30:00Z")]
pub(crate) struct NotATime;

/// A time with its zone, or a day: its first midnight in UTC.
pub(crate) fn parse(text: &str) -> Result<OffsetDateTime, NotATime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| Date::parse(text, DATE).map(|day| day.midnight().assume_utc()))
        .ok()
        // Postgres gets it in UTC, where it may be in the year 10000.
        .and_then(|time| time.checked_to_offset(UtcOffset::UTC))
        .ok_or(NotATime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::macros::datetime;

    #[test]
    fn a_time_has_a_zone_and_a_day_begins_at_midnight_utc() {
        assert_eq!(parse("2026-11-24"), Ok(datetime!(2026-11-24 0:00 UTC)));
        assert_eq!(parse("2026-11-24T09:30:00+01:00"), Ok(datetime!(2026-11-24 8:30 UTC)));
        for text in [
            "",
            "yesterday",
            "2026-11-31",
            "2026-11-24T09:30:00",
            "24.11.2026",
            "infinity",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(parse(text), Err(NotATime), "{text}");
        }
    }
}
