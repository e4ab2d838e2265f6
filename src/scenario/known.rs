//! Expectations of a conformance run: tests that are known not to pass, each with its reason.
//!
//! Two-sided: a test that passes although it should not, or fails for another reason, is told as well. Not
//! here: comparing them with what came of the tests (`conformance`).

use crate::scenario::ast::forms::Names;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{leaf, table, words};
use crate::scenario::read::read_alone;
use crate::scenario::source::{Sources, Spanned};

table! {
    /// What is known of a device before its tests are made.
    Known "expectations" {
        /// The version of the language: `1`. It comes first.
        peadsim: Spanned<u64>,
        /// What the file is.
        kind: Spanned<KnownWord>,
        /// Tests by ID: `ROT-R1-inflight[lead=20ms]@bob#1`. No patterns.
        tests: Names<TrialId, KnownTest>,
    }
}

table! {
    /// What is known of one test.
    KnownTest "expectation" {
        /// What comes of it.
        expect: Spanned<KnownMark>,
        /// The code that its reason must have: an oracle such as `S-03`, `expect`, or a cause such as `hang`.
        reason: Spanned<String>,
        /// Why, for people.
        comment: Option<Spanned<String>>,
        /// Where that is being worked on.
        issue: Option<Spanned<String>>,
        /// The last day on which this is accepted.
        until: Option<Spanned<Day>>,
    }
}

words! {
    /// The kind of a file of expectations.
    KnownWord "kind" {
        /// Expectations.
        Expectations = "expectations",
    }
}

words! {
    /// What is known to come of a test.
    KnownMark "expected mark" {
        /// It fails.
        Fail = "fail",
        /// It breaks a rule that it had better keep.
        Warn = "warn",
        /// Sometimes it passes; only with `--repeat`, with `until`, and never as evidence.
        Intermittent = "intermittent",
    }
}

/// The ID of a test.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TrialId(pub String);

leaf!(
    TrialId,
    "test ID",
    "a case, the device under test and the seed, such as `ROT-R1[lead=20ms]@bob#1`",
    "^[^@#]+@[^@#]*#[0-9]+$",
    [],
    |text: &str| {
        let parts =
            text.split_once('@').and_then(|(case, rest)| Some((case, rest.split_once('#')?)));
        match parts {
            Some((case, (role, seed)))
                if !case.is_empty()
                    && !role.contains(['@', '#'])
                    && seed.parse::<u64>().is_ok() =>
            {
                Ok(TrialId(text.to_owned()))
            }
            Some(_) | None => Err(String::new()),
        }
    }
);

/// A day, `2026-12-31`: texts of it sort as days do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day(pub String);

leaf!(
    Day,
    "day",
    "a day such as `2026-12-31`",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    [],
    |text: &str| {
        let parts: Vec<&str> = text.split('-').collect();
        let number = |part: &str, width: usize| {
            let digits = part.len() == width && part.bytes().all(|octet| octet.is_ascii_digit());
            part.parse::<u32>().ok().filter(|_| digits)
        };
        let good = match parts[..] {
            [year, month, day] => {
                number(year, 4).is_some()
                    && number(month, 2).is_some_and(|it| (1..=12).contains(&it))
                    && number(day, 2).is_some_and(|it| (1..=31).contains(&it))
            }
            _ => false,
        };
        if good { Ok(Day(text.to_owned())) } else { Err(String::new()) }
    }
);

/// Reads expectations. What is wrong with them is in `sink`.
#[must_use]
pub fn read(
    name: &str,
    octets: &[u8],
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<Known> {
    read_alone(name, octets, sources, sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::render::render;

    /// What comes of a text.
    fn check(text: &str, expected: &str) {
        let text = format!("peadsim: 1\nkind: expectations\n{text}");
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let known = read("known.yaml", text.as_bytes(), &mut sources, &mut sink);
        let got = match known.filter(|_| !sink.has_errors()) {
            Some(known) => {
                let one = |it: &crate::scenario::ast::forms::Named<TrialId, KnownTest>| {
                    format!("{}: {:?} {}", it.name.value.0, it.value.expect.value, it.value.reason)
                };
                known.tests.0.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            None => render(&sink, &sources, false),
        };
        assert!(got.contains(expected), "{got}");
    }

    #[test]
    fn what_is_known_has_a_test_a_mark_and_a_reason() {
        check(
            "tests: {'A[n=1]@bob#1': {expect: fail, reason: S-03, until: 2026-12-31}}\n",
            "A[n=1]@bob#1: Fail S-03",
        );
        check("tests: {'A@bob#1': {expect: fail}}\n", "reason");
        check("tests: {'A@bob#1': {expect: inconclusive, reason: x}}\n", "intermittent");
        check("tests: {A*: {expect: fail, reason: x}}\n", "test ID");
        check("tests: {'A@b#1': {expect: fail, reason: x, until: 2026-13-01}}\n", "a day such as");
    }
}
