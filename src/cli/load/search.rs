//! `peadsim load --knee`: the highest pace at which every objective holds, and how it feels a little below.
//!
//! Not here: the search itself (`load::knee`).

use std::sync::Arc;

use crate::base::time::Duration;
use crate::cli::args::Load;
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::live::Live;
use crate::cli::load::report;
use crate::cli::load::setting::{Server, results_of, setting};
use crate::cli::output;
use crate::cli::words::Format;
use crate::load::error::LoadError;
use crate::load::knee::{Knee, Probe, Search};
use crate::load::pace;
use crate::load::run::{Setting, run as put};
use crate::runtime::interrupt::Interrupt;
use crate::scenario::plan::{Plan, WorkloadKind};
use crate::verdict::load::{Ending, Goal, LoadResults, LoadVerdict, rate};

/// Of the knee, in percent: where a server is run that shall have room for a bad day.
const COMFORT: u64 = 70;
/// What is open after a probe may take so many times its length.
const SETTLE: u64 = 2;

/// Searches, and reports what the load is like below the knee.
///
/// # Errors
/// When the scenario has no objective, or a probe cannot be made.
pub fn run(args: &Load, plan: &Plan, interrupt: &Interrupt) -> Result<Exit, CliError> {
    let server = Server::of(args, plan)?;
    let mut prober = Prober { args, plan, interrupt, server: &server, setting: None };
    let search = Search {
        first: args.pace,
        tolerance: args.tolerance,
        probe: args.probe,
        confirm: args.probe.times(3),
    };
    let knee = search.run(|percent, active| prober.probe(percent, active))?;
    output::note(&format!("{}\n", told(knee)));
    let holds = match knee {
        Knee::At(holds, _) | Knee::BeyondGenerator(holds) | Knee::Beyond(holds) => holds,
        Knee::Void => return Ok(Exit::Void),
        Knee::Nowhere | Knee::Unsteady(_) => return Ok(Exit::Finding),
    };
    let percent = (holds * COMFORT / 100).max(1);
    let mut results = prober.run(percent, search.confirm)?;
    results.offer.pace = percent;
    let per_second = rate(results.offer.operations, results.offer.active);
    let sizing = sizing(knee, holds, (per_second, percent), results.offer.devices);
    match args.format {
        Format::Human => output::print(&sizing)?,
        Format::Json => output::note(&sizing),
    }
    report::tell(args, results, None)
}

/// What a search came to, in a sentence.
fn told(knee: Knee) -> String {
    match knee {
        Knee::At(holds, breaks) => {
            format!(
                "knee: every objective holds at {holds} % of the pace, one breaks at {breaks} %"
            )
        }
        Knee::BeyondGenerator(holds) => {
            format!("knee: above {holds} % of the pace, which is all that this generator can make")
        }
        Knee::Beyond(holds) => format!("knee: above {holds} % of the pace, the highest one tried"),
        Knee::Void => "knee: this generator can make none of the paces that were tried".to_owned(),
        Knee::Nowhere => "knee: no pace holds, not even the lowest".to_owned(),
        Knee::Unsteady(below) => {
            format!(
                "knee: below {below} % of the pace; what short probes showed no long one confirmed"
            )
        }
    }
}

/// What it means for whoever buys servers.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn sizing(knee: Knee, holds: u64, (rate, percent): (f64, u64), devices: u64) -> String {
    let at = |pace: u64| rate * pace as f64 / percent as f64;
    let bound = if let Knee::At(..) = knee { "" } else { "at least " };
    let alike = devices * holds / 100;
    format!(
        "knee            {bound}{:.0} operations a second ({holds} % of the pace), tried with {devices} devices\n\
         sizing          {alike} devices as the scenario has them (EXTRAPOLATED: as many connections were not \
         held)\n\
         below           what follows is at {percent} % of the pace, {COMFORT} % of the knee\n\n",
        at(holds)
    )
}

/// Makes probes, one after the other, on one server.
struct Prober<'a> {
    args: &'a Load,
    plan: &'a Plan,
    interrupt: &'a Interrupt,
    server: &'a Server,
    /// How the last probe was put on the server, if nothing of it was left there.
    setting: Option<Setting>,
}

impl Prober<'_> {
    fn probe(&mut self, percent: u64, active: Duration) -> Result<Probe, CliError> {
        let results = self.run(percent, active)?;
        if !results.objectives.iter().any(|it| matches!(it.goal, Goal::Quantile { .. })) {
            let why = "--knee takes a scenario with an `slo`: without one nothing breaks";
            return Err(CliError::Usage(why.to_owned()));
        }
        let probe = match results.verdict {
            LoadVerdict::Pass => Probe::Holds,
            LoadVerdict::Void => Probe::Void,
            LoadVerdict::Fail => Probe::Breaks,
            LoadVerdict::Inconclusive if results.ending == Ending::Stopped => {
                return Err(CliError::Load(LoadError::Stopped));
            }
            LoadVerdict::Inconclusive => Probe::Breaks,
            LoadVerdict::ServerGone => {
                return Err(CliError::Rig("the server is gone".to_owned()));
            }
        };
        let per_second = rate(results.offer.operations, results.offer.active);
        let worst = results
            .slos
            .iter()
            .find(|slo| slo.holds != Some(true))
            .or_else(|| results.slos.first());
        let seen = worst.map_or("", |slo| slo.seen.as_str());
        output::note(&format!("probe {percent:>6} %  {per_second:>8.0}/s  {probe:?}: {seen}\n"));
        Ok(probe)
    }

    fn run(&mut self, percent: u64, active: Duration) -> Result<LoadResults, CliError> {
        let mut plan = pace::at(&pace::steady(self.plan, active), percent)?;
        plan.settle = plan.settle.min(active.times(SETTLE));
        let plan = Arc::new(plan);
        let setting = match self.setting.take() {
            Some(last) => Setting { plan: Arc::clone(&plan), registers: false, ..last },
            None => setting(self.args, Arc::clone(&plan), self.server.endpoint())?,
        };
        let mut live = Live::new(self.interrupt, true);
        let run = put(&setting, &mut live)?;
        let results = results_of(self.args, &setting, run);
        // Keys that were made anew are not those that the next probe begins with.
        let rotates = plan.workloads.iter().any(|it| matches!(it.what, WorkloadKind::Rotate));
        if results.ending == Ending::Drained && !rotates {
            self.setting = Some(setting);
        }
        Ok(results)
    }
}
