//! Own keys and where the own chain stands: as they were issued, made anew when asked for, or kept.
//!
//! Not here: when keys change (`identity`), or keys of others (`table`).

use std::sync::Arc;

use crate::base::id::{Epoch, Hash32};
use crate::base::small::SmallMap;
use crate::base::time::Instant;
use crate::proto::device::durable::OwnKey;
use crate::proto::issue::Issue;
use crate::wire::record::KeyRecord;

/// A device's own key pairs and the state of its own chain. Both copies of the durable state share it.
#[derive(Clone, Debug)]
pub enum Keyring {
    /// Epoch 1 is recorded as it was issued, and nothing has happened since.
    Issued(Issue),
    /// Anything else.
    Kept(Arc<Ring>),
}

/// What a device keeps of its own keys.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// The current pair, the previous one in grace, the next one while it is announced: at most three.
    pub keys: SmallMap<Epoch, Arc<OwnKey>>,
    /// The epoch that the server recorded last; 0 before registration.
    pub current: Epoch,
    /// The record that is announced and not yet acknowledged.
    pub pending: Option<Box<KeyRecord>>,
    /// Until when the server wants that announcement put off (R6); none: it may hold the record.
    pub put_off: Option<Instant>,
    /// Hash of the current record.
    pub record: Hash32,
    /// Hash of the first record; zero before registration.
    pub generation: Hash32,
}

impl Default for Keyring {
    fn default() -> Self {
        Self::from(Ring::default())
    }
}

impl From<Ring> for Keyring {
    fn from(ring: Ring) -> Self {
        Self::Kept(Arc::new(ring))
    }
}

impl Ring {
    /// One key pair that nobody has recorded.
    #[must_use]
    pub fn of(epoch: Epoch, key: OwnKey) -> Self {
        Self { keys: SmallMap::from_iter([(epoch, Arc::new(key))]), ..Self::default() }
    }

    /// The chain ends with this record, whose hash is given.
    #[must_use]
    pub fn recorded(self, record: &KeyRecord, hash: Hash32) -> Self {
        let generation = if record.generation == Hash32::ZERO { hash } else { record.generation };
        Self { current: record.epoch, record: hash, generation, ..self }
    }
}

impl Keyring {
    /// The key pairs of an epoch.
    #[must_use]
    pub fn key(&self, epoch: Epoch) -> Option<Arc<OwnKey>> {
        match self {
            Self::Issued(issue) => (epoch == Epoch::FIRST).then(|| issue.key()),
            Self::Kept(ring) => ring.keys.get(&epoch).cloned(),
        }
    }

    /// The key pair that new encryptions use; none before registration.
    #[must_use]
    pub fn current_key(&self) -> Option<Arc<OwnKey>> {
        self.key(self.current())
    }

    /// The epochs of the key pairs, in order.
    #[must_use]
    pub fn epochs(&self) -> Vec<Epoch> {
        match self {
            Self::Issued(_) => vec![Epoch::FIRST],
            Self::Kept(ring) => ring.keys.keys().copied().collect(),
        }
    }

    /// Is there no key pair?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring().is_some_and(|ring| ring.keys.is_empty())
    }

    /// The key pairs in grace, each with the instant when it began.
    pub fn retired(&self) -> impl Iterator<Item = (Epoch, Instant)> {
        let keys = self.ring().into_iter().flat_map(|ring| ring.keys.iter());
        keys.filter_map(|(epoch, key)| Some((*epoch, key.retired?)))
    }

    /// See [`Ring::current`].
    #[must_use]
    pub fn current(&self) -> Epoch {
        self.ring().map_or(Epoch::FIRST, |ring| ring.current)
    }

    /// Whether the server knows this device.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.current() >= Epoch::FIRST
    }

    /// See [`Ring::pending`].
    #[must_use]
    pub fn pending(&self) -> Option<&KeyRecord> {
        self.ring()?.pending.as_deref()
    }

    /// See [`Ring::put_off`].
    #[must_use]
    pub fn put_off(&self) -> Option<Instant> {
        self.ring()?.put_off
    }

    /// See [`Ring::record`].
    #[must_use]
    pub fn record(&self) -> Hash32 {
        match self {
            Self::Issued(issue) => issue.hash(),
            Self::Kept(ring) => ring.record,
        }
    }

    /// See [`Ring::generation`].
    #[must_use]
    pub fn generation(&self) -> Hash32 {
        match self {
            Self::Issued(issue) => issue.hash(),
            Self::Kept(ring) => ring.generation,
        }
    }

    /// All of it, to be changed.
    #[must_use]
    pub fn to_ring(&self) -> Ring {
        match self {
            Self::Issued(issue) => Ring {
                keys: SmallMap::from_iter([(Epoch::FIRST, issue.key())]),
                current: Epoch::FIRST,
                record: issue.hash(),
                generation: issue.hash(),
                ..Ring::default()
            },
            Self::Kept(ring) => Ring::clone(ring),
        }
    }

    /// Keeps the key pairs at hand that were made anew so far.
    pub(super) fn keep(&mut self) {
        if matches!(self, Self::Issued(_)) {
            *self = Self::from(self.to_ring());
        }
    }

    fn ring(&self) -> Option<&Ring> {
        match self {
            Self::Issued(_) => None,
            Self::Kept(ring) => Some(ring),
        }
    }
}
