//! `peadsim load --knee`: the highest pace at which every objective holds, and how it feels a little below.
//!
//! Not here: the search itself (`load::knee`), or what its probes are worth keeping for (`verdict::knee`).

use std::sync::Arc;

use crate::base::time::Duration;
use crate::cli::args::Load;
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::live::Live;
use crate::cli::load::offer::{self, results_of};
use crate::cli::load::report;
use crate::cli::load::setting::{Chosen, Server, setting};
use crate::cli::load::{calibration, exposed, scraper};
use crate::cli::output;
use crate::load::error::LoadError;
use crate::load::exposed::Exposed;
use crate::load::knee::{Knee, Probe, Search};
use crate::load::pace;
use crate::load::run::{Setting, run as put};
use crate::load::scrape::Scraper;
use crate::report::load::search::told;
use crate::runtime::interrupt::Interrupt;
use crate::scenario::plan::WorkloadKind;
use crate::verdict::knee::{KNEE_VERSION, KneeSearch, KneeState, Probed, Shown, Sizing};
use crate::verdict::load::{Calibration, Ending, Goal, LoadResults, LoadVerdict, per_second};

/// Of the knee, in percent: where a server is run that shall have room for a bad day.
const COMFORT: u64 = 70;
/// What is open after a probe may take so many times its length.
const SETTLE: u64 = 2;

/// Searches, and reports what the load is like below the knee.
///
/// # Errors
/// When the scenario has no objective, or a probe cannot be made.
pub fn run(args: &Load, chosen: &Chosen, interrupt: &Interrupt) -> Result<Exit, CliError> {
    let first = Chosen { plan: pace::at(&chosen.plan, args.pace)?, ..chosen.clone() };
    let calibration = calibration(args, &first, interrupt)?;
    let server = Server::of(args, &chosen.plan)?;
    let exposed = exposed(args)?;
    let scraper = scraper(args, &server)?;
    let exposed = exposed.as_ref();
    let record = record(args, chosen, calibration);
    let (server, setting) = (&server, None);
    let mut prober = Prober { args, chosen, interrupt, server, exposed, setting, record };
    let found = prober.search();
    let below = found.and_then(|sizing| {
        let probe = sizing.map(|sizing| prober.run(sizing.below, args.probe.times(CONFIRM)));
        probe.transpose()
    });
    let record = prober.record;
    report::samples(args, scraper.map(Scraper::stop))?;
    match below {
        Ok(Some(results)) => {
            let (calibration, knee) = (record.calibration, Some(record));
            report::tell(args, LoadResults { calibration, knee, ..results }, None)
        }
        Ok(None) => {
            report::tell_search(args, &record)?;
            Ok(if record.state == KneeState::Void { Exit::Void } else { Exit::Finding })
        }
        Err(error) => {
            report::tell_search(args, &record)?;
            Err(error)
        }
    }
}

/// A probe that confirms is so many times as long as another.
const CONFIRM: u64 = 3;

/// What is known of a search before it begins.
fn record(args: &Load, chosen: &Chosen, calibration: Option<Calibration>) -> KneeSearch {
    KneeSearch {
        version: KNEE_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        case: chosen.plan.case.clone(),
        seed: chosen.plan.seed,
        server: offer::server(args).1,
        devices: chosen.plan.devices.len() as u64,
        thinned: args.thin.map(|thin| thin.to_string()),
        tolerance: args.tolerance,
        calibration,
        probes: Vec::new(),
        state: KneeState::Searching,
        holds: None,
        breaks: None,
        sizing: None,
    }
}

/// What a knee at this pace means for whoever buys servers.
fn sizing(record: &KneeSearch, holds: u64) -> Sizing {
    let confirmed = record.probes.iter().rfind(|probe| probe.pace == holds);
    let devices = record.devices * holds / pace::AS_WRITTEN;
    Sizing {
        per_second: confirmed.map_or(0, |probe| probe.per_second),
        devices,
        extrapolated: devices > record.devices,
        below: (holds * COMFORT / 100).max(1),
    }
}

/// Makes probes, one after the other, on one server.
struct Prober<'a> {
    args: &'a Load,
    chosen: &'a Chosen,
    interrupt: &'a Interrupt,
    server: &'a Server,
    exposed: Option<&'a Exposed>,
    /// How the last probe was put on the server, if nothing of it was left there.
    setting: Option<Setting>,
    /// What came of them.
    record: KneeSearch,
}

