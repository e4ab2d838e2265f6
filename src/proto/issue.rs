//! Identities that a driver gave out: keys and records made anew whenever they are asked for, so that a
//! fleet at rest keeps neither.
//!
//! Not here: how they are made (the driver's), or keys that a device made itself (`device::durable`).

use std::fmt;
use std::sync::Arc;

use crate::base::id::Hash32;
use crate::proto::device::durable::OwnKey;
use crate::wire::record::KeyRecord;

/// Makes the first identity of each user: the same whenever it is asked for.
pub trait Issuer: fmt::Debug + Send + Sync {
    /// The own key pairs of epoch 1 of the user with this number.
    fn key(&self, number: u32) -> OwnKey;
    /// The record of those keys.
    fn record(&self, number: u32) -> KeyRecord;
}

/// One user's identity, as its issuer makes it. Device and account share it.
#[derive(Clone, Debug)]
pub struct Issue(Arc<Issued>);

#[derive(Debug)]
struct Issued {
    issuer: Arc<dyn Issuer>,
    number: u32,
    hash: Hash32,
}

impl Issue {
    /// The identity of the user with this number, whose record has this hash.
    #[must_use]
    pub fn of(issuer: Arc<dyn Issuer>, number: u32, hash: Hash32) -> Self {
        Self(Arc::new(Issued { issuer, number, hash }))
    }

    /// The own key pairs of epoch 1.
    #[must_use]
    pub fn key(&self) -> Arc<OwnKey> {
        Arc::new(self.0.issuer.key(self.0.number))
    }

    /// The record of those keys.
    #[must_use]
    pub fn record(&self) -> Arc<KeyRecord> {
        Arc::new(self.0.issuer.record(self.0.number))
    }

    /// The hash of that record.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        self.0.hash
    }
}
