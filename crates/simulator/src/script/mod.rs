//! Generates the callbacks of a run, and the rows expected for them, from a seed.
//!
//! Callbacks are numbered from 0 and grouped into scenes of [`SCENE`]. A scene depends only on the
//! script and its own number, so it can be generated again: a run that lasts hours keeps nothing.

mod access;
mod encode;
mod lives;
mod texts;
mod torture;

#[cfg(test)]
mod tests;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::callback::Callback;

pub use access::Access;

/// Callbacks in a scene.
pub const SCENE: u64 = 16;

/// The parameter that identifies a callback: the run, `-`, and the callback's number.
pub const MARK: &str = "simulate";

/// Which callbacks are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    #[default]
    Both,
    Reports,
    Messages,
}

/// The parameters from which callbacks are generated.
#[derive(Clone, Debug)]
pub struct Script {
    /// The source of all randomness.
    pub seed: u64,
    /// A few letters or digits that distinguish the callbacks of this run from those of any other.
    pub run: String,
    pub access: Access,
    pub kinds: Kinds,
    /// Whether requests have the oddities of old gateways.
    pub torture: bool,
}

/// A callback to be sent, and what is to be stored for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub number: u64,
    pub callback: Callback,
    pub expected: Expected,
}

/// What is to be stored for a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub row: ExpectedRow,
    /// The parameters that the gateway's document does not name, without the number of the attempt.
    pub extra: Vec<(&'static str, String)>,
}

/// The columns for the parameters that the gateway's document names, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedRow {
    Report {
        mess_id: String,
        number: String,
        status: String,
    },
    Message {
        org: String,
        dest: String,
        dcs: Option<String>,
        /// The text. Half of a character that was cut is U+FFFD.
        message: String,
        message_raw: Vec<u8>,
    },
}

impl Script {
    #[must_use]
    pub fn scene(&self, scene: u64) -> Vec<Planned> {
        // Fibonacci hashing, so that the scenes of neighbouring seeds differ.
        let seed = self.seed ^ scene.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = StdRng::seed_from_u64(seed);
        let rows = lives::interleaved(self, scene, &mut random);
        (scene * SCENE..)
            .zip(rows)
            .map(|(number, row)| self.planned(number, row, &mut random))
            .collect()
    }

    fn planned(&self, number: u64, row: ExpectedRow, random: &mut StdRng) -> Planned {
        let mark = (MARK, format!("{}-{number}", self.run));
        let oddity = self.torture.then(|| torture::choose(random)).flatten();
        if let Some(oddity) = oddity {
            return torture::planned(self, number, mark, row, oddity);
        }
        let in_query = random.random_bool(0.4);
        let callback = self.access.callback(&row, in_query).with(mark.0, mark.1.clone());
        Planned { number, callback, expected: Expected { row, extra: vec![mark] } }
    }
}
