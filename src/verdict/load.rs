//! Everything that came of a load on a server, as one value: it is written, read again, merged, compared.
//!
//! Not here: its file (`report`), how it came to be (`load`), or what its objectives come to (`load::slo`).

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::base::time::{Duration, Millis};
use crate::base::units::Ratio;
use crate::verdict::finding::Finding;
use crate::verdict::metrics::Distribution;

/// Version of the format; a change of a name or a meaning is a change of this number.
pub const LOAD_VERSION: u32 = 1;

/// The count of octets that a server that was started for a load has taken at the worst.
pub const SERVER_MEMORY: &str = "server-memory";

/// What a load comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadVerdict {
    /// Every objective holds, and no message is missing or wrong.
    Pass,
    /// An objective or a rule is broken.
    Fail,
    /// The generator could not keep up: the figures are about it, and not about the server.
    Void,
    /// It was stopped, or something could not be judged.
    Inconclusive,
    /// The server was gone before the end.
    ServerGone,
}

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Everything was over.
    Drained,
    /// Something was still open when `settle` was over.
    Open,
    /// The user stopped it.
    Stopped,
    /// No device had a connection any more.
    ServerGone,
}

/// What was put on which server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The case.
    pub case: String,
    /// Its title.
    pub title: String,
    /// The file.
    pub source: String,
    /// The seed of the schedule.
    pub seed: u64,
    /// The hash of the schedule, in hex: those of shards add up to that of the whole.
    pub schedule: String,
    /// Operations on the schedule.
    pub operations: u64,
    /// Devices, each with a connection of its own.
    pub devices: u64,
    /// `1/4` of a load in shards.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<String>,
    /// `1/100` of a thinned population.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thinned: Option<String>,
    /// How much faster than written everything recurs, in percent.
    pub pace: u64,
    /// Where the server was.
    pub server: String,
    /// For how long operations were due.
    pub active: Duration,
    /// The generator may be so late with one operation in a hundred.
    pub lag: Duration,
}

/// The durations of one metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// How many.
    pub count: u64,
    /// Their mean.
    pub mean: Duration,
    /// Half of them are not longer.
    pub p50: Duration,
    /// Nine in ten.
    pub p90: Duration,
    /// 99 in a hundred.
    pub p99: Duration,
    /// 999 in a thousand.
    pub p999: Duration,
    /// The longest.
    pub max: Duration,
    /// All of them, in nanoseconds: an `HdrHistogram` V2, compressed, in base64.
    pub hdr: String,
    /// By the second of the load that they began in.
    pub seconds: Vec<Distribution>,
}

/// What a scenario expects of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// As written.
    pub text: String,
    /// Line in the scenario.
    pub line: u32,
    /// Only of what began in this time of the load.
    pub during: Range<Duration>,
    /// What is expected.
    pub goal: Goal,
}

/// What an objective is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Goal {
    /// A quantile of a metric lies below a bound.
    Quantile {
        /// The metric.
        metric: String,
        /// The quantile.
        quantile: Ratio,
        /// The bound.
        below: Duration,
        /// In each window of this length; over all of the time unless given.
        window: Option<Duration>,
        /// The share of windows that may miss it.
        budget: Ratio,
        /// Without what touches these times.
        outside: Vec<Range<Duration>>,
    },
    /// A share of table searches.
    Share {
        /// `table.hit` or `table.miss`.
        metric: String,
        /// Above this.
        above: Option<Ratio>,
        /// Below this.
        below: Option<Ratio>,
    },
    /// What was written before the end of a fault arrives so long after it.
    Healed {
        /// When the fault ended.
        end: Duration,
        /// How long after.
        within: Option<Duration>,
    },
    /// So many messages may be missing.
    Missing {
        /// At least.
        least: u64,
        /// At most.
        most: u64,
    },
}

/// What became of an objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    /// As written.
    pub text: String,
    /// Line in the scenario.
    pub line: u32,
    /// Whether it holds; nothing when nothing was measured.
    pub holds: Option<bool>,
    /// What was measured.
    pub seen: String,
}

/// What became of the messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailFate {
    /// Taken by the server.
    pub accepted: u64,
    /// Of them, those that neither arrived nor were given up by the end, as hashes of what they are; of a
    /// shard those for devices of other shards are among them.
    pub missing: Vec<u64>,
    /// What arrived from devices of other shards.
    pub foreign: Vec<u64>,
}

/// What the oracles looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// Of so many pairs of users one was judged.
    pub one_in: u64,
    /// How often each oracle had something to judge.
    pub evaluated: BTreeMap<String, u64>,
}

/// A load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadResults {
    /// [`LOAD_VERSION`].
    #[serde(rename = "peadsim-load")]
    pub version: u32,
    /// Version of the program.
    pub program: String,
    /// What was put on which server.
    pub offer: Offer,
    /// When it began, by the wall clock.
    pub began: Millis,
    /// How far the server's wall clock was ahead of the generator's, in milliseconds.
    pub offset: i64,
    /// From its beginning to its end.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
    /// What it comes to.
    pub verdict: LoadVerdict,
    /// The exit code.
    pub exit: u8,
    /// Why it is void, if it is.
    pub void: Vec<String>,
    /// Which share of its time the busiest thread of the generator has worked, in percent.
    pub busy: u64,
    /// Durations by metric.
    pub metrics: BTreeMap<String, Figures>,
    /// Counts by name.
    pub counts: BTreeMap<String, u64>,
    /// What is expected.
    pub objectives: Vec<Objective>,
    /// What became of that.
    pub slos: Vec<Slo>,
    /// What became of the messages.
    pub mail: MailFate,
    /// What the oracles looked at.
    pub judged: Judged,
    /// What they found.
    pub findings: Vec<Finding>,
}

impl LoadResults {
    /// A count by its name.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Whether it is one of several shards.
    #[must_use]
    pub const fn is_shard(&self) -> bool {
        self.offer.shard.is_some()
    }
}

/// How a figure stands to that of an earlier load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No difference that counts.
    Alike,
    /// Worse.
    Worse,
    /// Better.
    Better,
    /// One of the two loads was too short to tell.
    TooShort,
}

/// A figure of two loads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// In the earlier load.
    pub base: Duration,
    /// In this one.
    pub new: Duration,
    /// The difference, in percent of the earlier one.
    pub change: f64,
    /// What it means.
    pub standing: Standing,
}

/// So many in that time, a second.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn rate(count: u64, span: Duration) -> f64 {
    let seconds = span.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
