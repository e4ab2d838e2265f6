//! Everything that came of a load on a server, as one value: it is written, read again, merged, compared.
//!
//! Not here: its file (`report`), how it came to be (`load`), or what its objectives come to (`load::slo`).

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::base::time::{Duration, Millis};
use crate::base::units::Ratio;
use crate::verdict::finding::Finding;
use crate::verdict::knee::KneeSearch;
use crate::verdict::metrics::Distribution;
use crate::verdict::offer::Offer;

/// Version of the format; a change of a name or a meaning is a change of this number.
pub const LOAD_VERSION: u32 = 2;

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

/// The same load as dense as it gets on a server that does nothing: the generator's own share of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Operations a second that were answered in time.
    pub per_second: u64,
    /// Of 100 responses 99 are not longer; nothing when none was measured.
    pub response: Option<Duration>,
    /// So late the generator was with one operation in a hundred.
    pub lag: Option<Duration>,
    /// Whether it kept up.
    pub holds: bool,
}

impl Calibration {
    /// What a load on a server that does nothing says.
    #[must_use]
    pub fn of(results: &LoadResults) -> Self {
        let p99 = |name: &str| results.metrics.get(name).map(|figures| figures.p99);
        Self {
            per_second: per_second(results.count("done-in-time"), results.offer.active),
            response: p99("response"),
            lag: p99("lag"),
            holds: results.void.is_empty(),
        }
    }
}

/// How joined shards stood to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joined {
    /// From the beginning of the first one to that of the last one, by the server's clock.
    pub skew: Duration,
    /// The shards, in their order.
    pub shards: Vec<Part>,
}

/// When a shard began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// `1/4`.
    pub shard: String,
    /// When it began, by its own wall clock.
    pub began: Millis,
    /// How far the server's wall clock was ahead of its own, in milliseconds.
    pub offset: i64,
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
    /// How far the server's wall clock was ahead of the generator's, in milliseconds. None of joined shards:
    /// these began by the server's clock.
    pub offset: i64,
    /// Of joined shards, how they stood to each other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub joined: Option<Joined>,
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
    /// What the generator makes on a server that does nothing, if that was tried.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calibration: Option<Calibration>,
    /// The search for a knee that this load followed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub knee: Option<KneeSearch>,
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

/// The same as a whole number.
#[must_use]
pub fn per_second(count: u64, span: Duration) -> u64 {
    let nanos = u128::from(span.as_nanos().max(1));
    let rounded = (u128::from(count) * 1_000_000_000 + nanos / 2) / nanos;
    u64::try_from(rounded).unwrap_or(u64::MAX)
}
