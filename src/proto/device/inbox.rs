//! Received messages: checks, table search, decryption, replay window, durable acceptance (claims 1, 13 to 16).
//!
//! Not here: looking keys up (`lookup`) or showing what was accepted (`present`).

use crate::base::id::{DeliveryId, Mid, ReqId, UserId};
use crate::base::time::{Duration, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceWrite, Item, content};
use crate::proto::device::limits::Verdict;
use crate::proto::device::outbox::{Parcel, short};
use crate::proto::device::request::Asking;
use crate::proto::device::timers::Timer;
use crate::proto::device::window::{Standing, Window};
use crate::trace::fact::{Fact, LookupCause, Opening, RejectCause, Selection, WaitCause, Way};
use crate::wire::body::{Body, EndToEndNack};
use crate::wire::code::{AckOutcome, NackCode};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Deliver, Message};

const STALE_EPOCH: Verdict = Verdict { why: RejectCause::StaleEpoch, code: NackCode::StaleEpoch };
const UNKNOWN_EPOCH: Verdict =
    Verdict { why: RejectCause::UnknownEpoch, code: NackCode::UnknownEpoch };
const AUTH_FAIL: Verdict = Verdict { why: RejectCause::AuthFail, code: NackCode::AuthFail };

/// A received message that waits.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    delivery: DeliveryId,
    header: Header,
    ciphertext: Vec<u8>,
    /// The lookup under way when the first copy came: only a later one decides about it (protocol 4.2).
    missed: Option<ReqId>,
}

/// What the server is told to wait while the user has not confirmed an identity (L-07).
const CONFIRM_RETRY: Duration = Duration::from_secs(3_600);
/// What the server is told to wait when the device has no room.
const ROOM_RETRY: Duration = Duration::from_secs(30);
/// Messages for which an end-to-end nack was sent, remembered at most; the oldest is forgotten.
const COMPLAINTS_MAX: usize = 256;
/// The least time between two lookups that a sender's messages cause in vain (C14-R5).
const FRUITLESS_PAUSE: Duration = Duration::from_secs(5);

impl Arrival {
    /// Whether these are the same octets, whatever delivery brought them.
    fn is(&self, other: &Self) -> bool {
        self.header == other.header && self.ciphertext == other.ciphertext
    }
}

impl<S: Suite> Device<S> {
    /// A delivery, polled or pushed: the same checks either way (C11-R5).
    pub(super) fn on_deliver(&mut self, now: Now, deliver: Deliver) {
        let Deliver { delivery, header, ciphertext, .. } = deliver;
        let mid = header.mid();
        let trusted = self.has(Deviation::M67) && self.asking(&Asking::Poll).is_none();
        if header.receiver != self.user && !trusted {
            self.reject(Some(mid), RejectCause::WrongReceiver);
            return;
        }
        if header.sender == self.user {
            self.reject(Some(mid), RejectCause::SelfMessage);
            return;
        }
        let missed = self.lookup_under_way(&header.sender);
        let mut arrival = Arrival { delivery, header, ciphertext, missed };
        if self.has(Deviation::M30) && self.has_come_before(&mid) {
            return self.ack(&arrival, &mid, AckOutcome::Duplicate);
        }
        let same =
            self.rare.arrivals.get(&mid).and_then(|all| all.iter().find(|it| it.is(&arrival)));
        if let Some(known) = same {
            arrival.missed = known.missed;
        }
        self.consider(now, mid, arrival);
    }

