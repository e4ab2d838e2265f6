//! A device in the load: what of its work is open, and what is heard of it.
//!
//! An operation is due at its intended instant; its turn comes then, or when fewer than the scenario's
//! `flight` are open; the device takes it up, and it is over with its answer. Not here: when operations are
//! due (`worker`), or the device (`runtime::client`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc::UnboundedSender;

use crate::base::id::{DraftId, ReqId, TxnId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant, Now};
use crate::load::bench::Bench;
use crate::load::queue::{Awaited, Queue, Waiting};
use crate::load::schedule::Operation;
use crate::load::tally::{Mail, Metric, Request};
use crate::proto::port::UserAction;
use crate::runtime::client::device::{Command, Heard};
use crate::trace::fact::{Button, DraftStatus, Fact, Selection};
use crate::wire::message::{Envelope, Message, MessageKind};

/// An operation whose instant has come.
#[derive(Clone, Copy, Debug)]
struct Errand {
    operation: Operation,
    /// When its turn came.
    turn: Instant,
    /// So late the generator was with it before that.
    late: Duration,
    /// When the device took it up.
    taken: Option<Instant>,
}

/// A device in the load.
#[derive(Debug)]
pub struct Seat {
    number: u32,
    /// None once the load is over.
    commands: Option<UnboundedSender<Command>>,
    /// Operations that may be open.
    flight: usize,
    open: usize,
    /// Those whose turn has not come.
    queue: Queue,
    drafts: BTreeMap<DraftId, Errand>,
    /// Those of which there is one of its kind.
    others: BTreeMap<Awaited, Errand>,
    /// The poll on the wire, the user's or one of the device's own.
    poll: Option<ReqId>,
    /// The device had begun to poll by itself when it was told to: it has to be told again.
    polls_again: bool,
    /// Requests that wait for the word of whom they asked.
    asked: BTreeMap<TxnId, Operation>,
    /// Drafts that the server has taken, until their senders know their end.
    sent: BTreeSet<DraftId>,
    /// Requests on the wire.
    wire: BTreeMap<ReqId, (Request, Instant)>,
    hello: Option<Instant>,
    was_attached: bool,
    /// What the screen asks, and how often it has asked.
    screen: (Option<TxnId>, u32),
}

/// An answer that the device's user will give.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// After so long.
    pub after: Duration,
    /// To this.
    pub txn: TxnId,
    /// By this button.
    pub button: Button,
}

impl Seat {
    /// A device that has nothing to do yet.
    #[must_use]
    pub fn new(number: u32, commands: UnboundedSender<Command>, flight: usize) -> Self {
        Self {
            number,
            commands: Some(commands),
            flight,
            open: 0,
            queue: Queue::default(),
            drafts: BTreeMap::new(),
            others: BTreeMap::new(),
            poll: None,
            polls_again: false,
            asked: BTreeMap::new(),
            sent: BTreeSet::new(),
            wire: BTreeMap::new(),
            hello: None,
            was_attached: false,
            screen: (None, 0),
        }
    }

    /// Tells the device something.
    pub fn command(&mut self, command: Command) {
        if let Command::Leave = command {
            // What takes long because nobody is there is not the server's.
            self.hello = None;
            self.wire.clear();
        }
        // A device that has ended hears nothing any more.
        if let Some(commands) = &self.commands {
            let _ = commands.send(command);
        }
    }

    /// Nothing more is told to the device: it ends.
    pub fn close(&mut self) {
        self.commands = None;
    }

    /// An operation's intended instant has come.
    pub fn due(&mut self, operation: Operation, bench: &mut Bench) {
        bench.progress.due();
        let intended = bench.instant(operation.at);
        let kind = bench.awaited(&operation);
        if self.queue.is_empty(kind) && self.may_begin(kind) {
            let now = Waiting { operation, late: Duration::ZERO };
            self.begin(now, intended, bench);
        } else {
            // The clockwork's own delay is not part of the queue's.
            let late = bench.common.clock.now().at.since(intended);
            self.queue.push(kind, Waiting { operation, late });
        }
    }

