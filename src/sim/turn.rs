//! Turns of a node: what starts one, what comes of it, and when its outputs leave.
//!
//! Not here: what a frame meets on its way (`path`), or power (`power`).

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::engine::timer::{Generation, Woken};
use crate::proto::device::Device;
use crate::proto::port::{Origin, Output, To};
use crate::proto::server::account::Account;
use crate::scenario::plan::Cpu;
use crate::sim::barrier::Side;
use crate::sim::frame::Label;
use crate::sim::internal::Mail;
use crate::sim::node::{Loan, Machine, Node, Stimulus, WAITING_MAX, Waiting};
use crate::sim::outbox::{Item, Next};
use crate::sim::world::{Event, World};
use crate::trace::fact::Fact;
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

/// A machine that lives in a world.
pub(super) trait Resident<S: Suite>: Machine + Sized {
    /// The number of a user's node of this kind.
    fn id(user: u32) -> NodeId;
    /// A user's node of this kind.
    fn node(world: &mut World<S>, user: u32) -> &mut Node<Self>;
    /// Its processor.
    fn cpu(world: &World<S>, user: u32) -> Cpu;
    /// How long its durable writes take.
    fn sync(world: &World<S>, user: u32) -> Duration;
    /// What the world's nodes of this kind share for their turns.
    fn loan(world: &mut World<S>) -> &mut Loan<Self::Write>;
    /// Carries an output out.
    fn carry(world: &mut World<S>, user: u32, item: Item<Self::Write>);
    /// What an armed barrier makes of outputs: see `barrier`.
    fn side(world: &World<S>, user: u32, next: &Next<Self::Write>) -> Side;
}

impl<S: Suite> World<S> {
    /// Puts an input into a machine, or behind others while its processor is busy.
    pub(super) fn put_in<M: Resident<S>>(
        &mut self,
        user: u32,
        input: M::Input,
        cause: Option<RecordId>,
        request: Option<Label>,
    ) {
        let node = M::node(self, user);
        if node.machine.is_none() {
            return;
        }
        if node.is_busy() {
            if node.inputs.len() >= WAITING_MAX {
                let what =
                    format!("{WAITING_MAX} inputs wait for the processor of {}", M::id(user));
                return self.limit(Severity::Inconclusive, what);
            }
            node.inputs.push_back(Waiting::Input { input, cause, request });
        } else {
            self.turn::<M>(user, Stimulus::Input(input), cause, request.as_ref());
        }
    }

    /// One turn, everything that may leave after it, and the turns of what waited meanwhile.
    pub(super) fn turn<M: Resident<S>>(
        &mut self,
        user: u32,
        stimulus: Stimulus<M::Input>,
        cause: Option<RecordId>,
        request: Option<&Label>,
    ) {
        if self.turn_alone::<M>(user, stimulus, cause, request) {
            self.rest::<M>(user);
        }
    }

    /// One turn, and everything that may leave after it; false if it does not end.
    fn turn_alone<M: Resident<S>>(
        &mut self,
        user: u32,
        stimulus: Stimulus<M::Input>,
        cause: Option<RecordId>,
        request: Option<&Label>,
    ) -> bool {
        let (now, cpu) = (self.now(), M::cpu(self, user));
        let mut loan = std::mem::take(M::loan(self));
        let node = M::node(self, user);
        let turned = loan
            .begin_turn(now, M::id(user))
            .and_then(|()| node.turn(now, stimulus, cause, request, cpu, &mut loan));
        *M::loan(self) = loan;
        match turned {
            Ok(price) => {
                let node = M::node(self, user);
                let (life, busy) = (node.life, node.is_busy());
                self.spent.0 += price.time;
                self.spent.1 = self.spent.1.saturating_add(price.energy);
                if busy {
                    self.schedule(now + price.time, M::id(user), Event::Done(life));
                }
            }
            Err(storm) => {
                let what = format!("{} does not come to rest: {storm}", M::id(user));
                self.limit(Severity::Error, what);
                return false;
            }
        }
        self.drain::<M>(user);
        true
    }

    /// Lets everything leave that may.
    pub(super) fn drain<M: Resident<S>>(&mut self, user: u32) {
        loop {
            let life = M::node(self, user).life;
            let next = M::node(self, user).outbox.next();
            let side = M::side(self, user, &next);
            if side == Side::Before {
                return self.trip(M::id(user));
            }
            match next {
                Next::Carry(item) => M::carry(self, user, item),
                Next::Sync => {
                    let at = self.now() + M::sync(self, user) + self.slowness(M::id(user));
                    self.schedule(at, M::id(user), Event::Synced(life));
                }
                Next::Wait => break,
            }
            if side == Side::After {
                return self.trip(M::id(user));
            }
        }
        let mut loan = std::mem::take(M::loan(self));
        M::node(self, user).clear_away(&mut loan);
        *M::loan(self) = loan;
        self.reach_fences(M::id(user));
    }

    /// Takes up what waits for the processor, and else sets the timer.
    fn rest<M: Resident<S>>(&mut self, user: u32) {
        // A loop: as many inputs may wait as would not fit onto the stack.
        while !M::node(self, user).is_busy() {
            let ended = match M::node(self, user).inputs.pop_front() {
                Some(Waiting::Input { input, cause, request }) => {
                    let stimulus = Stimulus::Input(input);
                    self.turn_alone::<M>(user, stimulus, cause, request.as_ref())
                }
                Some(Waiting::Synced) => self.complete_alone::<M>(user),
                None => return self.set_timer::<M>(user),
            };
            if !ended {
                return;
            }
        }
    }

