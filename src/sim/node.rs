//! One node of the world: a machine with its durable state, its outputs, its clock and its timer.
//!
//! Not here: where outputs go (`turn`, `path`), or which node is which (`world`).

use std::sync::LazyLock;

use crate::base::id::NodeId;
use crate::base::small::{Idle, Line, Spare};
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::suite::Suite;
use crate::engine::clock::NodeClock;
use crate::engine::timer::TimerSlot;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite};
use crate::proto::port::{AccountInput, DeviceInput, Output, Token, Wake};
use crate::proto::server::account::Account;
use crate::proto::server::durable::{AccountDurable, AccountWrite};
use crate::proto::sheet::Sheet;
use crate::proto::work::Work;
use crate::scenario::plan::Cpu;
use crate::sim::body::Broken;
use crate::sim::cpu::{Price, price};
use crate::sim::frame::Label;
use crate::sim::outbox::{Item, Outbox};
use crate::trace::record::RecordId;
use crate::wire::message::Ticket;

/// What devices and accounts have in common for their driver.
pub trait Machine {
    /// What it is told.
    type Input;
    /// Its kind of durable write.
    type Write;
    /// What survives a loss of power.
    type Durable: Clone + Default;

    /// It was just built.
    fn power_on(&mut self, now: Now, ticket: Option<Ticket>);
    /// See `proto`.
    fn handle_input(&mut self, now: Now, input: Self::Input);
    /// See `proto`.
    fn handle_timeout(&mut self, now: Now);
    /// It is asked to come to rest; only what is outside of the world has to be.
    fn fence(&mut self, _: Now) {}
    /// See `proto`.
    fn poll_output(&mut self) -> Option<Output<Self::Write>>;
    /// Where outputs are written.
    fn sheet(&mut self) -> &mut Sheet<Self::Write>;
    /// See `proto`.
    fn poll_timeout(&self) -> Option<Wake>;
    /// Cryptographic work since the last call.
    fn take_work(&mut self) -> Work;
    /// Makes one durable write.
    fn apply(durable: &mut Self::Durable, write: &Self::Write);
    /// Everything up to the token is durable.
    fn persisted(token: Token) -> Self::Input;
    /// The record that leads to the next call.
    fn hear(&mut self, _: Option<RecordId>) {}
    /// What led to the output that was polled last, if that was before the present turn.
    fn since(&self) -> Option<RecordId> {
        None
    }
    /// Why nothing more will come of it; only what is outside of the world breaks.
    fn broken(&self) -> Option<&Broken> {
        None
    }
}

/// What starts a turn.
#[derive(Clone, Debug)]
pub enum Stimulus<I> {
    /// An input.
    Input(I),
    /// The machine's own time-out.
    Timeout,
    /// It was just built; a device may be given its session.
    Start(Option<Ticket>),
    /// A fence: it is asked to come to rest.
    Fence,
}

/// An input that waits for the processor.
#[derive(Clone, Debug)]
pub enum Waiting<I> {
    /// For the machine.
    Input {
        /// What it is told.
        input: I,
        /// Why.
        cause: Option<RecordId>,
        /// The frame that it is, if it is one.
        request: Option<Label>,
    },
    /// The writes under way are durable.
    Synced,
}

/// A machine and everything its driver keeps for it.
#[derive(Clone, Debug)]
pub struct Node<M: Machine> {
    /// None while it is off.
    pub machine: Option<M>,
    /// What it would restart from.
    pub durable: M::Durable,
    /// Its wall clock.
    pub clock: Spare<NodeClock>,
    /// How often it was started.
    pub boot: u64,
    /// Counts losses of power, so that events of an earlier life are known.
    pub life: u32,
    /// Number of its next record.
    pub records: u64,
    /// Outputs that have not left.
    pub outbox: Outbox<M::Write>,
    /// Inputs that wait while the processor is busy.
    pub inputs: Line<Waiting<M::Input>>,
    /// When the machine wants to be called.
    pub timer: Spare<TimerSlot>,
    /// Whether it is listed as having something to do.
    pub listed: bool,
    /// Outputs of the turn under way; they leave when the processor is done. Some: it is busy.
    #[allow(clippy::box_collection, reason = "a pointer is all that an idle node shall take")]
    cooking: Option<Box<Vec<Item<M::Write>>>>,
}

/// What nodes need for a turn and not between two: each uses it in its turn, so that one is enough for a
/// world.
#[derive(Clone, Debug)]
pub struct Loan<W> {
    sheet: Sheet<W>,
    outbox: Outbox<W>,
    turns: Turns,
}

/// How many turns each node had at this instant.
#[derive(Clone, Debug, Default)]
struct Turns {
    at: Instant,
    /// In the order of nodes, which is that of the events of an instant.
    counts: Vec<(NodeId, u32)>,
}

