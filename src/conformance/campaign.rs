//! The tests of a suite, made one after another: each is judged by itself, and what breaks one of them costs
//! that one.
//!
//! Not here: the link to what is under test (`rig`), the verdict of one test (`assess`), or what is told of it.

use std::convert::Infallible;
use std::io;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::conformance::applies::{Inapplicable, applies, applies_to_server};
use crate::conformance::archive::{Archive, Open, Unread};
use crate::conformance::assess::{Alive, Seen, assess};
use crate::conformance::declaration::Declaration;
use crate::conformance::message::Product;
use crate::conformance::suite::{Suite, Test};
use crate::conformance::timing::{cost, excuse, lasts};
use crate::conformance::transcript::{Entry, Fault, Head, Pen, SharedWriter, TRANSCRIPT_VERSION};
use crate::scenario::plan::Plan;
use crate::sim::body::Remote;
use crate::sim::pace::Pacer;
use crate::sim::run::{RunOptions, judge_again, run};
use crate::sim::service::RemoteServer;
use crate::sim::testimony::Scribe;
use crate::trace::digest::Forms;
use crate::trace::sink::Sink;
use crate::verdict::conformity::Role;
use crate::verdict::trial::{Cause, Kept, Mark, Trial};

/// Where what is under test stands.
pub trait Bed {
    /// Which side of the protocol it is.
    fn role(&self) -> Role;

    /// What it says that it is.
    fn product(&self) -> &Product;

    /// What it says that it can do.
    fn declared(&self) -> &Declaration;

    /// Gives it the part of this user's device in a plan; of no user: of the server. What is said goes to the
    /// transcript.
    ///
    /// # Errors
    /// When it cannot take it.
    fn stand(
        &mut self,
        plan: &Plan,
        user: Option<u32>,
        transcript: Option<SharedWriter>,
    ) -> Result<Stood, Fault>;

    /// What a round trip takes by the world's clock, where what is under test keeps its own.
    fn round_trip(&self) -> Option<Duration>;

    /// The longest that an act of the user has taken by the world's clock since it took its part, where what is
    /// under test keeps its own and somebody acts for the user.
    fn lag(&self) -> Option<Duration> {
        None
    }

    /// What broke since it took its part.
    fn fault(&mut self) -> Option<Fault>;

    /// Whether it is still there and says the same of itself.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&mut self) -> Result<(), Fault>;
}

/// What stands outside of a world.
#[derive(Debug, Default)]
pub struct Stood {
    /// Bodies of devices, by user.
    pub bodies: Vec<(u32, Remote)>,
    /// The server, if it is not part of the world.
    pub server: Option<RemoteServer>,
    /// The clock that the world keeps to, if it does.
    pub pace: Option<Pacer>,
}

/// A clock that nobody moves.
#[derive(Clone, Copy, Debug)]
pub struct Real {
    /// Seconds of the world in a second.
    pub scale: NonZeroU32,
    /// Real time that a test may take.
    pub budget: Duration,
}

/// What the tests are made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Version of the program.
    pub program: String,
    /// What the command line sets in every scenario.
    pub set: Vec<String>,
    /// The cryptography, if not the scenario's own.
    pub suite: Option<String>,
    /// Where what is under test has its own clock.
    pub real: Option<Real>,
    /// How often each test is made.
    pub repeat: u32,
    /// The command up to `--only`.
    pub command: String,
}

/// Tests that break the link one after another: then nobody is there any more.
pub const BREAKER: u32 = 5;

/// The tests of a suite in the making.
pub struct Campaign<'a> {
    /// Where what is under test stands.
    pub bed: &'a mut dyn Bed,
    /// Where transcripts are kept.
    pub archive: Option<&'a Archive>,
    /// What the tests are made with.
    pub settings: Settings,
}

/// What was taken up of an earlier run.
#[derive(Debug, Default)]
pub struct TakenUp {
    /// Tests that need not be made again.
    pub tests: u64,
    /// Transcripts that give no verdict, and why.
    pub unread: Vec<(String, Unread)>,
}

