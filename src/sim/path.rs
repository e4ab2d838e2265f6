//! The way of a frame: sent, judged by rules, passed by its link, arrived or lost, each with a record.
//!
//! Not here: what links are like (`network`), addresses (`rules`), or what the receiver makes of it.

use std::sync::Arc;

use crate::base::id::NodeId;
use crate::base::rng::{Luck, Purpose};
use crate::base::time::Duration;
use crate::crypto::suite::Suite;
use crate::network::config::LinkConfig;
use crate::network::link::{Arrival, Fate, Reason};
use crate::proto::port::{AccountInput, DeviceInput, Origin};
use crate::proto::server::account::Account;
use crate::proto::server::route;
use crate::sim::body::Body;
use crate::sim::frame::{Frame, Label};
use crate::sim::links::Passage;
use crate::sim::turn::put_in;
use crate::sim::world::{Event, World};
use crate::trace::fact::{Fact, LossCause, Meddling, Phase};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;
use crate::wire::message::{Envelope, Message};

/// Inputs that may wait for a device's processor; a radio chip buffers about as many frames.
pub const INPUTS_MAX: usize = 64;

impl<S: Suite> World<S> {
    /// A device sends a frame.
    pub(super) fn send_up(
        &mut self,
        user: u32,
        envelope: &Envelope,
        label: Option<Label>,
        cause: Option<RecordId>,
    ) {
        let mut frame = Box::new(Frame {
            octets: self.encode(envelope),
            user,
            account: self.account_for(user, envelope),
            up: true,
            number: self.links[user as usize].number(true),
            copy: 0,
            label,
            cause: None,
        });
        let fact = Fact::Tx(frame.fact(self.with_octets));
        frame.cause = Some(self.record(NodeId::device(user), fact, cause));
        self.judge(frame);
    }

    fn encode(&mut self, envelope: &Envelope) -> Arc<[u8]> {
        self.scratch = envelope.encode_reusing(std::mem::take(&mut self.scratch));
        Arc::from(&self.scratch[..])
    }

    /// A device sends octets that are no frame.
    pub(super) fn send_garbage(&mut self, user: u32, octets: Vec<u8>, cause: Option<RecordId>) {
        let number = self.links[user as usize].number(true);
        let (octets, account) = (octets.into(), user);
        let label = None;
        let frame = Frame { octets, user, account, up: true, number, copy: 0, label, cause: None };
        let mut frame = Box::new(frame);
        let fact = Fact::Tx(frame.fact(self.with_octets));
        frame.cause = Some(self.record(NodeId::device(user), fact, cause));
        self.judge(frame);
    }

    /// An account sends a frame to the origin of a link.
    pub(super) fn send_down(
        &mut self,
        account: u32,
        origin: u64,
        envelope: &Envelope,
        label: Option<Label>,
        cause: Option<RecordId>,
    ) {
        let known = |user: &u32| (*user as usize) < self.plan.devices.len();
        let Some(user) = u32::try_from(origin).ok().filter(known) else { return };
        let mut frame = Box::new(Frame {
            octets: self.encode(envelope),
            user,
            account,
            up: false,
            number: 0,
            copy: 0,
            label,
            cause: None,
        });
        let fact = Fact::Tx(frame.fact(self.with_octets));
        frame.cause = Some(self.record(NodeId::account(account), fact, cause));
        let at = self.now() + self.link(user, false).min_delay();
        self.schedule(at, NodeId::device(user), Event::Ingress(frame));
    }

    /// A frame at the near end of a downlink.
    pub(super) fn ingress(&mut self, mut frame: Box<Frame>) {
        frame.number = self.links[frame.user as usize].number(false);
        self.judge(frame);
    }

