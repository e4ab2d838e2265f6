//! What the steps of a scenario do, each at the node that it concerns.
//!
//! Not here: when (`agenda`), the adversary's tricks (`adversary`), or power (`power`).

use std::sync::Arc;

use crate::base::id::NodeId;
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::network::fault::FaultId;
use crate::proto::config::ServerConfig;
use crate::proto::port::AccountInput;
use crate::proto::server::account::Account;
use crate::scenario::permutation::Permutation;
use crate::scenario::plan::{
    Action, CrashAt, FrameAct, FrameAddress, LinkChange, Plan, StoreTrouble,
};
use crate::sim::agenda::until;
use crate::sim::barrier::{Armed, StopAt};
use crate::sim::body::Body;
use crate::sim::node::Stimulus;
use crate::sim::phase::OFFLINE;
use crate::sim::service::ServerHappening;
use crate::sim::turn::{put_in, turn};
use crate::sim::world::{Event, World};
use crate::trace::fact::{Fact, StopCause};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

impl<S: Suite> World<S> {
    /// The nodes that a step concerns, and how much later than the step each of them is. The last one
    /// tells of it.
    pub(super) fn places(&self, step: u32, end: bool) -> Vec<(NodeId, Duration)> {
        let action = &self.plan.steps[step as usize].action;
        if let Some(node) = self.agenda.actor(step) {
            return vec![(node, Duration::ZERO)];
        }
        let at_once = |node| (node, Duration::ZERO);
        let devices =
            |users: &[u32]| users.iter().map(|user| at_once(NodeId::device(*user))).collect();
        let mut places: Vec<(NodeId, Duration)> = if let Action::Links { users, .. } = action {
            devices(users)
        } else if let Action::Swizzle { users, every, .. } = action {
            self.swizzled(step, users, *every, end)
        } else if let Action::ServerCrash { .. } | Action::Store { .. } = action {
            (0..).zip(&self.plan.devices).map(|(user, _)| at_once(NodeId::account(user))).collect()
        } else if let Action::Frames { .. } = action {
            (0..).zip(&self.plan.devices).map(|(user, _)| at_once(NodeId::device(user))).collect()
        } else {
            Vec::new()
        };
        // The harness tells of the beginning with the first, and of the end with the last.
        let last = places.iter().map(|(_, later)| *later).max().filter(|_| end);
        places.push((NodeId::HARNESS, last.unwrap_or_default()));
        places
    }

    /// Users in turn at the beginning, in another order at the end; at heal all at once.
    fn swizzled(
        &self,
        step: u32,
        users: &[u32],
        every: Duration,
        end: bool,
    ) -> Vec<(NodeId, Duration)> {
        if users.is_empty() {
            return Vec::new();
        }
        let luck = Luck::new(self.plan.seed, Purpose::Fault, u64::from(step) << 32 | 1);
        let order = Permutation::new(users.len() as u64, &mut luck.at(0));
        let place = |n: u64| if end { order.forward(n) } else { n };
        (0..).zip(users).map(|(n, user)| (NodeId::device(*user), every.times(place(n)))).collect()
    }

    /// A step acts at a node.
    pub(super) fn begin(&mut self, node: NodeId, step: u32) {
        let plan = Arc::clone(&self.plan);
        let it = &plan.steps[step as usize];
        let mut cause = None;
        if node == self.agenda.actor(step).unwrap_or(NodeId::HARNESS) {
            let next = self.agenda.acted(step, self.now(), node);
            self.enter(next);
            if let Some(at) = stop_of(&it.action) {
                return self.arm(node, step, at);
            }
            cause = Some(self.began(node, step));
        }
        match node.user() {
            None => self.begin_everywhere(&it.action, step),
            Some(user) if node.is_device() => self.begin_at_device(&plan, user, step, cause),
            Some(user) => self.begin_at_account(&it.action, user, step, cause),
        }
    }

    /// The effect of a step begins: that is told, and its end is entered. Returns the cause of what
    /// follows.
    fn began(&mut self, node: NodeId, step: u32) -> RecordId {
        let it = &self.plan.steps[step as usize];
        let (verb, fault) = (it.verb.to_owned(), is_fault(&it.action));
        let fact = Fact::Step { name: self.step_name(step), verb: verb.clone() };
        let cause = self.record(node, fact, None);
        let due = self.agenda.begun(step, self.now());
        self.enter(due);
        if !fault {
            return cause;
        }
        let fact = Fact::FaultStart { name: self.step_name(step), kind: verb };
        self.record(node, fact, Some(cause))
    }

