//! The phases of a run: a prelude on clean links, `active` with its steps, `settle` until nothing is pending.
//!
//! Not here: what steps do (`action`), or the verdict (`run`).

use std::collections::BTreeSet;

use crate::base::id::{DraftId, NodeId};
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::network::fault::FaultId;
use crate::proto::device::durable::Stage;
use crate::proto::port::{DeviceInput, UserAction};
use crate::proto::server::mailbox::ItemBody;
use crate::sim::body::Body;
use crate::sim::turn::put_in;
use crate::sim::user::Screen;
use crate::sim::world::{Event, World};
use crate::trace::fact::{Fact, Phase};
use crate::verdict::finding::Severity;

/// How long the prelude may take (scenario language, rule 6).
pub const GIVEN_MAX: Duration = Duration::from_secs(600);
/// Texts of the prelude have draft numbers from here on, which no scenario reaches.
const WARM_DRAFTS: u64 = 1 << 62;
/// What the prelude's texts say: shorter than anything that oracles search for in frames.
const WARM_TEXT: &str = "warm-up";
/// The number of the prelude's `offline` among faults; steps have the others.
pub(super) const OFFLINE: FaultId = FaultId(u32::MAX);
/// How often one looks whether anything is pending.
const TICK: Duration = Duration::from_secs(1);
/// Pending things that a finding names.
const NAMED_MAX: usize = 8;

impl<S: Suite> World<S> {
    /// The start of the world.
    pub(super) fn begin_given(&mut self) {
        self.record(NodeId::HARNESS, Fact::Phase(Phase::Given), None);
        let both_ways = |(one, other): &(u32, u32)| [(*one, *other), (*other, *one)];
        let warm: BTreeSet<(u32, u32)> = self.plan.given.warm.iter().flat_map(both_ways).collect();
        for (one, other) in warm {
            self.schedule(Instant::START, NodeId::device(one), Event::Warm(other));
        }
        self.schedule(Instant::START, NodeId::HARNESS, Event::Tick);
    }

    /// Lets those who are to get to know each other look for mail, however seldom they poll.
    fn hurry(&mut self) {
        let at = self.now() + self.plan.internal;
        for user in self.warm_users() {
            self.schedule(at, NodeId::device(user), Event::Look);
        }
    }

    fn warm_users(&self) -> BTreeSet<u32> {
        self.plan.given.warm.iter().flat_map(|(one, other)| [*one, *other]).collect()
    }

    /// A user of the prelude polls by hand.
    pub(super) fn look_for_mail(&mut self, user: u32) {
        put_in::<_, Body<S>>(self, user, DeviceInput::User(UserAction::Poll), None, None);
    }

    /// One text of the prelude.
    pub(super) fn warm(&mut self, user: u32, to: u32) {
        let action = UserAction::Send {
            draft: DraftId(WARM_DRAFTS + u64::from(to)),
            to: self.user(to),
            text: WARM_TEXT.to_owned(),
        };
        put_in::<_, Body<S>>(self, user, DeviceInput::User(action), None, None);
    }

    /// A whole second, with what is pending at which nodes.
    pub(super) fn tick(&mut self, mut pending: Vec<(NodeId, String)>) {
        pending.sort();
        pending.truncate(NAMED_MAX);
        let pending: Vec<String> = pending.into_iter().map(|(_, what)| what).collect();
        match self.phase {
            Phase::Given if pending.is_empty() => self.begin_active(),
            Phase::Given if self.now().since(Instant::START) >= GIVEN_MAX => {
                let what = pending.join(", ");
                let message = format!("`given` is not done after {GIVEN_MAX}: {what}");
                self.find(Severity::Inconclusive, "given", message);
                self.finish();
            }
            Phase::Settle if pending.is_empty() => self.finish(),
            Phase::Settle if self.now() >= self.agenda.heal_at() + self.plan.settle => {
                let what = pending.join(", ");
                let message = format!("still pending after `settle`: {what}");
                self.find(Severity::Warning, "pending", message);
                self.finish();
            }
            Phase::Given | Phase::Settle => {
                if self.phase == Phase::Given {
                    self.hurry();
                }
                self.schedule(self.now() + TICK, NodeId::HARNESS, Event::Tick);
            }
            Phase::Active | Phase::End => {}
        }
    }

    fn begin_active(&mut self) {
        let now = self.now();
        self.phase = Phase::Active;
        self.start = now;
        self.record(NodeId::HARNESS, Fact::Phase(Phase::Active), None);
        let due = self.agenda.start(now);
        self.enter(due);
        let heal = self.agenda.heal_at();
        self.unplug_offline();
        for user in self.plan.given.offline.clone() {
            self.schedule(heal, NodeId::device(user), Event::Online);
        }
        let workloads = self.plan.workloads.iter();
        let users: Vec<(u16, u32)> = (0..)
            .zip(workloads)
            .flat_map(|(n, it)| it.by.iter().cloned().flatten().map(move |user| (n, user)))
            .collect();
        for (workload, user) in users {
            self.next_arrival(user, workload, Duration::ZERO);
        }
        self.schedule(heal, NodeId::HARNESS, Event::Settle);
    }

