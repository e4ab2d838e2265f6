//! The lockstep world itself: its nodes and frames by number, its turns as computed so far, its steps.
//!
//! Not here: records and judges (`story`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::model::Model;
use crate::crypto::suite::Secret;
use crate::engine::clock::NodeClock;
use crate::oracle::escrow::Held;
use crate::proto::port::Origin;
use crate::scenario::plan::{Action, Plan};
use crate::sim::lockstep::actor::{Actor, Being};
use crate::sim::lockstep::pool::Pool;
use crate::sim::lockstep::state::{Choice, Faults, State};
use crate::sim::lockstep::turn::{Flight, Input, Outcome, Turn};
use crate::sim::world::{Limits, World};
use crate::trace::fact::Phase;
use crate::trace::record::Record;
use crate::wire::message::Ticket;

/// Timers that are further away belong to another story: refreshes, renewals, the end of a grace. Two devices
/// that renew their sessions every 59 minutes leave a longer time than this between them.
pub const HORIZON: Duration = Duration::from_secs(28 * 60);

/// In this time everything that is in flight at the end of a prelude arrives.
const CALM: Duration = Duration::from_secs(1);

/// Steps of a plan, so that those to be done fit into a state.
const STEPS_MAX: usize = 8;

/// The lockstep world of a plan.
#[derive(Debug)]
pub struct Lab {
    pub(super) plan: Arc<Plan>,
    pub(super) server_key: Arc<Secret>,
    pub(super) tickets: Vec<Ticket>,
    pub(super) actors: Pool<Actor>,
    pub(super) frames: Pool<Flight>,
    pub(super) numbers: BTreeMap<(u32, Input, Instant, Option<u8>), u32>,
    pub(super) turns: Vec<Turn>,
    start: State,
    pub(super) prelude: Prelude,
}

/// What was recorded before the first choice.
#[derive(Debug, Default)]
pub(super) struct Prelude {
    pub records: Vec<Record>,
    pub keys: Vec<Held>,
}

/// What a choice led to.
#[derive(Clone, Debug)]
pub struct Step {
    /// The state afterwards.
    pub state: State,
    /// Whether a judge should look at once.
    pub alarming: bool,
    /// The node that had a turn, and which.
    pub(super) turn: Option<(NodeId, u32)>,
}

/// Why a plan has no lockstep world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLab {
    /// Its prelude does not come to its end, or a device is off.
    #[error("the prelude does not end with every node on and at rest")]
    Prelude,
    /// It has too many steps, or others than users' texts and rotations.
    #[error("only up to {STEPS_MAX} steps `send` and `rotate` can be explored step by step")]
    Steps,
}

impl Lab {
    /// The lockstep world of a plan after its prelude. The plan's steps may act at any time.
    ///
    /// # Errors
    /// As [`NoLab`] says.
    pub fn new(plan: Arc<Plan>, left: Faults) -> Result<Self, NoLab> {
        let known = |it: &Action| matches!(it, Action::Send { .. } | Action::Rotate { .. });
        if plan.steps.len() > STEPS_MAX || !plan.steps.iter().all(|step| known(&step.action)) {
            return Err(NoLab::Steps);
        }
        let mut world = prelude(&plan)?;
        let now = world.now() + CALM;
        let mut lab = Self {
            server_key: Arc::clone(&world.server_key),
            prelude: Prelude {
                records: world.take_records().collect(),
                keys: world.take_keys().collect(),
            },
            tickets: Vec::new(),
            actors: Pool::default(),
            frames: Pool::default(),
            numbers: BTreeMap::new(),
            turns: Vec::new(),
            start: State {
                actors: Vec::new(),
                frames: Vec::new(),
                now,
                todo: u8::try_from((1_u32 << plan.steps.len()) - 1).unwrap_or(u8::MAX),
                left,
                marks: Vec::new(),
            },
            plan,
        };
        for (user, (device, account)) in (0..).zip(world.devices.iter().zip(world.accounts.iter()))
        {
            let device = Being::of_device(device).ok_or(NoLab::Prelude)?;
            let account = Being::of(account).ok_or(NoLab::Prelude)?;
            let mut desk = account.machine.clone();
            lab.tickets.push(desk.pre_attach(clock(now), Origin(user)));
            let both = [Actor::Device(Box::new(device)), Actor::Account(Box::new(account))];
            for actor in both {
                let number = lab.actors.keep(actor);
                lab.start.actors.push(number);
            }
        }
        Ok(lab)
    }

    /// The state after the prelude.
    #[must_use]
    pub const fn start(&self) -> &State {
        &self.start
    }

