//! `peadsim load`: puts the load of a scenario on a server, and tells what came of it.
//!
//! Not here: the load (`load`), or the servers that it may start (`spawn`, `runtime::null`).

pub mod around;
mod dashboard;
mod live;
mod report;
mod search;
pub mod setting;
mod spawn;

use std::sync::Arc;

use crate::cli::args::Load;
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::live::Live;
use crate::cli::load::setting::{Server, plan, results_of, setting};
use crate::cli::serve::resolve;
use crate::cli::{output, setup};
use crate::load::error::LoadError;
use crate::load::exposed::Exposed;
use crate::load::pace;
use crate::load::run::{reach, run as put};
use crate::load::scrape::{Scraper, csv};
use crate::runtime::host::{Host, raise_limit_of_files};
use crate::runtime::interrupt::Interrupt;
use crate::scenario::plan::Plan;
use crate::verdict::load::{LoadResults, SERVER_MEMORY};

/// What the server said of itself, in the report's folder.
const SCRAPED: &str = "server.csv";

/// Puts the load on the server and reports.
///
/// # Errors
/// When it cannot be put there.
pub fn run(args: &Load) -> Result<Exit, CliError> {
    report::try_places(args)?;
    let plan = plan(args)?;
    let interrupt = setup::interrupt()?;
    // Connections are files.
    raise_limit_of_files();
    if args.knee {
        return search::run(args, &plan, &interrupt);
    }
    let plan = Arc::new(pace::at(&plan, args.pace)?);
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
    if args.server.is_some() && args.calibrates() {
        // Who is not there is found before anything is measured.
        reach(&Server::of(args, &plan)?.endpoint())?;
    }
    let calibration = if args.calibrates() { calibrate(args, &plan, &interrupt)? } else { None };
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
    let mut results = results_of(args, &setting, run);
    results.counts.extend(memory.map(|octets| (SERVER_MEMORY.to_owned(), octets)));
    let exit = report::tell(args, results, calibration.as_ref())?;
    if let (Some(samples), Some(folder)) = (samples, &args.report) {
        output::write(&folder.join(SCRAPED), &csv(&samples))?;
    }
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
/// is the generator's own. None when nothing is due in that time, or both do not fit into one process.
fn calibrate(
    args: &Load,
    plan: &Plan,
    interrupt: &Interrupt,
) -> Result<Option<LoadResults>, CliError> {
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
    Ok(Some(results_of(&args, &setting, run)))
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
