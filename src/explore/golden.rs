//! The stored digests: `scenarios/digests.txt` as a value, and what has to be true before it is replaced.
//!
//! It holds, for the first seed of each case, the full digest and the trail of records. Not here: making the
//! runs (`verify`), or the file itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::base::rng::RNG_VERSION;
use crate::explore::attempt::attempt;
use crate::explore::verify::First;
use crate::scenario::plan::Plan;
use crate::sim::run::RunOptions;
use crate::sim::world::WORLD_VERSION;
use crate::trace::checkpoint::{Form, Window};
use crate::trace::diff::Line;
use crate::trace::fact::TRACE_VERSION;
use crate::trace::trail::Trail;

/// Where the digests of this repository are.
pub const FILE: &str = "scenarios/digests.txt";

/// Longer runs keep no trail, so that the file stays small.
const TRAIL_MAX: usize = 2_000;

/// A version that says why digests may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    /// As the file's first line has it.
    pub name: &'static str,
    /// Of this build.
    pub now: u32,
    /// What it stands for, and when it is raised.
    pub text: &'static str,
}

/// All versions.
pub const VERSIONS: [Version; 3] = [
    Version {
        name: "rng",
        now: RNG_VERSION,
        text: "RNG_VERSION in src/base/rng.rs: raised when the address or the use of a draw changes",
    },
    Version {
        name: "trace",
        now: TRACE_VERSION,
        text: "TRACE_VERSION in src/trace/fact.rs: raised when the form of a record changes",
    },
    Version {
        name: "world",
        now: WORLD_VERSION,
        text: "WORLD_VERSION in src/sim/world.rs: raised when machines, network or world act \
               otherwise than before, on purpose",
    },
];

/// What is stored of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Golden {
    digest: String,
    /// Nothing if it is too long.
    trail: Option<Trail>,
}

/// All that is stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Book {
    /// In the order of [`VERSIONS`]; 0 stands for none.
    versions: [u32; 3],
    /// By case and seed.
    runs: BTreeMap<String, Golden>,
}

/// How a run is not as it was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It was not stored.
    Added,
    /// It is stored and was not made.
    Removed,
    /// Its digest is another one, from the record with this position on if that is known.
    Changed(Option<u64>),
}

/// Runs beside what was stored of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// Runs with the stored digest.
    pub equal: usize,
    /// Those with another one.
    pub changed: Vec<(String, Change)>,
    /// Runs that were not stored.
    pub unknown: usize,
}

impl Book {
    /// Of these runs, in this build.
    #[must_use]
    pub fn of(runs: &[First]) -> Self {
        let golden = |run: &First| {
            let trail = Some(run.trail.clone()).filter(|it| (1..=TRAIL_MAX).contains(&it.len()));
            (key(&run.case, run.seed), Golden { digest: run.digests.full.clone(), trail })
        };
        let versions = VERSIONS.map(|version| version.now);
        Self { versions, runs: runs.iter().map(golden).collect() }
    }

