//! The results for build servers: JUnit XML, a suite a scenario, a case a test.
//!
//! What could not be judged is an error there, never a pass or a skip; what is known to fail is a skip with
//! its reason. Not here: writing the file.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::report::conformance::complaint;
use crate::verdict::results::Results;
use crate::verdict::trial::{Expected, Mark, Trial};

/// The results as JUnit XML.
///
/// # Errors
/// When the XML cannot be written.
pub fn write(results: &Results) -> Result<String, SerializeError> {
    let mut report = Report::new("peadsim conform");
    let mut suites: Vec<TestSuite> = Vec::new();
    for trial in &results.trials {
        let name = trial.scenario();
        if suites.last().is_none_or(|suite| suite.name.as_str() != name) {
            suites.push(TestSuite::new(name));
        }
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(case_of(trial));
        }
    }
    report.add_test_suites(suites);
    report.to_string()
}

fn case_of(trial: &Trial) -> TestCase {
    let mut case = TestCase::new(trial.id.as_str(), status(trial));
    case.set_classname(trial.scenario());
    case.add_property(("title", trial.title.as_str()));
    for it in &trial.shown {
        let name = format!("{} {}", it.requirement, it.side);
        let record = it.record.as_deref().unwrap_or_default();
        case.add_property((name.as_str(), format!("{} {record}", it.count).trim_end()));
    }
    if let Some(kept) = &trial.transcript {
        case.add_property(("transcript", kept.file.as_str()));
        case.add_property(("root", kept.root.as_str()));
    }
    case.set_system_out(format!("{}\n", trial.repro));
    case
}

fn status(trial: &Trial) -> TestCaseStatus {
    let why = complaint(trial);
    let kind = match (trial.mark, &trial.expected) {
        (_, Expected::Otherwise(_)) => NonSuccessKind::Failure,
        (Mark::Pass | Mark::Warn, _) => return TestCaseStatus::success(),
        (Mark::Fail, Expected::Known(_))
        | (Mark::NotApplicable | Mark::Skipped | Mark::NotRun, _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {why}", trial.mark));
            return status;
        }
        (Mark::Fail, _) => NonSuccessKind::Failure,
        (Mark::Inconclusive | Mark::Error, _) => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(trial.cause.map_or_else(|| trial.mark.word(), |cause| cause.word()));
    status.set_message(why);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::conformance::sample;

    #[test]
    fn each_test_is_a_case() {
        insta::assert_snapshot!(write(&sample::results()).unwrap());
    }
}
