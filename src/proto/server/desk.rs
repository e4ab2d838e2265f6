//! The volatile side of a mailbox: which items wait, which are leased, when each one's time is over.
//!
//! A restart returns every lease: a new desk has all items waiting. Not here: the items (`mailbox`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::DeliveryId;
use crate::base::time::Instant;
use crate::proto::port::Lease;
use crate::proto::server::mailbox::{ItemNo, Mailbox};

/// Every item of the mailbox is either waiting or under exactly one lease.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    waiting: BTreeSet<ItemNo>,
    /// In the order of their ends, since all leases are equally long.
    leases: BTreeMap<DeliveryId, (ItemNo, Lease)>,
    ends: BTreeSet<(Instant, ItemNo)>,
}

impl Desk {
    /// All items of a mailbox, waiting.
    pub(super) fn open(mailbox: &Mailbox) -> Self {
        let mut desk = Self::default();
        for (no, item) in mailbox.items() {
            desk.add(no, item.until);
        }
        desk
    }

    /// A new item waits until its time is over.
    pub(super) fn add(&mut self, no: ItemNo, until: Instant) {
        self.waiting.insert(no);
        self.ends.insert((until, no));
    }

    /// Forgets an item, whatever it is doing.
    pub(super) fn remove(&mut self, no: ItemNo, until: Instant) {
        self.ends.remove(&(until, no));
        if !self.waiting.remove(&no) {
            self.leases.retain(|_, (leased, _)| *leased != no);
        }
    }

    /// Puts a waiting item under a lease.
    pub(super) fn lease(&mut self, no: ItemNo, lease: Lease) {
        assert!(self.waiting.remove(&no), "only waiting items are leased");
        self.leases.insert(lease.delivery, (no, lease));
    }

    /// Ends a lease; its item waits again.
    pub(super) fn release(&mut self, delivery: DeliveryId) {
        if let Some((no, _)) = self.leases.remove(&delivery) {
            self.waiting.insert(no);
        }
    }

    /// The item under this lease.
    pub(super) fn leased(&self, delivery: DeliveryId) -> Option<ItemNo> {
        self.leases.get(&delivery).map(|(no, _)| *no)
    }

    /// How many items are under a lease.
    pub(super) fn leases(&self) -> impl ExactSizeIterator<Item = (ItemNo, DeliveryId)> {
        self.leases.iter().map(|(delivery, (no, _))| (*no, *delivery))
    }

    /// The items that wait, oldest first.
    pub(super) fn waiting(&self) -> impl ExactSizeIterator<Item = ItemNo> {
        self.waiting.iter().copied()
    }

    /// The item whose time ends first, and when.
    pub(super) fn first_end(&self) -> Option<(Instant, ItemNo)> {
        self.ends.first().copied()
    }

    /// The lease that ends first, and its item.
    pub(super) fn first_lease(&self) -> Option<(ItemNo, Lease)> {
        self.leases.first_key_value().map(|(_, entry)| *entry)
    }
}
