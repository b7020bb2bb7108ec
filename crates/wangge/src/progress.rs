//! A progress bar for long work, shown only when somebody watches: when standard error is a terminal.
//!
//! A bar that is dropped goes from the terminal, so that an error stands alone.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// A bar over so many units of work, such as rows or bytes; it draws nothing when nobody watches. Remove it with
/// `finish_and_clear` before printing the result.
pub(crate) fn bar(work: &'static str, unit: Unit, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_finish(ProgressFinish::AndClear);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    let template = match unit {
        Unit::Bytes => "{msg} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {eta:>4}",
        Unit::Things => "{msg} {wide_bar:.cyan/dim} {human_pos}/{human_len} {eta:>4}",
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(work);
    bar
}

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes, shown as KiB or MiB.
    Bytes,
    /// Whole things.
    Things,
}

/// A line that says what is being done, for work whose length is not known; it draws nothing when nobody watches.
pub(crate) fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    if std::io::stderr().is_terminal() {
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
    } else {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}
