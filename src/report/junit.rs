//! The report for build servers: JUnit XML, a suite a scenario, a test a run, and one for missing claims.
//!
//! What could not be judged is an error there, never a pass or a skip. Times are left out: they would be
//! virtual. Not here: writing the file.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::report::claims::Unshown;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::outcome::{Outcome, Verdict};

/// The runs as JUnit XML, and the claims that they did not show.
///
/// # Errors
/// When the XML cannot be written.
pub fn report(runs: &[Outcome], unshown: &[Unshown]) -> Result<String, SerializeError> {
    let mut report = Report::new("peadsim");
    let mut suites: Vec<TestSuite> = Vec::new();
    for run in runs {
        let id = scenario(&run.case);
        if suites.last().is_none_or(|suite| suite.name.as_str() != id) {
            suites.push(TestSuite::new(id));
        }
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(case_of(run));
        }
    }
    for suite in &mut suites {
        let mine = unshown.iter().filter(|it| it.scenario == suite.name.as_str());
        suite.add_test_cases(claims_of(mine));
    }
    report.add_test_suites(suites);
    report.to_string()
}

/// The scenario's ID in the name of a case.
fn scenario(case: &str) -> &str {
    case.split_once('[').map_or(case, |(id, _)| id)
}

fn case_of(run: &Outcome) -> TestCase {
    let mut case = TestCase::new(format!("{} seed {}", run.case, run.seed), status(run));
    case.set_classname(scenario(&run.case));
    for (name, value) in [
        ("title", run.title.clone()),
        ("suite", run.suite.clone()),
        ("digest", run.digest.full.clone()),
        ("events", run.events.to_string()),
        ("virtual-time", run.virtual_time.to_string()),
    ] {
        case.add_property((name, value.as_str()));
    }
    for (requirement, polarity) in &run.claimed {
        let shown = run.evidence.count(*requirement, *polarity);
        let name = format!("{requirement} {polarity:?}").to_lowercase();
        case.add_property((name.as_str(), shown.to_string().as_str()));
    }
    let findings: String = run.findings.iter().map(line).collect();
    case.set_system_out(format!("{findings}{}\n", run.repro));
    case
}

/// One test for all claims of a scenario that must be shown and are not.
fn claims_of<'a>(unshown: impl Iterator<Item = &'a Unshown>) -> Option<TestCase> {
    let open: Vec<_> = unshown.filter(|it| it.severity == Severity::Inconclusive).collect();
    let first = open.first()?;
    let sides: Vec<_> = open.iter().map(|it| format!("{} {}", it.requirement, it.side)).collect();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("claimed").set_message(format!("no run shows {}", sides.join(", ")));
    status.set_description(sides.join("\n"));
    let mut case = TestCase::new(format!("{} claims", first.scenario), status);
    case.set_classname(first.scenario.as_str());
    Some(case)
}

fn status(run: &Outcome) -> TestCaseStatus {
    let (kind, weight) = match run.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Fail => (NonSuccessKind::Failure, Severity::Fail),
        Verdict::Inconclusive => (NonSuccessKind::Error, Severity::Inconclusive),
        Verdict::Error => (NonSuccessKind::Error, Severity::Error),
    };
    let mut status = TestCaseStatus::non_success(kind);
    let finding = run.findings.iter().find(|finding| finding.severity == weight);
    if let Some(finding) = finding {
        status.set_type(finding.oracle.as_str());
        status.set_message(finding.message.as_str());
        status.set_description(line(finding));
    }
    status
}

fn line(finding: &Finding) -> String {
    let Finding { severity, oracle, requirements, at, message, records } = finding;
    let severity = format!("{severity:?}").to_lowercase();
    let cited: String = requirements.iter().map(|requirement| format!(" {requirement}")).collect();
    let records: String = records.iter().map(|record| format!(" {record}")).collect();
    format!("{severity} {oracle}{cited} at {at}: {message}{records}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::verdict::requirement::{Polarity, Requirement};

    #[test]
    fn each_run_is_a_test() {
        let mut short = samples::pass(1);
        short.claimed.clear();
        let runs = [short, samples::fail(2), samples::inconclusive(3)];
        let claim = Unshown {
            scenario: "ROT-R2".to_owned(),
            requirement: Requirement::of(17, 5),
            side: Polarity::Negative,
            severity: Severity::Inconclusive,
        };
        let maybe = Unshown { severity: Severity::Warning, ..claim.clone() };
        let xml = report(&runs, &[claim, maybe]).unwrap();
        let tags: Vec<&str> = xml
            .lines()
            .filter_map(|line| line.split('>').next())
            .map(str::trim)
            .filter(|tag| ["<test", "<fail", "<error"].iter().any(|start| tag.starts_with(start)))
            .collect();
        insta::assert_snapshot!(tags.join("\n"), @r#"
        <testsuites name="peadsim" tests="4" skipped="0" failures="1" errors="2"
        <testsuite name="ROT-R1-inflight" tests="1" skipped="0" errors="0" failures="0"
        <testcase name="ROT-R1-inflight[lead=20ms] seed 1" classname="ROT-R1-inflight"
        <testsuite name="APR-one-press" tests="1" skipped="0" errors="0" failures="1"
        <testcase name="APR-one-press seed 2" classname="APR-one-press"
        <failure message="m1 is displayed twice at epoch 2" type="S-03"
        <testsuite name="ROT-R2" tests="2" skipped="0" errors="2" failures="0"
        <testcase name="ROT-R2 seed 3" classname="ROT-R2"
        <error message="R2 did not occur" type="reaches"
        <testcase name="ROT-R2 claims" classname="ROT-R2"
        <error message="no run shows C17-R5 negative" type="claimed"
        "#);
    }

    #[test]
    fn markup_in_texts_stays_text() {
        let mut run = samples::fail(1);
        run.findings[1].message = "<b>& \u{7}".to_owned();
        let xml = report(&[run], &[]).unwrap();
        assert!(xml.contains("&lt;b&gt;&amp; "), "{xml}");
        assert!(!xml.contains('\u{7}'));
    }
}
