//! What came of tests beside what was known of them: both what is wrong and what is better than known is told.
//!
//! Not here: the file of expectations (`scenario::known`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::conformance::assess::reason_code;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::known::{Known, KnownMark, KnownTest};
use crate::verdict::trial::{Expected, Mark, Trial};

/// Runs of an intermittent test, at least: fewer show no rate.
const RUNS_MIN: u32 = 2;

/// Tells of expectations of tests that are not there.
pub fn check(known: &Known, ids: &[&str], sink: &mut Diagnostics) {
    for entry in &known.tests.0 {
        let id = entry.name.value.0.as_str();
        if !ids.contains(&id) {
            let message = format!("no test has the ID `{id}`");
            let finding = Diagnostic::new(Code::UnknownTest, entry.name.span, message);
            sink.add(finding.suggest(id, ids.iter().copied()));
        }
    }
}

/// Says of each test whether it is as expected; `today` is a day such as `2026-12-31`.
pub fn compare(trials: &mut [Trial], known: &Known, today: &str) {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (place, trial) in trials.iter_mut().enumerate() {
        places.insert(trial.id.clone(), place);
        trial.expected = unexpected(trial);
    }
    for entry in &known.tests.0 {
        // A test that is not here is another shard's.
        let Some(place) = places.get(&entry.name.value.0) else { continue };
        let trial = &mut trials[*place];
        trial.expected = expected(trial, &entry.value, today);
        if entry.value.expect.value == KnownMark::Intermittent {
            // Luck shows nothing.
            trial.shown.iter_mut().for_each(|it| (it.count, it.record) = (0, None));
        }
    }
}

/// Without any expectation.
#[must_use]
pub const fn unexpected(trial: &Trial) -> Expected {
    match trial.mark {
        Mark::Fail | Mark::Inconclusive | Mark::Error => Expected::Unknown,
        Mark::Pass | Mark::Warn | Mark::NotApplicable | Mark::Skipped | Mark::NotRun => {
            Expected::Good
        }
    }
}

fn expected(trial: &Trial, known: &KnownTest, today: &str) -> Expected {
    if matches!(trial.mark, Mark::Skipped | Mark::NotRun) {
        return Expected::Good;
    }
    if let Some(until) = known.until.as_ref().filter(|until| until.value.0.as_str() < today) {
        return Expected::Otherwise(format!("what is known of it ended on {}", until.value.0));
    }
    let (wanted, code) = (known.expect.value, known.reason.value.as_str());
    let comment = known.comment.as_ref().map_or(code, |it| it.value.as_str());
    let is_wanted = match wanted {
        KnownMark::Fail => trial.mark == Mark::Fail,
        KnownMark::Warn => trial.mark == Mark::Warn,
        KnownMark::Intermittent => matches!(trial.mark, Mark::Pass | Mark::Fail),
    };
    let word = match wanted {
        KnownMark::Fail => "fail",
        KnownMark::Warn => "warn",
        KnownMark::Intermittent => "be intermittent",
    };
    let stability = trial.stability;
    if !is_wanted {
        Expected::Otherwise(format!("it is known to {word}, and its mark is {}", trial.mark))
    } else if trial.mark != Mark::Pass && reason_code(trial) != code {
        let got = reason_code(trial);
        Expected::Otherwise(format!("it is known to {word} by {code}, and {got} says so"))
    } else if wanted != KnownMark::Intermittent {
        Expected::Known(comment.to_owned())
    } else if known.until.is_none() {
        Expected::Otherwise("what is intermittent needs a day `until` which it may be".to_owned())
    } else if stability.runs < RUNS_MIN {
        Expected::Otherwise("what is intermittent needs --repeat, so that its rate is seen".into())
    } else {
        let (passes, runs) = (stability.passes, stability.runs);
        Expected::Known(format!("{comment}; {passes} of {runs} passed"))
    }
}

/// Tests that no file of expectations may hold: they say nothing of what was tested.
///
/// # Errors
/// The first of them.
pub fn check_update(trials: &[Trial]) -> Result<(), &Trial> {
    let judged = |trial: &&Trial| !matches!(trial.mark, Mark::Inconclusive | Mark::Error);
    trials.iter().find(|trial| !judged(trial)).map_or(Ok(()), Err)
}

