//! One node at rest, and its turns: an input, everything that follows from it, or what a power failure
//! leaves of that.
//!
//! Not here: where outputs go (`lab`), or records (`story`).

use std::collections::VecDeque;
use std::fmt;

use crate::base::id::UserId;
use crate::base::time::Now;
use crate::crypto::model::Model;
use crate::crypto::suite::Suite;
use crate::proto::device::Device;
use crate::proto::port::{AccountMessage, Output, To, Wake};
use crate::proto::server::account::Account;
use crate::sim::body::Body;
use crate::sim::node::{Machine, Node, Stimulus};
use crate::trace::fact::Fact;
use crate::wire::message::{Envelope, Ticket};

/// Outputs of one turn; a machine that has more is broken.
const OUTPUTS_MAX: usize = 10_000;

/// A device or an account.
#[derive(Clone, Debug)]
pub(super) enum Actor {
    /// A device.
    Device(Box<Being<Device<Model>>>),
    /// An account.
    Account(Box<Being<Account<Model>>>),
}

/// A machine that is on, what it would restart from, and the number of its start.
#[derive(Clone)]
pub(super) struct Being<M: Machine> {
    pub machine: M,
    pub durable: M::Durable,
    pub boot: u64,
}

impl<M: Machine + fmt::Debug> fmt::Debug for Being<M>
where
    M::Durable: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {}", self.machine, self.durable, self.boot)
    }
}

/// What comes of a turn, in order.
#[allow(clippy::large_enum_variant, reason = "most are facts")]
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// It states a fact.
    Fact(Fact),
    /// It sends a frame.
    Send(To, Envelope),
    /// It tells another account.
    Tell(UserId, AccountMessage),
    /// Power fails, and it starts again for the so-manieth time.
    Restart(u64),
    /// It does not come to rest.
    Endless,
}

/// A turn as it went.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub effects: Vec<Effect>,
    /// Writes and messages so far: the places before which power may fail.
    pub points: u8,
    /// Power failed.
    pub fell: bool,
    /// Power failed before all writes were durable.
    pub lost: bool,
}

impl<S: Suite> Being<Device<S>> {
    /// A device of a world that is on and at rest, and part of that world.
    pub fn of_device(node: &Node<Body<S>>) -> Option<Self> {
        let Some(Body::Inside(machine)) = node.machine.clone().filter(|_| node.is_idle()) else {
            return None;
        };
        Some(Self { machine, durable: node.durable.clone(), boot: node.boot })
    }
}

impl<M: Machine + Clone> Being<M> {
    /// A node of a world that is on and at rest.
    pub fn of(node: &Node<M>) -> Option<Self> {
        let machine = node.machine.clone().filter(|_| node.is_idle())?;
        Some(Self { machine, durable: node.durable.clone(), boot: node.boot })
    }

    /// A turn. With `cut`, power fails before its so-manieth point, or at its end.
    pub fn play(&mut self, now: Now, stimulus: Stimulus<M::Input>, cut: Option<u8>) -> Course {
        match stimulus {
            Stimulus::Input(input) => self.machine.handle_input(now, input),
            Stimulus::Timeout => self.machine.handle_timeout(now),
            Stimulus::Start(ticket) => self.machine.power_on(now, ticket),
            Stimulus::Fence => self.machine.fence(now),
        }
        let mut course = Course::default();
        let mut waiting = VecDeque::new();
        let mut outputs = 0;
        loop {
            waiting.extend(std::iter::from_fn(|| self.machine.poll_output()).take(OUTPUTS_MAX));
            let Some(output) = waiting.pop_front() else { break };
            outputs += 1;
            if outputs > OUTPUTS_MAX {
                course.effects.push(Effect::Endless);
                break;
            }
            if !matches!(output, Output::Fact(_)) {
                if cut == Some(course.points) {
                    waiting.push_front(output);
                    self.lose(waiting, &mut course);
                    break;
                }
                course.points = course.points.saturating_add(1);
            }
            match output {
                // No machine inside says such.
                Output::Garbage(_) => {}
                Output::Fact(fact) => course.effects.push(Effect::Fact(fact)),
                Output::Transmit(to, envelope) => course.effects.push(Effect::Send(to, *envelope)),
                Output::Internal(to, message) => course.effects.push(Effect::Tell(to, message)),
                Output::Persist(token, writes) => {
                    writes.iter().for_each(|write| M::apply(&mut self.durable, write));
                    self.machine.handle_input(now, M::persisted(token));
                }
            }
        }
        course.fell = cut.is_some();
        course
    }

    /// Power fails: of what had not happened, only that is bound to which follows no lost write and is for
    /// another account.
    fn lose(&mut self, waiting: VecDeque<Output<M::Write>>, course: &mut Course) {
        let later: Vec<_> =
            std::iter::from_fn(|| self.machine.poll_output()).take(OUTPUTS_MAX).collect();
        for output in waiting.into_iter().chain(later) {
            match output {
                Output::Persist(..) => {
                    course.lost = true;
                    break;
                }
                Output::Internal(to, message) => course.effects.push(Effect::Tell(to, message)),
                Output::Fact(_) | Output::Garbage(_) | Output::Transmit(..) => {}
            }
        }
    }

    /// Starts again after a power failure, with a machine made from what is durable.
    pub fn restart(&mut self, now: Now, machine: M, ticket: Option<Ticket>, course: &mut Course) {
        self.machine = machine;
        course.effects.push(Effect::Restart(self.boot));
        course.effects.extend(self.play(now, Stimulus::Start(ticket), None).effects);
    }
}

impl Actor {
    /// When it wants to be called, and why.
    pub fn timer(&self) -> Option<Wake> {
        match self {
            Self::Device(it) => it.machine.poll_timeout(),
            Self::Account(it) => it.machine.poll_timeout(),
        }
    }
}
