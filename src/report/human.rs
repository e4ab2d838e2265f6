//! The report for people: a line a case, its findings below, and the sum at the end.
//!
//! Text of scenarios and devices is cleaned of control characters, so that no file can write to a terminal
//! what it likes. Not here: whether there is a terminal, or how long the runs took (passed in).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::base::time::Duration;
use crate::report::claims::Unshown;
use crate::report::coverage::{Scope, claims};
use crate::report::summary::Summary;
use crate::report::text::{clean, counted, grouped, span};
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::outcome::{Outcome, Verdict};
use crate::verdict::requirement::Polarity;

/// The styles of the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    pub(super) good: Style,
    pub(super) bad: Style,
    pub(super) doubt: Style,
    pub(super) dim: Style,
    pub(super) strong: Style,
}

impl Palette {
    /// Without any styles.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// With the sixteen colors that every terminal has.
    #[must_use]
    pub const fn colored() -> Self {
        Self {
            good: AnsiColor::Green.on_default(),
            bad: AnsiColor::Red.on_default().bold(),
            doubt: AnsiColor::Yellow.on_default(),
            dim: Style::new().dimmed(),
            strong: Style::new().bold(),
        }
    }

    const fn of(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Inconclusive => self.doubt,
            Verdict::Fail | Verdict::Error => self.bad,
        }
    }
}

/// How lines are laid out, known before the first case is done.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    palette: Palette,
    case_width: usize,
}

/// What runs have taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Real time.
    pub real: Duration,
    /// Octets of memory at the worst, where that is known.
    pub memory: Option<u64>,
    /// The devices of a fleet, if it was run alone: what it takes is theirs.
    pub devices: Option<u64>,
}

/// Longest case name that columns make room for; longer ones push theirs to the right.
const CASE_WIDTH_MAX: usize = 56;
/// Kinds of findings shown below a case.
const FINDINGS_SHOWN: usize = 8;
/// Further findings of a kind that are told, of the first run that has one.
const ALIKE_SHOWN: usize = 4;
/// Seeds listed for a finding.
const SEEDS_SHOWN: usize = 5;
/// Requirements and oracles that are named; more are counted.
const IDS_SHOWN: usize = 20;

