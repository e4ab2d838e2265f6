//! A study as line charts: a panel for each figure, one setting across, means with their 95 % intervals.
//!
//! Floating point is for places on the paper here. Not here: the statistics (`verdict::figures`).

use std::fmt::Write as _;

use crate::report::svg::scale::{Scale, places};
use crate::report::svg::{CHARACTER, CLOSED, opened, safe, wrapped};
use crate::report::text::rounded;
use crate::verdict::figures::{Estimate, Figure};
use crate::verdict::study::{Point, Study};

/// Panels side by side.
const PANELS: usize = 2;
/// A panel with its texts.
const WIDTH: usize = 460;
/// The same from top to bottom.
const HEIGHT: usize = 280;
/// The plot in a panel: its left and upper end, its width and height.
const PLOT: [f64; 4] = [70.0, 34.0, 370.0, 190.0];
/// Height of a line of text above and below the panels.
const TEXT: usize = 18;
/// Least distance between the texts of two ticks across.
const APART: f64 = 12.0;

/// Colors that can be told apart by everybody.
const COLORS: usize = 7;
/// Lines beyond the number of colors are dashed, each round in its own way.
const DASHES: [&str; 4] =
    ["", " stroke-dasharray=\"6 3\"", " stroke-dasharray=\"2 2\"", " stroke-dasharray=\"9 3 2 3\""];

const STYLE: &str = "text{font:12px sans-serif;fill:#222}.t{fill:#777}.h{font-weight:bold}\
.m{text-anchor:middle}.e{text-anchor:end}line{stroke:#999}line.g{stroke:#e4e4e4}\
path{fill:none;stroke-width:1.5}circle{stroke:none}\
.s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#009e73}.s3{stroke:#cc79a7}\
.s4{stroke:#56b4e9}.s5{stroke:#e69f00}.s6{stroke:#000}\
circle.s0{fill:#0072b2}circle.s1{fill:#d55e00}circle.s2{fill:#009e73}circle.s3{fill:#cc79a7}\
circle.s4{fill:#56b4e9}circle.s5{fill:#e69f00}circle.s6{fill:#000}";

/// Draws a study with the values of the setting `across` from left to right.
#[must_use]
pub fn draw(study: &Study, across: &str) -> String {
    let chart = Chart::new(study, across);
    let measured = |it: &Figure| study.points().iter().any(|point| point.estimate(*it).is_some());
    let figures: Vec<Figure> = Figure::ALL.into_iter().filter(measured).collect();
    let heads: Vec<String> = chart.heads.iter().flat_map(|text| wrapped(text)).collect();
    let top = (heads.len() + 1) * TEXT;
    let bottom = top + figures.len().div_ceil(PANELS) * HEIGHT;
    let names: &[Series<'_>] = if chart.series.len() > 1 { &chart.series } else { &[] };
    let texts = heads.iter().chain(names.iter().map(|it| &it.name));
    let longest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let width = (PANELS * WIDTH).max(longest * CHARACTER + 60);
    let height = bottom + (names.len() + 1) * TEXT;

    let mut svg = opened(width, height, heads.first().map_or("", String::as_str), STYLE);
    // Writing into a String cannot fail.
    for ((text, class), row) in
        heads.iter().zip(["h"].into_iter().chain(std::iter::repeat("t"))).zip(1..)
    {
        let (y, text) = (row * TEXT, safe(text));
        let _ = writeln!(svg, "<text class=\"{class}\" x=\"10\" y=\"{y}\">{text}</text>");
    }
    for (figure, place) in figures.into_iter().zip(0..) {
        let (left, top) = (place % PANELS * WIDTH, top + place / PANELS * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({left} {top})\">");
        chart.panel(&mut svg, figure);
        svg.push_str("</g>\n");
    }
    for (series, row) in names.iter().zip(1..) {
        let (y, name, dash) = (bottom + row * TEXT, safe(&series.name), series.dash);
        let class = &series.class;
        let _ = writeln!(
            svg,
            "<path class=\"{class}\"{dash} d=\"M10 {mid}H40\"/><circle class=\"{class}\" cx=\"25\" \
             cy=\"{mid}\" r=\"3\"/><text x=\"50\" y=\"{y}\">{name}</text>",
            mid = y - 4
        );
    }
    svg.push_str(CLOSED);
    svg
}

/// Points that a line connects: all but the setting across is the same.
struct Series<'a> {
    name: String,
    class: String,
    dash: &'static str,
    points: Vec<&'a Point>,
}

