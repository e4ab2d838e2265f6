//! What came of a load as one page: its verdict, its figures, and how they went over time.
//!
//! Nothing is loaded from elsewhere, and nothing runs. Floating point is for places on the paper. Not here:
//! the terminal's report.

use std::fmt::Write as _;

use crate::base::time::Duration;
use crate::report::load::terminal;
use crate::report::text::clean;
use crate::verdict::load::{Figures, LoadResults};
use crate::verdict::metrics::Distribution;

/// A plot, its left and lower margin.
const SIZE: (f64, f64) = (720.0, 220.0);
const MARGIN: (f64, f64) = (70.0, 30.0);

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;\
color:#222;background:#fff}pre{overflow-x:auto;background:#f6f6f6;padding:1em}h2{font-size:1.05em;margin:2em 0 0}\
svg{width:100%;height:auto}text{font:11px sans-serif;fill:#555}line{stroke:#ddd}path{fill:none;stroke-width:1.6}\
.a{stroke:#0072b2}.b{stroke:#d55e00}.c{stroke:#009e73}.ka{color:#0072b2}.kb{color:#d55e00}.kc{color:#009e73}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#242424}text{fill:#aaa}\
line{stroke:#333}}";

/// The page.
#[must_use]
pub fn write(results: &LoadResults) -> String {
    let offer = &results.offer;
    let thinned =
        offer.thinned.as_ref().map_or_else(String::new, |it| format!(" (THINNED to {it})"));
    let title = escaped(&format!("{}: {}{thinned}", offer.case, offer.title));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<pre>{}</pre>\n",
        escaped(&terminal::write(results))
    );
    for (metric, figures) in &results.metrics {
        plots(&mut page, metric, figures);
    }
    page.push_str("</body></html>\n");
    page
}

fn plots(page: &mut String, metric: &str, figures: &Figures) {
    if figures.seconds.len() < 2 {
        return;
    }
    let name = escaped(metric);
    // Writing into a String cannot fail.
    let _ = writeln!(
        page,
        "<h2>{name}, by second: <span class=\"ka\">p50</span>, <span class=\"kb\">p99</span>, \
         <span class=\"kc\">max</span></h2>"
    );
    let of = |value: fn(&Distribution) -> Duration| {
        let seconds = figures.seconds.iter();
        seconds.map(|it| (it.count() > 0).then(|| value(it).as_secs_f64())).collect::<Vec<_>>()
    };
    let lines = [
        of(|it| it.quantile(500_000_000)),
        of(|it| it.quantile(990_000_000)),
        of(Distribution::max),
    ];
    plot(page, &lines);
}

/// Lines over seconds; the upright axis is logarithmic, since durations are.
#[allow(clippy::cast_precision_loss, reason = "places on the paper")]
fn plot(page: &mut String, lines: &[Vec<Option<f64>>; 3]) {
    let known = || lines.iter().flatten().flatten().copied().filter(|it| *it > 0.0);
    let (low, high) =
        known().fold((f64::MAX, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
    if high <= 0.0 {
        return;
    }
    let (bottom, top) = (low.log10().floor(), (high.log10().ceil()).max(low.log10().floor() + 1.0));
    let count = lines[0].len().max(2);
    let x =
        |second: usize| MARGIN.0 + second as f64 / (count - 1) as f64 * (SIZE.0 - MARGIN.0 - 10.0);
    let y = |value: f64| {
        let place = (value.max(1e-12).log10() - bottom) / (top - bottom);
        SIZE.1 - MARGIN.1 - place.clamp(0.0, 1.0) * (SIZE.1 - MARGIN.1 - 10.0)
    };
    let _ = write!(page, "<svg viewBox=\"0 0 {} {}\" role=\"img\">", SIZE.0, SIZE.1);
    let mut decade = bottom;
    while decade <= top {
        let (value, at) = (10_f64.powf(decade), y(10_f64.powf(decade)));
        let _ = write!(
            page,
            "<line x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"4\" y=\"{:.1}\">{}</text>",
            MARGIN.0,
            SIZE.0 - 10.0,
            at + 4.0,
            unit(value)
        );
        decade += 1.0;
    }
    for second in (0..count).step_by(count.div_ceil(8)) {
        let (at, low) = (x(second), SIZE.1 - 10.0);
        let _ = write!(page, "<text x=\"{at:.1}\" y=\"{low}\">{second} s</text>");
    }
    for (line, class) in lines.iter().zip(["a", "b", "c"]) {
        let _ = write!(page, "<path class=\"{class}\" d=\"");
        let mut pen = 'M';
        for (second, value) in line.iter().enumerate() {
            match value {
                Some(value) => {
                    let _ = write!(page, "{pen}{:.1} {:.1}", x(second), y(*value));
                    pen = 'L';
                }
                // A second without any is a gap.
                None => pen = 'M',
            }
        }
        page.push_str("\"/>");
    }
    page.push_str("</svg>\n");
}

/// A power of ten of seconds.
fn unit(seconds: f64) -> String {
    let (value, unit) = match seconds {
        it if it >= 0.999 => (it, "s"),
        it if it >= 0.000_999 => (it * 1e3, "ms"),
        it if it >= 0.000_000_999 => (it * 1e6, "us"),
        it => (it * 1e9, "ns"),
    };
    format!("{value:.0} {unit}")
}

fn escaped(text: &str) -> String {
    let clean: Vec<String> = text.lines().map(clean).collect();
    clean.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
