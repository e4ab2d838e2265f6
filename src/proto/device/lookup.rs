//! Asking the directory for a peer's keys: single flight, negative cache, token bucket (claims 7 and 14).
//!
//! Not here: judging the records (`chain`) or using the keys (`table`).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, ReqId, UserId};
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::config::DeviceConfig;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::chain::Chain;
use crate::proto::device::durable::DeviceWrite;
use crate::proto::device::session::Asking;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{AlarmKind, EvictCause, Fact, LookupCause, LookupEnd, ReplyResult};
use crate::wire::message::Message;
use crate::wire::record::KeyRecord;

/// The token bucket for lookups, and which peers wait for a token, for room or for time.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Thousandths of a token.
    tokens: u64,
    filled: Instant,
    /// Why each waiting peer is wanted.
    wanted: BTreeMap<UserId, LookupCause>,
}

/// Thousandths of a token that one lookup costs.
const TOKEN: u64 = 1_000;
/// How soon a peer that found the table pinned full tries again.
const ROOM_RETRY: Duration = Duration::from_secs(1);

impl Bucket {
    pub(super) fn full(config: &DeviceConfig) -> Self {
        let tokens = u64::from(config.lookups_burst) * TOKEN;
        Self { tokens, filled: Instant::START, wanted: BTreeMap::new() }
    }

    /// Takes a token, or says when there will be one.
    fn take(&mut self, now: Instant, config: &DeviceConfig) -> Result<(), Instant> {
        let nanos_per_unit = 60_000_000_000 / (u64::from(config.lookups_per_minute.max(1)) * TOKEN);
        let gained = now.since(self.filled).as_nanos() / nanos_per_unit;
        let most = u64::from(config.lookups_burst) * TOKEN;
        self.tokens = self.tokens.saturating_add(gained).min(most);
        self.filled = self.filled + Duration::from_nanos(gained.saturating_mul(nanos_per_unit));
        if self.tokens >= TOKEN {
            self.tokens -= TOKEN;
            return Ok(());
        }
        Err(now + Duration::from_nanos((TOKEN - self.tokens) * nanos_per_unit))
    }
}

impl<S: Suite> Device<S> {
    /// Wants a peer's keys: joins a lookup under way, or starts one as soon as limits allow.
    pub(super) fn want_lookup(&mut self, now: Now, peer: &UserId, because: LookupCause) {
        let twice = self.has(Deviation::M07);
        if self.asking(&Asking::Lookup(peer.clone())).is_some() && !twice {
            return;
        }
        self.bucket.wanted.entry(peer.clone()).or_insert(because);
        // A set timer means: failed a moment ago, no token, or no room. All of them end by themselves.
        if self.timers.get(&Timer::Lookup(peer.clone())).is_none() {
            self.on_lookup_due(now, peer);
        }
    }

    pub(super) fn on_lookup_due(&mut self, now: Now, peer: &UserId) {
        if self.asking(&Asking::Lookup(peer.clone())).is_some() && !self.has(Deviation::M07) {
            return;
        }
        let Some(because) = self.bucket.wanted.get(peer).copied() else { return };
        if because != LookupCause::Own && !self.has_room_for(peer) {
            self.timers.set(now.at + ROOM_RETRY, Timer::Lookup(peer.clone()));
            return;
        }
        if !self.has(Deviation::M81)
            && let Err(at) = self.bucket.take(now.at, &self.config)
        {
            self.timers.set(at, Timer::Lookup(peer.clone()));
            return;
        }
        self.bucket.wanted.remove(peer);
        let contact = self.durable.contacts.get(peer);
        let have_hash = contact.and_then(|contact| contact.pin).map(|pin| pin.record);
        let body = Message::LookupKey { user: peer.clone(), want_epoch: None, have_hash };
        let req = ReqId(self.draws.octets());
        self.fact(Fact::Lookup { peer: peer.clone(), req, want: None, because });
        self.ask_as(now, req, Asking::Lookup(peer.clone()), body);
    }

    /// A burst is over without an answer: the user is told, the work waits for the next burst.
    pub(super) fn on_lookup_failed(&mut self, now: Now, peer: &UserId) {
        self.show_next_after_lookup(now, peer);
        let needed = self.needs_key(peer);
        for draft in self.waiting_drafts(peer) {
            self.notice_unsent(draft);
        }
        if let Some(because) = needed {
            self.bucket.wanted.insert(peer.clone(), because);
            self.timers.set(now.at + self.config.negative, Timer::Lookup(peer.clone()));
        }
    }

    /// Why a key of the peer is still needed, if it is.
    fn needs_key(&self, peer: &UserId) -> Option<LookupCause> {
        if self.arrivals.keys().any(|mid| mid.sender == *peer) {
            return Some(LookupCause::Message);
        }
        if *peer == self.user && self.durable.keyring.pending.is_some() {
            return Some(LookupCause::Own);
        }
        if !self.waiting_drafts(peer).is_empty() {
            return Some(LookupCause::Draft);
        }
        self.has_bounced(peer).then_some(LookupCause::Bounce)
    }