    /// What changes when `now` takes the place of this.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<(String, Change)> {
        let keys: BTreeSet<&String> = self.runs.keys().chain(now.runs.keys()).collect();
        let change = |key: &String| match (self.runs.get(key), now.runs.get(key)) {
            (Some(then), Some(now)) if then.digest != now.digest => {
                let trails = then.trail.as_ref().zip(now.trail.as_ref());
                let at = trails.and_then(|(then, now)| then.parts_from(now));
                Some(Change::Changed(at.and_then(|at| u64::try_from(at).ok())))
            }
            (Some(_), None) => Some(Change::Removed),
            (None, Some(_)) => Some(Change::Added),
            (Some(_), Some(_)) | (None, None) => None,
        };
        keys.into_iter().filter_map(|key| Some((key.clone(), change(key)?))).collect()
    }

    /// How `now` differs where both have a run.
    ///
    /// # Errors
    /// Why they are not comparable: a version is another one.
    pub fn compare(&self, now: &Self) -> Result<Comparison, String> {
        let versions = VERSIONS.iter().zip(self.versions.iter().zip(&now.versions));
        let other = versions.filter(|(_, (then, now))| then != now);
        let other: Vec<String> = other
            .map(|(version, (then, now))| format!("{} version {then}, not {now}", version.name))
            .collect();
        if !other.is_empty() {
            return Err(format!("they are of {}", other.join(", ")));
        }
        let stored = now.runs.keys().filter(|key| self.runs.contains_key(*key)).count();
        let mut changed = self.changes(now);
        changed.retain(|(_, change)| matches!(change, Change::Changed(_)));
        let (equal, unknown) = (stored - changed.len(), now.runs.len() - stored);
        Ok(Comparison { equal, changed, unknown })
    }

    /// Whether `now` may take the place of this.
    ///
    /// # Errors
    /// Why not: digests changed and no version did, or this is of a later build.
    pub fn may_become(&self, now: &Self) -> Result<(), String> {
        let versions = || VERSIONS.iter().zip(self.versions.iter().zip(&now.versions));
        if let Some((version, (then, now))) = versions().find(|(_, (then, now))| then > now) {
            let name = version.name;
            return Err(format!("the stored digests are of {name} version {then}, this is {now}"));
        }
        let changed = |(_, change): &(String, Change)| matches!(change, Change::Changed(_));
        let count = self.changes(now).iter().filter(|it| changed(it)).count();
        if count > 0 && self.versions == now.versions {
            let noun = if count == 1 { "digest changes" } else { "digests change" };
            return Err(format!("{count} stored {noun}, and no version was raised"));
        }
        Ok(())
    }
}

/// How a run is called in the file.
#[must_use]
pub fn key(case: &str, seed: u64) -> String {
    format!("{} {seed}", case.replace(' ', "_"))
}

/// A change in words, with the first record that is another one.
#[must_use]
pub fn describe(key: &str, change: Change, plan: Option<&Arc<Plan>>) -> String {
    let key = key.escape_debug();
    match change {
        Change::Added => format!("{key}: new"),
        Change::Removed => format!("{key}: gone"),
        Change::Changed(None) => format!("{key}: changed"),
        Change::Changed(Some(at)) => {
            let record = plan.and_then(|plan| record(plan, at));
            let record = record.unwrap_or_else(|| "(ends here)".to_owned());
            format!("{key}: changed from record {at} on\n    {record}")
        }
    }
}

/// The record of a run at a position.
fn record(plan: &Arc<Plan>, at: u64) -> Option<String> {
    let mut window = Window::new(Form::Full, at..at + 1);
    let mut options = RunOptions { records_max: Some(at + 1), ..RunOptions::default() };
    options.sinks.push(&mut window);
    let _outcome = attempt(plan, options);
    window.records.first().map(|record| Line(record).to_string())
}

/// As the file has it.
impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#")?;
        for (version, number) in VERSIONS.iter().zip(&self.versions) {
            write!(f, " {} {number}", version.name)?;
        }
        f.write_str(": case, seed, digest, trail\n")?;
        for (key, Golden { digest, trail }) in &self.runs {
            let trail = trail.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            writeln!(f, "{key} {digest} {trail}")?;
        }
        Ok(())
    }
}

