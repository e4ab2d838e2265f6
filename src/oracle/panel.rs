//! All judges of a run together: oracles, expectations, races and measures, and what they come to.
//!
//! Not here: any rule of their own, or how an outcome is printed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::time::Instant;
use crate::oracle::batch::Batch;
use crate::oracle::bench::Bench;
use crate::oracle::escrow::Escrow;
use crate::oracle::expect::Expectations;
use crate::oracle::implied::Implied;
use crate::oracle::judge::{Docket, Oracle};
use crate::oracle::measure::{Measure, Measured};
use crate::oracle::points::Tracker;
use crate::oracle::races::Races;
use crate::oracle::routes::{Route, Routes};
use crate::oracle::spec::{Check, Expectation, Spec, mark};
use crate::oracle::{liveness, requirement, safety};
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::requirement::{Polarity, Requirement};

/// Judges one run, record after record or batch after batch.
pub struct Panel {
    spec: Arc<Spec>,
    head: Head,
    benches: Vec<Bench>,
}

/// Everything of a panel but its oracles.
struct Head {
    implied: Implied,
    tracker: Tracker,
    measure: Measure,
    /// What the last record measured.
    measured: Vec<Measured>,
    expectations: Expectations,
    races: Races,
    /// To the tracker and the races.
    routes: Routes,
    /// Coverage marks that must occur and did.
    marks: BTreeSet<String>,
    docket: Docket,
}

/// Their places in the routes of a head.
const TRACKER: usize = 0;
const RACES: usize = 1;

/// Benches of a panel that judges on several threads: more than threads, since they differ in what they do.
const BENCHES: usize = 8;

/// The IDs of all oracles that judge a single run, each once, in order of their numbers. Two judges may
/// share one: each sees to a part of its rule.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    let mut ids: Vec<_> = oracles().iter().map(|oracle| oracle.id()).collect();
    ids.dedup();
    ids
}

/// Every oracle that judges a single run.
fn oracles() -> Vec<Box<dyn Oracle>> {
    safety::all().into_iter().chain(liveness::all()).chain(requirement::all()).collect()
}

impl Panel {
    /// Every oracle that `spec` does not except, its expectations, races and measures.
    #[must_use]
    pub fn new(spec: Arc<Spec>) -> Self {
        Self::on_benches(spec, 1)
    }

    /// The same, to judge batches on several threads.
    #[must_use]
    pub fn spread(spec: Arc<Spec>) -> Self {
        Self::on_benches(spec, BENCHES)
    }

    fn on_benches(spec: Arc<Spec>, count: usize) -> Self {
        let mut oracles = oracles();
        oracles.retain(|oracle| !spec.except.contains_key(oracle.id()));
        let head = Head {
            implied: Implied::of(&spec),
            tracker: Tracker::new(&spec),
            expectations: Expectations::new(&spec),
            measure: Measure::default(),
            measured: Vec::new(),
            races: Races::default(),
            routes: Routes::to_those_of(&[Tracker::FACTS, Races::FACTS]),
            marks: BTreeSet::new(),
            docket: Docket::default(),
        };
        Self { head, benches: Bench::spread(oracles, count), spec }
    }

    /// Where the keys go that the harness owns; before the first record that they are judged by.
    pub fn escrow(&mut self) -> &mut Escrow {
        &mut self.benches[0].docket.escrow
    }

    /// Takes the next record; their order is that of (time, node, number).
    pub fn observe(&mut self, record: &Record) {
        let route = Route::of(&record.fact);
        self.head.observe(record, route, &self.spec);
        self.benches.iter_mut().for_each(|bench| bench.observe(record, route, &self.spec));
    }

    /// Takes the next records.
    pub fn take(&mut self, batch: &Batch) {
        let Self { spec, head, benches } = self;
        batch.routed().for_each(|(record, route)| head.observe(record, route, spec));
        let mut keys = &batch.keys[..];
        for bench in benches {
            bench.take(batch, std::mem::take(&mut keys), spec);
        }
    }