impl Campaign<'_> {
    /// Takes the verdicts of tests from transcripts that are there already, of the same tests and the same
    /// device.
    ///
    /// # Errors
    /// When the transcripts cannot be listed.
    pub fn take_up(&self, suite: &mut Suite<'_>) -> io::Result<TakenUp> {
        let mut taken = TakenUp::default();
        let Some(archive) = self.archive else { return Ok(taken) };
        for name in archive.names()? {
            let judged = match archive.judge(&name) {
                Ok(judged) => judged,
                Err(why) => {
                    taken.unread.push((name, why));
                    continue;
                }
            };
            let head = &judged.head;
            let is_same = head.product == *self.bed.product()
                && head.capabilities == *self.bed.declared().as_map()
                && head.suite == self.settings.suite;
            let is_it = |test: &&mut Test<'_>| {
                test.is_wanted()
                    && test.trial.id == head.trial.id
                    && test.trial.content == head.trial.content
            };
            if let Some(test) = suite.0.iter_mut().find(is_it).filter(|_| is_same) {
                taken.tests += 1;
                test.trial = Trial { profiles: test.trial.profiles.clone(), ..judged.now };
            }
        }
        Ok(taken)
    }

    /// Makes every test that is wanted, until `stop` says why no more are to be made. Each is told as soon as
    /// it is over.
    ///
    /// # Errors
    /// When a transcript cannot be written.
    pub fn make(
        &mut self,
        suite: &Suite<'_>,
        stop: &dyn Fn() -> Option<String>,
        told: &mut dyn FnMut(&Trial) -> io::Result<()>,
    ) -> io::Result<Vec<Trial>> {
        let mut trials = Vec::new();
        let mut broken = 0;
        let mut end: Option<String> = None;
        for test in &suite.0 {
            let over = end.clone().or_else(stop);
            let trial = match over {
                Some(why) if test.is_wanted() => test.trial.clone().left(Mark::NotRun, why),
                Some(_) | None if test.is_wanted() => self.make_one(test)?,
                Some(_) | None => test.trial.clone(),
            };
            if trial.mark.is_judged() {
                broken = if self.breaks(&trial) { broken + 1 } else { 0 };
            }
            if broken == BREAKER && end.is_none() {
                end = Some(format!("{BREAKER} tests in a row broke the link"));
            }
            told(&trial)?;
            trials.push(trial);
        }
        Ok(trials)
    }

    /// Whether the link broke in a test, or after one that did not pass nobody is there who says the same of
    /// himself as before.
    fn breaks(&mut self, trial: &Trial) -> bool {
        let by_behavior = matches!(trial.cause, None | Some(Cause::Behavior));
        let gone = trial.mark != Mark::Pass && self.bed.check().is_err();
        gone || trial.mark == Mark::Error || !by_behavior
    }

    fn make_one(&mut self, test: &Test<'_>) -> io::Result<Trial> {
        let mut all = self.make_once(test, 0)?;
        for making in 1..self.settings.repeat {
            if !all.mark.is_judged() {
                break;
            }
            all = all.joined(self.make_once(test, making)?);
        }
        Ok(all)
    }

    fn make_once(&mut self, test: &Test<'_>, making: u32) -> io::Result<Trial> {
        let repro = format!("{} --only '{}'", self.settings.command, test.trial.id);
        let planned = Trial { repro, ..test.trial.clone() };
        let declared = self.bed.declared().clone();
        let suite = self.settings.suite.as_deref();
        let planned_run = test.case.plan(test.seed, suite, declared.as_map());
        let (plan, user) = match planned_run {
            Ok(planned_run) => planned_run,
            Err(why) => return Ok(planned.left(Mark::Error, why.to_string())),
        };
        let scenario = &test.case.case.scenario;
        let fits = match (self.bed.role(), user) {
            (Role::Device, Some(user)) => applies(scenario, &plan, &declared, user),
            (Role::Server, None) => applies_to_server(&plan, &declared),
            (Role::Device, None) | (Role::Server, Some(_)) => Err(Inapplicable::Side),
        };
        if let Err(why) = fits.and_then(|()| self.affordable(&plan)) {
            return Ok(planned.left(Mark::NotApplicable, why.to_string()));
        }
        let open = self.archive.map(|archive| archive.begin(&test.trial.id, making)).transpose()?;
        let (open, writer) = open.unzip();
        let writer: Option<SharedWriter> = writer.map(|writer| Arc::new(Mutex::new(writer)));
        if let Some(writer) = &writer {
            add(writer, Entry::Head(Box::new(self.head(test, &planned))));
        }
        let seen = self.watch(&plan, user, writer.clone());
        if let (Some(writer), Some(fault)) = (&writer, &seen.fault) {
            add(writer, Entry::Fault(fault.clone()));
        }
        let trial = assess(planned, &plan, seen);
        keep(trial, open, writer)
    }

    /// Whether a test costs no more real time than it may.
    fn affordable(&self, plan: &Plan) -> Result<(), Inapplicable> {
        let Some(Real { scale, budget }) = self.settings.real else { return Ok(()) };
        let cost = cost(lasts(plan), scale);
        if cost > budget { Err(Inapplicable::Costs(cost, budget)) } else { Ok(()) }
    }

    fn head(&self, test: &Test<'_>, planned: &Trial) -> Head {
        Head {
            version: TRANSCRIPT_VERSION,
            program: self.settings.program.clone(),
            trial: planned.clone(),
            case: test.case.case.id.clone(),
            seed: test.seed,
            device: test.case.device.as_ref().map(ToString::to_string),
            suite: self.settings.suite.clone(),
            set: self.settings.set.clone(),
            role: self.bed.role(),
            product: self.bed.product().clone(),
            capabilities: self.bed.declared().as_map().clone(),
            round_trip: self.bed.round_trip(),
            texts: test.case.texts(),
        }
    }

    /// Runs a plan with what is under test in its part.
    fn watch(&mut self, plan: &Arc<Plan>, user: Option<u32>, writer: Option<SharedWriter>) -> Seen {
        let mut alive = Alive::of(user);
        let mut pen = writer.clone().map(Pen);
        let forms = Forms { masked: false, black_box: true };
        let stood = self.bed.stand(plan, user, writer.clone());
        let Stood { bodies: outside, server, pace } = match stood {
            Ok(stood) => stood,
            Err(fault) => {
                let Ok(outcome) = judge_again::<Infallible>(plan, forms, std::iter::empty());
                return Seen { outcome, fault: Some(fault), said: 0 };
            }
        };
        let options = RunOptions {
            sinks: vec![&mut alive as &mut dyn Sink],
            scribe: pen.as_mut().map(|pen| pen as &mut dyn Scribe),
            forms,
            outside,
            server,
            pace,
            ..RunOptions::default()
        };
        let mut outcome = run(plan, options);
        if let Some(round_trip) = self.bed.round_trip() {
            let lag = self.bed.lag();
            if let (Some(writer), Some(lag)) = (&writer, lag) {
                add(writer, Entry::Lag(lag));
            }
            excuse(plan, &mut outcome, round_trip, lag);
        }
        Seen { outcome, fault: self.bed.fault(), said: alive.said }
    }
}

fn add(writer: &SharedWriter, entry: Entry) {
    lock(writer).add(entry);
}

/// Ends the transcript of a test with its verdict.
fn keep(trial: Trial, open: Option<Open>, writer: Option<SharedWriter>) -> io::Result<Trial> {
    let (Some(open), Some(writer)) = (open, writer) else { return Ok(trial) };
    let mut writer = lock(&writer);
    writer.add(Entry::Verdict(Box::new(trial.clone())));
    let root = writer.finish()?;
    let file = open.name.clone();
    open.publish()?;
    Ok(Trial { transcript: Some(Kept { file, root }), ..trial })
}
