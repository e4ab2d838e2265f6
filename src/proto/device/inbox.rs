//! Received messages: checks, table search, decryption, replay window, durable acceptance (claims 1, 13 to 16).
//!
//! Not here: looking keys up (`lookup`) or showing what was accepted (`present`).

use crate::base::id::{DeliveryId, Epoch, Mid, UserId};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceWrite, Item, content};
use crate::proto::device::outbox::short;
use crate::proto::device::window::Standing;
use crate::trace::fact::{Fact, LookupCause, Opening, RejectCause, Selection, WaitCause, Way};
use crate::wire::body::{Body, EndToEndNack};
use crate::wire::code::{AckOutcome, NackCode};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Deliver, Message};

/// A received message that waits.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    delivery: DeliveryId,
    header: Header,
    ciphertext: Vec<u8>,
    /// When the first copy came: only a lookup sent later decides about it (protocol 4.2).
    since: Instant,
}

/// What the server is told to wait while the user has not confirmed an identity (L-07).
const CONFIRM_RETRY: Duration = Duration::from_secs(3_600);
/// What the server is told to wait when the device has no room.
const ROOM_RETRY: Duration = Duration::from_secs(30);
/// Messages for which an end-to-end nack was sent, remembered at most.
const NACKED_MAX: usize = 256;

impl<S: Suite> Device<S> {
    /// A delivery, polled or pushed: the same checks either way (C11-R5).
    pub(super) fn on_deliver(&mut self, now: Now, deliver: Deliver) {
        let Deliver { delivery, header, ciphertext, .. } = deliver;
        let mid = header.mid();
        if header.receiver != self.user {
            self.reject(Some(mid), RejectCause::WrongReceiver);
            return;
        }
        if header.sender == self.user {
            self.reject(Some(mid), RejectCause::SelfMessage);
            return;
        }
        let since = self.arrivals.get(&mid).map_or(now.at, |known| known.since);
        let arrival = Arrival { delivery, header, ciphertext, since };
        self.consider(now, mid, arrival);
    }

    /// Opens a message if its keys are there; otherwise it waits for them.
    fn consider(&mut self, now: Now, mid: Mid, arrival: Arrival) {
        let header = &arrival.header;
        if let Some(code) = self.dead_epoch(header) {
            self.arrivals.remove(&mid);
            self.refuse_dead(now, &mid, &arrival, code);
            return;
        }
        let peer = header.sender.clone();
        let (own, theirs) = (header.epoch_r, header.epoch_s);
        let outcome = self.select_in(header);
        let name = Some(mid.clone());
        self.fact(Fact::Select {
            mid: name,
            peer: peer.clone(),
            own,
            theirs,
            way: Way::In,
            outcome,
        });
        let refetched = self.has(Deviation::M01) || self.has(Deviation::M06);
        let fresh = refetched && self.was_fetched_at(now, &peer);
        if outcome == Selection::Hit || fresh {
            self.arrivals.remove(&mid);
            self.open(now, mid, &arrival);
            return;
        }
        if self.has(Deviation::M09) || (self.has(Deviation::M51) && !self.has_room_for(&peer)) {
            self.want_lookup(now, &peer, LookupCause::Message);
            return;
        }
        self.wait(now, mid, arrival);
    }

    fn wait(&mut self, now: Now, mid: Mid, arrival: Arrival) {
        let peer = mid.sender.clone();
        let known = self.arrivals.contains_key(&mid);
        if !known && self.arrivals.len() >= self.config.pending_max {
            self.reject(Some(mid.clone()), RejectCause::Busy);
            self.nack(&arrival, &mid, NackCode::Busy, ROOM_RETRY);
            return;
        }
        let contact = self.durable.contacts.get(&peer);
        if contact.is_some_and(|contact| contact.candidate.is_some()) {
            self.fact(Fact::Waiting { mid: mid.clone(), why: WaitCause::Confirm });
            self.nack(&arrival, &mid, NackCode::Busy, CONFIRM_RETRY);
            return;
        }
        if !known {
            self.fact(Fact::Waiting { mid: mid.clone(), why: WaitCause::Key });
        }
        self.arrivals.insert(mid, arrival);
        self.want_lookup(now, &peer, LookupCause::Message);
    }

