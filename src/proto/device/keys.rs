//! Own key pairs by epoch: those that the device keeps, or the first ones, made anew when asked for.
//!
//! Not here: which of them are in use (`durable`, `identity`).

use std::sync::Arc;

use crate::base::id::Epoch;
use crate::base::small::SmallMap;
use crate::base::time::Instant;
use crate::proto::device::durable::OwnKey;
use crate::proto::issue::Issue;

/// Own key pairs by epoch; at most three.
#[derive(Clone, Debug)]
pub enum Keys {
    /// Those of epoch 1, as they were issued.
    Issued(Issue),
    /// Any others.
    Kept(SmallMap<Epoch, Arc<OwnKey>>),
}

impl Default for Keys {
    fn default() -> Self {
        Self::Kept(SmallMap::new())
    }
}

impl Keys {
    /// One key pair.
    #[must_use]
    pub fn one(epoch: Epoch, key: OwnKey) -> Self {
        Self::Kept(SmallMap::from_iter([(epoch, Arc::new(key))]))
    }

    /// The key pairs of an epoch.
    #[must_use]
    pub fn get(&self, epoch: Epoch) -> Option<Arc<OwnKey>> {
        match self {
            Self::Issued(issue) => (epoch == Epoch::FIRST).then(|| issue.key()),
            Self::Kept(keys) => keys.get(&epoch).cloned(),
        }
    }

    /// The epochs in order.
    #[must_use]
    pub fn epochs(&self) -> Vec<Epoch> {
        match self {
            Self::Issued(_) => vec![Epoch::FIRST],
            Self::Kept(keys) => keys.keys().copied().collect(),
        }
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Issued(_) => false,
            Self::Kept(keys) => keys.is_empty(),
        }
    }

    /// Those in grace, each with the instant when it began.
    pub fn retired(&self) -> impl Iterator<Item = (Epoch, Instant)> {
        let kept = match self {
            Self::Issued(_) => None,
            Self::Kept(keys) => Some(keys),
        };
        kept.into_iter()
            .flat_map(|keys| keys.iter())
            .filter_map(|(epoch, key)| Some((*epoch, key.retired?)))
    }

    /// All of them, to be changed: from now on they are kept.
    pub fn keep(&mut self) -> &mut SmallMap<Epoch, Arc<OwnKey>> {
        if let Self::Issued(issue) = self {
            *self = Self::Kept(SmallMap::from_iter([(Epoch::FIRST, issue.key())]));
        }
        match self {
            Self::Kept(keys) => keys,
            Self::Issued(_) => unreachable!("they are kept now"),
        }
    }
}
