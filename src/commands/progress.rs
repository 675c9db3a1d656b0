//! Progress on a terminal. Nothing is shown where standard error is not one.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Counts what is done of `total`, or of a number that is not known. `unit` is a plural, such as
/// `callbacks`. A message that is set later follows it.
///
/// It disappears when the last clone is dropped.
pub(super) fn counter(total: Option<u64>, unit: &'static str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:40} {pos} of {len} {prefix}{msg}, {per_sec}, {eta} to go",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} {prefix}{msg}, {per_sec}, {elapsed}"),
    };
    with_template(bar, template).with_prefix(unit)
}

/// Shows how long `what` takes, and the message that is set later. It disappears when dropped.
pub(super) fn spinner(what: &'static str) -> ProgressBar {
    with_template(ProgressBar::new_spinner(), "{spinner} {prefix}, {elapsed}: {msg}")
        .with_prefix(what)
}

fn with_template(bar: ProgressBar, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the templates above are valid");
    bar.with_style(style).with_finish(ProgressFinish::AndClear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        for bar in [counter(Some(1), "callbacks"), counter(None, "messages"), spinner("looking")] {
            bar.set_message("what came of it");
            bar.inc(1);
        }
    }
}
