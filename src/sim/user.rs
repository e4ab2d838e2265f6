//! What people do with their devices: in steps, in workloads, and by themselves when a screen asks.
//!
//! Not here: when they do it (`agenda`, `workload`), or what the device makes of it (`proto`).

use std::sync::Arc;

use crate::base::id::{NodeId, TxnId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::Duration;
use crate::crypto::suite::Suite;
use crate::proto::genesis::luck_of;
use crate::proto::port::{DeviceInput, Provision, UserAction};
use crate::scenario::plan::{Action, BadDownload, ProvisionPlan, RequestPlan};
use crate::sim::body::Body;
use crate::sim::keys::download;
use crate::sim::turn::put_in;
use crate::sim::world::{Event, World};
use crate::trace::fact::{Fact, NoApproval};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

/// What a user who answers by themselves sees.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Screen {
    /// How often it has asked.
    times: u32,
    /// What it asks now, and the record of that.
    asks: Option<(TxnId, RecordId)>,
}

impl Screen {
    /// Does it ask something?
    pub(super) const fn is_open(&self) -> bool {
        self.asks.is_some()
    }
}

/// What such a user notices.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sight {
    /// The screen asks about this, and its buttons count.
    Asked(TxnId),
    /// The screen does not ask about this any more.
    Gone(TxnId),
}

impl<S: Suite> World<S> {
    /// What a person does with a device in a step. With one that is off, nothing can be done.
    pub(super) fn user_acts(&mut self, user: u32, step: u32, cause: Option<RecordId>) {
        if self.devices[user as usize].machine.is_none() {
            let (name, whose) = (self.step_name(step), self.user(user));
            let message = format!("step `{name}` had no effect: the device of {whose} is off");
            return self.find(Severity::Inconclusive, "step", message);
        }
        let plan = Arc::clone(&self.plan);
        for input in self.inputs_of(user, &plan.steps[step as usize].action) {
            put_in::<_, Body<S>>(self, user, input, cause, None);
        }
    }

    fn inputs_of(&mut self, user: u32, action: &Action) -> Vec<DeviceInput> {
        let wall = self.devices[user as usize].clock.wall(self.now());
        let form = |it: &RequestPlan| it.form(wall);
        let act = match action {
            Action::Send { to, text, draft, .. } => {
                UserAction::Send { draft: *draft, to: to.clone(), text: text.clone() }
            }
            Action::Request { to, draft, txn, form: it, .. } => {
                UserAction::Request { draft: *draft, to: to.clone(), txn: *txn, request: form(it) }
            }
            Action::Approve { to, draft, txn, form: it, .. } => {
                UserAction::Approve { draft: *draft, to: to.clone(), txn: *txn, request: form(it) }
            }
            Action::Press { button, scroll, .. } => {
                let press = DeviceInput::User(UserAction::Press(*button));
                let scroll = scroll.then_some(DeviceInput::User(UserAction::Scroll));
                return scroll.into_iter().chain([press]).collect();
            }
            Action::Confirm { peer, accept, .. } => {
                UserAction::ConfirmIdentity { peer: peer.clone(), accept: *accept }
            }
            Action::Rotate { revoke, .. } => UserAction::Rotate { revoke: *revoke },
            Action::Poll { .. } => UserAction::Poll,
            Action::Register { .. } => UserAction::Register,
            Action::Wipe { .. } => UserAction::Wipe,
            Action::Provision { how, .. } => {
                return vec![DeviceInput::Provision(self.provision(user, *how))];
            }
            // These are no people's doing.
            Action::Crash { .. }
            | Action::Restart { .. }
            | Action::Snapshot { .. }
            | Action::Restore { .. }
            | Action::Clock { .. }
            | Action::Links { .. }
            | Action::Swizzle { .. }
            | Action::DirectoryOffline { .. }
            | Action::MailboxLimit { .. }
            | Action::Store { .. }
            | Action::ServerCrash { .. }
            | Action::ResetUser { .. }
            | Action::Frames { .. }
            | Action::Adversary { .. }
            | Action::Fence { .. } => return Vec::new(),
        };
        vec![DeviceInput::User(act)]
    }

