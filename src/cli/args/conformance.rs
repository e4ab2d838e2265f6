//! What can be typed to test something outside, to be something that is tested, and to keep what came of it.
//!
//! Not here: what it means.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::cli::args::Luck;
use crate::cli::places::{Attachment, Doctor};
use crate::cli::words::{Clock, Format, Shard, assignment, class, duration, user};
use crate::verdict::requirement::Class;

/// Arguments of `conform`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Conform {
    /// Something else than to test the device.
    #[command(subcommand)]
    pub other: Option<OtherConform>,
    /// How the device is reached.
    #[command(flatten)]
    pub device: Attachment,
    /// Print the tests, and make none.
    #[arg(long)]
    pub list: bool,
    /// Only the tests of this scenario, case or test: `ROT-R1-inflight`, `CLAIM-03-approve@bob#1`;
    /// nobody stands behind the `@` of a server's test.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Only tests that show a requirement of this class: `tx`, `rx`, `cache`, `approve`, `poll`, `push`,
    /// `prov`, `rot`, `srv`.
    #[arg(long = "class", value_name = "CLASS", value_parser = class)]
    pub classes: Vec<Class>,
    /// Only the tests of this profile: `core`.
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
    /// Only tests that did not pass in the report in this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub last_failed: Option<PathBuf>,
    /// The device stands for the one of this name in every case, whatever profiles say.
    #[arg(long = "as", value_name = "NAME", value_parser = user, conflicts_with = "server")]
    pub role: Option<UserId>,
    /// Whose the device's clock is. On a real one a test takes as long as its scenario says.
    /// [default: virtual]
    #[arg(long, value_name = "CLOCK")]
    pub clock: Option<Clock>,
    /// Let the device and its world live so many times as fast as real time; the device must be able to.
    /// [default: 1]
    #[arg(long, value_name = "N")]
    pub time_scale: Option<NonZeroU32>,
    /// Leave tests out that may take longer than this in real time; only with a real clock.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub budget_case: Duration,
    /// Make each test so many times; the worst counts.
    #[arg(long, value_name = "N", default_value = "1")]
    pub repeat: NonZeroU32,
    /// Begin no test after this time: `20m`. What is left is `not_run`.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub budget: Option<Duration>,
    /// Make only the i-th of n equal shares of the tests; `peadsim merge` joins their reports.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// What is known not to pass.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub expectations: Option<PathBuf>,
    /// Which luck, and which cryptography.
    #[command(flatten)]
    pub luck: Luck,
    /// Write reports and transcripts into this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub report: Option<PathBuf>,
    /// Go on with the report in this folder: tests whose transcripts are there are not made again.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "report")]
    pub resume: Option<PathBuf>,
    /// How to print the results.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Files or folders; profiles among them say which tests there are, and otherwise every case is one.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath, default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// Change a value of the scenarios: `--set network.default.loss=5%`.
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<String>,
}

/// What is done with a rig beside testing.
#[derive(Clone, Debug, Subcommand)]
pub enum OtherConform {
    /// Look whether the rig is fit: the way to the device, its answers, their times, its clock.
    Doctor(Doctor),
}

/// Arguments of `judge`.
#[derive(Clone, Debug, Args)]
pub struct Judge {
    /// Transcripts, folders of reports, or folders of a server's data with a history (`serve --history`);
    /// looking into it mends the store of a server that was killed.
    #[arg(value_name = "TRANSCRIPT|DIR", value_hint = ValueHint::AnyPath, required = true)]
    pub paths: Vec<PathBuf>,
    /// How to print the results.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Arguments of `merge`.
#[derive(Clone, Debug, Args)]
pub struct Merge {
    /// Folders of reports of one device's shards, or of one load's.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, required = true, num_args = 1..)]
    pub folders: Vec<PathBuf>,
    /// Where the joined report goes.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub report: PathBuf,
    /// How to print the results.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Arguments of `expect`.
#[derive(Clone, Debug, Args)]
pub struct Expect {
    /// What to do with them.
    #[command(subcommand)]
    pub command: ExpectCommand,
}

/// What can be done with expectations.
#[derive(Clone, Debug, Subcommand)]
pub enum ExpectCommand {
    /// Write a file of expectations that a report meets; comments, issues and days of the old one stay.
    Update {
        /// The folder of the report.
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        report: PathBuf,
        /// The file of expectations.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}
