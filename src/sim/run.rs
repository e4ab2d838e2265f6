//! One run: a world driven to its end, judged record by record, summed up in an outcome.
//!
//! Not here: how an outcome is printed, or several seeds (`explore`).

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::base::rng::RNG_VERSION;
use crate::base::time::Instant;
use crate::base::units::hex;
use crate::crypto::model::Model;
use crate::crypto::p256::{P256, PureP256};
use crate::crypto::shared::Shared;
use crate::crypto::suite::Suite;
use crate::oracle::batch::{Batch, Part};
use crate::oracle::escrow::Escrow;
use crate::oracle::panel::Panel;
use crate::scenario::plan::{Plan, SuiteName};
use crate::sim::body::Remote;
use crate::sim::pace::Pacer;
use crate::sim::service::RemoteServer;
use crate::sim::shards::{Going, Shards, USERS_MIN, Whole, shards};
use crate::sim::testimony::{Counted, Scribe, Told};
use crate::sim::world::{Limits, World};
use crate::trace::digest::{Digester, Forms};
use crate::trace::sink::Sink;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::outcome::{Digests, Outcome};

/// What a run does beside running.
pub struct RunOptions<'a> {
    /// Who else wants the records.
    pub sinks: Vec<&'a mut dyn Sink>,
    /// Who takes everything down that the run is judged by.
    pub scribe: Option<&'a mut dyn Scribe>,
    /// Digests beside the full one.
    pub forms: Forms,
    /// When the run is given up.
    pub limits: Limits,
    /// What computes on the curve.
    pub backend: Backend,
    /// Leave the run once it has made this many records: what follows is of no interest.
    pub records_max: Option<u64>,
    /// End at the first finding that fails the run.
    pub fail_fast: bool,
    /// Threads to run and judge on; 0 and 1 mean the caller's. What comes of a run does not depend on it. A
    /// run that may end at any record, or whose records somebody else wants, has one.
    pub threads: usize,
    /// Users of a shard, at least: on several threads, a world with twice as many is spread over shards.
    pub users_min: usize,
    /// Bodies of devices that are not part of the world, by user. A world with such has one thread.
    pub outside: Vec<(u32, Remote)>,
    /// The server, if it is not part of the world.
    pub server: Option<RemoteServer>,
    /// The clock outside that the world keeps to, if it does.
    pub pace: Option<Pacer>,
    /// What the command line set, for the line that shows the run again: `--set PATH=VALUE`.
    pub settings: Vec<String>,
}

/// Records that are judged at once while the world goes on: enough to be worth waking threads for, few enough
/// for a processor's cache.
const BATCH_RECORDS: usize = 4_096;

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self {
            sinks: Vec::new(),
            scribe: None,
            forms: Forms::default(),
            limits: Limits::default(),
            backend: Backend::default(),
            records_max: None,
            fail_fast: false,
            threads: 1,
            users_min: USERS_MIN,
            outside: Vec::new(),
            server: None,
            pace: None,
            settings: Vec::new(),
        }
    }
}

impl RunOptions<'_> {
    /// Whether the run goes to its end, and nobody wants its records as they come.
    const fn takes_batches(&self) -> bool {
        let watched = !self.sinks.is_empty() || self.scribe.is_some();
        !watched && self.records_max.is_none() && !self.fail_fast
    }

    /// Why a run of this plan is not spread over the threads that it is given; nothing if it is given one, or
    /// is spread.
    #[must_use]
    pub fn whole(&self, plan: &Plan) -> Option<Whole> {
        match self.threads {
            0 | 1 => None,
            _ if !self.takes_batches() => Some(Whole::Watched),
            threads => shards(plan, threads, self.users_min).err(),
        }
    }

    /// The threads to run and judge on, if there is more than one.
    fn pool(&self) -> Option<ThreadPool> {
        if self.threads < 2 || !self.outside.is_empty() || self.server.is_some() {
            return None;
        }
        ThreadPoolBuilder::new().num_threads(self.threads).build().ok()
    }
}

/// What computes agreements and verifies signatures on the curve; the octets are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Backend {
    /// The fastest that is built.
    #[default]
    Best,
    /// Rust alone.
    Pure,
}

