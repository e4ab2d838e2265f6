//! The table of shared secrets: rows by peer, a slot per pair of epochs, least recently used out
//! (claims 6, 13, 16).
//!
//! Not here: where keys come from (`lookup`) or what is done with secrets (`outbox`, `inbox`).

use std::sync::Arc;

use crate::base::id::{Epoch, Hash32, UserId};
use crate::base::time::Now;
use crate::crypto::schedule::{Party, direction_key, pair_secret};
use crate::crypto::sign::fingerprint;
use crate::crypto::suite::{Secret, Suite};
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{OwnKey, PeerKey, Row, Slot, Stage};
use crate::proto::device::timers::Timer;
use crate::trace::fact::{EvictCause, Fact, Selection};
use crate::wire::header::Header;

/// Secrets in one row: two own epochs by two of the peer's (protocol 4.1).
const SLOTS_MAX: usize = 4;

impl<S: Suite> Device<S> {
    /// Searches the table for a received message.
    pub(super) fn select_in(&self, header: &Header) -> Selection {
        let Some(row) = self.durable.table.get(&header.sender) else { return Selection::Miss };
        if self.never_hits() {
            return Selection::Miss;
        }
        match row.key(header.epoch_s) {
            Some(key) if key.kid.0[..8] == header.kid_s => Selection::Hit,
            Some(_) => Selection::KidMismatch,
            None if header.epoch_s > row.newest().epoch => Selection::Ahead,
            None => Selection::Behind,
        }
    }

    /// Searches the table for a draft.
    pub(super) fn select_out(&self, now: Now, peer: &UserId) -> Selection {
        let Some(row) = self.durable.table.get(peer) else { return Selection::Miss };
        if self.never_hits() {
            return Selection::Miss;
        }
        let pinned = self.durable.contacts.get(peer).and_then(|contact| contact.pin);
        if pinned.is_some_and(|pin| pin.epoch > row.newest().epoch) {
            return Selection::Ahead;
        }
        let is_stale = now.at.since(row.fetched) > self.config.max_stale;
        if is_stale && !self.has(Deviation::M34) && !self.has(Deviation::M35) {
            Selection::Stale
        } else {
            Selection::Hit
        }
    }

    /// Whether the keys of this very moment serve although the table never hits (M01, M02, M06).
    pub(super) fn serves_at_once(&self, now: Now, peer: &UserId) -> bool {
        self.never_hits() && self.durable.table.get(peer).is_some_and(|row| row.fetched == now.at)
    }

    fn never_hits(&self) -> bool {
        [Deviation::M01, Deviation::M02, Deviation::M06].into_iter().any(|it| self.has(it))
    }

    /// The own key pairs of an epoch; a device that meets others keeps them at hand.
    fn own_key(&mut self, epoch: Epoch) -> Option<Arc<OwnKey>> {
        self.durable.keyring.keep();
        self.durable.keyring.key(epoch)
    }

    /// The pair secret for these epochs: from its slot, or derived now and stored.
    ///
    /// `None` when a key is missing or not valid.
    pub(super) fn pair(&mut self, peer: &UserId, own: Epoch, theirs: Epoch) -> Option<Secret> {
        let place = self.misplaced(peer).unwrap_or(peer);
        let slots = self.durable.table.get(place).map_or(&[][..], |row| &row.slots);
        if let Some(slot) = slots.iter().find(|slot| (slot.own, slot.theirs) == (own, theirs)) {
            return Some(slot.pair.clone());
        }
        let mut key = self.durable.table.get(peer)?.key(theirs)?.clone();
        let own_key = self.own_key(own)?;
        if self.has(Deviation::M12) {
            (key.agree, key.kid) = (own_key.agree.public, own_key.kid);
        }
        if self.has(Deviation::M41) && self.is_mixed(own, &key, peer) {
            return None;
        }
        let us = Party { user: &self.user, epoch: own, kid: &own_key.kid };
        let them = Party { user: peer, epoch: theirs, kid: &key.kid };
        let ours = &own_key.agree.secret;
        let pair = match self.wrong_secret(ours, us, &key.agree, them) {
            Some(wrong) => wrong,
            None => pair_secret::<S>(ours, us, &key.agree, them).ok()?,
        };
        self.sheet.work().agree += 1;
        self.sheet.work().kdf += 2;
        let secret = fingerprint::<S>(&pair);
        let slot = Slot { own, theirs, pair: pair.clone(), confirmed: false };
        if let Some(row) = self.durable.table.get_mut(peer) {
            if row.slots.len() >= SLOTS_MAX {
                row.slots.remove(0);
            }
            row.slots.push(slot);
        }
        let (own_kid, their_kid) = (own_key.kid, key.kid);
        self.fact(Fact::Derive { peer: peer.clone(), own, theirs, own_kid, their_kid, secret });
        self.save_row(peer);
        Some(pair)
    }

    /// Whether one end's epoch is its newest and the other's is not (M41).
    fn is_mixed(&self, own: Epoch, key: &PeerKey, peer: &UserId) -> bool {
        let newest = self.durable.table.get(peer).map(|row| row.newest().epoch);
        (own == self.durable.keyring.current()) != (Some(key.epoch) == newest)
    }

