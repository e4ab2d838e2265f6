//! What can be typed: the whole command line, as clap derives it. Not here: what it means.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

/// A deterministic simulator and conformance harness for portable electronic authorization devices.
#[derive(Debug, Parser)]
#[command(name = "peadsim", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Log to stderr; twice for more, three times for all.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

const EXIT_CODES: &str = "\
Exit codes: 0 all as expected and something was verified, 1 a finding, 2 usage or invalid input,
3 inconclusive or interrupted, 4 the harness or its surroundings failed, 5 nothing was verified,
6 a load run is void. Of several, the first of 2, 4, 1, 6, 5, 3, 0 is told.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenario files in virtual time.
    Run(Run),
    /// Read scenario files and tell everything that is wrong with them.
    Check(Check),
    /// Print the JSON Schema of scenario files.
    Schema,
    /// Write a commented skeleton of a scenario.
    New(New),
    /// Show what led to a finding, or what became of a message.
    Why(Why),
    /// Explain a requirement, oracle, deviation, race or diagnostic.
    Explain(Explain),
    /// Show a frame field by field, or where exactly it breaks the format.
    Decode(Decode),
    /// Print known answers of the protocol, for people who write a device.
    Vectors(Vectors),
    /// Run every deviation from the protocol against the scenarios that should reveal it.
    Mutants(Mutants),
    /// Search for schedules that break a rule.
    Explore(Explore),
    /// Print completions for a shell.
    Completions(Completions),
    /// Print the manual page.
    Man,
}

/// Which scenarios, and what is changed in them.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Files or folders; a folder stands for its small `kind: run` scenarios.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath, default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// Change a value of the scenario: `--set network.default.loss=5%`.
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<String>,
    /// Make a case of each value: `--sweep network.default.loss=0%,5%`.
    #[arg(long, value_name = "PATH=A,B", value_parser = assignment)]
    pub sweep: Vec<String>,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,
    /// Run with this seed only.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// Run with these seeds, both ends included.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<RangeInclusive<u64>>,
    /// Run only this case of the scenarios: `ROT-R1[lead=20ms]`.
    #[arg(long, value_name = "NAME")]
    pub case: Option<String>,
    /// Use this suite whatever the scenario says.
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<Suite>,
    /// Threads to run on; the results do not depend on it.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Write results.json and junit.xml into this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub report: Option<PathBuf>,
    /// Write every record of the only run as JSON Lines.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trace: Option<PathBuf>,
    /// How to print the results.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Stop at the first run that fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// Run only the i-th of n equal shares of the runs.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub struct Check {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,
    /// Print each case as a single file with nothing left to draw.
    #[arg(long)]
    pub expand: bool,
    /// The seed that ranges are drawn with.
    #[arg(long, value_name = "N", requires = "expand")]
    pub seed: Option<u64>,
    /// How to print the findings.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Arguments of `new`.
#[derive(Clone, Debug, Args)]
pub struct New {
    /// Where to write it; `-` is stdout. An existing file is left alone.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// What it should be like.
    #[arg(long, value_name = "KIND", default_value = "delivery")]
    pub like: Skeleton,
}

/// Arguments of `why`.
#[derive(Clone, Debug, Args)]
pub struct Why {
    /// A scenario, which is run, or a trace that `run --trace` wrote.
    #[arg(value_name = "FILE|TRACE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// What became of this message: its name in the scenario, or `alice>bob#1`.
    #[arg(long, value_name = "NAME")]
    pub message: Option<String>,
    /// What led to the finding of this oracle: `S-03`, `expect`; by default to the worst.
    #[arg(long, value_name = "ORACLE", conflicts_with = "message")]
    pub finding: Option<String>,
    /// Run with this seed only.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Run only this case: `ROT-R1[lead=20ms]`.
    #[arg(long, value_name = "NAME")]
    pub case: Option<String>,
    /// Change a value of the scenario: `--set network.default.loss=5%`.
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<String>,
    /// Make a case of each value: `--sweep network.default.loss=0%,5%`.
    #[arg(long, value_name = "PATH=A,B", value_parser = assignment)]
    pub sweep: Vec<String>,
    /// Use this suite whatever the scenario says.
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<Suite>,
    /// How to draw it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Drawing,
}

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// `C05-R2`, `S-03`, `M39`, `R1`, `E101`, ...
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Arguments of `decode`.
#[derive(Clone, Debug, Args)]
pub struct Decode {
    /// The frame in hex, or a file that holds it in hex or as it is; `-` is stdin.
    #[arg(value_name = "HEX|FILE")]
    pub frame: String,
}

