//! The adversary: what it does with frames that it sees on one device's links.
//!
//! It acts as the owner of the links, and what it sends passes them without luck, so that nobody else's
//! luck depends on it. Not here: making false frames (`forge`), addresses of frames (`rules`).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, UserId};
use crate::base::time::{Duration, Millis};
use crate::crypto::suite::Suite;
use crate::network::link::Arrival;
use crate::scenario::plan::{Action, AdversaryAct, FlipField, Forgery, FrameAddress, Plan};
use crate::sim::forge::{Addressee, Forge};
use crate::sim::frame::{Frame, Label};
use crate::sim::rules::submit_of;
use crate::sim::spoil::spoiled;
use crate::sim::world::World;
use crate::trace::fact::{About, FrameKind, Meddling};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;
use crate::wire::message::{Envelope, Message};
use crate::wire::record::KeyRecord;

/// What an adversary knows and does at one device's links.
#[derive(Clone, Debug, Default)]
pub(super) struct Adversary {
    tricks: Vec<Trick>,
    /// Records that it saw in key replies.
    seen: Seen,
}

/// Time between the copies of a sweep: less than a second for any field, and no burst.
const SWEEP_PACE: Duration = Duration::from_millis(10);

/// Something that waits for frames.
#[derive(Clone, Debug)]
struct Trick {
    step: u32,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Forges the next reply about a user.
    Forge { about: UserId, how: Forgery },
    /// Exchanges the records of two replies; the first of them waits here.
    Swap { users: [UserId; 2], kept: Option<Box<Frame>> },
    /// Serves an old record of a user.
    Old { about: UserId, epoch: Epoch },
}

/// What a trick makes of a frame.
enum Made {
    /// Nothing.
    Same,
    /// Other octets; the trick stays or is done.
    Altered(Vec<u8>, Meddling, bool),
    /// It waits.
    Kept,
    /// It and the one that waited, with each other's records.
    Both(Box<[(Frame, Vec<u8>); 2]>),
}

impl Adversary {
    /// An adversary for each device at whose links the plan has one.
    pub fn of(plan: &Plan) -> BTreeMap<u32, Self> {
        let steps = plan.steps.iter();
        let at = steps.filter_map(|step| {
            let Action::Adversary { at, .. } = &step.action else { return None };
            Some((*at, Self::default()))
        });
        at.collect()
    }
}

impl<S: Suite> World<S> {
    /// An adversary's step acts at a device's links.
    pub(super) fn attack(
        &mut self,
        user: u32,
        step: u32,
        act: &AdversaryAct,
        cause: Option<RecordId>,
    ) {
        let what = match act.clone() {
            AdversaryAct::ForgeKeyReply { about, how } => What::Forge { about, how },
            AdversaryAct::SwapReplies { first, second } => {
                What::Swap { users: [first, second], kept: None }
            }
            AdversaryAct::ServeOld { about, epoch } => What::Old { about, epoch: Epoch(epoch) },
            AdversaryAct::Replay(_)
            | AdversaryAct::Reflect(_)
            | AdversaryAct::FlipEach(..)
            | AdversaryAct::ForgeNotice { .. }
            | AdversaryAct::Reregister { .. }
            | AdversaryAct::Inject { .. }
            | AdversaryAct::Spray { .. } => return self.send_forged(user, step, act, cause),
        };
        if let Some(adversary) = self.adversaries.get_mut(&user) {
            adversary.tricks.push(Trick { step, what });
        }
    }

