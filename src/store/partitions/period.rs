//! What partitions cover and should cover: arithmetic of periods of time, free of SQL.

use time::{Date, Month, OffsetDateTime, UtcOffset};

use super::width::PartitionWidth;

use super::PartitionPlan;

/// What a new partition is to cover: from a time up to, but without, a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: OffsetDateTime,
    pub(super) to: OffsetDateTime,
}

/// What an existing partition covers; without end where there is nothing. A default partition, with
/// nothing on either side, covers whatever no other does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) from: Option<OffsetDateTime>,
    pub(super) to: Option<OffsetDateTime>,
}

impl Bounds {
    fn cover(&self, at: OffsetDateTime) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

impl From<Period> for Bounds {
    fn from(period: Period) -> Self {
        Self { from: Some(period.from), to: Some(period.to) }
    }
}

impl Period {
    /// The whole month or day, in UTC, that a time is in.
    fn around(at: OffsetDateTime, width: PartitionWidth) -> Self {
        let day = at.to_offset(UtcOffset::UTC).date();
        let (first, following) = match width {
            PartitionWidth::Day => (day, day.next_day().unwrap_or(Date::MAX)),
            PartitionWidth::Month => {
                let first = first_of(day.year(), day.month());
                let year = day.year() + i32::from(day.month() == Month::December);
                (first, first_of(year, day.month().next()))
            }
        };
        Self { from: first.midnight().assume_utc(), to: following.midnight().assume_utc() }
    }

    /// The part around a time that no partition covers; `None` if one covers that time.
    fn free_around(at: OffsetDateTime, width: PartitionWidth, existing: &[Bounds]) -> Option<Self> {
        if existing.iter().any(|bounds| bounds.cover(at)) {
            return None;
        }
        let whole = Self::around(at, width);
        let ends = existing.iter().filter_map(|bounds| bounds.to).filter(|to| *to <= at);
        let beginnings = existing.iter().filter_map(|bounds| bounds.from).filter(|from| *from > at);
        Some(Self {
            from: ends.fold(whole.from, OffsetDateTime::max),
            to: beginnings.fold(whole.to, OffsetDateTime::min),
        })
    }
}

fn first_of(year: i32, month: Month) -> Date {
    Date::from_calendar_date(year, month, 1).unwrap_or(Date::MAX)
}

/// How many partitions are only for times to come.
pub(super) fn ahead_of(existing: &[Bounds], now: OffsetDateTime) -> usize {
    existing.iter().filter(|bounds| bounds.from.is_some_and(|from| from > now)).count()
}

/// What has to be made so that each of these times is covered.
pub(super) fn missing_for(
    mut existing: Vec<Bounds>,
    times: &[OffsetDateTime],
    width: PartitionWidth,
) -> Vec<Period> {
    let mut missing = Vec::new();
    for at in times {
        if let Some(free) = Period::free_around(*at, width, &existing) {
            existing.push(free.into());
            missing.push(free);
        }
    }
    missing
}

/// What has to be made so that every time is covered from now to the end of the last period ahead.
pub(super) fn missing_ahead(
    existing: Vec<Bounds>,
    now: OffsetDateTime,
    plan: PartitionPlan,
) -> Vec<Period> {
    let mut end = Period::around(now, plan.width).to;
    let mut times = vec![now];
    for _ in 0..plan.ahead {
        times.push(end);
        end = Period::around(end, plan.width).to;
    }
    // Where a partition ends within a period, the rest of that may be without one.
    times.extend(
        existing.iter().filter_map(|bounds| bounds.to).filter(|to| (now..end).contains(to)),
    );
    times.sort_unstable();
    missing_for(existing, &times, plan.width)
}

#[cfg(test)]
mod tests;
