//! Evaluates what a scenario expects, each expectation over its interval.
//!
//! Not here: rules that hold in every run (`safety`, `liveness`), or expected findings (`panel`).

mod bounds;
mod figures;
mod matching;
mod verdict;

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::oracle::expect::bounds::{Bound, bounds};
use crate::oracle::expect::figures::{Share, Windows};
use crate::oracle::expect::matching::{Presses, Scene};
use crate::oracle::judge::Docket;
use crate::oracle::measure::{Measure, Measured};
use crate::oracle::points::{Reached, Tracker};
use crate::oracle::spec::{Check, Expectation, Spec};
use crate::trace::fact::{Fact, Phase};
use crate::trace::record::{Record, RecordId};

/// Everything that a scenario expects, as far as it has come.
#[derive(Debug)]
pub struct Expectations {
    items: Vec<Item>,
    presses: Presses,
    /// The end of `given`; nothing counts before.
    start: Option<Instant>,
}

/// One expectation's collection.
#[derive(Debug, Default)]
struct Item {
    /// Records that match, within the interval as far as it is known.
    matches: Vec<(Instant, RecordId)>,
    /// What a value was from a moment on: a state, the epochs of an encryption, a shown text.
    values: Vec<(Instant, RecordId, String)>,
    windows: Windows,
    share: Share,
}

/// What an expectation is evaluated with at the end.
struct Closing<'a> {
    spec: &'a Spec,
    tracker: &'a Tracker,
    measure: &'a Measure,
    now: Instant,
}

impl Expectations {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        let items = spec.expectations.iter().map(|_| Item::default()).collect();
        Self { items, presses: Presses::default(), start: None }
    }

    /// Takes one record, the points that it reaches, and what it measures.
    pub fn observe(
        &mut self,
        record: &Record,
        reached: &[Reached],
        measured: &[Measured],
        tracker: &Tracker,
        measure: &Measure,
        spec: &Spec,
    ) {
        if let Fact::Phase(Phase::Active) = record.fact {
            self.start = Some(record.at);
        }
        self.presses.observe(record, reached, spec);
        let presses = &self.presses;
        let scene = Scene { record, reached, tracker, presses, spec };
        for (it, item) in spec.expectations.iter().zip(&mut self.items) {
            item.values(it, &scene);
            let Some(start) = self.start else { continue };
            let hits = scene.matches(&it.check);
            if hits > 0 && may_lie_within(record.at, record.id, bounds(it, start, tracker)) {
                let matches = std::iter::repeat_n((record.at, record.id), hits);
                item.matches.extend(matches);
            }
            for one in measured {
                item.figure(it, one, record.at, start, &scene, measure);
            }
        }
    }

    /// Evaluates all of them; expected findings are the panel's.
    pub fn conclude(
        &mut self,
        tracker: &Tracker,
        measure: &Measure,
        spec: &Spec,
        docket: &mut Docket,
    ) {
        let start = self.start.unwrap_or(Instant::START);
        let closing = Closing { spec, tracker, measure, now: docket.now };
        for (it, item) in spec.expectations.iter().zip(&self.items) {
            if !matches!(it.check, Check::Finding { .. }) {
                let interval = bounds(it, start, tracker);
                item.verdict(it, interval, &closing).enter(it, interval, docket);
            }
        }
    }
}

impl Item {
    fn values(&mut self, it: &Expectation, scene: &Scene<'_>) {
        let record = scene.record;
        let value = if let Check::StateIs { by, .. } = &it.check
            && record.id.node == NodeId::device(*by)
        {
            if let Fact::State { to } = &record.fact {
                to.name().to_owned()
            } else if let Fact::PowerOff { .. } = &record.fact {
                "off".to_owned()
            } else {
                return;
            }
        } else if let Check::EpochOf { of, .. } = &it.check
            && let Fact::Encrypt(sealing) = &record.fact
            && scene.tracker.message(&sealing.mid) == Some(*of)
        {
            format!("{} {}", sealing.own.0, sealing.theirs.0)
        } else if let Check::DisplayedText { of, .. } = &it.check
            && let Some(text) = scene.displayed(*of)
        {
            text.to_owned()
        } else {
            return;
        };
        self.values.push((record.at, record.id, value));
    }

    fn figure(
        &mut self,
        it: &Expectation,
        measured: &Measured,
        now: Instant,
        start: Instant,
        scene: &Scene<'_>,
        measure: &Measure,
    ) {
        let interval = bounds(it, start, scene.tracker);
        if let Check::Slo { metric, window, outside, .. } = &it.check
            && let Measured::Time(name, from, span) = measured
            && name == metric
        {
            // A time belongs to the moment at which it began.
            let (Bound::At(origin), true) = (interval.0, lies_within(*from, None, interval)) else {
                return;
            };
            let index = outside.and_then(|name| usize::try_from(name.0).ok());
            let fault = index.and_then(|index| scene.spec.names.get(index));
            let fault = fault.and_then(|named| measure.fault_named(&named.name));
            self.windows.note(*from, *span, origin.at, *window, fault);
        } else if let Check::Share { metric, .. } = &it.check
            && lies_within(now, None, interval)
        {
            self.share.note(metric, measured);
        }
    }
}

/// Whether a record may turn out to lie within: an end that is not known yet may still be right now.
fn may_lie_within(at: Instant, record: RecordId, (from, to): (Bound, Bound)) -> bool {
    let after = match from {
        Bound::At(from) => from.place(at, Some(record)).is_ge(),
        Bound::Open | Bound::Unknown(_) | Bound::NotBegun(_) => true,
    };
    after && !is_past(at, Some(record), to)
}

/// Whether an instant, or a record at it, lies within, as far as the ends are known.
fn lies_within(at: Instant, record: Option<RecordId>, (from, to): (Bound, Bound)) -> bool {
    let after = match from {
        Bound::At(from) => from.place(at, record).is_ge(),
        Bound::Open => true,
        Bound::Unknown(_) | Bound::NotBegun(_) => false,
    };
    after && !is_past(at, record, to)
}

fn is_past(at: Instant, record: Option<RecordId>, to: Bound) -> bool {
    matches!(to, Bound::At(to) if to.place(at, record).is_gt())
}
