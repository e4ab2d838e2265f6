//! Turns of a node: what starts one, what comes of it, and when its outputs leave.
//!
//! The same for a node of a world and for a device that has its driver to itself. Not here: what becomes of
//! what leaves (`resident`, `seat`), what a frame meets on its way (`path`), or power (`power`).

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::engine::timer::{Generation, Woken};
use crate::proto::port::Output;
use crate::scenario::plan::Cpu;
use crate::sim::barrier::Side;
use crate::sim::cpu::Price;
use crate::sim::frame::Label;
use crate::sim::loan::{Loan, Storm};
use crate::sim::node::{Machine, Node, Stimulus, WAITING_MAX, Waiting};
use crate::sim::outbox::{Context, Item, Next};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

/// What a node has pending for itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Own {
    /// A timer, unless it was overtaken.
    Wake(Generation),
    /// Writes are durable, unless the node lost power meanwhile.
    Synced(u32),
    /// The processor is done, unless the node lost power meanwhile.
    Done(u32),
}

/// Where nodes have their turns. Unless a stage says otherwise nobody counts what they cost, nothing stops
/// them, and their stores are in no trouble.
pub(super) trait Stage: Sized {
    /// The time.
    fn now(&self) -> Instant;
    /// Lets something happen to the acting node later.
    fn schedule_own(&mut self, at: Instant, node: NodeId, own: Own);
    /// What a turn cost.
    fn spend(&mut self, _price: Price) {}
    /// The run cannot go on.
    fn give_up(&mut self, severity: Severity, what: String);
    /// A timer is due: says so, and returns what follows from it.
    fn is_due(&mut self, _node: NodeId, _reason: &'static str) -> Option<RecordId> {
        None
    }
    /// The node has come to where it stops.
    fn trip(&mut self, _node: NodeId) {}
    /// Everything has left that may.
    fn rested(&mut self, _node: NodeId) {}
    /// How much longer a sync takes that starts now.
    fn slowness(&self, _node: NodeId) -> Duration {
        Duration::ZERO
    }
    /// Whether a sync that is done has to wait.
    fn is_stalled(&mut self, _node: NodeId, _life: u32) -> bool {
        false
    }
    /// Whether a sync that is done fails.
    fn fails(&self, _node: NodeId) -> bool {
        false
    }
}

/// A machine that has its turns on a stage.
pub(super) trait Resident<W: Stage>: Machine + Sized {
    /// The number of a user's node of this kind.
    fn id(user: u32) -> NodeId;
    /// A user's node of this kind.
    fn node(stage: &mut W, user: u32) -> &mut Node<Self>;
    /// Its processor.
    fn cpu(stage: &W, user: u32) -> Cpu;
    /// How long its durable writes take.
    fn sync(stage: &W, user: u32) -> Duration;
    /// What nodes of this kind share for their turns.
    fn loan(stage: &mut W) -> &mut Loan<Self::Write>;
    /// Carries an output out.
    fn carry(stage: &mut W, user: u32, output: Output<Self::Write>, context: Context);
    /// What an armed barrier makes of what comes next, an output or (without one) a sync: see `barrier`.
    fn side(_stage: &W, _user: u32, _output: Option<&Output<Self::Write>>) -> Side {
        Side::None
    }
}

/// Puts an input into a machine, or behind others while its processor is busy.
pub(super) fn put_in<W: Stage, M: Resident<W>>(
    stage: &mut W,
    user: u32,
    input: M::Input,
    cause: Option<RecordId>,
    request: Option<Label>,
) {
    let node = M::node(stage, user);
    if node.machine.is_none() {
        return;
    }
    if node.is_busy() {
        if node.waiting() >= WAITING_MAX {
            let what = format!("{WAITING_MAX} inputs wait for the processor of {}", M::id(user));
            return stage.give_up(Severity::Inconclusive, what);
        }
        node.wait(Waiting::Input { input, cause, request });
    } else {
        turn::<W, M>(stage, user, Stimulus::Input(input), cause, request.as_ref());
    }
}

/// One turn, everything that may leave after it, and the turns of what waited meanwhile.
pub(super) fn turn<W: Stage, M: Resident<W>>(
    stage: &mut W,
    user: u32,
    stimulus: Stimulus<M::Input>,
    cause: Option<RecordId>,
    request: Option<&Label>,
) {
    if turn_alone::<W, M>(stage, user, stimulus, cause, request) {
        rest::<W, M>(stage, user);
    }
}