    /// Whether the receiver epoch that a header names is not, or no longer, ours.
    fn dead_epoch(&self, header: &Header) -> Option<NackCode> {
        let keyring = &self.durable.keyring;
        match keyring.keys.get(&header.epoch_r) {
            Some(key) if short(&key.kid.0) == header.kid_r => None,
            Some(_) => Some(NackCode::StaleEpoch),
            None if header.epoch_r > keyring.current => Some(NackCode::UnknownEpoch),
            None => Some(NackCode::StaleEpoch),
        }
    }

    fn refuse_dead(&mut self, now: Now, mid: &Mid, arrival: &Arrival, code: NackCode) {
        let why = match code {
            NackCode::UnknownEpoch => RejectCause::UnknownEpoch,
            NackCode::StaleEpoch | NackCode::Busy | NackCode::AuthFail | NackCode::TooOld => {
                RejectCause::StaleEpoch
            }
        };
        self.reject(Some(mid.clone()), why);
        self.nack(arrival, mid, code, Duration::ZERO);
        if code == NackCode::StaleEpoch {
            self.complain(now, mid, arrival.header.kind, code);
        }
    }

    /// Tells the sender end to end, once for each message, never about a complaint itself.
    fn complain(&mut self, now: Now, mid: &Mid, kind: BodyKind, code: NackCode) {
        let again = kind == BodyKind::EndToEndNack || self.complained.contains(mid);
        if again || self.complained.len() >= NACKED_MAX {
            return;
        }
        self.complained.insert(mid.clone());
        let nack = EndToEndNack { mid: mid.clone(), code };
        let (id, to) = (self.own_draft(), mid.sender.clone());
        self.compose(now, id, to, BodyKind::EndToEndNack, Body::Nack(nack).encode(), None);
    }

    /// One attempt under the keys that the header names; never another (protocol 3.1).
    fn open(&mut self, now: Now, mid: Mid, arrival: &Arrival) {
        let header = &arrival.header;
        let (own, theirs) = (header.epoch_r, header.epoch_s);
        let Some(pair) = self.pair(&mid.sender, own, theirs) else {
            self.reject(Some(mid.clone()), RejectCause::UnknownEpoch);
            self.nack(arrival, &mid, NackCode::UnknownEpoch, Duration::ZERO);
            return;
        };
        let (key, print) = self.direction(&pair, &mid.sender, &mid.receiver);
        let aad = header.encode();
        let opened = S::open(&key, &header.nonce, &aad, &arrival.ciphertext);
        let opened = if self.has(Deviation::M22) {
            opened.or_else(|| Some(arrival.ciphertext.clone()))
        } else {
            opened
        };
        self.work.aead += 1;
        self.work.aead_octets += arrival.ciphertext.len() as u64;
        let opening = Opening {
            mid: mid.clone(),
            kind: content(header.kind),
            own,
            theirs,
            key: print,
            header: Self::digest(&aad),
            ciphertext: Self::digest(&arrival.ciphertext),
            plain: opened.as_deref().map(Self::digest),
        };
        self.fact(Fact::Decrypt(Box::new(opening)));
        let Some(plain) = opened else {
            self.reject(Some(mid.clone()), RejectCause::AuthFail);
            self.nack(arrival, &mid, NackCode::AuthFail, Duration::ZERO);
            if self.has(Deviation::M43) {
                self.want_lookup(now, &mid.sender, LookupCause::Message);
            }
            return;
        };
        self.touch(now, &mid.sender);
        self.confirm_slot(&mid.sender, own, theirs);
        self.accept(now, mid, arrival, plain);
    }

    /// The replay window comes after authentication and is written together with the inbox item.
    fn accept(&mut self, now: Now, mid: Mid, arrival: &Arrival, plain: Vec<u8>) {
        let contact = self.durable.contacts.entry(mid.sender.clone()).or_default();
        let generation = contact.pin.map(|pin| pin.generation).unwrap_or_default();
        let standing = contact.window.standing(mid.seq);
        match standing {
            Standing::TooOld if !self.config.deviations.has(Deviation::M93) => {
                self.reject(Some(mid.clone()), RejectCause::TooOld);
                self.nack(arrival, &mid, NackCode::TooOld, Duration::ZERO);
                return;
            }
            Standing::Seen | Standing::TooOld if !self.has(Deviation::M28) => {
                self.fact(Fact::Duplicate { mid: mid.clone() });
                self.ack(arrival, &mid, AckOutcome::Duplicate);
                return;
            }
            Standing::New | Standing::Seen | Standing::TooOld => {}
        }
        if self.has(Deviation::M64) {
            self.ack(arrival, &mid, AckOutcome::Committed);
        }
        let contact = self.durable.contacts.entry(mid.sender.clone()).or_default();
        contact.window.mark(mid.seq);
        self.save_contact(&mid.sender);
        let item = Item { kind: arrival.header.kind, plain, since: now.at };
        self.write(DeviceWrite::Inbox(mid.sender.clone(), mid.seq, Some(Box::new(item))));
        self.fact(Fact::Commit { mid: mid.clone(), generation });
        if !self.has(Deviation::M64) {
            self.ack(arrival, &mid, AckOutcome::Committed);
        }
        self.present(now, &mid.sender, Some(mid.seq));
    }

