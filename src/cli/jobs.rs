//! What is to be run: every case of the files with every seed, in a fixed order.
//!
//! Not here: reading files (`files`), or running (`run`).

use std::ops::RangeInclusive;
use std::path::Path;

use crate::cli::args::{self, Selection};
use crate::cli::exit::CliError;
use crate::cli::files::Loaded;
use crate::cli::words::Suite;
use crate::explore::subject;
use crate::scenario::diagnostics::suggest;
use crate::scenario::plan::{Plan, SuiteName};
use crate::scenario::read::Case;

/// Most runs of one invocation: beyond, a campaign is divided by `--seeds` and `--shard`.
const RUNS_MAX: usize = 10_000_000;

/// One run to be made.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The file.
    pub file: &'a Loaded,
    /// The case in it.
    pub case: &'a Case,
    /// The seed of all luck.
    pub seed: u64,
}

/// The runs that the command line selects.
///
/// # Errors
/// When there are too many, or none has the case that was named.
pub fn jobs<'a>(loaded: &'a [Loaded], args: &args::Run) -> Result<Vec<Job<'a>>, CliError> {
    let all = || loaded.iter().flat_map(|file| file.reading.cases.iter().map(move |it| (file, it)));
    if let Some(name) = &args.case
        && !all().any(|(_, case)| case.id == *name)
    {
        let hint = suggest(name, all().map(|(_, case)| case.id.as_str()));
        let hint = hint.map_or_else(String::new, |near| format!("\n  did you mean `{near}`?"));
        return Err(CliError::Usage(format!("no case has the name `{name}`{hint}")));
    }
    let mut jobs = Vec::new();
    let mut position = 0;
    for (file, case) in all().filter(|(_, it)| args.case.as_ref().is_none_or(|id| it.id == *id)) {
        let seeds = match args.luck.seed {
            Some(seed) => vec![seed],
            None => seeds(case, args.luck.seeds.as_ref())?,
        };
        for seed in seeds {
            if args.shard.is_none_or(|shard| shard.holds(position)) {
                jobs.push(Job { file, case, seed });
            }
            position += 1;
            if position > RUNS_MAX {
                return Err(too_many());
            }
        }
    }
    Ok(jobs)
}

/// The seeds of the range, or the case's own.
///
/// # Errors
/// When there are too many.
pub fn seeds(case: &Case, range: Option<&RangeInclusive<u64>>) -> Result<Vec<u64>, CliError> {
    let Some(range) = range else { return Ok(case.scenario.seeds.value.0.clone()) };
    within(range)
}

/// The seeds of a range.
///
/// # Errors
/// When there are too many.
pub fn within(range: &RangeInclusive<u64>) -> Result<Vec<u64>, CliError> {
    let width = range.end() - range.start();
    if usize::try_from(width).map_or(true, |width| width >= RUNS_MAX) {
        return Err(too_many());
    }
    Ok(range.clone().collect())
}

fn too_many() -> CliError {
    CliError::Usage(format!("an invocation makes at most {RUNS_MAX} runs: take fewer seeds"))
}

impl Job<'_> {
    /// The plan of the run.
    ///
    /// # Errors
    /// The findings, drawn over the text, when this seed draws something impossible.
    pub fn plan(&self, suite: Option<Suite>) -> Result<Plan, String> {
        let source = self.file.path.display().to_string();
        let plan = subject::plan(&self.file.reading, self.case, &source, self.seed)?;
        Ok(Plan { suite: suite.map_or(plan.suite, suite_name), ..plan })
    }

    /// The command that shows this run again.
    #[must_use]
    pub fn repro(&self, args: &args::Run) -> String {
        let mut words = vec![path(&self.file.path)];
        if self.file.reading.cases.len() > 1 {
            words.extend(["--case".to_owned(), quoted(&self.case.id)]);
        }
        words.extend(["--seed".to_owned(), self.seed.to_string()]);
        words.extend(changes(args));
        format!("peadsim run {}", words.join(" "))
    }
}

/// The command that makes all runs again, without what their results do not depend on.
#[must_use]
pub fn command(args: &args::Run) -> String {
    let mut words: Vec<String> = args.selection.paths.iter().map(|it| path(it)).collect();
    let mut option = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    if let Some(case) = &args.case {
        option("--case", quoted(case));
    }
    if let Some(seed) = args.luck.seed {
        option("--seed", seed.to_string());
    }
    if let Some(seeds) = &args.luck.seeds {
        option("--seeds", format!("{}..{}", seeds.start(), seeds.end()));
    }
    if let Some(shard) = args.shard {
        option("--shard", shard.to_string());
    }
    words.extend(changes(args));
    if args.fail_fast {
        words.push("--fail-fast".to_owned());
    }
    format!("peadsim run {}", words.join(" "))
}