    /// The direction key of a pair, and its fingerprint for the trace.
    pub(super) fn direction(
        &mut self,
        pair: &Secret,
        sender: &UserId,
        receiver: &UserId,
    ) -> (Secret, Hash32) {
        self.sheet.work().kdf += 1;
        let one_key = self.has(Deviation::M18) && receiver < sender;
        let (sender, receiver) = if one_key { (receiver, sender) } else { (sender, receiver) };
        let raw = self.has(Deviation::M14);
        let key = if raw { pair.clone() } else { direction_key::<S>(pair, sender, receiver) };
        let print = fingerprint::<S>(&key);
        (key, print)
    }

    /// A decryption proved the secret right.
    pub(super) fn confirm_slot(&mut self, peer: &UserId, own: Epoch, theirs: Epoch) {
        let Some(row) = self.durable.table.get_mut(peer) else { return };
        let slot = row.slots.iter_mut().find(|slot| (slot.own, slot.theirs) == (own, theirs));
        let Some(slot) = slot.filter(|slot| !slot.confirmed) else { return };
        slot.confirmed = true;
        self.save_row(peer);
        self.fact(Fact::Confirm { peer: peer.clone(), own, theirs });
    }

    /// A row is used: it is the last to be evicted.
    pub(super) fn touch(&mut self, now: Now, peer: &UserId) {
        if let Some(row) = self.durable.table.get_mut(peer) {
            row.used = now.at;
        }
    }

    /// Stores verified keys of a peer, keeping the secrets that still fit them.
    pub(super) fn store_keys(&mut self, now: Now, peer: &UserId, keys: Vec<PeerKey>) {
        let known = self.durable.table.contains_key(peer);
        let evicted = if known { None } else { self.make_room() };
        let before = self.durable.table.remove(peer);
        let before = before.or_else(|| evicted.filter(|_| self.has(Deviation::M52)));
        let used = before.as_ref().map_or(now.at, |row| row.used);
        let mut slots = before.map(|row| row.slots).unwrap_or_default();
        slots.retain(|slot| keys.iter().any(|key| key.epoch == slot.theirs));
        let row = Row { keys, slots, fetched: now.at, used };
        self.durable.table.insert(peer.clone(), row);
        self.save_row(peer);
    }

    /// Whether a row for the peer would be one too many.
    pub(super) fn is_full_without(&self, peer: &UserId) -> bool {
        let table = &self.durable.table;
        !table.contains_key(peer) && table.len() >= self.config.table_capacity
    }

    /// Whether a row for the peer exists or could be made.
    pub(super) fn has_room_for(&self, peer: &UserId) -> bool {
        !self.is_full_without(peer) || self.evictable().is_some()
    }

    /// Evicts rows until another fits; the last that went.
    fn make_room(&mut self) -> Option<Row> {
        let mut evicted = None;
        while self.durable.table.len() >= self.config.table_capacity {
            // A pinned table admits no lookup, so one that became pinned while it was under way gives
            // up its least recently used row all the same: its work waits for a new lookup.
            let oldest = || self.durable.table.iter().min_by_key(|(_, row)| row.used);
            let victim = self.evictable().or_else(|| oldest().map(|(peer, _)| peer.clone()));
            let Some(peer) = victim else { break };
            evicted = self.durable.table.get(&peer).cloned();
            self.evict(&peer, EvictCause::Capacity);
        }
        evicted
    }

    fn evict(&mut self, peer: &UserId, why: EvictCause) {
        self.drop_row(peer);
        if let Some(contact) = self.durable.contacts.get_mut(peer)
            && self.config.deviations.has(Deviation::M38)
        {
            contact.pin = None;
            self.save_contact(peer);
        }
        self.fact(Fact::Evict { peer: peer.clone(), why });
    }

    /// Takes a row out of the table; the pin stays.
    pub(super) fn drop_row(&mut self, peer: &UserId) {
        self.durable.table.remove(peer);
        self.save_row(peer);
        self.timers.stop(&Timer::Refresh(Box::new(peer.clone())));
    }

    /// The least recently used row without pending work (protocol 4.1).
    fn evictable(&self) -> Option<UserId> {
        let rows = self.durable.table.iter().filter(|(peer, _)| !self.is_pinned(peer));
        let victim = if self.has(Deviation::M50) {
            rows.max_by_key(|(_, row)| row.used)
        } else {
            rows.min_by_key(|(peer, row)| (row.used, (*peer).clone()))
        };
        victim.map(|(peer, _)| peer.clone())
    }

    /// Whether keys of the peer are needed for what is under way: drafts that are not fixed, messages that
    /// wait for a key, and accepted ones that are held back. A draft that bounced waits for other keys than
    /// these, and perhaps for ever.
    fn is_pinned(&self, peer: &UserId) -> bool {
        let outgoing = self
            .durable
            .drafts
            .values()
            .any(|draft| draft.to == *peer && matches!(draft.stage, Stage::Waiting));
        (outgoing && !self.waits_for_user(peer))
            || self.rare.arrivals.keys().any(|mid| mid.sender == *peer)
            || self.held(peer).is_some()
    }
}
