//! The results of a conformance run at a terminal: a line a test, then the matrix and the two verdicts.
//!
//! Not here: printing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;

use crate::report::conformance::{complaint, headline};
use crate::report::human::Palette;
use crate::report::text::{clean, counted};
use crate::verdict::conformity::Row;
use crate::verdict::results::Results;
use crate::verdict::trial::{Mark, Trial};

/// Columns of a mark.
const MARK: usize = 16;

/// How a mark is shown.
const fn style_of(palette: &Palette, mark: Mark) -> Style {
    match mark {
        Mark::Pass => palette.good,
        Mark::Fail | Mark::Error => palette.bad,
        Mark::Warn | Mark::Inconclusive => palette.doubt,
        Mark::NotApplicable | Mark::Skipped | Mark::NotRun => palette.dim,
    }
}

/// The lines of a test: one if it passed or was left alone.
#[must_use]
pub fn trial(it: &Trial, palette: &Palette) -> String {
    let style = style_of(palette, it.mark);
    let left = !it.mark.is_judged();
    let is_good = it.mark == Mark::Pass && it.expected.is_as_expected();
    let word = it.mark.word();
    let why = if left { format!("  {}", clean(&complaint(it))) } else { String::new() };
    let mut text = format!("{style}{word:MARK$}{style:#}{}{why}\n", clean(&it.id));
    if !left && !is_good {
        let _ = writeln!(text, "{:MARK$}{}", "", clean(&complaint(it)));
        let _ = writeln!(text, "{:MARK$}{}", "", clean(&it.repro));
    }
    text
}

/// What all tests come to.
#[must_use]
pub fn summary(results: &Results, palette: &Palette, ending: &str) -> String {
    let strong = palette.strong;
    let mut text = String::from("\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{strong}{name:MARK$}{strong:#}{value}");
    };
    let subject = &results.subject;
    line("tested", &clean(&format!("{} {} {}", subject.vendor, subject.model, subject.version)));
    let marks = Mark::ALL.into_iter().filter(|mark| results.count(*mark) > 0);
    let marks: Vec<String> = marks.map(|mark| format!("{} {mark}", results.count(mark))).collect();
    line("tests", &marks.join(", "));
    for row in matrix(&results.conformity.rows, palette) {
        line(&row.0, &row.1);
    }
    line("", "+ shown, ! broken, ~ warning, ? no evidence, - not applicable, . left out");
    let claims = &results.conformity.claims;
    let profile = &results.conformity.profile;
    for (name, it) in [("claims", claims), ("profile", profile)] {
        let style = style_of(palette, it.mark);
        line(name, &format!("{style}{}{style:#}", headline(it)));
    }
    let surprises = results.surprises().count() as u64;
    if surprises > 0 {
        line("unexpected", &counted(surprises, "test"));
    }
    line("verdict", ending);
    text
}

/// A line a claim: its requirements, each with what was shown of it.
fn matrix(rows: &[Row], palette: &Palette) -> Vec<(String, String)> {
    let mut claims: BTreeMap<u8, String> = BTreeMap::new();
    for row in rows {
        let sign = match row.mark {
            Mark::Pass => '+',
            Mark::Warn => '~',
            Mark::Fail => '!',
            Mark::Inconclusive | Mark::Error => '?',
            Mark::NotApplicable => '-',
            Mark::Skipped | Mark::NotRun => '.',
        };
        let style = style_of(palette, row.mark);
        let line = claims.entry(row.requirement.claim).or_default();
        let _ = write!(line, "{style}R{}{sign}{style:#} ", row.requirement.number);
    }
    let line = |(claim, line): (u8, String)| (format!("claim {claim}"), line.trim_end().to_owned());
    claims.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::conformance::sample;

    #[test]
    fn a_run_is_told_test_by_test_and_then_as_a_whole() {
        let results = sample::results();
        let plain = Palette::plain();
        let mut text: String = results.trials.iter().map(|it| trial(it, &plain)).collect();
        text.push_str(&summary(&results, &plain, "the harness failed (exit 4)"));
        insta::assert_snapshot!(text);
    }
}
