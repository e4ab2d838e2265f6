//! The history of a server: what its accounts have stated, in the store with the writes that make it true.
//!
//! An entry is durable together with what its turn wrote, and before anybody is told of it, so that the
//! history of a server that was killed says neither more nor less than its accounts. It grows for ever, and is
//! kept only where it is asked for. Not here: what the facts mean (`trace`), or whether they are right
//! (`conformance`).

use std::path::Path;

use redb::{
    Builder, Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};

use crate::base::id::UserId;
use crate::base::time::{Duration, Now};
use crate::proto::config::ServerConfig;
use crate::runtime::server::engine::Engine;
use crate::runtime::server::error::StoreError;
use crate::runtime::server::store::{FILE, boots, decode};
use crate::trace::fact::{Fact, TRACE_VERSION};

/// By number: an [`Entry`].
const HISTORY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("history");
/// Entries that are read at once.
const AT_ONCE: usize = 256;

/// What happened at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Entry {
    /// The server started; if it had run before, it had been stopped or killed.
    Start(Start),
    /// An account made a turn, and stated these facts.
    Turn {
        /// Whose account it is.
        user: UserId,
        /// By the server's clocks.
        now: Now,
        /// In their order.
        facts: Vec<Fact>,
    },
}

/// A start of the server, and how it was set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Start {
    /// [`TRACE_VERSION`] of the facts that follow.
    pub version: u32,
    /// Counts the starts.
    pub boot: u64,
    /// By the server's clocks.
    pub now: Now,
    /// The server's name.
    pub name: UserId,
    /// Life of mail.
    pub ttl: Duration,
    /// How long retired keys are served.
    pub grace: Duration,
    /// How long an offered message waits for its acknowledgement.
    pub lease: Duration,
    /// Messages in a mailbox at most.
    pub mailbox_messages: u64,
}

impl Start {
    /// The start of a server with these settings.
    #[must_use]
    pub fn new(boot: u64, now: Now, config: &ServerConfig) -> Self {
        let ServerConfig { ttl, grace, lease, mailbox_messages, .. } = *config;
        let mailbox_messages = u64::try_from(mailbox_messages).unwrap_or(u64::MAX);
        let (version, name) = (TRACE_VERSION, config.server.clone());
        Self { version, boot, now, name, ttl, grace, lease, mailbox_messages }
    }
}

/// A history that is read, while no server adds to it.
#[derive(Debug)]
pub struct History(Engine);

impl History {
    /// Whether there are data of a server in this folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Opens what a server has left in this folder. All of it is looked through first: octets that somebody has
    /// changed are no evidence of what the server did.
    ///
    /// # Errors
    /// [`StoreError`]: a server uses it, it is of a later format, damaged, or the medium fails.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let checked = || Builder::new().set_check_integrity_on_open(true).open(&file);
        let history = Self(Engine::open(&file, checked)?);
        history.boots()?;
        Ok(history)
    }

    /// How often a server was started on these data, with a history or without.
    ///
    /// # Errors
    /// When the store is of a later format, damaged, or the medium fails.
    pub fn boots(&self) -> Result<u64, StoreError> {
        self.0.with(boots)
    }

    /// Gives all entries in their order; none where no history was kept.
    ///
    /// # Errors
    /// When another version of this program has written it, the store is damaged, or the medium fails.
    pub fn each(&self, mut hear: impl FnMut(Entry)) -> Result<(), StoreError> {
        let mut next = 0;
        loop {
            // Who hears them is not the engine, whose panics are errors.
            let part = self.0.with(|database| read(database, next))?;
            let Some(last) = part.last().map(|(number, _)| *number) else { return Ok(()) };
            part.into_iter().for_each(|(_, entry)| hear(entry));
            let Some(after) = last.checked_add(1) else { return Ok(()) };
            next = after;
        }
    }
}

/// The entries from this number on, as many as are read at once.
fn read(database: &Database, from: u64) -> Result<Vec<(u64, Entry)>, StoreError> {
    let table = match database.begin_read()?.open_table(HISTORY) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        other => other?,
    };
    let mut part = Vec::new();
    for row in table.range(from..)?.take(AT_ONCE) {
        let (number, octets) = row?;
        let entry = decode(octets.value())?;
        if let Entry::Start(Start { version, .. }) = &entry
            && *version != TRACE_VERSION
        {
            return Err(StoreError::History { found: *version, known: TRACE_VERSION });
        }
        part.push((number.value(), entry));
    }
    Ok(part)
}

/// Adds an entry, as octets.
pub(super) fn put(writing: &WriteTransaction, number: u64, entry: &[u8]) -> Result<(), StoreError> {
    writing.open_table(HISTORY)?.insert(number, entry)?;
    Ok(())
}

/// The first number that no entry has.
pub(super) fn free(database: &Database) -> Result<u64, StoreError> {
    match database.begin_read()?.open_table(HISTORY) {
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        other => Ok(other?.last()?.map_or(0, |(number, _)| number.value() + 1)),
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::base::time::{Instant, Millis};
    use crate::runtime::server::store::encode;
    use crate::trace::fact::StopCause;

    fn read(entries: &[Entry]) -> Result<Vec<Entry>, StoreError> {
        let database = Builder::new().create_with_backend(InMemoryBackend::new()).unwrap();
        assert_eq!(free(&database).unwrap(), 0);
        let writing = database.begin_write().unwrap();
        for (number, entry) in (7..).zip(entries) {
            put(&writing, number, &encode(entry)).unwrap();
        }
        writing.commit().unwrap();
        assert_eq!(free(&database).unwrap(), 7 + entries.len() as u64);
        let mut found = Vec::new();
        History(Engine::of(database)).each(|entry| found.push(entry))?;
        Ok(found)
    }

    fn start(version: u32) -> Entry {
        let now = Now { at: Instant::from_nanos(5), wall: Millis(6) };
        let config = ServerConfig::new(UserId::new("server").unwrap());
        Entry::Start(Start { version, ..Start::new(1, now, &config) })
    }

    #[test]
    fn what_is_put_is_read_in_its_order() {
        let user = UserId::new("bob").unwrap();
        let now = Now { at: Instant::from_nanos(7), wall: Millis(8) };
        let facts =
            vec![Fact::Reset { user: user.clone() }, Fact::PowerOff { why: StopCause::Crash }];
        let entries = [start(TRACE_VERSION), Entry::Turn { user, now, facts }];
        assert_eq!(read(&entries).unwrap(), entries);
    }

    #[test]
    fn another_vocabulary_is_not_guessed_at() {
        let error = read(&[start(TRACE_VERSION + 1)]).unwrap_err().to_string();
        assert!(error.contains("another version"), "{error}");
    }
}
