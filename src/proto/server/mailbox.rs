//! The durable mailbox of an account: mail and status reports in order of arrival, idempotency rows.
//!
//! Not here: leases, which are volatile (`desk`), and the decisions about items (`submit`, `delivery`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::{DeliveryId, Hash32, Mid, UserId};
use crate::base::time::{Instant, Millis};
use crate::proto::server::row::Row;
use crate::wire::code::Report;
use crate::wire::header::Header;

/// Rows of one account at most, so that users who are gone do not fill it. A sender whose row is forgotten
/// starts anew: copies of what it sent before may be stored again, and the receiver's replay window takes them.
const ROWS_MAX: usize = 4_096;

/// The number of an item in its mailbox, in order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemNo(pub u64);

/// A message that waits for its receiver, exactly as submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The clear header.
    pub header: Header,
    /// Ciphertext and tag.
    #[serde(with = "serde_bytes")]
    pub ciphertext: Vec<u8>,
    /// Digest of header and ciphertext octets.
    pub content: Hash32,
    /// The sender's identity, by its ticket.
    pub generation: Hash32,
    /// The attempt, from 1.
    pub attempt: u64,
    /// When it was stored, for people.
    pub queued_at: Millis,
    /// When it is dropped, by the server's wall clock at the time of storing.
    pub expires: Millis,
}

/// What the account's user is told about a message of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusItem {
    /// The message.
    pub mid: Mid,
    /// The attempt it is about.
    pub attempt: u64,
    /// What became of it.
    pub report: Report,
}

/// What an item is; shared between the machine, its writes and the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemBody {
    /// A message for the account's user.
    Mail(Arc<Mail>),
    /// A report about a message from the account's user.
    Status(Arc<StatusItem>),
}

/// What the receiver's refusals have done to an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// Not offered again before this.
    pub again: Instant,
    /// When the sender's epoch was first called unknown.
    pub unknown_since: Option<Instant>,
    /// How often it was.
    pub unknown: u32,
    /// How often it did not authenticate.
    pub unauthentic: u32,
}

/// An item of the mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub body: ItemBody,
    /// When its time is over.
    pub until: Instant,
    /// Only later deliveries can be of this item; an acknowledgement of an earlier one is of another.
    pub after: DeliveryId,
    /// What refusals have done to it.
    pub refusals: Refusals,
}

impl Item {
    /// The message that it is, or is about.
    #[must_use]
    pub fn mid(&self) -> Mid {
        match &self.body {
            ItemBody::Mail(mail) => mail.header.mid(),
            ItemBody::Status(status) => status.mid.clone(),
        }
    }

    fn is_of(&self, mid: &Mid) -> bool {
        match &self.body {
            ItemBody::Mail(mail) => {
                let header = &mail.header;
                header.seq == mid.seq
                    && header.sender == mid.sender
                    && header.receiver == mid.receiver
            }
            ItemBody::Status(status) => status.mid == *mid,
        }
    }
}

/// The durable mailbox part of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    items: BTreeMap<ItemNo, Item>,
    next: ItemNo,
    messages: usize,
    octets: u64,
    rows: BTreeMap<UserId, Vec<Row>>,
}

impl Mailbox {
    /// All items, oldest first.
    pub fn items(&self) -> impl Iterator<Item = (ItemNo, &Item)> {
        self.items.iter().map(|(no, item)| (*no, item))
    }

    /// The messages, oldest first.
    pub fn mail(&self) -> impl Iterator<Item = (ItemNo, &Arc<Mail>)> {
        self.items().filter_map(|(no, item)| match &item.body {
            ItemBody::Mail(mail) => Some((no, mail)),
            ItemBody::Status(_) => None,
        })
    }

    /// An item by its number.
    #[must_use]
    pub fn item(&self, no: ItemNo) -> Option<&Item> {
        self.items.get(&no)
    }

