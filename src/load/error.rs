//! Why a load cannot be put on a server, or ends early, and whose fault it is.
//!
//! Not here: what a run that ended found (`verdict::load`).

use std::io;
use std::net::Ipv4Addr;

use crate::base::id::{UserId, UserIdError};
use crate::base::time::Duration;
use crate::load::schedule::TooMany;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Names with the namespace are none.
    #[error("the namespace `{name}` makes no user names: {why}")]
    Namespace {
        /// The namespace.
        name: String,
        /// Why.
        why: UserIdError,
    },
    /// The scenario asks for what cannot be done to a real server.
    #[error("under load, {0}")]
    Script(String),
    /// There is nothing to do.
    #[error("the schedule is empty: no workload acts within its time")]
    Empty,
    /// The schedule is too long.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Nobody answers at the server's address.
    #[error("cannot reach the server at {address}: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The server does not take a user in.
    #[error("the server does not register `{user}`: {why}")]
    Register {
        /// Who.
        user: UserId,
        /// Why.
        why: String,
    },
    /// Devices did not attach in time.
    #[error("{missing} of {count} devices did not attach within {within}: {why}")]
    NotAttached {
        /// Those that did not.
        missing: usize,
        /// All.
        count: usize,
        /// How long they had.
        within: Duration,
        /// What became of the last connection.
        why: String,
    },
    /// Connections cannot come from an address of the scenario's `sources`.
    #[error("this machine has no address {0}, from which `sources` wants connections")]
    Source(Ipv4Addr),
    /// The instant for a common start is over.
    #[error("the instant of --start-at was over {0} before this shard was ready")]
    TooLate(Duration),
    /// The operating system refuses what a generator needs.
    #[error("the operating system refuses what the generator needs: {0}")]
    System(#[from] io::Error),
    /// The user stopped it before the load began.
    #[error("stopped before the load began")]
    Stopped,
    /// A part of the generator ended by a fault of this program.
    #[error("a part of the generator failed: {0}")]
    Fault(String),
}
