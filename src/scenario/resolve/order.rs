//! The order of steps: none may wait for itself.
//!
//! Not here: whether a point ever occurs, which only a run can show.

use crate::scenario::ast::step;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{Step, When};

/// Reports the steps that wait for a point of a step that waits for them.
pub fn check(steps: &[Step], written: &[step::Step], sink: &mut Diagnostics) {
    // A step waits for at most one other, so following the waits from each step either ends at a time or
    // comes back. Steps that are known to end are not followed again.
    let mut ends = vec![false; steps.len()];
    for start in 0..steps.len() {
        let mut path = Vec::new();
        let mut at = start;
        let circle = loop {
            if ends[at] {
                break None;
            }
            if let Some(from) = path.iter().position(|step| *step == at) {
                break Some(from);
            }
            path.push(at);
            match waits_for(steps, at) {
                Some(next) => at = next,
                None => break None,
            }
        };
        if let Some(from) = circle {
            let first = path[from..].iter().min().copied().unwrap_or(start);
            sink.waits_for_itself(&written[first]);
        }
        for step in path {
            ends[step] = true;
        }
    }
}

/// The index of the step that a step waits for.
fn waits_for(steps: &[Step], at: usize) -> Option<usize> {
    match steps[at].when {
        When::At(_) => None,
        When::After(point, _) => {
            let index = usize::try_from(point.name.0).ok()?;
            // A workload does not wait for steps.
            (index < steps.len()).then_some(index)
        }
        When::Follow(_) => at.checked_sub(1),
    }
}

impl Diagnostics {
    fn waits_for_itself(&mut self, step: &step::Step) {
        let span = step.anchor.after.as_ref().map_or(step.span, |after| after.span);
        let message = "this step waits for a point that can only come after it";
        self.add(
            Diagnostic::new(Code::WaitsForItself, span, message)
                .help("a step without `at` and `after` waits for the step before it"),
        );
    }
}
