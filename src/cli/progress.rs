//! A progress bar on a terminal, nothing in a pipe.
//!
//! Not here: results, which go to stdout.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a campaign is.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// For this many runs; shown only if stderr is a terminal.
    #[must_use]
    pub fn new(runs: usize) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(runs as u64), target);
        // A template that does not parse would be our own slip; the plain bar does as well.
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} runs {elapsed} {msg}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// One more run is done.
    pub fn done(&self, case: &str) {
        self.0.set_message(case.to_owned());
        self.0.inc(1);
    }

    /// Takes the bar away while something is written.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