    /// Opens a message if its keys are there; otherwise it waits for them.
    fn consider(&mut self, now: Now, mid: Mid, arrival: Arrival) {
        let header = &arrival.header;
        if let Some(verdict) = self.dead_epoch(header) {
            self.drop_arrival(&mid, &arrival);
            if verdict == UNKNOWN_EPOCH {
                self.doubt_own_record(now);
            }
            return self.refuse(now, &mid, &arrival, verdict);
        }
        let outcome = self.select_in(header);
        self.fact(Fact::Select {
            mid: Some(mid.clone()),
            peer: mid.sender.clone(),
            own: header.epoch_r,
            theirs: header.epoch_s,
            way: Way::In,
            outcome,
        });
        if outcome == Selection::Hit || self.serves_at_once(now, &mid.sender) {
            self.drop_arrival(&mid, &arrival);
            return self.open(now, mid, arrival);
        }
        if let Some(verdict) = self.rare.verdicts.find(header, now.at) {
            self.drop_arrival(&mid, &arrival);
            return self.refuse(now, &mid, &arrival, verdict);
        }
        if self.has(Deviation::M95) && self.is_evicted(header, outcome) {
            self.rare.arrivals.remove(&mid);
            return self.refuse(now, &mid, &arrival, STALE_EPOCH);
        }
        if self.has(Deviation::M65) {
            return self.ack(&arrival, &mid, AckOutcome::Committed);
        }
        if self.has(Deviation::M51) && self.is_full_without(&mid.sender) {
            return;
        }
        if self.has(Deviation::M09) {
            return self.want_lookup(now, &mid.sender, LookupCause::Message);
        }
        self.wait(now, mid, arrival);
    }

    fn wait(&mut self, now: Now, mid: Mid, arrival: Arrival) {
        let peer = mid.sender.clone();
        let same = |all: &Vec<Arrival>| all.iter().any(|it| it.is(&arrival));
        let known = self.rare.arrivals.get(&mid).is_some_and(same);
        if self.waits_for_user(&peer) {
            self.fact(Fact::Waiting { mid: mid.clone(), why: WaitCause::Confirm });
            return self.nack(&arrival, &mid, NackCode::Busy, CONFIRM_RETRY);
        }
        let pending = self.rare.arrivals.values().map(Vec::len).sum::<usize>();
        if !known && pending >= self.config.pending_max {
            self.reject(Some(mid.clone()), RejectCause::Busy);
            return self.nack(&arrival, &mid, NackCode::Busy, ROOM_RETRY);
        }
        if !known {
            let room = self.has_room_for(&peer);
            let why = if room { WaitCause::Key } else { WaitCause::Room };
            self.fact(Fact::Waiting { mid: mid.clone(), why });
        }
        self.drop_arrival(&mid, &arrival);
        self.rare.arrivals.entry(mid).or_default().push(arrival);
        self.want_lookup(now, &peer, LookupCause::Message);
    }

    /// These octets do not wait any more.
    fn drop_arrival(&mut self, mid: &Mid, arrival: &Arrival) {
        let Some(all) = self.rare.arrivals.get_mut(mid) else { return };
        all.retain(|it| !it.is(arrival));
        if all.is_empty() {
            self.rare.arrivals.remove(mid);
        }
    }

    /// Whether the receiver epoch that a header names is not, or no longer, ours.
    fn dead_epoch(&self, header: &Header) -> Option<Verdict> {
        let keyring = &self.durable.keyring;
        match keyring.key(header.epoch_r) {
            Some(key) if short(&key.kid.0) == header.kid_r => None,
            None if header.epoch_r > keyring.current() => Some(UNKNOWN_EPOCH),
            Some(_) | None => Some(STALE_EPOCH),
        }
    }

    /// Whether a header names an epoch before the pinned one whose slot is not there any more (M95).
    fn is_evicted(&self, header: &Header, outcome: Selection) -> bool {
        let pin = self.durable.contacts.get(&header.sender).and_then(|contact| contact.pin);
        matches!(outcome, Selection::Miss | Selection::Behind)
            && pin.is_some_and(|pin| header.epoch_s < pin.epoch)
    }

    /// Refuses a message for good, or for as long as the server has patience.
    fn refuse(&mut self, now: Now, mid: &Mid, arrival: &Arrival, verdict: Verdict) {
        self.reject(Some(mid.clone()), verdict.why);
        self.nack(arrival, mid, verdict.code, Duration::ZERO);
        if verdict == STALE_EPOCH {
            self.complain(now, mid, arrival.header.kind);
        }
    }

