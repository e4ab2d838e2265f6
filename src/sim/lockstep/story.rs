//! A schedule told as the records of a run, and judged like one.
//!
//! Choices at one instant are a microsecond apart in records, so that what is earlier is earlier for
//! judges too. Not here: which schedules are worth telling (`explore`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::crypto::model::Model;
use crate::engine::clock::NodeClock;
use crate::oracle::escrow::Escrow;
use crate::oracle::panel::Panel;
use crate::proto::port::AccountMessage;
use crate::scenario::plan::Action;
use crate::sim::frame::Frame;
use crate::sim::lockstep::lab::{HORIZON, Lab};
use crate::sim::lockstep::state::{Choice, State};
use crate::sim::lockstep::turn::{Flight, Outcome};
use crate::trace::fact::{About, Fact, LossCause, Meddling, Phase, StopCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::{Finding, Severity};

/// What judges make of a schedule.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Failures, in the order in which they were seen.
    pub findings: Vec<Finding>,
    /// The schedule in words, up to the choice that showed the first of them.
    pub lines: Vec<String>,
}

/// A schedule under way.
struct Story<'a> {
    lab: &'a Lab,
    panel: Panel,
    now: Instant,
    /// Choices so far.
    made: u64,
    /// Next number of each node's records.
    numbers: BTreeMap<NodeId, u64>,
    /// Frames so far on each link and direction.
    sent: BTreeMap<(u32, bool), u64>,
    flying: Vec<Flying>,
}

/// A frame in flight with the record of its sending.
#[derive(Clone, Copy)]
struct Flying {
    frame: u32,
    number: u64,
    copy: u8,
    cause: Option<RecordId>,
}

impl Lab {
    /// Judges a schedule from the start. A `complete` one has come to rest: nothing more is due until long
    /// after the time in which everything must have come to its end.
    pub fn judge(&mut self, schedule: &[Choice], complete: bool) -> Judged {
        let mut state = self.start().clone();
        let mut steps = Vec::with_capacity(schedule.len());
        for choice in schedule {
            let Some(step) = self.step(&state, *choice) else { break };
            let before = std::mem::replace(&mut state, step.state);
            steps.push((before, *choice, step.turn, state.now));
        }
        let mut story = Story::new(self);
        let mut lines = Vec::new();
        for (before, choice, turn, now) in steps {
            lines.push(story.words(&before, choice));
            story.now = now;
            story.made += 1;
            story.tell(&before, choice, turn);
            if story.failed() {
                break;
            }
        }
        let complete = complete && !story.failed();
        Judged { findings: story.end(complete), lines }
    }
}

impl<'a> Story<'a> {
    fn new(lab: &'a Lab) -> Self {
        let mut panel = Panel::new(Arc::clone(&lab.plan.spec));
        *panel.escrow() = Escrow::of::<Model>();
        lab.prelude.keys.iter().for_each(|held| panel.escrow().keep(held.clone()));
        let mut numbers = BTreeMap::new();
        let mut sent = BTreeMap::new();
        for record in &lab.prelude.records {
            panel.observe(record);
            numbers.insert(record.id.node, record.id.seq + 1);
            if let (Fact::Tx(frame), Some(user)) = (&record.fact, record.id.node.user())
                && frame.up
            {
                sent.insert((user, true), frame.number);
            } else if let (Fact::Rx(frame), Some(user)) = (&record.fact, record.id.node.user())
                && !frame.up
            {
                sent.insert((user, false), frame.number);
            }
        }
        let now = lab.start().now;
        Self { lab, panel, now, made: 0, numbers, sent, flying: Vec::new() }
    }

    fn failed(&self) -> bool {
        self.panel.findings().any(|it| it.severity >= Severity::Fail)
    }