    /// Whether an operation of this kind may be begun now.
    fn may_begin(&self, kind: Option<Awaited>) -> bool {
        let is_free = match kind {
            None => true,
            Some(Awaited::PollEnd) => {
                !self.others.contains_key(&Awaited::PollEnd) && self.poll.is_none()
            }
            Some(other) => !self.others.contains_key(&other),
        };
        is_free && self.open < self.flight
    }

    /// Presses the button that its user has in mind, if the screen still asks the same.
    pub fn answer(&mut self, answer: Answer) {
        if self.screen.0 == Some(answer.txn) {
            for action in [UserAction::Scroll, UserAction::Press(answer.button)] {
                self.command(action.into());
            }
        }
    }

    fn begin(&mut self, waiting: Waiting, turn: Instant, bench: &mut Bench) {
        self.open += 1;
        bench.tally.counts.issued += 1;
        let Waiting { operation, late } = waiting;
        let mut errand = Errand { operation, turn, late, taken: None };
        let Some(action) = bench.action(&operation) else {
            let now = bench.common.clock.now().at;
            bench.note(Metric::Lag, turn, late + now.since(turn));
            errand.taken = Some(now);
            self.others.insert(Awaited::Attached, errand);
            return self.command(Command::Reconnect);
        };
        match &action {
            UserAction::Send { draft, .. } => _ = self.drafts.insert(*draft, errand),
            UserAction::Request { draft, txn, .. } => {
                self.drafts.insert(*draft, errand);
                if bench.habit(operation.to).is_some() {
                    self.asked.insert(*txn, operation);
                    bench.progress.asks();
                }
            }
            UserAction::Approve { draft, .. } => _ = self.drafts.insert(*draft, errand),
            UserAction::Rotate { .. } => _ = self.others.insert(Awaited::RotateAck, errand),
            UserAction::Poll
            | UserAction::Press(_)
            | UserAction::Scroll
            | UserAction::ConfirmIdentity { .. }
            | UserAction::Register
            | UserAction::Wipe => _ = self.others.insert(Awaited::PollEnd, errand),
        }
        self.command(action.into());
    }

    /// Hears of the device; what its user will do about it.
    pub fn hear(&mut self, now: Now, heard: &Heard<'_>, bench: &mut Bench) -> Option<Answer> {
        match heard {
            Heard::Takes(action, held) => self.takes(now.at, (action, *held), bench),
            Heard::States(fact) => {
                bench.keeper.keep(now, self.number, fact);
                return self.states(now.at, fact, bench);
            }
            Heard::Sends(envelope) => self.sends(now.at, envelope, bench),
            Heard::Receives(envelope) => self.receives(now, envelope, bench),
            Heard::Connects(span) => {
                bench.tally.counts.connects += 1;
                bench.progress.connected(true);
                let began = Instant::from_nanos(now.at.as_nanos().saturating_sub(span.as_nanos()));
                bench.note(Metric::Wire(Request::Connect), began, *span);
            }
            Heard::Loses(why) => {
                self.poll = None;
                bench.progress.fails(why);
                bench.tally.counts.losses += 1;
                bench.progress.connected(false);
            }
            Heard::Fails(why) => bench.progress.fails(why),
        }
        None
    }

