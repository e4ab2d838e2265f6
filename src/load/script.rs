//! What happens beside the traffic: steps of the scenario, as far as they can be done to real devices.
//!
//! A device is cut off by leaving the server's reach; there is no other power over the network, and none over
//! the server. Not here: workloads (`schedule`).

use std::ops::Range;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::load::error::LoadError;
use crate::oracle::spec::NameId;
use crate::proto::port::UserAction;
use crate::runtime::clock::wall;
use crate::scenario::plan::{Action, LinkChange, Plan, Start, Step, Until, When};
use crate::scenario::under_load;

/// Something that happens at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cue {
    /// These devices are out of reach.
    Leave(Vec<u32>),
    /// They are within reach again.
    Return(Vec<u32>),
    /// A user does something.
    Act(u32, UserAction),
}

/// What happens beside the traffic, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// When what happens, from the start of the load.
    pub cues: Vec<(Duration, Cue)>,
    /// Devices that are out of reach from the beginning.
    pub away: Vec<u32>,
    /// Faults by name, and from when to when they last.
    pub faults: Vec<(NameId, Range<Duration>)>,
}

impl Script {
    /// The script of a plan whose users are called so on the server.
    ///
    /// # Errors
    /// [`LoadError::Script`]: what cannot be done to a real server.
    pub fn of(plan: &Plan, users: &[UserId]) -> Result<Self, LoadError> {
        let mut script = Self { away: plan.given.offline.clone(), ..Self::default() };
        if let Some(device) = plan.devices.iter().find(|it| it.start != Start::Ready) {
            return Err(refused(&format!("all devices are registered: `{}` is not", device.user)));
        }
        if !plan.given.rotated.is_empty() {
            return Err(refused("nobody has rotated before"));
        }
        let mut before = Duration::ZERO;
        for step in &plan.steps {
            before = script.enter(step, before, (plan, users))?;
        }
        script.cues.sort_by_key(|(at, _)| *at);
        Ok(script)
    }

    /// Enters a step; when it acts.
    fn enter(
        &mut self,
        step: &Step,
        before: Duration,
        (plan, users): (&Plan, &[UserId]),
    ) -> Result<Duration, LoadError> {
        under_load::step(step).map_err(|why| refused(&format!("`{}`: {why}", name(step, plan))))?;
        let at = match step.when {
            When::At(at) => at,
            When::Follow(delay) | When::After(_, delay) => before + delay,
        };
        let cue = if let Action::Links { users, change, until, .. } = &step.action {
            if matches!(change, LinkChange::Partition) {
                let end = match until {
                    Until::For(span) => at + *span,
                    Until::At(end) => *end,
                    Until::Heal | Until::Point(..) => plan.active,
                };
                self.faults.push((step.name, at..end));
                self.cues.push((end, Cue::Return(users.clone())));
                Cue::Leave(users.clone())
            } else {
                Cue::Return(users.clone())
            }
        } else if let Action::Send { by, to, text, draft } = &step.action {
            let (draft, to, text) = (*draft, called(to, plan, users), text.clone());
            Cue::Act(*by, UserAction::Send { draft, to, text })
        } else if let Action::Request { by, to, draft, txn, form } = &step.action {
            let (draft, to) = (*draft, called(to, plan, users));
            let (txn, request) = (*txn, form.form(wall()));
            Cue::Act(*by, UserAction::Request { draft, to, txn, request })
        } else if let Action::Rotate { by, revoke } = &step.action {
            Cue::Act(*by, UserAction::Rotate { revoke: *revoke })
        } else if let Action::Poll { by } = &step.action {
            Cue::Act(*by, UserAction::Poll)
        } else {
            return Ok(at);
        };
        self.cues.push((at, cue));
        Ok(at)
    }
}

/// How a user of the plan is called on the server; whoever is none of them keeps the name.
fn called(user: &UserId, plan: &Plan, users: &[UserId]) -> UserId {
    let known = plan.spec.index(user).and_then(|index| users.get(index as usize));
    known.unwrap_or(user).clone()
}

fn name<'p>(step: &Step, plan: &'p Plan) -> &'p str {
    plan.spec.names.get(step.name.0 as usize).map_or("?", |named| &named.name)
}

fn refused(why: &str) -> LoadError {
    LoadError::Script(why.to_owned())
}