/// A line of the file that does not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl FromStr for Book {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut book = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let bad = |why| BadLine { line, why };
            if let Some(header) = text.strip_prefix('#') {
                let words: Vec<&str> = header.split([' ', ':']).collect();
                for (version, number) in VERSIONS.iter().zip(&mut book.versions) {
                    let place = words.iter().position(|word| *word == version.name);
                    let word = place.and_then(|place| words.get(place + 1));
                    let read = word.map(|word| word.parse().map_err(|_| bad("no version")));
                    *number = read.transpose()?.unwrap_or(*number);
                }
                continue;
            }
            let words: Vec<&str> = text.split(' ').collect();
            let [case, seed, digest, trail] = words[..] else {
                return Err(bad("a line has case, seed, digest and trail"));
            };
            let trail = if trail == "-" { None } else { Some(trail.parse()) };
            let trail = trail.transpose().map_err(|_| bad("a trail is hex"))?;
            let golden = Golden { digest: digest.to_owned(), trail };
            if book.runs.insert(format!("{case} {seed}"), golden).is_some() {
                return Err(bad("the run stands here twice"));
            }
        }
        Ok(book)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "# rng 1 trace 1 world 2: case, seed, digest, trail\n";

    fn book(header: &str, lines: &str) -> Book {
        format!("{header}{lines}").parse().unwrap()
    }

    #[test]
    fn a_book_survives_its_text() {
        let text = format!("{HEADER}A 1 aa 0102\nB[n=1ms] 2 bb -\n");
        assert_eq!(text.parse::<Book>().unwrap().to_string(), text);
    }

    #[test]
    fn what_does_not_read_is_told_by_line() {
        for (text, line) in [
            ("# rng x\n", 1),
            ("A 1 aa\n", 1),
            ("A 1 aa -\nA 1 aa -\n", 2),
            ("# rng 1 trace 1:\nA 1 aa xyz\n", 2),
        ] {
            assert_eq!(text.parse::<Book>().map_err(|bad| bad.line), Err(line), "{text}");
        }
    }

    #[test]
    fn changes_are_told_with_the_first_record() {
        let then = book(HEADER, "A 1 aa 010203\nB 1 bb -\nC 1 cc 01\n");
        let now = book(HEADER, "A 1 ab 010303\nB 1 bc 01\nD 1 dd 01\n");
        let changes: Vec<String> = then
            .changes(&now)
            .into_iter()
            .map(|(key, change)| format!("{key} {change:?}"))
            .collect();
        let expected = ["A 1 Changed(Some(1))", "B 1 Changed(None)", "C 1 Removed", "D 1 Added"];
        assert_eq!(changes, expected);
    }

    #[test]
    fn runs_are_compared_with_what_is_stored_of_them_by_the_same_versions() {
        let then = book(HEADER, "A 1 aa 010203\nB 1 bb -\nC 1 cc 01\n");
        let now = book(HEADER, "A 1 ab 010303\nB 1 bb -\nD 1 dd 01\n");
        let changed = vec![("A 1".to_owned(), Change::Changed(Some(1)))];
        assert_eq!(then.compare(&now), Ok(Comparison { equal: 1, changed, unknown: 1 }));
        let later = book("# rng 2 trace 1 world 3: x\n", "A 1 aa -\n");
        let why = "they are of rng version 1, not 2, world version 2, not 3";
        assert_eq!(then.compare(&later), Err(why.to_owned()));
    }

    #[test]
    fn a_digest_changes_only_with_a_version() {
        let then = book(HEADER, "A 1 aa -\n");
        let raised = |rng, trace, world| format!("# rng {rng} trace {trace} world {world}: x\n");
        let may = |header: &str, lines| then.may_become(&book(header, lines));
        assert_eq!(may(HEADER, "A 1 aa -\n"), Ok(()));
        assert_eq!(may(HEADER, "A 1 aa -\nB 1 bb -\n"), Ok(()), "a new case needs no reason");
        assert_eq!(may(HEADER, ""), Ok(()), "neither does one that goes");
        assert!(may(HEADER, "A 1 ab -\n").unwrap_err().contains("no version was raised"));
        for header in [raised(2, 1, 2), raised(1, 2, 2), raised(1, 1, 3)] {
            assert_eq!(may(&header, "A 1 ab -\n"), Ok(()), "{header}");
        }
        assert!(may(&raised(1, 1, 1), "A 1 aa -\n").is_err(), "an older build");
        let unversioned = book("# rng 1 trace 1: x\n", "A 1 aa -\n");
        assert_eq!(unversioned.may_become(&book(HEADER, "A 1 ab -\n")), Ok(()));
    }
}