impl Layout {
    /// For cases with these names.
    pub fn new<'a>(palette: Palette, cases: impl IntoIterator<Item = &'a str>) -> Self {
        let longest = cases.into_iter().map(|case| case.chars().count()).max().unwrap_or(0);
        Self { palette, case_width: longest.min(CASE_WIDTH_MAX) }
    }

    /// One case: all its runs, in the order of their seeds.
    #[must_use]
    pub fn case(&self, runs: &[Outcome]) -> String {
        let Some(first) = runs.first() else { return String::new() };
        let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Error);
        let style = self.palette.of(verdict);
        let case = clean(&first.case);
        let dim = self.palette.dim;
        let mut text = format!(
            "{style}{} {:<12}{style:#} {case:<width$}  {:>13}  {:>19}  {dim}{:>9}{dim:#}\n",
            mark(verdict),
            word(verdict),
            seeds(runs),
            counted(runs.iter().map(|run| run.events).sum(), "event"),
            span(runs.iter().map(|run| run.virtual_time).fold(Duration::ZERO, |sum, it| sum + it)),
            width = self.case_width,
        );
        let groups = group(runs);
        for seen in groups.iter().take(FINDINGS_SHOWN) {
            self.finding(&mut text, seen, runs.len());
        }
        if groups.len() > FINDINGS_SHOWN {
            let more = (groups.len() - FINDINGS_SHOWN) as u64;
            text += &format!("    and {} of other kinds\n", counted(more, "finding"));
        }
        let mut repros: Vec<&str> = groups
            .iter()
            .take(FINDINGS_SHOWN)
            .filter_map(|seen| seen.first())
            .filter(|seen| seen.finding.severity != Severity::Warning)
            .map(|seen| seen.run.repro.as_str())
            .collect();
        repros.dedup();
        for repro in &repros {
            text += &format!("    {}\n", clean(repro));
        }
        // What led to it is the next question, asked of the same run. Of two runs there is no answer.
        if verdict == Verdict::Fail
            && let Some(words) = repros.first().and_then(|it| it.strip_prefix("peadsim run "))
            && !words.ends_with(" --relations")
        {
            text += &format!("    peadsim why {}\n", clean(words));
        }
        text
    }

    /// What the runs of a scenario claimed and did not show.
    #[must_use]
    pub fn unshown(&self, claims: &[Unshown]) -> String {
        let (doubt, strong) = (self.palette.doubt, self.palette.strong);
        let line = |it: &Unshown| {
            let which = match it.severity {
                Severity::Warning => "none of these runs",
                Severity::Inconclusive | Severity::Fail | Severity::Error => "no run",
            };
            format!(
                "    {doubt}{}{doubt:#} {strong}{}{strong:#} claims the {} side of {}, \
                 and {which} shows it\n",
                severity_word(it.severity),
                clean(&it.scenario),
                it.side,
                it.requirement
            )
        };
        claims.iter().map(line).collect()
    }

    fn finding(&self, text: &mut String, seen: &[Seen<'_>], runs: usize) {
        let Some(Seen { run, finding }) = seen.first() else { return };
        let style = match finding.severity {
            Severity::Warning | Severity::Inconclusive => self.palette.doubt,
            Severity::Fail | Severity::Error => self.palette.bad,
        };
        let (dim, strong) = (self.palette.dim, self.palette.strong);
        let requirements: String =
            finding.requirements.iter().map(|requirement| format!(" {requirement}")).collect();
        let mut line = |line: String| {
            text.push_str("    ");
            text.push_str(&line);
            text.push('\n');
        };
        line(format!(
            "{style}{}{style:#} {strong}{}{strong:#}{requirements} at {}, seed {}",
            severity_word(finding.severity),
            clean(&finding.oracle),
            finding.at,
            run.seed
        ));
        line(format!("  {}", clean(&finding.message)));
        let alike = seen.iter().skip(1).filter(|it| std::ptr::eq(it.run, *run));
        let alike: Vec<&str> = alike.map(|it| it.finding.message.as_str()).collect();
        for message in alike.iter().take(ALIKE_SHOWN) {
            line(format!("  {}", clean(message)));
        }
        if alike.len() > ALIKE_SHOWN {
            line(format!("  {dim}and {} more of this kind{dim:#}", alike.len() - ALIKE_SHOWN));
        }
        if !finding.records.is_empty() {
            line(format!("  {dim}records {}{dim:#}", finding.records.join(" ")));
        }
        let mut seeds: Vec<u64> = seen.iter().map(|seen| seen.run.seed).collect();
        seeds.dedup();
        if runs > 1 {
            let listed: Vec<String> =
                seeds.iter().take(SEEDS_SHOWN).map(|seed| seed.to_string()).collect();
            let more = if seeds.len() > SEEDS_SHOWN { ", ..." } else { "" };
            let (count, listed) = (seeds.len(), listed.join(", "));
            line(format!("  {dim}with {count} of {runs} seeds: {listed}{more}{dim:#}"));
        }
    }

    /// The sum of all runs. `cost` is what they took, `ending` what it all comes to.
    #[must_use]
    pub fn summary(&self, summary: &Summary, scope: &Scope, cost: Cost, ending: &str) -> String {
        let Cost { real, memory, devices } = cost;
        let totals = &summary.totals;
        let mut text = String::from("\n");
        let mut row = |name: &str, value: String| {
            let dim = self.palette.dim;
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{dim}{name:<13}{dim:#} {value}");
        };
        row("runs", self.verdicts(summary));
        row(
            "events",
            format!("{} in {} of virtual time", grouped(totals.events), span(totals.virtual_time)),
        );
        row("took", format!("{}{}", span(real), rate(totals.events, real)));
        if let Some(memory) = memory {
            let each = devices.map(|devices| {
                format!(
                    ", {} B for each of {} devices",
                    grouped(memory / devices),
                    grouped(devices)
                )
            });
            row(
                "memory",
                format!("{} MiB at most{}", grouped(memory >> 20), each.unwrap_or_default()),
            );
        }
        for (kind, times) in &summary.healing {
            let at = |ppb| span(times.quantile(ppb));
            let (half, most) = (at(HALF_PPB), at(MOST_PPB));
            let faults = counted(times.count(), "fault");
            row("heals", format!("{}: p50 {half}, p99 {most} after {faults}", clean(kind)));
        }
        if totals.related + totals.unrelated > 0 {
            let idle = grouped(totals.unrelated);
            row("relations", format!("{} judged, {idle} not applicable", grouped(totals.related)));
        }
        if totals.unshown > 0 {
            let style = self.palette.doubt;
            row("not shown", format!("{style}{}{style:#}", counted(totals.unshown, "claim")));
        }
        if totals.warnings > 0 {
            let style = self.palette.doubt;
            row("warnings", format!("{style}{}{style:#}", grouped(totals.warnings)));
        }
        let (coverage, all) = (&summary.coverage, scope.requirements.as_slice());
        row("claims", format!("{} of {}", coverage.claims(all), claims(all)));
        row(
            "requirements",
            format!(
                "{} positive and {} negative of {}",
                coverage.shown(all, Polarity::Positive),
                coverage.shown(all, Polarity::Negative),
                all.len()
            ),
        );
        let open: Vec<String> = coverage.without_evidence(all).map(ToString::to_string).collect();
        let silent: Vec<String> =
            coverage.never_evaluated(&scope.oracles).map(ToString::to_string).collect();
        for (name, ids, of, what) in [
            ("no evidence", open, all.len(), "requirements"),
            ("never judged", silent, scope.oracles.len(), "oracles"),
        ] {
            match ids.len() {
                0 => {}
                1..=IDS_SHOWN => row(name, ids.join(" ")),
                n => row(name, format!("{n} of {of} {what}")),
            }
        }
        let digests = summary.digests();
        for (name, digest) in [("digest", digests.full), ("black box", digests.black_box)] {
            if !digest.is_empty() {
                row(name, digest);
            }
        }
        let strong = self.palette.strong;
        row("result", format!("{strong}{ending}{strong:#}"));
        text
    }

    /// `460 of 23 cases: 458 pass, 1 fail, 1 inconclusive`.
    fn verdicts(&self, summary: &Summary) -> String {
        let totals = &summary.totals;
        let mut text = format!("{} of {}", grouped(totals.runs), counted(totals.cases, "case"));
        let by_weight = [Verdict::Pass, Verdict::Error, Verdict::Fail, Verdict::Inconclusive];
        let shown = by_weight.into_iter().filter(|verdict| totals.of(*verdict) > 0);
        for (verdict, separator) in shown.zip(std::iter::once(": ").chain(std::iter::repeat(", ")))
        {
            let style = self.palette.of(verdict);
            let count = grouped(totals.of(verdict));
            let word =
                if verdict == Verdict::Inconclusive { "inconclusive" } else { word(verdict) };
            let _ = write!(text, "{separator}{style}{count} {word}{style:#}");
        }
        text
    }
}

/// The median, in parts per billion.
pub(super) const HALF_PPB: u64 = 500_000_000;
/// The 99th percentile, in parts per billion.
pub(super) const MOST_PPB: u64 = 990_000_000;

/// A finding with its run.
struct Seen<'a> {
    run: &'a Outcome,
    finding: &'a Finding,
}

