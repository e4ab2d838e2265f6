//! What can be typed after `load`. Not here: what it means (`cli::load`).

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::base::time::Duration;
use crate::cli::load::setting::{StartAt, Thin};
use crate::cli::words::{Format, Shard, assignment, service, span, stall};
use crate::runtime::null::Service;

const ENDS: &str = "\
Exit code 0: every objective holds and no message is missing. 1: an objective or a rule is broken, or it is worse
than the baseline. 2: what is asked for makes no load, or the baseline is of another one; nothing was run. 3: it was
stopped, or something could not be judged. 4: the server cannot be reached, or was gone before the end (what was
measured until then is reported); --dry-run: this machine has too little. 6: the generator could not keep up, so
that the figures say nothing.";

/// Arguments of `load`.
#[derive(Clone, Debug, Args)]
#[command(after_help = ENDS)]
pub struct Load {
    /// The scenario: its devices, its workload and its objectives.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The server.
    #[arg(long, value_name = "HOST:PORT", required_unless_present_any = ["spawn", "null", "dry_run"])]
    pub server: Option<String>,
    /// Start a reference server for this load, with the scenario's settings and a store of its own.
    #[arg(long, conflicts_with = "server")]
    pub spawn: bool,
    /// Put the load on a server that does nothing but answer, to see what the generator itself can do.
    #[arg(long, conflicts_with_all = ["server", "spawn"])]
    pub null: bool,
    /// Let it take its time for each request, one after the other: `1ms`, or `~1ms` for an exponential time.
    #[arg(long, value_name = "TIME", requires = "null", value_parser = service)]
    pub null_service: Option<Service>,
    /// Let it close from some time after its first request, for a time: `5s+1s`.
    #[arg(long, value_name = "AT+TIME", requires = "null", value_parser = stall)]
    pub null_stall: Option<(Duration, Duration)>,
    /// Let it keep everything in memory.
    #[arg(long, requires = "spawn")]
    pub ephemeral: bool,
    /// Put load on a server beyond the loopback interface, and tell metrics there.
    #[arg(long)]
    pub allow_remote: bool,
    /// Believe these authorities (PEM), and speak TLS.
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        requires = "server",
        conflicts_with_all = ["spawn", "null"]
    )]
    pub tls_ca: Option<PathBuf>,
    /// The name that the server must have; as in --server unless given.
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    pub tls_name: Option<String>,
    /// Change a value of the scenario: `--set time.active=10s`.
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<String>,
    /// Run only this case of the scenario.
    #[arg(long, value_name = "NAME")]
    pub case: Option<String>,
    /// The seed of the schedule; the scenario's first unless given.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Let everything recur at so many percent of its pace.
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub pace: u64,
    /// Threads of the generator; half of the cores unless given.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Do not keep the generator's threads to cores of their own, and a server that it starts to the others.
    #[arg(long)]
    pub no_pin: bool,
    /// What all users' names begin with on the server; something new unless given.
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Put only the i-th of n equal shares of the devices on the server.
    #[arg(
        long,
        value_name = "I/N",
        requires_all = ["namespace", "server", "start_at"],
        conflicts_with_all = ["spawn", "null"]
    )]
    pub shard: Option<Shard>,
    /// Begin then: seconds since 1970, or a wait such as +30s. Shards begin together by it.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start_at: Option<StartAt>,
    /// Put a part of every fleet on the server: 1/100. Each device does what it does in the whole.
    #[arg(long, value_name = "1/N")]
    pub thin: Option<Thin>,
    /// The users are registered already, by --prepare with the same namespace, seed and thinning.
    #[arg(long, requires = "namespace", conflicts_with = "prepare")]
    pub prepared: bool,
    /// Only register the users.
    #[arg(
        long,
        requires_all = ["namespace", "server"],
        conflicts_with_all = ["knee", "report", "spawn", "null"]
    )]
    pub prepare: bool,
    /// Only fetch and drop the mail that earlier loads of this namespace left on the server.
    #[arg(
        long,
        requires_all = ["namespace", "server"],
        conflicts_with_all = ["knee", "report", "prepare", "spawn", "null"]
    )]
    pub cleanup: bool,
    /// Search for the highest pace at which every objective holds, and report on 70 % of it.
    #[arg(long, conflicts_with_all = ["shard", "start_at"])]
    pub knee: bool,
    /// How long a probe of the search is; what is found is confirmed by one three times as long.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = span, requires = "knee")]
    pub probe: Duration,
    /// How close the search comes, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = clap::value_parser!(u64).range(1..=100), requires = "knee")]
    pub tolerance: u64,
    /// Compare with the results of an earlier load, and fail when this one is worse.
    #[arg(
        long,
        value_name = "PLACE",
        value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["knee", "prepare", "cleanup", "dry_run"]
    )]
    pub baseline: Option<PathBuf>,
    /// Differences up to so many percent are noise, however significant.
    #[arg(long, value_name = "PERCENT", default_value = "5", requires = "baseline")]
    pub noise: u64,
    /// Do not put the load on a server that does nothing first, to see what the generator's own share is.
    #[arg(long)]
    pub no_calibration: bool,
    /// Tell how far the load is as OpenMetrics there (`/metrics`).
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Ask the server for its metrics every second, and write them into server.csv of the report:
    /// http://HOST:PORT/metrics. A server that was started for the load is always asked.
    #[arg(long, value_name = "URL", requires_all = ["server", "report"])]
    pub scrape: Option<String>,
    /// Tell how large the load is, and whether this machine can make it; put it on nobody.
    #[arg(long, conflicts_with_all = ["knee", "prepare", "cleanup"])]
    pub dry_run: bool,
    /// Write results.json, seconds.csv, load.hlog (HdrHistogram) and load.html into this folder, and the probes
    /// of --knee as knee.json.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub report: Option<PathBuf>,
    /// How to print the results.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

impl Load {
    /// Whether it is preceded by a load on a server that does nothing.
    #[must_use]
    pub const fn calibrates(&self) -> bool {
        !self.no_calibration && !self.null && self.shard.is_none() && self.start_at.is_none()
    }
}
