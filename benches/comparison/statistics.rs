//! The median and the spread of several rounds.

/// A figure that was measured once in each round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Figure {
    /// `None` without a round, or if a round lacks the figure.
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = rounds.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), least, most })
    }

    /// The ratio of two figures within each round, since other load on the machine affects both.
    pub fn of_ratios(rounds: &[f64], to: &[f64]) -> Option<Self> {
        Self::of(rounds.iter().zip(to).map(|(one, other)| one / other))
    }
}
