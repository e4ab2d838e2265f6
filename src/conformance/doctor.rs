//! Whether a rig is fit to test a device or a server with: the way to it, its answers, their times, its clock.
//!
//! Within seconds and one thing after another, so that whoever sets up a rig sees where it ends. Not here:
//! whether what is there keeps to its protocol, which is what tests are for.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::base::lock::lock;
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::conformance::attached::{Attached, SharedLink};
use crate::conformance::message::{Method, Welcome};
use crate::conformance::rig::Rig;
use crate::conformance::server_attached::AttachedServer;
use crate::conformance::timing::is_fit;
use crate::runtime::clock::Stopwatch;
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside as _};
use crate::sim::service::{OutsideServer as _, ServerAnswer, ServerHappening};
use crate::verdict::conformity::Role;

/// How long an examination takes at most, its last question not counted.
pub const BOUND: Duration = Duration::from_secs(15);
/// How many round trips are measured, and how long that may take.
const TRIPS: usize = 100;
const TRIPS_BOUND: Duration = Duration::from_secs(3);
/// How often the clock is moved.
const STEPS: usize = 5;

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it should be: no test means anything.
    Bad,
    /// Worth knowing.
    Note,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// In words.
    pub text: String,
}

/// What was found, in order; the last is bad if the rig is not fit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Report {
    /// All of it.
    pub checks: Vec<Check>,
}

impl Report {
    /// What makes the rig unfit, if anything does.
    #[must_use]
    pub fn cause(&self) -> Option<&Check> {
        self.checks.iter().find(|it| it.state == State::Bad)
    }

    fn add(&mut self, check: &'static str, state: State, text: impl Into<String>) {
        self.checks.push(Check { check, state, text: text.into() });
    }

    /// Adds what came of something; none, and bad, if that is an error.
    fn take<T, E: std::fmt::Display>(
        &mut self,
        check: &'static str,
        it: Result<T, E>,
    ) -> Option<T> {
        it.map_err(|error| self.add(check, State::Bad, error.to_string())).ok()
    }
}

/// What tests on a real clock would ask of a rig.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The bounds of each case, the tightest of it: name, bound, and whose that is.
    pub bounds: Vec<(String, Duration, &'static str)>,
    /// Seconds of the world in a second.
    pub scale: NonZeroU32,
}

impl Timing {
    /// Whether a rig is fast enough for them at which 99 of 100 answers come within that time.
    fn judge(&self, slowest: Duration, report: &mut Report) {
        let slowest = slowest.times(u64::from(self.scale.get()));
        let Some((case, bound, oracle)) = self.bounds.iter().min_by_key(|it| it.1) else { return };
        let slow = self.bounds.iter().filter(|it| !is_fit(slowest, it.1)).count();
        let whose = format!("{bound}, the tightest bound on a real clock ({oracle} in {case})");
        if slow == 0 {
            let text = format!("p99 is within a quarter of {whose}");
            return report.add("timing", State::Good, text);
        }
        let text = format!(
            "rig too slow: p99 is {slowest} of the device's time, more than a quarter of {whose}; {slow} of {} \
             cases would be inconclusive rather than fail by it",
            self.bounds.len()
        );
        report.add("timing", State::Note, text);
    }
}

/// Looks at a rig with the device of this plan's first user, or with the plan's server.
#[must_use]
pub fn examine(rig: &Rig, plan: &Plan, timing: &Timing) -> Report {
    let mut report = Report::default();
    // Whether it goes on or not, what was found so far is told.
    let _ = look(rig, plan, timing, &mut report);
    report
}

fn look(rig: &Rig, plan: &Plan, timing: &Timing, report: &mut Report) -> Option<()> {
    let watch = Stopwatch::start();
    let link = report.take("endpoint", rig.reach(Duration::from_secs(1)))?;
    report.add("endpoint", State::Good, "reached, and nobody else uses it");
    let link = Arc::new(Mutex::new(link));
    let greeted = rig.greet(&link);
    boot_log(&link, report);
    let welcome = report.take("hello", greeted)?;
    hello(&welcome, report);
    let slowest = round_trips(&link, report)?;
    timing.judge(slowest, report);
    let role = rig.role();
    let settled = settle(&link, plan, role, report);
    if watch.elapsed() < BOUND && settled.is_some() {
        clock(&link, plan, role, report)?;
    } else if settled.is_some() {
        report.add("clock", State::Note, format!("left out: {BOUND} are over"));
    }
    frames(&link, report);
    settled?;
    report.take("shutdown", rig.close(&link))?;
    report.add("shutdown", State::Good, "it ends the session when it is told to");
    Some(())
}

/// What the device has printed beside its messages.
fn boot_log(link: &SharedLink, report: &mut Report) {
    let log = lock(link).log();
    let text = match log.last() {
        Some(last) if log.len() == 1 => format!("one line: `{last}`"),
        Some(last) => format!("{} lines, the last is `{last}`", log.len()),
        None => "none".to_owned(),
    };
    report.add("boot log", State::Note, text);
}