    /// Turns computed so far.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.turns.len()
    }

    /// Nodes' states seen so far.
    #[must_use]
    pub fn actors(&self) -> usize {
        self.actors.len()
    }

    /// Everything that may happen in a state, each with its price: how far it takes a schedule from one
    /// in which frames arrive in the order of sending and nothing goes wrong. To let a frame past others
    /// costs one for each that had not been passed before; a fault costs one, and so does a user who does
    /// not wait until all is quiet.
    pub fn choices(&mut self, state: &State) -> Vec<(Choice, u32)> {
        let mut choices = Vec::new();
        let passed = |upto: usize| -> u32 {
            state.frames[..upto].iter().map(|(_, held)| u32::from(!held)).sum()
        };
        let rush = u32::from(passed(state.frames.len()) > 0);
        for step in (0..8).filter(|step| state.todo & 1 << step != 0) {
            if !self.has_twin(state.todo, step) {
                self.with_cuts(state, Choice::Act { step, cut: None }, rush, &mut choices);
            }
        }
        for (place, (frame, held)) in state.frames.iter().copied().enumerate() {
            if state.frames[..place].iter().any(|(other, _)| *other == frame) {
                continue;
            }
            let price = if held { 0 } else { passed(place) };
            let deliver = |again| Choice::Deliver { frame, again, cut: None };
            self.with_cuts(state, deliver(false), price, &mut choices);
            let link = matches!(self.frames.get(frame), Flight::Frame(_));
            if link && state.left.copies > 0 {
                choices.push((deliver(true), price + 1));
            }
            if link && state.left.losses > 0 {
                choices.push((Choice::Lose { frame }, 1));
            }
        }
        if self.may_wait(state).is_some() {
            let early = u32::from(!state.is_quiet());
            self.with_cuts(state, Choice::Wait { cut: None }, early, &mut choices);
        }
        choices
    }

    /// Whether everything in a state is done that is not far away.
    #[must_use]
    pub fn is_at_rest(&self, state: &State) -> bool {
        state.is_quiet() && self.next_timer(state).is_none()
    }

    /// What a choice leads to; none if it cannot be made in this state.
    pub fn step(&mut self, state: &State, choice: Choice) -> Option<Step> {
        let mut next = state.clone();
        let (node, input, cut) = match choice {
            Choice::Act { step, cut } => {
                next.todo &= !(1 << step);
                let user = self.user_of(step).filter(|_| next.todo != state.todo)?;
                (NodeId::device(user), Input::Step(step), cut)
            }
            Choice::Deliver { frame, again, cut } => {
                let place = take(&mut next, frame)?;
                if again {
                    next.left.copies = next.left.copies.checked_sub(1)?;
                    next.frames.insert(place, (frame, true));
                }
                (self.target(frame), Input::Frame(frame), cut)
            }
            Choice::Lose { frame } => {
                take(&mut next, frame)?;
                next.left.losses = next.left.losses.checked_sub(1)?;
                return Some(Step { state: next, alarming: false, turn: None });
            }
            Choice::Wait { cut } => {
                let (at, node) = self.may_wait(state)?;
                next.now = at.max(state.now);
                if !state.is_quiet() {
                    next.left.early = next.left.early.checked_sub(1)?;
                }
                (node, Input::Timeout, cut)
            }
        };
        if cut.is_some() {
            next.left.crashes = next.left.crashes.checked_sub(1)?;
        }
        let place = place(node);
        let number = self.turn(node, next.actors[place], input, next.now, cut);
        let turn = &self.turns[number as usize];
        next.actors[place] = turn.actor;
        if let Choice::Deliver { frame, .. } = choice
            && self.stays(frame, turn)
        {
            next.frames.insert(0, (frame, false));
        }
        for effect in &turn.effects {
            if let Outcome::Send(frame) = effect {
                next.frames.push((*frame, false));
            }
        }
        let mut alarming = turn.alarming;
        for mark in &turn.marks {
            let place = next.marks.partition_point(|other| other < mark);
            alarming |= next.marks.get(place) == Some(mark);
            next.marks.insert(place, *mark);
        }
        Some(Step { state: next, alarming, turn: Some((node, number)) })
    }

    /// Follows a schedule as far as it can be, and says what came of it: for a frame that is not in flight
    /// comes one of the same kind about the same thing, and what cannot happen is left out.
    pub fn follow(&mut self, schedule: &[Choice]) -> (Vec<Choice>, State) {
        let mut state = self.start.clone();
        let mut made = Vec::new();
        for choice in schedule {
            let choice = match *choice {
                Choice::Deliver { frame, again, cut } => {
                    Choice::Deliver { frame: self.alike(&state, frame), again, cut }
                }
                Choice::Lose { frame } => Choice::Lose { frame: self.alike(&state, frame) },
                Choice::Act { .. } | Choice::Wait { .. } => *choice,
            };
            if let Some(step) = self.step(&state, choice) {
                state = step.state;
                made.push(choice);
            }
        }
        (made, state)
    }

    /// The frame itself if it is in flight, else one like it, else itself.
    fn alike(&self, state: &State, frame: u32) -> u32 {
        let says = |number| match self.frames.get(number) {
            Flight::Frame(it) => {
                let label = it.label.as_ref().map(|label| (label.kind, &label.about));
                (Some((it.user, it.up, label)), None)
            }
            Flight::Mail(to, message) => (None, Some((*to, message))),
        };
        let in_flight = || state.frames.iter().map(|(number, _)| *number);
        let same = in_flight().find(|it| *it == frame);
        same.or_else(|| in_flight().find(|it| says(*it) == says(frame))).unwrap_or(frame)
    }

    /// The next timer within the horizon: when, whose, and what for.
    pub(super) fn next_timer(&self, state: &State) -> Option<(Instant, NodeId, &'static str)> {
        let timers = (0..).zip(&state.actors).filter_map(|(place, actor)| {
            let (at, reason) = self.actors.get(*actor).timer()?;
            Some((at, node_at(place), reason))
        });
        timers
            .min_by_key(|(at, node, _)| (*at, *node))
            .filter(|(at, ..)| *at <= state.now + HORIZON)
    }

    /// The next timer if it may fire now. While frames are in flight, time passes only as far as the margin
    /// between the grace of a key and the time to live of mail allows them to be late (S-35).
    fn may_wait(&self, state: &State) -> Option<(Instant, NodeId)> {
        let (at, node, _) = self.next_timer(state)?;
        let server = &self.plan.server;
        let late = server.grace.saturating_sub(server.ttl).scale(1, 2);
        let early = state.left.early > 0 && at <= state.now + late;
        (state.is_quiet() || early).then_some((at, node))
    }

    /// Whether an account hears again after its restart what it has heard in a turn.
    pub(super) fn stays(&self, frame: u32, turn: &Turn) -> bool {
        turn.lost && matches!(self.frames.get(frame), Flight::Mail(..))
    }

    pub(super) fn flight(&self, frame: u32) -> &Flight {
        self.frames.get(frame)
    }

    pub(super) fn turn_of(&self, number: u32) -> &Turn {
        &self.turns[number as usize]
    }

    /// Where a frame goes.
    pub(super) fn target(&self, frame: u32) -> NodeId {
        match self.frames.get(frame) {
            Flight::Frame(it) if it.up => NodeId::account(it.account),
            Flight::Frame(it) => NodeId::device(it.user),
            Flight::Mail(to, _) => NodeId::account(*to),
        }
    }

    /// A choice, and all ways in which power fails during its turn.
    fn with_cuts(
        &mut self,
        state: &State,
        choice: Choice,
        price: u32,
        choices: &mut Vec<(Choice, u32)>,
    ) {
        choices.push((choice, price));
        if state.left.crashes == 0 {
            return;
        }
        let turn = self.step(state, choice).and_then(|step| step.turn);
        let Some((_, number)) = turn else { return };
        for at in 0..=self.turns[number as usize].points {
            let cut = Some(at);
            let choice = match choice {
                Choice::Act { step, .. } => Choice::Act { step, cut },
                Choice::Deliver { frame, again, .. } => Choice::Deliver { frame, again, cut },
                Choice::Wait { .. } => Choice::Wait { cut },
                Choice::Lose { .. } => choice,
            };
            choices.push((choice, price + 1));
        }
    }

    /// Whether an earlier step that is to be done is the same.
    fn has_twin(&self, todo: u8, step: u8) -> bool {
        let rotation = |step: u8| {
            let action = &self.plan.steps[usize::from(step)].action;
            if let Action::Rotate { by, revoke } = action { Some((*by, *revoke)) } else { None }
        };
        let this = rotation(step);
        this.is_some() && (0..step).any(|one| todo & 1 << one != 0 && rotation(one) == this)
    }

    fn user_of(&self, step: u8) -> Option<u32> {
        let action = &self.plan.steps.get(usize::from(step))?.action;
        if let Action::Send { by, .. } | Action::Rotate { by, .. } = action {
            return Some(*by);
        }
        None
    }
}

