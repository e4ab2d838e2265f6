//! Named things and the points of their lives, recognized in records one after the other.
//!
//! Steps wait for points and expectations count them. Not here: what should happen (`expect`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Epoch, Mid, TxnId};
use crate::base::time::Instant;
use crate::oracle::judge::{Facts, facts, frames};
use crate::oracle::spec::{Check, Moment, NameId, NamedThing, Point, PointRef, Spec, Traffic};
use crate::trace::fact::{About, Content, DraftStatus, Fact, FrameKind, NoApproval, PromptShown};
use crate::trace::record::{Record, RecordId};

/// A point that a record reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Which point of what.
    pub of: PointRef,
    /// The record that shows it.
    pub record: RecordId,
    /// When.
    pub at: Instant,
}

/// Follows all named things of a run.
#[derive(Clone, Debug)]
pub struct Tracker {
    names: BTreeMap<String, NameId>,
    drafts: BTreeMap<(u32, DraftId), NameId>,
    workloads: Vec<Workload>,
    txns: BTreeMap<TxnId, NameId>,
    steps: BTreeMap<NameId, Waits>,
    messages: BTreeMap<Mid, Message>,
    rotations: Awaited,
    bound: BTreeMap<(u32, Epoch), NameId>,
    presses: Awaited,
    first: BTreeMap<PointRef, (Instant, RecordId)>,
}

/// What a step's own record makes the tracker wait for.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Rotation(u32),
    Press(u32),
    Nothing,
}

/// Drafts that carry a workload's name.
#[derive(Clone, Debug)]
struct Workload {
    name: NameId,
    first: DraftId,
    count: u64,
    of: Traffic,
    /// Whether its messages are followed one by one.
    watched: bool,
}

impl Workload {
    /// Whether a prompt of own data at this user's device can only be of this workload.
    fn alone_at(&self, user: u32) -> bool {
        matches!(&self.of, Traffic::OwnData(by) if by.iter().any(|range| range.contains(&user)))
    }
}

#[derive(Clone, Debug)]
struct Message {
    name: NameId,
    /// Points that are by definition the first of their kind.
    once: BTreeSet<Point>,
}

/// Steps of each user that have acted and whose effect is not yet seen, in order.
#[derive(Clone, Debug, Default)]
struct Awaited(BTreeMap<u32, Vec<(NameId, RecordId)>>);

impl Awaited {
    fn push(&mut self, user: u32, name: NameId, step: RecordId) {
        self.0.entry(user).or_default().push((name, step));
    }

    /// The step that the effect names as its cause, or else the user's oldest.
    fn take(&mut self, user: u32, cause: Option<RecordId>) -> Option<NameId> {
        let waiting = self.0.get_mut(&user)?;
        let direct = waiting.iter().position(|(_, step)| Some(*step) == cause);
        let index = direct.unwrap_or(0);
        (index < waiting.len()).then(|| waiting.remove(index).0)
    }
}

impl Tracker {
    /// The facts that reach points.
    pub const FACTS: Facts = facts![
        Compose, Encrypt, Notice, Accept, Offer, Acked, Expire, Bounce, Commit, Display, Processed,
        Prompt, Armed, Button, Approved, NotApproved, RotateStart, Recorded, RotateDone,
        EpochErased, Step, FaultStart, FaultEnd, Fence, Tx, Rx,
    ]
    .frames(frames![Submit, SubmitAck]);

