//! The body of a device: a machine inside the world, or something outside that the world talks to.
//!
//! Not here: how one talks to what is outside (`conformance`), or what a turn is (`turn`).

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::base::id::NodeId;
use crate::base::lock::lock;
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite};
use crate::proto::port::{DeviceInput, Output, To, Token, Wake};
use crate::proto::sheet::Sheet;
use crate::proto::work::Work;
use crate::sim::node::Machine;
use crate::trace::fact::{Fact, OUTSIDE};
use crate::trace::record::RecordId;
use crate::wire::message::{Envelope, Ticket};

/// What happens to a device outside.
#[derive(Clone, Debug)]
pub enum Happening {
    /// Power comes on; a device that starts attached is given its session.
    Start(Option<Ticket>),
    /// It is told something.
    Input(DeviceInput),
    /// Its own time-out.
    Timeout,
    /// It is to answer when all that it got is dealt with, and all that it says is on its way.
    Fence,
    /// Power is gone.
    Stop,
    /// It keeps a copy of its durable state under this name.
    Snapshot(String),
    /// It is set back to the copy of this name, while power is off; with its randomness, if that is said.
    Restore(String, bool),
}

/// Something that a device outside has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What.
    pub what: Saying,
    /// When, by the time of the world.
    pub at: Instant,
    /// The number of what happened to it and led to this, if that is known.
    pub of: Option<u64>,
}

/// What a device outside says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// To the server.
    Frame(Vec<u8>),
    /// To its user, or of itself.
    Fact(Fact),
}

/// What came of something that happened to a device outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What it said, in order.
    pub said: Vec<Said>,
    /// When it wants to be woken.
    pub next: Option<Instant>,
    /// Whether it has something to bring to an end.
    pub pending: bool,
}

/// The link to a device outside, or the device itself, is at fault: the run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// A device outside that is moved along with the world's time, or keeps its own (`pace`).
pub trait Outside: fmt::Debug + Send {
    /// Lets something happen to it, after everything that is due by then; `of` is its number. What one that
    /// keeps its own time says is heard later: the answer is without it.
    ///
    /// # Errors
    /// When it gives no answer that can be used.
    fn happen(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, Broken>;
}

/// A device outside, shared by the copies of a world: they are no worlds of their own.
pub type Remote = Arc<Mutex<dyn Outside>>;

/// A device outside, as its node sees it.
#[derive(Clone, Debug)]
pub struct Outsider {
    remote: Remote,
    sheet: Sheet<DeviceWrite>,
    next: Option<Instant>,
    pending: bool,
    broken: Option<Broken>,
    node: NodeId,
    /// It keeps its own time: it says things when it likes, and nobody has to wake it.
    paced: bool,
    /// The record that leads to the next happening: its number is that of the happening.
    cause: Option<RecordId>,
    /// What led to what it has said, oldest first.
    causes: VecDeque<Option<RecordId>>,
    /// The same of what was taken last.
    since: Option<RecordId>,
}

impl Outsider {
    /// A device that is off.
    #[must_use]
    pub fn new(node: NodeId, remote: Remote, paced: bool) -> Self {
        Self {
            remote,
            sheet: Sheet::default(),
            next: None,
            pending: false,
            broken: None,
            node,
            paced,
            cause: None,
            causes: VecDeque::new(),
            since: None,
        }
    }

    /// Whether it says that it has something to bring to an end.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    /// Why nothing more will come of it.
    #[must_use]
    pub const fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// It has said this; it leaves with its next turn.
    pub fn say(&mut self, Said { what, of, .. }: Said) {
        self.sheet.push(output(what));
        self.causes.push_back(of.map(|seq| RecordId { node: self.node, seq }));
    }

    /// Asks it how it is, without a turn.
    pub fn ask(&mut self, now: Now) {
        self.happen(now, Happening::Timeout);
    }

    fn pop(&mut self) -> Option<Output<DeviceWrite>> {
        self.since = self.causes.pop_front().flatten();
        self.sheet.pop()
    }

