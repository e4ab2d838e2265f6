//! What of an account survives a restart, and the writes that change it.
//!
//! Not here: the store that keeps it (a driver's), and anything volatile (leases, challenges).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::{DeliveryId, Hash32, UserId};
use crate::base::time::{Instant, Millis};
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
use crate::proto::config::ServerConfig;
use crate::proto::issue::Issue;
use crate::proto::port::Origin;
use crate::proto::server::directory::Directory;
use crate::proto::server::mailbox::{Item, ItemBody, ItemNo, Mail, Mailbox, Refusals, StatusItem};
use crate::wire::record::KeyRecord;

/// The durable state of one account: directory chains, watchers, attachment, mailbox, rows.
///
/// The machine holds it in memory, a store holds it on a medium; both change it by [`Self::apply`] only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDurable {
    directory: Directory,
    session: Option<Session>,
    /// Made by the first item: most accounts of a large world are at rest.
    mailbox: Option<Box<Mailbox>>,
}

/// Where the account's user is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The link or connection.
    pub origin: Origin,
    /// When its ticket ends, as the ticket says.
    pub expires: Millis,
    /// The same by the world's clock.
    pub until: Instant,
}

/// A change of an account's durable state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountWrite {
    /// A record becomes the current one; `at` starts the grace of the one before.
    Record {
        /// The record.
        record: Arc<KeyRecord>,
        /// Its hash.
        hash: Hash32,
        /// The instant of the change.
        at: Instant,
    },
    /// The identity ends: the chain is archived, the attachment is over.
    EndIdentity,
    /// A user is told of the next record, if it is not yet; at most `most` users are.
    Watch {
        /// Who.
        user: UserId,
        /// Limit of watchers.
        most: usize,
    },
    /// A session begins, instead of any before.
    Attach(Session),
    /// The session is over.
    Detach,
    /// A message is stored, and its sender's row notes it.
    Store {
        /// The item's number.
        no: ItemNo,
        /// The message.
        mail: Arc<Mail>,
        /// When its time is over.
        until: Instant,
        /// The last delivery so far.
        after: DeliveryId,
    },
    /// A report for the account's user is stored.
    Report {
        /// The item's number.
        no: ItemNo,
        /// The report.
        status: Arc<StatusItem>,
        /// When its time is over.
        until: Instant,
        /// The last delivery so far.
        after: DeliveryId,
    },
    /// The receiver refused an item for now.
    Note {
        /// The item.
        no: ItemNo,
        /// What refusals have done to it so far.
        refusals: Refusals,
    },
    /// An item is done: acknowledged, expired or replaced.
    Remove(ItemNo),
    /// A message goes back to its sender.
    Bounce(ItemNo),
}

impl AccountDurable {
    /// Makes a change.
    pub fn apply(&mut self, write: &AccountWrite) {
        match write {
            AccountWrite::Record { record, hash, at } => {
                self.directory.append(Arc::clone(record), *hash, *at);
            }
            AccountWrite::EndIdentity => {
                self.directory.end_identity();
                self.session = None;
            }
            AccountWrite::Watch { user, most } => self.directory.watch(user, *most),
            AccountWrite::Attach(session) => self.session = Some(*session),
            AccountWrite::Detach => self.session = None,
            AccountWrite::Store { no, mail, until, after } => {
                self.store(*no, ItemBody::Mail(Arc::clone(mail)), *until, *after);
            }
            AccountWrite::Report { no, status, until, after } => {
                self.store(*no, ItemBody::Status(Arc::clone(status)), *until, *after);
            }
            AccountWrite::Note { no, refusals } => self.mailbox_mut().note(*no, *refusals),
            AccountWrite::Remove(no) => {
                self.mailbox_mut().remove(*no);
            }
            AccountWrite::Bounce(no) => self.mailbox_mut().bounce(*no),
        }
    }

    /// The state of a user with this chain, oldest record first, and no grace left in it.
    #[must_use]
    pub fn registered<S: Suite>(records: Vec<KeyRecord>) -> Self {
        let mut durable = Self::default();
        for record in records {
            let hash = record_hash::<S>(&record.encode());
            durable.directory.append_settled(Arc::new(record), hash);
        }
        durable
    }

    /// The state of a user whose only record is as it was issued, with this hash.
    #[must_use]
    pub fn issued(issue: Issue) -> Self {
        let mut durable = Self::default();
        durable.directory.issue(issue);
        durable
    }

    /// Keeps records at hand that were made anew so far.
    pub(super) fn keep_records(&mut self) {
        self.directory.keep();
    }

    /// The directory part.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Where the user is attached; it may have ended by the clock.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The mailbox; none when it was never used.
    #[must_use]
    pub fn mailbox(&self) -> Option<&Mailbox> {
        self.mailbox.as_deref()
    }

    /// Whether one more message of `octets` fits into the limits.
    pub(super) fn has_room(&self, octets: usize, config: &ServerConfig) -> bool {
        let (messages, stored) = self.mailbox().map_or((0, 0), |it| (it.messages(), it.octets()));
        messages < config.mailbox_messages
            && stored.saturating_add(octets as u64) <= config.mailbox_octets
    }

    /// The number of the next item.
    pub(super) fn next_item(&self) -> ItemNo {
        self.mailbox().map_or_else(ItemNo::default, Mailbox::next)
    }

    fn mailbox_mut(&mut self) -> &mut Mailbox {
        self.mailbox.get_or_insert_default()
    }

    fn store(&mut self, no: ItemNo, body: ItemBody, until: Instant, after: DeliveryId) {
        let refusals = Refusals::default();
        self.mailbox_mut().store(no, Item { body, until, after, refusals });
    }
}