    fn begin_everywhere(&mut self, action: &Action, step: u32) {
        if let Action::DirectoryOffline { .. } = action {
            self.directory_offline.insert(step, (self.now(), Instant::NEVER));
        }
    }

    fn begin_at_device(&mut self, plan: &Plan, user: u32, step: u32, cause: Option<RecordId>) {
        let node = NodeId::device(user);
        let it = &plan.steps[step as usize];
        match &it.action {
            Action::Crash { .. } => {
                self.fallen.insert(node, step);
                self.stop(node, StopCause::Crash, cause);
            }
            Action::Restart { .. } => {
                self.fallen.remove(&node);
                self.start_device(user, None, cause);
            }
            Action::Snapshot { .. } => self.snapshot(user, it.name),
            Action::Restore { snapshot, rng, .. } => self.restore(user, *snapshot, *rng, cause),
            Action::Clock { step_ms, drift_ppm, .. } => {
                let now = self.now();
                let clock = &mut self.devices[user as usize].clock;
                clock.step(now, *step_ms);
                clock.set_drift(now, i32::try_from(*drift_ppm).unwrap_or(i32::MAX));
            }
            Action::Links { change: LinkChange::Online, .. } => {
                let going = self.links[user as usize].end(OFFLINE);
                self.release(going);
            }
            Action::Links { up, down, change, .. } => {
                self.links[user as usize].begin(FaultId(step), *up, *down, change);
            }
            Action::Swizzle { .. } if self.swizzled.contains(&(step, user)) => {}
            Action::Swizzle { .. } => {
                self.links[user as usize].begin(FaultId(step), true, true, &LinkChange::Clog);
            }
            Action::Store { trouble, .. } => self.begin_store(node, step, *trouble),
            Action::Frames { address, act } => self.begin_rule(user, step, address, *act),
            Action::Adversary { act, .. } => self.attack(user, step, act, cause),
            Action::Fence { .. } => {
                let name = self.step_name(step);
                self.fences.entry(node).or_default().push(name);
                if self.outside.contains_key(&user) {
                    turn::<_, Body<S>>(self, user, Stimulus::Fence, cause, None);
                }
                self.reach_fences(node);
            }
            Action::Send { .. }
            | Action::Request { .. }
            | Action::Approve { .. }
            | Action::Press { .. }
            | Action::Confirm { .. }
            | Action::Rotate { .. }
            | Action::Poll { .. }
            | Action::Provision { .. }
            | Action::Register { .. }
            | Action::Wipe { .. } => self.user_acts(user, step, cause),
            // These do not happen at devices.
            Action::DirectoryOffline { .. }
            | Action::MailboxLimit { .. }
            | Action::ServerCrash { .. }
            | Action::ResetUser { .. } => {}
        }
    }

    fn begin_rule(&mut self, user: u32, step: u32, address: &FrameAddress, act: FrameAct) {
        if let Some(id) = self.addresses.find(&address.what) {
            self.rules.entry(user).or_default().begin(step, id, address, act);
        }
    }

    fn begin_at_account(&mut self, action: &Action, user: u32, step: u32, cause: Option<RecordId>) {
        let node = NodeId::account(user);
        if let Action::ServerCrash { .. } = action {
            self.fallen.insert(node, step);
            self.stop(node, StopCause::Crash, cause);
        } else if let Action::Store { trouble, .. } = action {
            self.begin_store(node, step, *trouble);
        } else if let (Action::ResetUser { .. }, true) = (action, self.service.is_some()) {
            let what = ServerHappening::Reset(self.user(user));
            self.operate(user, cause, what);
        } else if let Action::ResetUser { .. } = action {
            put_in::<_, Account<S>>(self, user, AccountInput::Reset, cause, None);
        } else if let Action::MailboxLimit { messages, .. } = action {
            let config = self.plan.server.limited(*messages);
            self.configure(user, Some(Arc::new(config)));
        }
    }

    /// Gives an account other settings, or the plan's again.
    fn configure(&mut self, user: u32, config: Option<Arc<ServerConfig>>) {
        if self.service.is_some() {
            let messages = config.map(|config| config.mailbox_messages);
            let what = ServerHappening::Limit(self.user(user), messages);
            return self.operate(user, None, what);
        }
        let now = config.clone().unwrap_or_else(|| Arc::clone(&self.plan.server));
        match config {
            Some(config) => self.limited.insert(user, config),
            None => self.limited.remove(&user),
        };
        if let Some(account) = &mut self.accounts[user as usize].machine {
            account.configure(now);
        }
    }