impl Prober<'_> {
    /// Searches; what is found, if anything is.
    fn search(&mut self) -> Result<Option<Sizing>, CliError> {
        let search = Search {
            first: self.args.pace,
            tolerance: self.args.tolerance,
            probe: self.args.probe,
            confirm: self.args.probe.times(CONFIRM),
        };
        let knee = search.run(|percent, active| self.probe(percent, active));
        let (state, holds) = match &knee {
            Ok(Knee::At(holds, _)) => (KneeState::Found, Some(*holds)),
            Ok(Knee::BeyondGenerator(holds)) => (KneeState::BeyondGenerator, Some(*holds)),
            Ok(Knee::Beyond(holds)) => (KneeState::Beyond, Some(*holds)),
            Ok(Knee::Void) => (KneeState::Void, None),
            Ok(Knee::Nowhere) => (KneeState::Nowhere, None),
            Ok(Knee::Unsteady(_)) => (KneeState::Unsteady, None),
            Err(CliError::Load(LoadError::Stopped)) => (KneeState::Stopped, None),
            Err(_) => (KneeState::Failed, None),
        };
        self.record.state = state;
        self.record.sizing = holds.map(|holds| sizing(&self.record, holds));
        report::keep(self.args, &self.record)?;
        knee?;
        output::note(&format!("knee: {}\n", told(&self.record)));
        Ok(self.record.sizing)
    }

    fn probe(&mut self, percent: u64, active: Duration) -> Result<Probe, CliError> {
        let results = self.run(percent, active)?;
        if !results.objectives.iter().any(|it| matches!(it.goal, Goal::Quantile { .. })) {
            let why = "--knee takes a scenario with an `slo`: without one nothing breaks";
            return Err(CliError::Usage(why.to_owned()));
        }
        let shows = match results.verdict {
            LoadVerdict::Pass => Shown::Holds,
            LoadVerdict::Void => Shown::Void,
            LoadVerdict::Inconclusive if results.ending == Ending::Stopped => Shown::Stopped,
            LoadVerdict::Fail | LoadVerdict::Inconclusive => Shown::Breaks,
            LoadVerdict::ServerGone => Shown::ServerGone,
        };
        let worst = results.slos.iter().find(|slo| slo.holds != Some(true));
        let seen = worst.or_else(|| results.slos.first()).map_or("", |slo| slo.seen.as_str());
        let per_second = per_second(results.offer.operations, results.offer.active);
        output::note(&format!("probe {percent:>6} %  {per_second:>8}/s  {shows:?}: {seen}\n"));
        self.record.take(Probed {
            pace: percent,
            active,
            confirms: active > self.args.probe,
            schedule: results.offer.schedule,
            per_second,
            shows,
            slos: results.slos,
            void: results.void,
        });
        // Whatever becomes of the next one, what this one showed is kept.
        report::keep(self.args, &self.record)?;
        match shows {
            Shown::Holds => Ok(Probe::Holds),
            Shown::Breaks => Ok(Probe::Breaks),
            Shown::Void => Ok(Probe::Void),
            Shown::Stopped => Err(CliError::Load(LoadError::Stopped)),
            Shown::ServerGone => Err(CliError::Rig("the server is gone".to_owned())),
        }
    }

    fn run(&mut self, percent: u64, active: Duration) -> Result<LoadResults, CliError> {
        let mut plan = pace::at(&pace::steady(&self.chosen.plan, active), percent)?;
        plan.settle = plan.settle.min(active.times(SETTLE));
        let plan = Arc::new(plan);
        let setting = match self.setting.take() {
            Some(last) => Setting { plan: Arc::clone(&plan), registers: false, ..last },
            None => setting(self.args, Arc::clone(&plan), self.server.endpoint())?,
        };
        let mut live = Live::new(self.interrupt, true).exposed(self.exposed);
        let run = put(&setting, &mut live)?;
        let mut results = results_of(self.args, &self.chosen.scenario, &setting, run);
        results.offer.pace = percent;
        // Keys that were made anew are not those that the next probe begins with.
        let rotates = plan.workloads.iter().any(|it| matches!(it.what, WorkloadKind::Rotate));
        if results.ending == Ending::Drained && !rotates {
            self.setting = Some(setting);
        }
        Ok(results)
    }
}
