//! Records that the pinned one did not authorize: the user decides, and exactly that record is meant (C17-R7).
//!
//! Not here: how they are told apart from proper successors (`chain`).

use crate::base::id::{Hash32, Seq, UserId};
use crate::base::time::Now;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::chain::Chain;
use crate::proto::device::durable::{Contact, Pin};
use crate::proto::device::window::Window;
use crate::trace::fact::{AlarmKind, EvictCause, Fact, ReplyResult};
use crate::wire::record::KeyRecord;

impl<S: Suite> Device<S> {
    /// Another identity, or a record that the pinned one did not authorize: only the user can accept it.
    pub(super) fn on_candidate(&mut self, peer: &UserId, chain: &Chain, result: ReplyResult) {
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        let before = contact.candidate.as_deref().map(pin_of::<S>);
        let is_known = before.is_some_and(|pin| {
            chain.judge::<S>(Some(&pin), self.sheet.work()) == ReplyResult::Accepted
        });
        if !is_known {
            contact.candidate = Some(Box::new(chain.newest().clone()));
            contact.refused = false;
            self.save_contact(peer);
            let drafts = &self.durable.drafts;
            self.rare.told.retain(|id| drafts.get(id).is_some_and(|draft| draft.to != *peer));
            let what = match result {
                ReplyResult::NewIdentity => AlarmKind::NewIdentity,
                ReplyResult::Accepted
                | ReplyResult::Unsolicited
                | ReplyResult::WrongUser
                | ReplyResult::InvalidKey
                | ReplyResult::BadSignature
                | ReplyResult::BrokenChain
                | ReplyResult::Rollback
                | ReplyResult::UnknownUser => AlarmKind::BrokenChain,
            };
            let generation = chain.generation();
            self.fact(Fact::Alarm { peer: Some(peer.clone()), what });
            self.fact(Fact::ConfirmAsked { peer: peer.clone(), generation });
        }
        self.postpone_arrivals(peer);
        if self.waits_for_user(peer) {
            self.notice_confirm(peer);
        } else {
            // The user has said no, and the directory has nothing else to offer.
            self.fail_waiting(peer);
            self.fail_bounced(peer, None);
        }
    }

    /// Whether traffic with a peer waits for the user's word on its identity.
    pub(super) fn waits_for_user(&self, peer: &UserId) -> bool {
        self.durable.contacts.get(peer).is_some_and(Contact::waits_for_user)
    }

    /// The user's word on the record that was asked about.
    pub(super) fn on_confirm(&mut self, now: Now, peer: &UserId, accept: bool) {
        let contact = self.durable.contacts.get(peer);
        let Some(candidate) = contact.and_then(|contact| contact.candidate.as_deref()) else {
            return;
        };
        let pin = pin_of::<S>(candidate);
        if accept {
            self.adopt(now, peer, pin);
        } else {
            self.turn_down(now, peer, pin.generation);
        }
    }

    /// Pins the record, so that the next reply must hold or continue it; secrets of the other are void.
    fn adopt(&mut self, now: Now, peer: &UserId, pin: Pin) {
        let before = self.durable.contacts.get(peer).and_then(|contact| contact.pin);
        let same = before.is_some_and(|before| before.generation == pin.generation);
        if !same {
            // What the old identity sent is shown before the new one counts from 1 again.
            self.release_all(now, peer);
        }
        let Some(contact) = self.durable.contacts.get_mut(peer) else { return };
        contact.pin = Some(pin);
        contact.candidate = None;
        contact.refused = false;
        if !same && !self.config.deviations.has(Deviation::M88) {
            contact.window = Window::default();
            contact.next = Seq(1);
        }
        self.save_contact(peer);
        self.rare.verdicts.forget(peer);
        let evicted = self.durable.table.contains_key(peer).then(|| self.drop_row(peer)).is_some();
        let Pin { generation, epoch, record, .. } = pin;
        self.fact(Fact::Confirmed { peer: peer.clone(), generation, accepted: true });
        if evicted {
            self.fact(Fact::Evict { peer: peer.clone(), why: EvictCause::NewIdentity });
        }
        self.fact(Fact::Pin { peer: peer.clone(), generation, epoch, record });
        if let Some(because) = self.needs_key(peer) {
            self.want_lookup(now, peer, because);
        }
        // What the server was told to keep meanwhile is due at the next Attached.
        self.renew_session(now);
    }

    /// The old identity stays; what cannot go out under it ends.
    fn turn_down(&mut self, now: Now, peer: &UserId, generation: Hash32) {
        if let Some(contact) = self.durable.contacts.get_mut(peer) {
            contact.refused = true;
        }
        self.save_contact(peer);
        self.fact(Fact::Confirmed { peer: peer.clone(), generation, accepted: false });
        self.fail_bounced(peer, None);
        self.advance_drafts(now, peer);
    }
}

fn pin_of<S: Suite>(record: &KeyRecord) -> Pin {
    Pin::of(record, record_hash::<S>(&record.encode()))
}
