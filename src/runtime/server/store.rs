//! The embedded store: what accounts have written, and how it is read again after whatever happened.
//!
//! Each turn of an account that writes is one entry of a journal. When an account's entries outgrow it, an
//! image of the account takes their place. What accounts tell each other is kept until the other one has
//! written what follows from it. Not here: when to sync (`scribe`), or what the writes mean (`proto`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::id::UserId;
use crate::base::time::Instant;
use crate::proto::port::AccountMessage;
use crate::proto::server::durable::{AccountDurable, AccountWrite};
use crate::runtime::server::config::Storage;
use crate::runtime::server::engine::Engine;
use crate::runtime::server::error::StoreError;
use crate::runtime::server::history::{self, Entry, Start};

/// Version of the format. A store of a later one is left alone.
pub const FORMAT: u64 = 1;
/// The file in the folder.
pub const FILE: &str = "peadsim.redb";
/// Octets of the cache. Accounts live in memory, so that only what is written passes through it.
const CACHE: usize = 64 << 20;

/// In `META`: how often a server was started on it.
const BOOTS: &str = "boots";
/// `format`, `boots`, and the last instant of the clock.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// By user: the account as it was at some time.
const IMAGES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("images");
/// What was written since, by number: whose account, and its writes.
const JOURNAL: TableDefinition<'_, u64, (&str, &[u8])> = TableDefinition::new("journal");
/// What accounts are yet to be told, by number.
const POST: TableDefinition<'_, u64, (&str, &[u8])> = TableDefinition::new("post");

/// What one turn of an account leaves in the store, all of it or nothing.
#[derive(Debug)]
pub struct Batch {
    /// Which partition is told, and by which number, that it is durable.
    pub partition: usize,
    /// See there.
    pub number: u64,
    /// Whose account.
    pub user: UserId,
    /// What it wrote.
    pub writes: Written,
    /// What it tells other accounts, with numbers.
    pub post: Vec<(u64, UserId, AccountMessage)>,
    /// What it was told, and need not be told again.
    pub heard: Option<u64>,
    /// What it stated, if a history is kept: an entry of it, with its number.
    pub stated: Option<(u64, Vec<u8>)>,
    /// When.
    pub at: Instant,
}

/// What an account wrote.
#[derive(Debug)]
pub enum Written {
    /// Nothing.
    Nothing,
    /// An entry of the journal, with its number.
    Entry(u64, Vec<u8>),
    /// The whole account; these entries are in it.
    Image(Vec<u8>, Vec<u64>),
}

impl Batch {
    /// About how large it is.
    #[must_use]
    pub fn octets(&self) -> usize {
        let stated = self.stated.as_ref().map_or(0, |(_, octets)| octets.len());
        let written = match &self.writes {
            Written::Nothing => 0,
            Written::Entry(_, octets) | Written::Image(octets, _) => octets.len(),
        };
        written + stated
    }
}

/// An account as the store has it.
#[derive(Debug, Default)]
pub struct Kept {
    /// Its state.
    pub durable: AccountDurable,
    /// Numbers of its entries in the journal.
    pub entries: Vec<u64>,
    /// Octets of them.
    pub journaled: usize,
    /// Octets of its image.
    pub image: usize,
}

/// Everything that a store had when it was opened.
#[derive(Debug)]
pub struct Contents {
    /// The accounts.
    pub accounts: BTreeMap<UserId, Kept>,
    /// What they are yet to be told.
    pub post: Vec<(u64, UserId, AccountMessage)>,
    /// The first free number of the journal and the post.
    pub free: u64,
    /// How often it was opened, this time included.
    pub boots: u64,
    /// The last instant that it knows of.
    pub last: Instant,
}

/// An open store.
#[derive(Debug)]
pub struct Store(Engine);

impl Store {
    /// Opens a store and reads it; none for one that is only in memory.
    ///
    /// # Errors
    /// [`StoreError`]: it is in use, of a later format, damaged, or the medium fails.
    pub fn open(storage: Storage) -> Result<(Option<Self>, Contents), StoreError> {
        let engine = match storage {
            Storage::Memory => return Ok((None, Contents::new())),
            Storage::Folder(path) => in_folder(&path)?,
            Storage::Temporary => temporary()?,
            Storage::Database(database) => Engine::of(*database),
        };
        let store = Self(engine);
        let contents = store.read()?;
        Ok((Some(store), contents))
    }

    /// Makes batches durable, all of them or none; it returns when they are.
    ///
    /// # Errors
    /// When the medium fails; whether they are durable is then unknown until it is opened again.
    pub fn commit(&self, batches: &[Batch]) -> Result<(), StoreError> {
        self.0.with(|database| {
            let writing = database.begin_write()?;
            for batch in batches {
                put(&writing, batch)?;
            }
            if let Some(last) = batches.iter().map(|batch| batch.at).max() {
                writing.open_table(META)?.insert("instant", last.as_nanos())?;
            }
            Ok(writing.commit()?)
        })
    }

    /// Counts this start, and adds it to the history if one is kept: both or neither, so that what was counted
    /// and is not in the history was without one.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn count_start(
        &self,
        contents: &mut Contents,
        start: Option<Start>,
    ) -> Result<(), StoreError> {
        self.0.with(|database| {
            let writing = database.begin_write()?;
            writing.open_table(META)?.insert(BOOTS, contents.boots)?;
            if let Some(start) = start {
                history::put(&writing, contents.free, &encode(&Entry::Start(start)))?;
                contents.free += 1;
            }
            Ok(writing.commit()?)
        })
    }

    /// Looks whether it can be read, and reads everything.
    fn read(&self) -> Result<Contents, StoreError> {
        self.0.with(|database| {
            let writing = database.begin_write()?;
            let mut contents = Contents::new();
            {
                let mut meta = writing.open_table(META)?;
                known(&meta)?;
                contents.boots = number(&meta, BOOTS)? + 1;
                contents.last = Instant::from_nanos(number(&meta, "instant")?);
                meta.insert("format", FORMAT)?;
            }
            writing.open_table(IMAGES)?;
            writing.open_table(JOURNAL)?;
            writing.open_table(POST)?;
            writing.commit()?;
            contents.read(database)?;
            contents.free = contents.free.max(history::free(database)?);
            Ok(contents)
        })
    }
}

