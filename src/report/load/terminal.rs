//! What came of a load, for people at a terminal.
//!
//! Not here: colors, or anything that a program should read (`verdict::load` is serialized for that).

use std::fmt::Write as _;

use crate::base::time::Duration;
use crate::report::load::search::knee;
use crate::report::text::{clean, counted, grouped, span};
use crate::verdict::load::{
    Calibration, Ending, Figures, Joined, LoadResults, LoadVerdict, Part, Row, SERVER_MEMORY,
    Standing, rate,
};

/// The whole report.
#[must_use]
pub fn write(results: &LoadResults) -> String {
    let mut text = String::new();
    offer(&mut text, results);
    clocks(&mut text, results);
    if let Some(calibration) = &results.calibration {
        generator(&mut text, calibration);
    }
    if let Some(search) = &results.knee {
        knee(&mut text, search);
    }
    text.push('\n');
    figures(&mut text, results);
    outcome(&mut text, results);
    text
}

pub(super) fn line(text: &mut String, name: &str, what: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{name:<15} {what}");
}

fn offer(text: &mut String, results: &LoadResults) {
    let offer = &results.offer;
    line(text, "load", &format!("{} seed {}", clean(&offer.case), offer.seed));
    line(text, "", &clean(&offer.title));
    line(text, "server", &clean(&offer.server));
    let mut what = format!(
        "{} of {} in {}, hash {}",
        counted(offer.operations, "operation"),
        counted(offer.devices, "device"),
        span(offer.active),
        offer.schedule
    );
    if offer.pace != 100 {
        let _ = write!(what, ", at {} % of its pace", offer.pace);
    }
    if let Some(shard) = &offer.shard {
        let _ = write!(what, ", shard {shard}");
    }
    if let Some(thinned) = &offer.thinned {
        let _ = write!(what, ", THINNED to {thinned} of its people");
    }
    line(text, "schedule", &what);
    let count = |name: &str| results.count(name);
    let done = count("done");
    let what = format!(
        "{} answered, {:.0} a second; {} failed; {} given up; {} refused; {} repeated",
        grouped(done),
        rate(count("done-in-time"), offer.active.min(results.took)),
        grouped(count("failed")),
        grouped(count("given-up")),
        grouped(count("refusals")),
        counted(count("frames-repeated"), "frame"),
    );
    line(text, "operations", &what);
    let what = format!(
        "{} opened, {} lost; {} sent, {} received",
        grouped(count("connects")),
        grouped(count("connections-lost")),
        counted(count("frames-sent"), "frame"),
        grouped(count("frames-received")),
    );
    line(text, "connections", &what);
    if let Some(octets) = results.counts.get(SERVER_MEMORY) {
        line(text, "memory", &format!("{} MiB of the server at the most", octets >> 20));
    }
}

/// When shards began, and by whose clock.
fn clocks(text: &mut String, results: &LoadResults) {
    if let Some(Joined { skew, shards }) = &results.joined {
        let count = counted(shards.len() as u64, "shard");
        line(text, "shards", &format!("{count}, which began {skew} apart by the server's clock"));
        for Part { shard, offset, .. } in shards {
            line(text, "clock", &format!("of shard {shard}: {}", ahead(*offset)));
        }
    } else if let Some(shard) = &results.offer.shard {
        line(text, "clock", &format!("of shard {shard}: {}", ahead(results.offset)));
    }
}

/// Where the server's clock is.
fn ahead(offset: i64) -> String {
    let span = Duration::from_millis(offset.unsigned_abs());
    match offset {
        0 => "the server's shows the same".to_owned(),
        1.. => format!("the server's is {span} ahead of it"),
        _ => format!("the server's is {span} behind it"),
    }
}

/// What of the figures is the generator's own.
pub(super) fn generator(text: &mut String, calibration: &Calibration) {
    let Calibration { per_second, response, lag, holds } = *calibration;
    let [response, lag] = [response, lag].map(|it| it.map_or_else(|| "-".to_owned(), fine));
    let what = format!(
        "{per_second} a second on a server that does nothing: response p99 {response}, lag p99 {lag}{}",
        if holds { "" } else { ": IT CANNOT KEEP UP" }
    );
    line(text, "generator", &what);
}

