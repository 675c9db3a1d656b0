//! Partitions of every width beside each other: no time without one, no time with two.

use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use PartitionWidth::{Day, Month};

fn period(from: OffsetDateTime, to: OffsetDateTime) -> Period {
    Period { from, to }
}

#[test]
fn periods_are_those_of_utc() {
    let at = datetime!(2027-01-01 00:30 +1);
    let december = period(datetime!(2026-12-01 0:00 UTC), datetime!(2027-01-01 0:00 UTC));
    assert_eq!(Period::around(at, Month), december);
    let last_day = period(datetime!(2026-12-31 0:00 UTC), datetime!(2027-01-01 0:00 UTC));
    assert_eq!(Period::around(at, Day), last_day);
}

#[test]
fn a_partition_is_cut_to_the_room_between_its_neighbours() {
    let neighbours = [
        Bounds { from: None, to: Some(datetime!(2026-03-05 0:00 UTC)) },
        period(datetime!(2026-03-07 12:00 UTC), datetime!(2026-03-08 0:00 UTC)).into(),
    ];
    let room = period(datetime!(2026-03-05 0:00 UTC), datetime!(2026-03-07 12:00 UTC));
    let free = |at, width| Period::free_around(at, width, &neighbours);
    assert_eq!(free(datetime!(2026-03-06 1:00 UTC), Month), Some(room));
    let half_a_day = period(datetime!(2026-03-07 0:00 UTC), datetime!(2026-03-07 12:00 UTC));
    assert_eq!(free(datetime!(2026-03-07 1:00 UTC), Day), Some(half_a_day));
    assert_eq!(free(datetime!(2026-03-07 12:00 UTC), Day), None);
    let rest = period(datetime!(2026-03-08 0:00 UTC), datetime!(2026-04-01 0:00 UTC));
    assert_eq!(free(datetime!(2026-03-31 23:59 UTC), Month), Some(rest));
}

#[test]
fn beside_a_default_partition_none_is_made() {
    let default = vec![Bounds { from: None, to: None }];
    let plan = PartitionPlan { width: Month, ahead: 3 };
    assert_eq!(missing_ahead(default, datetime!(2026-03-06 1:00 UTC), plan), []);
}

#[test]
fn days_follow_the_months_that_were_made_before_the_width_was_changed() {
    let now = datetime!(2026-03-30 1:00 UTC);
    let march = Period::around(now, Month);
    let made = missing_ahead(vec![march.into()], now, PartitionPlan { width: Day, ahead: 3 });
    let days = [datetime!(2026-04-01 0:00 UTC), datetime!(2026-04-02 0:00 UTC)];
    assert_eq!(made, days.map(|day| Period::around(day, Day)));
}

/// Whole minutes of some three years, so that bounds meet often enough.
fn times() -> impl Strategy<Value = OffsetDateTime> {
    (0..1_600_000_i64)
        .prop_map(|minutes| datetime!(2024-01-15 0:00 UTC) + Duration::minutes(minutes))
}

fn widths() -> impl Strategy<Value = PartitionWidth> {
    prop_oneof![Just(Month), Just(Day)]
}

/// Partitions that somebody made by hand: any times, in order, every other stretch between them.
fn made_by_hand() -> impl Strategy<Value = Vec<Bounds>> {
    proptest::collection::btree_set(times(), 0..6).prop_map(|times| {
        let times: Vec<_> = times.into_iter().collect();
        times.chunks_exact(2).map(|pair| period(pair[0], pair[1]).into()).collect()
    })
}

fn are_apart(all: &[Bounds]) -> bool {
    let mut sorted = all.to_vec();
    sorted.sort_by_key(|bounds| bounds.from);
    sorted.windows(2).all(|pair| pair[0].to <= pair[1].from)
        && sorted.iter().all(|bounds| bounds.from < bounds.to)
}

proptest! {
    #[test]
    fn periods_of_a_width_tile_time(at in times(), width in widths()) {
        let whole = Period::around(at, width);
        prop_assert!(whole.from <= at && at < whole.to);
        prop_assert_eq!(Period::around(whole.from, width), whole);
        prop_assert_eq!(Period::around(whole.to - Duration::microseconds(1), width), whole);
        prop_assert_eq!(Period::around(whole.to, width).from, whole.to);
    }

    #[test]
    fn whatever_the_width_was_when_each_was_made_every_time_is_covered_once(
        by_hand in made_by_hand(),
        asked in proptest::collection::vec((times(), widths()), 1..40),
    ) {
        let mut all = by_hand;
        for (at, width) in asked {
            for made in missing_for(all.clone(), &[at], width) {
                let whole = Period::around(at, width);
                prop_assert!(whole.from <= made.from && made.to <= whole.to);
                all.push(made.into());
            }
            prop_assert!(all.iter().any(|bounds| bounds.cover(at)));
            prop_assert!(are_apart(&all));
        }
    }

    #[test]
    fn looking_ahead_leaves_no_gap(
        by_hand in made_by_hand(),
        steps in proptest::collection::vec((times(), widths(), 1..40_u32), 1..6),
    ) {
        let mut all = by_hand;
        for (now, width, ahead) in steps {
            let plan = PartitionPlan { width, ahead };
            all.extend(missing_ahead(all.clone(), now, plan).into_iter().map(Bounds::from));
            prop_assert!(are_apart(&all));
            let mut at = now;
            for _ in 0..ahead {
                at = Period::around(at, width).to;
            }
            let end = Period::around(at, width).to;
            at = now;
            while at < end {
                let covering = all.iter().find(|bounds| bounds.cover(at));
                prop_assert!(covering.is_some(), "{at} is not covered");
                at = covering.and_then(|bounds| bounds.to).unwrap_or(end);
            }
            prop_assert!(missing_ahead(all.clone(), now, plan).is_empty());
        }
    }
}
