//! What comes of one expectation, and the sentence that says why.
//!
//! Not here: how matches are collected.

use std::ops::RangeInclusive;

use crate::base::time::Instant;
use crate::oracle::expect::bounds::{Bound, end, is_over, subject};
use crate::oracle::expect::{Closing, Item, lies_within};
use crate::oracle::judge::Docket;
use crate::oracle::points::Tracker;
use crate::oracle::spec::{Check, Expectation, NameId, Spec};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

/// What comes of an expectation.
pub(super) enum Verdict {
    /// As expected, by this record if by a single one.
    Met { by: Option<(Instant, RecordId)> },
    /// Not as expected: what was seen instead, by when.
    Broken { seen: String, at: Instant, records: Vec<RecordId> },
    /// It could not be evaluated.
    Open { why: String },
}

/// Records cited for one expectation.
const CITED_MAX: usize = 8;

impl Verdict {
    pub(super) fn enter(self, it: &Expectation, interval: (Bound, Bound), docket: &mut Docket) {
        let text = &it.text;
        let line = it.line;
        match self {
            Self::Met { by } => {
                // That nothing happened proves nothing by itself (scenario language, rule 9).
                docket.verified += u64::from(!it.count.contains(&0));
                if !it.holds_of_nothing() || is_over(interval, docket.now) {
                    docket.credit(&it.shows, by);
                }
            }
            Self::Broken { seen, at, records } => {
                docket.verified += 1;
                let message = format!("line {line}: expected `{text}`, but {seen}");
                let mut about: Vec<_> = it.shows.iter().map(|(about, _)| *about).collect();
                about.sort_unstable();
                about.dedup();
                docket.push(Severity::Fail, "expect", &about, at, &records, message);
            }
            Self::Open { why } => {
                let message = format!("line {line}: `{text}` was never evaluated: {why}");
                docket.push(Severity::Inconclusive, "expect", &[], docket.now, &[], message);
            }
        }
    }
}

impl Item {
    pub(super) fn verdict(
        &self,
        it: &Expectation,
        interval: (Bound, Bound),
        closing: &Closing<'_>,
    ) -> Verdict {
        if let Some(why) = not_begun(it, interval.0, closing) {
            return Verdict::Open { why };
        }
        let by = match interval.1 {
            Bound::At(to) => to.at.min(closing.now),
            Bound::Open | Bound::Unknown(_) | Bound::NotBegun(_) => closing.now,
        };
        if let Check::StateIs { state, .. } = &it.check {
            self.last(by, |value| value == state)
        } else if let Check::EpochOf { sender, receiver, .. } = &it.check {
            self.last(by, |value| {
                let (own, theirs) = value.split_once(' ').unwrap_or_default();
                let fits = |wanted: &Option<u64>, found: &str| {
                    wanted.is_none_or(|wanted| found == wanted.to_string())
                };
                fits(sender, own) && fits(receiver, theirs)
            })
        } else if let Check::Slo { quantile, below, window, budget, .. } = &it.check {
            let Some((index, worst)) = self.windows.worst(*quantile) else {
                return Verdict::Open { why: "nothing was measured".to_owned() };
            };
            let which = window.map_or_else(String::new, |_| format!(" in window {index}"));
            let count = self.windows.count();
            let seen = format!("the {quantile} quantile of {count} is {worst}{which}");
            met_if(self.windows.missed(*quantile, *below) <= *budget, seen, by)
        } else if let Check::Share { above, below, .. } = &it.check {
            let Some(ratio) = self.share.ratio() else {
                return Verdict::Open { why: "nothing was counted".to_owned() };
            };
            let fits =
                above.is_none_or(|above| ratio > above) && below.is_none_or(|below| ratio < below);
            met_if(fits, format!("the share is {ratio}"), by)
        } else if let Check::Healed { fault } = &it.check {
            healed(it, *fault, closing)
        } else if let Check::Lost { of } = &it.check {
            lost(it, *of, closing)
        } else {
            self.counted(it, interval, by, closing)
        }
    }

    /// Judges the value that holds at `by`.
    fn last(&self, by: Instant, fits: impl Fn(&str) -> bool) -> Verdict {
        let Some((at, record, value)) = self.values.iter().rfind(|(at, ..)| *at <= by) else {
            return Verdict::Open { why: "no record says".to_owned() };
        };
        if fits(value) {
            return Verdict::Met { by: Some((*at, *record)) };
        }
        let seen = format!("it is `{value}` since {at}");
        Verdict::Broken { seen, at: by, records: vec![*record] }
    }