/// How a load stands to an earlier one.
#[must_use]
pub fn comparison(rows: &[Row]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "\n{:<24} {:>9} {:>9} {:>9}", "compared", "before", "now", "change");
    for Row { name, base, new, change, standing } in rows {
        let standing = match standing {
            Standing::Alike => "",
            Standing::Worse => "  WORSE",
            Standing::Better => "  better",
            Standing::TooShort => "  too short to tell",
        };
        let [base, new] = [base, new].map(|it| fine(*it));
        let name = clean(name);
        let _ = writeln!(text, "{name:<24} {base:>9} {new:>9} {change:>+8.1}%{standing}");
    }
    text
}

fn figures(text: &mut String, results: &LoadResults) {
    let widest = results.metrics.keys().map(String::len).max().unwrap_or(0).max(15);
    let _ = writeln!(
        text,
        "{:<widest$} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "durations", "count", "mean", "p50", "p90", "p99", "p99.9", "max"
    );
    for (name, Figures { count, mean, p50, p90, p99, p999, max, .. }) in &results.metrics {
        let [mean, p50, p90, p99, p999, max] = [mean, p50, p90, p99, p999, max].map(|it| fine(*it));
        let _ = writeln!(
            text,
            "{:<widest$} {:>10} {mean:>9} {p50:>9} {p90:>9} {p99:>9} {p999:>9} {max:>9}",
            clean(name),
            grouped(*count)
        );
    }
    text.push('\n');
}

fn outcome(text: &mut String, results: &LoadResults) {
    for slo in &results.slos {
        let mark = match slo.holds {
            Some(true) => "✓ holds",
            Some(false) => "✗ broken",
            None => "? open",
        };
        line(text, mark, &format!("line {}: {}: {}", slo.line, clean(&slo.text), clean(&slo.seen)));
    }
    let judged = &results.judged;
    let sample = match judged.one_in {
        0 | 1 => String::new(),
        n => format!(" (one pair of users in {})", grouped(n)),
    };
    let evaluated: u64 = judged.evaluated.values().sum();
    let what = format!(
        "{} accepted, {} missing; {} oracles judged {} situations{sample}",
        counted(results.mail.accepted, "message"),
        results.mail.missing.len(),
        judged.evaluated.len(),
        grouped(evaluated)
    );
    line(text, "messages", &what);
    for finding in &results.findings {
        line(text, "finding", &format!("{}: {}", finding.oracle, clean(&finding.message)));
    }
    let ending = match results.ending {
        Ending::Drained => "everything was over",
        Ending::Open => "something was still open when `settle` was over",
        Ending::ServerGone => "no device had a connection any more",
        Ending::Stopped => "it was stopped",
    };
    line(text, "ended", &format!("after {}: {ending}", span(results.took)));
    for why in &results.void {
        line(text, "void", &clean(why));
    }
    let verdict = match results.verdict {
        LoadVerdict::Pass => "pass",
        LoadVerdict::Fail => "fail",
        LoadVerdict::Void => "void: the figures are about the generator, not the server",
        LoadVerdict::Inconclusive => "inconclusive",
        LoadVerdict::ServerGone => "the server was gone before the end",
    };
    line(text, "verdict", &format!("{verdict} (exit {})", results.exit));
}

/// Three digits of a duration.
fn fine(span: Duration) -> String {
    let nanos = span.as_nanos();
    let (whole, unit) = match nanos {
        0..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (value, rest) = (nanos / whole, nanos % whole);
    match value {
        0..10 => format!("{value}.{:02}{unit}", rest * 100 / whole),
        10..100 => format!("{value}.{}{unit}", rest * 10 / whole),
        _ => format!("{value}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_ahead_or_behind() {
        assert_eq!(ahead(0), "the server's shows the same");
        assert_eq!(ahead(12), "the server's is 12ms ahead of it");
        assert_eq!(ahead(-1_500), "the server's is 1.5s behind it");
    }

    #[test]
    fn durations_have_three_digits() {
        for (nanos, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_234, "1.23us"),
            (45_678, "45.6us"),
            (999_999, "999us"),
            (1_000_000, "1.00ms"),
            (12_345_678_900, "12.3s"),
            (720_000_000_000, "720s"),
        ] {
            assert_eq!(fine(Duration::from_nanos(nanos)), text);
        }
    }
}
