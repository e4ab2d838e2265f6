//! Turns of the lockstep world: computed once, with what came of them by number.
//!
//! Not here: which turns there are (`lab`), or what a power failure leaves of one (`actor`).

use std::sync::Arc;

use crate::base::id::NodeId;
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Instant, Now};
use crate::crypto::model::Model;
use crate::oracle::escrow::Held;
use crate::proto::device::Device;
use crate::proto::port::{AccountInput, AccountMessage, DeviceInput, Origin, To, UserAction};
use crate::proto::server::account::Account;
use crate::proto::server::route;
use crate::scenario::plan::Action;
use crate::sim::frame::{Frame, Label};
use crate::sim::lockstep::actor::{Actor, Being, Course, Effect};
use crate::sim::lockstep::lab::{Lab, clock};
use crate::sim::lockstep::pool::print;
use crate::sim::node::Stimulus;
use crate::trace::fact::{Fact, RejectCause};
use crate::wire::message::Envelope;

/// Something on its way.
#[derive(Clone, Debug)]
pub(super) enum Flight {
    /// A frame on a link.
    Frame(Frame),
    /// A message between two accounts, to the second.
    Mail(u32, AccountMessage),
}

/// What a node is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Input {
    Frame(u32),
    Step(u8),
    Timeout,
}

/// A turn of a node.
#[derive(Debug)]
pub(super) struct Turn {
    /// The node afterwards.
    pub actor: u32,
    /// What came of it.
    pub effects: Vec<Outcome>,
    pub points: u8,
    /// Power failed before all writes were durable.
    pub lost: bool,
    /// Fingerprints of what judges remember.
    pub marks: Vec<u64>,
    /// It states something that is in order only under circumstances.
    pub alarming: bool,
}

/// An effect whose frames have numbers.
#[allow(clippy::large_enum_variant, reason = "most are facts")]
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Fact(Fact, Option<Held>),
    Send(u32),
    Restart(u64),
    Endless,
}

impl Lab {
    /// A turn of a node, computed or remembered.
    pub(super) fn turn(
        &mut self,
        node: NodeId,
        actor: u32,
        input: Input,
        now: Instant,
        cut: Option<u8>,
    ) -> u32 {
        let key = (actor, input, now, cut);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let user = node.user().unwrap_or_default();
        let (actor, course) = match self.actors.get(actor).clone() {
            Actor::Device(mut being) => {
                let course = self.device_turn(&mut being, user, input, clock(now), cut);
                (Actor::Device(being), course)
            }
            Actor::Account(mut being) => {
                let course = self.account_turn(&mut being, user, input, clock(now), cut);
                (Actor::Account(being), course)
            }
        };
        let turn = self.settle(node, actor, course, input);
        let number = u32::try_from(self.turns.len()).unwrap_or(u32::MAX);
        self.turns.push(turn);
        self.numbers.insert(key, number);
        number
    }

    fn device_turn(
        &self,
        being: &mut Being<Device<Model>>,
        user: u32,
        input: Input,
        now: Now,
        cut: Option<u8>,
    ) -> Course {
        let stimulus = match input {
            Input::Timeout => Stimulus::Timeout,
            Input::Step(step) => match self.action(step) {
                Some(action) => Stimulus::Input(DeviceInput::User(action)),
                None => Stimulus::Timeout,
            },
            Input::Frame(frame) => match self.frames.get(frame) {
                Flight::Frame(frame) => Stimulus::Input(device_input(frame)),
                Flight::Mail(..) => Stimulus::Timeout,
            },
        };
        let mut course = being.play(now, stimulus, cut);
        if course.fell {
            being.boot += 1;
            let device = &self.plan.devices[user as usize];
            let config = Arc::clone(&self.plan.profiles[device.profile as usize].config);
            let luck = Luck::new(self.plan.seed, Purpose::Device, u64::from(user));
            let (name, durable) = (device.user.clone(), being.durable.clone());
            let machine = Device::new(config, name, durable, luck, being.boot);
            let ticket = self.tickets.get(user as usize).cloned();
            being.restart(now, machine, ticket, &mut course);
        }
        course
    }