    /// Tells the sender end to end, once for each message, never about a complaint itself. Anybody can make
    /// a device complain, so complaints leave half of the room to the user's drafts.
    fn complain(&mut self, now: Now, mid: &Mid, kind: BodyKind) {
        let again = kind == BodyKind::EndToEndNack || self.rare.complained.contains(mid);
        if again || self.durable.drafts.len() >= self.config.drafts_max / 2 {
            return;
        }
        if self.rare.complained.len() >= COMPLAINTS_MAX {
            self.rare.complained.pop_front();
        }
        self.rare.complained.push_back(mid.clone());
        let nack = EndToEndNack { mid: mid.clone(), code: NackCode::StaleEpoch };
        let (id, to, kind) = (self.own_draft(), mid.sender.clone(), BodyKind::EndToEndNack);
        let plain = Body::Nack(nack).encode();
        self.compose(now, Parcel { id, to, kind, plain, deadline: None });
    }

    /// One attempt under the keys that the header names; never another (protocol 3.1).
    fn open(&mut self, now: Now, mid: Mid, arrival: Arrival) {
        let header = &arrival.header;
        let (own, theirs) = (header.epoch_r, header.epoch_s);
        let Some(pair) = self.pair(&mid.sender, own, theirs) else {
            return self.refuse(now, &mid, &arrival, UNKNOWN_EPOCH);
        };
        let (key, print) = self.direction(&pair, &mid.sender, &mid.receiver);
        self.sheet.work().aead += 1;
        self.sheet.work().aead_octets += arrival.ciphertext.len() as u64;
        let aad = self.associated_data(header);
        let opened = if self.has(Deviation::M21) {
            Self::open_short(&key, &header.nonce, &aad, &arrival.ciphertext)
        } else {
            S::open(&key, &header.nonce, &aad, &arrival.ciphertext)
        };
        let opening = Opening {
            mid: mid.clone(),
            kind: content(header.kind),
            own,
            theirs,
            key: print,
            header: Self::digest(&header.encode()),
            ciphertext: Self::digest(&arrival.ciphertext),
            plain: opened.as_deref().map(Self::digest),
        };
        self.fact(Fact::Decrypt(Box::new(opening)));
        let garbage = || String::from_utf8_lossy(&arrival.ciphertext).into_owned().into_bytes();
        let garbage = self.has(Deviation::M22).then(garbage);
        let Some(plain) = opened.or(garbage) else {
            return self.on_forgery(now, mid, arrival);
        };
        self.touch(now, &mid.sender);
        self.confirm_slot(&mid.sender, own, theirs);
        self.accept(now, mid, &arrival, plain);
    }

    /// The tag does not hold. No key is looked up again: the header's named one was used.
    fn on_forgery(&mut self, now: Now, mid: Mid, arrival: Arrival) {
        self.refuse(now, &mid, &arrival, AUTH_FAIL);
        if self.has(Deviation::M23) {
            self.hang();
        }
        if self.has(Deviation::M43) {
            self.want_lookup(now, &mid.sender, LookupCause::Message);
        }
    }