    // After a lookup.

    /// Keys came: every message of the sender that waited is considered again. `sent` is when the lookup's
    /// first copy left; one sent before a message came does not decide about it.
    pub(super) fn resolve_arrivals(&mut self, now: Now, peer: &UserId, sent: Instant) {
        for (mid, arrival) in self.arrivals_of(peer) {
            let outcome = self.select_in(&arrival.header);
            let counts = sent >= arrival.since || self.has(Deviation::M89);
            let opens = outcome == Selection::Hit
                || self.was_fetched_at(now, peer) && {
                    self.has(Deviation::M01) || self.has(Deviation::M06)
                };
            if opens || self.dead_epoch(&arrival.header).is_some() {
                self.consider(now, mid, arrival);
                continue;
            }
            if !counts {
                self.want_lookup(now, peer, LookupCause::Message);
                continue;
            }
            self.arrivals.remove(&mid);
            let (why, code) = match outcome {
                Selection::KidMismatch => (RejectCause::AuthFail, NackCode::AuthFail),
                Selection::Behind => (RejectCause::StaleEpoch, NackCode::StaleEpoch),
                Selection::Hit | Selection::Miss | Selection::Ahead | Selection::Stale => {
                    (RejectCause::UnknownEpoch, NackCode::UnknownEpoch)
                }
            };
            self.reject(Some(mid.clone()), why);
            self.nack(&arrival, &mid, code, Duration::ZERO);
            if code == NackCode::StaleEpoch {
                self.complain(now, &mid, arrival.header.kind, code);
            }
        }
    }

    /// A new identity waits for the user's word: the server shall keep what came under it.
    pub(super) fn postpone_arrivals(&mut self, peer: &UserId) {
        for (mid, arrival) in self.arrivals_of(peer) {
            self.arrivals.remove(&mid);
            self.fact(Fact::Waiting { mid: mid.clone(), why: WaitCause::Confirm });
            self.nack(&arrival, &mid, NackCode::Busy, CONFIRM_RETRY);
        }
    }

    /// The directory says that the sender does not exist.
    pub(super) fn reject_unknown_sender(&mut self, peer: &UserId) {
        for (mid, arrival) in self.arrivals_of(peer) {
            self.arrivals.remove(&mid);
            self.reject(Some(mid.clone()), RejectCause::UnknownSender);
            self.nack(&arrival, &mid, NackCode::UnknownEpoch, Duration::ZERO);
        }
    }

    fn arrivals_of(&self, peer: &UserId) -> Vec<(Mid, Arrival)> {
        let of_peer = self.arrivals.iter().filter(|(mid, _)| mid.sender == *peer);
        of_peer.map(|(mid, arrival)| (mid.clone(), arrival.clone())).collect()
    }

    // Answers to the server.

    fn ack(&mut self, arrival: &Arrival, mid: &Mid, outcome: AckOutcome) {
        let (delivery, mid) = (arrival.delivery, mid.clone());
        self.tell(Message::DeliverAck { delivery, mid, outcome });
    }

    fn nack(&mut self, arrival: &Arrival, mid: &Mid, code: NackCode, wait: Duration) {
        let (delivery, mid) = (arrival.delivery, mid.clone());
        let retry_after = Millis(wait.as_millis());
        self.tell(Message::DeliverNack { delivery, mid, code, retry_after });
    }

    pub(super) fn reject(&mut self, mid: Option<Mid>, why: RejectCause) {
        self.fact(Fact::Reject { mid, why });
    }

    /// A signature key of a peer's epoch, for approvals.
    pub(super) fn peer_sign_key(
        &self,
        peer: &UserId,
        epoch: Epoch,
    ) -> Option<crate::crypto::suite::Point> {
        self.durable.table.get(peer)?.key(epoch).map(|key| key.sign)
    }
}
