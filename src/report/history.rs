//! What came of the history of a server, for people at a terminal.
//!
//! Not here: the judgement (`verdict::history`, which programs read as JSON).

use std::fmt::Write as _;

use crate::report::human::severity_word;
use crate::report::text::{clean, counted, grouped};
use crate::verdict::history::HistoryVerdict;

/// The whole report. `place` is where the history lies, `ending` what it comes to.
#[must_use]
pub fn write(place: &str, verdict: &HistoryVerdict, ending: &str) -> String {
    let HistoryVerdict { starts, missing, accounts, records, evaluated, findings } = verdict;
    let mut text = String::new();
    // Writing into a String cannot fail.
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(text, "{name:<13} {what}");
    };
    line("history", &clean(place));
    let counts = [(*starts, "start"), (*accounts, "account"), (*records, "record")];
    line("", &counts.map(|(count, noun)| counted(count, noun)).join(", "));
    if *missing > 0 {
        let missing = counted(*missing, "start");
        line("missing", &format!("{missing} without a history: what happened then is not known"));
    }
    let judged: Vec<String> =
        evaluated.iter().map(|(id, times)| format!("{id} {}", grouped(*times))).collect();
    line("evaluated", &judged.join(", "));
    for finding in findings {
        let (word, at) = (severity_word(finding.severity), finding.at);
        line(word, &format!("{} at {at}: {}", finding.oracle, clean(&finding.message)));
        line("", &format!("records {}", finding.records.join(" ")));
    }
    line("result", ending);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Instant;
    use crate::verdict::finding::{Finding, Severity};

    #[test]
    fn counts_findings_and_the_end_are_told() {
        let finding = Finding {
            severity: Severity::Fail,
            oracle: "S-18".to_owned(),
            requirements: Vec::new(),
            at: Instant::from_nanos(1_500_000_000),
            message: "anna>bob#3 moves although it ended\u{7}".to_owned(),
            records: vec!["s1.4".to_owned(), "s1.9".to_owned()],
        };
        let verdict = HistoryVerdict {
            starts: 2,
            missing: 3,
            accounts: 1,
            records: 1_234,
            evaluated: [("S-18".to_owned(), 1_000)].into(),
            findings: vec![finding],
        };
        let expected = "\
history       data
              2 starts, 1 account, 1,234 records
missing       3 starts without a history: what happened then is not known
evaluated     S-18 1,000
fail          S-18 at 1.500000s: anna>bob#3 moves although it ended\u{fffd}
              records s1.4 s1.9
result        a finding (exit 1)
";
        assert_eq!(write("data", &verdict, "a finding (exit 1)"), expected);
    }
}
