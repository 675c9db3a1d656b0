//! Memory: a bound on what clients can make the service hold, and giving back what is free.

mod budget;
mod reclaim;

pub use budget::{Charge, MemoryBudget};
pub use reclaim::reclaim;