    fn record(&mut self, node: NodeId, fact: Fact, cause: Option<RecordId>) -> RecordId {
        let number = self.numbers.entry(node).or_default();
        let id = RecordId { node, seq: *number };
        *number += 1;
        let at = self.now + Duration::from_micros(self.made);
        let wall = NodeClock::default().wall(at);
        self.panel.observe(&Record { id, at, wall, cause, fact });
        id
    }

    fn tell(&mut self, before: &State, choice: Choice, turn: Option<(NodeId, u32)>) {
        let cause = match choice {
            Choice::Act { step, .. } => {
                let step = &self.lab.plan.steps[usize::from(step)];
                let name = self.lab.plan.spec.names[step.name.0 as usize].name.clone();
                let fact = Fact::Step { name, verb: step.verb.to_owned() };
                turn.map(|(node, _)| self.record(node, fact, None))
            }
            Choice::Wait { .. } => {
                let reason = self.lab.next_timer(before).map_or("timer", |(.., reason)| reason);
                let fact = Fact::Timer { reason: reason.into() };
                turn.map(|(node, _)| self.record(node, fact, None))
            }
            Choice::Deliver { frame, again, .. } => self.arrives(frame, again),
            Choice::Lose { frame } => {
                if let Some((flying, frame)) = self.land(frame) {
                    let fact = Fact::Lost { frame: frame.fact(true), why: LossCause::Loss };
                    self.record(frame.owner(), fact, flying.cause);
                }
                None
            }
        };
        let Some((node, number)) = turn else { return };
        self.outcomes(node, number, cause);
        if let Choice::Deliver { frame, .. } = choice
            && self.lab.stays(frame, self.lab.turn_of(number))
        {
            self.flying.insert(0, Flying { frame, number: 0, copy: 0, cause });
        }
    }

    /// Takes a frame out of the air.
    fn land(&mut self, frame: u32) -> Option<(Flying, Frame)> {
        let place = self.flying.iter().position(|it| it.frame == frame)?;
        let flying = self.flying.remove(place);
        match self.lab.flight(frame) {
            Flight::Mail(..) => None,
            Flight::Frame(it) => {
                let frame = Frame { number: flying.number, copy: flying.copy, ..it.clone() };
                Some((flying, frame))
            }
        }
    }

    fn arrives(&mut self, number: u32, again: bool) -> Option<RecordId> {
        let to = self.lab.target(number);
        let mail = self.flying.iter().find(|it| it.frame == number)?.cause;
        let Some((flying, frame)) = self.land(number) else { return mail };
        if again {
            let copy = Flying { copy: flying.copy + 1, ..flying };
            let fact = Frame { copy: copy.copy, ..frame.clone() }.fact(true);
            let fact = Fact::Meddled { frame: fact, how: Meddling::Duplicated };
            self.record(frame.owner(), fact, flying.cause);
            self.flying.insert(0, copy);
        }
        Some(self.record(to, Fact::Rx(frame.fact(true)), flying.cause))
    }

    fn outcomes(&mut self, node: NodeId, number: u32, mut cause: Option<RecordId>) {
        let lab = self.lab;
        for outcome in &lab.turn_of(number).effects {
            match outcome {
                Outcome::Fact(fact, held) => {
                    if let Some(held) = held {
                        self.panel.escrow().keep(held.clone());
                    }
                    self.record(node, fact.clone(), cause);
                }
                Outcome::Send(frame) => self.sends(node, *frame, cause),
                Outcome::Restart(boot) => {
                    let fact = Fact::PowerOff { why: StopCause::Crash };
                    cause = Some(self.record(node, fact, None));
                    if node.is_account() {
                        cause = Some(self.record(node, Fact::PowerOn { boot: *boot }, cause));
                    }
                }
                Outcome::Endless => {
                    let what = format!("{node} does not come to rest");
                    self.record(node, Fact::Limit { what }, cause);
                }
            }
        }
    }