fn hello(Welcome { proto, product, capabilities, .. }: &Welcome, report: &mut Report) {
    let text = format!(
        "{} {} {}, version {proto} of the attachment protocol",
        product.vendor, product.model, product.version
    );
    report.add("hello", State::Good, text);
    report.add(
        "probe",
        State::Good,
        "an unknown field is ignored, an unknown method unimplemented",
    );
    let map = capabilities.as_map();
    let (all, can) = (map.len(), map.values().filter(|can| **can).count());
    report.add("declaration", State::Good, format!("complete: {can} of {all} capabilities"));
}

/// How long an answer takes that takes no work.
fn round_trips(link: &SharedLink, report: &mut Report) -> Option<Duration> {
    let mut link = lock(link);
    let (watch, mut times) = (Stopwatch::start(), Vec::new());
    while times.len() < TRIPS && (times.is_empty() || watch.elapsed() < TRIPS_BOUND) {
        let trip = Stopwatch::start();
        let ping = link.call::<serde_json::Value>(&Method::Ping {}, u64::MAX);
        report.take("round trips", ping)?;
        times.push(trip.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    let text = format!("{}: p50 {}, p99 {}", times.len(), at(50), at(99));
    report.add("round trips", State::Good, text);
    Some(at(99))
}

/// What is at the end of the link, in its part.
enum Party {
    Device(Attached),
    Server(AttachedServer),
}

/// How many things it said, and when it wants to go on.
type Told = Result<(usize, Option<Instant>), String>;

impl Party {
    fn make(link: &SharedLink, plan: &Plan, role: Role) -> Result<Self, String> {
        let link = Arc::clone(link);
        match role {
            Role::Device => Attached::provision(link, plan, 0).map(Self::Device),
            Role::Server => AttachedServer::provision(link, plan).map(Self::Server),
        }
        .map_err(|it| it.to_string())
    }

    fn start(&mut self, now: Now) -> Told {
        match self {
            Self::Device(it) => told(it.happen(now, None, Happening::Start(None))),
            Self::Server(it) => told_by_server(it.happen(now, None, ServerHappening::Start)),
        }
    }

    fn wake(&mut self, now: Now) -> Told {
        match self {
            Self::Device(it) => told(it.happen(now, None, Happening::Timeout)),
            Self::Server(it) => told_by_server(it.happen(now, None, ServerHappening::Timeout)),
        }
    }

    /// Asks for a fence; a server has one in every answer.
    fn fence(&mut self, now: Now) -> Told {
        match self {
            Self::Device(it) => told(it.happen(now, None, Happening::Fence)),
            Self::Server(_) => self.wake(now),
        }
    }
}

fn told(answer: Result<Answer, Broken>) -> Told {
    answer.map(|it| (it.said.len(), it.next)).map_err(|it| it.to_string())
}

fn told_by_server(answer: Result<ServerAnswer, Broken>) -> Told {
    answer.map(|it| (it.said.len(), it.next)).map_err(|it| it.to_string())
}

/// What the clocks show at the start.
const START: Now = Now { at: Instant::START, wall: Millis::WORLD_START };

/// Makes it, starts it, and asks it for a fence.
fn settle(link: &SharedLink, plan: &Plan, role: Role, report: &mut Report) -> Option<()> {
    let mut party = report.take("provision", Party::make(link, plan, role))?;
    let (said, _) = report.take("provision", party.start(START))?;
    let things = if said == 1 { "thing" } else { "things" };
    let text = format!("it is made and started, and says {said} {things}");
    report.add("provision", State::Good, text);
    report.take("fence", party.fence(START))?;
    report.add("fence", State::Good, "it says when all is out, and so it is");
    Some(())
}

/// Moves the clock to where it is wanted.
fn clock(link: &SharedLink, plan: &Plan, role: Role, report: &mut Report) -> Option<()> {
    let mut party = report.take("clock", Party::make(link, plan, role))?;
    let (_, mut wanted) = report.take("clock", party.start(START))?;
    let mut moved = Instant::START;
    for _ in 0..STEPS {
        let Some(next) = wanted else { break };
        let passed = next.as_nanos() / 1_000_000;
        let now = Now { at: next, wall: Millis(START.wall.0.saturating_add(passed)) };
        (_, wanted) = report.take("clock", party.wake(now))?;
        moved = next;
    }
    let text = format!("followed to {} after the start", moved.since(Instant::START));
    report.add("clock", State::Good, text);
    Some(())
}

/// What a serial line has done to frames.
fn frames(link: &SharedLink, report: &mut Report) {
    let damaged = lock(link).damaged();
    if let Some(damaged) = damaged {
        let state = if damaged == 0 { State::Good } else { State::Note };
        let text = format!("{damaged} came damaged, and were asked for again");
        report.add("frames", state, text);
    }
}
