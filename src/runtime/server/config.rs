//! What a server is told at its start: where it listens and keeps its data, and what it bears.
//!
//! Not here: what the protocol lets an operator choose (`proto::config`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use redb::Database;

use crate::base::id::{ReqId, UserId};
use crate::base::time::{Duration, Now};
use crate::proto::config::ServerConfig;
use crate::proto::server::durable::AccountDurable;
use crate::runtime::clock::{Stamp, Timeline};
use crate::runtime::tls::Identity;
use crate::trace::fact::Fact;

/// Where accounts are kept.
#[derive(Debug)]
pub enum Storage {
    /// In memory: everything is gone with the process.
    Memory,
    /// In a folder, which is made if it is not there.
    Folder(PathBuf),
    /// In a file without a name in the folder for temporary files: gone with the process, however it ends.
    Temporary,
    /// In a database that was opened elsewhere, on whatever medium.
    Database(Box<Database>),
}

/// Something that an account states.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// When it was decided, by the server's clocks.
    pub now: Now,
    /// The same by the clock of the operating system.
    pub stamp: Stamp,
    /// Whose account it is.
    pub user: &'a UserId,
    /// What.
    pub fact: &'a Fact,
    /// The request that has led to it, if one has.
    pub req: Option<ReqId>,
}

/// Is told what accounts state, in their order for each account, after the write that makes it true.
pub type FactSink = Arc<dyn Fn(Statement<'_>) + Send + Sync>;

/// Everything that a server needs to start.
pub struct Config {
    /// Settings of its accounts.
    pub server: ServerConfig,
    /// Where it listens; port 0 is one that is free.
    pub listen: SocketAddr,
    /// Where it tells its metrics and health, if it does.
    pub metrics: Option<SocketAddr>,
    /// Whether addresses beyond the loopback interface are allowed.
    pub allow_remote: bool,
    /// Who it is on TLS; plain TCP without.
    pub tls: Option<Identity>,
    /// Where accounts are kept.
    pub storage: Storage,
    /// Threads, and parts that the accounts are divided into; at least 1.
    pub partitions: usize,
    /// What it bears.
    pub limits: Limits,
    /// Who else is told what accounts state.
    pub facts: Option<FactSink>,
    /// Whether what accounts state is kept in the storage, for ever ([`super::history`]).
    pub history: bool,
    /// Whose time it lives in.
    pub timeline: Timeline,
    /// Accounts that are to be there at the start, unless the storage has them.
    pub residents: Vec<(UserId, AccountDurable)>,
}

impl Config {
    /// A server in memory on a free port of the loopback interface.
    #[must_use]
    pub fn new(server: ServerConfig) -> Self {
        Self {
            server,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics: None,
            allow_remote: false,
            tls: None,
            storage: Storage::Memory,
            partitions: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
            facts: None,
            history: false,
            timeline: Timeline::System,
            residents: Vec::new(),
        }
    }
}

/// What a server bears of its connections. Whoever is over a limit waits or is cut off, as each says; the
/// others are not concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; one more is closed at once.
    pub connections: usize,
    /// Of them, those that are not attached; for one more the oldest of them is closed, so that whoever does
    /// attach finds a place.
    pub unattached: usize,
    /// How long a connection may take from its beginning until it is attached, TLS included.
    pub attach_within: Duration,
    /// How long a frame may take from its first octet to its last.
    pub frame_within: Duration,
    /// How long a peer may take to read what is sent to it.
    pub write_within: Duration,
    /// How long an attached connection may say nothing. Where it is shorter than a ticket's life, devices that
    /// are pushed their mail are cut off before they have to say anything, and have to attach again.
    pub idle: Duration,
    /// Frames a second of one connection in the long run; more wait in its socket.
    pub rate: u32,
    /// Frames at once.
    pub burst: u32,
    /// Frames of one connection that are not served yet; more wait in its socket.
    pub in_flight: u32,
    /// Octets of frames that are not served yet, of all connections; more wait in their sockets. At least
    /// one frame.
    pub in_flight_octets: u32,
    /// Octets that wait to be read by one peer; a peer that lets more wait is cut off.
    pub unread: usize,
    /// The same of all peers; above it whoever has the most unread pays: those with more than their share.
    pub unread_in_all: usize,
    /// Frames of one connection that are no frames; one more ends it.
    pub malformed: u32,
    /// Registered users; a registration above it is refused: QUEUE_FULL.
    pub users: usize,
    /// How long an orderly end may take.
    pub goodbye: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            unattached: 1_024,
            attach_within: Duration::from_secs(15),
            frame_within: Duration::from_secs(30),
            write_within: Duration::from_secs(30),
            idle: Duration::from_secs(4_200),
            rate: 1_000,
            burst: 2_000,
            in_flight: 64,
            in_flight_octets: 64 << 20,
            unread: 16 << 20,
            unread_in_all: 256 << 20,
            malformed: 8,
            users: 1_000_000,
            goodbye: Duration::from_secs(10),
        }
    }
}
