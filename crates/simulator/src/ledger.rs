//! What became of every callback of a run, in a byte each.

use super::delivery::Delivery;

const GIVEN_UP: u8 = 0x80;

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not sent, or what came of it is not known.
    Unknown,
    /// This attempt, from 1 on, was acknowledged: the last one.
    Acknowledged(u32),
    /// So many attempts were made, and none was acknowledged.
    GivenUp(u32),
}

/// The fates of the callbacks of a run, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Vec<u8>);

impl Ledger {
    /// Notes what became of a callback.
    pub fn note(&mut self, number: u64, delivery: &Delivery) {
        let Ok(place) = usize::try_from(number) else { return };
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        // Behaviours have few attempts.
        let attempts = u8::try_from(delivery.attempts.len()).unwrap_or(u8::MAX) & !GIVEN_UP;
        if let Some(fate) = self.0.get_mut(place) {
            *fate = if delivery.acknowledged() { attempts } else { attempts | GIVEN_UP };
        }
    }

    /// What became of a callback.
    #[must_use]
    pub fn fate(&self, number: u64) -> Fate {
        let place = usize::try_from(number).ok();
        match place.and_then(|place| self.0.get(place)) {
            None | Some(0) => Fate::Unknown,
            Some(fate) if fate & GIVEN_UP == 0 => Fate::Acknowledged(u32::from(*fate)),
            Some(fate) => Fate::GivenUp(u32::from(fate & !GIVEN_UP)),
        }
    }

    /// One more than the highest number there is something known of.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.len() as u64
    }
}
