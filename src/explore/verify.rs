//! The determinism certificate: the same runs made in several ways give the same digests (design 3 and 5).
//!
//! A run is made again after all others on the same thread, then on more threads in the opposite order, on
//! the other suite, and on the reference backend. Where two ways differ, bisection finds the first record
//! that does. Not here: digests stored from earlier builds (`golden`), or files.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use crate::explore::attempt::attempt;
use crate::explore::bisect::{Arm, Parting, bisect};
use crate::explore::campaign::in_order;
use crate::scenario::plan::{Plan, SuiteName};
use crate::sim::run::{Backend, RunOptions};
use crate::trace::checkpoint::Form;
use crate::trace::digest::Forms;
use crate::trace::sink::Sink;
use crate::trace::trail::Trail;
use crate::verdict::outcome::Digests;

/// One way to make the runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// As the scenario says; the others are compared with this one.
    First,
    /// Once more, on the thread that has made every run before.
    Again,
    /// Spread over this many threads, the last one first, each of them with as many of its own.
    Threads(NonZeroUsize),
    /// The real suite in place of the model, or the other way round: equal but for what keys go into.
    OtherSuite,
    /// The real suite on the reference backend.
    Pure,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("the first time"),
            Self::Again => f.write_str("again on one thread"),
            Self::Threads(threads) => write!(f, "on {threads} threads"),
            Self::OtherSuite => f.write_str("on the other suite"),
            Self::Pure => f.write_str("on the pure backend"),
        }
    }
}

impl Way {
    /// All ways on up to this many threads, which are doubled from way to way.
    #[must_use]
    pub fn all(threads: NonZeroUsize) -> Vec<Self> {
        let doubled = std::iter::successors(Some(2_usize), |it| it.checked_mul(2));
        let doubled = doubled.take_while(|it| *it < threads.get()).filter_map(NonZeroUsize::new);
        let mut ways = vec![Self::Again];
        ways.extend(doubled.map(Self::Threads));
        ways.extend(Some(Self::Threads(threads)).filter(|_| threads.get() > 1));
        ways.push(Self::OtherSuite);
        ways.extend(Some(Self::Pure).filter(|_| Backend::DIFFER));
        ways
    }

    /// The plan and the backend of this way; nothing if it is not for this plan.
    fn of(self, plan: &Arc<Plan>) -> Option<(Arc<Plan>, Backend)> {
        let on = |suite| Arc::new(Plan { suite, ..(**plan).clone() });
        let fleet = plan.devices.len() > SUITES_DEVICES_MAX;
        match self {
            Self::First | Self::Again | Self::Threads(_) => Some((Arc::clone(plan), Backend::Best)),
            Self::OtherSuite | Self::Pure if fleet => None,
            Self::OtherSuite => Some((on(other_suite(plan.suite)), Backend::Best)),
            Self::Pure => Some((on(SuiteName::P256), Backend::Pure)),
        }
    }

    /// What a run made this way is compared with, and in which form.
    const fn against(self, suite: SuiteName) -> (Self, Form) {
        match (self, suite) {
            (Self::OtherSuite, _) => (Self::First, Form::Masked),
            (Self::Pure, SuiteName::Model) => (Self::OtherSuite, Form::Full),
            (Self::First | Self::Again | Self::Threads(_) | Self::Pure, _) => {
                (Self::First, Form::Full)
            }
        }
    }
}

const fn other_suite(suite: SuiteName) -> SuiteName {
    match suite {
        SuiteName::P256 => SuiteName::Model,
        SuiteName::Model => SuiteName::P256,
    }
}

/// Larger fleets stay on their own suite: the real one takes hours for them.
pub const SUITES_DEVICES_MAX: usize = 256;

/// Differences that are bisected; of more, only where they are is told.
pub const BISECTED_MAX: usize = 5;

/// What is run.
pub struct Runs<'a> {
    /// How many.
    pub count: usize,
    /// The plan of each, or why it has none.
    pub plan: &'a (dyn Fn(usize) -> Result<Arc<Plan>, String> + Sync),
}