    /// A workload's action at a device, and the next one.
    pub(super) fn arrival(&mut self, user: u32, workload: u16) {
        let at = self.now().since(self.start);
        let n = self.arrivals.get(&(workload, user)).copied().unwrap_or(0);
        let action = self.work(user, workload, n);
        self.arrivals.insert((workload, user), n + 1);
        if let Some(action) = action {
            put_in::<_, Body<S>>(self, user, DeviceInput::User(action), None, None);
        }
        self.next_arrival(user, workload, at);
    }

    /// What the `n`-th action of a workload at a device is.
    fn work(&self, user: u32, workload: u16, n: u64) -> Option<UserAction> {
        let traffic = &self.traffic[usize::from(workload)];
        let wall = self.devices[user as usize].clock.wall(self.now());
        let plan = &self.plan.workloads[usize::from(workload)];
        traffic.action(plan, user, n, (&self.plan.spec.users, wall))
    }

    /// Enters the next action of a workload at a device.
    pub(super) fn next_arrival(&mut self, user: u32, workload: u16, previous: Duration) {
        let n = self.arrivals.get(&(workload, user)).copied().unwrap_or(0);
        let plan = &self.plan.workloads[usize::from(workload)];
        let traffic = &self.traffic[usize::from(workload)];
        if let Some(at) = traffic.arrival(plan, user, n, previous) {
            let event = Event::Arrival(workload);
            self.schedule(self.start + at, NodeId::device(user), event);
        }
    }

    /// What a user who answers by themselves notices of a fact.
    pub(super) fn sight(&self, user: u32, fact: &Fact) -> Option<Sight> {
        let sight = if let Fact::Armed { txn } = fact {
            Sight::Asked(*txn)
        } else if let Fact::Prompt(shown) = fact
            && self.plan.spec.opaque.contains(&user)
        {
            // Such a device does not say when its buttons count; its declared T_arm does.
            Sight::Asked(shown.txn)
        } else if let Fact::Button { screen: Some(txn), taken: true, .. }
        | Fact::NotApproved { txn, why: NoApproval::Expired } = fact
        {
            Sight::Gone(*txn)
        } else {
            return None;
        };
        self.profile(user).user.is_some().then_some(sight)
    }

    /// A user sees something on their screen, and will answer.
    pub(super) fn see(&mut self, user: u32, sight: Sight, record: RecordId) {
        let screen = self.screens.entry(user).or_default();
        match sight {
            Sight::Asked(txn) => {
                screen.times += 1;
                screen.asks = Some((txn, record));
                let time = screen.times;
                let Some(habit) = &self.profile(user).user else { return };
                let after = habit.delay(self.mood(user), time);
                let opaque = self.plan.spec.opaque.contains(&user);
                let after = if opaque { after + self.profile(user).config.arm } else { after };
                self.schedule(self.now() + after, NodeId::device(user), Event::Answer(time));
            }
            Sight::Gone(txn) if screen.asks.is_some_and(|(asked, _)| asked == txn) => {
                screen.asks = None;
            }
            Sight::Gone(_) => {}
        }
    }

    /// A user who answers by themselves presses a button, if the screen is still the one they saw.
    pub(super) fn answer(&mut self, user: u32, time: u32) {
        let Some(screen) = self.screens.get(&user).filter(|it| it.times == time) else { return };
        let Some((_, cause)) = screen.asks else { return };
        let Some(habit) = &self.profile(user).user else { return };
        let button = habit.button(self.mood(user), time);
        for action in [UserAction::Scroll, UserAction::Press(button)] {
            put_in::<_, Body<S>>(self, user, DeviceInput::User(action), Some(cause), None);
        }
    }

    /// A device went dark.
    pub(super) fn close_screen(&mut self, node: NodeId) {
        if let Some(screen) = node.user().and_then(|user| self.screens.get_mut(&user)) {
            screen.asks = None;
        }
    }

    fn mood(&self, user: u32) -> Luck {
        Luck::new(self.plan.seed, Purpose::User, u64::from(user))
    }

    fn provision(&mut self, user: u32, how: ProvisionPlan) -> Provision {
        match how {
            ProvisionPlan::Generate => Provision::Generate,
            ProvisionPlan::Download => self.download(user, None),
            ProvisionPlan::Bad(bad) => self.download(user, Some(bad)),
        }
    }

    /// The authority's next pair for a user.
    fn download(&mut self, user: u32, bad: Option<BadDownload>) -> Provision {
        let number = self.downloads.entry(user).or_default();
        *number += 1;
        download::<S>(luck_of(self.plan.seed, user), *number, bad)
    }
}