/// A file of expectations that these tests meet; what an earlier one says of tests that still do not pass
/// stays.
#[must_use]
pub fn update(trials: &[Trial], earlier: Option<&Known>) -> String {
    let mut text = String::from("peadsim: 1\nkind: expectations\ntests:");
    let bad: Vec<&Trial> =
        trials.iter().filter(|trial| matches!(trial.mark, Mark::Fail | Mark::Warn)).collect();
    if bad.is_empty() {
        text.push_str(" {}");
    }
    text.push('\n');
    for trial in bad {
        let known =
            earlier.and_then(|known| known.tests.0.iter().find(|it| it.name.value.0 == trial.id));
        let known = known.map(|it| &it.value);
        let expect = match known.map(|it| it.expect.value) {
            Some(KnownMark::Intermittent) => "intermittent",
            Some(KnownMark::Fail | KnownMark::Warn) | None => trial.mark.word(),
        };
        let _ = writeln!(text, "  {}:", quoted(&trial.id));
        let _ = writeln!(text, "    expect: {expect}");
        let _ = writeln!(text, "    reason: {}", quoted(reason_code(trial)));
        let comment = known.and_then(|it| it.comment.as_ref()).map(|it| it.value.as_str());
        let _ = writeln!(text, "    comment: {}", quoted(comment.unwrap_or(&trial.reason)));
        if let Some(issue) = known.and_then(|it| it.issue.as_ref()) {
            let _ = writeln!(text, "    issue: {}", quoted(&issue.value));
        }
        if let Some(until) = known.and_then(|it| it.until.as_ref()) {
            let _ = writeln!(text, "    until: {}", quoted(&until.value.0));
        }
    }
    text
}

/// As a single-quoted scalar of YAML, which stays on its line.
fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", line.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::check as check_ids;
    use super::*;
    use crate::base::time::Instant;
    use crate::scenario::known;
    use crate::scenario::source::Sources;
    use crate::verdict::finding::{Finding, Severity};
    use crate::verdict::trial::{Cause, Stability};

    fn known(tests: &str) -> Known {
        let text = format!("peadsim: 1\nkind: expectations\ntests:\n{tests}");
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let known = known::read("known.yaml", text.as_bytes(), &mut sources, &mut sink);
        known.unwrap_or_else(|| panic!("{text}"))
    }

    fn trial(mark: Mark, oracle: &str) -> Trial {
        let finding = Finding {
            severity: if mark == Mark::Warn { Severity::Warning } else { Severity::Fail },
            oracle: oracle.to_owned(),
            requirements: Vec::new(),
            at: Instant::START,
            message: "it's wrong".to_owned(),
            records: Vec::new(),
        };
        let planned = Trial::planned("A[n=1]@bob#1".to_owned(), String::new(), String::new());
        Trial {
            findings: vec![finding],
            cause: (mark == Mark::Fail).then_some(Cause::Behavior),
            stability: Stability { runs: 3, passes: 1 },
            ..planned.left(mark, "it's wrong")
        }
    }

    /// What is said of a test with this mark, of which this is known.
    fn check(mark: Mark, entry: &str, expected: &str) {
        let known = known(&format!("  'A[n=1]@bob#1': {{{entry}}}\n"));
        let mut trials = [trial(mark, "S-03")];
        compare(&mut trials, &known, "2026-06-01");
        let got = match &trials[0].expected {
            Expected::Good => "good",
            Expected::Unknown => "unknown",
            Expected::Known(why) | Expected::Otherwise(why) => why,
        };
        assert!(got.contains(expected), "{mark} {entry}: {got}");
    }

    #[test]
    fn both_sides_of_an_expectation_are_looked_at() {
        let fails = "expect: fail, reason: S-03, comment: a pity";
        check(Mark::Fail, fails, "a pity");
        check(Mark::Pass, fails, "it is known to fail, and its mark is pass");
        check(Mark::NotApplicable, fails, "its mark is not_applicable");
        check(Mark::Inconclusive, fails, "its mark is inconclusive");
        check(Mark::Skipped, fails, "good");
        check(Mark::Fail, "expect: fail, reason: S-04", "known to fail by S-04, and S-03 says so");
        check(Mark::Fail, &format!("{fails}, until: 2026-05-31"), "ended on 2026-05-31");
        check(Mark::Fail, &format!("{fails}, until: 2026-06-01"), "a pity");
        check(Mark::Warn, "expect: warn, reason: S-03", "S-03");
        let at_times = "expect: intermittent, reason: S-03";
        check(Mark::Fail, at_times, "needs a day");
        check(Mark::Fail, &format!("{at_times}, until: 2026-07-01"), "1 of 3 passed");
    }

    #[test]
    fn an_expectation_of_nothing_is_an_error() {
        let known = known("  'B@bob#1': {expect: fail, reason: x}\n");
        let mut sink = Diagnostics::default();
        check_ids(&known, &["A@bob#1"], &mut sink);
        assert!(sink.has_errors());
        let mut trials = [trial(Mark::Fail, "S-03")];
        compare(&mut trials, &known, "2026-06-01");
        assert_eq!(trials[0].expected, Expected::Unknown);
    }

    #[test]
    fn an_update_is_met_by_what_it_was_made_of() {
        let mut trials = [trial(Mark::Fail, "S-03")];
        let text = update(&trials, None);
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let read = known::read("k", text.as_bytes(), &mut sources, &mut sink).unwrap();
        compare(&mut trials, &read, "2026-06-01");
        assert_eq!(trials[0].expected, Expected::Known("it's wrong".to_owned()));
        assert!(check_update(&trials).is_ok());
        assert!(check_update(&[trial(Mark::Error, "S-03")]).is_err());
        assert!(update(&[trial(Mark::Pass, "")], None).ends_with("tests: {}\n"));
    }
}