impl Backend {
    /// Whether [`Self::Best`] is other code than [`Self::Pure`].
    pub const DIFFER: bool = cfg!(feature = "fast-crypto");
}

/// Runs a plan.
pub fn run(plan: &Arc<Plan>, options: RunOptions<'_>) -> Outcome {
    match (plan.suite, options.backend) {
        // What is shared may come from another backend, so that this one shares nothing.
        (SuiteName::P256, Backend::Pure) => run_with::<PureP256>(plan, options),
        (SuiteName::P256, Backend::Best) if plan.share_agreements => {
            run_with::<Shared<P256>>(plan, options)
        }
        (SuiteName::P256, Backend::Best) => run_with::<P256>(plan, options),
        (SuiteName::Model, Backend::Best | Backend::Pure) => run_with::<Model>(plan, options),
    }
}

fn run_with<S: Suite>(plan: &Arc<Plan>, mut options: RunOptions<'_>) -> Outcome {
    let mut judges = Judges::new::<S>(plan, &options);
    let mut counted = Counted::default();
    match World::<S>::new(Arc::clone(plan), options.limits) {
        Err(limit) => counted.findings.push(refused(&limit.to_string())),
        Ok(mut world) => {
            for (user, remote) in options.outside.drain(..) {
                world.put_outside(user, remote);
            }
            if let Some(server) = options.server.clone() {
                world.put_server_outside(server);
            }
            if let Some(pace) = options.pace.take() {
                world.keep_to(pace);
            }
            if !options.takes_batches() {
                judge_step_by_step(&mut world, &mut judges, &mut options);
                counted.take(&mut world);
            } else if let Some(pool) = options.pool() {
                let users_min = options.users_min;
                pool.install(|| judge_beside(world, users_min, &mut judges, &mut counted));
            } else {
                judge_in_turn(&mut world, &mut judges);
                counted.take(&mut world);
            }
        }
    }
    options.scribe.iter_mut().for_each(|scribe| scribe.end(&counted));
    sum_up::<S>(plan, &options, judges, counted)
}

/// Judges a run of a plan again by what a scribe took down of it.
///
/// # Errors
/// The first that the testimony gives; what it says until then is not judged.
pub fn judge_again<E>(
    plan: &Plan,
    forms: Forms,
    testimony: impl Iterator<Item = Result<Told, E>>,
) -> Result<Outcome, E> {
    match plan.suite {
        SuiteName::P256 => judge_again_with::<P256, E>(plan, forms, testimony),
        SuiteName::Model => judge_again_with::<Model, E>(plan, forms, testimony),
    }
}

fn judge_again_with<S: Suite, E>(
    plan: &Plan,
    forms: Forms,
    testimony: impl Iterator<Item = Result<Told, E>>,
) -> Result<Outcome, E> {
    let options = RunOptions { forms, ..RunOptions::default() };
    let mut judges = Judges::new::<S>(plan, &options);
    let mut counted = Counted::default();
    for told in testimony {
        match told? {
            Told::Key(held) => judges.panel.escrow().keep(held),
            Told::Record(record) => {
                judges.records += 1;
                judges.panel.observe(&record);
                judges.digester.take(&record);
            }
            Told::End(end) => counted = end,
        }
    }
    Ok(sum_up::<S>(plan, &options, judges, counted))
}

/// Everybody who looks at all records of a run.
struct Judges {
    panel: Panel,
    /// Takes what comes one by one, and at the end what the others have taken.
    digester: Digester,
    /// One of each shard; none while their worlds have them.
    digesters: Vec<Digester>,
    records: u64,
}

impl Judges {
    fn new<S: Suite>(plan: &Plan, options: &RunOptions<'_>) -> Self {
        let users = u32::try_from(plan.devices.len()).unwrap_or(u32::MAX);
        let spec = Arc::clone(&plan.spec);
        let mut panel = if options.threads > 1 { Panel::spread(spec) } else { Panel::new(spec) };
        *panel.escrow() = Escrow::of::<S>();
        let digester = Digester::new(users, RNG_VERSION, options.forms);
        Self { panel, digester, digesters: Vec::new(), records: 0 }
    }

