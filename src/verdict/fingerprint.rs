//! Fingerprints: what two failures have in common when they are the same failure.
//!
//! The oracle, the requirements that it cites, and the shape of its sentence: without names, numbers, epochs
//! and times. Not here: which failure of a run counts (`explore`).

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::verdict::finding::{Finding, Severity};

/// What stands for names and numbers in a shape.
const HOLE: &str = "_";
/// How a finding begins that a scenario expects (`- finding: ..`).
const EXPECTED: &str = "as expected in line ";

/// What a failure is, whoever meets it, and when.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Fingerprint {
    /// Who says so.
    pub oracle: String,
    /// The requirements that are broken, such as `C17-R5`.
    pub requirements: Vec<String>,
    /// The sentence without names and numbers.
    pub shape: String,
}

impl Fingerprint {
    /// The fingerprint of a failure, expected or not; `None` for what is no failure. `names` are those of
    /// users and steps.
    #[must_use]
    pub fn of(finding: &Finding, names: &BTreeSet<String>) -> Option<Self> {
        let message = sentence(finding)?;
        // What was seen instead of an expectation differs from run to run.
        let told = message.split_once(", but ").filter(|_| finding.oracle == "expect");
        let message = told.map_or(message, |(expected, _)| expected);
        Some(Self {
            oracle: finding.oracle.clone(),
            requirements: finding.requirements.iter().map(ToString::to_string).collect(),
            shape: shape(message, names),
        })
    }

    /// The fingerprint of a breakdown of the machines or the simulator.
    #[must_use]
    pub fn breakdown(text: &str) -> Self {
        let (oracle, shape) = ("harness".to_owned(), shape(text, &BTreeSet::new()));
        Self { oracle, requirements: Vec::new(), shape }
    }
}

/// What a failure says, expected or not; `None` for what is no failure.
#[must_use]
pub fn sentence(finding: &Finding) -> Option<&str> {
    let expected = finding.message.strip_prefix(EXPECTED);
    match (finding.severity, expected) {
        (Severity::Warning, Some(rest)) => Some(rest.split_once(": ").map_or(rest, |(_, it)| it)),
        (Severity::Fail | Severity::Error, _) => Some(&finding.message),
        (Severity::Warning | Severity::Inconclusive, _) => None,
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.oracle)?;
        if !self.requirements.is_empty() {
            write!(f, " {}", self.requirements.join(" "))?;
        }
        write!(f, ": {}", self.shape)
    }
}

/// The words of a sentence; what stands between them, with names and numbers, becomes one hole.
fn shape(message: &str, names: &BTreeSet<String>) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in message.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == '.'))
    {
        let word = word.trim_matches(|c| c == '.' || c == '-');
        let plain = word.chars().all(|c| c.is_alphabetic() || c == '-') && !names.contains(word);
        match (plain && !word.is_empty(), words.last()) {
            (true, _) => words.push(word),
            (false, Some(&HOLE)) => {}
            (false, _) if word.is_empty() => {}
            (false, _) => words.push(HOLE),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Instant;
    use crate::verdict::requirement::Requirement;

    fn finding(severity: Severity, message: &str) -> Finding {
        Finding {
            severity,
            oracle: "S-02".to_owned(),
            requirements: vec![Requirement::of(1, 5)],
            at: Instant::START,
            message: message.to_owned(),
            records: Vec::new(),
        }
    }

    fn print(severity: Severity, message: &str) -> Option<String> {
        let names = ["alice", "bob", "carol", "m1"].map(str::to_owned).into();
        Fingerprint::of(&finding(severity, message), &names).map(|it| it.to_string())
    }

    #[test]
    fn names_numbers_and_their_count_do_not_matter() {
        let seen = print(Severity::Fail, "bob sees alice>bob#9: what alice never encrypted");
        assert_eq!(seen.as_deref(), Some("S-02 C01-R5: _ sees _ what _ never encrypted"));
        for same in [
            "carol sees bob>carol#12: what bob never encrypted",
            "carol sees bob>carol#12, m1, m7: what bob never encrypted",
        ] {
            assert_eq!(print(Severity::Fail, same), seen);
        }
        assert_ne!(print(Severity::Fail, "bob hears alice>bob#9: what alice never said"), seen);
    }

    #[test]
    fn an_expected_finding_is_the_same_failure() {
        let seen = print(Severity::Fail, "e2 of bob is used 3.000000s after its end");
        let expected = "as expected in line 12: e3 of carol is used 4.100000s after its end";
        assert_eq!(print(Severity::Warning, expected), seen);
        assert!(seen.is_some());
        assert_eq!(print(Severity::Warning, "something else"), None);
        assert_eq!(print(Severity::Inconclusive, "nothing came"), None);
    }
}
