//! What all seats of a worker share: the plan, the clock, and what is measured.
//!
//! Not here: single devices (`seat`), or when operations are due (`worker`).

use std::sync::Arc;

use crate::base::id::UserId;
use crate::base::time::{Duration, Instant};
use crate::load::judged::Keeper;
use crate::load::progress::Progress;
use crate::load::queue::Awaited;
use crate::load::schedule::Operation;
use crate::load::stamp::Stamp;
use crate::load::tally::{Metric, Tally};
use crate::proto::port::UserAction;
use crate::runtime::clock::WorldClock;
use crate::scenario::plan::{Answering, Plan, WorkloadKind};
use crate::scenario::traffic::Traffic;

/// What all workers of a load share.
#[derive(Debug)]
pub struct Common {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Its traffic, by workload.
    pub traffic: Vec<Traffic>,
    /// The users' names on the server, in the plan's order.
    pub users: Vec<UserId>,
    /// The run's number, for stamps.
    pub run: u32,
    /// Numbers of messages go on from here.
    pub first: u64,
    /// One clock for all.
    pub clock: WorldClock,
    /// Whether the server's word is enough that a message was delivered.
    pub trusting: bool,
}

/// What the seats of one worker share.
#[derive(Debug)]
pub struct Bench {
    /// What all workers share.
    pub common: Arc<Common>,
    /// When the load began; until then nothing is measured.
    pub start: Option<Instant>,
    /// What is measured.
    pub tally: Tally,
    /// What will be judged.
    pub keeper: Keeper,
    /// What others may know while the load lasts.
    pub progress: Arc<Progress>,
}

impl Bench {
    /// The instant at this offset from the start of the load.
    #[must_use]
    pub fn instant(&self, offset: Duration) -> Instant {
        self.start.unwrap_or(Instant::START) + offset
    }

    /// Notes a duration, if it began after the load did.
    pub fn note(&mut self, metric: Metric, began: Instant, span: Duration) {
        if let Some(start) = self.start.filter(|start| *start <= began) {
            self.tally.note(metric, began.since(start), span);
        }
    }

    /// An operation of this workload was answered; in time, if operations were still due.
    pub fn answered(&mut self, workload: u16, began: Instant, at: Instant) {
        let end = self.instant(self.common.plan.active);
        self.tally.counts.done += 1;
        self.tally.counts.in_time += u64::from(at <= end);
        self.note(Metric::Response(workload), began, at.since(began));
        self.progress.answered(at.since(began));
    }

    /// What a device's user does in an operation; none when it is not a matter of users.
    #[must_use]
    pub fn action(&self, operation: &Operation) -> Option<UserAction> {
        let Common { plan, traffic, users, run, clock, .. } = &*self.common;
        let Operation { at, user, workload, n, .. } = *operation;
        let index = usize::from(workload);
        let names = (&users[..], clock.now().wall);
        let mut action =
            traffic[index].action(&plan.workloads[index], user, u64::from(n), names)?;
        if let UserAction::Send { text, .. } = &mut action {
            Stamp { run: *run, workload, at }.put(text);
        }
        Some(action)
    }

    /// Of what a device does only one at a time, if an operation is of that kind.
    #[must_use]
    pub fn awaited(&self, operation: &Operation) -> Option<Awaited> {
        let workload = &self.common.plan.workloads[usize::from(operation.workload)];
        Awaited::of(&workload.what)
    }

    /// Whether a workload is own data, which its writers may reject: that is an answer, too.
    #[must_use]
    pub fn is_own_data(&self, workload: u16) -> bool {
        let what = &self.common.plan.workloads[usize::from(workload)].what;
        matches!(what, WorkloadKind::Ask { own: true, .. })
    }

    /// How a user answers what the screen asks, if they do by themselves.
    #[must_use]
    pub fn habit(&self, user: u32) -> Option<&Answering> {
        let plan = &self.common.plan;
        let profile = plan.devices[user as usize].profile;
        plan.profiles[profile as usize].user.as_ref()
    }

    /// The server has taken a message.
    pub fn accepted(&mut self, key: u64) {
        self.tally.mail.accepted.push(key);
        self.progress.accepted();
    }

    /// A message was seen by its receiver; its stamp, if it has one of this run.
    pub fn seen(&mut self, key: u64, text: &str) -> Option<Stamp> {
        self.tally.mail.seen.push(key);
        self.progress.through();
        Stamp::read(text).filter(|stamp| stamp.run == self.common.run)
    }

    /// The sender of a message that was taken knows its end without its having been seen: it is given up, or a
    /// server that is trusted says that it arrived.
    pub fn ended(&mut self, key: u64, is_given_up: bool) {
        self.tally.mail.ended.push(key);
        self.tally.counts.given_up += u64::from(is_given_up);
        self.progress.through();
    }
}