    fn arm(&mut self, node: NodeId, step: u32, at: StopAt) {
        self.armed.insert(node, Armed { step, at });
        let heal = self.agenda.heal_at();
        self.schedule(heal, node, Event::End(step));
    }

    /// A node has come to where it stops.
    pub(super) fn trip(&mut self, node: NodeId) {
        let Some(Armed { step, at }) = self.armed.remove(&node) else { return };
        let cause = self.began(node, step);
        self.fallen.insert(node, step);
        let why = match at {
            StopAt::Barrier(_) | StopAt::Seen(_) => StopCause::Barrier,
            StopAt::Sync => StopCause::Store,
        };
        self.stop(node, why, Some(cause));
    }

    /// A node has not come to where it stops.
    fn never_tripped(&mut self, step: u32, at: StopAt) {
        let name = self.step_name(step);
        match at {
            StopAt::Barrier(_) | StopAt::Sync => {
                let message = format!("step `{name}` waited for a point that did not come");
                self.find(Severity::Inconclusive, "step", message);
            }
            // A sweep goes on until there is nothing left to be cut short.
            StopAt::Seen(left) => {
                let message =
                    format!("step `{name}` cut no power: {left} short of what it counts to");
                self.find(Severity::Warning, "step", message);
            }
        }
    }

    /// What a step did at a node is over.
    pub(super) fn end(&mut self, node: NodeId, step: u32) {
        let plan = Arc::clone(&self.plan);
        let action = &plan.steps[step as usize].action;
        let mut cause = None;
        if node == self.agenda.actor(step).unwrap_or(NodeId::HARNESS) {
            if let Some(Armed { at, .. }) =
                self.armed.get(&node).copied().filter(|it| it.step == step)
            {
                self.armed.remove(&node);
                return self.never_tripped(step, at);
            }
            if !self.agenda.end(step) {
                return;
            }
            if is_fault(action) {
                let fact = Fact::FaultEnd { name: self.step_name(step) };
                cause = Some(self.record(node, fact, None));
            }
        }
        let Some(user) = node.user() else {
            if let Some((_, until)) = self.directory_offline.get_mut(&step) {
                *until = self.scheduler.now();
            }
            return;
        };
        if self.fallen.get(&node) == Some(&step) {
            self.fallen.remove(&node);
            if node.is_device() {
                self.start_device(user, None, cause);
            } else {
                self.start_account(user, cause);
            }
        }
        self.end_store(node, step);
        if node.is_device() {
            if let Action::Swizzle { .. } = action {
                self.swizzled.insert((step, user));
            }
            let going = self.links[user as usize].end(FaultId(step));
            self.release(going);
            let held = self.rules.get_mut(&user).map(|rules| rules.end(step));
            self.release(held.unwrap_or_default());
            self.call_off(user, step);
        } else if let Action::MailboxLimit { .. } = action {
            self.configure(user, None);
        }
    }

    /// Whether the directory answers no lookups now.
    pub(super) fn is_directory_offline(&self) -> bool {
        let now = self.now();
        self.directory_offline.values().any(|(from, until)| (*from..*until).contains(&now))
    }

    /// Tells of fences when nothing is under way at a node.
    pub(super) fn reach_fences(&mut self, node: NodeId) {
        let Some(user) = node.user().filter(|_| node.is_device()) else { return };
        if self.fences.is_empty() || !self.devices[user as usize].is_idle() {
            return;
        }
        for name in self.fences.remove(&node).unwrap_or_default() {
            self.record(node, Fact::Fence { name }, None);
        }
    }
}

/// Whether an action lasts, so that its beginning and end are told.
fn is_fault(action: &Action) -> bool {
    let lasts = until(action).is_some();
    let silent = matches!(
        action,
        Action::Links { change: LinkChange::Online, .. } | Action::Adversary { .. }
    );
    let rule = matches!(action, Action::Frames { act, .. } if !matches!(act, FrameAct::Hold(_)));
    lasts && !silent && !rule
}

/// Where an action stops a node, if it waits for that.
const fn stop_of(action: &Action) -> Option<StopAt> {
    if let Action::Store { trouble: StoreTrouble::Fail, .. } = action {
        return Some(StopAt::Sync);
    }
    if let Action::Crash { at: Some(CrashAt::Seen(number)), .. } = action {
        return Some(StopAt::Seen(*number));
    }
    if let Action::Crash { at: Some(CrashAt::Barrier(barrier)), .. }
    | Action::ServerCrash { at: Some((_, barrier)), .. } = action
    {
        return Some(StopAt::Barrier(*barrier));
    }
    None
}