impl<W> Loan<W> {
    /// A node has another turn at this instant.
    ///
    /// # Errors
    /// When it has had too many.
    pub fn begin_turn(&mut self, at: Instant, node: NodeId) -> Result<(), Storm> {
        let Turns { at: last, counts } = &mut self.turns;
        if *last != at {
            *last = at;
            counts.clear();
            // An instant of a whole fleet is rare.
            counts.shrink_to(COUNTS_KEPT);
        }
        let place = counts.partition_point(|(other, _)| *other < node);
        match counts.get_mut(place) {
            Some((other, count)) if *other == node => {
                *count += 1;
                if *count > TURNS_MAX { Err(Storm::Turns) } else { Ok(()) }
            }
            Some(_) | None => {
                counts.insert(place, (node, 1));
                Ok(())
            }
        }
    }
}

impl<W> Default for Loan<W> {
    fn default() -> Self {
        Self { sheet: Sheet::default(), outbox: Outbox::default(), turns: Turns::default() }
    }
}

impl Idle for NodeClock {
    fn idle() -> &'static Self {
        static IDLE: LazyLock<NodeClock> = LazyLock::new(NodeClock::default);
        &IDLE
    }
}

impl Idle for TimerSlot {
    fn idle() -> &'static Self {
        static IDLE: LazyLock<TimerSlot> = LazyLock::new(TimerSlot::default);
        &IDLE
    }
}

/// Inputs of any kind that wait for a processor. A user or a workload that is so far ahead of the device is
/// not what the scenario is about.
pub const WAITING_MAX: usize = 4_096;

/// Turns of a node at one instant. A machine answers an input with a few turns; one that never comes to
/// rest would stop time.
pub const TURNS_MAX: u32 = 100_000;

/// Nodes of an instant for whose numbers of turns memory is kept.
const COUNTS_KEPT: usize = 1 << 10;

/// Outputs of one turn. The largest turns go over a whole mailbox, a list of watchers or a table and say a
/// few things of each entry; one that never ends would fill the memory.
pub const OUTPUTS_MAX: usize = 1_000_000;

impl<M: Machine> Node<M> {
    /// A node that is off.
    pub fn new(durable: M::Durable, clock: NodeClock) -> Self {
        let is_right = clock == NodeClock::default();
        Self {
            machine: None,
            durable,
            clock: if is_right { Spare::new() } else { Spare::of(clock) },
            boot: 0,
            life: 0,
            records: 0,
            outbox: Outbox::default(),
            inputs: Line::default(),
            timer: Spare::new(),
            listed: false,
            cooking: None,
        }
    }

    /// Is the processor busy?
    pub const fn is_busy(&self) -> bool {
        self.cooking.is_some()
    }

    /// Is nothing under way inside?
    pub fn is_idle(&self) -> bool {
        self.cooking.is_none() && self.inputs.is_empty() && self.outbox.is_empty()
    }

    /// One turn of the machine. Facts that come before anything else are stated now; what follows leaves
    /// when the processor is done.
    pub fn turn(
        &mut self,
        at: Instant,
        stimulus: Stimulus<M::Input>,
        cause: Option<RecordId>,
        request: Option<&Label>,
        cpu: Cpu,
        loan: &mut Loan<M::Write>,
    ) -> Result<Price, Storm> {
        let Some(machine) = &mut self.machine else { return Ok(Price::default()) };
        let now = self.clock.now(at);
        machine.sheet().borrow_from(&mut loan.sheet);
        machine.hear(cause);
        match stimulus {
            Stimulus::Input(input) => machine.handle_input(now, input),
            Stimulus::Timeout => machine.handle_timeout(now),
            Stimulus::Start(ticket) => machine.power_on(now, ticket),
            Stimulus::Fence => machine.fence(now),
        }
        let price = price(cpu, &machine.take_work());
        self.outbox.borrow_from(&mut loan.outbox);
        let (mut outputs, mut cooking) = (0, Vec::new());
        let mut cooks = false;
        while let Some(output) = machine.poll_output() {
            if outputs == OUTPUTS_MAX {
                return Err(Storm::Outputs);
            }
            outputs += 1;
            cooks |= price.time > Duration::ZERO && !matches!(output, Output::Fact(_));
            let label = match &output {
                Output::Transmit(_, envelope) => Some(Label::of(envelope, request)),
                Output::Garbage(_)
                | Output::Internal(..)
                | Output::Persist(..)
                | Output::Fact(_) => None,
            };
            let item = Item { output, cause: machine.since().or(cause), label };
            if cooks {
                cooking.push(item);
            } else {
                self.outbox.push(item);
            }
        }
        machine.sheet().give_back_to(&mut loan.sheet);
        if price.time > Duration::ZERO {
            self.cooking = Some(Box::new(cooking));
        }
        Ok(price)
    }

    /// What the turn needed is free for others, if everything has left.
    pub fn clear_away(&mut self, loan: &mut Loan<M::Write>) {
        self.outbox.give_back_to(&mut loan.outbox);
    }