    /// On the threads of the current pool. What is digested here is let go of here too, since the world beside
    /// has more to do.
    fn take_beside(&mut self, batch: &mut Batch) {
        batch.close();
        self.records += batch.len() as u64;
        let Self { panel, digesters, .. } = self;
        rayon::join(|| panel.take_beside(batch), || digest(digesters, batch.parts()));
        if !digesters.is_empty() {
            batch.let_go();
        }
    }

    fn take(&mut self, batch: &Batch) {
        self.records += batch.len() as u64;
        self.panel.take(batch);
    }

    /// Digests the records of these shards from now on.
    fn begin<S: Suite>(&mut self, worlds: &[World<S>]) {
        self.digesters = worlds.iter().map(|_| self.digester.fresh()).collect();
    }

    /// Lets each world digest what it makes: worlds that go side by side have a thread each. `last` was made
    /// before, and is digested first.
    fn lend<S: Suite>(&mut self, worlds: &mut [World<S>], last: &Batch) {
        digest(&mut self.digesters, last.parts());
        let digesters = worlds.iter_mut().zip(self.digesters.drain(..));
        digesters.for_each(|(world, digester)| world.made.digest_with(digester));
    }

    /// Digests what worlds make from now on, as at the beginning: a world beside its judges has more to do than
    /// they.
    fn take_back<S: Suite>(&mut self, worlds: &mut [World<S>]) {
        self.digesters.extend(worlds.iter_mut().filter_map(|world| world.made.take_digester()));
    }
}

/// Digests what nobody has, each part with its digester.
fn digest(digesters: &mut [Digester], parts: &[Part]) {
    let digesters = digesters.iter_mut().zip(parts);
    digesters.for_each(|(digester, part)| digester.take_all(part.undigested()));
}

/// Every record is judged before the next event, so that the run may end at any of them.
fn judge_step_by_step<S: Suite>(
    world: &mut World<S>,
    judges: &mut Judges,
    options: &mut RunOptions<'_>,
) {
    let Judges { panel, digester, records, .. } = judges;
    let mut goes_on = true;
    loop {
        for held in world.take_keys() {
            options.scribe.iter_mut().for_each(|scribe| scribe.key(&held));
            panel.escrow().keep(held);
        }
        for record in world.take_records() {
            *records += 1;
            panel.observe(&record);
            digester.take(&record);
            options.sinks.iter_mut().for_each(|sink| sink.take(&record));
            options.scribe.iter_mut().for_each(|scribe| scribe.record(&record));
        }
        if !goes_on {
            break;
        }
        let failed = || panel.findings().any(|it| it.severity >= Severity::Fail);
        let enough = options.records_max.is_some_and(|most| *records >= most);
        goes_on = !(enough || options.fail_fast && failed()) && world.step();
    }
}

/// The world goes on and is judged in turns.
fn judge_in_turn<S: Suite>(world: &mut World<S>, judges: &mut Judges) {
    let worlds = std::slice::from_mut(world);
    let mut batch = Batch::default();
    judges.begin(worlds);
    judges.lend(worlds, &batch);
    let mut goes_on = true;
    while goes_on {
        goes_on = worlds[0].fill(&mut batch, BATCH_RECORDS);
        judges.take(&batch);
        batch.take_parts().for_each(|judged| worlds[0].made.take_back(judged));
    }
    judges.take_back(worlds);
}

