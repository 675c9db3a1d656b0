//! How much time one partition of the tables covers.

/// How much time one partition of the tables covers, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionWidth {
    /// A calendar month.
    Month,
    /// A calendar day.
    Day,
}
