//! The sink for everything that is wrong with a scenario: collect, then report.
//!
//! Not here: how a finding is drawn (`render`), or the table of codes with their texts (`codes`).

use std::collections::BTreeSet;

use crate::scenario::codes::{Code, Severity};
use crate::scenario::source::Span;

/// One thing that is wrong, or looks wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Which rule it is about.
    pub code: Code,
    /// The place.
    pub span: Span,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What stands beside the underlined text.
    pub label: Option<String>,
    /// What would be right.
    pub help: Option<String>,
    /// Other places that belong to it, each with a word on why.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A finding with nothing but its sentence.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, span, message, label: None, help: None, related: Vec::new() }
    }

    /// With a word beside the underlined text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With a word on what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the nearest of the names that would be right, if one is near.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match suggest(name, names) {
            Some(nearest) => self.label(format!("did you mean `{nearest}`?")),
            None => self,
        }
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn related(mut self, span: Span, why: impl Into<String>) -> Self {
        if span.is_written() {
            self.related.push((span, why.into()));
        }
        self
    }
}

/// Collects findings; each is kept once, however many cases of a scenario meet it.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// How many were too many to keep.
    beyond: u64,
    /// Errors found, repetitions counted.
    errors: u64,
    /// Names whose declaration did not read: using them is no second finding.
    broken: BTreeSet<String>,
}

impl Diagnostics {
    /// Most findings kept of one reading; a person fixes the first few first.
    pub const LIST_MAX: usize = 100;

    /// Adds a finding, unless it is known or there are too many.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        self.errors += u64::from(diagnostic.code.severity() == Severity::Error);
        let known = self.list.iter().any(|d| {
            (d.code, d.span, &d.message) == (diagnostic.code, diagnostic.span, &diagnostic.message)
        });
        if known {
            return;
        }
        if self.list.len() < Self::LIST_MAX {
            self.list.push(diagnostic);
        } else {
            self.beyond += 1;
        }
    }

    /// Is there an error among them?
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many times an error was found, repetitions counted.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// How many findings were too many to keep.
    #[must_use]
    pub const fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings in the order of the texts.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|d| (d.span.file, d.span.byte_offset, d.code));
        list
    }

    /// Notes that the declaration of `name` did not read.
    pub fn declare_broken(&mut self, name: &str) {
        self.broken.insert(name.to_owned());
    }

    /// Did the declaration of `name` fail to read?
    #[must_use]
    pub fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }
}

/// The name nearest to a misspelled one, if it is near enough to be meant.
#[must_use]
pub fn suggest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Jaro-Winkler likeness in thousandths below which only a slip of the fingers counts.
    const LIKENESS_MIN: u64 = 750;
    let name = name.to_lowercase();
    let slips_max = (name.chars().count() / 3).max(1);
    let near = |other: &str| {
        let other = other.to_lowercase();
        let slips = strsim::damerau_levenshtein(&name, &other);
        let likeness = thousandths(strsim::jaro_winkler(&name, &other));
        let meant = likeness >= LIKENESS_MIN || slips <= slips_max && slips < name.chars().count();
        meant.then_some((slips, std::cmp::Reverse(likeness)))
    };
    let nearest = names.into_iter().filter_map(|other| near(other).map(|rank| (rank, other)));
    nearest.min().map(|(_, other)| other)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a likeness lies between 0 and 1; it only picks words for a message"
)]
fn thousandths(likeness: f64) -> u64 {
    (likeness * 1_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["latency", "loss", "bandwidth"];
        assert_eq!(suggest("latancy", names), Some("latency"));
        assert_eq!(suggest("Loss", names), Some("loss"));
        assert_eq!(suggest("zebra", names), None);
        assert_eq!(suggest("bbo", ["alice", "bob"]), Some("bob"));
        assert_eq!(suggest("x", ["a", "b"]), None);
    }

    #[test]
    fn a_finding_met_twice_is_kept_once() {
        let mut sink = Diagnostics::default();
        for _ in 0..3 {
            sink.add(Diagnostic::new(Code::UnknownKey, Span::NOWHERE, "unknown key `x`"));
        }
        assert_eq!(sink.sorted().len(), 1);
        assert!(sink.has_errors());
    }
}