/// What happened is judged while the world goes on, in shards if it can be spread.
fn judge_beside<S: Suite>(
    world: World<S>,
    users_min: usize,
    judges: &mut Judges,
    counted: &mut Counted,
) {
    let threads = rayon::current_num_threads();
    let (mut last, mut next) = (Batch::default(), Batch::default());
    let mut stage = match shards(&world.plan, threads, users_min) {
        Ok(count) => Stage::Spread(Shards::of(world, count)),
        Err(why) => {
            let case = &world.plan.case;
            if let Whole::Small(_) = why {
                tracing::info!(case, "the world is on one thread: {why}");
            } else {
                tracing::warn!(case, "the world is on one thread: {why}");
            }
            Stage::Whole(world)
        }
    };
    judges.begin(stage.worlds());
    let mut goes_on = true;
    while goes_on {
        if let Stage::Spread(shards) = &mut stage
            && shards.is_dense()
        {
            judges.lend(shards.worlds(), &last);
            goes_on = shards.go_beside(BATCH_RECORDS, || judges.take_beside(&mut last));
            shards.gather(&mut next);
        } else {
            judges.take_back(stage.worlds());
            (goes_on, ()) = rayon::join(|| stage.fill(&mut next), || judges.take_beside(&mut last));
        }
        std::mem::swap(&mut last, &mut next);
        stage.take_back(&mut next);
    }
    judges.take_back(stage.worlds());
    judges.take_beside(&mut last);
    stage.worlds().iter_mut().for_each(|world| counted.take(world));
}

/// A world that may be spread over shards.
#[allow(clippy::large_enum_variant, reason = "there is one")]
enum Stage<S: Suite> {
    Whole(World<S>),
    Spread(Shards<S>),
}

impl<S: Suite> Stage<S> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        match self {
            Self::Whole(world) => world.fill(batch, BATCH_RECORDS),
            Self::Spread(shards) => shards.fill(batch, BATCH_RECORDS, Going::InTurn),
        }
    }

    fn worlds(&mut self) -> &mut [World<S>] {
        match self {
            Self::Whole(world) => std::slice::from_mut(world),
            Self::Spread(shards) => shards.worlds(),
        }
    }

    /// Takes back what was judged.
    fn take_back(&mut self, batch: &mut Batch) {
        match self {
            Self::Whole(world) => {
                batch.take_parts().for_each(|judged| world.made.take_back(judged))
            }
            Self::Spread(shards) => shards.take_back(batch),
        }
    }
}

fn refused(limit: &str) -> Finding {
    Finding {
        severity: Severity::Inconclusive,
        oracle: "limit".to_owned(),
        requirements: Vec::new(),
        at: Instant::START,
        message: limit.to_owned(),
        records: Vec::new(),
    }
}

fn sum_up<S: Suite>(
    plan: &Plan,
    options: &RunOptions<'_>,
    judges: Judges,
    counted: Counted,
) -> Outcome {
    let Judges { panel, mut digester, digesters, records } = judges;
    digesters.iter().for_each(|it| digester.absorb(it));
    let digest = digester.digest();
    let docket = panel.conclude(counted.now, &plan.claimed);
    let mut findings = docket.findings;
    findings.extend(counted.findings);
    findings.sort_by(|one, other| {
        (one.at, &one.oracle, &one.message).cmp(&(other.at, &other.oracle, &other.message))
    });
    let mut metrics = docket.metrics;
    metrics.add("cpu.nanoseconds", counted.spent.0.as_nanos());
    metrics.add("cpu.nanojoules", counted.spent.1);
    let text = |hash: crate::base::id::Hash32| hex(&hash.0);
    Outcome {
        case: plan.case.clone(),
        title: plan.title.clone(),
        seed: plan.seed,
        suite: S::NAME.to_owned(),
        verdict: Outcome::judge(&findings),
        verified: docket.verified,
        findings,
        evidence: docket.evidence,
        evaluated: docket.evaluated.into_iter().map(|(id, n)| (id.to_owned(), n)).collect(),
        claimed: plan.claimed.clone(),
        reached: docket.reached.into_iter().collect(),
        metrics,
        events: counted.events,
        records,
        virtual_time: counted.now.since(Instant::START),
        digest: Digests {
            full: text(digest.full),
            masked: digest.masked.map(text).unwrap_or_default(),
            black_box: digest.black_box.map(text).unwrap_or_default(),
        },
        repro: repro(plan, &options.settings),
    }
}

/// The command that shows a run again.
fn repro(plan: &Plan, settings: &[String]) -> String {
    let mut line = format!("peadsim run {} --seed {}", plan.source, plan.seed);
    for setting in settings {
        line.push_str(" --set ");
        line.push_str(setting);
    }
    line
}
