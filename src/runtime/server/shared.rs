//! What all parts of one server have in common, and the refusals that any of them may have to make.
//!
//! Not here: what only one part knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use xxhash_rust::xxh3::xxh3_64;

use crate::base::id::UserId;
use crate::base::rng::{Luck, Purpose};
use crate::crypto::suite::{Secret, Suite};
use crate::proto::config::ServerConfig;
use crate::proto::port::Origin;
use crate::runtime::clock::WorldClock;
use crate::runtime::server::config::{FactSink, Limits};
use crate::runtime::server::metrics::Metrics;
use crate::runtime::server::partition::Told;
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message};
use crate::wire::signed::error_octets;

/// Connections of one start that have numbers of their own.
const ORIGINS_OF_A_BOOT: u64 = 1 << 40;

/// Where partitions are told something.
pub type Partitions = Vec<UnboundedSender<Told>>;

/// What all parts of a server have in common.
pub struct Shared {
    /// Settings of its accounts.
    pub config: Arc<ServerConfig>,
    /// What it bears.
    pub limits: Limits,
    /// Its clock.
    pub clock: WorldClock,
    /// The key of its tickets: a new one at each start, since tickets are bound to connections.
    pub key: Arc<Secret>,
    /// Nobody can guess it.
    pub seed: u64,
    /// How often it was started.
    pub boots: u64,
    /// The next number of the journal and the post.
    pub numbers: AtomicU64,
    /// Accounts that are kept.
    pub users: AtomicUsize,
    /// The partitions.
    pub partitions: Partitions,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Who else is told what accounts state.
    pub facts: Option<FactSink>,
    /// Whether a history is kept.
    pub history: bool,
    /// Octets of frames that may be under way.
    pub octets: Arc<Semaphore>,
    /// Octets that peers have not read yet.
    pub unread: Arc<AtomicUsize>,
    /// Connections so far.
    pub origins: AtomicU64,
}

impl Shared {
    /// The partition that has this user's account.
    #[must_use]
    pub fn partition(&self, user: &UserId) -> usize {
        place(user, self.partitions.len())
    }

    /// Tells a partition something. One that has ended needs no telling: what must not be lost is stored.
    pub fn tell(&self, partition: usize, told: Told) {
        let _ = self.partitions[partition].send(told);
    }

    /// A number of the journal or the post.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of a connection.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let first = self.boots.saturating_mul(ORIGINS_OF_A_BOOT);
        Origin(first.saturating_add(self.origins.fetch_add(1, Ordering::Relaxed)))
    }

    /// The luck of an account.
    #[must_use]
    pub fn luck(&self, user: &UserId) -> Luck {
        Luck::new(self.seed, Purpose::Account, xxh3_64(user.as_str().as_bytes()))
    }
}

/// Tells the partition of a user something. One that has ended needs no telling.
pub fn tell(partitions: &Partitions, user: UserId, told: impl FnOnce(UserId) -> Told) {
    let _ = partitions[place(&user, partitions.len())].send(told(user));
}

/// Which of so many parts a user's account is in.
#[must_use]
pub fn place(user: &UserId, parts: usize) -> usize {
    let hash = xxh3_64(user.as_str().as_bytes());
    usize::try_from(hash % parts as u64).unwrap_or(0)
}

/// The answer to a request that the server itself refuses, as an account would word it.
#[must_use]
pub fn refusal<S: Suite>(request: &Envelope, code: ErrorCode, arg: u64) -> Envelope {
    let about = S::hash(&[&error_octets(&request.body, code, arg)]);
    Envelope { req: request.req, ticket: None, body: Message::Error { code, arg, about } }
}
