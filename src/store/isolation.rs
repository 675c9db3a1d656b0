//! Finds the rows of a batch that Postgres refuses, so that their neighbours are stored all the same.
//! Every batch that may hold such a row goes through here: live ones, the drain's, replays, corrections.

/// Walks through a batch in order, in parts: all of it at first. A part that Postgres refuses is halved
/// until the refused row is alone.
///
/// ```
/// use routo_receiver::store::Isolation;
///
/// let (mut stored, mut refused) = (Vec::new(), Vec::new());
/// let mut isolation = Isolation::of(&[1, 2, 3, 4]);
/// while let Some(part) = isolation.part() {
///     if !part.contains(&3) {
///         stored.extend(part);
///         isolation.advance();
///     } else if !isolation.halve() {
///         refused.extend(part);
///         isolation.advance();
///     }
/// }
/// assert_eq!((stored, refused), (vec![1, 2, 4], vec![3]));
/// ```
#[derive(Debug)]
pub struct Isolation<'a, R> {
    rest: &'a [R],
    /// The lengths of the parts that `rest` consists of, the next one last.
    parts: Vec<usize>,
}

impl<'a, R> Isolation<'a, R> {
    /// Starts with all rows in one part.
    #[must_use]
    pub fn of(rows: &'a [R]) -> Self {
        Self { rest: rows, parts: vec![rows.len()] }
    }

    /// The next part, which is not empty; `None` at the end of the batch.
    #[must_use]
    pub fn part(&self) -> Option<&'a [R]> {
        let (part, _) = self.rest.split_at(*self.parts.last()?);
        (!part.is_empty()).then_some(part)
    }

    /// Goes on after the part.
    pub fn advance(&mut self) {
        if let Some(length) = self.parts.pop() {
            (_, self.rest) = self.rest.split_at(length);
        }
    }

    /// Halves the part. False if it is a single row, which stays.
    #[must_use]
    pub fn halve(&mut self) -> bool {
        match self.parts.pop_if(|length| *length > 1) {
            Some(length) => {
                self.parts.extend([length - length / 2, length / 2]);
                true
            }
            None => false,
        }
    }

    /// The part and all rows after it.
    #[must_use]
    pub fn rest(&self) -> &'a [R] {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rest_begins_with_the_part() {
        let rows = [0, 1, 2, 3, 4];
        let mut isolation = Isolation::of(&rows);
        assert!(isolation.halve());
        assert_eq!(isolation.part(), Some(&[0, 1][..]));
        assert_eq!(isolation.rest(), rows);
        isolation.advance();
        assert_eq!(isolation.part(), Some(&[2, 3, 4][..]));
        assert_eq!(isolation.rest(), [2, 3, 4]);
        isolation.advance();
        assert_eq!((isolation.part(), isolation.rest()), (None, &[][..]));
    }

    proptest! {
        #[test]
        fn every_row_is_met_once_in_order_and_the_refused_ones_alone(
            rows in prop::collection::vec(any::<bool>(), 0..300)
        ) {
            let mut met = Vec::new();
            let mut isolation = Isolation::of(&rows);
            while let Some(part) = isolation.part() {
                let is_refused = part.contains(&true);
                if is_refused && isolation.halve() {
                    continue;
                }
                prop_assert!(!is_refused || part.len() == 1);
                met.extend_from_slice(part);
                isolation.advance();
            }
            prop_assert_eq!(met, rows);
        }
    }
}
