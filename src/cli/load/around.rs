//! What is done around a load: looking it over, preparing its people, cleaning up after them, joining shards.
//!
//! Not here: the load.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::cli::args::{Load, Merge};
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::live::Live;
use crate::cli::load::offer::offer as offer_of;
use crate::cli::load::report;
use crate::cli::load::setting::{Chosen, Server, setting};
use crate::cli::output;
use crate::cli::words::Format;
use crate::load::error::LoadError;
use crate::load::merge::merge as join;
use crate::load::people::People;
use crate::load::preflight::{Need, preflight};
use crate::load::run::{self, Planned, Setting};
use crate::report::load::terminal;
use crate::runtime::client::channel::Endpoint;
use crate::runtime::host::Host;
use crate::runtime::interrupt::Interrupt;
use crate::scenario::plan::Plan;
use crate::verdict::offer::Offer;

/// Tells how large the load is, and whether this machine can make it.
///
/// # Errors
/// When it is too large to be told.
pub fn dry_run(args: &Load, plan: &Arc<Plan>) -> Result<Exit, CliError> {
    let setting = setting(args, Arc::clone(plan), nowhere())?;
    let found = preflight(&setting, &Host::look()).map_err(LoadError::from)?;
    let Planned { operations, hash, .. } = found.planned;
    let mut text = format!(
        "load            {} seed {}\nschedule        {operations} operations, {} in the busiest second, \
         hash {hash}\n",
        plan.case, plan.seed, found.peak
    );
    for need in &found.needs {
        let has = need.has.map_or_else(|| "unknown".to_owned(), |has| has.to_string());
        let mark = if need.is_met() { "✓ enough" } else { "✗ too few" };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{mark:<15} {}: {} needed, {has} here", need.what, need.needed);
    }
    output::print(&text)?;
    let met = found.needs.iter().all(Need::is_met);
    Ok(if met { Exit::Success } else { Exit::Harness })
}

/// What a load will be, before there is a server.
///
/// # Errors
/// When it is too large.
pub fn offer(args: &Load, chosen: &Chosen) -> Result<Offer, CliError> {
    let setting = setting(args, Arc::new(chosen.plan.clone()), nowhere())?;
    let found = preflight(&setting, &Host::look()).map_err(LoadError::from)?;
    Ok(offer_of(args, &chosen.scenario, &setting, &found.planned))
}

const fn nowhere() -> Endpoint {
    Endpoint::plain(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
}

/// Registers the users of a load.
///
/// # Errors
/// When the server does not register one of them.
pub fn prepare(args: &Load, plan: &Arc<Plan>, interrupt: &Interrupt) -> Result<Exit, CliError> {
    let (setting, people) = people(args, plan)?;
    let count = run::register(&setting, &people, &mut Live::new(interrupt, false))?;
    output::print(&format!("registered      {count} users as `{}*`\n", setting.namespace))?;
    Ok(Exit::Success)
}

/// Drops the mail that is left of a load.
///
/// # Errors
/// When the server does not let one of the users in.
pub fn cleanup(args: &Load, plan: &Arc<Plan>, interrupt: &Interrupt) -> Result<Exit, CliError> {
    let (setting, people) = people(args, plan)?;
    let dropped = run::clean(&setting, &people, &mut Live::new(interrupt, false))?;
    output::print(&format!("dropped         {dropped} items of `{}*`\n", setting.namespace))?;
    Ok(Exit::Success)
}

fn people(args: &Load, plan: &Arc<Plan>) -> Result<(Setting, People), CliError> {
    let server = Server::of(args, plan)?;
    let setting = setting(args, Arc::clone(plan), server.endpoint())?;
    let people = People::of(plan, &setting.namespace, [])?;
    Ok((setting, people))
}

/// Joins the shards of a load.
///
/// # Errors
/// When they are not those of one load.
pub fn merge(args: &Merge) -> Result<Exit, CliError> {
    let shards: Result<Vec<_>, CliError> = args.folders.iter().map(|it| report::read(it)).collect();
    let mut merged = join(&shards?).map_err(|error| CliError::Usage(error.to_string()))?;
    let exit = report::exit(merged.verdict);
    merged.exit = exit.code();
    output::folder(&args.report, &report::FILES)?;
    report::write(&args.report, &merged)?;
    output::print(&match args.format {
        Format::Human => terminal::write(&merged),
        Format::Json => report::json(&merged),
    })?;
    Ok(exit)
}

/// Whether this folder holds the report of a load.
#[must_use]
pub fn is_load(folder: &std::path::Path) -> bool {
    let text = std::fs::read_to_string(folder.join(report::FILES[0])).unwrap_or_default();
    text.contains("\"peadsim-load\"")
}