    fn counted(
        &self,
        it: &Expectation,
        interval: (Bound, Bound),
        by: Instant,
        closing: &Closing<'_>,
    ) -> Verdict {
        let within = self.matches.iter().filter(|(at, id)| lies_within(*at, Some(*id), interval));
        let matches: Vec<_> = within.copied().collect();
        let count = u64::try_from(matches.len()).unwrap_or(u64::MAX);
        if let Bound::Unknown(point) = interval.1
            && count <= *it.count.end()
            && *it.count.end() != u64::MAX
        {
            let thing = name(closing.spec, point.name);
            return Verdict::Open { why: format!("{thing}.{} never came", point.point.name()) };
        }
        if it.count.contains(&count) {
            let enough = usize::try_from(*it.count.start()).ok().and_then(|n| n.checked_sub(1));
            let last = enough.and_then(|place| matches.get(place)).copied();
            return Verdict::Met { by: last.or_else(|| end(interval)) };
        }
        let mut seen = format!("seen {} instead of {}", times(count), expected(&it.count));
        if let Some((first, _)) = matches.first() {
            seen += &format!(", first at {first}");
        }
        seen += &format!(", by {by}");
        if let Some((at, _, value)) = self.values.last() {
            seen += &format!("; last was `{value}` at {at}");
        }
        let of = subject(&it.check);
        if let Some(of) = of {
            seen += &format!("; {}", life(closing.spec, closing.tracker, of));
        }
        let matched = matches.iter().map(|(_, record)| *record);
        // What did not come is shown by how far its thing came.
        let lived = of.into_iter().flat_map(|of| closing.tracker.lived(of));
        let cited = matched.chain(lived.filter(|_| matches.is_empty()));
        Verdict::Broken { seen, at: by, records: cited.take(CITED_MAX).collect() }
    }
}

/// Why an expectation has no interval at all.
fn not_begun(it: &Expectation, from: Bound, closing: &Closing<'_>) -> Option<String> {
    if let Bound::Unknown(point) = from {
        let thing = name(closing.spec, point.name);
        return Some(format!("{thing}.{} never came", point.point.name()));
    }
    let of = subject(&it.check)?;
    let begun = closing.tracker.begin(of).is_some();
    (!begun).then(|| format!("{} never began", name(closing.spec, of)))
}

fn healed(it: &Expectation, fault: NameId, closing: &Closing<'_>) -> Verdict {
    let thing = name(closing.spec, fault);
    let Some(fault) = closing.measure.fault_named(thing) else {
        return Verdict::Open { why: format!("{thing} never began") };
    };
    let Some(end) = fault.end else {
        return Verdict::Open { why: format!("{thing} never ended") };
    };
    let deadline = it.within.map_or(Instant::NEVER, |within| end + within);
    match fault.healed {
        Some((at, _)) if at <= deadline => Verdict::Met { by: None },
        Some((at, last)) => {
            let seen = format!("{thing} healed {} after its end", at.since(end));
            Verdict::Broken { seen, at, records: vec![last] }
        }
        None if closing.now > deadline => {
            let seen = format!("{} held-up messages are not through", fault.remaining);
            met_if(false, seen, deadline)
        }
        None => Verdict::Open { why: format!("{} messages are under way", fault.remaining) },
    }
}

fn lost(it: &Expectation, of: NameId, closing: &Closing<'_>) -> Verdict {
    if closing.measure.accepted(of) == 0 {
        return Verdict::Open { why: format!("no {} was accepted", name(closing.spec, of)) };
    }
    let lost: Vec<_> = closing.measure.lost(of).collect();
    let count = u64::try_from(lost.len()).unwrap_or(u64::MAX);
    let first: Vec<_> = lost.iter().take(CITED_MAX).map(ToString::to_string).collect();
    let seen = format!("lost {}: {}", times(count), first.join(", "));
    met_if(it.count.contains(&count), seen, closing.now)
}

fn met_if(fits: bool, seen: String, at: Instant) -> Verdict {
    if fits { Verdict::Met { by: None } } else { Verdict::Broken { seen, at, records: Vec::new() } }
}

/// The name as written.
pub(super) fn name(spec: &Spec, id: NameId) -> &str {
    let index = usize::try_from(id.0).unwrap_or(usize::MAX);
    spec.names.get(index).map_or("?", |named| named.name.as_str())
}

/// How far a thing came, in the order of time.
fn life(spec: &Spec, tracker: &Tracker, of: NameId) -> String {
    let mut points: Vec<_> = tracker.life(of).collect();
    points.sort_by_key(|(_, at)| *at);
    let points: Vec<_> =
        points.iter().map(|(point, at)| format!("{} {at}", point.name())).collect();
    format!("{}: {}", name(spec, of), points.join(", "))
}

fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn expected(count: &RangeInclusive<u64>) -> String {
    match (*count.start(), *count.end()) {
        (from, u64::MAX) => format!("at least {}", times(from)),
        (from, to) if from == to => times(from),
        (from, to) => format!("{from} to {to} times"),
    }
}
