//! One node of the world: a machine with its durable state, its outputs, its clock and its timer.
//!
//! Not here: where outputs go (`turn`, `path`), or which node is which (`world`).

use std::collections::VecDeque;
use std::sync::LazyLock;

use crate::base::small::{Idle, Spare};
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
use crate::sim::loan::Loan;
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
    /// Reads of what every turn reads, and says nothing of it; see `foresight`.
    fn glance(&self) -> u64 {
        0
    }
    /// The same of what lies behind that.
    fn glance_behind(&self) -> u64 {
        0
    }
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
    /// When the machine wants to be called.
    pub timer: TimerSlot,
    /// Whether it is listed as having something to do.
    pub listed: bool,
    /// What the processor is busy with. None: nothing, and nothing waits for it.
    busy: Option<Box<Busy<M::Input, M::Write>>>,
}

/// What a processor is busy with, and what waits for it.
#[derive(Clone, Debug)]
struct Busy<I, W> {
    /// Outputs of the turn under way; they leave when the processor is done. None: it is done.
    cooking: Option<Vec<Item<W>>>,
    /// Inputs that came meanwhile.
    inputs: VecDeque<Waiting<I>>,
}

impl<I, W> Default for Busy<I, W> {
    fn default() -> Self {
        Self { cooking: None, inputs: VecDeque::new() }
    }
}

impl Idle for NodeClock {
    fn idle() -> &'static Self {
        static IDLE: LazyLock<NodeClock> = LazyLock::new(NodeClock::default);
        &IDLE
    }
}

/// Inputs of any kind that wait for a processor. A user or a workload that is so far ahead of the device is
/// not what the scenario is about.
pub const WAITING_MAX: usize = 4_096;

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
            timer: TimerSlot::default(),
            listed: false,
            busy: None,
        }
    }

    /// Is the processor busy?
    pub fn is_busy(&self) -> bool {
        self.busy.as_ref().is_some_and(|busy| busy.cooking.is_some())
    }

    /// Is nothing under way inside?
    pub fn is_idle(&self) -> bool {
        let done = |busy: &Busy<_, _>| busy.cooking.is_none() && busy.inputs.is_empty();
        self.busy.as_deref().is_none_or(done) && self.outbox.is_empty()
    }

    /// An input waits while the processor is busy.
    pub fn wait(&mut self, input: Waiting<M::Input>) {
        self.busy.get_or_insert_default().inputs.push_back(input);
    }

    /// How many inputs wait.
    pub fn waiting(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.inputs.len())
    }

    /// Takes the first input that waits, when the processor is done.
    pub fn next_waiting(&mut self) -> Option<Waiting<M::Input>> {
        let next = self.busy.as_mut()?.inputs.pop_front();
        if next.is_none() {
            self.busy = None;
        }
        next
    }

    /// One turn of the machine; what it makes of it is taken with [`Self::poll_output`].
    pub fn turn(
        &mut self,
        at: Instant,
        stimulus: Stimulus<M::Input>,
        cause: Option<RecordId>,
        cpu: Cpu,
        loan: &mut Loan<M::Write>,
    ) -> Price {
        let Some(machine) = &mut self.machine else { return Price::default() };
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
        if price.time > Duration::ZERO {
            self.busy.get_or_insert_default().cooking = Some(Vec::new());
        }
        price
    }

    /// The next output of the turn.
    pub fn poll_output(&mut self) -> Option<Output<M::Write>> {
        self.machine.as_mut()?.poll_output()
    }

    /// What led to the output that was polled last, if that was before the present turn.
    pub fn since(&self) -> Option<RecordId> {
        self.machine.as_ref()?.since()
    }

    /// Whether an output may not leave now: facts that come before anything else are stated while the processor
    /// is busy, what follows leaves when it is done, and nothing overtakes what waits for a write.
    pub fn keeps(&self, output: &Output<M::Write>) -> bool {
        self.cooks(output) || matches!(output, Output::Persist(..)) || !self.outbox.is_empty()
    }

    /// Keeps an output that may not leave.
    pub fn keep(&mut self, item: Item<M::Write>) {
        let cooks = self.cooks(&item.output);
        match self.busy.as_mut().and_then(|busy| busy.cooking.as_mut()) {
            Some(cooking) if cooks => cooking.push(item),
            Some(_) | None => self.outbox.push(item),
        }
    }

    fn cooks(&self, output: &Output<M::Write>) -> bool {
        let cooking = self.busy.as_ref().and_then(|busy| busy.cooking.as_ref());
        cooking.is_some_and(|it| !it.is_empty() || !matches!(output, Output::Fact(_)))
    }

    /// What the turn needed is free for others, if everything has left.
    pub fn clear_away(&mut self, loan: &mut Loan<M::Write>) {
        self.outbox.give_back_to(&mut loan.outbox);
        if let Some(machine) = &mut self.machine {
            machine.sheet().give_back_to(&mut loan.sheet);
        }
    }

    /// The processor is done: what it made may leave.
    pub fn done(&mut self) {
        let items = self.busy.as_mut().and_then(|busy| busy.cooking.take());
        items.into_iter().flatten().for_each(|item| self.outbox.push(item));
    }

    /// Power is gone, and with it everything volatile.
    pub fn stop(&mut self) {
        self.machine = None;
        self.life += 1;
        self.outbox.clear();
        self.timer.disarm();
        self.busy = None;
    }
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

    fn glance(&self) -> u64 {
        Self::glance(self)
    }

    fn glance_behind(&self) -> u64 {
        Self::glance_behind(self)
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

    fn glance(&self) -> u64 {
        Self::glance(self)
    }

    fn glance_behind(&self) -> u64 {
        Self::glance_behind(self)
    }

    fn apply(durable: &mut AccountDurable, write: &AccountWrite) {
        durable.apply(write);
    }

    fn persisted(token: Token) -> AccountInput {
        AccountInput::Persisted(token)
    }
}