struct Chart<'a> {
    heads: Vec<String>,
    across: &'a str,
    /// The values across with their places, from 0 to 1, from left to right.
    places: Vec<(&'a str, f64)>,
    series: Vec<Series<'a>>,
}

impl<'a> Chart<'a> {
    fn new(study: &'a Study, across: &'a str) -> Self {
        let mut values: Vec<&str> = Vec::new();
        let mut series: Vec<Series<'_>> = Vec::new();
        let name = names(study, across);
        for point in study.points() {
            let Some(value) = point.setting(across) else { continue };
            if !values.contains(&value) {
                values.push(value);
            }
            let name = name(point);
            match series.iter_mut().find(|it| it.name == name) {
                Some(known) => known.points.push(point),
                None => {
                    let number = series.len();
                    let class = format!("s{}", number % COLORS);
                    let dash = DASHES[number / COLORS % DASHES.len()];
                    series.push(Series { name, class, dash, points: vec![point] });
                }
            }
        }
        let places = places(&values);
        let place = |point: &Point| {
            places.iter().position(|(value, _)| point.setting(across) == Some(value))
        };
        series.iter_mut().for_each(|it| it.points.sort_by_key(|point| place(point)));
        Self { heads: heads(study), across, places, series }
    }

    fn panel(&self, svg: &mut String, figure: Figure) {
        let [left, top, width, height] = PLOT;
        let points = || self.series.iter().flat_map(|it| &it.points);
        let ends = points().filter_map(|it| it.estimate(figure)).flat_map(|it| interval(&it));
        let scale = Scale::of(ends);
        let y = |value: f64| top + height * scale.depth(value);
        let unit = match figure.unit() {
            "" => String::new(),
            unit => format!(", {unit}"),
        };
        let _ = writeln!(
            svg,
            "<text class=\"h\" x=\"{left}\" y=\"{:.1}\">{}{unit}</text>",
            top - 12.0,
            figure.name()
        );
        for (value, text) in scale.ticks() {
            let _ = writeln!(
                svg,
                "<line class=\"g\" x1=\"{left}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"e\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                left + width,
                left - 8.0,
                y(value) + 4.0,
                at = y(value)
            );
        }
        self.axis(svg);
        for series in &self.series {
            self.line(svg, series, figure, &y);
        }
    }

