//! The times that partitions cover and should cover: arithmetic without SQL.

use time::{Date, Month, OffsetDateTime, UtcOffset};

use super::width::PartitionWidth;

use super::PartitionPlan;

/// The end of the last period: `Date` holds no year after 9999.
const END_OF_CALENDAR: Date = Date::MAX;

/// The times of a new partition, without `to` itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: OffsetDateTime,
    pub(super) to: OffsetDateTime,
}

/// The times of an existing partition; `None` is unbounded. A default partition is unbounded on both
/// sides and covers whatever no other does.
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
    /// The month or day, in UTC, that contains a time.
    fn around(at: OffsetDateTime, width: PartitionWidth) -> Self {
        let day = at.to_offset(UtcOffset::UTC).date();
        let (first, following) = match width {
            PartitionWidth::Day => (day, day.next_day().unwrap_or(END_OF_CALENDAR)),
            PartitionWidth::Month => {
                let first = first_of(day.year(), day.month());
                let year = day.year() + i32::from(day.month() == Month::December);
                (first, first_of(year, day.month().next()))
            }
        };
        Self { from: first.midnight().assume_utc(), to: following.midnight().assume_utc() }
    }

    /// The part of that period around a time that no partition covers; `None` if one covers the time.
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
    // Every month has a first day: the year is the only thing that can be out of range.
    Date::from_calendar_date(year, month, 1).unwrap_or(END_OF_CALENDAR)
}

/// How many partitions cover only times to come.
pub(super) fn ahead_of(existing: &[Bounds], now: OffsetDateTime) -> usize {
    existing.iter().filter(|bounds| bounds.from.is_some_and(|from| from > now)).count()
}

/// The partitions to create so that each of these times is covered.
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

/// The partitions to create so that every time is covered, from now to the end of the last period
/// ahead.
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
    // If a partition ends within a period, the rest of the period may lack one.
    times.extend(
        existing.iter().filter_map(|bounds| bounds.to).filter(|to| (now..end).contains(to)),
    );
    times.sort_unstable();
    missing_for(existing, &times, plan.width)
}

#[cfg(test)]
mod tests;
