//! Between which instants an expectation looks, as far as that is known yet.
//!
//! Not here: what it looks for (`matching`).

use crate::base::time::{Duration, Instant};
use crate::oracle::points::Tracker;
use crate::oracle::spec::{Check, Expectation, Moment, NameId, PointRef};

/// One end of an interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    /// No such end.
    Open,
    /// Here, included.
    At(Instant),
    /// At a point that is not reached so far.
    Unknown(PointRef),
    /// A budget that counts from a thing that has not begun.
    NotBegun(NameId),
}

impl Bound {
    fn of(moment: Moment, start: Instant, tracker: &Tracker) -> Self {
        match moment {
            Moment::At(offset) => Self::At(start + offset),
            Moment::Point(point, delay) => {
                tracker.first(point).map_or(Self::Unknown(point), |at| Self::At(at + delay))
            }
        }
    }
}

/// The beginning and the end of an expectation's interval; `start` is the end of `given`.
pub(super) fn bounds(it: &Expectation, start: Instant, tracker: &Tracker) -> (Bound, Bound) {
    let from = it.since.map_or(Bound::At(start), |moment| Bound::of(moment, start, tracker));
    let until = it.until.map_or(Bound::Open, |moment| Bound::of(moment, start, tracker));
    let budget = it.within.map_or(Bound::Open, |span| deadline(it, span, from, tracker));
    let to = match (until, budget) {
        (Bound::At(until), Bound::At(budget)) => Bound::At(until.min(budget)),
        (Bound::Open, other) | (other, Bound::Open) => other,
        (unknown @ (Bound::Unknown(_) | Bound::NotBegun(_)), _) | (_, unknown) => unknown,
    };
    (from, to)
}

/// The end of a budget, which counts from the named thing's first point, or else from `since`.
fn deadline(it: &Expectation, span: Duration, from: Bound, tracker: &Tracker) -> Bound {
    match (subject(&it.check), from) {
        (Some(name), _) => {
            tracker.begin(name).map_or(Bound::NotBegun(name), |begin| Bound::At(begin + span))
        }
        (None, Bound::At(from)) => Bound::At(from + span),
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