    /// The axis across: a tick for each value, and its text where there is room.
    fn axis(&self, svg: &mut String) {
        let [left, top, width, height] = PLOT;
        let bottom = top + height;
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{bottom}\" x2=\"{:.1}\" y2=\"{bottom}\"/>\
             <text class=\"m\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left + width,
            left + width / 2.0,
            bottom + 38.0,
            safe(self.across)
        );
        let mut free = f64::MIN;
        for (value, _) in &self.places {
            let x = self.x(value);
            let half = half_width(value);
            let _ = write!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>",
                bottom + 5.0
            );
            if x - half >= free {
                let (y, value) = (bottom + 19.0, safe(value));
                let _ = write!(svg, "<text class=\"m\" x=\"{x:.1}\" y=\"{y:.1}\">{value}</text>");
                free = x + half + APART;
            }
            svg.push('\n');
        }
    }

    /// The means of a series, connected, each with its interval and its numbers for who points at it.
    fn line(&self, svg: &mut String, series: &Series<'_>, figure: Figure, y: &dyn Fn(f64) -> f64) {
        let Series { class, dash, points, .. } = series;
        let (mut line, mut bars, mut marks) = (String::new(), String::new(), String::new());
        for point in points {
            let value = point.setting(self.across).unwrap_or_default();
            let Some(estimate) = point.estimate(figure) else { continue };
            let (x, mean) = (self.x(value), y(estimate.mean));
            let _ = write!(line, "{}{x:.1} {mean:.1}", if line.is_empty() { 'M' } else { 'L' });
            if let [low, high] = interval(&estimate)[..] {
                let (low, high, cap) = (y(low), y(high), x - 4.0);
                let _ = write!(
                    bars,
                    "M{cap:.1} {low:.1}h8M{x:.1} {low:.1}V{high:.1}M{cap:.1} {high:.1}h8"
                );
            }
            let _ = write!(
                marks,
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{mean:.1}\" r=\"3\"><title>{}</title></circle>",
                safe(&told(value, &estimate))
            );
        }
        if !line.is_empty() {
            let _ = writeln!(svg, "<path class=\"{class}\"{dash} d=\"{line}\"/>");
        }
        if !bars.is_empty() {
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"{bars}\"/>");
        }
        let _ = writeln!(svg, "{marks}");
    }

    fn x(&self, value: &str) -> f64 {
        let [left, _, width, _] = PLOT;
        let place = self.places.iter().find(|(text, _)| *text == value);
        left + width * place.map_or(0.5, |(_, place)| *place)
    }
}

