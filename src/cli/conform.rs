//! `peadsim conform`: scenarios with a device under test, which is attached from outside.
//!
//! Not here: the attachment protocol (`conformance`), or judging.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::cli::args::Conform;
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs::{Job, jobs};
use crate::cli::output;
use crate::cli::run::run_jobs;
use crate::cli::setup;
use crate::cli::words::Format;
use crate::conformance::applies::{Inapplicable, applies};
use crate::conformance::declaration::Declaration;
use crate::conformance::opaque::make_opaque;
use crate::scenario::plan::Plan;

/// Tests the device.
///
/// # Errors
/// When there is no device, nothing applies to it, or a result cannot be written.
pub fn run(args: &Conform) -> Result<Exit, CliError> {
    let loaded = setup::scenarios(&args.run.selection)?;
    let rig = args.device.rig()?;
    let (link, welcome) = rig.connect()?;
    if args.run.format == Format::Human {
        let product = &welcome.product;
        let text =
            format!("device        {} {} {}\n", product.vendor, product.model, product.version);
        output::print(&text)?;
    }
    let all = jobs(&loaded, &args.run)?;
    let (fitting, others) = sort(&all, args, &welcome.capabilities)?;
    for (job, why) in others {
        output::note(&format!("not applicable: {}: {why}\n", job.case.id));
    }
    let users: BTreeMap<&str, u32> =
        fitting.iter().map(|(job, user)| (job.case.id.as_str(), *user)).collect();
    let fitting: Vec<Job<'_>> = fitting.iter().map(|(job, _)| *job).collect();
    let link = Mutex::new(link);
    let opaque = !welcome.capabilities.can("facts");
    let stand = |plan: &mut Plan| {
        let user = users.get(plan.case.as_str()).copied().unwrap_or_default();
        if opaque {
            make_opaque(plan, user);
        }
        vec![(user, rig.stand(&link, plan, user))]
    };
    let exit = run_jobs(&args.run, &fitting, Some(&stand))?;
    let link = link.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match rig.close(&link) {
        Ok(()) => exit,
        Err(fault) => {
            output::note(&format!("after the last run: {fault}\n"));
            exit.worst(Exit::Harness)
        }
    })
}

type Sorted<'a> = (Vec<(Job<'a>, u32)>, Vec<(Job<'a>, Inapplicable)>);

/// Which runs apply to the device and whose it is in them, and why the others do not.
fn sort<'a>(
    all: &[Job<'a>],
    args: &Conform,
    declared: &Declaration,
) -> Result<Sorted<'a>, CliError> {
    let (mut fitting, mut others) = (Vec::new(), Vec::new());
    for job in all {
        let plan = job.plan(args.run.suite).map_err(CliError::Usage)?;
        match applies(&job.case.scenario, &plan, declared, args.role.as_deref()) {
            Ok(user) => fitting.push((*job, user)),
            Err(why) => others.push((*job, why)),
        }
    }
    Ok((fitting, others))
}
