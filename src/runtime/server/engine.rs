//! The storage engine behind one door: it panics over some of what a damaged file holds, and that is an error
//! here, like any other.
//!
//! Not here: what is stored (`store`, `history`).

use std::path::Path;

use redb::{Database, DatabaseError};

use crate::base::caught::caught_quietly;
use crate::runtime::server::error::StoreError;

/// An open database.
#[derive(Debug)]
pub struct Engine(Option<Database>);

impl Engine {
    /// Opens the one in a file.
    ///
    /// # Errors
    /// When another process uses it, it is damaged, or the medium fails.
    pub fn open(
        file: &Path,
        open: impl FnOnce() -> Result<Database, DatabaseError>,
    ) -> Result<Self, StoreError> {
        guarded(|| match open() {
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::Locked(file.to_owned())),
            other => Ok(Self::of(other?)),
        })
    }

    /// One that was opened elsewhere.
    #[must_use]
    pub const fn of(database: Database) -> Self {
        Self(Some(database))
    }

    /// Works with it. Transactions are not to outlive the work: their ends may panic, too.
    ///
    /// # Errors
    /// What the work says, or that the database is damaged.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Damaged("it is closed".to_owned());
        guarded(|| work(self.0.as_ref().ok_or_else(gone)?))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // What cannot be written at the end is found when it is opened again.
        let _ = caught_quietly(|| drop(self.0.take()));
    }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let panicked = |why| Err(StoreError::Damaged(format!("its engine gave up: {why}")));
    caught_quietly(work).unwrap_or_else(panicked)
}

#[cfg(test)]
mod tests {
    use redb::Builder;
    use redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn what_makes_the_engine_panic_is_told_as_damage() {
        let engine =
            Engine::of(Builder::new().create_with_backend(InMemoryBackend::new()).unwrap());
        assert_eq!(engine.with(|_| Ok(7)).unwrap(), 7);
        let error = engine.with(|_| -> Result<(), _> { panic!("page 5") }).unwrap_err();
        let expected =
            "the store is damaged, or is none of this program: its engine gave up: page 5";
        assert_eq!(error.to_string(), expected);
    }
}
