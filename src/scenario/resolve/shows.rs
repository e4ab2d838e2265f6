//! What expectations are evidence for, and which of them can be evidence at all.
//!
//! Not here: when one comes true (`oracle::expect`), or what else shows a requirement (the oracles).

use crate::scenario::ast::expect::{Expectation, Expected, Shows};
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::resolve::whole::claimed;
use crate::scenario::source::Spanned;
use crate::verdict::requirement::{Polarity, Requirement};

/// What an expectation is evidence for.
#[must_use]
pub fn sides(shows: Option<&Shows>) -> Vec<(Requirement, Polarity)> {
    written(shows).map(|(requirement, side)| (requirement.value, side)).collect()
}

fn written<'a>(
    shows: Option<&'a Shows>,
) -> impl Iterator<Item = (&'a Spanned<Requirement>, Polarity)> {
    let sides = |it: &'a Shows| {
        let Shows { positive, negative } = it;
        [(positive, Polarity::Positive), (negative, Polarity::Negative)]
    };
    shows.map(sides).into_iter().flatten().flat_map(|(list, side)| {
        list.iter().flat_map(|list| &list.0).map(move |requirement| (requirement, side))
    })
}

/// What is shown is claimed, and by something that can show it.
pub fn check(scenario: &Scenario, sink: &mut Diagnostics) {
    let claimed = claimed(scenario);
    for expectation in &scenario.expect {
        let shows = expectation.bounds.shows.as_ref();
        let mut first = None;
        for (requirement, side) in written(shows) {
            first = first.or(Some(requirement));
            if !claimed.contains(&(requirement.value, side)) {
                sink.unclaimed(requirement, side);
            }
        }
        if let Some(first) = first {
            check_evidence(expectation, first, sink);
        }
    }
}

/// Can it come true without that anything was shown?
fn check_evidence(it: &Expectation, first: &Spanned<Requirement>, sink: &mut Diagnostics) {
    let bounds = &it.bounds;
    let count = bounds.count.as_ref();
    let (least, most) = count.map_or((1, u64::MAX), |it| (*it.value.0.start(), *it.value.0.end()));
    let closed = bounds.since.is_some() && (bounds.until.is_some() || bounds.within.is_some());
    if let Expected::Finding(_) = it.what {
        sink.no_evidence(first, "a `finding` shows that a rule is broken", None);
    } else if (least, most) == (0, u64::MAX) {
        sink.no_evidence(first, "any number of times is never wrong", Some("`count: 1..`"));
    } else if least == 0 && !closed && !matches!(it.what, Expected::Lost(_)) {
        let instead = "`since`, and `until` or `within`, say when it could have happened";
        sink.no_evidence(
            first,
            "that nothing happened shows something of an interval",
            Some(instead),
        );
    }
}

impl Diagnostics {
    fn unclaimed(&mut self, requirement: &Spanned<Requirement>, side: Polarity) {
        let message = format!("`requirements` does not list {} as {side}", requirement.value);
        self.add(Diagnostic::new(Code::Unclaimed, requirement.span, message));
    }

    fn no_evidence(&mut self, first: &Spanned<Requirement>, why: &str, help: Option<&str>) {
        let message = format!("this is no evidence for {}: {why}", first.value);
        let diagnostic = Diagnostic::new(Code::Contradiction, first.span, message);
        self.add(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
}