    /// A tracker for the names of `spec`. Messages of a workload are followed one by one only where an
    /// expectation speaks of their points; a fleet has too many of them otherwise.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self::awaiting(spec, &[])
    }

    /// The same for somebody who waits for points: the messages of their workloads are followed too.
    #[must_use]
    pub fn awaiting(spec: &Spec, points: &[PointRef]) -> Self {
        let mut tracker = Self {
            names: BTreeMap::new(),
            drafts: BTreeMap::new(),
            workloads: Vec::new(),
            txns: BTreeMap::new(),
            steps: BTreeMap::new(),
            messages: BTreeMap::new(),
            rotations: Awaited::default(),
            bound: BTreeMap::new(),
            presses: Awaited::default(),
            first: BTreeMap::new(),
        };
        let mut watched = watched(spec);
        watched.extend(points.iter().map(|point| point.name));
        for (number, named) in (0..).zip(&spec.names) {
            tracker.learn(NameId(number), named.name.clone(), &named.what, &watched);
        }
        tracker
    }

    fn learn(&mut self, id: NameId, name: String, what: &NamedThing, watched: &BTreeSet<NameId>) {
        self.names.insert(name, id);
        let waits = match what {
            NamedThing::Message { by, draft, .. } => {
                self.drafts.insert((*by, *draft), id);
                Waits::Nothing
            }
            NamedThing::Request { by, draft, txn, .. } => {
                self.drafts.insert((*by, *draft), id);
                // A second request of one transaction is an attack on the first, which keeps the name.
                self.txns.entry(*txn).or_insert(id);
                Waits::Nothing
            }
            NamedThing::Workload { first, count, of } => {
                let (watched, of) = (watched.contains(&id), of.clone());
                let workload = Workload { name: id, first: *first, count: *count, of, watched };
                self.workloads.push(workload);
                Waits::Nothing
            }
            NamedThing::Rotation { by } => Waits::Rotation(*by),
            NamedThing::Press { by } => Waits::Press(*by),
            NamedThing::Step | NamedThing::Fence { .. } => Waits::Nothing,
        };
        self.steps.insert(id, waits);
    }

    /// When a point was first reached.
    #[must_use]
    pub fn first(&self, of: PointRef) -> Option<Instant> {
        self.first.get(&of).map(|(at, _)| *at)
    }

    /// The record that first reached a point.
    #[must_use]
    pub fn record(&self, of: PointRef) -> Option<RecordId> {
        self.first.get(&of).map(|(_, record)| *record)
    }

    /// When the first of all points of a thing was reached.
    #[must_use]
    pub fn begin(&self, name: NameId) -> Option<Instant> {
        self.life(name).map(|(_, at)| at).min()
    }

    /// The points that a thing has reached, each with its first time.
    pub fn life(&self, name: NameId) -> impl Iterator<Item = (Point, Instant)> {
        let of = move |point| self.first(PointRef { name, point }).map(|at| (point, at));
        Point::ALL.iter().filter_map(move |point| of(*point))
    }

    /// The records that first showed these points, in the order of points.
    pub fn lived(&self, name: NameId) -> impl Iterator<Item = RecordId> {
        Point::ALL.iter().filter_map(move |point| self.record(PointRef { name, point: *point }))
    }

    /// The name of a message in flight or past.
    #[must_use]
    pub fn message(&self, mid: &Mid) -> Option<NameId> {
        self.messages.get(mid).map(|message| message.name)
    }

    /// The name of a draft of this user.
    #[must_use]
    pub fn draft(&self, user: u32, draft: DraftId) -> Option<NameId> {
        let named = self.drafts.get(&(user, draft)).copied();
        named.or_else(|| self.workload(draft).map(|workload| workload.name))
    }

    fn workload(&self, draft: DraftId) -> Option<&Workload> {
        self.workloads.iter().find(|workload| {
            let offset = draft.0.checked_sub(workload.first.0);
            offset.is_some_and(|offset| offset < workload.count)
        })
    }

    /// The name of a draft whose points are followed.
    fn followed(&self, user: u32, draft: DraftId) -> Option<NameId> {
        let named = self.drafts.get(&(user, draft)).copied();
        named.or_else(|| self.workload(draft).filter(|it| it.watched).map(|it| it.name))
    }

    /// The name of the rotation by which a user came to an epoch.
    #[must_use]
    pub fn rotated_to(&self, user: u32, epoch: Epoch) -> Option<NameId> {
        self.bound.get(&(user, epoch)).copied()
    }

    /// The name of a transaction's request.
    #[must_use]
    pub fn request(&self, txn: &TxnId) -> Option<NameId> {
        self.txns.get(txn).copied()
    }

    /// The name as written.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<NameId> {
        self.names.get(name).copied()
    }

    /// Takes one record and says which points it reaches; almost always none.
    pub fn observe(&mut self, record: &Record) -> Vec<Reached> {
        let mut reached = Vec::new();
        let mut mark = |name: NameId, point: Point| {
            let of = PointRef { name, point };
            reached.push(Reached { of, record: record.id, at: record.at });
        };
        let Some(user) = record.id.node.user() else {
            self.harness(record, &mut mark);
            return self.note(reached);
        };
        self.sender(user, record, &mut mark);
        self.mailbox(&record.fact, &mut mark);
        self.receiver(&record.fact, &mut mark);
        self.approval(user, record, &mut mark);
        self.rotation(user, record, &mut mark);
        self.harness(record, &mut mark);
        self.note(reached)
    }

    fn note(&mut self, reached: Vec<Reached>) -> Vec<Reached> {
        for one in &reached {
            self.first.entry(one.of).or_insert((one.at, one.record));
        }
        reached
    }

    fn sender(&mut self, user: u32, record: &Record, mark: &mut impl FnMut(NameId, Point)) {
        if let Fact::Compose { draft, .. } = &record.fact {
            if let Some(name) = self.followed(user, *draft) {
                mark(name, Point::Sent);
            }
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let Some(name) = self.followed(user, sealing.draft) else { return };
            mark(name, Point::Encrypted);
            // A number under which the server holds a message stays that message's: a device that was
            // rolled back and takes it again is told so, and takes another.
            let taken = |it: &Message| it.name == name || it.once.contains(&Point::Stored);
            if !self.messages.get(&sealing.mid).is_some_and(taken) {
                let message = Message { name, once: BTreeSet::new() };
                self.messages.insert(sealing.mid.clone(), message);
            }
        } else if let Fact::Tx(frame) | Fact::Rx(frame) = &record.fact {
            if !record.id.node.is_device() {
                return;
            }
            let About::Message(mid, _) = &frame.about else { return };
            let sent = matches!(record.fact, Fact::Tx(_));
            if sent && frame.kind == Some(FrameKind::Submit) {
                self.once(mid, Point::Submitted, mark);
            } else if !sent && frame.kind == Some(FrameKind::SubmitAck) {
                self.once(mid, Point::Accepted, mark);
            }
        } else if let Fact::Notice { draft, status, .. } = &record.fact {
            let Some(name) = self.followed(user, *draft) else { return };
            let ends = match status {
                DraftStatus::Delivered => &[Point::Reported][..],
                DraftStatus::Expired => &[Point::Expired, Point::Reported],
                DraftStatus::Failed => &[Point::Failed, Point::Reported],
                DraftStatus::Unsent | DraftStatus::Sent | DraftStatus::NeedsConfirm => &[],
            };
            ends.iter().for_each(|point| mark(name, *point));
        }
    }

    fn mailbox(&mut self, fact: &Fact, mark: &mut impl FnMut(NameId, Point)) {
        if let Fact::Accept { mid, known: false, .. } = fact {
            self.each(mid, Point::Stored, mark);
        } else if let Fact::Offer { mid, .. } = fact {
            self.once(mid, Point::Forwarded, mark);
        } else if let Fact::Acked { mid, .. } = fact {
            self.each(mid, Point::Acked, mark);
        } else if let Fact::Expire { mid, .. } = fact {
            self.each(mid, Point::Expired, mark);
        } else if let Fact::Bounce { mid, .. } = fact {
            self.each(mid, Point::Bounced, mark);
        }
    }

    fn receiver(&mut self, fact: &Fact, mark: &mut impl FnMut(NameId, Point)) {
        if let Fact::Commit { mid, .. } = fact {
            self.each(mid, Point::Committed, mark);
        } else if let Fact::Display { mid, kind, .. } | Fact::Processed { mid, kind } = fact {
            match kind {
                Content::Request => self.once(mid, Point::Displayed, mark),
                Content::Text | Content::Approval | Content::Nack | Content::Declined => {
                    self.each(mid, Point::Displayed, mark);
                }
            }
        } else if let Fact::Prompt(shown) = fact {
            // A request is seen by its user as a prompt, possibly again after a restart.
            if let Some(mid) = &shown.request {
                self.once(mid, Point::Displayed, mark);
            }
        }
    }

    fn approval(&mut self, user: u32, record: &Record, mark: &mut impl FnMut(NameId, Point)) {
        if let Fact::Prompt(shown) = &record.fact {
            if let Some(name) = self.prompted(user, shown) {
                self.txns.entry(shown.txn).or_insert(name);
            }
            self.of_request(&shown.txn, Point::Shown, mark);
        } else if let Fact::Armed { txn } = &record.fact {
            self.of_request(txn, Point::Armed, mark);
        } else if let Fact::Button { screen, .. } = &record.fact {
            if let Some(press) = self.presses.take(user, record.cause) {
                mark(press, Point::Pressed);
            }
            if let Some(txn) = screen {
                self.of_request(txn, Point::Pressed, mark);
            }
        } else if let Fact::Approved(made) = &record.fact {
            self.of_request(&made.txn, Point::Answered, mark);
        } else if let Fact::NotApproved { txn, why: NoApproval::Rejected } = &record.fact {
            self.of_request(txn, Point::Answered, mark);
        }
    }

    /// The watched workload that a prompt is of.
    fn prompted(&self, user: u32, shown: &PromptShown) -> Option<NameId> {
        let mut watched = self.workloads.iter().filter(|it| it.watched);
        let found = if let Some(mid) = &shown.request {
            let name = self.message(mid)?;
            watched.find(|it| it.name == name)
        } else {
            watched.find(|it| it.alone_at(user))
        };
        found.map(|it| it.name)
    }

    fn rotation(&mut self, user: u32, record: &Record, mark: &mut impl FnMut(NameId, Point)) {
        if let Fact::RotateStart { epoch, .. } = &record.fact {
            if self.bound.contains_key(&(user, *epoch)) {
                return;
            }
            if let Some(name) = self.rotations.take(user, record.cause) {
                self.bound.insert((user, *epoch), name);
                mark(name, Point::Requested);
            }
            return;
        }
        let (epoch, point) = if let Fact::Recorded { epoch, .. } = &record.fact {
            (*epoch, Point::Recorded)
        } else if let Fact::RotateDone { epoch, .. } = &record.fact {
            (*epoch, Point::Acked)
        } else if let Fact::EpochErased { epoch } = &record.fact {
            (epoch.next(), Point::Graced)
        } else {
            return;
        };
        if let Some(name) = self.bound.get(&(user, epoch)) {
            mark(*name, point);
        }
    }

    fn harness(&mut self, record: &Record, mark: &mut impl FnMut(NameId, Point)) {
        let (name, point) =
            if let Fact::Step { name, .. } | Fact::FaultStart { name, .. } = &record.fact {
                (name, Point::Start)
            } else if let Fact::FaultEnd { name } = &record.fact {
                (name, Point::End)
            } else if let Fact::Fence { name } = &record.fact {
                (name, Point::Reached)
            } else {
                return;
            };
        let Some(id) = self.names.get(name).copied() else { return };
        mark(id, point);
        if let Fact::Step { .. } = &record.fact {
            match self.steps.get(&id) {
                Some(Waits::Rotation(user)) => self.rotations.push(*user, id, record.id),
                Some(Waits::Press(user)) => self.presses.push(*user, id, record.id),
                Some(Waits::Nothing) | None => {}
            }
        }
    }

    fn each(&self, mid: &Mid, point: Point, mark: &mut impl FnMut(NameId, Point)) {
        if let Some(message) = self.messages.get(mid) {
            mark(message.name, point);
        }
    }

    fn once(&mut self, mid: &Mid, point: Point, mark: &mut impl FnMut(NameId, Point)) {
        if let Some(message) = self.messages.get_mut(mid)
            && message.once.insert(point)
        {
            mark(message.name, point);
        }
    }

    fn of_request(&self, txn: &TxnId, point: Point, mark: &mut impl FnMut(NameId, Point)) {
        if let Some(name) = self.txns.get(txn) {
            mark(*name, point);
        }
    }
}

/// The names that expectations speak of.
fn watched(spec: &Spec) -> BTreeSet<NameId> {
    let mut names = BTreeSet::new();
    for expectation in &spec.expectations {
        if let Check::Reaches { of, .. }
        | Check::DisplayedText { of, .. }
        | Check::EpochOf { of, .. }
        | Check::Notice { of, .. }
        | Check::Prompted { request: of }
        | Check::Approved { request: of, .. }
        | Check::Rejected { request: of, .. } = &expectation.check
        {
            names.insert(*of);
        }
        for moment in [expectation.since, expectation.until].into_iter().flatten() {
            if let Moment::Point(point, _) = moment {
                names.insert(point.name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests;
