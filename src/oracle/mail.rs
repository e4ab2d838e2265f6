//! A model of the mailboxes: what is stored, leased or ended, as far as accounts state it.
//!
//! Not here: which changes are right (`safety`), or how long they may take (`liveness`).

use std::collections::BTreeMap;
use std::fmt;

use crate::base::id::{DeliveryId, Hash32, Mid, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::account_of;
use crate::oracle::owned::Owned;
use crate::oracle::ranges::Ranges;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};

/// A message as a mailbox knows it: a mid of one identity of its sender.
pub type Letter = (Mid, Hash32);

/// Where a message is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the mailbox.
    Stored,
    /// On its way to the receiver.
    Leased(DeliveryId),
    /// Acknowledged by the receiver.
    Acked,
    /// Over.
    Expired,
    /// Back to its sender.
    Bounced(String),
}

impl Place {
    /// Whether the mailbox is still responsible.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        match self {
            Self::Stored | Self::Leased(_) => true,
            Self::Acked | Self::Expired | Self::Bounced(_) => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::Leased(delivery) => write!(f, "leased as {delivery}"),
            Self::Acked => f.write_str("acknowledged"),
            Self::Expired => f.write_str("expired"),
            Self::Bounced(code) => write!(f, "bounced ({code})"),
        }
    }
}

/// One message in a mailbox.
#[derive(Clone, Debug)]
pub struct Item {
    /// The account that holds it.
    pub account: u32,
    /// Which attempt of its sender.
    pub attempt: u64,
    /// Where it is.
    pub place: Place,
    /// When this attempt was accepted.
    pub accepted: Instant,
    /// The record of that.
    pub record: RecordId,
    /// Digest of its octets.
    pub content: Hash32,
    /// How often it was offered.
    pub offers: u32,
    /// What its receiver refused it for last.
    pub nacked: Option<String>,
}

/// All mailboxes.
#[derive(Debug, Default)]
pub struct Mail {
    items: BTreeMap<Letter, Item>,
    /// The generation under which a mid is known last; devices do not name it.
    last: BTreeMap<Mid, Hash32>,
    /// Acknowledged or expired: sender, receiver and generation, then numbers.
    ended: BTreeMap<(UserId, UserId, Hash32), Ranges>,
    /// What is under a lease, by account.
    leased: Owned<Letter, ()>,
}

impl Mail {
    /// Takes one record; returns the message whose place it changes or confirms, as it was before.
    pub fn observe(&mut self, record: &Record) -> Option<(Letter, Option<Item>)> {
        if let Fact::Accept { .. } = &record.fact {
            return self.accept(record);
        }
        let (mid, generation, place) =
            if let Fact::Offer { mid, generation, delivery, .. } = &record.fact {
                (mid, generation, Place::Leased(*delivery))
            } else if let Fact::Restored { mid, generation, .. }
            | Fact::Nacked { mid, generation, counted: true, .. } = &record.fact
            {
                (mid, generation, Place::Stored)
            } else if let Fact::Acked { mid, generation, .. } = &record.fact {
                (mid, generation, Place::Acked)
            } else if let Fact::Expire { mid, generation, .. } = &record.fact {
                (mid, generation, Place::Expired)
            } else if let Fact::Bounce { mid, generation, code, .. } = &record.fact {
                (mid, generation, Place::Bounced(code.clone()))
            } else {
                if let (Fact::PowerOn { .. }, Some(account)) = (&record.fact, account_of(record)) {
                    self.restart(account);
                }
                return None;
            };
        let letter = (mid.clone(), *generation);
        let before = self.items.get(&letter).cloned();
        if let Some(item) = self.items.get_mut(&letter) {
            if let Fact::Offer { .. } = &record.fact {
                item.offers += 1;
            }
            if let Fact::Nacked { code, .. } = &record.fact {
                item.nacked = Some(code.clone());
            }
            match &place {
                Place::Leased(_) => {
                    self.leased.insert(item.account, letter.clone(), ());
                }
                Place::Stored | Place::Acked | Place::Expired | Place::Bounced(_) => {
                    self.leased.remove(item.account, &letter);
                }
            }
            item.place = place;
            if matches!(item.place, Place::Acked | Place::Expired) {
                self.end(&letter);
            }
        }
        Some((letter, before))
    }

    fn accept(&mut self, record: &Record) -> Option<(Letter, Option<Item>)> {
        let Fact::Accept { mid, generation, attempt, content, known, .. } = &record.fact else {
            return None;
        };
        let letter = (mid.clone(), *generation);
        self.last.insert(mid.clone(), *generation);
        let before = self.items.get(&letter).cloned();
        if !known {
            let item = Item {
                account: record.id.node.user().unwrap_or(u32::MAX),
                attempt: *attempt,
                content: *content,
                place: Place::Stored,
                accepted: record.at,
                record: record.id,
                offers: 0,
                nacked: None,
            };
            self.leased.remove(item.account, &letter);
            self.items.insert(letter.clone(), item);
        }
        Some((letter, before))
    }

    /// Leases do not survive a restart (protocol 4.5).
    fn restart(&mut self, account: u32) {
        for (letter, ()) in self.leased.take(account) {
            if let Some(item) = self.items.get_mut(&letter) {
                item.place = Place::Stored;
            }
        }
    }

    /// A message by its mid, of the identity of its sender known last.
    #[must_use]
    pub fn get(&self, mid: &Mid) -> Option<&Item> {
        self.items.get(&(mid.clone(), *self.last.get(mid)?))
    }

    /// Of a message that ended for good only its number is kept.
    fn end(&mut self, letter: &Letter) {
        self.items.remove(letter);
        if self.last.get(&letter.0) == Some(&letter.1) {
            self.last.remove(&letter.0);
        }
        self.ended.entry(line(letter)).or_default().insert(letter.0.seq.0);
    }

    /// Whether a message was acknowledged or expired.
    #[must_use]
    pub fn has_ended(&self, letter: &Letter) -> bool {
        self.ended.get(&line(letter)).is_some_and(|numbers| numbers.contains(letter.0.seq.0))
    }

    /// Every message that mailboxes hold or sent back.
    pub fn iter(&self) -> impl Iterator<Item = (&Letter, &Item)> {
        self.items.iter()
    }
}

fn line((mid, generation): &Letter) -> (UserId, UserId, Hash32) {
    (mid.sender.clone(), mid.receiver.clone(), *generation)
}