/// One turn, and everything that may leave after it; false if it does not end.
fn turn_alone<W: Stage, M: Resident<W>>(
    stage: &mut W,
    user: u32,
    stimulus: Stimulus<M::Input>,
    cause: Option<RecordId>,
    request: Option<&Label>,
) -> bool {
    let now = stage.now();
    let taken = M::loan(stage).begin_turn(now, M::id(user)).and_then(|()| {
        act::<W, M>(stage, user, stimulus, cause);
        put_out::<W, M>(stage, user, cause, request)
    });
    match taken {
        Ok(true) => drain::<W, M>(stage, user),
        Ok(false) => {}
        Err(storm) => {
            let what = format!("{} does not come to rest: {storm}", M::id(user));
            stage.give_up(Severity::Error, what);
            return false;
        }
    }
    let broken = M::node(stage, user).machine.as_ref().and_then(|it| it.broken().cloned());
    if let Some(broken) = broken {
        stage.give_up(Severity::Error, broken.to_string());
        return false;
    }
    true
}

/// The machine acts, and its processor is busy for as long as that takes.
fn act<W: Stage, M: Resident<W>>(
    stage: &mut W,
    user: u32,
    stimulus: Stimulus<M::Input>,
    cause: Option<RecordId>,
) {
    let (now, cpu) = (stage.now(), M::cpu(stage, user));
    let mut loan = std::mem::take(M::loan(stage));
    let node = M::node(stage, user);
    let price = node.turn(now, stimulus, cause, cpu, &mut loan);
    let (life, busy) = (node.life, node.is_busy());
    *M::loan(stage) = loan;
    stage.spend(price);
    if busy {
        stage.schedule_own(now + price.time, M::id(user), Own::Done(life));
    }
}

