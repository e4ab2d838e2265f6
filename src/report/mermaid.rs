//! A causal slice as a sequence diagram in Mermaid's language.
//!
//! Not here: what belongs to it.

use std::fmt::Write as _;

use crate::trace::slice::{Arrow, Lane, Line, Slice, What};

/// Draws a slice.
#[must_use]
pub fn draw(slice: &Slice) -> String {
    let mut text = String::from("sequenceDiagram\n");
    // Writing into a String cannot fail.
    let _ = writeln!(text, "    title {}", safe(&slice.title));
    let lanes = slice.lanes();
    for lane in &lanes {
        let _ =
            writeln!(text, "    participant {} as {}", id(*lane), safe(&slice.lane_name(*lane)));
    }
    for line in &slice.lines {
        let _ = writeln!(text, "    {}", draw_line(line));
    }
    if let (Some(first), Some(last)) = (lanes.first(), lanes.last()) {
        for sentence in &slice.answer {
            let over =
                if first == last { id(*first) } else { format!("{},{}", id(*first), id(*last)) };
            let _ = writeln!(text, "    note over {over}: {}", safe(sentence));
        }
    }
    text
}

fn draw_line(line: &Line) -> String {
    let (at, from) = (line.at, Lane::of(line.node));
    match &line.what {
        What::Note(text) => format!("note over {}: {at} {}", id(from), safe(text)),
        What::Arrow(Arrow { to, label, epoch, died, .. }) => {
            let head = if died.is_some() { "-x" } else { "->>" };
            let epoch = epoch.map_or_else(String::new, |epoch| format!(" {epoch}"));
            let why = died.as_ref().map_or_else(String::new, |why| format!(" X {why}"));
            let text = safe(&format!("{label}{epoch}{why}"));
            format!("{}{head}{}: {at} {text}", id(from), id(Lane::of(*to)))
        }
    }
}

/// A name that no user has.
fn id(lane: Lane) -> String {
    match lane {
        Lane::Device(user) => format!("d{user}"),
        Lane::Server => "server".to_owned(),
        Lane::Harness => "harness".to_owned(),
    }
}

/// Without what ends a statement or begins an entity.
fn safe(text: &str) -> String {
    let safe = |c: char| match c {
        '#' => "#35;".to_owned(),
        ';' => "#59;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        c if c.is_control() => "\u{fffd}".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_slice_is_a_sequence_diagram() {
        insta::assert_snapshot!(draw(&samples::slice()), @r"
        sequenceDiagram
            title m1 (alice#gt;bob#35;1): a text#59; #lt;b#gt;&
            participant d0 as alice
            participant server as server
            participant d1 as bob
            participant harness as harness
            note over harness: 0.000000s fault cut (partition) begins
            note over d0: 0.001000s encrypts m1, own e1 to bob e2
            d0-xserver: 0.002000s submit m1 e1 X partition
            d0->>server: 0.003000s submit m1 e1
            server->>d1: 0.040000s deliver m1 e2
            note over d1: 0.060000s shows m1: `�[2J#lt;script#gt;`
            note over d0,harness: m1 reached bob's user at 0.060000s.
        ");
    }
}
