//! What is told of a load while it lasts: a line every second, on stderr.
//!
//! Not here: what came of it.

use crate::base::time::Duration;
use crate::cli::output;
use crate::load::exposed::Exposed;
use crate::load::progress::Snapshot;
use crate::load::run::Watch;
use crate::runtime::interrupt::Interrupt;
use crate::verdict::load::rate;

/// Tells people how far it is.
pub struct Live<'a> {
    interrupt: &'a Interrupt,
    /// When people looked last, and what they saw.
    last: (Duration, Snapshot),
    is_quiet: bool,
    exposed: Option<&'a Exposed>,
}

impl<'a> Live<'a> {
    /// Tells everything, or only what is done before the load begins.
    #[must_use]
    pub fn new(interrupt: &'a Interrupt, is_quiet: bool) -> Self {
        let last = (Duration::ZERO, Snapshot::default());
        Self { interrupt, last, is_quiet, exposed: None }
    }

    /// Tells programs, too.
    #[must_use]
    pub fn exposed(self, exposed: Option<&'a Exposed>) -> Self {
        Self { exposed, ..self }
    }
}

impl Watch for Live<'_> {
    fn look(&mut self, at: Duration, snapshot: &Snapshot) {
        if let Some(exposed) = self.exposed {
            exposed.update(snapshot);
        }
        let (before, seen) = std::mem::replace(&mut self.last, (at, snapshot.clone()));
        if self.is_quiet {
            return;
        }
        let span = at.saturating_sub(before);
        let p99 = snapshot.responses.quantile(990_000_000);
        output::note(&format!(
            "{:>7.1} s  due {:>7.0}/s  over {:>7.0}/s  open {:>6}  on the way {:>6}  \
             connected {:>5}  response p99 {}\n",
            at.as_secs_f64(),
            rate(snapshot.due.saturating_sub(seen.due), span),
            rate(snapshot.over.saturating_sub(seen.over), span),
            snapshot.due.saturating_sub(snapshot.over),
            snapshot.accepted.saturating_sub(snapshot.through),
            snapshot.connected,
            Duration::from_micros(p99.as_nanos() / 1_000),
        ));
    }

    fn tell(&mut self, what: &str) {
        if !self.is_quiet {
            output::note(&format!("{what}\n"));
        }
    }

    fn is_stopped(&self) -> bool {
        self.interrupt.is_raised()
    }
}
