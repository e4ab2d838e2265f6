//! Why a server does not start, or ends.
//!
//! Not here: what peers do wrong, which ends their connection only (`connection`).

use std::io;
use std::path::PathBuf;

/// Why a server does not start, or ends before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It cannot listen there; the operating system says why (address in use, no such interface).
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It would be reachable from elsewhere, and nobody said that it may be.
    #[error("{0} is not on the loopback interface: --allow-remote is needed")]
    Remote(String),
    /// Its store fails. What was acknowledged is durable; what was not is refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system refuses threads or entropy.
    #[error("the operating system refuses what a server needs: {0}")]
    System(io::Error),
    /// A part of it ended by a fault of this program.
    #[error("a part of the server failed: {0}")]
    Fault(String),
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process uses it.
    #[error("the store `{0}` is in use by another process")]
    Locked(PathBuf),
    /// It was written by a later version of this program.
    #[error("the store has format {found}, and this program knows formats up to {known}")]
    Newer {
        /// What it says.
        found: u64,
        /// What this program writes.
        known: u64,
    },
    /// Its history was written by a version of this program that has other facts.
    #[error(
        "the history was written by another version: its facts are of version {found}, not {known}"
    )]
    History {
        /// Which they are of.
        found: u32,
        /// Which this program knows.
        known: u32,
    },
    /// The folder cannot be made or used.
    #[error("cannot use the folder `{path}`: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no room.
    #[error("the store has no room left: {0}")]
    Full(io::Error),
    /// The medium fails.
    #[error("the store fails: {0}")]
    Io(io::Error),
    /// What is in it is not what was written, or it is something else.
    #[error("the store is damaged, or is none of this program: {0}")]
    Damaged(String),
}

/// What is said when the file holds something else than was written: places in it that are not there, too.
const NO_FAULT_OF_MEDIA: [io::ErrorKind; 3] =
    [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidInput];

impl StoreError {
    fn of_io(error: io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&error.kind()) { Self::Full(error) } else { Self::Io(error) }
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "all others mean the same here")]
impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) if NO_FAULT_OF_MEDIA.contains(&error.kind()) => {
                Self::Damaged(error.to_string())
            }
            redb::Error::Io(error) => Self::of_io(error),
            redb::Error::PreviousIo => Self::Io(io::Error::other("it failed before")),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// The errors of single calls, all by way of the one that has them all.
macro_rules! from_redb {
    ($($name:ident),+) => {
        $(impl From<redb::$name> for StoreError {
            fn from(error: redb::$name) -> Self {
                redb::Error::from(error).into()
            }
        })+
    };
}

from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

impl From<postcard::Error> for StoreError {
    fn from(error: postcard::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}