/// Findings of one kind together, so that twenty seeds with one bug read as one bug; worst kinds first.
fn group(runs: &[Outcome]) -> Vec<Vec<Seen<'_>>> {
    let mut groups = BTreeMap::<_, Vec<Seen<'_>>>::new();
    for run in runs {
        for finding in &run.findings {
            let Finding { severity, oracle, requirements, .. } = finding;
            let kind = (Reverse(*severity), oracle, requirements);
            groups.entry(kind).or_default().push(Seen { run, finding });
        }
    }
    groups.into_values().collect()
}

/// `seed 7`, `seeds 1..20`, `20 seeds`.
fn seeds(runs: &[Outcome]) -> String {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return String::new() };
    let steps = runs.windows(2).all(|pair| pair[1].seed.checked_sub(pair[0].seed) == Some(1));
    match runs.len() {
        1 => format!("seed {}", first.seed),
        _ if steps => format!("seeds {}..{}", first.seed, last.seed),
        n => format!("{n} seeds"),
    }
}

/// `, 412,000 events/s`, unless it took too little time to say.
fn rate(events: u64, real: Duration) -> String {
    let millis = real.as_millis();
    if millis < 10 {
        return String::new();
    }
    format!(", {} events/s", grouped(events.saturating_mul(1_000) / millis))
}

const fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✓',
        Verdict::Inconclusive => '?',
        Verdict::Fail => '✗',
        Verdict::Error => '!',
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
    }
}