/// Takes what the machine made of its turn: what may leave leaves, without a stay in the outbox. False if that
/// stopped the node.
fn put_out<W: Stage, M: Resident<W>>(
    stage: &mut W,
    user: u32,
    cause: Option<RecordId>,
    request: Option<&Label>,
) -> Result<bool, Storm> {
    while let Some(output) = M::node(stage, user).poll_output() {
        M::loan(stage).count_output()?;
        let node = M::node(stage, user);
        let cause = node.since().or(cause);
        let label = match &output {
            Output::Transmit(_, envelope) => Some(Label::of(envelope, request)),
            Output::Garbage(_) | Output::Internal(..) | Output::Persist(..) | Output::Fact(_) => {
                None
            }
        };
        let context = Context { cause, label };
        if node.keeps(&output) {
            node.keep(Item { output, context });
        } else if !leave::<W, M>(stage, user, output, context) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Carries an output out; false if that stopped the node.
fn leave<W: Stage, M: Resident<W>>(
    stage: &mut W,
    user: u32,
    output: Output<M::Write>,
    context: Context,
) -> bool {
    let side = M::side(stage, user, Some(&output));
    if side != Side::Before {
        M::carry(stage, user, output, context);
    }
    passes::<W, M>(stage, user, side)
}

/// The writes at the front start to become durable; false if that stopped the node.
fn sync<W: Stage, M: Resident<W>>(stage: &mut W, user: u32) -> bool {
    let side = M::side(stage, user, None);
    if side != Side::Before {
        let life = M::node(stage, user).life;
        let at = stage.now() + M::sync(stage, user) + stage.slowness(M::id(user));
        stage.schedule_own(at, M::id(user), Own::Synced(life));
    }
    passes::<W, M>(stage, user, side)
}

/// Stops the node if it has come to its barrier; true if not.
fn passes<W: Stage, M: Resident<W>>(stage: &mut W, user: u32, side: Side) -> bool {
    if side != Side::None {
        stage.trip(M::id(user));
    }
    side == Side::None
}

/// Lets everything leave that may.
pub(super) fn drain<W: Stage, M: Resident<W>>(stage: &mut W, user: u32) {
    loop {
        let goes_on = match M::node(stage, user).outbox.next() {
            Next::Carry(Item { output, context }) => leave::<W, M>(stage, user, output, context),
            Next::Sync => sync::<W, M>(stage, user),
            Next::Wait => break,
        };
        if !goes_on {
            return;
        }
    }
    let mut loan = std::mem::take(M::loan(stage));
    M::node(stage, user).clear_away(&mut loan);
    *M::loan(stage) = loan;
    stage.rested(M::id(user));
}

/// Takes up what waits for the processor, and else sets the timer.
fn rest<W: Stage, M: Resident<W>>(stage: &mut W, user: u32) {
    // A loop: as many inputs may wait as would not fit onto the stack.
    while !M::node(stage, user).is_busy() {
        let ended = match M::node(stage, user).next_waiting() {
            Some(Waiting::Input { input, cause, request }) => {
                let stimulus = Stimulus::Input(input);
                turn_alone::<W, M>(stage, user, stimulus, cause, request.as_ref())
            }
            Some(Waiting::Synced) => complete_alone::<W, M>(stage, user),
            None => return set_timer::<W, M>(stage, user),
        };
        if !ended {
            return;
        }
    }
}

/// Nothing waits: the machine says when it wants to be called.
fn set_timer<W: Stage, M: Resident<W>>(stage: &mut W, user: u32) {
    let now = stage.now();
    let node = M::node(stage, user);
    let wanted = node.machine.as_ref().and_then(Machine::poll_timeout);
    let at = wanted.map_or(Instant::NEVER, |(at, _)| at.max(now));
    if let Some(wake) = node.timer.arm(at) {
        stage.schedule_own(wake.at, M::id(user), Own::Wake(wake.generation));
    }
}

/// A timer's event.
pub(super) fn wake<W: Stage, M: Resident<W>>(stage: &mut W, user: u32, generation: Generation) {
    let now = stage.now();
    let node = M::node(stage, user);
    match node.timer.wake(now, generation) {
        Woken::Idle => {}
        Woken::Again(wake) => {
            stage.schedule_own(wake.at, M::id(user), Own::Wake(wake.generation));
        }
        // While it is busy the timer is set again afterwards.
        Woken::Due if node.is_busy() => {}
        Woken::Due => {
            let wanted = node.machine.as_ref().and_then(Machine::poll_timeout);
            let Some((_, reason)) = wanted.filter(|(at, _)| *at <= now) else {
                return rest::<W, M>(stage, user);
            };
            let cause = stage.is_due(M::id(user), reason);
            turn::<W, M>(stage, user, Stimulus::Timeout, cause, None);
        }
    }
}

/// The processor is done.
pub(super) fn done<W: Stage, M: Resident<W>>(stage: &mut W, user: u32, life: u32) {
    let node = M::node(stage, user);
    if node.life == life {
        node.done();
        drain::<W, M>(stage, user);
        rest::<W, M>(stage, user);
    }
}

/// Writes are durable.
pub(super) fn synced<W: Stage, M: Resident<W>>(stage: &mut W, user: u32, life: u32) {
    let node = M::node(stage, user);
    if node.life != life || stage.is_stalled(M::id(user), life) {
        return;
    }
    if stage.fails(M::id(user)) {
        return stage.trip(M::id(user));
    }
    let node = M::node(stage, user);
    if node.is_busy() {
        node.wait(Waiting::Synced);
    } else if complete_alone::<W, M>(stage, user) {
        rest::<W, M>(stage, user);
    }
}

/// Tells the machine that its writes are durable; false if its turn does not end.
fn complete_alone<W: Stage, M: Resident<W>>(stage: &mut W, user: u32) -> bool {
    let Node { outbox, durable, .. } = M::node(stage, user);
    match outbox.synced(|write| M::apply(durable, write)) {
        Some((token, cause)) => {
            let stimulus = Stimulus::Input(M::persisted(token));
            turn_alone::<W, M>(stage, user, stimulus, cause, None)
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Now;
    use crate::engine::clock::NodeClock;
    use crate::proto::port::{Token, Wake};
    use crate::proto::sheet::Sheet;
    use crate::proto::work::Work;
    use crate::trace::fact::Fact;
    use crate::wire::message::Ticket;

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

    /// Where a talker has its turns: what it said is counted, and why its run was given up.
    struct Booth {
        node: Node<Talker>,
        loan: Loan<()>,
        said: usize,
        given_up: Option<String>,
    }

    impl Stage for Booth {
        fn now(&self) -> Instant {
            Instant::START
        }

        fn schedule_own(&mut self, _: Instant, _: NodeId, _: Own) {}

        fn give_up(&mut self, _: Severity, what: String) {
            self.given_up = Some(what);
        }
    }

    impl Resident<Booth> for Talker {
        fn id(user: u32) -> NodeId {
            NodeId::device(user)
        }

        fn node(booth: &mut Booth, _: u32) -> &mut Node<Self> {
            &mut booth.node
        }

        fn cpu(_: &Booth, _: u32) -> Cpu {
            Cpu::Free
        }

        fn sync(_: &Booth, _: u32) -> Duration {
            Duration::ZERO
        }

        fn loan(booth: &mut Booth) -> &mut Loan<()> {
            &mut booth.loan
        }

        fn carry(booth: &mut Booth, _: u32, _: Output<()>, _: Context) {
            booth.said += 1;
        }
    }

    #[test]
    fn a_turn_without_end_is_given_up() {
        let mut node = Node::new((), NodeClock::default());
        node.machine = Some(Talker::default());
        let mut booth = Booth { node, loan: Loan::default(), said: 0, given_up: None };
        let most = 1_000_000;
        put_in::<_, Talker>(&mut booth, 0, most, None, None);
        assert_eq!((booth.said, &booth.given_up), (most, &None));
        put_in::<_, Talker>(&mut booth, 0, most + 1, None, None);
        let what = "d0 does not come to rest: 1000000 outputs of one turn".to_owned();
        assert_eq!((booth.said, booth.given_up), (2 * most, Some(what)));
    }
}
