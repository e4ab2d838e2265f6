//! Between which instants an expectation looks, as far as that is known yet.
//!
//! Not here: what it looks for (`matching`).

use std::cmp::Ordering;

use crate::base::time::{Duration, Instant};
use crate::oracle::points::Tracker;
use crate::oracle::spec::{Check, Expectation, Moment, NameId, PointRef};
use crate::trace::record::RecordId;

/// A known end of an interval, included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Edge {
    pub(super) at: Instant,
    /// The record of the point that it is: of the same instant's records at that node, those before it
    /// lie before the end.
    record: Option<RecordId>,
}

impl Edge {
    const fn instant(at: Instant) -> Self {
        Self { at, record: None }
    }

    /// Where something lies, seen from here.
    pub(super) fn place(self, at: Instant, record: Option<RecordId>) -> Ordering {
        at.cmp(&self.at).then_with(|| match (record, self.record) {
            (Some(it), Some(edge)) if it.node == edge.node => it.seq.cmp(&edge.seq),
            (Some(_) | None, Some(_) | None) => Ordering::Equal,
        })
    }
}

/// One end of an interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    /// No such end.
    Open,
    /// Here.
    At(Edge),
    /// At a point that is not reached so far.
    Unknown(PointRef),
    /// A budget that counts from a thing that has not begun.
    NotBegun(NameId),
}

impl Bound {
    fn of(moment: Moment, start: Instant, tracker: &Tracker) -> Self {
        match moment {
            Moment::At(offset) => Self::At(Edge::instant(start + offset)),
            Moment::Point(point, delay) => {
                let record = tracker.record(point).filter(|_| delay == Duration::ZERO);
                let edge = |at| Self::At(Edge { at: at + delay, record });
                tracker.first(point).map_or(Self::Unknown(point), edge)
            }
        }
    }
}

/// The beginning and the end of an expectation's interval; `start` is the end of `given`.
pub(super) fn bounds(it: &Expectation, start: Instant, tracker: &Tracker) -> (Bound, Bound) {
    let from = it.since.map_or_else(
        || Bound::At(Edge::instant(start)),
        |moment| Bound::of(moment, start, tracker),
    );
    let until = it.until.map_or(Bound::Open, |moment| Bound::of(moment, start, tracker));
    let budget = it.within.map_or(Bound::Open, |span| deadline(it, span, from, tracker));
    let to = match (until, budget) {
        (Bound::At(until), Bound::At(budget)) => {
            Bound::At(if budget.at < until.at { budget } else { until })
        }
        (Bound::Open, other) | (other, Bound::Open) => other,
        (unknown @ (Bound::Unknown(_) | Bound::NotBegun(_)), _) | (_, unknown) => unknown,
    };
    (from, to)
}

/// Whether both ends are known, there is time between them, and all of it is past.
pub(super) fn is_over((from, to): (Bound, Bound), now: Instant) -> bool {
    matches!((from, to), (Bound::At(from), Bound::At(to)) if from.at < to.at && to.at <= now)
}

/// The record at which an interval ends, or else the one at which it begins.
pub(super) fn end((from, to): (Bound, Bound)) -> Option<(Instant, RecordId)> {
    let of = |bound| match bound {
        Bound::At(edge) => edge.record.map(|record| (edge.at, record)),
        Bound::Open | Bound::Unknown(_) | Bound::NotBegun(_) => None,
    };
    of(to).or_else(|| of(from))
}

/// The end of a budget, which counts from the named thing's first point, or else from `since`.
fn deadline(it: &Expectation, span: Duration, from: Bound, tracker: &Tracker) -> Bound {
    match (subject(&it.check), from) {
        (Some(name), _) => {
            let end = |begin| Bound::At(Edge::instant(begin + span));
            tracker.begin(name).map_or(Bound::NotBegun(name), end)
        }
        (None, Bound::At(from)) => Bound::At(Edge::instant(from.at + span)),
        (None, other) => other,
    }
}

/// The named thing that a check is about.
pub(super) const fn subject(check: &Check) -> Option<NameId> {
    match check {
        Check::Reaches { of, .. }
        | Check::DisplayedText { of, .. }
        | Check::EpochOf { of, .. }
        | Check::Notice { of, .. } => Some(*of),
        Check::Prompted { request }
        | Check::Approved { request, .. }
        | Check::Rejected { request, .. } => Some(*request),
        Check::Lookups { .. }
        | Check::Derivations { .. }
        | Check::Selections { .. }
        | Check::Evictions { .. }
        | Check::Alarm { .. }
        | Check::ConfirmAsked { .. }
        | Check::Signed { .. }
        | Check::Refused { .. }
        | Check::RejectedMessage { .. }
        | Check::Rotated { .. }
        | Check::Frames { .. }
        | Check::StateIs { .. }
        | Check::Finding { .. }
        | Check::Slo { .. }
        | Check::Share { .. }
        | Check::Healed { .. }
        | Check::Lost { .. } => None,
    }
}
