//! Limits guesses: failed authentications per address and user. An address that has authenticated as the
//! user is not limited.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Failures that are allowed in a burst.
const BURST: u64 = 10;

/// The time after which one more failure is allowed.
const INTERVAL_MS: u64 = 1_000;

/// How long an address that has authenticated as a user is not limited.
const KNOWN_FOR_MS: u64 = 24 * 3_600_000;

/// How old a success may be before it is renewed.
const RENEWED_AFTER_MS: u64 = 60_000;

/// The number of cells, however many addresses there are. Addresses and users that share a cell share its
/// limit.
const CELLS: u64 = 16 * 1024;

/// The failures and successes of all addresses and users. Takes 256 KiB.
pub(super) struct Failures {
    /// The theoretical arrival time of each cell, in milliseconds (generic cell rate algorithm). At most
    /// `BURST` intervals ahead of now.
    cells: Box<[AtomicU64]>,
    /// The last success of each cell: bits of the hash, and the time in milliseconds. Only right
    /// credentials change it, so strangers cannot displace the gateway.
    successes: Box<[AtomicU64]>,
    /// Randomly seeded, so that nobody can choose which addresses share a cell.
    hasher: RandomState,
}

/// The cell of an address and a user.
#[derive(Clone, Copy)]
pub(super) struct Guesser {
    hash: u64,
}

/// The bits of a success that are the time: 139 years.
const TIME_BITS: u32 = 42;

impl Failures {
    pub(super) fn new() -> Self {
        let cells = || (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        Self { cells: cells(), successes: cells(), hasher: RandomState::new() }
    }

    pub(super) fn guesser(&self, source: IpAddr, user: &[u8]) -> Guesser {
        Guesser { hash: self.hasher.hash_one((network(source), user)) }
    }

    /// Counts a failure; returns whether it is within the limit. `now` is the time since a fixed moment.
    pub(super) fn is_within_limit(&self, guesser: Guesser, now: Duration) -> bool {
        let now = milliseconds(now);
        let one_more = |paid: u64| {
            let paid = paid.max(now) + INTERVAL_MS;
            (paid - now <= BURST * INTERVAL_MS).then_some(paid)
        };
        let cell = cell(&self.cells, guesser);
        cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Takes back a failure that was counted in advance.
    pub(super) fn give_back(&self, guesser: Guesser) {
        let one_less = |paid: u64| Some(paid.saturating_sub(INTERVAL_MS));
        let cell = cell(&self.cells, guesser);
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
    }

    /// Whether this address has authenticated as this user within a day.
    pub(super) fn is_known(&self, guesser: Guesser, now: Duration) -> bool {
        age(cell(&self.successes, guesser), guesser, now).is_some_and(|age| age < KNOWN_FOR_MS)
    }

    /// This address has authenticated as this user.
    pub(super) fn succeeded(&self, guesser: Guesser, now: Duration) {
        let success = cell(&self.successes, guesser);
        if age(success, guesser, now).is_none_or(|age| age >= RENEWED_AFTER_MS) {
            success.store(stamp(guesser, milliseconds(now)), Ordering::Relaxed);
        }
    }
}

/// How long ago the success was, if it is that of the guesser.
fn age(success: &AtomicU64, guesser: Guesser, now: Duration) -> Option<u64> {
    let found = success.load(Ordering::Relaxed);
    let at = found & ((1 << TIME_BITS) - 1);
    (found != 0 && found == stamp(guesser, at)).then(|| milliseconds(now).saturating_sub(at))
}

/// The upper bits of the hash, which do not choose the cell, and the time.
fn stamp(guesser: Guesser, milliseconds: u64) -> u64 {
    (guesser.hash >> TIME_BITS << TIME_BITS) | milliseconds
}

#[expect(clippy::indexing_slicing, reason = "there are as many cells as the remainder has values")]
fn cell(cells: &[AtomicU64], guesser: Guesser) -> &AtomicU64 {
    &cells[(guesser.hash % CELLS) as usize]
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a process runs for less than 500 million years")
}

/// The unit that is limited: an IPv4 address, or an IPv6 /64, which belongs to one customer.
fn network(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DAY: Duration = Duration::from_hours(24);

    #[track_caller]
    fn check(failures: &Failures, source: &str, now: Duration, attempts: usize, expected: usize) {
        let guesser = failures.guesser(source.parse().unwrap(), b"gateway");
        let within = (0..attempts).filter(|_| failures.is_within_limit(guesser, now)).count();
        assert_eq!(within, expected, "{source} at {now:?}");
    }

    #[test]
    fn an_address_has_ten_failures_at_once_and_then_one_a_second() {
        let failures = Failures::new();
        check(&failures, "192.0.2.1", 5 * SECOND, 1_000, 10);
        check(&failures, "192.0.2.1", 6 * SECOND, 1_000, 1);
        check(&failures, "192.0.2.1", 9 * SECOND, 1_000, 3);
        check(&failures, "192.0.2.1", 3_600 * SECOND, 1_000, 10);
    }

    #[test]
    fn each_user_of_an_address_has_a_limit_of_its_own() {
        let failures = Failures::new();
        check(&failures, "192.0.2.1", SECOND, 20, 10);
        let other = failures.guesser([192, 0, 2, 1].into(), b"other");
        assert!(failures.is_within_limit(other, SECOND));
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_address_and_a_mapped_address_is_itself() {
        let failures = Failures::new();
        check(&failures, "2001:db8::1", SECOND, 6, 6);
        check(&failures, "2001:db8::ffff:2", SECOND, 6, 4);
        check(&failures, "192.0.2.1", SECOND, 6, 6);
        check(&failures, "::ffff:192.0.2.1", SECOND, 6, 4);
    }

    #[test]
    fn another_address_is_limited_with_it_only_by_chance() {
        let failures = Failures::new();
        check(&failures, "192.0.2.1", SECOND, 100, 10);
        let free = (0..200_u8)
            .map(|last| failures.guesser([198, 51, 100, last].into(), b"gateway"))
            .filter(|guesser| failures.is_within_limit(*guesser, SECOND))
            .count();
        // Two of 201 in one of 16,384 cells, each with ten to give: practically never.
        assert!(free >= 198, "{free}");
    }

    #[test]
    fn an_address_is_known_for_a_day_after_its_last_success_as_the_user() {
        let failures = Failures::new();
        let gateway = failures.guesser([192, 0, 2, 1].into(), b"gateway");
        assert!(!failures.is_known(gateway, SECOND));
        failures.succeeded(gateway, SECOND);
        failures.succeeded(gateway, DAY / 2);
        assert!(failures.is_known(gateway, DAY + SECOND));
        assert!(!failures.is_known(gateway, 2 * DAY));
        let others = [([192, 0, 2, 1], b"other".as_slice()), ([192, 0, 2, 2], b"gateway")];
        for (source, user) in others {
            assert!(!failures.is_known(failures.guesser(source.into(), user), DAY), "{source:?}");
        }
    }
}