    /// At each Attached: what failed for lack of a server is tried again at once.
    pub(super) fn retry_lookups(&mut self, now: Now) {
        let peers: Vec<UserId> = self.bucket.wanted.keys().cloned().collect();
        for peer in peers {
            self.timers.stop(&Timer::Lookup(peer.clone()));
            self.on_lookup_due(now, &peer);
        }
    }

    pub(super) fn on_unknown_user(&mut self, now: Now, peer: &UserId, req: ReqId) {
        let (peer, epochs) = (peer.clone(), Vec::new());
        let result = ReplyResult::UnknownUser;
        self.fact(Fact::KeyReply { peer: peer.clone(), req, epochs, result });
        self.fact(Fact::LookupFailed { peer: peer.clone(), req, why: LookupEnd::UnknownUser });
        // The negative answer is believed for a while (C07-R5).
        self.timers.set(now.at + self.config.negative, Timer::Lookup(peer.clone()));
        self.show_next_after_lookup(now, &peer);
        self.fail_waiting_drafts(&peer);
        self.reject_unknown_sender(&peer);
    }

    pub(super) fn on_key_reply(
        &mut self,
        now: Now,
        req: ReqId,
        records: Vec<KeyRecord>,
        more: bool,
    ) {
        let epochs: Vec<Epoch> = records.iter().map(|record| record.epoch).collect();
        let Some((asked, req, sent)) = self.lookup_of(req) else {
            let peer = records.first().map_or_else(|| self.user.clone(), |r| r.user.clone());
            let result = ReplyResult::Unsolicited;
            self.fact(Fact::KeyReply { peer, req, epochs, result });
            return;
        };
        let named = records.first().map_or_else(|| asked.clone(), |record| record.user.clone());
        let expected = if self.has(Deviation::M48) { &named } else { &asked };
        let mut work = std::mem::take(&mut self.work);
        let chain = Chain::verify::<S>(expected, records, &mut work);
        let pin = self.durable.contacts.get(&asked).and_then(|contact| contact.pin);
        let result = match &chain {
            Ok(chain) => chain.judge::<S>(pin.as_ref(), &mut work),
            Err(result) => *result,
        };
        self.work = work;
        let taken = (result == ReplyResult::Rollback && self.has(Deviation::M37))
            || (result == ReplyResult::BrokenChain && self.has(Deviation::M44));
        self.fact(Fact::KeyReply { peer: asked.clone(), req, epochs, result });
        let Ok(chain) = chain else {
            self.on_bad_reply(&asked, result);
            return;
        };
        match result {
            _ if taken => self.on_keys(now, &asked, req, sent, &chain, more),
            ReplyResult::Accepted => self.on_keys(now, &asked, req, sent, &chain, more),
            ReplyResult::NewIdentity | ReplyResult::BrokenChain => {
                self.settle_request(req, &Asking::Lookup(asked.clone()));
                self.on_candidate(&asked, &chain, result);
            }
            ReplyResult::Rollback
            | ReplyResult::Unsolicited
            | ReplyResult::WrongUser
            | ReplyResult::InvalidKey
            | ReplyResult::BadSignature
            | ReplyResult::UnknownUser => self.on_bad_reply(&asked, result),
        }
    }

    /// The lookup that a reply answers: peer, number and when its first copy left.
    fn lookup_of(&self, req: ReqId) -> Option<(UserId, ReqId, Instant)> {
        let lookup = |(req, request): (&ReqId, &super::session::Request)| match &request.what {
            Asking::Lookup(peer) => Some((peer.clone(), *req, request.sent?)),
            Asking::Hello
            | Asking::Attach
            | Asking::Register
            | Asking::Rotate
            | Asking::Submit(_)
            | Asking::Poll => None,
        };
        if self.has(Deviation::M49) {
            return self.requests.iter().find_map(lookup);
        }
        self.requests.get_key_value(&req).and_then(lookup)
    }

    /// A reply that proves nothing changes nothing; the request goes on until its burst ends.
    fn on_bad_reply(&mut self, peer: &UserId, result: ReplyResult) {
        let what = match result {
            ReplyResult::Rollback => AlarmKind::Rollback,
            ReplyResult::InvalidKey | ReplyResult::BadSignature => AlarmKind::InvalidKey,
            ReplyResult::BrokenChain | ReplyResult::NewIdentity => AlarmKind::BrokenChain,
            ReplyResult::Accepted
            | ReplyResult::Unsolicited
            | ReplyResult::WrongUser
            | ReplyResult::UnknownUser => return,
        };
        self.fact(Fact::Alarm { peer: Some(peer.clone()), what });
    }