    /// Nothing waits: the machine says when it wants to be called.
    fn set_timer<M: Resident<S>>(&mut self, user: u32) {
        let now = self.now();
        let node = M::node(self, user);
        let wanted = node.machine.as_ref().and_then(Machine::poll_timeout);
        let at = wanted.map_or(Instant::NEVER, |(at, _)| at.max(now));
        if at == Instant::NEVER && node.timer.is_idle() {
            return;
        }
        if let Some(wake) = node.timer.arm(at) {
            self.schedule(wake.at, M::id(user), Event::Wake(wake.generation));
        }
    }

    /// A timer's event.
    pub(super) fn wake<M: Resident<S>>(&mut self, user: u32, generation: Generation) {
        let now = self.now();
        let node = M::node(self, user);
        match node.timer.wake(now, generation) {
            Woken::Idle => {}
            Woken::Again(wake) => {
                self.schedule(wake.at, M::id(user), Event::Wake(wake.generation));
            }
            // While it is busy the timer is set again afterwards.
            Woken::Due if node.is_busy() => {}
            Woken::Due => {
                let wanted = node.machine.as_ref().and_then(Machine::poll_timeout);
                let Some((_, reason)) = wanted.filter(|(at, _)| *at <= now) else {
                    return self.rest::<M>(user);
                };
                let fact = Fact::Timer { reason: reason.into() };
                let cause = self.record(M::id(user), fact, None);
                self.turn::<M>(user, Stimulus::Timeout, Some(cause), None);
            }
        }
    }

    /// The processor is done.
    pub(super) fn done<M: Resident<S>>(&mut self, user: u32, life: u32) {
        let node = M::node(self, user);
        if node.life == life {
            node.done();
            self.drain::<M>(user);
            self.rest::<M>(user);
        }
    }

    /// Writes are durable.
    pub(super) fn synced<M: Resident<S>>(&mut self, user: u32, life: u32) {
        let node = M::node(self, user);
        if node.life != life || self.is_stalled(M::id(user), life) {
            return;
        }
        if self.fails(M::id(user)) {
            return self.trip(M::id(user));
        }
        let node = M::node(self, user);
        if node.is_busy() {
            node.inputs.push_back(Waiting::Synced);
        } else if self.complete_alone::<M>(user) {
            self.rest::<M>(user);
        }
    }

    /// Tells the machine that its writes are durable; false if its turn does not end.
    fn complete_alone<M: Resident<S>>(&mut self, user: u32) -> bool {
        let Node { outbox, durable, .. } = M::node(self, user);
        match outbox.synced(|write| M::apply(durable, write)) {
            Some((token, cause)) => {
                let stimulus = Stimulus::Input(M::persisted(token));
                self.turn_alone::<M>(user, stimulus, cause, None)
            }
            None => true,
        }
    }
}

impl<S: Suite> Resident<S> for Device<S> {
    fn id(user: u32) -> NodeId {
        NodeId::device(user)
    }

    fn node(world: &mut World<S>, user: u32) -> &mut Node<Self> {
        &mut world.devices[user as usize]
    }

    fn loan(world: &mut World<S>) -> &mut Loan<Self::Write> {
        &mut world.device_loan
    }

    fn cpu(world: &World<S>, user: u32) -> Cpu {
        world.profile(user).cpu
    }

    fn sync(world: &World<S>, user: u32) -> Duration {
        world.profile(user).sync
    }

    fn carry(world: &mut World<S>, user: u32, item: Item<Self::Write>) {
        let Item { output, cause, label } = item;
        match output {
            Output::Fact(fact) => {
                if let Fact::Provisioned { epoch, .. } = &fact {
                    world.entrust(user, *epoch);
                }
                let sight = world.sight(user, &fact);
                let record = world.record(NodeId::device(user), fact, cause);
                if let Some(sight) = sight {
                    world.see(user, sight, record);
                }
            }
            Output::Transmit(_, envelope) => world.send_up(user, &envelope, label, cause),
            // A device knows no accounts, and writes stay in the outbox.
            Output::Internal(..) | Output::Persist(..) => {}
        }
    }

    fn side(world: &World<S>, user: u32, next: &Next<Self::Write>) -> Side {
        world.device_side(user, next)
    }
}

impl<S: Suite> Resident<S> for Account<S> {
    fn id(user: u32) -> NodeId {
        NodeId::account(user)
    }

    fn node(world: &mut World<S>, user: u32) -> &mut Node<Self> {
        &mut world.accounts[user as usize]
    }

    fn loan(world: &mut World<S>) -> &mut Loan<Self::Write> {
        &mut world.account_loan
    }

    fn cpu(_: &World<S>, _: u32) -> Cpu {
        Cpu::Free
    }

    fn sync(world: &World<S>, _: u32) -> Duration {
        world.plan.sync
    }

    fn carry(world: &mut World<S>, user: u32, item: Item<Self::Write>) {
        let Item { output, cause, label } = item;
        match output {
            Output::Fact(fact) => {
                world.record(NodeId::account(user), fact, cause);
            }
            Output::Transmit(To::Origin(Origin(origin)), envelope) => {
                world.send_down(user, origin, &envelope, label, cause);
            }
            Output::Internal(to, message) => {
                if let Some(to) = world.index(&to) {
                    let at = world.now() + world.plan.internal;
                    let mail = Box::new(Mail { message, cause });
                    world.schedule(at, NodeId::account(to), Event::Mail(mail));
                }
            }
            // An account sends to origins only, and writes stay in the outbox.
            Output::Transmit(To::Server, _) | Output::Persist(..) => {}
        }
    }

    fn side(world: &World<S>, user: u32, next: &Next<Self::Write>) -> Side {
        world.account_side(user, next)
    }
}
