//! When steps begin and end: at times, after points, or behind one another.
//!
//! A point of one node is told to another no sooner than one internal latency later (design 3).
//! Not here: what a step does (`action`), or recognizing points (`oracle::points`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::oracle::spec::PointRef;
use crate::scenario::plan::{Action, FrameAct, Plan, StoreOf, Until, When};
use crate::sim::rules::Addresses;

/// A step that begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// When.
    pub at: Instant,
    /// Number of the step.
    pub step: u32,
    /// Whether it ends.
    pub end: bool,
}

/// What waits for a point.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    step: u32,
    end: bool,
    delay: Duration,
}

/// The order of events of one plan.
#[derive(Clone, Debug)]
pub struct Agenda {
    plan: Arc<Plan>,
    start: Instant,
    waiting: BTreeMap<PointRef, Vec<Waiting>>,
    reached: BTreeMap<PointRef, (Instant, NodeId)>,
    /// The one node at which a step happens; none: at several, so the harness acts.
    actors: Vec<Option<NodeId>>,
    begun: Vec<bool>,
    ended: Vec<bool>,
}

impl Agenda {
    /// The agenda of a plan before `active`.
    #[must_use]
    pub fn new(plan: &Arc<Plan>, addresses: &Addresses) -> Self {
        let mut waiting: BTreeMap<PointRef, Vec<Waiting>> = BTreeMap::new();
        for (step, it) in (0..).zip(&plan.steps) {
            if let When::After(point, delay) = it.when {
                waiting.entry(point).or_default().push(Waiting { step, end: false, delay });
            }
        }
        Self {
            plan: Arc::clone(plan),
            start: Instant::NEVER,
            waiting,
            reached: BTreeMap::new(),
            actors: plan.steps.iter().map(|it| actor(&it.action, addresses)).collect(),
            begun: vec![false; plan.steps.len()],
            ended: vec![false; plan.steps.len()],
        }
    }

    /// `active` begins: what is due at times.
    pub fn start(&mut self, at: Instant) -> Vec<Due> {
        self.start = at;
        let due = |step, delay| Due { at: at + delay, step, end: false };
        let timed = (0..).zip(&self.plan.steps).filter_map(|(step, it)| match it.when {
            When::At(delay) => Some(due(step, delay)),
            When::Follow(delay) if step == 0 => Some(due(step, delay)),
            When::Follow(_) | When::After(..) => None,
        });
        timed.collect()
    }

    /// When `settle` begins: all faults are over.
    #[must_use]
    pub fn heal_at(&self) -> Instant {
        self.start + self.plan.active
    }

    /// A point is reached at a node: what waited for it.
    pub fn reached(&mut self, point: PointRef, at: Instant, node: NodeId) -> Vec<Due> {
        if self.reached.contains_key(&point) {
            return Vec::new();
        }
        self.reached.insert(point, (at, node));
        let waiting = self.waiting.remove(&point).unwrap_or_default();
        waiting.into_iter().filter_map(|it| self.told(it, at, at, node)).collect()
    }

    /// A step begins (a crash at a barrier: when it happens): when it ends, at the latest at heal, and
    /// what follows it.
    pub fn begun(&mut self, step: u32, at: Instant) -> Vec<Due> {
        let heal = self.heal_at();
        let mut due = Vec::new();
        if let Some(until) = self.until(step) {
            let end = |when: Instant| Due { at: when.min(heal).max(at), step, end: true };
            match until {
                Until::For(span) => due.push(end(at + span)),
                Until::At(time) => due.push(end(self.start + time)),
                Until::Heal => due.push(end(heal)),
                Until::Point(point, delay) => {
                    due.push(end(heal));
                    let waiting = Waiting { step, end: true, delay };
                    match self.reached.get(&point) {
                        Some((when, from)) => due.extend(self.told(waiting, at, *when, *from)),
                        None => self.waiting.entry(point).or_default().push(waiting),
                    }
                }
            }
        }
        due
    }

    /// A step has acted: the step that follows it.
    pub fn acted(&mut self, step: u32, at: Instant, node: NodeId) -> Option<Due> {
        self.begun[step as usize] = true;
        let next = self.plan.steps.get(step as usize + 1)?;
        let When::Follow(delay) = next.when else { return None };
        self.told(Waiting { step: step + 1, end: false, delay }, at, at, node)
    }

    /// A step's effect ends; false when it had ended before.
    pub fn end(&mut self, step: u32) -> bool {
        !std::mem::replace(&mut self.ended[step as usize], true)
    }

