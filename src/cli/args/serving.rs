//! What can be typed after `serve`. Not here: what it means (`cli::serve`).

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::cli::words::{duration, span, user};

const ENDS: &str = "\
It ends in order on Ctrl-C or SIGTERM: what was asked is answered and durable, and the exit code is 0.
Exit code 2: an address beyond the loopback interface without --allow-remote, or a certificate of no use.
Exit code 4: the address or the data is in use, the data was written by a later version or is damaged, or
there is no room left. No message that was acknowledged is lost then: start it again when there is room.";

/// Arguments of `serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = ENDS)]
pub struct Serve {
    /// Listen there; port 0 is one that is free, which is told.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7323")]
    pub listen: String,
    /// Keep accounts in this folder; it is made if it is not there.
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        default_value = "peadsim-data",
        conflicts_with = "ephemeral"
    )]
    pub data: PathBuf,
    /// Keep accounts in memory only: they are gone at the end.
    #[arg(long)]
    pub ephemeral: bool,
    /// Keep accounts on the disk, in a file that has no name and is gone with the server, however it ends: for
    /// `load --spawn`, which has no use for it afterwards.
    #[arg(long, hide = true, conflicts_with_all = ["data", "ephemeral", "history"])]
    pub temporary: bool,
    /// End in order at the end of standard input: for a server that is not to outlive whoever started it.
    #[arg(long, hide = true)]
    pub until_eof: bool,
    /// Keep with the accounts all that they do, at every start, for `judge DIR`; it grows for ever.
    #[arg(long, conflicts_with = "ephemeral")]
    pub history: bool,
    /// Tell metrics (`/metrics`) and health (`/healthz`) there.
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Let others reach it from other machines, too.
    #[arg(long)]
    pub allow_remote: bool,
    /// Speak TLS, with this chain of certificates (PEM).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// And this key (PEM).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Threads, and parts that accounts are divided into; as many as there are cores unless given.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// The server's name, which devices sign when they attach.
    #[arg(long, value_name = "NAME", default_value = "server", value_parser = user)]
    pub name: UserId,
    /// Push mail to attached devices; otherwise they poll.
    #[arg(long)]
    pub push: bool,
    /// How long mail is kept for a receiver who does not come.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span)]
    pub ttl: Duration,
    /// How long retired keys are served; at least the TTL and a twentieth.
    #[arg(long, value_name = "TIME", default_value = "8d", value_parser = duration)]
    pub grace: Duration,
    /// How long an offered message waits for its acknowledgement.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = span)]
    pub lease: Duration,
    /// Messages in one mailbox at most; more are refused (QUEUE_FULL).
    #[arg(long, value_name = "N", default_value = "1000")]
    pub mailbox_messages: NonZeroUsize,
    /// Octets in one mailbox at most.
    #[arg(long, value_name = "N", default_value = "16777216")]
    pub mailbox_octets: NonZeroU64,
    /// What it bears of its connections.
    #[command(flatten)]
    pub limits: Bounds,
    /// How to log to stderr.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log: LogFormat,
}

/// What a server bears of its connections.
#[derive(Clone, Debug, Args)]
pub struct Bounds {
    /// Registered users at most.
    #[arg(long, value_name = "N", default_value = "1000000")]
    pub users: NonZeroUsize,
    /// Connections at most.
    #[arg(long, value_name = "N", default_value = "20000")]
    pub connections: NonZeroUsize,
    /// Of them, those that are not attached; for one more the oldest is closed.
    #[arg(long, value_name = "N", default_value = "1024")]
    pub unattached: NonZeroUsize,
    /// How long a connection may take to attach.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = span)]
    pub attach_within: Duration,
    /// How long an attached connection may say nothing; at least the life of a ticket, 1h, and a twentieth.
    #[arg(long, value_name = "TIME", default_value = "70m", value_parser = span)]
    pub idle: Duration,
    /// How long a frame may take to arrive.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = span)]
    pub frame_within: Duration,
    /// Frames a second of one connection; more wait in its socket.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub rate: NonZeroU32,
    /// Frames of one connection that are not answered yet; more wait in its socket.
    #[arg(long, value_name = "N", default_value = "64")]
    pub in_flight: NonZeroU32,
}

/// How logs are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON Lines.
    Json,
}