    /// What an adversary sends by itself.
    fn send_forged(&mut self, user: u32, step: u32, act: &AdversaryAct, cause: Option<RecordId>) {
        let mut forge = Forge::new(self.plan.seed, step);
        let wall = self.devices[user as usize].clock.wall(self.now());
        let name = self.user(user);
        match act {
            AdversaryAct::Replay(address) => match self.captured(user, address) {
                Some(frame) => self.inject(frame, Meddling::Replayed, Duration::ZERO, cause),
                None => self.nothing_captured(step),
            },
            AdversaryAct::FlipEach(address, field) => match self.captured(user, address) {
                Some(frame) => self.sweep(&frame, *field, cause),
                None => self.nothing_captured(step),
            },
            AdversaryAct::Reflect(message) => {
                let address = FrameAddress { what: submit_of(*message), copy: None };
                let reflected = self
                    .captured(user, &address)
                    .and_then(|frame| forge.reflection(&frame.octets, wall));
                match reflected {
                    Some(octets) => self.inject_octets(user, octets, false, cause),
                    None => self.nothing_captured(step),
                }
            }
            AdversaryAct::ForgeNotice { about, epoch } => {
                let octets = forge.notice(about, Epoch(*epoch));
                self.inject_octets(user, octets, false, cause);
            }
            AdversaryAct::Reregister { name } => {
                let octets = forge.registration::<S>(name, wall);
                self.inject_octets(user, octets, true, cause);
            }
            AdversaryAct::Inject { octets, to_device } => {
                self.inject_octets(user, octets.clone(), !to_device, cause);
            }
            AdversaryAct::Spray { count, epochs } => {
                let other = self.plan.devices.iter().map(|device| &device.user);
                let known = other.filter(|_| *epochs).find(|other| **other != name).cloned();
                let to = self.addressee(user);
                for _ in 0..*count {
                    let octets = forge.stranger(&to, known.as_ref(), wall);
                    self.inject_octets(user, octets, false, cause);
                }
            }
            AdversaryAct::ForgeKeyReply { .. }
            | AdversaryAct::SwapReplies { .. }
            | AdversaryAct::ServeOld { .. } => {}
        }
    }

    /// What headers say of a device's user.
    fn addressee(&self, user: u32) -> Addressee {
        let keyring = &self.devices[user as usize].durable.keyring;
        let mut kid = [0; 8];
        if let Some(key) = keyring.current_key() {
            kid.copy_from_slice(&key.kid.0[..8]);
        }
        Addressee { user: self.user(user), epoch: keyring.current(), kid }
    }

    fn captured(&self, user: u32, address: &FrameAddress) -> Option<Frame> {
        let id = self.addresses.find(&address.what)?;
        self.rules.get(&user)?.captured(id, address.copy).cloned()
    }

    fn nothing_captured(&mut self, step: u32) {
        let message =
            format!("the adversary of step `{}` has seen no such frame", self.step_name(step));
        self.find(Severity::Inconclusive, "step", message);
    }

    fn inject_octets(&mut self, user: u32, octets: Vec<u8>, up: bool, cause: Option<RecordId>) {
        let label = Envelope::decode(&octets).ok().map(|envelope| Label::of(&envelope, None));
        let octets = octets.into();
        let frame =
            Frame { octets, user, account: user, up, number: 0, copy: 0, label, cause: None };
        self.inject(frame, Meddling::Forged, Duration::ZERO, cause);
    }

    /// Sends copies of a frame, each spoiled at another place of the field.
    fn sweep(&mut self, frame: &Frame, field: FlipField, cause: Option<RecordId>) {
        let changed = (0..).map_while(|place| spoiled(&frame.octets, field, place));
        for (octets, n) in changed.zip(0..) {
            let mut copy = frame.clone();
            copy.alter(octets);
            self.inject(copy, Meddling::Altered, SWEEP_PACE.times(n), cause);
        }
    }

    fn inject(
        &mut self,
        mut frame: Frame,
        how: Meddling,
        later: Duration,
        cause: Option<RecordId>,
    ) {
        frame.number = self.links[frame.user as usize].number(frame.up);
        frame.cause = cause;
        frame.cause = Some(self.meddled(&frame, how));
        self.readdress(&mut frame);
        let delay = self.link(frame.user, frame.up).min_delay();
        self.fly(Box::new(frame), Arrival { delay, corrupt: None, reordered: false }, later);
    }

    /// The step is over: frames that its tricks kept go on.
    pub(super) fn call_off(&mut self, user: u32, step: u32) {
        let Some(adversary) = self.adversaries.get_mut(&user) else { return };
        let (over, stay) =
            std::mem::take(&mut adversary.tricks).into_iter().partition(|it| it.step == step);
        adversary.tricks = stay;
        let over: Vec<Trick> = over;
        for trick in over {
            if let What::Swap { kept: Some(frame), .. } = trick.what {
                self.release(vec![*frame]);
            }
        }
    }