    /// The device takes up what its user does; so long it was held up by a server that did not read.
    fn takes(&mut self, at: Instant, (action, held): (&UserAction, Duration), bench: &mut Bench) {
        let errand = match action {
            UserAction::Send { draft, .. }
            | UserAction::Request { draft, .. }
            | UserAction::Approve { draft, .. } => self.drafts.get_mut(draft),
            UserAction::Rotate { .. } => self.others.get_mut(&Awaited::RotateAck),
            UserAction::Poll => self.others.get_mut(&Awaited::PollEnd),
            UserAction::Press(_)
            | UserAction::Scroll
            | UserAction::ConfirmIdentity { .. }
            | UserAction::Register
            | UserAction::Wipe => None,
        };
        let Some(errand) = errand.filter(|errand| errand.taken.is_none()) else { return };
        errand.late += at.since(errand.turn).saturating_sub(held);
        if matches!(action, UserAction::Poll) && self.poll.is_some() {
            self.polls_again = true;
            return;
        }
        errand.taken = Some(at);
        bench.note(Metric::Lag, errand.turn, errand.late);
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "a dozen of sixty")]
    fn states(&mut self, at: Instant, fact: &Fact, bench: &mut Bench) -> Option<Answer> {
        match fact {
            Fact::Notice { draft, mid, status } => {
                let key = mid.as_ref().map(Mail::key);
                self.notice(at, (*draft, key), *status, bench);
            }
            Fact::Display { mid, text, .. } => {
                if let Some(began) = bench.seen(Mail::key(mid), text) {
                    let written = bench.instant(began.at);
                    bench.note(Metric::Delivery(began.workload), written, at.since(written));
                }
            }
            Fact::Processed { mid, .. } => _ = bench.seen(Mail::key(mid), ""),
            Fact::ApprovalSeen { txn, .. } | Fact::DeclineSeen { txn, .. } => {
                if let Fact::ApprovalSeen { valid: false, .. } = fact {
                    bench.tally.counts.failed += 1;
                }
                if let Some(operation) = self.asked.remove(txn) {
                    bench.progress.hears();
                    let began = bench.instant(operation.at);
                    let metric = Metric::Answer(operation.workload);
                    bench.note(metric, began, at.since(began));
                }
            }
            Fact::RotateDone { .. } => self.finish_other(at, Awaited::RotateAck, true, bench),
            Fact::RotateRefused { .. } => self.finish_other(at, Awaited::RotateAck, false, bench),
            Fact::Attached { .. } => {
                if !std::mem::replace(&mut self.was_attached, true) {
                    bench.progress.attached();
                }
                self.finish_other(at, Awaited::Attached, true, bench);
            }
            Fact::Select { outcome, .. } => {
                let hit = *outcome == Selection::Hit;
                let counts = &mut bench.tally.counts;
                *(if hit { &mut counts.hits } else { &mut counts.misses }) += 1;
            }
            Fact::Duplicate { .. } => bench.tally.counts.duplicates += 1,
            Fact::Armed { txn } => return self.asks(*txn, bench),
            Fact::Button { taken: true, .. } | Fact::NotApproved { .. } => self.screen.0 = None,
            _ => {}
        }
        None
    }

    /// The screen asks; what the user will answer, if they answer by themselves.
    fn asks(&mut self, txn: TxnId, bench: &Bench) -> Option<Answer> {
        self.screen = (Some(txn), self.screen.1 + 1);
        let habit = bench.habit(self.number)?;
        let mood = Luck::new(bench.common.plan.seed, Purpose::User, u64::from(self.number));
        let n = self.screen.1;
        Some(Answer { after: habit.delay(mood, n), txn, button: habit.button(mood, n) })
    }

    fn notice(
        &mut self,
        at: Instant,
        (draft, key): (DraftId, Option<u64>),
        status: DraftStatus,
        bench: &mut Bench,
    ) {
        let done = match status {
            DraftStatus::Sent | DraftStatus::Delivered => true,
            DraftStatus::Expired | DraftStatus::Failed => false,
            // It goes on by itself.
            DraftStatus::Unsent | DraftStatus::NeedsConfirm => return,
        };
        // A message that bounced is taken once more, and a report may come before the acknowledgement.
        if let Some(key) = key.filter(|_| done && self.sent.insert(draft)) {
            bench.accepted(key);
        }
        let is_over = key.is_some() && status != DraftStatus::Sent && self.sent.remove(&draft);
        if let Some(key) = key.filter(|_| is_over && (!done || bench.common.trusting)) {
            bench.ended(key, !done);
        }
        if let Some(errand) = self.drafts.remove(&draft) {
            let rejected = status == DraftStatus::Failed && key.is_none();
            let done = done || (rejected && bench.is_own_data(errand.operation.workload));
            self.finish(at, errand, done, bench);
        } else if !done && !is_over {
            // A step's, of which nobody waits for the answer.
            bench.tally.counts.failed += 1;
        }
    }

    /// The one of its kind that the device has taken up is over.
    fn finish_other(&mut self, at: Instant, awaited: Awaited, done: bool, bench: &mut Bench) {
        if self.others.get(&awaited).is_some_and(|errand| errand.taken.is_some())
            && let Some(errand) = self.others.remove(&awaited)
        {
            self.finish(at, errand, done, bench);
        }
    }

    /// No poll is on the wire any more: the device is told again what it could not do meanwhile.
    fn poll_ended(&mut self, at: Instant, bench: &mut Bench) {
        if !std::mem::take(&mut self.polls_again) {
            self.finish_other(at, Awaited::PollEnd, true, bench);
        } else if let Some(errand) = self.others.get_mut(&Awaited::PollEnd) {
            errand.turn = at;
            self.command(UserAction::Poll.into());
        }
        self.advance(at, bench);
    }

    /// An operation is over: others have their turn.
    fn finish(&mut self, at: Instant, errand: Errand, done: bool, bench: &mut Bench) {
        self.open = self.open.saturating_sub(1);
        let Errand { operation: Operation { at: began, workload, .. }, turn, taken, .. } = errand;
        let began = bench.instant(began);
        bench.progress.over();
        if done {
            bench.answered(workload, began, at);
            bench.note(Metric::Queue(workload), began, turn.since(began));
            if let Some(taken) = taken {
                bench.note(Metric::Service(workload), began, at.since(taken));
            }
        } else {
            bench.tally.counts.failed += 1;
        }
        self.advance(at, bench);
    }

    /// Begins what waits and may be begun.
    fn advance(&mut self, at: Instant, bench: &mut Bench) {
        let mut queue = std::mem::take(&mut self.queue);
        while let Some(next) = queue.pop(|kind| self.may_begin(kind)) {
            self.begin(next, at, bench);
        }
        self.queue = queue;
    }

    fn sends(&mut self, at: Instant, envelope: &Envelope, bench: &mut Bench) {
        bench.tally.counts.sent += 1;
        let kind = envelope.body.kind();
        if kind == MessageKind::Hello {
            self.hello.get_or_insert(at);
        }
        let Some(request) = request(kind) else { return };
        if request == Request::Poll {
            self.poll = Some(envelope.req);
        }
        match self.wire.entry(envelope.req) {
            Entry::Vacant(entry) => _ = entry.insert((request, at)),
            // Its time counts from when it was sent first.
            Entry::Occupied(_) => bench.tally.counts.again += 1,
        }
    }

    fn receives(&mut self, now: Now, envelope: &Envelope, bench: &mut Bench) {
        bench.tally.counts.received += 1;
        if let Message::Deliver(deliver) = &envelope.body {
            return bench.keeper.keep_delivery(now, self.number, envelope, deliver);
        }
        let at = now.at;
        if let (Message::Challenge { time, .. }, Some(hello)) = (&envelope.body, self.hello) {
            // The server looked at its clock half-way between question and answer, as far as one can tell.
            let (ours, theirs) = (now.wall.0.cast_signed(), time.0.cast_signed());
            let half = at.since(hello).as_millis().cast_signed() / 2;
            bench.tally.offsets.push(theirs.saturating_sub(ours.saturating_sub(half)));
        }
        if let Message::Error { .. } = &envelope.body {
            bench.tally.counts.errors += 1;
        }
        // A poll that was repeated is answered twice, and the second answer ends nothing.
        let polled = self.poll.take_if(|poll| *poll == envelope.req).is_some();
        if let Some((request, sent)) = self.wire.remove(&envelope.req) {
            bench.note(Metric::Wire(request), sent, at.since(sent));
        }
        if let Message::Attached { .. } = &envelope.body
            && let Some(hello) = self.hello.take()
        {
            bench.note(Metric::Wire(Request::Attach), hello, at.since(hello));
        }
        if polled && matches!(envelope.body, Message::PollEnd { .. }) {
            self.poll_ended(at, bench);
        } else if polled {
            // The device has to do something else before it polls again, and others may be sooner.
            self.advance(at, bench);
        }
    }
}

/// The request that a frame is; none when it is an answer, or a part of attaching.
#[allow(clippy::wildcard_enum_match_arm, reason = "four of twenty")]
const fn request(kind: MessageKind) -> Option<Request> {
    match kind {
        MessageKind::Submit => Some(Request::Submit),
        MessageKind::LookupKey => Some(Request::Lookup),
        MessageKind::Poll => Some(Request::Poll),
        MessageKind::RotateKey => Some(Request::Rotate),
        _ => None,
    }
}
