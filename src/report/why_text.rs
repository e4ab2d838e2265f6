//! A causal slice as lines for a terminal: time, lane, what happened.
//!
//! Not here: what belongs to it, or whether there is a terminal.

use std::fmt::Write as _;

use crate::base::id::Epoch;
use crate::report::human::Palette;
use crate::report::text::{clean, counted, span};
use crate::trace::slice::{Arrow, Lane, Line, Slice, Tone, What};

/// Draws a slice.
#[must_use]
pub fn draw(slice: &Slice, palette: &Palette) -> String {
    let Palette { strong, dim, .. } = palette;
    let mut text = format!("{strong}{}{strong:#}\n", clean(&slice.title));
    for sentence in &slice.answer {
        text += &format!("  {}\n", clean(sentence));
    }
    text.push('\n');
    let lanes: Vec<String> = slice.lines.iter().map(|line| lane(slice, line)).collect();
    let width = lanes.iter().map(|lane| lane.chars().count()).max().unwrap_or(0);
    for (line, lane) in slice.lines.iter().zip(lanes) {
        let style = match line.tone {
            Tone::Plain => anstyle::Style::new(),
            Tone::Good => palette.good,
            Tone::Bad => palette.bad,
            Tone::Doubt => palette.doubt,
        };
        let mark = if line.marked { '*' } else { ' ' };
        let at = line.at.to_string();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{mark}{dim}{at:>14}{dim:#}  {lane:<width$}  {style}{}{style:#}",
            clean(&words(line))
        );
    }
    if slice.omitted > 0 {
        let more = counted(slice.omitted as u64, "line");
        text += &format!("\n{dim}{more} left out; --format perfetto has everything{dim:#}\n");
    }
    text
}

/// `alice e1 -> server`, `server -X bob`, or the lane alone.
fn lane(slice: &Slice, line: &Line) -> String {
    let from = slice.lane_name(Lane::of(line.node));
    let What::Arrow(arrow) = &line.what else { return from };
    let to = slice.lane_name(Lane::of(arrow.to));
    let head = if arrow.died.is_some() { "-X" } else { "->" };
    let epoch = arrow.epoch.map_or_else(String::new, |epoch: Epoch| format!(" {epoch}"));
    match Lane::of(line.node) {
        Lane::Device(_) => format!("{from}{epoch} {head} {to}"),
        Lane::Server | Lane::Harness => format!("{from} {head} {to}{epoch}"),
    }
}

fn words(line: &Line) -> String {
    match &line.what {
        What::Note(text) => text.clone(),
        What::Arrow(Arrow { label, died: Some(why), .. }) => format!("{label}: {why}"),
        What::Arrow(Arrow { label, arrives: Some(at), .. }) if *at > line.at => {
            format!("{label}, {}", span(at.since(line.at)))
        }
        What::Arrow(Arrow { label, .. }) => label.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_slice_reads_well() {
        insta::assert_snapshot!(draw(&samples::slice(), &Palette::plain()), @r"
        m1 (alice>bob#1): a text; <b>&
          m1 reached bob's user at 0.060000s.

              0.000000s  harness             fault cut (partition) begins
              0.001000s  alice               encrypts m1, own e1 to bob e2
              0.002000s  alice e1 -X server  submit m1: partition
        *     0.003000s  alice e1 -> server  submit m1, 20.0ms
              0.040000s  server -> bob e2    deliver m1, 20.0ms
              0.060000s  bob                 shows m1: `�[2J<script>`

        2 lines left out; --format perfetto has everything
        ");
    }

    #[test]
    fn colors_are_there_when_asked_for() {
        assert!(draw(&samples::slice(), &Palette::colored()).contains("\u{1b}[31m"));
    }
}