    fn account_turn(
        &self,
        being: &mut Being<Account<Model>>,
        user: u32,
        input: Input,
        now: Now,
        cut: Option<u8>,
    ) -> Course {
        let stimulus = match input {
            Input::Timeout | Input::Step(_) => Stimulus::Timeout,
            Input::Frame(frame) => match self.frames.get(frame) {
                Flight::Mail(_, message) => {
                    Stimulus::Input(AccountInput::Internal(message.clone()))
                }
                Flight::Frame(frame) => match Envelope::decode(&frame.octets) {
                    Ok(envelope) => {
                        let origin = Origin(u64::from(frame.user));
                        Stimulus::Input(AccountInput::Frame(origin, envelope))
                    }
                    Err(_) => Stimulus::Timeout,
                },
            },
        };
        let mut course = being.play(now, stimulus, cut);
        if course.fell {
            being.boot += 1;
            let luck = Luck::new(self.plan.seed, Purpose::Account, u64::from(user));
            let name = self.plan.devices[user as usize].user.clone();
            let (config, key) = (Arc::clone(&self.plan.server), Arc::clone(&self.server_key));
            let durable = being.durable.clone();
            let machine = Account::restore(config, name, key, durable, luck, being.boot);
            being.restart(now, machine, None, &mut course);
        }
        course
    }

    fn action(&self, step: u8) -> Option<UserAction> {
        let action = &self.plan.steps.get(usize::from(step))?.action;
        if let Action::Send { to, text, draft, .. } = action {
            return Some(UserAction::Send { draft: *draft, to: to.clone(), text: text.clone() });
        }
        if let Action::Rotate { revoke, .. } = action {
            return Some(UserAction::Rotate { revoke: *revoke });
        }
        None
    }

    /// Gives numbers to what came of a turn.
    fn settle(&mut self, node: NodeId, actor: Actor, course: Course, input: Input) -> Turn {
        let user = node.user().unwrap_or_default();
        let request = match input {
            Input::Frame(frame) => match self.frames.get(frame) {
                Flight::Frame(frame) => frame.label.clone(),
                Flight::Mail(..) => None,
            },
            Input::Step(_) | Input::Timeout => None,
        };
        let (mut effects, mut marks, mut alarming) = (Vec::new(), Vec::new(), false);
        let Course { effects: made, points, lost, .. } = course;
        for effect in made {
            effects.push(match effect {
                Effect::Fact(fact) => {
                    alarming |= is_alarming(&fact);
                    marks.extend(mark(&fact));
                    let held = held(user, &actor, &fact);
                    Outcome::Fact(fact, held)
                }
                Effect::Send(to, envelope) => {
                    let label = Label::of(&envelope, request.as_ref());
                    Outcome::Send(self.send(user, to, &envelope, label))
                }
                Effect::Tell(to, message) => match self.plan.spec.index(&to) {
                    Some(to) => Outcome::Send(self.frames.keep(Flight::Mail(to, message))),
                    None => continue,
                },
                Effect::Restart(boot) => Outcome::Restart(boot),
                Effect::Endless => {
                    alarming = true;
                    Outcome::Endless
                }
            });
        }
        let actor = self.actors.keep(actor);
        Turn { actor, effects, points, lost, marks, alarming }
    }

    fn send(&mut self, user: u32, to: To, envelope: &Envelope, label: Label) -> u32 {
        let (user, account, up) = match to {
            To::Server => {
                let own = &self.plan.devices[user as usize].user;
                (user, self.plan.spec.index(route(envelope, own)).unwrap_or(user), true)
            }
            To::Origin(Origin(origin)) => (u32::try_from(origin).unwrap_or(user), user, false),
        };
        let octets = envelope.encode().into();
        let label = Some(label);
        let frame = Frame { octets, user, account, up, number: 0, copy: 0, label, cause: None };
        self.frames.keep(Flight::Frame(frame))
    }
}

fn device_input(frame: &Frame) -> DeviceInput {
    Envelope::decode(&frame.octets)
        .map_or_else(|_| DeviceInput::Garbage(frame.octets.to_vec()), DeviceInput::Frame)
}

/// The keys that a fact says have come into being.
fn held(user: u32, actor: &Actor, fact: &Fact) -> Option<Held> {
    let (Actor::Device(being), Fact::Provisioned { epoch, .. }) = (actor, fact) else {
        return None;
    };
    let key = being.durable.keyring.key(*epoch)?;
    Some(Held { user, agree: key.agree.clone(), sign: key.sign.secret.clone() })
}

/// What judges remember of a fact and a machine need not: what was shown, accepted, and how it ended.
fn mark(fact: &Fact) -> Option<u64> {
    let counts = matches!(
        fact,
        Fact::Display { .. }
            | Fact::Accept { known: false, .. }
            | Fact::Bounce { .. }
            | Fact::Expire { .. }
    );
    counts.then(|| print(fact).to_le_bytes()[..8].try_into().map_or(0, u64::from_le_bytes))
}

/// Whether a fact is in order only under circumstances, so that a judge should look.
fn is_alarming(fact: &Fact) -> bool {
    if let Fact::Reject { why, .. } = fact {
        return !matches!(why, RejectCause::Busy);
    }
    matches!(fact, Fact::Bounce { .. } | Fact::Refuse { .. } | Fact::Limit { .. })
}
