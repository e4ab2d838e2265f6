//! The summary that a build server shows on the page of a job, as Markdown.
//!
//! Not here: writing the file.

use std::fmt::Write as _;

use crate::report::conformance::{complaint, headline};
use crate::verdict::results::Results;
use crate::verdict::trial::Mark;

/// Complaints that are shown; the others are in the full report.
const SHOWN: usize = 50;

/// The results in short.
#[must_use]
pub fn write(results: &Results) -> String {
    let subject = &results.subject;
    let mut text = String::new();
    let name = format!("{} {} {}", subject.vendor, subject.model, subject.version);
    let _ = writeln!(text, "## {} and {}\n", cell(&name), results.protocol);
    text.push_str("| verdict | |\n| --- | --- |\n");
    let conformity = &results.conformity;
    for (name, it) in
        [("conforms to the claims", &conformity.claims), ("meets the profile", &conformity.profile)]
    {
        let _ = writeln!(text, "| {name} | {} |", cell(&headline(it)));
    }
    text.push_str("\n| tests | |\n| --- | ---: |\n");
    for mark in Mark::ALL.into_iter().filter(|mark| results.count(*mark) > 0) {
        let _ = writeln!(text, "| {mark} | {} |", results.count(mark));
    }
    let told = |mark: Mark| mark.is_judged() && mark != Mark::Pass;
    let bad: Vec<_> =
        results.trials.iter().filter(|it| told(it.mark) || !it.expected.is_as_expected()).collect();
    if !bad.is_empty() {
        text.push_str("\n| test | mark | why | again |\n| --- | --- | --- | --- |\n");
        for trial in bad.iter().take(SHOWN) {
            let (id, why, again) = (cell(&trial.id), cell(&complaint(trial)), code(&trial.repro));
            let _ = writeln!(text, "| {id} | {} | {why} | `{again}` |", trial.mark);
        }
    }
    if bad.len() > SHOWN {
        let _ = writeln!(text, "\n{} more are in results.json.", bad.len() - SHOWN);
    }
    if results.interrupted {
        text.push_str("\nThe run was interrupted.\n");
    }
    text
}

/// A command within its cell: between backticks only a bar needs care.
fn code(text: &str) -> String {
    text.replace('`', "'").replace('|', "\\|").replace(char::is_control, " ")
}

/// A text that stays within its cell.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '<' | '>' | '&' | '*' | '_' | '[' | ']' => {
                cell.push('\\');
                cell.push(c);
            }
            c if c.is_control() => cell.push(' '),
            c => cell.push(c),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::conformance::sample;

    #[test]
    fn a_summary_tells_what_is_wrong() {
        insta::assert_snapshot!(write(&sample::results()));
    }
}