    /// The replay window comes after authentication and is written together with the inbox item.
    fn accept(&mut self, now: Now, mid: Mid, arrival: &Arrival, plain: Vec<u8>) {
        let contact = self.durable.contacts.entry(mid.sender.clone()).or_default();
        let generation = contact.pin.map(|pin| pin.generation).unwrap_or_default();
        let standing = contact.window.standing(mid.seq);
        let forgiven = standing == Standing::TooOld && self.has(Deviation::M32)
            || standing == Standing::Seen && self.has(Deviation::M30);
        let standing = if forgiven { Standing::New } else { standing };
        let trusted = self.has(Deviation::M67) && self.asking(&Asking::Poll).is_none();
        match standing {
            Standing::TooOld if !self.config.deviations.has(Deviation::M93) => {
                self.reject(Some(mid.clone()), RejectCause::TooOld);
                self.nack(arrival, &mid, NackCode::TooOld, Duration::ZERO);
                return;
            }
            Standing::Seen | Standing::TooOld if !self.has(Deviation::M28) && !trusted => {
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
        if self.config.deviations.has(Deviation::M33) && contact.window.is_far(mid.seq) {
            contact.window = Window::default();
        } else {
            contact.window.mark(mid.seq);
        }
        self.save_contact(&mid.sender);
        let kind = arrival.header.kind;
        let signed = self.is_signed(&mid.sender, kind, &plain);
        let item = Item { kind, plain, signed, since: now.at };
        self.write(DeviceWrite::Inbox(mid.sender.clone(), mid.seq, Some(Box::new(item))));
        self.fact(Fact::Commit { mid: mid.clone(), generation });
        if !self.has(Deviation::M64) {
            self.ack(arrival, &mid, AckOutcome::Committed);
        }
        self.present(now, &mid.sender, Some(mid.seq));
    }

    // After a lookup.

    /// Keys came: every message of the sender that waited is considered again. A lookup that was
    /// sent before a message came does not decide about it.
    pub(super) fn resolve_arrivals(&mut self, now: Now, peer: &UserId, req: ReqId) {
        let mut refused = false;
        for (mid, arrival) in self.arrivals_of(peer) {
            let outcome = self.select_in(&arrival.header);
            let opens = outcome == Selection::Hit || self.serves_at_once(now, peer);
            if opens || self.dead_epoch(&arrival.header).is_some() {
                self.consider(now, mid, arrival);
                continue;
            }
            if arrival.missed == Some(req) && !self.has(Deviation::M89) {
                self.want_lookup(now, peer, LookupCause::Message);
                continue;
            }
            let verdict = match outcome {
                Selection::KidMismatch => AUTH_FAIL,
                Selection::Behind => STALE_EPOCH,
                Selection::Hit | Selection::Miss | Selection::Ahead | Selection::Stale => {
                    UNKNOWN_EPOCH
                }
            };
            self.drop_arrival(&mid, &arrival);
            self.rare.verdicts.note(&arrival.header, verdict, now.at + self.config.negative);
            self.refuse(now, &mid, &arrival, verdict);
            refused = true;
        }
        let timer = Timer::Lookup(Box::new(peer.clone()));
        if refused && self.timers.get(&timer).is_none() {
            self.wake(now, FRUITLESS_PAUSE, timer);
        }
    }

    /// A new identity waits for the user's word: the server shall keep what came under it.
    pub(super) fn postpone_arrivals(&mut self, peer: &UserId) {
        for (mid, arrival) in self.arrivals_of(peer) {
            self.drop_arrival(&mid, &arrival);
            self.fact(Fact::Waiting { mid: mid.clone(), why: WaitCause::Confirm });
            self.nack(&arrival, &mid, NackCode::Busy, CONFIRM_RETRY);
        }
    }

    /// The directory says that the sender does not exist; says whether messages came after it was asked.
    pub(super) fn reject_unknown_sender(&mut self, peer: &UserId, req: ReqId) -> bool {
        let arrivals = self.arrivals_of(peer);
        for (mid, arrival) in arrivals.iter().filter(|(_, arrival)| arrival.missed != Some(req)) {
            self.drop_arrival(mid, arrival);
            self.reject(Some(mid.clone()), RejectCause::UnknownSender);
            self.nack(arrival, mid, NackCode::UnknownEpoch, Duration::ZERO);
        }
        arrivals.iter().any(|(_, arrival)| arrival.missed == Some(req))
    }

    fn arrivals_of(&self, peer: &UserId) -> Vec<(Mid, Arrival)> {
        let of_peer = self.rare.arrivals.iter().filter(|(mid, _)| mid.sender == *peer);
        let each = of_peer.flat_map(|(mid, all)| all.iter().map(move |it| (mid, it)));
        each.map(|(mid, arrival)| (mid.clone(), arrival.clone())).collect()
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
}
