//! Plans for tests of the world, written by hand, and what their runs left. Not here: the scenario language.

use std::sync::Arc;

use peadsim::base::id::{DraftId, UserId};
use peadsim::base::time::{Duration, Instant};
use peadsim::base::units::Ratio;
use peadsim::network::config::{LinkConfig, Loss};
use peadsim::network::latency::{Distribution, Latency};
use peadsim::oracle::spec::{
    Check, DeviceLimits, Expectation, NameId, Named, NamedThing, Point, PointRef, Spec,
};
use peadsim::proto::config::{DeviceConfig, ServerConfig};
use peadsim::scenario::plan::{
    Action, Cpu, DevicePlan, FrameAct, FrameAddress, FrameOf, Given, LoadPlan, Plan, Profile,
    Start, Step, SuiteName, When, Workload,
};
use peadsim::scenario::resolve::settings::bounds;
use peadsim::sim::run::{RunOptions, run};
use peadsim::trace::digest::Forms;
use peadsim::trace::fact::{Fact, FrameKind, LossCause, Meddling, Phase};
use peadsim::trace::record::Record;
use peadsim::trace::sink::Collect;
use peadsim::verdict::finding::{Finding, Severity};
use peadsim::verdict::outcome::Outcome;

/// What a run left.
pub struct Trace {
    pub outcome: Outcome,
    pub records: Vec<Record>,
}

/// Runs a plan.
pub fn trace(plan: &Arc<Plan>) -> Trace {
    let mut records = Collect::default();
    let options =
        RunOptions { sinks: vec![&mut records], forms: Forms::ALL, ..RunOptions::default() };
    let outcome = run(plan, options);
    Trace { outcome, records: records.0 }
}

impl Trace {
    /// The story, for a test that fails.
    pub fn story(&self) -> String {
        let line = |it: &Record| {
            let cause = it.cause.map(|it| it.to_string()).unwrap_or_default();
            let fact = serde_json::to_string(&it.fact).unwrap();
            let fact: String = fact.chars().take(240).collect();
            format!("{} {} <{cause} {fact}", it.at, it.id)
        };
        self.records.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Fails unless nothing is wrong; these plans expect nothing, which is a finding of its own.
    #[track_caller]
    pub fn passes(self) -> Self {
        let findings = &self.outcome.findings;
        let mut judged = findings.iter().filter(|it| it.severity > Severity::Warning);
        assert!(judged.all(|it| it.oracle == "vacuous"), "{}\n{findings:#?}", self.story());
        self
    }

    /// Records whose fact is of this kind.
    pub fn all(&self, is: impl Fn(&Fact) -> bool) -> Vec<&Record> {
        self.records.iter().filter(|it| is(&it.fact)).collect()
    }

    /// How many facts are of this kind.
    pub fn count(&self, is: impl Fn(&Fact) -> bool) -> usize {
        self.all(is).len()
    }

    /// The first record whose fact is of this kind.
    #[track_caller]
    pub fn first(&self, is: impl Fn(&Fact) -> bool) -> &Record {
        match self.records.iter().find(|it| is(&it.fact)) {
            Some(record) => record,
            None => panic!("no such fact in\n{}", self.story()),
        }
    }

    /// When a phase began.
    pub fn phase(&self, phase: Phase) -> Instant {
        self.first(|fact| *fact == Fact::Phase(phase)).at
    }

    /// When texts were displayed, with what they said.
    pub fn displayed(&self) -> Vec<(Instant, &str)> {
        let displays = self.records.iter().filter_map(|it| {
            let Fact::Display { text, .. } = &it.fact else { return None };
            Some((it.at, text.as_str()))
        });
        displays.collect()
    }

    /// What the findings say.
    pub fn findings(&self) -> Vec<String> {
        let show = |it: &Finding| format!("{:?} {}: {}", it.severity, it.oracle, it.message);
        self.outcome.findings.iter().map(show).collect()
    }
}

/// Was a frame of this kind lost for this reason?
pub fn lost(fact: &Fact, of: FrameKind, because: LossCause) -> bool {
    matches!(fact, Fact::Lost { frame, why } if frame.kind == Some(of) && *why == because)
}

/// Was this done to a frame of this kind?
pub fn meddled(fact: &Fact, of: FrameKind, what: Meddling) -> bool {
    matches!(fact, Fact::Meddled { frame, how } if frame.kind == Some(of) && *how == what)
}

/// A plan under construction.
pub struct Draft {
    pub plan: Plan,
    pub spec: Spec,
    drafts: u64,
}

pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// A link of 40 to 60 ms that loses this share of frames.
pub fn lossy(percent: u64) -> LinkConfig {
    let latency = Distribution::Uniform { low: ms(40), high: ms(60) };
    LinkConfig {
        loss: Loss { independent: Ratio::from_percent(percent), bursts: None },
        ..LinkConfig::new(Latency::new(latency, None).unwrap())
    }
}

impl Draft {
    /// These users, with default settings, on links of 40 to 60 ms without loss.
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<UserId> = names.iter().map(|name| user(name)).collect();
        let server = user("server");
        let config = DeviceConfig::new(server.clone());
        let server = ServerConfig::new(server);
        let spec = spec(&names, &config, &server);
        let device = |user: &UserId| DevicePlan {
            user: user.clone(),
            profile: 0,
            up: 0,
            down: 0,
            start: Start::Ready,
        };
        let plan = Plan {
            case: "TEST".to_owned(),
            title: "A test".to_owned(),
            source: "test.yaml".to_owned(),
            seed: 1,
            suite: SuiteName::P256,
            devices: names.iter().map(device).collect(),
            profiles: vec![Profile {
                config: Arc::new(config),
                cpu: Cpu::Free,
                sync: ms(1),
                user: None,
            }],
            links: vec![lossy(0)],
            server: Arc::new(server),
            internal: ms(10),
            sync: ms(1),
            given: Given::default(),
            steps: Vec::new(),
            workloads: Vec::new(),
            spec: Arc::new(spec.clone()),
            claimed: Vec::new(),
            kills: Vec::new(),
            active: secs(60),
            settle: secs(600),
            share_agreements: false,
            ahead: Duration::ZERO,
            null_devices: false,
            load: LoadPlan::default(),
        };
        Self { plan, spec, drafts: 0 }
    }