    /// How many messages wait.
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages
    }

    /// Octets of ciphertext that wait.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// The number of the next item.
    pub(super) const fn next(&self) -> ItemNo {
        self.next
    }

    /// The one item that is of `mid`; none when there are two, of different identities of its sender.
    pub(super) fn only(&self, mid: &Mid) -> Option<(ItemNo, &Item)> {
        let mut found = self.items().filter(|(_, item)| item.is_of(mid));
        let only = found.next()?;
        found.next().is_none().then_some(only)
    }

    /// Whether this item is there and of `mid`.
    pub(super) fn holds(&self, no: ItemNo, mid: &Mid) -> bool {
        self.item(no).is_some_and(|item| item.is_of(mid))
    }

    /// The row of an identity of a sender.
    pub(super) fn row(&self, sender: &UserId, generation: &Hash32) -> Option<&Row> {
        self.rows.get(sender)?.iter().find(|row| row.generation() == *generation)
    }

    /// Adds an item; a message also enters its sender's row.
    pub(super) fn store(&mut self, no: ItemNo, item: Item) {
        if let ItemBody::Mail(mail) = &item.body {
            self.messages += 1;
            self.octets += mail.ciphertext.len() as u64;
            let header = &mail.header;
            if self.row(&header.sender, &mail.generation).is_none() {
                self.make_room_for_a_row();
            }
            let rows = self.rows.entry(header.sender.clone()).or_default();
            let row = match rows.iter().position(|row| row.generation() == mail.generation) {
                Some(at) => &mut rows[at],
                None => rows.push_mut(Row::new(mail.generation)),
            };
            row.accept(no, header.seq, mail.attempt, mail.content);
        }
        self.items.insert(no, item);
        self.next = self.next.max(ItemNo(no.0 + 1));
    }

    /// Forgets the row that was not used for longest, of those without mail that waits, when there are as
    /// many as may be.
    fn make_room_for_a_row(&mut self) {
        if self.rows.values().map(Vec::len).sum::<usize>() < ROWS_MAX {
            return;
        }
        let waiting: BTreeSet<(&UserId, Hash32)> =
            self.mail().map(|(_, mail)| (&mail.header.sender, mail.generation)).collect();
        let each =
            self.rows.iter().flat_map(|(user, rows)| rows.iter().map(move |row| (user, row)));
        let idle = each.filter(|(user, row)| !waiting.contains(&(*user, row.generation())));
        let oldest = idle.min_by_key(|(_, row)| row.last());
        let Some((sender, generation)) = oldest.map(|(user, row)| (user.clone(), row.generation()))
        else {
            return;
        };
        let rows = self.rows.entry(sender.clone()).or_default();
        rows.retain(|row| row.generation() != generation);
        if rows.is_empty() {
            self.rows.remove(&sender);
        }
    }

    /// Notes refusals.
    pub(super) fn note(&mut self, no: ItemNo, refusals: Refusals) {
        if let Some(item) = self.items.get_mut(&no) {
            item.refusals = refusals;
        }
    }

    /// Takes an item out: acknowledged, expired or replaced.
    pub(super) fn remove(&mut self, no: ItemNo) -> Option<Item> {
        let item = self.items.remove(&no)?;
        if let ItemBody::Mail(mail) = &item.body {
            self.messages -= 1;
            self.octets -= mail.ciphertext.len() as u64;
        }
        Some(item)
    }

    /// Takes a message out that goes back to its sender: its number may be used again with other content.
    pub(super) fn bounce(&mut self, no: ItemNo) {
        let Some(Item { body: ItemBody::Mail(mail), .. }) = self.remove(no) else { return };
        let rows = self.rows.get_mut(&mail.header.sender).into_iter().flatten();
        for row in rows.filter(|row| row.generation() == mail.generation) {
            row.bounce(mail.header.seq, mail.attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, Seq};
    use crate::wire::header::BodyKind;

    fn mail(sender: &str) -> Item {
        let header = Header {
            kind: BodyKind::Text,
            sender: UserId::new(sender).unwrap(),
            receiver: UserId::new("bob").unwrap(),
            epoch_s: Epoch(1),
            epoch_r: Epoch(1),
            kid_s: [1; 8],
            kid_r: [2; 8],
            seq: Seq(1),
            nonce: [0; 12],
        };
        let mail = Mail {
            header,
            ciphertext: vec![0xc1],
            content: Hash32([1; 32]),
            generation: Hash32::ZERO,
            attempt: 1,
            queued_at: Millis(0),
            expires: Millis::NEVER,
        };
        Item {
            body: ItemBody::Mail(Arc::new(mail)),
            until: Instant::NEVER,
            after: DeliveryId(0),
            refusals: Refusals::default(),
        }
    }

    #[test]
    fn the_row_of_who_is_gone_for_longest_makes_room() {
        let mut mailbox = Mailbox::default();
        let has_row = |mailbox: &Mailbox, sender: &str| {
            mailbox.row(&UserId::new(sender).unwrap(), &Hash32::ZERO).is_some()
        };
        for no in 0..ROWS_MAX as u64 {
            mailbox.store(ItemNo(no), mail(&format!("u{no}")));
            // The mail of the first one waits.
            if no > 0 {
                mailbox.remove(ItemNo(no));
            }
        }
        mailbox.store(ItemNo(5_000), mail("u1"));
        mailbox.remove(ItemNo(5_000));
        mailbox.store(ItemNo(5_001), mail("new"));
        let kept = ["u0", "u1", "u2", "u3", "new"].map(|sender| has_row(&mailbox, sender));
        assert_eq!(kept, [true, true, false, true, true]);
        assert_eq!(mailbox.rows.len(), ROWS_MAX);
    }
}
