//! A bound on the memory that others can make the service hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes may be held at a time.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: usize,
    /// Invariant: the sum of all charges, at most `limit`.
    charged: AtomicUsize,
}

impl MemoryBudget {
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, charged: AtomicUsize::new(0) })
    }

    /// Charges so many bytes until the value is dropped. `None`: the budget does not have them.
    #[must_use]
    pub fn charge(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let mut charge = Charge { budget: Arc::clone(self), bytes: 0 };
        charge.grow(bytes).then_some(charge)
    }

    /// Bytes that are charged now.
    #[must_use]
    pub fn charged(&self) -> usize {
        self.charged.load(Ordering::Relaxed)
    }
}

/// Bytes of a budget, given back when dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl Charge {
    /// Charges more. False: the budget does not have them, and nothing is changed.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let before = self.budget.charged.fetch_add(more, Ordering::Relaxed);
        let fits = before.saturating_add(more) <= self.budget.limit;
        if fits {
            self.bytes += more;
        } else {
            self.budget.charged.fetch_sub(more, Ordering::Relaxed);
        }
        fits
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.charged.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_exceeded_and_what_is_charged_comes_back() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.charge(60).unwrap();
        assert!(budget.charge(41).is_none());
        assert!(!first.grow(41));
        assert!(first.grow(10));
        let second = budget.charge(30).unwrap();
        assert_eq!(budget.charged(), 100);
        drop(first);
        assert_eq!(budget.charged(), 30);
        drop(second);
        assert_eq!(budget.charged(), 0);
    }
}