    /// Changes the settings of all devices.
    pub fn config(&mut self, change: impl FnOnce(&mut DeviceConfig)) -> &mut Self {
        let profile = &mut self.plan.profiles[0];
        change(Arc::make_mut(&mut profile.config));
        self
    }

    /// A new name.
    pub fn name(&mut self, name: &str, what: NamedThing) -> NameId {
        let id = NameId(u32::try_from(self.spec.names.len()).unwrap());
        self.spec.names.push(Named { name: name.to_owned(), what });
        id
    }

    /// The number of a name.
    pub fn named(&self, name: &str) -> NameId {
        let place = self.spec.names.iter().position(|it| it.name == name).unwrap();
        NameId(u32::try_from(place).unwrap())
    }

    /// A point of a name.
    pub fn point(&self, name: &str, point: Point) -> PointRef {
        PointRef { name: self.named(name), point }
    }

    /// A step of any kind.
    pub fn step(
        &mut self,
        name: &str,
        verb: &'static str,
        when: When,
        action: Action,
    ) -> &mut Self {
        let what = match &action {
            Action::Rotate { by, .. } => NamedThing::Rotation { by: *by },
            Action::Press { by, .. } => NamedThing::Press { by: *by },
            Action::Fence { by } => NamedThing::Fence { by: *by },
            Action::Send { by, to, draft, .. } => {
                NamedThing::Message { by: *by, draft: *draft, to: to.clone() }
            }
            Action::Request { by, to, draft, txn, .. }
            | Action::Approve { by, to, draft, txn, .. } => {
                NamedThing::Request { by: *by, draft: *draft, to: to.clone(), txn: *txn }
            }
            _ => NamedThing::Step,
        };
        let name = self.name(name, what);
        self.plan.steps.push(Step { name, verb, when, action });
        self
    }

    /// A text from one to the other.
    pub fn send(&mut self, name: &str, when: When, from: u32, to: u32, text: &str) -> &mut Self {
        let draft = self.draft();
        let to = self.spec.users[to as usize].clone();
        let action = Action::Send { by: from, to, text: text.to_owned(), draft };
        self.step(name, "send", when, action)
    }

    /// The next free number of a draft.
    pub fn draft(&mut self) -> DraftId {
        self.drafts += 1;
        DraftId(self.drafts)
    }

    /// When something has come to a point, and this much later.
    pub fn after(&self, name: &str, point: Point, delay: Duration) -> When {
        When::After(self.point(name, point), delay)
    }

    /// Something happens to frames of a name that is known by now.
    pub fn frames(
        &mut self,
        step: &str,
        when: When,
        of: &str,
        kind: FrameKind,
        copy: Option<u32>,
        act: FrameAct,
    ) -> &mut Self {
        let what = FrameOf::Named { name: self.named(of), kind, watcher: None };
        let address = FrameAddress { what, copy };
        self.step(step, "frames", when, Action::Frames { address, act })
    }

    /// Expects that a name comes to a point.
    pub fn expect(&mut self, name: &str, point: Point) -> &mut Self {
        let check = Check::Reaches { of: self.named(name), point };
        self.check(check, 1..=u64::MAX)
    }

    /// Expects something so many times.
    pub fn check(&mut self, check: Check, count: std::ops::RangeInclusive<u64>) -> &mut Self {
        self.spec.expectations.push(Expectation {
            text: format!("{check:?}"),
            line: u32::try_from(self.spec.expectations.len() + 1).unwrap(),
            check,
            count,
            within: None,
            since: None,
            until: None,
            shows: Vec::new(),
        });
        self
    }

    /// Adds a workload.
    pub fn workload(&mut self, workload: Workload) -> &mut Self {
        self.plan.workloads.push(workload);
        self
    }

    /// The plan with this suite and seed.
    pub fn build(&self, suite: SuiteName, seed: u64) -> Arc<Plan> {
        let spec = Arc::new(self.spec.clone());
        Arc::new(Plan { suite, seed, spec, ..self.plan.clone() })
    }
}

fn spec(users: &[UserId], config: &DeviceConfig, server: &ServerConfig) -> Spec {
    Spec {
        limits_of: vec![0; users.len()],
        limits: vec![DeviceLimits {
            capacity: config.table_capacity,
            table_durable: config.table_durable,
            poll: config.poll,
            refresh: config.refresh,
            max_stale: config.max_stale,
            arm: config.arm,
            gap: config.gap,
            negative: config.negative,
            lookup_burst: secs(40),
            tries: config.burst,
            pending: config.pending_max,
            lookups_per_minute: config.lookups_per_minute,
            lookups_burst: config.lookups_burst,
            grace: config.grace,
        }],
        settle: secs(600),
        round_trip: ms(120),
        internal: ms(10),
        slowest_write: ms(1),
        ..Spec::of(users.to_vec(), bounds(server))
    }
}
