//! What is sent in a run: every callback, and what is expected by it, made from a seed.
//!
//! Callbacks are numbered from 0 on, and come in scenes of [`SCENE`]. A scene depends on nothing but
//! the script and its own number: whoever needs a callback again makes its scene again, and nothing
//! has to be kept of a run that lasts hours.

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

/// Callbacks of a scene.
pub const SCENE: u64 = 16;

/// The parameter by which a callback is found again: the run, `-`, and the callback's number.
pub const MARK: &str = "simulate";

/// Which callbacks are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// Delivery reports and inbound messages.
    #[default]
    Both,
    /// Delivery reports.
    Reports,
    /// Inbound messages.
    Messages,
}

/// What is sent in a run.
#[derive(Clone, Debug)]
pub struct Script {
    /// Everything that is random comes from it.
    pub seed: u64,
    /// The name of the run, which makes its callbacks different from those of every other run: a few
    /// letters, digits.
    pub run: String,
    /// Where callbacks go, and what authenticates them.
    pub access: Access,
    /// Which they are.
    pub kinds: Kinds,
    /// Whether requests are written as old and careless gateways write them.
    pub torture: bool,
}

/// A callback that is to be sent, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its number in the run.
    pub number: u64,
    /// What is sent.
    pub callback: Callback,
    /// What is to be stored.
    pub expected: Expected,
}

/// What a callback stands for, and so its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What the gateway's document names.
    pub row: ExpectedRow,
    /// All other parameters but the number of the attempt.
    pub extra: Vec<(&'static str, String)>,
}

/// The parameters of the gateway's document, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedRow {
    /// A delivery report.
    Report {
        /// The sender's name for the message.
        mess_id: String,
        /// The number it was sent to.
        number: String,
        /// Its status.
        status: String,
    },
    /// An inbound message.
    Message {
        /// Who sent it.
        org: String,
        /// The long number.
        dest: String,
        /// The data coding scheme, where there is one.
        dcs: Option<String>,
        /// What it says. Half of a character that was cut is U+FFFD.
        message: String,
        /// Its bytes.
        message_raw: Vec<u8>,
    },
}

impl Script {
    /// The scene of that number, from 0 on.
    #[must_use]
    pub fn scene(&self, scene: u64) -> Vec<Planned> {
        // Fibonacci hashing: the scenes of one seed are not those of the next.
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