pub(super) const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Inconclusive => "inconclusive",
        Severity::Fail => "fail",
        Severity::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::verdict::requirement::Requirement;

    fn layout() -> Layout {
        Layout::new(Palette::plain(), ["ROT-R1-inflight[lead=20ms]", "APR-one-press", "ROT-R2"])
    }

    #[test]
    fn a_report_reads_well() {
        let passed: Vec<Outcome> = (1..=20).map(samples::pass).collect();
        let failed = [samples::pass(1), samples::fail(2), samples::fail(3)]
            .map(|run| Outcome { case: "APR-one-press".to_owned(), ..run });
        let open = [samples::inconclusive(7)];
        let mut summary = Summary::default();
        let mut text = String::new();
        for runs in [&passed[..], &failed, &open] {
            runs.iter().for_each(|run| summary.add(run));
            text += &layout().case(runs);
        }
        let requirements = vec![Requirement::of(17, 5), Requirement::of(5, 2)];
        let scope = Scope { requirements, oracles: vec!["S-03", "S-04", "L-01"] };
        text += &layout().summary(
            &summary,
            &scope,
            Cost {
                real: Duration::from_millis(820),
                memory: Some(300 << 20),
                devices: Some(100_000),
            },
            "something is wrong (exit 1)",
        );
        insta::assert_snapshot!(text, @r"
        ✓ pass         ROT-R1-inflight[lead=20ms]    seeds 1..20        28,450 events     1h 24m
        ✗ fail         APR-one-press                  seeds 1..3         4,242 events    12m 36s
            fail S-03 C05-R2 C15-R1 at 12.345678s, seed 2
              m1 is displayed twice at epoch 2
              records d1.17 s0.4
              with 2 of 3 seeds: 2, 3
            warning S-27 C05-R2 C15-R1 at 12.345678s, seed 2
              alice's table is full
              records d1.17 s0.4
              with 2 of 3 seeds: 2, 3
            peadsim run scenarios/approval/press.yaml --seed 2
            peadsim why scenarios/approval/press.yaml --seed 2
        ? inconclusive ROT-R2                             seed 7         1,419 events     4m 12s
            inconclusive reaches at 60.000000s, seed 7
              R2 did not occur
            peadsim run scenarios/rotation/r2.yaml --seed 7

        runs          24 of 3 cases: 21 pass, 2 fail, 1 inconclusive
        events        34,111 in 1h 40m of virtual time
        took          820.0ms, 41,598 events/s
        memory        300 MiB at most, 3,145 B for each of 100,000 devices
        heals         partition: p50 2.40s, p99 2.40s after 24 faults
        warnings      2
        claims        1 of 2
        requirements  1 positive and 0 negative of 2
        no evidence   C05-R2
        never judged  S-04 L-01
        digest        e6d178f2239c115b1511e9305dd28b05d2e77cb09f912acaf53596848aedf391
        black box     59e6c1aa40da80708af3be005f97167ed49601ad4f6873510ce154e25bd0bbef
        result        something is wrong (exit 1)
        ");
    }

    #[test]
    fn a_missing_claim_is_told_with_its_scenario() {
        let bare = Outcome { evidence: Default::default(), ..samples::pass(1) };
        let mut summary = Summary::default();
        let mut text = String::new();
        for whole in [true, false] {
            summary.add(&bare);
            text += &layout().unshown(summary.end_scenario("ROT-R1-inflight", whole));
        }
        let claims = "ROT-R1-inflight claims the positive side of C17-R5, and";
        assert_eq!(
            text,
            format!(
                "    inconclusive {claims} no run shows it\n    \
                 warning {claims} none of these runs shows it\n"
            )
        );
        let scope = Scope { requirements: Vec::new(), oracles: Vec::new() };
        let end = layout().summary(&summary, &scope, Cost::default(), "inconclusive (exit 3)");
        assert!(end.contains("not shown     1 claim\n"), "{end}");
    }

    #[test]
    fn colors_change_nothing_but_colors() {
        let run = [samples::fail(1)];
        let colored = Layout { palette: Palette::colored(), ..layout() }.case(&run);
        let mut plain = String::new();
        let mut escaped = false;
        for c in colored.chars() {
            match c {
                '\u{1b}' => escaped = true,
                'm' if escaped => escaped = false,
                c if !escaped => plain.push(c),
                _ => {}
            }
        }
        assert_ne!(colored, plain);
        assert_eq!(plain, layout().case(&run));
    }

    #[test]
    fn no_text_writes_to_the_terminal_what_it_likes() {
        let mut run = samples::fail(1);
        run.findings[1].message = "a\u{1b}[2Jb\nc".to_owned();
        let text = layout().case(&[run]);
        assert!(text.contains("a\u{fffd}[2Jb\u{fffd}c"), "{text}");
    }
}