/// How it is run.
pub struct Settings<'a> {
    /// In which ways after the first; [`Way::Pure`] comes after [`Way::OtherSuite`].
    pub ways: Vec<Way>,
    /// Threads for what does not count its threads.
    pub threads: NonZeroUsize,
    /// Whether trails are kept.
    pub trails: bool,
    /// Whether it is enough.
    pub stopped: &'a (dyn Fn() -> bool + Sync),
}

/// A run as it was made the first time.
#[derive(Clone, Debug)]
pub struct First {
    /// The case.
    pub case: String,
    /// The seed.
    pub seed: u64,
    /// Its digests.
    pub digests: Digests,
    /// Its trail of records; empty unless it is kept.
    pub trail: Trail,
}

/// How many runs of a way were equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Which way.
    pub way: Way,
    /// Runs with the digest that they should have.
    pub equal: usize,
    /// Runs with another one.
    pub different: usize,
    /// Runs whose world was spread over shards; of the others only the judges were on several threads.
    pub spread: usize,
}

/// A run that came out differently.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// Its position.
    pub run: usize,
    /// The way in which it did.
    pub way: Way,
    /// The way with which it was compared.
    pub against: Way,
    /// In which form.
    pub form: Form,
    /// Where they part, if it was looked for and found.
    pub parting: Option<Parting>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    /// The runs by position, as far as they were made.
    pub firsts: Vec<First>,
    /// The ways after the first.
    pub tallies: Vec<Tally>,
    /// What differs.
    pub mismatches: Vec<Mismatch>,
    /// Why it is not complete, unless it was stopped.
    pub failure: Option<Failure>,
}

/// Why runs cannot be compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A run has no plan: the findings.
    NoPlan(String),
    /// The simulator broke down in a run.
    Broke(String),
}

/// Makes all runs in all ways and compares them. `done` is told of each run. When it is stopped, the way under
/// way is counted as far as it came.
pub fn verify(runs: &Runs<'_>, settings: &Settings<'_>, mut done: impl FnMut(&str)) -> Certificate {
    let mut campaign = Campaign { runs, settings, others: Vec::new(), certificate: <_>::default() };
    campaign.begin(&mut done);
    for way in settings.ways.iter().filter(|way| **way != Way::Again) {
        if campaign.goes_on() {
            campaign.go_on(*way, &mut done);
        }
    }
    campaign.bisect();
    campaign.certificate
}

/// How many runs [`verify`] makes at most, so that somebody may show how far it is.
#[must_use]
pub const fn count(runs: &Runs<'_>, settings: &Settings<'_>) -> usize {
    runs.count * (settings.ways.len() + 1)
}

/// A run in one way, and the suite of its scenario.
struct Made {
    suite: SuiteName,
    /// Whether its world was spread over shards.
    spread: bool,
    run: First,
}

/// Makes a run; nothing if it is not to be made in this way.
fn make(
    runs: &Runs<'_>,
    settings: &Settings<'_>,
    run: usize,
    way: Way,
) -> Option<Result<Made, Failure>> {
    let plan = match (runs.plan)(run) {
        Ok(plan) => plan,
        Err(text) => return Some(Err(Failure::NoPlan(text))),
    };
    let (varied, backend) = way.of(&plan)?;
    let mut trail = Trail::default();
    let threads = if let Way::Threads(threads) = way { threads.get() } else { 1 };
    // Every world is spread that can be, however small.
    let mut options = RunOptions { backend, threads, users_min: 1, ..RunOptions::default() };
    options.forms = Forms { masked: true, black_box: false };
    if settings.trails && way == Way::First {
        options.sinks.push(&mut trail);
    }
    let spread = threads > 1 && options.whole(&varied).is_none();
    let (case, seed) = (plan.case.clone(), plan.seed);
    Some(match attempt(&varied, options) {
        Ok(outcome) => {
            let run = First { case, seed, digests: outcome.digest, trail };
            Ok(Made { suite: plan.suite, spread, run })
        }
        Err(text) => {
            Err(Failure::Broke(format!("{case} with seed {seed} broke down {way}: {text}")))
        }
    })
}

