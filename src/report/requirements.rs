//! The catalog of requirements as Markdown: what each asks, where it comes from, who can see and judge it.
//!
//! Not here: the requirements (`verdict::requirement`).

use std::fmt::Write as _;

use crate::verdict::requirement::{Observability, Requirement};

/// The catalog.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Requirements\n\n\
         Origin: L is literal in the claim, I is inferred (the claim cannot work without it), P is \
         hardening by the profile. Only L and I count for *conforms to the claims*.\n\n\
         Seen: B from outside, G with the peers' or the device's keys, W only with a hook in the device. \
         What only W shows is not applicable to a closed device.\n\n\
         | requirement | asks | origin | seen | classes | judged by |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let infos = Requirement::all().filter_map(Requirement::info);
    for info in infos {
        let words = |words: Vec<String>| words.join(" ");
        let origin = words(info.origin.iter().map(|it| format!("{it:?}")).collect());
        let seen = words(info.seen.iter().map(|it| format!("{it:?}")).collect());
        let classes = info.classes.iter().map(|it| format!("{it:?}").to_uppercase());
        let (classes, judges) = (words(classes.collect()), info.judges.join(" "));
        let asks = info.text.replace('|', "\\|");
        let _ =
            writeln!(text, "| {} | {asks} | {origin} | {seen} | {classes} | {judges} |", info.id);
    }
    let inside = Requirement::all().filter_map(Requirement::info);
    let inside = inside.filter(|info| info.seen == [Observability::W]);
    let inside: Vec<String> = inside.map(|info| info.id.to_string()).collect();
    let _ = writeln!(text, "\nOnly the inside shows {}.", inside.join(", "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `peadsim explain requirements > reports/requirements.md`
    #[test]
    fn the_catalog_in_reports_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/requirements.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == markdown(), "write it again: peadsim explain requirements");
    }
}
