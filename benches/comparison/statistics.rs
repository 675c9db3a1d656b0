//! Of several rounds: the middle, and how far apart they were.

/// A figure that was measured once a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Figure {
    /// `None` where there is no round, or a round without the figure.
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

    /// Of one figure to another, round by round: what else the machine did fell on both.
    pub fn of_ratios(rounds: &[f64], to: &[f64]) -> Option<Self> {
        Self::of(rounds.iter().zip(to).map(|(one, other)| one / other))
    }
}
