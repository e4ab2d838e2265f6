//! `peadsim conform`: scenarios with a device under test, which is attached from outside.
//!
//! Not here: the attachment protocol (`conformance`), or judging.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::time::Now;
use crate::cli::args::Conform;
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs::{Job, jobs};
use crate::cli::output;
use crate::cli::run::run_jobs;
use crate::cli::setup;
use crate::cli::words::Format;
use crate::conformance::applies::{Inapplicable, applies};
use crate::conformance::attached::{Attached, SharedLink, greet};
use crate::conformance::declaration::Declaration;
use crate::conformance::link::{Line, Link, LinkFault};
use crate::conformance::message::Welcome;
use crate::conformance::opaque::make_opaque;
use crate::conformance::transport::{Exec, Socket};
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside, Remote};

/// Tests the device.
///
/// # Errors
/// When there is no device, nothing applies to it, or a result cannot be written.
pub fn run(args: &Conform) -> Result<Exit, CliError> {
    let loaded = setup::scenarios(&args.run.selection)?;
    let rig = Rig { args };
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
    run_jobs(&args.run, &fitting, Some(&stand))
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

/// Where the device is.
struct Rig<'a> {
    args: &'a Conform,
}

impl Rig<'_> {
    /// Starts or dials the device, and hears who it is.
    fn connect(&self) -> Result<(SharedLink, Welcome), CliError> {
        let line = self.line()?;
        let mut link = Link::new(line, self.args.patience);
        let welcome = greet(&mut link, "peadsim").and_then(|welcome| {
            let void = |void: &dyn std::fmt::Display| LinkFault::Shape {
                method: "hello".to_owned(),
                why: void.to_string(),
            };
            welcome.capabilities.check().map_err(|it| void(&it))?;
            Ok(welcome)
        });
        let welcome = welcome
            .map_err(|fault| CliError::Rig(format!("the device cannot be tested: {fault}")))?;
        Ok((Arc::new(Mutex::new(link)), welcome))
    }

    fn line(&self) -> Result<Box<dyn Line>, CliError> {
        let device = &self.args.device;
        if let Some(command) = &device.exec {
            let started = Exec::start(command);
            return Ok(Box::new(
                started.map_err(CliError::io(format!("cannot start `{command}`")))?,
            ));
        }
        if let Some(address) = &device.tcp {
            let dialed = Socket::tcp(address.as_str());
            return Ok(Box::new(dialed.map_err(CliError::io(format!("cannot dial {address}")))?));
        }
        #[cfg(unix)]
        if let Some(path) = &device.unix {
            let dialed = Socket::unix(path);
            let failed = CliError::io(format!("cannot dial `{}`", path.display()));
            return Ok(Box::new(dialed.map_err(failed)?));
        }
        Err(CliError::Usage("nobody says where the device is".to_owned()))
    }

    /// The device as that of a plan's user; one that cannot become it is broken from the start.
    fn stand(&self, link: &Mutex<SharedLink>, plan: &Plan, user: u32) -> Remote {
        let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.lock().unwrap_or_else(PoisonError::into_inner).is_broken() {
            match self.connect() {
                Ok((again, _)) => *link = again,
                Err(error) => return Arc::new(Mutex::new(Dead(Broken(error.to_string())))),
            }
        }
        match Attached::provision(Arc::clone(&link), plan, user) {
            Ok(attached) => Arc::new(Mutex::new(attached)),
            Err(fault) => Arc::new(Mutex::new(Dead(Broken(fault.to_string())))),
        }
    }
}

/// A device that could not be made.
#[derive(Debug)]
struct Dead(Broken);

impl Outside for Dead {
    fn happen(&mut self, _: Now, _: Option<u64>, _: Happening) -> Result<Answer, Broken> {
        Err(self.0.clone())
    }
}