    /// The processor is done: what it made may leave.
    pub fn done(&mut self) {
        self.cooking
            .take()
            .into_iter()
            .flat_map(|items| *items)
            .for_each(|item| self.outbox.push(item));
    }

    /// Power is gone, and with it everything volatile.
    pub fn stop(&mut self) {
        self.machine = None;
        self.life += 1;
        self.outbox.clear();
        self.inputs.clear();
        if !self.timer.is_idle() {
            self.timer.disarm();
        }
        self.cooking = None;
    }
}

/// A machine does not come to rest at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Storm {
    /// One turn follows another.
    #[error("{TURNS_MAX} turns at one instant")]
    Turns,
    /// One turn does not end.
    #[error("{OUTPUTS_MAX} outputs of one turn")]
    Outputs,
}

impl<S: Suite> Machine for Device<S> {
    type Input = DeviceInput;
    type Write = DeviceWrite;
    type Durable = DeviceDurable;

    fn power_on(&mut self, now: Now, ticket: Option<Ticket>) {
        Self::power_on(self, now, ticket);
    }

    fn handle_input(&mut self, now: Now, input: DeviceInput) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Now) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<DeviceWrite>> {
        Self::poll_output(self)
    }

    fn sheet(&mut self) -> &mut Sheet<DeviceWrite> {
        Self::sheet(self)
    }

    fn poll_timeout(&self) -> Option<Wake> {
        Self::poll_timeout(self)
    }

    fn take_work(&mut self) -> Work {
        Self::take_work(self)
    }

    fn apply(durable: &mut DeviceDurable, write: &DeviceWrite) {
        durable.apply(write);
    }

    fn persisted(token: Token) -> DeviceInput {
        DeviceInput::Persisted(token)
    }
}

impl<S: Suite> Machine for Account<S> {
    type Input = AccountInput;
    type Write = AccountWrite;
    type Durable = AccountDurable;

    fn power_on(&mut self, _: Now, _: Option<Ticket>) {}

    fn handle_input(&mut self, now: Now, input: AccountInput) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Now) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<AccountWrite>> {
        Self::poll_output(self)
    }

    fn sheet(&mut self) -> &mut Sheet<AccountWrite> {
        Self::sheet(self)
    }

    fn poll_timeout(&self) -> Option<Wake> {
        Self::poll_timeout(self)
    }

    fn take_work(&mut self) -> Work {
        Self::take_work(self)
    }

    fn apply(durable: &mut AccountDurable, write: &AccountWrite) {
        durable.apply(write);
    }

    fn persisted(token: Token) -> AccountInput {
        AccountInput::Persisted(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::fact::Fact;

    /// Answers each input with this many outputs.
    #[derive(Default)]
    struct Talker(usize, Sheet<()>);

    impl Machine for Talker {
        type Input = usize;
        type Write = ();
        type Durable = ();

        fn power_on(&mut self, _: Now, _: Option<Ticket>) {}

        fn handle_input(&mut self, _: Now, input: usize) {
            self.0 = input;
        }

        fn handle_timeout(&mut self, _: Now) {}

        fn poll_output(&mut self) -> Option<Output<()>> {
            self.0 = self.0.checked_sub(1)?;
            Some(Output::Fact(Fact::Fence { name: String::new() }))
        }

        fn sheet(&mut self) -> &mut Sheet<()> {
            &mut self.1
        }

        fn poll_timeout(&self) -> Option<Wake> {
            None
        }

        fn take_work(&mut self) -> Work {
            Work::default()
        }

        fn apply(_: &mut (), (): &()) {}

        fn persisted(_: Token) -> usize {
            0
        }
    }

    fn turn(node: &mut Node<Talker>, outputs: usize) -> Result<Price, Storm> {
        let (at, stimulus) = (Instant::START, Stimulus::Input(outputs));
        node.turn(at, stimulus, None, None, Cpu::Free, &mut Loan::default())
    }

    #[test]
    fn a_turn_or_an_instant_without_end_is_given_up() {
        let mut node =
            Node { machine: Some(Talker::default()), ..Node::new((), NodeClock::default()) };
        assert!(turn(&mut node, OUTPUTS_MAX).is_ok());
        assert_eq!(turn(&mut node, OUTPUTS_MAX + 1), Err(Storm::Outputs));
        let (mut loan, at) = (Loan::<()>::default(), |n| Instant::START + Duration::from_nanos(n));
        let [one, other] = [NodeId::device(1), NodeId::device(0)];
        for _ in 0..TURNS_MAX {
            assert_eq!(loan.begin_turn(at(3), one), Ok(()));
        }
        assert_eq!(loan.begin_turn(at(3), other), Ok(()), "each node has its own");
        assert_eq!(loan.begin_turn(at(3), one), Err(Storm::Turns));
        assert_eq!(loan.begin_turn(at(4), one), Ok(()));
    }
}
