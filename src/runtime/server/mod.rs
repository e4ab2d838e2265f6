//! The reference server over real sockets: the accounts of [`crate::proto::server`], driven in real time.
//!
//! ```text
//! connection ── frame ──> partition ── batch ──> scribe ── one sync ──> store
//!     ^                     accounts                │
//!     └───── answers <── what waited <── durable <──┘
//! ```
//!
//! Each connection (`connection`) takes frames apart and brings them to the partition that has the account they
//! are for (`partition`). A turn of an account is one batch: what it wrote and what other accounts must be
//! told, all or nothing. The scribe (`scribe`) makes all batches that have come durable with one sync; what
//! waited for them leaves only then, SubmitAck included. After a loss of power the store has every message that
//! was acknowledged, and no account is told twice or never of what became of one. When the store fails, what
//! waits is refused (QUEUE_FULL), connections are closed, and the server ends: what is durable then, only
//! opening the store again can tell.
//!
//! Where it is asked for, what accounts state is kept with what they wrote (`history`).
//!
//! Every connection keeps to its limits (`config`), and all of them together to theirs, so that memory is
//! bounded whatever peers do. Tickets are bound to a connection's number, which never comes again.
//!
//! Not here: what an account does (`proto::server`), or the command line.

pub mod config;
mod connection;
mod engine;
pub mod error;
mod gate;
pub mod history;
mod link;
pub mod listen;
mod metrics;
mod pace;
mod partition;
mod scribe;
mod seat;
mod shared;
mod start;
mod store;

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::base::id::UserId;
use crate::runtime::server::error::ServerError;
use crate::runtime::server::partition::{Operation, Told};
use crate::runtime::server::shared::{Partitions, tell};

/// A server that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    stopper: Stopper,
    partitions: Partitions,
    main: Option<JoinHandle<Result<(), ServerError>>>,
}

/// Asks a server to end; clones ask the same one.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Wish>);

/// What a server is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Serve,
    /// End: what was asked is answered and durable.
    End,
    /// End, with no connection from now on.
    Cut,
}

impl Wish {
    fn is_over(&self) -> bool {
        *self != Self::Serve
    }
}

impl Stopper {
    /// Asks for an orderly end: what was asked is answered and durable, connections are closed.
    pub fn stop(&self) {
        self.0.send_replace(Wish::End);
    }
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it tells its metrics and health.
    #[must_use]
    pub const fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// What asks it to end.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until it has ended: because it was asked to, or because it had to.
    ///
    /// # Errors
    /// When it had to.
    pub fn wait(mut self) -> Result<(), ServerError> {
        self.join()
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When its store fails, or has failed.
    pub fn stop(mut self) -> Result<(), ServerError> {
        self.stopper.stop();
        self.join()
    }

    /// Ends it as a loss of power does for those who are connected: answers are lost on their way. What it has
    /// taken in is durable.
    ///
    /// # Errors
    /// When its store fails, or has failed.
    pub fn cut(mut self) -> Result<(), ServerError> {
        self.stopper.0.send_replace(Wish::Cut);
        self.join()
    }

    /// The operator ends a user's identity.
    pub fn reset(&self, user: UserId) {
        tell(&self.partitions, user, |user| Told::Operate(user, Operation::Reset));
    }

    /// The operator lets a mailbox take so many messages until the server ends; none: as many as all.
    pub fn limit(&self, user: UserId, messages: Option<usize>) {
        tell(&self.partitions, user, |user| Told::Operate(user, Operation::Limit(messages)));
    }

    fn join(&mut self) -> Result<(), ServerError> {
        match self.main.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ServerError::Fault("its main thread".to_owned())),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Err(error) = self.join() {
            tracing::error!(%error, "the server ended badly");
        }
    }
}