    /// What tricks make of a frame before it passes the link; none when the adversary keeps it.
    pub(super) fn tamper(&mut self, mut frame: Box<Frame>) -> Option<Box<Frame>> {
        if self.adversaries.is_empty() {
            return Some(frame);
        }
        let user = frame.user;
        let wall = self.devices[user as usize].clock.wall(self.now());
        let Some(mut adversary) = self.adversaries.remove(&user) else { return Some(frame) };
        adversary.learn(&frame);
        let mut forge = Forge::of_frame(self.plan.seed, user, frame.number);
        let mut kept = false;
        let mut tricks = std::mem::take(&mut adversary.tricks);
        tricks.retain_mut(|trick| {
            match trick.what.make::<S>(&frame, &mut forge, &adversary.seen, wall) {
                Made::Same => true,
                Made::Altered(octets, how, stays) => {
                    frame.alter(octets);
                    self.readdress(&mut frame);
                    self.meddled(&frame, how);
                    stays
                }
                Made::Kept => {
                    self.meddled(&frame, Meddling::Held);
                    kept = true;
                    true
                }
                Made::Both(pair) => {
                    let [(mut first, octets), (second, others)] = *pair;
                    first.alter(octets);
                    self.meddled(&first, Meddling::Swapped);
                    self.pass(Box::new(first), Duration::ZERO);
                    *frame = second;
                    frame.alter(others);
                    self.meddled(&frame, Meddling::Swapped);
                    false
                }
            }
        });
        adversary.tricks = tricks;
        self.adversaries.insert(user, adversary);
        (!kept).then_some(frame)
    }
}

impl Adversary {
    fn learn(&mut self, frame: &Frame) {
        if frame.label.as_ref().is_none_or(|label| label.kind != FrameKind::KeyReply) {
            return;
        }
        let Ok(Envelope { body: Message::KeyReply { records, .. }, .. }) =
            Envelope::decode(&frame.octets)
        else {
            return;
        };
        for record in records {
            self.seen.insert((record.user.clone(), record.epoch), record);
        }
    }
}

/// Records that an adversary saw, by user and epoch.
type Seen = BTreeMap<(UserId, Epoch), KeyRecord>;

impl What {
    fn make<S: Suite>(
        &mut self,
        frame: &Frame,
        forge: &mut Forge,
        seen: &Seen,
        wall: Millis,
    ) -> Made {
        match self {
            Self::Forge { about, how } if is_reply(frame, about) => {
                let other = seen.values().find(|record| record.user != *about);
                forge
                    .key_reply::<S>(&frame.octets, how, wall, other)
                    .map_or(Made::Same, |octets| Made::Altered(octets, Meddling::Forged, false))
            }
            Self::Old { about, epoch } if is_reply(frame, about) => {
                let old = seen.get(&(about.clone(), *epoch));
                old.and_then(|record| forge.with_records(&frame.octets, vec![record.clone()]))
                    .map_or(Made::Same, |octets| Made::Altered(octets, Meddling::Altered, true))
            }
            Self::Swap { users, kept } => {
                if !users.iter().any(|user| is_reply(frame, user)) {
                    return Made::Same;
                }
                let same =
                    |kept: &Frame| users.iter().all(|it| is_reply(kept, it) == is_reply(frame, it));
                match kept.take() {
                    None => {
                        *kept = Some(Box::new(frame.clone()));
                        Made::Kept
                    }
                    Some(first) if same(&first) => {
                        *kept = Some(first);
                        Made::Same
                    }
                    Some(first) => match forge.swapped(&first.octets, &frame.octets) {
                        Some([one, other]) => {
                            Made::Both(Box::new([(*first, one), (frame.clone(), other)]))
                        }
                        None => Made::Same,
                    },
                }
            }
            Self::Forge { .. } | Self::Old { .. } => Made::Same,
        }
    }
}

/// Whether a frame is a key reply about a user.
fn is_reply(frame: &Frame, about: &UserId) -> bool {
    let Some(label) = &frame.label else { return false };
    label.kind == FrameKind::KeyReply && matches!(&label.about, About::User(user) if user == about)
}