    /// Verified keys: pin, row, and everything that waited for them.
    fn on_keys(
        &mut self,
        now: Now,
        peer: &UserId,
        req: ReqId,
        sent: Instant,
        chain: &Chain,
        more: bool,
    ) {
        self.settle_request(req, &Asking::Lookup(peer.clone()));
        if *peer == self.user {
            self.on_own_record(now, chain.newest());
            return;
        }
        self.accept_chain(now, peer, chain);
        if more {
            self.want_lookup(now, peer, LookupCause::Refresh);
            return;
        }
        self.resolve_arrivals(now, peer, sent);
        self.decide_bounced(now, Some((peer, sent)));
        self.advance_drafts(now, peer);
        self.show_next_after_lookup(now, peer);
    }

    /// Pins the newest record and stores the keys in the table.
    fn accept_chain(&mut self, now: Now, peer: &UserId, chain: &Chain) {
        let pin = chain.pin();
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        let changed = contact.pin != Some(pin);
        contact.pin = Some(pin);
        contact.candidate = None;
        if changed {
            self.save_contact(peer);
            let (generation, epoch, record) = (pin.generation, pin.epoch, pin.record);
            self.fact(Fact::Pin { peer: peer.clone(), generation, epoch, record });
        }
        self.store_keys(now, peer, chain.keys::<S>());
        self.timers.set(now.at + self.config.refresh, Timer::Refresh(peer.clone()));
    }

    /// Another identity, or a record that the pinned one did not authorize: only the user can accept it.
    fn on_candidate(&mut self, peer: &UserId, chain: &Chain, result: ReplyResult) {
        let generation = chain.generation();
        let record = chain.pin().record;
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        let known = contact.candidate.is_some() || contact.refused == Some(record);
        if contact.refused != Some(record) {
            contact.candidate = Some(Box::new(chain.newest().clone()));
        }
        self.save_contact(peer);
        if !known {
            let new = result == ReplyResult::NewIdentity;
            let what = if new { AlarmKind::NewIdentity } else { AlarmKind::BrokenChain };
            self.fact(Fact::Alarm { peer: Some(peer.clone()), what });
            self.fact(Fact::ConfirmAsked { peer: peer.clone(), generation });
        }
        self.postpone_arrivals(peer);
        self.notice_confirm(peer);
    }

    /// The user's word on a new identity.
    pub(super) fn on_confirm(&mut self, now: Now, peer: &UserId, accept: bool) {
        self.accept_candidate(peer, accept);
        if accept {
            self.want_lookup(now, peer, LookupCause::Draft);
        }
    }

    fn accept_candidate(&mut self, peer: &UserId, accept: bool) {
        let Some(contact) = self.durable.contacts.get_mut(peer) else { return };
        let Some(candidate) = contact.candidate.take() else { return };
        let hash = crate::crypto::sign::record_hash::<S>(&candidate.encode());
        let generation = match candidate.generation {
            crate::base::id::Hash32::ZERO => hash,
            other => other,
        };
        if accept {
            // The new identity counts its messages from 1 again; the old one's window goes with it.
            let same = contact.pin.is_some_and(|pin| pin.generation == generation);
            contact.pin = None;
            contact.refused = None;
            if !same {
                contact.window = super::window::Window::default();
                contact.next = crate::base::id::Seq(1);
            }
        } else {
            contact.refused = Some(hash);
        }
        self.save_contact(peer);
        if accept && self.durable.table.contains_key(peer) {
            self.write(DeviceWrite::Row(peer.clone(), None));
            self.fact(Fact::Evict { peer: peer.clone(), why: EvictCause::NewIdentity });
        }
        let peer = peer.clone();
        self.fact(Fact::Confirmed { peer, generation, accepted: accept });
    }

    /// A hint is an epoch number and nothing more: it starts a lookup when it is above the pin (C17-R8).
    pub(super) fn on_hint(&mut self, now: Now, user: &UserId, epoch: Epoch) {
        let contact = self.durable.contacts.get(user);
        let pinned = contact.and_then(|contact| contact.pin).map(|pin| pin.epoch);
        let newer = pinned.is_some_and(|pinned| epoch > pinned);
        if newer && !self.has(Deviation::M34) {
            self.want_lookup(now, user, LookupCause::Hint);
        }
    }

    /// A table entry has its time: it is looked up again whether or not anything happened (C17-R2).
    pub(super) fn on_refresh_due(&mut self, now: Now, peer: UserId) {
        let updates = !self.has(Deviation::M34) && !self.has(Deviation::M35);
        if self.durable.table.contains_key(&peer) && updates {
            self.timers.set(now.at + self.config.refresh, Timer::Refresh(peer.clone()));
            self.want_lookup(now, &peer, LookupCause::Refresh);
        }
    }
}