    /// The steps have begun, as the shard says that speaks for the harness.
    pub(super) fn follow_into_active(&mut self, start: Instant) {
        self.start = start;
        // What is due was entered there.
        drop(self.agenda.start(start));
        self.unplug_offline();
    }

    /// The prelude's `offline` begins at this world's devices.
    fn unplug_offline(&mut self) {
        let shard = self.scheduler.shard();
        let own = |user: &&u32| shard.owns(NodeId::device(**user));
        for user in self.plan.given.offline.iter().filter(own) {
            self.links[*user as usize].unplug(OFFLINE);
        }
    }

    /// Everything is healed; what is under way may come to its end.
    pub(super) fn begin_settle(&mut self) {
        self.phase = Phase::Settle;
        self.record(NodeId::HARNESS, Fact::Phase(Phase::Settle), None);
        let missing: Vec<String> = self.agenda.missing().map(str::to_owned).collect();
        for name in missing {
            let message =
                format!("step `{name}` never acted: what it follows did not happen in time");
            self.find(Severity::Inconclusive, "step", message);
        }
        self.schedule(self.now().ceil_to_second(), NodeId::HARNESS, Event::Tick);
    }

    fn finish(&mut self) {
        self.phase = Phase::End;
        self.record(NodeId::HARNESS, Fact::Phase(Phase::End), None);
        self.ended = true;
    }

    /// The prelude's `offline` is over at a device.
    pub(super) fn online(&mut self, user: u32) {
        let going = self.links[user as usize].end(OFFLINE);
        self.release(going);
    }

    /// Lists a node as having something to bring to an end, or not any more.
    pub(super) fn list(&mut self, node: NodeId) {
        let Some(user) = node.user().map(|user| user as usize) else { return };
        let (restless, listed) = if node.is_device() {
            let it = &mut self.devices[user];
            let durable = &it.durable;
            let asked = self.screens.get(&node.user().unwrap_or(u32::MAX));
            let work = asked.is_some_and(Screen::is_open)
                || durable.has_work()
                || matches!(&it.machine, Some(Body::Outside(it)) if it.is_pending());
            (work || !it.is_idle(), &mut it.listed)
        } else {
            let it = &mut self.accounts[user];
            let mail = it.durable.mailbox().is_some_and(|box_| box_.items().next().is_some());
            (mail || !it.is_idle(), &mut it.listed)
        };
        if restless != *listed {
            *listed = restless;
            if restless {
                self.restless.insert(node);
            } else {
                self.restless.remove(&node);
            }
        }
    }

    /// What is pending and at which node, at most as many things as are named. What waits for a user's word
    /// is not.
    pub(super) fn pending(&self) -> Vec<(NodeId, String)> {
        let mut pending = Vec::new();
        if self.service.as_ref().is_some_and(|it| it.pending) {
            pending.push((
                NodeId::account(0),
                "the server has something to bring to an end".to_owned(),
            ));
        }
        for node in &self.restless {
            if pending.len() >= NAMED_MAX {
                break;
            }
            let Some(user) = node.user() else { continue };
            let what = if node.is_device() {
                self.device_pending(user)
            } else {
                self.account_pending(user)
            };
            pending.extend(what.map(|what| (*node, format!("{} {what}", self.user(user)))));
        }
        pending
    }

    fn device_pending(&self, user: u32) -> Option<String> {
        let node = &self.devices[user as usize];
        let durable = &node.durable;
        let asked = |draft: &crate::proto::device::durable::Draft| {
            let contact = durable.contacts.get(&draft.to);
            matches!(draft.stage, Stage::Waiting | Stage::Bounced(..))
                && contact.is_some_and(|contact| contact.candidate.is_some())
        };
        if let Some((id, draft)) = durable.drafts.iter().find(|(_, draft)| !asked(draft)) {
            return Some(format!("has draft {id} to {} unfinished", draft.to));
        }
        if let Some((peer, seq)) = durable.inbox.keys().next() {
            return Some(format!("holds message {seq} of {peer} back"));
        }
        if self.screens.get(&user).is_some_and(Screen::is_open) {
            return Some("asks its user".to_owned());
        }
        if let Some(record) = &durable.keyring.pending() {
            return Some(format!("has announced {} and not heard of it", record.epoch));
        }
        if matches!(&node.machine, Some(Body::Outside(it)) if it.is_pending()) {
            return Some("has something to bring to an end".to_owned());
        }
        (!node.is_idle()).then(|| "is busy".to_owned())
    }

    fn account_pending(&self, user: u32) -> Option<String> {
        let node = &self.accounts[user as usize];
        let contacts = &self.devices[user as usize].durable.contacts;
        let mut items = node.durable.mailbox().into_iter().flat_map(|mailbox| mailbox.items());
        let item = items.find(|(_, item)| match &item.body {
            ItemBody::Mail(mail) => {
                let contact = contacts.get(&mail.header.sender);
                contact.is_none_or(|contact| contact.candidate.is_none())
            }
            ItemBody::Status(_) => true,
        });
        if let Some((_, item)) = item {
            return Some(format!("has {} in the mailbox", item.mid()));
        }
        (!node.is_idle()).then(|| "has its account busy".to_owned())
    }
}