    /// What a link's owner does to a frame before the link: the scenario's rules, then the adversary.
    fn judge(&mut self, frame: Box<Frame>) {
        if self.addresses.is_empty() {
            if let Some(frame) = self.tamper(frame) {
                self.pass(frame, Duration::ZERO);
            }
            return;
        }
        // The frame may be of a message that got its number in this very turn.
        self.look();
        let mut frames = vec![frame];
        while let Some(mut frame) = frames.pop() {
            let addresses = self.addresses.matching(&frame, &self.tracker, &self.plan.spec);
            if addresses.is_empty() {
                if let Some(frame) = self.tamper(frame) {
                    self.pass(frame, Duration::ZERO);
                }
                continue;
            }
            let ruling = self.rules.entry(frame.user).or_default().judge(&frame, &addresses);
            // Copies of copies would never end.
            let copies = if frame.copy == 0 { ruling.copies } else { 0 };
            for copy in (1..=copies).rev() {
                let mut again = frame.clone();
                again.copy = u8::try_from(copy).unwrap_or(u8::MAX);
                self.meddled(&again, Meddling::Duplicated);
                frames.push(again);
            }
            if ruling.drop {
                self.lost(&frame, LossCause::Step);
                continue;
            }
            for bit in ruling.flips {
                self.flip(&mut frame, bit.map(u64::from));
            }
            if let Some(step) = ruling.hold {
                self.meddled(&frame, Meddling::Held);
                self.rules.entry(frame.user).or_default().hold(step, *frame);
                continue;
            }
            if ruling.delay > Duration::ZERO {
                self.meddled(&frame, Meddling::Delayed);
            }
            if let Some(frame) = self.tamper(frame) {
                self.pass(frame, ruling.delay);
            }
        }
    }

    /// Flips a bit, by a keyed draw unless one is named.
    fn flip(&mut self, frame: &mut Frame, bit: Option<u64>) {
        let luck = Luck::new(self.plan.seed, Purpose::Fault, u64::from(frame.user));
        let bit = bit.unwrap_or_else(|| {
            let counter = frame.number << 1 | u64::from(frame.up);
            luck.at(counter).below((frame.octets.len() as u64 * 8).max(1))
        });
        let len = frame.octets.len();
        if bit / 8 >= len as u64 {
            let message = format!("a frame of {len} octets has no bit {bit} to corrupt");
            return self.find(Severity::Inconclusive, "step", message);
        }
        frame.flip(bit);
        self.readdress(frame);
        self.meddled(frame, Meddling::Corrupted);
    }

