//! What is told of a load while it lasts, on stderr: a picture on a terminal, else a line every second.
//!
//! Not here: the picture itself (`dashboard`), or what came of the load.

use std::io::IsTerminal as _;

use crate::base::time::Duration;
use crate::cli::load::dashboard::{Dashboard, Look, Picture};
use crate::cli::output;
use crate::load::exposed::Exposed;
use crate::load::progress::Snapshot;
use crate::load::run::Watch;
use crate::runtime::interrupt::Interrupt;
use crate::scenario::plan::Plan;
use crate::verdict::load::rate;

/// Tells people how far it is.
pub struct Live<'a> {
    interrupt: &'a Interrupt,
    /// When people looked last, and what they saw.
    last: (Duration, Snapshot),
    shown: Shown,
    exposed: Option<&'a Exposed>,
}

/// How people are told.
enum Shown {
    /// Not at all.
    Nothing,
    /// By lines.
    Lines,
    /// By a picture.
    Picture(Box<Dashboard>),
}

impl<'a> Live<'a> {
    /// Tells everything by lines, or nothing.
    #[must_use]
    pub fn new(interrupt: &'a Interrupt, is_quiet: bool) -> Self {
        let last = (Duration::ZERO, Snapshot::default());
        let shown = if is_quiet { Shown::Nothing } else { Shown::Lines };
        Self { interrupt, last, shown, exposed: None }
    }

    /// Shows a picture of this plan's load where there is a terminal that can.
    #[must_use]
    pub fn pictured(interrupt: &'a Interrupt, plan: &Plan) -> Self {
        let lines = Self::new(interrupt, false);
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if is_dumb || !std::io::stderr().is_terminal() {
            return lines;
        }
        let color = output::stderr_has_color();
        let picture = Picture::new(plan.case.clone(), plan.active, color);
        match Dashboard::open(picture) {
            Ok(dashboard) => Self { shown: Shown::Picture(Box::new(dashboard)), ..lines },
            Err(error) => {
                tracing::debug!(%error, "no picture");
                lines
            }
        }
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
        let span = at.saturating_sub(before);
        let look = Look {
            at,
            due: rate(snapshot.due.saturating_sub(seen.due), span),
            over: rate(snapshot.over.saturating_sub(seen.over), span),
            open: snapshot.due.saturating_sub(snapshot.over),
            traveling: snapshot.accepted.saturating_sub(snapshot.through),
            connected: snapshot.connected,
            response: [500_000_000, 990_000_000].map(|share| snapshot.responses.quantile(share)),
        };
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Lines => output::note(&line(&look)),
            Shown::Picture(dashboard) => dashboard.show(look),
        }
    }

    fn tell(&mut self, what: &str) {
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Lines => output::note(&format!("{what}\n")),
            Shown::Picture(dashboard) => dashboard.tell(what),
        }
    }

    fn is_stopped(&self) -> bool {
        self.interrupt.is_raised()
    }
}

fn line(look: &Look) -> String {
    format!(
        "{:>7.1} s  due {:>7.0}/s  over {:>7.0}/s  open {:>6}  on the way {:>6}  connected {:>5}  \
         response p99 {}\n",
        look.at.as_secs_f64(),
        look.due,
        look.over,
        look.open,
        look.traveling,
        look.connected,
        Duration::from_micros(look.response[1].as_nanos() / 1_000),
    )
}