    fn happen(&mut self, now: Now, what: Happening) {
        if self.broken.is_some() {
            return;
        }
        let of = self.cause.take().map(|cause| cause.seq);
        match tell(&self.remote, now, of, what) {
            Ok(answer) => {
                (self.next, self.pending) = (answer.next, answer.pending);
                answer.said.into_iter().for_each(|said| self.say(said));
            }
            Err(broken) => {
                (self.next, self.pending) = (None, false);
                self.broken = Some(broken);
            }
        }
    }
}

/// Lets something happen to a device outside.
///
/// # Errors
/// As [`Outside::happen`].
pub fn tell(remote: &Remote, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, Broken> {
    // A thread that panicked while it talked ends the run by that.
    lock(remote).happen(now, of, what)
}

fn output(what: Saying) -> Output<DeviceWrite> {
    match what {
        Saying::Frame(octets) => match Envelope::decode(&octets) {
            Ok(envelope) => Output::Transmit(To::Server, Box::new(envelope)),
            Err(_) => Output::Garbage(octets),
        },
        Saying::Fact(fact) => Output::Fact(fact),
    }
}

/// The body of a device.
#[allow(clippy::large_enum_variant, reason = "nearly all of a world are inside")]
#[derive(Clone, Debug)]
pub enum Body<S: Suite> {
    /// Part of the world.
    Inside(Device<S>),
    /// Not part of it.
    Outside(Outsider),
}

impl<S: Suite> Machine for Body<S> {
    type Input = DeviceInput;
    type Write = DeviceWrite;
    type Durable = DeviceDurable;

    fn power_on(&mut self, now: Now, ticket: Option<Ticket>) {
        match self {
            Self::Inside(device) => device.power_on(now, ticket),
            Self::Outside(it) => it.happen(now, Happening::Start(ticket)),
        }
    }

    fn handle_input(&mut self, now: Now, input: DeviceInput) {
        match self {
            Self::Inside(device) => device.handle_input(now, input),
            Self::Outside(it) => it.happen(now, Happening::Input(input)),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Inside(device) => device.handle_timeout(now),
            // What it has said is all that happens.
            Self::Outside(it) if it.paced => {}
            Self::Outside(it) => it.happen(now, Happening::Timeout),
        }
    }

    fn fence(&mut self, now: Now) {
        match self {
            // The world knows when its own nodes are at rest.
            Self::Inside(_) => {}
            Self::Outside(it) => it.happen(now, Happening::Fence),
        }
    }

    fn poll_output(&mut self) -> Option<Output<DeviceWrite>> {
        match self {
            Self::Inside(device) => device.poll_output(),
            Self::Outside(it) => it.pop(),
        }
    }

    fn sheet(&mut self) -> &mut Sheet<DeviceWrite> {
        match self {
            Self::Inside(device) => device.sheet(),
            Self::Outside(it) => &mut it.sheet,
        }
    }

    fn poll_timeout(&self) -> Option<Wake> {
        match self {
            Self::Inside(device) => device.poll_timeout(),
            Self::Outside(it) => it.next.map(|at| (at, OUTSIDE)),
        }
    }

    fn take_work(&mut self) -> Work {
        match self {
            Self::Inside(device) => device.take_work(),
            // It takes its own time.
            Self::Outside(_) => Work::default(),
        }
    }

    fn glance(&self) -> u64 {
        match self {
            Self::Inside(device) => device.glance(),
            Self::Outside(_) => 0,
        }
    }

    fn glance_behind(&self) -> u64 {
        match self {
            Self::Inside(device) => device.glance_behind(),
            Self::Outside(_) => 0,
        }
    }

    fn apply(durable: &mut DeviceDurable, write: &DeviceWrite) {
        durable.apply(write);
    }

    fn persisted(token: Token) -> DeviceInput {
        DeviceInput::Persisted(token)
    }

    fn hear(&mut self, cause: Option<RecordId>) {
        if let Self::Outside(it) = self {
            it.cause = cause;
        }
    }

    fn since(&self) -> Option<RecordId> {
        match self {
            Self::Inside(_) => None,
            Self::Outside(it) => it.since,
        }
    }

    fn broken(&self) -> Option<&Broken> {
        match self {
            Self::Inside(_) => None,
            Self::Outside(it) => it.broken(),
        }
    }
}