    fn sends(&mut self, node: NodeId, frame: u32, cause: Option<RecordId>) {
        let mut flying = Flying { frame, number: 0, copy: 0, cause };
        if let Flight::Frame(it) = self.lab.flight(frame) {
            let count = self.sent.entry((it.user, it.up)).or_default();
            *count += 1;
            flying.number = *count;
            // The account does not know the number of a frame on a downlink.
            let number = if it.up { flying.number } else { 0 };
            let fact = Fact::Tx(Frame { number, ..it.clone() }.fact(true));
            flying.cause = Some(self.record(node, fact, cause));
        }
        self.flying.push(flying);
    }

    /// Ends the story. What is due within the horizon was done; the clock shows that it stayed so.
    fn end(mut self, complete: bool) -> Vec<Finding> {
        let fails = |finding: &Finding| finding.severity >= Severity::Fail;
        if !complete {
            return self.panel.findings().filter(|it| fails(it)).cloned().collect();
        }
        self.record(NodeId::HARNESS, Fact::Phase(Phase::Settle), None);
        self.now = self.now + HORIZON;
        self.record(NodeId::HARNESS, Fact::Phase(Phase::End), None);
        let now = self.now + Duration::from_micros(self.made);
        let docket = self.panel.conclude(now, &[]);
        docket.findings.into_iter().filter(fails).collect()
    }

    /// A choice in words.
    fn words(&self, before: &State, choice: Choice) -> String {
        match choice {
            Choice::Act { step, cut } => {
                let step = &self.lab.plan.steps[usize::from(step)];
                let name = &self.lab.plan.spec.names[step.name.0 as usize].name;
                let does = if let Action::Send { by, to, .. } = &step.action {
                    format!("{} sends {name} to {to}", self.user(*by))
                } else if let Action::Rotate { by, .. } = &step.action {
                    format!("{} rotates ({name})", self.user(*by))
                } else {
                    name.clone()
                };
                does + &failure(cut)
            }
            Choice::Deliver { frame, again, cut } => {
                let way = match self.lab.flight(frame) {
                    Flight::Frame(it) => format!("{} arrives", self.frame(it)),
                    Flight::Mail(to, message) => {
                        let what = match message {
                            AccountMessage::Status { mid, report, .. } => {
                                format!("news of {mid} ({report:?})")
                            }
                            AccountMessage::KeyChanged { user, epoch, .. } => {
                                format!("news of {user}'s {epoch}")
                            }
                        };
                        format!("{what} reaches the account of {}", self.user(*to))
                    }
                };
                way + if again { ", and a copy stays on its way" } else { "" } + &failure(cut)
            }
            Choice::Lose { frame } => match self.lab.flight(frame) {
                Flight::Frame(it) => format!("{} is lost", self.frame(it)),
                Flight::Mail(..) => "news is lost".to_owned(),
            },
            Choice::Wait { cut } => {
                let Some((at, node, reason)) = self.lab.next_timer(before) else {
                    return "nothing is due".to_owned();
                };
                let after = at.since(before.now);
                format!("{after} pass: {} has {reason} due", self.node(node)) + &failure(cut)
            }
        }
    }

    fn frame(&self, frame: &Frame) -> String {
        let user = self.user(frame.user);
        let Some(label) = &frame.label else { return format!("a frame of {user}") };
        let about = match &label.about {
            About::Nothing => String::new(),
            About::User(user) => format!("({user})"),
            About::Message(mid, _) => format!("({mid})"),
            About::Epoch(epoch) => format!("({epoch})"),
        };
        let way = if frame.up { "from" } else { "to" };
        format!("{}{about} {way} {user}", label.kind)
    }

    fn node(&self, node: NodeId) -> String {
        let user = self.user(node.user().unwrap_or_default());
        if node.is_device() { user } else { format!("the account of {user}") }
    }

    fn user(&self, user: u32) -> String {
        self.lab.plan.devices[user as usize].user.to_string()
    }
}

/// Where power fails in the turn, in words.
fn failure(cut: Option<u8>) -> String {
    cut.map_or_else(String::new, |at| {
        format!("; power fails after {at} writes and messages of that turn")
    })
}
