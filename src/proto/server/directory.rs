//! A user's key records: the current chain, what is in grace, the chains of ended identities, watchers.
//!
//! Not here: who may append a record (`registrar`) and what a lookup answers (`lookup`).

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::{Epoch, Hash32, UserId};
use crate::base::small::{Idle, Spare};
use crate::base::time::{Duration, Instant};
use crate::proto::issue::Issue;
use crate::wire::record::KeyRecord;

/// A record of the chain and its place in the life of its epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The record as registered, octet for octet.
    pub record: Arc<KeyRecord>,
    /// Its hash.
    pub hash: Hash32,
    /// Whether its epoch is in use.
    pub standing: Standing,
}

/// Whether an epoch is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The newest of its chain.
    Current,
    /// Replaced at this instant; its grace counts from there.
    Retired(Instant),
    /// Without any grace: revoked (R11), or retired long before this world began.
    Over,
}

impl Link {
    const fn first(record: Arc<KeyRecord>, hash: Hash32) -> Self {
        Self { record, hash, standing: Standing::Current }
    }

    /// Whether the epoch is current, or was retired for less than `grace`.
    pub(super) fn is_in_use(&self, now: Instant, grace: Duration) -> bool {
        match self.standing {
            Standing::Current => true,
            Standing::Retired(at) => now < at + grace,
            Standing::Over => false,
        }
    }
}

/// A user that fetched the keys of another and is told of its next ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Watcher {
    user: UserId,
    /// Place in the order of coming.
    order: u64,
}

/// The durable directory part of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// None before registration and after a reset.
    chain: Option<Chain>,
    past: Spare<Past>,
}

/// The records of the present identity. Both copies of the durable state share them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Link>", into = "Vec<Link>")]
enum Chain {
    /// The first one, as it was issued.
    Issued(Issue),
    /// Oldest first.
    Kept(Arc<Vec<Link>>),
}

impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        self.links() == other.links()
    }
}

impl Eq for Chain {}

impl From<Vec<Link>> for Chain {
    fn from(links: Vec<Link>) -> Self {
        Self::Kept(Arc::new(links))
    }
}

impl From<Chain> for Vec<Link> {
    fn from(chain: Chain) -> Self {
        chain.links().into_owned()
    }
}

impl Chain {
    fn links(&self) -> Cow<'_, [Link]> {
        match self {
            Self::Issued(issue) => Cow::Owned(vec![Link::first(issue.record(), issue.hash())]),
            Self::Kept(links) => Cow::Borrowed(links),
        }
    }
}

/// What most accounts of a large world do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    /// Chains of ended identities, oldest first.
    archive: Vec<Vec<Link>>,
    /// Sorted by user.
    watchers: Vec<Watcher>,
}

impl Idle for Past {
    fn idle() -> &'static Self {
        static IDLE: Past = Past { archive: Vec::new(), watchers: Vec::new() };
        &IDLE
    }
}