/// The world of a plan after its prelude, when what was in flight at its end has arrived.
fn prelude(plan: &Plan) -> Result<World<Model>, NoLab> {
    let plan = Arc::new(Plan { steps: Vec::new(), ..plan.clone() });
    let mut world = World::new(plan, Limits::default()).map_err(|_| NoLab::Prelude)?;
    while world.phase == Phase::Given && world.step() {}
    if world.phase != Phase::Active {
        return Err(NoLab::Prelude);
    }
    let calm = world.now() + CALM;
    loop {
        let before = world.clone();
        if !world.step() || world.now() >= calm {
            return Ok(before);
        }
    }
}

/// Takes a frame away, those before it being passed, and says where it was.
fn take(state: &mut State, frame: u32) -> Option<usize> {
    let place = state.frames.iter().position(|(it, _)| *it == frame)?;
    let (_, held) = state.frames.remove(place);
    if !held {
        state.frames[..place].iter_mut().for_each(|(_, held)| *held = true);
    }
    Some(place)
}

/// Both times of an input. All clocks are right.
pub(super) fn clock(at: Instant) -> Now {
    NodeClock::default().now(at)
}

/// Where a node is in a state.
fn place(node: NodeId) -> usize {
    node.user().map_or(0, |user| 2 * user as usize + usize::from(node.is_account()))
}

fn node_at(place: u32) -> NodeId {
    if place.is_multiple_of(2) { NodeId::device(place / 2) } else { NodeId::account(place / 2) }
}