impl Contents {
    /// Takes in what tables hold.
    fn read(&mut self, database: &Database) -> Result<(), StoreError> {
        let reading = database.begin_read()?;
        for row in reading.open_table(IMAGES)?.iter()? {
            let (name, octets) = row?;
            let octets = octets.value();
            let kept = Kept { durable: decode(octets)?, image: octets.len(), ..Kept::default() };
            self.accounts.insert(user(name.value())?, kept);
        }
        for row in reading.open_table(JOURNAL)?.iter()? {
            let (number, entry) = row?;
            let (name, octets) = entry.value();
            let writes: Vec<AccountWrite> = decode(octets)?;
            let kept = self.accounts.entry(user(name)?).or_default();
            writes.iter().for_each(|write| kept.durable.apply(write));
            kept.entries.push(number.value());
            kept.journaled += octets.len();
            self.free = self.free.max(number.value() + 1);
        }
        for row in reading.open_table(POST)?.iter()? {
            let (number, told) = row?;
            let (to, octets) = told.value();
            self.post.push((number.value(), user(to)?, decode(octets)?));
            self.free = self.free.max(number.value() + 1);
        }
        Ok(())
    }

    /// Takes in accounts that are not there yet, and makes them durable.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn accommodate(
        &mut self,
        residents: Vec<(UserId, AccountDurable)>,
        store: Option<&Store>,
    ) -> Result<(), StoreError> {
        let mut batches = Vec::new();
        for (user, durable) in residents {
            if self.accounts.contains_key(&user) {
                continue;
            }
            let octets = encode(&durable);
            let kept = Kept { durable, image: octets.len(), ..Kept::default() };
            self.accounts.insert(user.clone(), kept);
            batches.push(Batch {
                partition: 0,
                number: 0,
                user,
                writes: Written::Image(octets, Vec::new()),
                post: Vec::new(),
                heard: None,
                stated: None,
                at: self.last,
            });
        }
        match store {
            Some(store) if !batches.is_empty() => store.commit(&batches),
            Some(_) | None => Ok(()),
        }
    }

    /// Of a store that was never used.
    const fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            post: Vec::new(),
            free: 0,
            boots: 1,
            last: Instant::START,
        }
    }
}

/// The octets of what the store keeps.
///
/// # Panics
/// Never: nothing that is kept has a form that cannot be written.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("it is made of what postcard writes")
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// When it is something else.
pub fn decode<T: DeserializeOwned>(octets: &[u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(octets)? {
        (value, []) => Ok(value),
        (_, rest) => Err(StoreError::Damaged(format!("{} octets too many", rest.len()))),
    }
}

/// Looks whether this program knows the format, and how often the store was started on.
///
/// # Errors
/// When the format is a later one, the store is damaged, or the medium fails.
pub fn boots(database: &Database) -> Result<u64, StoreError> {
    let meta = database.begin_read()?.open_table(META)?;
    known(&meta)?;
    number(&meta, BOOTS)
}

fn number(meta: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<u64, StoreError> {
    Ok(meta.get(name)?.map_or(0, |it| it.value()))
}

fn known(meta: &impl ReadableTable<&'static str, u64>) -> Result<(), StoreError> {
    let format = meta.get("format")?.map(|it| it.value());
    match format.filter(|found| *found > FORMAT) {
        Some(found) => Err(StoreError::Newer { found, known: FORMAT }),
        None => Ok(()),
    }
}

fn user(name: &str) -> Result<UserId, StoreError> {
    UserId::new(name).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn in_folder(path: &Path) -> Result<Engine, StoreError> {
    std::fs::create_dir_all(path)
        .map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
    let file = path.join(FILE);
    Engine::open(&file, || Builder::new().set_cache_size(CACHE).create(&file))
}

fn temporary() -> Result<Engine, StoreError> {
    let path = std::env::temp_dir();
    let file = tempfile::tempfile_in(&path);
    let file = file.map_err(|source| StoreError::Folder { path: path.clone(), source })?;
    Engine::open(&path, || {
        Builder::new().set_cache_size(CACHE).create_with_backend(FileBackend::new(file)?)
    })
}

fn put(writing: &WriteTransaction, batch: &Batch) -> Result<(), StoreError> {
    let name = batch.user.as_str();
    match &batch.writes {
        Written::Nothing => {}
        Written::Entry(number, octets) => {
            writing.open_table(JOURNAL)?.insert(number, (name, octets.as_slice()))?;
        }
        Written::Image(octets, entries) => {
            writing.open_table(IMAGES)?.insert(name, octets.as_slice())?;
            let mut journal = writing.open_table(JOURNAL)?;
            for number in entries {
                journal.remove(number)?;
            }
        }
    }
    if let Some((number, entry)) = &batch.stated {
        history::put(writing, *number, entry)?;
    }
    if batch.post.is_empty() && batch.heard.is_none() {
        return Ok(());
    }
    let mut post = writing.open_table(POST)?;
    for (number, to, message) in &batch.post {
        post.insert(number, (to.as_str(), encode(message).as_slice()))?;
    }
    if let Some(number) = batch.heard {
        post.remove(number)?;
    }
    Ok(())
}