impl Directory {
    /// The chain of the present identity, oldest first.
    #[must_use]
    pub fn chain(&self) -> Cow<'_, [Link]> {
        self.chain.as_ref().map_or(Cow::Borrowed(&[]), |chain| chain.links())
    }

    /// Is anybody registered?
    #[must_use]
    pub const fn is_registered(&self) -> bool {
        self.chain.is_some()
    }

    /// The chains of ended identities, oldest first.
    #[must_use]
    pub fn archive(&self) -> &[Vec<Link>] {
        &self.past.archive
    }

    /// The current record; none when nobody is registered.
    #[must_use]
    pub fn current(&self) -> Option<Link> {
        self.chain().last().cloned()
    }

    /// The hash of the first record, which names the identity (protocol 4.3, generations).
    #[must_use]
    pub fn generation(&self) -> Option<Hash32> {
        match self.chain.as_ref()? {
            Chain::Issued(issue) => Some(issue.hash()),
            Chain::Kept(links) => links.first().map(|first| first.hash),
        }
    }

    /// Those who are told of a new record.
    pub fn watchers(&self) -> impl Iterator<Item = &UserId> {
        self.past.watchers.iter().map(|watcher| &watcher.user)
    }

    /// Whether `user` is told of a new record.
    #[must_use]
    pub fn is_watched_by(&self, user: &UserId) -> bool {
        self.place(user).is_ok()
    }

    /// The record of `epoch`, if that is current or was retired for less than `grace`.
    pub(super) fn in_use(&self, epoch: Epoch, now: Instant, grace: Duration) -> Option<Link> {
        self.chain()
            .iter()
            .rev()
            .find(|link| link.record.epoch == epoch)
            .filter(|link| link.is_in_use(now, grace))
            .cloned()
    }

    /// When the grace of the newest retired record ends, if it has not.
    pub(super) fn grace_ends(&self, now: Instant, grace: Duration) -> Option<Instant> {
        let chain = self.chain();
        let (_, retired) = chain.split_last()?;
        match retired.last()?.standing {
            Standing::Retired(at) => Some(at + grace).filter(|end| now < *end),
            Standing::Current | Standing::Over => None,
        }
    }

    /// Whether this was a record of an ended identity.
    pub(super) fn is_archived(&self, hash: &Hash32) -> bool {
        self.past.archive.iter().flatten().any(|link| link.hash == *hash)
    }

    /// Adds a current record; the one before is retired, or all before are over when it revokes.
    pub(super) fn append(&mut self, record: Arc<KeyRecord>, hash: Hash32, at: Instant) {
        let revokes = record.revoke_prev;
        self.push(record, hash, |link| {
            if revokes {
                link.standing = Standing::Over;
            } else if link.standing == Standing::Current {
                link.standing = Standing::Retired(at);
            }
        });
    }

    /// The first record becomes the current one, as it was issued.
    pub(super) fn issue(&mut self, issue: Issue) {
        self.chain = Some(Chain::Issued(issue));
    }

    /// Adds a current record to a chain whose others have no grace left.
    pub(super) fn append_settled(&mut self, record: Arc<KeyRecord>, hash: Hash32) {
        self.push(record, hash, |link| link.standing = Standing::Over);
    }

    /// Keeps the records at hand that were made anew so far: somebody asks for them.
    pub(super) fn keep(&mut self) {
        if let Some(chain) = &mut self.chain
            && matches!(chain, Chain::Issued(_))
        {
            *chain = Chain::from(chain.links().into_owned());
        }
    }

    /// Ends the present identity.
    pub(super) fn end_identity(&mut self) {
        if let Some(chain) = self.chain.take() {
            self.past.archive.push(chain.links().into_owned());
        }
    }

    /// Adds a watcher; above `most` the one that came first is dropped.
    pub(super) fn watch(&mut self, user: &UserId, most: usize) {
        let Err(place) = self.place(user) else { return };
        let order = self.past.watchers.iter().map(|watcher| watcher.order + 1).max().unwrap_or(0);
        self.past.watchers.insert(place, Watcher { user: user.clone(), order });
        while self.past.watchers.len() > most {
            let oldest =
                (0..self.past.watchers.len()).min_by_key(|at| self.past.watchers[*at].order);
            oldest.map(|at| self.past.watchers.remove(at));
        }
    }

    /// Most chains have one record for long, and there are many of them: no room is kept for more.
    fn push(&mut self, record: Arc<KeyRecord>, hash: Hash32, retire: impl Fn(&mut Link)) {
        let mut links = self.chain().into_owned();
        links.iter_mut().for_each(retire);
        links.reserve_exact(1);
        links.push(Link { record, hash, standing: Standing::Current });
        self.chain = Some(links.into());
    }

    fn place(&self, user: &UserId) -> Result<usize, usize> {
        self.past.watchers.binary_search_by(|watcher| watcher.user.cmp(user))
    }
}