/// Arguments of `vectors`.
#[derive(Clone, Debug, Args)]
pub struct Vectors {
    /// How to print them.
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub format: VectorFormat,
}

/// Arguments of `mutants`.
#[derive(Clone, Debug, Args)]
pub struct Mutants {
    /// Files or folders; a folder stands for its small `kind: run` scenarios.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath, default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// Run with these seeds, both ends included, instead of the scenarios' own.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<RangeInclusive<u64>>,
    /// Threads to run on; the results do not depend on it.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Run only these deviations: `M01,M02`.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Run each deviation against every scenario, not only against those that list it.
    #[arg(long)]
    pub all: bool,
    /// How to print the matrix.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: MatrixFormat,
    /// Write mutants.md and mutants.json into this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub report: Option<PathBuf>,
    /// Fail only for what is worse than in this matrix, Markdown or JSON.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub check: Option<PathBuf>,
}

/// Arguments of `explore`.
#[derive(Clone, Debug, Args)]
pub struct Explore {
    /// Go through every schedule of small worlds.
    #[arg(long, required = true)]
    pub exhaustive: bool,
    /// Only this world: `first-contact`, `warm` or `rotate-twice`.
    #[arg(long, value_name = "NAME")]
    pub scope: Option<String>,
    /// Visit so many states at most; what is left then is told as `bounded`.
    #[arg(long, value_name = "N", default_value = "1000000")]
    pub states: NonZeroUsize,
    /// Search the schedules of something broken: `M85`.
    #[arg(long, value_name = "ID")]
    pub deviation: Option<String>,
}

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// For which shell.
    pub shell: clap_complete::Shell,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// How the kill matrix is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum MatrixFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// To be committed.
    Markdown,
}

/// How a causal slice is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Drawing {
    /// Lines for a terminal.
    Text,
    /// A sequence diagram in Mermaid's language.
    Mermaid,
    /// A sequence diagram as a picture.
    Svg,
    /// Trace events of Chrome and Perfetto, everything that belongs to it.
    Perfetto,
}

/// How known answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum VectorFormat {
    /// One JSON document.
    Json,
    /// A C header.
    C,
}

/// The cryptographic suites.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Suite {
    /// The real profile.
    P256,
    /// Same interface, no security, fast.
    Model,
}

/// What skeletons there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Skeleton {
    /// A key rotation races with mail.
    Rotation,
    /// Mail crosses a bad network.
    Delivery,
    /// A user approves a request.
    Approval,
    /// Many devices and a day of traffic.
    Fleet,
    /// A test for a real device.
    Conform,
    /// Load on a real server.
    Load,
}

/// `2/5`: the second of five shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// Whether the run at this position belongs to the share.
    #[must_use]
    pub const fn holds(self, position: usize) -> bool {
        position % self.of == self.index
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shard = text.split_once('/').and_then(|(index, of)| {
            let (index, of) = (index.parse::<usize>().ok()?, of.parse().ok()?);
            (1..=of).contains(&index).then(|| Self { index: index - 1, of })
        });
        shard.ok_or_else(|| "expected I/N with 1 <= I <= N, such as 2/5".to_owned())
    }
}

fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text
        .split_once("..")
        .and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse().ok()?)));
    match ends {
        Some((first, last)) if first <= last => Ok(first..=last),
        Some(_) | None => Err("expected A..B with A <= B, such as 1..20".to_owned()),
    }
}

fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((path, _)) if !path.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err("expected PATH=VALUE, such as devices.bob.refresh=30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn shards_divide_all_runs() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|s| s.parse().unwrap()).to_vec();
        for position in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.holds(position)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_of_seeds_have_two_ends() {
        assert_eq!(seeds("1..20"), Ok(1..=20));
        assert_eq!(seeds("7..7"), Ok(7..=7));
        for bad in ["20..1", "7", "1..=20", "..", "a..b", "1..20..3"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }
}
