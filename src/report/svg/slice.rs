//! A causal slice as a sequence diagram.
//!
//! Not here: what belongs to it.

use std::fmt::Write as _;

use crate::report::svg::{CHARACTER, CLOSED, opened, safe, wrapped};
use crate::trace::slice::{Arrow, Lane, Line, Slice, Tone, What};

/// Left of the lanes: the times.
const LEFT: usize = 120;
/// From lane to lane.
const LANE: usize = 300;
/// Right of the last lane, for its texts.
const RIGHT: usize = 60;
/// From line to line.
const ROW: usize = 26;
/// Height of a line of text above and below the lanes.
const TEXT: usize = 18;
/// Half the width of a cross.
const CROSS: usize = 5;

const STYLE: &str = "text{font:12px sans-serif;fill:#222}.t{fill:#777}.h{font-weight:bold}\
line{stroke:#999}.plain{stroke:#222}.good{stroke:#1a7f37;fill:#1a7f37}\
.bad{stroke:#c62828;fill:#c62828}.doubt{stroke:#b26a00;fill:#b26a00}\
text.plain,text.good,text.bad,text.doubt{stroke:none}text.m{font-weight:bold}";

/// Draws a slice.
#[must_use]
pub fn draw(slice: &Slice) -> String {
    let canvas = Canvas::new(slice);
    let (width, height) = (canvas.width, canvas.height);
    let mut svg = opened(width, height, &slice.title, STYLE);
    // Writing into a String cannot fail.
    for ((text, class), row) in canvas.heads.iter().zip(1..) {
        let (y, text) = (row * TEXT, safe(text));
        let _ = writeln!(svg, "<text class=\"{class}\" x=\"10\" y=\"{y}\">{text}</text>");
    }
    for lane in &canvas.lanes {
        let (x, top) = (canvas.x(*lane), canvas.top);
        let name = safe(&slice.lane_name(*lane));
        let _ = writeln!(
            svg,
            "<text class=\"h\" text-anchor=\"middle\" x=\"{x}\" y=\"{}\">{name}</text>\
             <line x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{}\"/>",
            top - 6,
            height - ROW / 2
        );
    }
    for (line, row) in slice.lines.iter().zip(1..) {
        canvas.line(&mut svg, line, canvas.top + row * ROW);
    }
    svg.push_str(CLOSED);
    svg
}

struct Canvas {
    lanes: Vec<Lane>,
    /// Lines above the lanes with their class.
    heads: Vec<(String, &'static str)>,
    width: usize,
    height: usize,
    /// Where the lanes begin.
    top: usize,
}

impl Canvas {
    fn new(slice: &Slice) -> Self {
        let lanes = slice.lanes();
        let title = wrapped(&slice.title).into_iter().map(|text| (text, "h"));
        let answer = slice.answer.iter().flat_map(|text| wrapped(text)).map(|text| (text, "t"));
        let heads: Vec<_> = title.chain(answer).collect();
        let longest = heads.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
        let top = (heads.len() + 3) * TEXT;
        let notes = slice.lines.iter().map(|line| {
            let place = lanes.iter().position(|lane| *lane == Lane::of(line.node)).unwrap_or(0);
            LEFT + place * LANE + words(line).chars().count() * CHARACTER
        });
        let widest = notes.max().unwrap_or(0).max(longest * CHARACTER);
        let width = (LEFT + lanes.len() * LANE).max(widest) + RIGHT;
        let height = top + (slice.lines.len() + 1) * ROW;
        Self { lanes, heads, width, height, top }
    }

    fn x(&self, lane: Lane) -> usize {
        let place = self.lanes.iter().position(|it| *it == lane).unwrap_or(0);
        LEFT + place * LANE + LANE / 4
    }

    fn line(&self, svg: &mut String, line: &Line, y: usize) {
        let class = class(line.tone);
        let mark = if line.marked { " m" } else { "" };
        let from = self.x(Lane::of(line.node));
        let text = safe(&words(line));
        let _ = writeln!(svg, "<text class=\"t\" x=\"10\" y=\"{}\">{}</text>", y + 4, line.at);
        let What::Arrow(arrow) = &line.what else {
            let _ = writeln!(
                svg,
                "<circle class=\"{class}\" cx=\"{from}\" cy=\"{y}\" r=\"3\"/>\
                 <text class=\"{class}{mark}\" x=\"{}\" y=\"{}\">{text}</text>",
                from + 8,
                y + 4
            );
            return;
        };
        let to = self.x(Lane::of(arrow.to));
        let end = if arrow.died.is_some() { usize::midpoint(from, to) } else { to };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{from}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\"/>{}\
             <text class=\"{class}{mark}\" x=\"{}\" y=\"{}\">{text}</text>",
            if arrow.died.is_some() { cross(class, end, y) } else { head(class, from, end, y) },
            from.min(to) + 12,
            y - 4
        );
    }
}

/// Where a frame died.
fn cross(class: &str, x: usize, y: usize) -> String {
    let (left, right, top, bottom) = (x - CROSS, x + CROSS, y - CROSS, y + CROSS);
    format!(
        "<path class=\"{class}\" stroke-width=\"2\" d=\"M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}\"/>"
    )
}

/// The head of an arrow.
fn head(class: &str, from: usize, x: usize, y: usize) -> String {
    let back = if from <= x { x - 8 } else { x + 8 };
    let (top, bottom) = (y - 4, y + 4);
    format!("<path class=\"{class}\" d=\"M{x} {y}L{back} {top}L{back} {bottom}Z\"/>")
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Doubt => "doubt",
    }
}

fn words(line: &Line) -> String {
    match &line.what {
        What::Note(text) => text.clone(),
        What::Arrow(Arrow { label, epoch, died, .. }) => {
            let epoch = epoch.map_or_else(String::new, |epoch| format!(", {epoch}"));
            let why = died.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("{label}{epoch}{why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::report::svg::tests::elements;

    #[test]
    fn a_slice_is_a_picture_that_is_well_formed_and_runs_nothing() {
        let svg = draw(&samples::slice());
        let names = elements(&svg);
        let count = |name: &str| names.iter().filter(|it| *it == name).count();
        assert_eq!(names[0], "svg");
        assert_eq!(count("script"), 0);
        assert_eq!(count("circle"), 3, "a point a note");
        assert_eq!(count("line"), 4 + 3, "four lanes and three frames");
        assert_eq!(count("path"), 3, "two heads and a cross");
        assert!(!svg.contains('\u{1b}') && !svg.contains("href"), "{svg}");
    }

    #[test]
    fn an_empty_slice_is_a_picture_too() {
        assert_eq!(elements(&draw(&Slice::default()))[0], "svg");
    }
}
