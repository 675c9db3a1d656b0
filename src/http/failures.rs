//! Limits failed authentications per address. Successful ones are never counted or limited.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Failures an address may have in a burst.
const BURST: u64 = 10;

/// The time after which one more failure is allowed.
const INTERVAL_MS: u64 = 1_000;

/// The number of cells, however many addresses there are. Addresses that share a cell share its limit:
/// the only effect is a 429 instead of a 401.
const CELLS: usize = 16 * 1024;

/// The failures of all addresses. Takes 128 KiB.
pub(super) struct Failures {
    /// The theoretical arrival time of each cell, in milliseconds (generic cell rate algorithm). At most
    /// `BURST` intervals ahead of now.
    cells: Box<[AtomicU64]>,
    /// Randomly seeded, so that nobody can choose which addresses share a cell.
    hasher: RandomState,
}

impl Failures {
    pub(super) fn new() -> Self {
        let cells = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        Self { cells, hasher: RandomState::new() }
    }

    /// Counts a failure; returns whether it is within the limit. `now` is the time since a fixed moment.
    pub(super) fn is_within_limit(&self, source: IpAddr, now: Duration) -> bool {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let one_more = |paid: u64| {
            let paid = paid.max(now).saturating_add(INTERVAL_MS);
            (paid - now <= BURST * INTERVAL_MS).then_some(paid)
        };
        let hash = self.hasher.hash_one(network(source));
        let cell =
            usize::try_from(hash % CELLS as u64).ok().and_then(|index| self.cells.get(index));
        cell.is_some_and(|cell| {
            cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
        })
    }
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

    #[track_caller]
    fn check(failures: &Failures, source: &str, now: Duration, attempts: usize, expected: usize) {
        let source = source.parse().unwrap();
        let within = (0..attempts).filter(|_| failures.is_within_limit(source, now)).count();
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
    fn an_ipv6_network_of_64_bits_is_one_address_and_a_mapped_address_is_itself() {
        let failures = Failures::new();
        check(&failures, "2001:db8::1", SECOND, 6, 6);
        check(&failures, "2001:db8::ffff:2", SECOND, 6, 4);
        check(&failures, "192.0.2.1", SECOND, 6, 6);
        check(&failures, "::ffff:192.0.2.1", SECOND, 6, 4);
    }

    #[test]
    fn another_address_is_not_limited_by_it_but_by_chance() {
        let failures = Failures::new();
        check(&failures, "192.0.2.1", SECOND, 100, 10);
        let free = (0..200_u8)
            .filter(|last| failures.is_within_limit([198, 51, 100, *last].into(), SECOND))
            .count();
        // Two of 201 in one of 16,384 cells, each with ten to give: practically never.
        assert!(free >= 198, "{free}");
    }
}