    /// The same on the threads of the current pool. What it comes to does not depend on their number.
    pub fn take_beside(&mut self, batch: &Batch) {
        let Self { spec, head, benches } = self;
        rayon::scope(|scope| {
            let mut keys = &batch.keys[..];
            for bench in benches {
                let own = std::mem::take(&mut keys);
                scope.spawn(|_| bench.take(batch, own, spec));
            }
            batch.routed().for_each(|(record, route)| head.observe(record, route, spec));
        });
    }

    /// Findings so far, so that a run may stop at the first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let dockets = self.benches.iter().map(|bench| &bench.docket).chain([&self.head.docket]);
        dockets.flat_map(|docket| &docket.findings)
    }

    /// Ends the run at `now` and says what everything came to.
    #[must_use]
    pub fn conclude(self, now: Instant, claimed: &[(Requirement, Polarity)]) -> Docket {
        let Self { spec, head, benches } = self;
        let Head { tracker, measure, mut expectations, marks, mut docket, .. } = head;
        docket.now = now.max(docket.now);
        for mut bench in benches {
            bench.conclude(docket.now, &spec);
            docket.add(bench.docket);
        }
        expectations.conclude(&tracker, &measure, &spec, &mut docket);
        for ((requirement, side), (_, record)) in &docket.first {
            docket.evidence.name(*requirement, *side, record.to_string());
        }
        for it in &spec.expectations {
            if let Check::Finding { oracle, requirement } = &it.check {
                consume(it, oracle, *requirement, &mut docket);
            }
        }
        reaches(&spec, &marks, &mut docket);
        docket.verified += shown(claimed, &docket);
        vacuous(&mut docket);
        // Not in the order of coming: on which bench a judge sits says nothing.
        docket.findings.sort_by(|one, other| (one.at, &one.oracle).cmp(&(other.at, &other.oracle)));
        docket
    }
}

impl Head {
    fn observe(&mut self, record: &Record, route: Route, spec: &Spec) {
        self.docket.now = record.at;
        if spec.opaque.is_empty() {
            return self.see(record, route, spec);
        }
        if let Some(implied) = self.implied.before(record) {
            self.see(&implied, Route::of(&implied.fact), spec);
        }
        self.see(record, route, spec);
        for implied in self.implied.after(record, spec) {
            self.see(&implied, Route::of(&implied.fact), spec);
        }
    }

    fn see(&mut self, record: &Record, route: Route, spec: &Spec) {
        let Self { tracker, measure, measured, expectations, races, routes, marks, docket, .. } =
            self;
        let looks = routes.at(route);
        let reached = if looks.contains(&TRACKER) { tracker.observe(record) } else { Vec::new() };
        measure.observe(record, tracker, spec, measured);
        expectations.observe(record, &reached, measured, tracker, measure, spec);
        for one in measured {
            match one {
                Measured::Count(name) => docket.metrics.add(name, 1),
                Measured::Time(name, _, span) => docket.metrics.time(name, *span),
            }
        }
        if looks.contains(&RACES) {
            for race in races.observe(record, spec) {
                docket.reached.insert(race.to_owned());
            }
        }
        if let (Fact::Select { outcome, way, .. }, false) = (&record.fact, spec.reaches.is_empty())
        {
            marks.extend(Some(mark(*outcome, *way)).filter(|it| spec.reaches.contains(it)));
        }
    }
}

/// An expected finding does not count against the run; its absence does.
fn consume(it: &Expectation, oracle: &str, requirement: Option<Requirement>, docket: &mut Docket) {
    let fits = |finding: &&mut Finding| {
        let cited = |wanted| finding.requirements.contains(&wanted);
        finding.severity == Severity::Fail
            && finding.oracle == oracle
            && requirement.is_none_or(cited)
    };
    let found: Vec<_> = docket.findings.iter_mut().filter(fits).collect();
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    if it.count.contains(&count) {
        for finding in found {
            finding.severity = Severity::Warning;
            finding.message = format!("as expected in line {}: {}", it.line, finding.message);
        }
        docket.verified += u64::from(!it.count.contains(&0));
    } else {
        let message =
            format!("line {}: expected `{}`, but {oracle} found {count}", it.line, it.text);
        docket.push(Severity::Fail, "expect", &[], docket.now, &[], message);
    }
}

