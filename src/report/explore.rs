//! An exploration for people and for programs.
//!
//! Not here: making it (`explore`), or writing the scenarios that it leads to (`cli`).

use std::fmt::Write as _;

use serde_json::json;

use crate::base::time::Duration;
use crate::report::human::Palette;
use crate::report::text::clean;
use crate::verdict::exploration::{Exploration, Failure, WINDOW};

/// Windows that are shown of the fall of new marks.
const WINDOWS_SHOWN: usize = 12;

/// A failing seed on one line, for the moment at which it is found.
#[must_use]
pub fn failing(seed: u64, fingerprint: &str, repro: &str, palette: Palette) -> String {
    let (bad, dim) = (palette.bad, palette.dim);
    format!("{bad}✗ seed {seed}{bad:#} {}  {dim}{repro}{dim:#}\n", clean(fingerprint))
}

/// All of it, for people. `real` is how long it took.
#[must_use]
pub fn human(it: &Exploration, palette: Palette, real: Duration, ending: &str) -> String {
    let mut text = String::new();
    for failure in it.distinct() {
        distinct(&mut text, it, failure, palette);
    }
    for (who, unjudged) in &it.unjudged {
        let (doubt, count) = (palette.doubt, unjudged.runs);
        let message = clean(&unjudged.message);
        let seed = unjudged.seed;
        let _ = writeln!(
            text,
            "{doubt}? {count} not judged in all{doubt:#} by {who}, first seed {seed}: {message}"
        );
    }
    let fresh: Vec<String> = it.fresh.iter().map(ToString::to_string).collect();
    let shown = &fresh[fresh.len().saturating_sub(WINDOWS_SHOWN)..];
    let more = if shown.len() < fresh.len() { ".. " } else { "" };
    let full = if it.saturated { ", saturated" } else { "" };
    let _ = writeln!(
        text,
        "marks     {} met{full}; new in each {WINDOW} seeds: {more}{}",
        it.marks.len(),
        shown.join(" ")
    );
    let _ = writeln!(text, "seeds     {}", bound(it));
    let _ = writeln!(text, "events    {} in {real}", it.events);
    let _ = writeln!(text, "{ending}");
    text
}

fn distinct(text: &mut String, it: &Exploration, failure: &Failure, palette: Palette) {
    let bad = palette.bad;
    let count = it.count(&failure.fingerprint);
    let print = clean(&failure.fingerprint.to_string());
    let _ = writeln!(text, "{bad}✗ {print}{bad:#}");
    let _ = writeln!(text, "    {count} of {} seeds, first {}", it.runs, failure.seed);
    let _ = writeln!(text, "    {}", clean(&failure.message));
    let _ = writeln!(text, "    {}", failure.repro);
    if let Some(file) = &failure.file {
        let _ = writeln!(text, "    {file}");
    }
}

/// `0 of 9000 fail: less than one in 3000 at 95 % confidence`.
fn bound(it: &Exploration) -> String {
    let (failed, runs) = (it.failures.len(), it.runs);
    let judged = format!("{failed} of {runs} fail, {} with evidence", it.evaluated);
    match it.less_than_one_in() {
        Some(n) => format!("{judged}: p < 3/{runs}, less than one in {n}, at 95 % confidence"),
        None => judged,
    }
}

/// All of it as JSON; the same exploration gives the same octets.
#[must_use]
pub fn json(it: &Exploration, exit: u8, interrupted: bool) -> String {
    let value = json!({
        "exit": exit,
        "interrupted": interrupted,
        "less_than_one_in": it.less_than_one_in(),
        "exploration": it,
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::fingerprint::Fingerprint;

    fn exploration(failing: &[u64]) -> Exploration {
        let failure = |seed: &u64| Failure {
            seed: *seed,
            fingerprint: Fingerprint::breakdown("it broke"),
            message: format!("it broke at {seed}"),
            repro: format!("peadsim explore --seed {seed}"),
            file: None,
        };
        let failures = failing.iter().map(failure).collect();
        Exploration {
            runs: 300,
            evaluated: 299,
            failures,
            fresh: vec![40, 2, 0],
            ..Default::default()
        }
    }

    #[test]
    fn seeds_that_all_hold_give_a_bound() {
        let text = human(&exploration(&[]), Palette::plain(), Duration::from_secs(2), "fine");
        assert_eq!(
            text,
            "marks     0 met; new in each 100 seeds: 40 2 0\n\
             seeds     0 of 300 fail, 299 with evidence: p < 3/300, less than one in 100, at 95 % \
             confidence\n\
             events    0 in 2s\nfine\n"
        );
    }

    #[test]
    fn one_failure_is_told_once_however_often_it_comes() {
        let text = human(&exploration(&[7, 9]), Palette::plain(), Duration::from_secs(2), "bad");
        assert!(text.starts_with(
            "✗ harness: it broke\n    2 of 300 seeds, first 7\n    it broke at 7\n    \
             peadsim explore --seed 7\n"
        ));
        assert!(text.contains("2 of 300 fail, 299 with evidence\n"));
    }
}