    /// A frame that was kept goes on.
    pub(super) fn release(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.meddled(&frame, Meddling::Released);
            self.pass(Box::new(frame), Duration::ZERO);
        }
    }

    /// The link itself.
    pub(super) fn pass(&mut self, frame: Box<Frame>, extra: Duration) {
        let passage = Passage {
            config: Self::link_of(&self.plan, frame.user, frame.up),
            seed: self.plan.seed,
            now: self.scheduler.now(),
            clean: self.phase == Phase::Given,
            healed: self.phase == Phase::Settle,
        };
        match self.links[frame.user as usize].pass(&frame, passage) {
            Fate::Drop(reason) => self.lost(&frame, loss(reason)),
            Fate::Held(_) => {
                self.meddled(&frame, Meddling::Held);
                self.links[frame.user as usize].keep(*frame);
            }
            Fate::Deliver { first, duplicate } => {
                if let Some(second) = duplicate {
                    let mut again = frame.clone();
                    again.copy = frame.copy.saturating_add(1);
                    self.meddled(&again, Meddling::Duplicated);
                    self.fly(again, second, extra);
                }
                self.fly(frame, first, extra);
            }
        }
    }

    /// A frame is on its way to where its octets say.
    pub(super) fn fly(&mut self, mut frame: Box<Frame>, arrival: Arrival, extra: Duration) {
        if arrival.corrupt.is_some() {
            self.flip(&mut frame, arrival.corrupt);
        }
        if arrival.reordered {
            self.meddled(&frame, Meddling::Reordered);
        }
        let at = self.now() + arrival.delay + extra;
        #[cfg(test)]
        let at = at + crate::sim::leak::delay(&self.plan.case);
        let (to, event) = if frame.up {
            (NodeId::account(frame.account), Event::Arrive(frame))
        } else {
            (NodeId::device(frame.user), Event::Deliver(frame))
        };
        self.schedule(at, to, event);
    }

    /// A frame at an account.
    pub(super) fn arrive(&mut self, user: u32, frame: Box<Frame>) {
        let account = NodeId::account(user);
        let on = match &self.service {
            Some(service) => service.has(user),
            None => self.accounts[user as usize].machine.is_some(),
        };
        if !on {
            return self.lost_at(account, &frame, LossCause::NodeOff);
        }
        let Ok(envelope) = Envelope::decode(&frame.octets) else {
            self.hand_in_garbage(&frame);
            return self.lost_at(account, &frame, LossCause::Undecodable);
        };
        if matches!(envelope.body, Message::LookupKey { .. }) && self.is_directory_offline() {
            return self.lost_at(account, &frame, LossCause::DirectoryOffline);
        }
        let cause = self.record(account, Fact::Rx(frame.fact(self.with_octets)), frame.cause);
        if self.service.is_some() {
            return self.hand_in(user, &frame, &envelope, cause);
        }
        let input = AccountInput::Frame(Origin(u64::from(frame.user)), envelope);
        put_in::<_, Account<S>>(self, user, input, Some(cause), frame.label);
    }

    /// A frame at a device.
    pub(super) fn deliver(&mut self, user: u32, frame: Box<Frame>) {
        let node = &self.devices[user as usize];
        if node.machine.is_none() {
            return self.lost(&frame, LossCause::NodeOff);
        }
        if node.waiting() >= INPUTS_MAX {
            return self.lost(&frame, LossCause::InputFull);
        }
        let fact = Fact::Rx(frame.fact(self.with_octets));
        let cause = self.record(NodeId::device(user), fact, frame.cause);
        let input = match Envelope::decode(&frame.octets) {
            Ok(envelope) => DeviceInput::Frame(envelope),
            Err(_) => DeviceInput::Garbage(frame.octets.to_vec()),
        };
        put_in::<_, Body<S>>(self, user, input, Some(cause), frame.label);
    }

    /// Who gets a frame now that its octets have changed.
    pub(super) fn readdress(&self, frame: &mut Frame) {
        if frame.up {
            frame.account = Envelope::decode(&frame.octets)
                .map_or(frame.user, |envelope| self.account_for(frame.user, &envelope));
        }
    }

    /// The account that a device's frame is about; the device's own for names that nobody has.
    pub(super) fn account_for(&self, user: u32, envelope: &Envelope) -> u32 {
        let own = &self.plan.devices[user as usize].user;
        let to = route(envelope, own);
        if std::ptr::eq(to, own) { user } else { self.index(to).unwrap_or(user) }
    }

    /// What a device's link is like.
    pub(super) fn link(&self, user: u32, up: bool) -> &LinkConfig {
        Self::link_of(&self.plan, user, up)
    }

    fn link_of(plan: &Arc<crate::scenario::plan::Plan>, user: u32, up: bool) -> &LinkConfig {
        let device = &plan.devices[user as usize];
        &plan.links[if up { device.up } else { device.down } as usize]
    }

    fn lost(&mut self, frame: &Frame, why: LossCause) {
        self.lost_at(frame.owner(), frame, why);
    }

    fn lost_at(&mut self, node: NodeId, frame: &Frame, why: LossCause) {
        let fact = Fact::Lost { frame: frame.fact(self.with_octets), why };
        self.record(node, fact, frame.cause);
    }

    /// Records that something was done to a frame.
    pub(super) fn meddled(&mut self, frame: &Frame, how: Meddling) -> RecordId {
        let fact = Fact::Meddled { frame: frame.fact(self.with_octets), how };
        self.record(frame.owner(), fact, frame.cause)
    }
}

/// The word of traces for what lost a frame.
const fn loss(reason: Reason) -> LossCause {
    match reason {
        Reason::Loss | Reason::Episode(_) => LossCause::Loss,
        Reason::Burst => LossCause::Burst,
        Reason::QueueFull => LossCause::QueueFull,
        Reason::TooBig => LossCause::TooBig,
        Reason::LinkDown(_) => LossCause::LinkDown,
        Reason::Partition(_) => LossCause::Partition,
    }
}