    /// Takes over which steps have acted elsewhere.
    pub fn hear_of(&mut self, other: &Self) {
        for (begun, there) in self.begun.iter_mut().zip(&other.begun) {
            *begun |= there;
        }
    }

    /// Steps that have not acted.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let names = self.plan.steps.iter().zip(&self.begun).filter(|(_, begun)| !**begun);
        names.map(|(step, _)| self.plan.spec.names[step.name.0 as usize].name.as_str())
    }

    /// When a step hears of a point that was reached at `when`; not before `now`.
    fn told(&self, it: Waiting, now: Instant, when: Instant, node: NodeId) -> Option<Due> {
        let alone = self.actor(it.step) == Some(node);
        let delay = if alone { it.delay } else { it.delay.max(self.plan.internal) };
        let at = (when + delay).max(now);
        // Steps act in `active` only; what would come later is missing.
        (it.end || at < self.heal_at()).then_some(Due { at, step: it.step, end: it.end })
    }

    /// The one node at which a step happens; none: at several, so the harness acts.
    #[must_use]
    pub fn actor(&self, step: u32) -> Option<NodeId> {
        self.actors[step as usize]
    }

    /// Until when a step's effect lasts, if it lasts at all.
    fn until(&self, step: u32) -> Option<Until> {
        until(&self.plan.steps[step as usize].action)
    }
}

/// The points that steps of a plan wait for, to begin or to end.
#[must_use]
pub fn points_awaited(plan: &Plan) -> Vec<PointRef> {
    let begins = plan.steps.iter().filter_map(|step| match step.when {
        When::After(point, _) => Some(point),
        When::At(_) | When::Follow(_) => None,
    });
    let ends = plan.steps.iter().filter_map(|step| match until(&step.action)? {
        Until::Point(point, _) => Some(point),
        Until::For(_) | Until::At(_) | Until::Heal => None,
    });
    begins.chain(ends).collect()
}

/// Until when an action's effect lasts, if it lasts at all.
#[must_use]
pub const fn until(action: &Action) -> Option<Until> {
    match action {
        Action::Crash { down, .. } | Action::ServerCrash { down, .. } => Some(*down),
        Action::Links { until, .. }
        | Action::Swizzle { until, .. }
        | Action::DirectoryOffline { until }
        | Action::MailboxLimit { until, .. }
        | Action::Store { until, .. } => Some(*until),
        Action::Frames { act: FrameAct::Hold(until), .. } => Some(*until),
        Action::Frames { .. } | Action::Adversary { .. } => Some(Until::Heal),
        Action::Send { .. }
        | Action::Request { .. }
        | Action::Approve { .. }
        | Action::Press { .. }
        | Action::Confirm { .. }
        | Action::Rotate { .. }
        | Action::Poll { .. }
        | Action::Provision { .. }
        | Action::Register { .. }
        | Action::Wipe { .. }
        | Action::Restart { .. }
        | Action::Snapshot { .. }
        | Action::Restore { .. }
        | Action::Clock { .. }
        | Action::ResetUser { .. }
        | Action::Fence { .. } => None,
    }
}

fn actor(action: &Action, addresses: &Addresses) -> Option<NodeId> {
    match action {
        Action::Send { by, .. }
        | Action::Request { by, .. }
        | Action::Approve { by, .. }
        | Action::Press { by, .. }
        | Action::Confirm { by, .. }
        | Action::Rotate { by, .. }
        | Action::Poll { by }
        | Action::Provision { by, .. }
        | Action::Register { by }
        | Action::Wipe { by }
        | Action::Crash { by, .. }
        | Action::Restart { by }
        | Action::Snapshot { by }
        | Action::Restore { by, .. }
        | Action::Clock { by, .. }
        | Action::Fence { by }
        | Action::Store { at: StoreOf::Device(by), .. }
        | Action::Adversary { at: by, .. } => Some(NodeId::device(*by)),
        Action::MailboxLimit { user, .. }
        | Action::ResetUser { user }
        | Action::Store { at: StoreOf::Account(user), .. }
        | Action::ServerCrash { at: Some((user, _)), .. } => Some(NodeId::account(*user)),
        Action::Frames { address, .. } => {
            addresses.find(&address.what).and_then(|it| addresses.link(it)).map(NodeId::device)
        }
        Action::Links { users, .. } | Action::Swizzle { users, .. } => match users[..] {
            [user] => Some(NodeId::device(user)),
            _ => None,
        },
        Action::DirectoryOffline { .. }
        | Action::ServerCrash { at: None, .. }
        | Action::Store { at: StoreOf::Server, .. } => None,
    }
}
