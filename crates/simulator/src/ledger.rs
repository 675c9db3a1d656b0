//! The outcome of every callback of a run, one byte each.

use super::delivery::Delivery;

const GIVEN_UP: u8 = 0x80;

/// The outcome of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The callback was not sent.
    Unknown,
    /// This attempt, the last one, was acknowledged.
    Acknowledged(u32),
    /// So many attempts were made, and none was acknowledged.
    GivenUp(u32),
}

/// The outcomes of the callbacks of a run, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Vec<u8>);

impl Ledger {
    /// Records the outcome of a callback.
    ///
    /// # Panics
    /// If it has more than 127 attempts.
    pub fn note(&mut self, number: u64, delivery: &Delivery) {
        let place = place_of(number);
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        let attempts = u8::try_from(delivery.attempts.len()).ok();
        let attempts = attempts.filter(|count| count & GIVEN_UP == 0).expect("attempts are few");
        let fate = self.0.get_mut(place).expect("room was just made");
        *fate = if delivery.acknowledged() { attempts } else { attempts | GIVEN_UP };
    }

    #[must_use]
    pub fn fate(&self, number: u64) -> Fate {
        match self.0.get(place_of(number)) {
            None | Some(0) => Fate::Unknown,
            Some(fate) if fate & GIVEN_UP == 0 => Fate::Acknowledged(u32::from(*fate)),
            Some(fate) => Fate::GivenUp(u32::from(fate & !GIVEN_UP)),
        }
    }

    /// One more than the highest number that was recorded.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Where a callback is in a list with an element for each.
pub(super) fn place_of(number: u64) -> usize {
    usize::try_from(number).expect("callbacks are counted in memory")
}