/// Makes a run again for somebody who looks at its records. What counts its threads gets a new one.
fn play(plan: &Arc<Plan>, way: Way, sink: &mut (dyn Sink + Send), records_max: u64) {
    let Some((plan, backend)) = way.of(plan) else { return };
    let mut play = move || {
        let mut options = RunOptions { backend, ..RunOptions::default() };
        options.records_max = Some(records_max);
        options.sinks.push(sink);
        // A breakdown is an end, and its records so far are what is compared.
        let _ = attempt(&plan, options);
    };
    if matches!(way, Way::Threads(_)) {
        thread::scope(|scope| {
            let _ = scope.spawn(play).join();
        });
    } else {
        play();
    }
}

struct Campaign<'a> {
    runs: &'a Runs<'a>,
    settings: &'a Settings<'a>,
    /// The digests of each run on the other suite.
    others: Vec<Option<Digests>>,
    certificate: Certificate,
}

impl Campaign<'_> {
    fn goes_on(&self) -> bool {
        !(self.settings.stopped)() && self.certificate.failure.is_none()
    }

    /// The first way, and if it is wanted once more on the same thread: what a run leaves there meets the next.
    fn begin(&mut self, done: &mut dyn FnMut(&str)) {
        let again = self.settings.ways.contains(&Way::Again);
        let mut jobs: Vec<_> = (0..self.runs.count).map(|run| (run, Way::First)).collect();
        if again {
            jobs.extend((0..self.runs.count).map(|run| (run, Way::Again)));
            self.tally(Way::Again);
        }
        self.campaign(&jobs, if again { NonZeroUsize::MIN } else { self.settings.threads }, done);
    }

    fn go_on(&mut self, way: Way, done: &mut dyn FnMut(&str)) {
        let threads = if let Way::Threads(threads) = way { threads } else { self.settings.threads };
        let jobs: Vec<_> = (0..self.others.len()).rev().map(|run| (run, way)).collect();
        self.tally(way);
        self.campaign(&jobs, threads, done);
    }

    fn tally(&mut self, way: Way) {
        self.certificate.tallies.push(Tally { way, equal: 0, different: 0, spread: 0 });
    }

    /// Makes runs and takes them in.
    fn campaign(
        &mut self,
        jobs: &[(usize, Way)],
        threads: NonZeroUsize,
        done: &mut dyn FnMut(&str),
    ) {
        let (runs, settings) = (self.runs, self.settings);
        in_order(
            jobs,
            threads,
            settings.stopped,
            |(run, way)| make(runs, settings, *run, *way),
            |(run, way), made| {
                match made {
                    None => {}
                    Some(Ok(made)) => {
                        done(&made.run.case);
                        self.take(*run, *way, made);
                    }
                    Some(Err(failure)) => {
                        self.certificate.failure = Some(failure);
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            },
        );
    }

    /// A run was made. Those of the first way come in order, and before all others.
    fn take(&mut self, run: usize, way: Way, made: Made) {
        if way == Way::First {
            self.others.push(None);
            self.certificate.firsts.push(made.run);
            return;
        }
        let (against, form) = way.against(made.suite);
        let expected = match against {
            Way::OtherSuite => self.others[run].as_ref(),
            Way::First | Way::Again | Way::Threads(_) | Way::Pure => {
                Some(&self.certificate.firsts[run].digests)
            }
        };
        let Some(expected) = expected else { return };
        let equal = match form {
            Form::Full => made.run.digests.full == expected.full,
            Form::Masked => made.run.digests.masked == expected.masked,
        };
        let tally = self.certificate.tallies.iter_mut().find(|tally| tally.way == way);
        if let Some(tally) = tally {
            *(if equal { &mut tally.equal } else { &mut tally.different }) += 1;
            tally.spread += usize::from(made.spread);
        }
        if !equal {
            let mismatch = Mismatch { run, way, against, form, parting: None };
            self.certificate.mismatches.push(mismatch);
        }
        if way == Way::OtherSuite {
            self.others[run] = Some(made.run.digests);
        }
    }

    /// Looks for the places where the first few runs that differ do so.
    fn bisect(&mut self) {
        for mismatch in self.certificate.mismatches.iter_mut().take(BISECTED_MAX) {
            if let Ok(plan) = (self.runs.plan)(mismatch.run) {
                let Mismatch { way, against, form, .. } = *mismatch;
                let one: Arm<'_> = &|sink, until| play(&plan, against, sink, until);
                let other: Arm<'_> = &|sink, until| play(&plan, way, sink, until);
                mismatch.parting = bisect(form, [one, other]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::subject;
    use crate::scenario::read::{Extras, read_text};
    use crate::sim::leak;
    use crate::trace::fact::Fact;

    /// The certificate of a few runs of a small scenario with this ID.
    fn certificate(id: &str, ways: Vec<Way>) -> Certificate {
        let text = format!(
            "peadsim: 1\nid: {id}\ntitle: t\ndevices: {{alice: {{}}, bob: {{}}}}\n\
             steps: [{{send: {{from: alice, to: bob}}}}]\nexpect: []\n"
        );
        let reading = read_text("a.yaml", &text, &Extras::default());
        let plan = |run: usize| {
            let seed = run as u64 + 1;
            subject::plan(&reading, &reading.cases[0], "a.yaml", seed).map(Arc::new)
        };
        let settings =
            Settings { ways, threads: NonZeroUsize::MIN, trails: false, stopped: &|| false };
        verify(&Runs { count: 3, plan: &plan }, &settings, |_| ())
    }

    fn ways(threads: usize) -> Vec<Way> {
        Way::all(NonZeroUsize::new(threads).unwrap())
    }

    #[test]
    fn threads_are_doubled_up_to_the_most() {
        let counts = |threads| {
            let counted = |way| if let Way::Threads(n) = way { Some(n.get()) } else { None };
            ways(threads).into_iter().filter_map(counted).collect::<Vec<_>>()
        };
        assert_eq!(counts(1), [0; 0]);
        assert_eq!(counts(2), [2]);
        assert_eq!(counts(6), [2, 4, 6]);
        assert_eq!(counts(8), [2, 4, 8]);
    }

    #[test]
    fn a_determined_simulator_is_certified() {
        let certificate = certificate("SOUND", ways(3));
        assert_eq!((certificate.failure, certificate.mismatches.len()), (None, 0));
        for Tally { way, equal, different, spread } in certificate.tallies {
            assert_eq!((equal, different), (3, 0), "{way}");
            let shards = if let Way::Threads(_) = way { 3 } else { 0 };
            assert_eq!(spread, shards, "two devices are enough {way}");
        }
    }

    #[test]
    fn a_leak_is_found_and_bisected_to_the_first_record() {
        let certificate = certificate(leak::CASE, vec![Way::Again, ways(2)[1]]);
        for way in [Way::Again, ways(2)[1]] {
            let found = certificate.mismatches.iter().find(|it| it.way == way);
            let parting = found.and_then(|it| it.parting.clone()).unwrap();
            let difference = &parting.difference;
            let (left, right) = (&difference.left[0], &difference.right[0]);
            assert_eq!((left.id, left.cause), (right.id, right.cause), "the same frame");
            assert!(matches!(left.fact, Fact::Rx(_)) && left.at != right.at, "arrives later");
            assert!(difference.fields().iter().any(|field| field.path == "at"));
            let cause = parting.causes[0].as_ref().unwrap();
            assert!(matches!(cause.fact, Fact::Tx(_)) && Some(cause.id) == left.cause);
            assert_eq!(parting.causes[0], parting.causes[1], "what led to it is the same");
        }
    }
}