fn heads(study: &Study) -> Vec<String> {
    let mut ids: Vec<&str> = study.points().iter().map(|point| point.scenario.as_str()).collect();
    ids.dedup();
    let title = match (ids.as_slice(), study.points()) {
        ([id], [first, ..]) => format!("{id}: {}", first.title),
        _ => ids.join(", "),
    };
    let all = study.points().iter().flat_map(|point| {
        Figure::ALL.into_iter().filter_map(|figure| point.estimate(figure)).map(|it| it.n)
    });
    let seeds = match (all.clone().min(), all.max()) {
        (Some(least), Some(most)) if least == most => format!("{most}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        _ => "no".to_owned(),
    };
    vec![title, format!("means over {seeds} independent seeds, with 95 % confidence intervals")]
}

/// Calls a point by what distinguishes its series from others.
fn names<'a>(study: &'a Study, across: &'a str) -> impl Fn(&Point) -> String + 'a {
    let varies = |of: &dyn Fn(&'a Point) -> Option<&'a str>| {
        study.points().windows(2).any(|pair| of(&pair[0]) != of(&pair[1]))
    };
    let labels = study.labels().into_iter();
    let labels: Vec<&str> =
        labels.filter(|label| *label != across && varies(&|point| point.setting(label))).collect();
    let scenarios = varies(&|point| Some(&point.scenario));
    move |point| {
        let id = scenarios.then(|| point.scenario.clone());
        let part = |label: &&str| Some(format!("{label}={}", point.setting(label)?));
        id.into_iter().chain(labels.iter().filter_map(part)).collect::<Vec<_>>().join(", ")
    }
}

/// The ends of an interval; of one run there is only the mean.
fn interval(estimate: &Estimate) -> Vec<f64> {
    let Estimate { mean, within, .. } = *estimate;
    within.map_or_else(|| vec![mean], |within| vec![mean - within, mean + within])
}

fn told(value: &str, estimate: &Estimate) -> String {
    let within = estimate.within.map_or_else(String::new, |it| format!(" \u{b1} {}", rounded(it)));
    format!("{value}: {}{within}, n = {}", rounded(estimate.mean), estimate.n)
}

/// Half the width of a text, roughly.
fn half_width(text: &str) -> f64 {
    let width = text.chars().count() * CHARACTER / 2;
    f64::from(u32::try_from(width).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::report::svg::tests::elements;

    #[test]
    fn a_study_is_a_picture_that_is_well_formed_and_runs_nothing() {
        let svg = draw(&samples::study(), "capacity");
        let names = elements(&svg);
        let count = |name: &str| names.iter().filter(|it| *it == name).count();
        assert_eq!((names[0].as_str(), count("script")), ("svg", 0));
        let panels = 5;
        assert_eq!(count("g"), panels, "lookups, derivations, energy, table hits, frames");
        assert_eq!(count("circle"), panels * 6 + 2, "six points, and two of the legend");
        assert_eq!(count("path"), panels * 4 + 2, "a line and its bars for each of two series");
        assert!(svg.contains("table=&lt;a, b&gt;") && !svg.contains("href"), "{svg}");
        assert_eq!(svg, draw(&samples::study(), "capacity"));
    }

    #[test]
    fn a_panel_shows_means_intervals_and_ticks() {
        let study = samples::study();
        let mut svg = String::new();
        Chart::new(&study, "capacity").panel(&mut svg, Figure::TableHits);
        insta::assert_snapshot!(svg, @r#"
        <text class="h" x="70" y="22.0">table-hits, %</text>
        <line class="g" x1="70" y1="224.0" x2="440.0" y2="224.0"/><text class="e" x="62.0" y="228.0">65</text>
        <line class="g" x1="70" y1="176.5" x2="440.0" y2="176.5"/><text class="e" x="62.0" y="180.5">70</text>
        <line class="g" x1="70" y1="129.0" x2="440.0" y2="129.0"/><text class="e" x="62.0" y="133.0">75</text>
        <line class="g" x1="70" y1="81.5" x2="440.0" y2="81.5"/><text class="e" x="62.0" y="85.5">80</text>
        <line class="g" x1="70" y1="34.0" x2="440.0" y2="34.0"/><text class="e" x="62.0" y="38.0">85</text>
        <line x1="70" y1="224" x2="440.0" y2="224"/><text class="m" x="255.0" y="262.0">capacity</text>
        <line x1="70.0" y1="224" x2="70.0" y2="229.0"/><text class="m" x="70.0" y="243.0">4</text>
        <line x1="144.0" y1="224" x2="144.0" y2="229.0"/><text class="m" x="144.0" y="243.0">16</text>
        <line x1="440.0" y1="224" x2="440.0" y2="229.0"/><text class="m" x="440.0" y="243.0">64</text>
        <path class="s0" d="M70.0 146.3L144.0 78.1L440.0 62.0"/>
        <path class="s0" d="M66.0 167.4h8M70.0 167.4V125.2M66.0 125.2h8M140.0 95.0h8M144.0 95.0V61.1M140.0 61.1h8"/>
        <circle class="s0" cx="70.0" cy="146.3" r="3"><title>4: 73.177987469 ± 2.217224263, n = 3</title></circle><circle class="s0" cx="144.0" cy="78.1" r="3"><title>16: 80.361413879 ± 1.78261508, n = 3</title></circle><circle class="s0" cx="440.0" cy="62.0" r="3"><title>64: 82.051282051, n = 1</title></circle>
        <path class="s1" d="M70.0 181.7L144.0 96.4L440.0 77.9"/>
        <path class="s1" d="M66.0 204.5h8M70.0 204.5V158.9M66.0 158.9h8M140.0 114.5h8M144.0 114.5V78.2M140.0 78.2h8"/>
        <circle class="s1" cx="70.0" cy="181.7" r="3"><title>4: 69.45337678 ± 2.396698899, n = 3</title></circle><circle class="s1" cx="144.0" cy="96.4" r="3"><title>16: 78.436398751 ± 1.910508896, n = 3</title></circle><circle class="s1" cx="440.0" cy="77.9" r="3"><title>64: 80.373831776, n = 1</title></circle>
        "#);
    }

    #[test]
    fn an_empty_study_is_a_picture_too() {
        assert_eq!(elements(&draw(&Study::default(), "x"))[0], "svg");
    }
}
