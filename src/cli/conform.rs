//! `peadsim conform`: scenarios with a device under test, which is attached from outside.
//!
//! Not here: the attachment protocol (`conformance`), or judging.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::time::{Duration, Now};
use crate::cli::args::Conform;
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs::{Job, jobs};
use crate::cli::output;
use crate::cli::run::{Outsiders, run_jobs};
use crate::cli::setup;
use crate::cli::words::{Clock as ClockWord, Format};
use crate::conformance::applies::{Inapplicable, applies};
use crate::conformance::attached::{Attached, Clock, SharedLink, greet};
use crate::conformance::declaration::Declaration;
use crate::conformance::link::{Line, Link, LinkFault};
use crate::conformance::message::Welcome;
use crate::conformance::opaque::make_opaque;
use crate::conformance::paced::{Paced, round_trip};
use crate::conformance::timing::{cost, lasts};
use crate::conformance::transport::{Exec, Socket};
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside, Remote};
use crate::sim::pace::Pacer;

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
    let round_trip = rig.round_trip(&link)?;
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
        rig.stand(&link, plan, user, round_trip)
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
        let user = applies(&job.case.scenario, &plan, declared, args.role.as_deref());
        match user.and_then(|user| affordable(&plan, args).map(|()| user)) {
            Ok(user) => fitting.push((*job, user)),
            Err(why) => others.push((*job, why)),
        }
    }
    Ok((fitting, others))
}

/// Whether a run costs no more real time than it may.
fn affordable(plan: &Plan, args: &Conform) -> Result<(), Inapplicable> {
    if args.clock == ClockWord::Virtual {
        return Ok(());
    }
    let cost = cost(lasts(plan), args.time_scale);
    if cost > args.budget_case {
        return Err(Inapplicable::Costs(cost, args.budget_case));
    }
    output::note(&format!(
        "{}: about {} s of real time\n",
        plan.case,
        cost.as_millis().div_ceil(1_000)
    ));
    Ok(())
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
        let welcome = greet(&mut link, "peadsim", self.clock()).and_then(|welcome| {
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

    /// What a round trip takes by the world's clock, where the device has its own.
    fn round_trip(&self, link: &SharedLink) -> Result<Option<Duration>, CliError> {
        let Clock::Real(scale) = self.clock() else { return Ok(None) };
        let taken = round_trip(link)
            .map_err(|fault| CliError::Rig(format!("the device cannot be tested: {fault}")))?;
        if self.args.run.format == Format::Human {
            output::print(&format!("round trip    {taken}, of 99 in 100\n"))?;
        }
        Ok(Some(taken.times(u64::from(scale.get()))))
    }

    const fn clock(&self) -> Clock {
        match self.args.clock {
            ClockWord::Virtual => Clock::Virtual,
            ClockWord::Real => Clock::Real(self.args.time_scale),
        }
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
    fn stand(
        &self,
        link: &Mutex<SharedLink>,
        plan: &Plan,
        user: u32,
        round_trip: Option<Duration>,
    ) -> Outsiders {
        let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = |why: String| {
            let body: Remote = Arc::new(Mutex::new(Dead(Broken(why))));
            Outsiders { bodies: vec![(user, body)], ..Outsiders::default() }
        };
        if link.lock().unwrap_or_else(PoisonError::into_inner).is_broken() {
            match self.connect() {
                Ok((again, _)) => *link = again,
                Err(error) => return dead(error.to_string()),
            }
        }
        let (link, budget) = (Arc::clone(&link), self.args.budget_case);
        let stood = match self.clock() {
            Clock::Virtual => Attached::provision(link, plan, user).map(|it| {
                let body: Remote = Arc::new(Mutex::new(it));
                (body, None)
            }),
            Clock::Real(scale) => Paced::provision(link, plan, user, scale, budget).map(|it| {
                let paced = Arc::new(Mutex::new(it));
                let (body, pace): (Remote, Pacer) = (paced.clone(), paced);
                (body, Some(pace))
            }),
        };
        match stood {
            Ok((body, pace)) => Outsiders { bodies: vec![(user, body)], pace, round_trip },
            Err(fault) => dead(fault.to_string()),
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
