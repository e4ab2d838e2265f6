//! Results of a conformance run for people and programs. Pure functions, no files.
//!
//! The same results give the same octets; no clock is read. Not here: what tests come to (`verdict`).

pub mod badge;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod terminal;

#[cfg(test)]
mod sample;

use crate::verdict::conformity::Headline;
use crate::verdict::trial::{Expected, Trial};

/// What a headline says, in one line: `pass: 74 of 74 requirements`.
fn headline(it: &Headline) -> String {
    let open: Vec<String> = it.open.iter().map(ToString::to_string).collect();
    let open = if open.is_empty() { String::new() } else { format!("; open: {}", open.join(" ")) };
    format!("{}: {} of {} requirements{open}", it.mark, it.shown, it.of)
}

/// What is wrong with a test, in one line; nothing if all is well.
fn complaint(trial: &Trial) -> String {
    let cause = trial.cause.map_or_else(String::new, |it| format!("{}: ", it.word()));
    match &trial.expected {
        Expected::Known(why) => format!("{cause}{} (known: {why})", trial.reason),
        Expected::Otherwise(what) => format!("{cause}{} ({what})", trial.reason),
        Expected::Good | Expected::Unknown => format!("{cause}{}", trial.reason),
    }
}
