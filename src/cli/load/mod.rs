//! `peadsim load`: puts the load of a scenario on a server, and tells what came of it.
//!
//! Not here: the load (`load`), or the servers that it may start (`spawn`, `runtime::null`).

mod against;
pub mod around;
mod dashboard;
mod live;
mod offer;
mod report;
mod search;
pub mod setting;
mod spawn;

use std::sync::Arc;

use crate::cli::args::Load;
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::against::Baseline;
use crate::cli::load::live::Live;
use crate::cli::load::offer::results_of;
use crate::cli::load::setting::{Chosen, Server, choose, setting};
use crate::cli::serve::resolve;
use crate::cli::{output, setup};
use crate::load::error::LoadError;
use crate::load::exposed::Exposed;
use crate::load::pace;
use crate::load::run::{reach, run as put};
use crate::load::scrape::Scraper;
use crate::runtime::host::{Host, raise_limit_of_files};
use crate::runtime::interrupt::Interrupt;
use crate::verdict::load::{Calibration, LoadResults, SERVER_MEMORY};

/// Puts the load on the server and reports.
///
/// # Errors
/// When it cannot be put there.
pub fn run(args: &Load) -> Result<Exit, CliError> {
    report::try_places(args)?;
    let baseline = Baseline::of(args)?;
    let chosen = choose(args)?;
    let interrupt = setup::interrupt()?;
    // Connections are files.
    raise_limit_of_files();
    if args.knee {
        return search::run(args, &chosen, &interrupt);
    }
    let chosen = Chosen { plan: pace::at(&chosen.plan, args.pace)?, ..chosen };
    let plan = Arc::new(chosen.plan.clone());
    if args.dry_run {
        return around::dry_run(args, &plan);
    }
    if args.prepare {
        return around::prepare(args, &plan, &interrupt);
    }
    if args.cleanup {
        return around::cleanup(args, &plan, &interrupt);
    }
    // Before anything is measured: it may not be possible.
    let exposed = exposed(args)?;
    if let Some(baseline) = &baseline {
        baseline.check(&around::offer(args, &chosen)?)?;
    }
    let calibration = calibration(args, &chosen, &interrupt)?;
    let server = Server::of(args, &plan)?;
    let mut live = Live::pictured(&interrupt, &plan).exposed(exposed.as_ref());
    let setting = setting(args, Arc::clone(&plan), server.endpoint())?;
    let scraper = scraper(args, &server)?;
    let run = put(&setting, &mut live)?;
    drop(live);
    let samples = scraper.map(Scraper::stop);
    let memory = server.peak_memory();
    if let Err(why) = server.stop() {
        output::note(&format!("the server: {why}\n"));
    }
    let results = results_of(args, &chosen.scenario, &setting, run);
    let mut results = LoadResults { calibration, ..results };
    results.counts.extend(memory.map(|octets| (SERVER_MEMORY.to_owned(), octets)));
    let scraped = report::samples(args, samples);
    let exit = report::tell(args, results, baseline.as_ref())?;
    scraped?;
    Ok(exit)
}

/// What tells programs how far the load is.
fn exposed(args: &Load) -> Result<Option<Exposed>, CliError> {
    let Some(place) = &args.metrics else { return Ok(None) };
    let exposed = Exposed::start(resolve(place)?, args.allow_remote)?;
    output::note(&format!("metrics at http://{}/metrics\n", exposed.address));
    Ok(Some(exposed))
}

/// Who asks the server for its metrics, if they have a place in the report.
fn scraper(args: &Load, server: &Server) -> Result<Option<Scraper>, CliError> {
    let url = args.scrape.clone().or_else(|| server.metrics());
    let Some(url) = url.filter(|_| args.report.is_some()) else { return Ok(None) };
    let failed = CliError::io(format!("cannot ask {url}"));
    Scraper::start(&url, args.allow_remote).map(Some).map_err(failed)
}

/// The same load, for a few seconds and as dense as it gets, on a server that does nothing: what of the figures
/// is the generator's own. None when the arguments say so, nothing is due in that time, or both do not fit into
/// one process.
fn calibration(
    args: &Load,
    chosen: &Chosen,
    interrupt: &Interrupt,
) -> Result<Option<Calibration>, CliError> {
    let Chosen { plan, scenario } = chosen;
    if !args.calibrates() {
        return Ok(None);
    }
    if args.server.is_some() {
        // Who is not there is found before anything is measured.
        reach(&Server::of(args, plan)?.endpoint())?;
    }
    let files = plan.devices.len() as u64 * 2 + 256;
    if Host::look().files.is_some_and(|limit| limit < files) {
        output::note(&format!("no calibration: it takes {files} open files\n"));
        return Ok(None);
    }
    let steady = pace::steady(plan, pace::CALIBRATION.min(plan.active));
    // A trace has no other pace than its own.
    let plan = Arc::new(pace::at(&steady, pace::densest(plan)).unwrap_or(steady));
    let args = Load {
        null: true,
        server: None,
        spawn: false,
        namespace: None,
        prepared: false,
        ..args.clone()
    };
    let server = Server::of(&args, &plan)?;
    let setting = setting(&args, Arc::clone(&plan), server.endpoint())?;
    let run = match put(&setting, &mut Live::new(interrupt, true)) {
        Err(LoadError::Empty) => return Ok(None),
        run => run?,
    };
    Ok(Some(Calibration::of(&results_of(&args, scenario, &setting, run))))
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Namespace { .. }
            | LoadError::Script(_)
            | LoadError::Empty
            | LoadError::TooMany(_) => Self::Usage(error.to_string()),
            LoadError::Unreachable { .. }
            | LoadError::Register { .. }
            | LoadError::NotAttached { .. }
            | LoadError::Source(_)
            | LoadError::TooLate(_)
            | LoadError::System(_)
            | LoadError::Stopped
            | LoadError::Fault(_) => Self::Load(error),
        }
    }
}