/// What the command line changes in every run.
fn changes(args: &args::Run) -> Vec<String> {
    let Selection { paths: _, set, sweep } = &args.selection;
    let mut words = Vec::new();
    for (flag, values) in [("--set", set), ("--sweep", sweep)] {
        words.extend(values.iter().flat_map(|value| [flag.to_owned(), quoted(value)]));
    }
    if let Some(suite) = args.luck.suite {
        words.extend(["--suite".to_owned(), suite_name(suite).word().to_owned()]);
    }
    if args.relations {
        words.push("--relations".to_owned());
    }
    words
}

/// The suite of a plan.
pub const fn suite_name(suite: Suite) -> SuiteName {
    match suite {
        Suite::P256 => SuiteName::P256,
        Suite::Model => SuiteName::Model,
    }
}

/// A path that starts with a dash would be an option.
pub(super) fn path(path: &Path) -> String {
    let text = path.display().to_string();
    quoted(&if text.starts_with('-') { format!("./{text}") } else { text })
}

/// As a POSIX shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:%,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::scenario::read::{Extras, read_text};

    const TEXT: &str = "peadsim: 1\nid: A\ntitle: t\nseeds: 1..3\n\
                        params: {n: {each: [1ms, 2ms]}}\n\
                        steps: [{send: {from: a, to: b, at: $n}}]\nexpect: []\n";

    fn names(line: &str) -> Result<Vec<String>, String> {
        let Command::Run(args) = Cli::parse_from(line.split(' ')).command else {
            panic!("{line} is no run");
        };
        let reading = read_text("a b.yaml", TEXT, &Extras::default());
        assert!(!reading.diagnostics.has_errors(), "{}", reading.render(false));
        let loaded = [Loaded { path: "a b.yaml".into(), reading }];
        let jobs = jobs(&loaded, &args).map_err(|error| error.to_string())?;
        Ok(jobs.iter().map(|job| job.repro(&args)).collect())
    }

    #[test]
    fn every_case_runs_with_every_seed() {
        assert_eq!(names("peadsim run").unwrap().len(), 6);
        assert_eq!(names("peadsim run --seed 9").unwrap().len(), 2);
        assert_eq!(names("peadsim run --seeds 1..10").unwrap().len(), 20);
        assert_eq!(names("peadsim run --case A[n=2ms]").unwrap().len(), 3);
        let halves = ["1/2", "2/2"].map(|it| names(&format!("peadsim run --shard {it}")).unwrap());
        assert_eq!(halves.each_ref().map(Vec::len), [3, 3]);
        assert!(halves[0].iter().all(|name| !halves[1].contains(name)));
    }

    #[test]
    fn a_run_names_the_command_that_shows_it_again() {
        let line = "peadsim run --case A[n=1ms] --seed 7 --set steps.0.text=it's --suite model";
        assert_eq!(
            names(line).unwrap(),
            ["peadsim run 'a b.yaml' --case 'A[n=1ms]' --seed 7 \
              --set 'steps.0.text=it'\\''s' --suite model"]
        );
    }

    #[test]
    fn all_runs_have_a_command_without_what_does_not_matter() {
        let all = "peadsim run a.yaml -x.yaml --case A --seeds 1..9 --shard 2/3 --set a.b=1 \
                   --sweep params.n=1ms,2ms --suite p256 --relations --fail-fast";
        let mut line: Vec<&str> = all.split(' ').filter(|word| *word != "-x.yaml").collect();
        line.extend(["--threads", "7", "--report", "out", "--csv", "x", "--format", "json"]);
        line.extend(["--", "-x.yaml"]);
        let Command::Run(args) = Cli::parse_from(line).command else { panic!("it is a run") };
        assert_eq!(command(&args), all.replace("-x.yaml", "./-x.yaml"));
    }

    #[test]
    fn unknown_cases_and_endless_campaigns_are_refused() {
        assert_eq!(
            names("peadsim run --case A[n=3ms]").unwrap_err(),
            "no case has the name `A[n=3ms]`\n  did you mean `A[n=1ms]`?"
        );
        let endless = format!("peadsim run --seeds 0..{}", u64::MAX);
        assert!(names(&endless).unwrap_err().contains("at most 10000000 runs"));
    }
}