fn reaches(spec: &Spec, marks: &BTreeSet<String>, docket: &mut Docket) {
    let occurred = |it: &&String| docket.reached.contains(*it) || marks.contains(*it);
    let missing: Vec<_> = spec.reaches.iter().filter(|it| !occurred(it)).cloned().collect();
    for mark in missing {
        let message = format!("{mark} did not occur");
        docket.push(Severity::Inconclusive, "reaches", &[], docket.now, &[], message);
    }
}

/// How many claims this run shows; one that it does not show may be for another run of its scenario.
fn shown(claimed: &[(Requirement, Polarity)], docket: &Docket) -> u64 {
    let shown = claimed.iter().filter(|(it, side)| docket.evidence.count(*it, *side) > 0);
    u64::try_from(shown.count()).unwrap_or(u64::MAX)
}

/// A run in which all is in order and nothing was shown says nothing (design 8).
fn vacuous(docket: &mut Docket) {
    let silent = docket.findings.iter().all(|it| it.severity < Severity::Inconclusive);
    if docket.verified == 0 && silent {
        let message = "nothing was verified: nothing that had to happen was expected or claimed";
        let (severity, message) = (Severity::Inconclusive, message.to_owned());
        docket.push(severity, "vacuous", &[], docket.now, &[], message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DraftId;
    use crate::base::time::Duration;
    use crate::oracle::spec::{Moment, NameId, NamedThing, Point, PointRef};
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{AlarmKind, Phase, Selection, Way};

    const VACUOUS: &str = "Inconclusive vacuous: nothing was verified: nothing that had to happen \
                           was expected or claimed";

    fn hello() -> (Story, NameId) {
        let mut story = Story::new(&["alice", "bob"]);
        let to = story.user(1);
        let m1 = story.name("m1", NamedThing::Message { by: 0, draft: DraftId(1), to });
        story.phase(Phase::Active);
        story.at(10).derives(0, 1, 1, 1);
        story.sends(0, 1, 1, "hello");
        story.at(50).displays(1, 0, 1, "hello");
        (story, m1)
    }

    /// Severity, oracle and message of each finding.
    fn findings(docket: &Docket) -> Vec<String> {
        let show = |it: &Finding| format!("{:?} {}: {}", it.severity, it.oracle, it.message);
        docket.findings.iter().map(show).collect()
    }

    #[test]
    fn what_comes_as_expected_is_verified() {
        let (mut story, of) = hello();
        story.expect(Check::Reaches { of, point: Point::Displayed }, 1..=1).within =
            Some(Duration::from_millis(40));
        story.expect(Check::DisplayedText { of, text: "hello".to_owned() }, 1..=u64::MAX);
        story.expect(Check::EpochOf { of, sender: Some(1), receiver: None }, 1..=u64::MAX);
        let slo = Check::Slo {
            metric: "m1.delivery".to_owned(),
            quantile: crate::base::units::Ratio::from_percent(99),
            below: Duration::from_millis(41),
            window: None,
            budget: crate::base::units::Ratio::ZERO,
            outside: None,
        };
        story.expect(slo, 1..=u64::MAX);
        let docket = story.panel(&[(Requirement::of(2, 5), Polarity::Positive)]);
        assert_eq!(findings(&docket), [""; 0]);
        assert_eq!(docket.verified, 4 + 1, "four expectations and a claim");
    }

    #[test]
    fn what_does_not_come_is_told_with_what_came_instead() {
        let (mut story, of) = hello();
        story.expect(Check::Reaches { of, point: Point::Displayed }, 1..=u64::MAX).within =
            Some(Duration::from_millis(39));
        story.expect(Check::DisplayedText { of, text: "hullo".to_owned() }, 1..=u64::MAX);
        story.expect(Check::EpochOf { of, sender: None, receiver: Some(2) }, 1..=u64::MAX);
        story.expect(Check::Lookups { by: 0, of: None }, 2..=3);
        let docket = story.panel(&[]);
        let life = "m1: sent 0.010000s, encrypted 0.010000s, displayed 0.050000s";
        assert_eq!(
            findings(&docket),
            [
                format!(
                    "Fail expect: line 1: expected `it`, but seen never instead of at least once, \
                     by 0.049000s; {life}"
                ),
                format!(
                    "Fail expect: line 1: expected `it`, but seen never instead of at least once, \
                     by 0.050000s; last was `hello` at 0.050000s; {life}"
                ),
                "Fail expect: line 1: expected `it`, but it is `1 1` since 0.010000s".to_owned(),
                "Fail expect: line 1: expected `it`, but seen never instead of 2 to 3 times, \
                 by 0.050000s"
                    .to_owned(),
            ]
        );
    }

    #[test]
    fn an_expectation_whose_beginning_never_comes_is_inconclusive() {
        let (mut story, m1) = hello();
        let to = story.user(1);
        let m2 = story.name("m2", NamedThing::Message { by: 0, draft: DraftId(2), to });
        story.expect(Check::Reaches { of: m2, point: Point::Displayed }, 0..=0);
        let acked = PointRef { name: m1, point: Point::Acked };
        let lookups = Check::Lookups { by: 0, of: None };
        story.expect(lookups.clone(), 0..=0).since = Some(Moment::Point(acked, Duration::ZERO));
        story.expect(lookups, 0..=0).until = Some(Moment::Point(acked, Duration::ZERO));
        assert_eq!(
            findings(&story.panel(&[])),
            [
                "Inconclusive expect: line 1: `it` was never evaluated: m2 never began",
                "Inconclusive expect: line 1: `it` was never evaluated: m1.acked never came",
                "Inconclusive expect: line 1: `it` was never evaluated: m1.acked never came",
            ]
        );
    }

    #[test]
    fn nothing_counts_before_the_end_of_the_prelude() {
        let mut story = Story::new(&["alice", "bob"]);
        let select = Fact::Select {
            mid: None,
            peer: story.user(1),
            own: crate::base::id::Epoch(1),
            theirs: crate::base::id::Epoch(1),
            way: Way::Out,
            outcome: Selection::Miss,
        };
        story.device(0, select.clone());
        story.at(10).phase(Phase::Active);
        story.device(0, select);
        story.expect(Check::Selections { by: 0, of: None, outcome: Selection::Miss }, 1..=1);
        assert_eq!(findings(&story.panel(&[])), [""; 0]);
    }

    #[test]
    fn at_one_instant_a_point_parts_the_records_of_its_node() {
        let mut story = Story::new(&["alice", "bob"]);
        let to = story.user(1);
        let of = story.name("m1", NamedThing::Message { by: 0, draft: DraftId(1), to });
        story.phase(Phase::Active);
        story.at(10).derives(0, 1, 1, 1);
        story.sends(0, 1, 1, "hello");
        let alarm = Fact::Alarm { peer: None, what: AlarmKind::OwnRecord };
        story.at(50).device(1, alarm.clone());
        story.displays(1, 0, 1, "hello");
        story.device(1, alarm.clone());
        story.device(1, alarm);
        let shown = Moment::Point(PointRef { name: of, point: Point::Displayed }, Duration::ZERO);
        for (since, until, count) in
            [(Some(shown), None, 2), (None, Some(shown), 1), (Some(shown), Some(shown), 0)]
        {
            let it = story.expect(Check::Alarm { by: 1, kind: None }, count..=count);
            (it.since, it.until) = (since, until);
        }
        assert_eq!(findings(&story.panel(&[])), [""; 0]);
    }

    #[test]
    fn an_expected_finding_does_not_count_and_its_absence_does() {
        let (mut story, _) = hello();
        let expected = |requirement| Check::Finding { oracle: "S-02".to_owned(), requirement };
        story.expect(expected(Some(Requirement::of(1, 5))), 1..=u64::MAX);
        assert_eq!(
            findings(&story.panel(&[])),
            ["Fail expect: line 1: expected `it`, but S-02 found 0"]
        );
        story.at(60).displays(1, 0, 9, "forged");
        assert_eq!(
            findings(&story.panel(&[])),
            [
                "Warning S-02: as expected in line 1: bob sees alice>bob#9: what alice never encrypted"
            ]
        );
    }

    #[test]
    fn that_nothing_happened_proves_nothing() {
        let mut story = Story::new(&["alice", "bob"]);
        story.phase(Phase::Active);
        story.expect(Check::Lookups { by: 0, of: None }, 0..=0);
        assert_eq!(findings(&story.panel(&[])), [VACUOUS]);
        assert_eq!(findings(&hello().0.panel(&[])), [VACUOUS]);
    }

    #[test]
    fn what_comes_true_is_evidence_for_what_it_is_said_to_show() {
        let (mut story, of) = hello();
        story.spec.opaque.insert(1);
        let sides = [Polarity::Positive, Polarity::Negative].map(|it| (Requirement::of(1, 1), it));
        let m1 = |point| Some(Moment::Point(PointRef { name: of, point }, Duration::ZERO));
        let evidence = |it: &Docket| sides.map(|(about, side)| it.evidence.count(about, side));
        let (sent, shown) = (m1(Point::Sent), m1(Point::Displayed));
        let late = Some(Moment::At(Duration::from_millis(51)));
        // An empty interval, one that the run did not outlast, one without an end, and a good one.
        for (since, until, counts) in [
            (shown, sent, [1, 0]),
            (sent, late, [1, 0]),
            (sent, None, [1, 0]),
            (sent, shown, [1, 1]),
        ] {
            story.spec.expectations.clear();
            let point = Point::Displayed;
            story.expect(Check::Reaches { of, point }, 1..=1).shows = vec![sides[0]];
            let absent = story.expect(Check::Lookups { by: 1, of: None }, 0..=0);
            (absent.since, absent.until, absent.shows) = (since, until, vec![sides[1]]);
            let docket = story.panel(&sides);
            assert_eq!((findings(&docket), evidence(&docket)), (Vec::new(), counts));
            let shown = story.records.iter().rfind(|it| matches!(it.fact, Fact::Display { .. }));
            let cited = sides.map(|side| docket.first.get(&side).map(|(_, record)| *record));
            let shown = shown.map(|it| it.id);
            assert_eq!(cited, [shown, shown.filter(|_| counts[1] > 0)]);
        }
        story.spec.expectations[0].count = 2..=2;
        let docket = story.panel(&[]);
        assert_eq!(evidence(&docket), [0, 1]);
        assert_eq!(docket.findings[0].requirements, [Requirement::of(1, 1)], "it is named");
    }

    #[test]
    fn judges_of_one_rule_stand_together() {
        let ids = ids();
        let distinct: BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(oracles().len() - ids.len(), 4, "S-01 has three judges, S-12 and S-32 have two");
    }

    #[test]
    fn an_excepted_oracle_is_silent() {
        let (mut story, _) = hello();
        story.at(60).displays(1, 0, 9, "forged");
        story.spec.except.insert("S-02".to_owned(), "forged on purpose".to_owned());
        assert_eq!(findings(&story.panel(&[])), [VACUOUS]);
    }

    #[test]
    fn missing_races_are_inconclusive_and_a_claim_without_evidence_verifies_nothing() {
        let (mut story, _) = hello();
        let (hit, miss) = (mark(Selection::Hit, Way::Out), mark(Selection::Miss, Way::Out));
        story.spec.reaches.extend(["R1".to_owned(), hit.clone(), miss]);
        story.selects(0, 1, None, Way::Out, Selection::Miss);
        let docket = story.panel(&[(Requirement::of(17, 5), Polarity::Negative)]);
        let missing = ["R1".to_owned(), hit];
        let missing = missing.map(|it| format!("Inconclusive reaches: {it} did not occur"));
        assert_eq!(findings(&docket), missing);
        assert_eq!(docket.verified, 0);
    }
}
