//! Asking the directory for a peer's keys: single flight, limits, refresh, hints (claims 7, 14 and 17).
//!
//! Not here: judging the records (`chain`, `candidate`) or using the keys (`table`).

use crate::base::id::{Epoch, ReqId, UserId};
use crate::base::time::{Duration, Now};
use crate::crypto::suite::{Point, Suite};
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::chain::Chain;
use crate::proto::device::durable::Pin;
use crate::proto::device::limits::Hint;
use crate::proto::device::request::{Asking, Request};
use crate::proto::device::timers::Timer;
use crate::proto::device::window::Window;
use crate::trace::fact::ReplyResult::{
    self, Accepted, BadSignature, BrokenChain, InvalidKey, NewIdentity, Rollback, UnknownUser,
    Unsolicited, WrongUser,
};
use crate::trace::fact::{AlarmKind, Fact, LookupCause, LookupEnd};
use crate::wire::message::Message;
use crate::wire::record::KeyRecord;

/// How soon a peer that found the table pinned full tries again.
const ROOM_RETRY: Duration = Duration::from_secs(1);

/// The lookup that a reply answers.
struct Answered {
    peer: UserId,
    req: ReqId,
}

impl<S: Suite> Device<S> {
    /// Wants a peer's keys: joins a lookup under way, or starts one as soon as limits allow.
    pub(super) fn want_lookup(&mut self, now: Now, peer: &UserId, because: LookupCause) {
        let alone = self.asking(&Asking::Lookup(peer.clone())).is_none();
        if !alone && !self.has(Deviation::M08) {
            return;
        }
        self.rare.bucket.wanted.entry(peer.clone()).or_insert(because);
        // A set timer means: failed a moment ago, no token, no room or no session. All of them end.
        if self.timers.get(&Timer::Lookup(Box::new(peer.clone()))).is_none() {
            self.start_lookup(now, peer);
            if !self.has_room_for(peer) {
                self.notice_unsent_to(peer);
            }
            if alone && self.has(Deviation::M07) {
                self.rare.bucket.wanted.insert(peer.clone(), because);
                self.start_lookup(now, peer);
            }
        }
    }

    /// A lookup that had to wait may start; without a session it still cannot, and the user is told.
    pub(super) fn on_lookup_due(&mut self, now: Now, peer: &UserId) {
        if self.asking(&Asking::Lookup(peer.clone())).is_some() {
            return;
        }
        if !self.session.is_open() {
            self.notice_unsent_to(peer);
        }
        self.start_lookup(now, peer);
    }

    fn start_lookup(&mut self, now: Now, peer: &UserId) {
        let Some(because) = self.rare.bucket.wanted.get(peer).copied() else { return };
        if !self.session.is_open() {
            let burst = self.config.lookup_try.times(u64::from(self.config.burst));
            self.rare.bucket.leave(peer);
            return self.wake(now, burst, Timer::Lookup(Box::new(peer.clone())));
        }
        if because != LookupCause::Own && !self.has_room_for(peer) {
            self.rare.bucket.leave(peer);
            return self.wake(now, ROOM_RETRY, Timer::Lookup(Box::new(peer.clone())));
        }
        if !self.has(Deviation::M81)
            && let Err(at) = self.rare.bucket.take(now.at, &self.config, (peer, because))
        {
            return self.wake(now, at.since(now.at), Timer::Lookup(Box::new(peer.clone())));
        }
        self.rare.bucket.wanted.remove(peer);
        let contact = self.durable.contacts.get(peer);
        let have_hash = contact.and_then(|contact| contact.pin).map(|pin| pin.record);
        let body = Message::LookupKey { user: peer.clone(), want_epoch: None, have_hash };
        let req = ReqId(self.draw().octets());
        self.fact(Fact::Lookup { peer: peer.clone(), req, want: None, because });
        self.ask_as(now, req, Asking::Lookup(peer.clone()), body);
    }

    /// A burst is over without an answer: the user is told, the work waits for the next burst.
    pub(super) fn on_lookup_failed(&mut self, now: Now, peer: &UserId) {
        self.show_next_after_lookup(now, peer);
        self.notice_unsent_to(peer);
        if self.has(Deviation::M10) || self.has(Deviation::M11) {
            self.send_without_key(now, peer);
        }
        if let Some(because) = self.needs_key(peer) {
            self.rare.bucket.wanted.insert(peer.clone(), because);
            self.wake(now, self.config.negative, Timer::Lookup(Box::new(peer.clone())));
        } else if self.durable.table.contains_key(peer) {
            // A refresh that failed must not wait for the next one (C17-R1).
            self.wake(now, self.config.negative, Timer::Refresh(Box::new(peer.clone())));
        }
    }

    /// Why a key of the peer is still needed, if it is and the directory can help.
    pub(super) fn needs_key(&self, peer: &UserId) -> Option<LookupCause> {
        if *peer == self.user {
            return self.is_rotation_in_doubt().then_some(LookupCause::Own);
        }
        if self.waits_for_user(peer) {
            return None;
        }
        if self.rare.arrivals.keys().any(|mid| mid.sender == *peer) {
            return Some(LookupCause::Message);
        }
        if !self.waiting_drafts(peer).is_empty() {
            return Some(LookupCause::Draft);
        }
        self.has_bounced(peer).then_some(LookupCause::Bounce)
    }

    /// At each Attached: what failed for lack of a server is tried again at once.
    pub(super) fn retry_lookups(&mut self, now: Now) {
        let peers: Vec<UserId> = self.rare.bucket.wanted.keys().cloned().collect();
        for peer in peers {
            self.timers.stop(&Timer::Lookup(Box::new(peer.clone())));
            self.on_lookup_due(now, &peer);
        }
    }

    /// The directory says that nobody has this name. Only what was there when it was asked is decided.
    pub(super) fn on_unknown_user(&mut self, now: Now, peer: &UserId, req: ReqId) {
        self.settle_request(req);
        let result = UnknownUser;
        self.fact(Fact::KeyReply { peer: peer.clone(), req, epochs: Vec::new(), result });
        self.fact(Fact::LookupFailed { peer: peer.clone(), req, why: LookupEnd::UnknownUser });
        if *peer == self.user {
            // Attaching says so as well, and says what follows.
            return self.fact(Fact::Alarm { peer: None, what: AlarmKind::NotRegistered });
        }
        // The negative answer is believed for a while (C07-R5).
        let forever = self.has(Deviation::M05);
        let believed = if forever { Duration::MAX } else { self.config.negative };
        self.wake(now, believed, Timer::Lookup(Box::new(peer.clone())));
        self.show_next_after_lookup(now, peer);
        self.fail_waiting(peer);
        let bounce_left = self.fail_bounced(peer, Some(req));
        let arrival_left = self.reject_unknown_sender(peer, req);
        if bounce_left || arrival_left {
            let because = if arrival_left { LookupCause::Message } else { LookupCause::Bounce };
            self.timers.stop(&Timer::Lookup(Box::new(peer.clone())));
            self.want_lookup(now, peer, because);
        }
    }

    pub(super) fn on_key_reply(
        &mut self,
        now: Now,
        req: ReqId,
        records: Vec<KeyRecord>,
        more: bool,
    ) {
        let epochs: Vec<Epoch> = records.iter().map(|record| record.epoch).collect();
        let named = records.first().map(|record| record.user.clone());
        let Some(answered) = self.lookup_of(req) else {
            let (peer, result) = (named.unwrap_or_else(|| self.user.clone()), Unsolicited);
            return self.fact(Fact::KeyReply { peer, req, epochs, result });
        };
        self.on_served();
        let (peer, req) = (answered.peer.clone(), answered.req);
        let Some(mut chain) = Chain::read::<S>(records) else {
            return self.fact(Fact::KeyReply { peer, req, epochs, result: WrongUser });
        };
        let expected = named.filter(|_| self.has(Deviation::M48)).unwrap_or_else(|| peer.clone());
        let wrong = self.config.deviations;
        let is_point =
            |point: &Point| S::check_point(point).is_ok() || Self::passes_for_point(wrong, point);
        let verified = chain.verify::<S>(&expected, more, is_point, self.sheet.work());
        let pin = self.durable.contacts.get(&peer).and_then(|contact| contact.pin);
        let accepted = verified == Accepted;
        let result =
            if accepted { chain.judge::<S>(pin.as_ref(), self.sheet.work()) } else { verified };
        self.fact(Fact::KeyReply { peer: peer.clone(), req, epochs, result });
        let stuck = more && pin == Some(chain.pin());
        if (result == Accepted && !stuck) || self.excuses(result) {
            self.on_keys(now, answered, &chain, more);
        } else if accepted && matches!(result, NewIdentity | BrokenChain) {
            if self.has(Deviation::M83) && self.durable.table.contains_key(&peer) {
                self.store_keys(now, &peer, chain.keys::<S>());
            }
            self.settle_request(req);
            if self.durable.table.contains_key(&peer) {
                self.wake(now, self.config.refresh, Timer::Refresh(Box::new(peer.clone())));
            }
            self.on_candidate(&peer, &chain, result);
        } else {
            self.on_bad_reply(peer, result);
        }
    }

    /// The lookup that a reply answers: by its number and nothing else (C07-R3).
    fn lookup_of(&self, req: ReqId) -> Option<Answered> {
        let answered = |(req, request): (&ReqId, &Request)| match &request.what {
            Asking::Lookup(peer) if request.sent => {
                Some(Answered { peer: peer.clone(), req: *req })
            }
            Asking::Hello(_)
            | Asking::Attach(..)
            | Asking::Register
            | Asking::Rotate
            | Asking::Lookup(_)
            | Asking::Submit(_)
            | Asking::Poll => None,
        };
        if self.has(Deviation::M49) {
            return self.requests.iter().find_map(answered);
        }
        self.requests.get_key_value(&req).and_then(answered)
    }

    /// The lookup of a peer that is out by now. What comes now came after it was sent, so its answer does not
    /// decide about that (protocol 4.2). The number says so where times do not: both may be at one instant.
    pub(super) fn lookup_under_way(&self, peer: &UserId) -> Option<ReqId> {
        let req = self.asking(&Asking::Lookup(peer.clone()))?;
        self.requests.get(&req).filter(|request| request.sent).map(|_| req)
    }

    /// Whether a deviation takes a reply that proves nothing.
    fn excuses(&self, result: ReplyResult) -> bool {
        match result {
            Rollback => self.has(Deviation::M37),
            BrokenChain | NewIdentity => self.has(Deviation::M44),
            Accepted | Unsolicited | WrongUser | InvalidKey | BadSignature | UnknownUser => false,
        }
    }

    /// A reply that proves nothing changes nothing; the request goes on until its burst ends.
    fn on_bad_reply(&mut self, peer: UserId, result: ReplyResult) {
        let what = match result {
            Rollback => AlarmKind::Rollback,
            InvalidKey | BadSignature => AlarmKind::InvalidKey,
            BrokenChain | NewIdentity => AlarmKind::BrokenChain,
            Accepted | Unsolicited | WrongUser | UnknownUser => return,
        };
        self.fact(Fact::Alarm { peer: Some(peer), what });
    }

    /// Verified keys: pin, row, and everything that waited for them.
    fn on_keys(&mut self, now: Now, answered: Answered, chain: &Chain, more: bool) {
        let Answered { peer, req } = answered;
        self.settle_request(req);
        if peer == self.user {
            return self.on_own_record(now, chain.newest());
        }
        self.pin_chain(&peer, chain);
        if more {
            let because = self.needs_key(&peer).unwrap_or(LookupCause::Refresh);
            return self.want_lookup(now, &peer, because);
        }
        self.store_keys(now, &peer, chain.keys::<S>());
        self.wake(now, self.config.refresh, Timer::Refresh(Box::new(peer.clone())));
        self.resolve_arrivals(now, &peer, req);
        self.decide_bounced(now, Some((&peer, req)));
        self.advance_drafts(now, &peer);
        self.show_next_after_lookup(now, &peer);
        self.resolve_hint(now, &peer, req, chain.newest().epoch);
    }

    /// Pins the newest record.
    fn pin_chain(&mut self, peer: &UserId, chain: &Chain) {
        let pin = chain.pin();
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        let changed = contact.pin != Some(pin);
        let asked = contact.candidate.take().is_some();
        contact.pin = Some(pin);
        contact.refused = false;
        if changed && self.config.deviations.has(Deviation::M31) {
            contact.window = Window::default();
        }
        if changed || asked {
            self.save_contact(peer);
        }
        if changed {
            self.rare.verdicts.forget(peer);
            let Pin { generation, epoch, record, .. } = pin;
            self.fact(Fact::Pin { peer: peer.clone(), generation, epoch, record });
        }
    }

    // Updates (claim 17).

    /// A hint is an epoch number and nothing more: it starts a lookup when it is above the pin, and one that
    /// was wrong silences the next for a while (C17-R8).
    pub(super) fn on_hint(&mut self, now: Now, user: &UserId, epoch: Epoch) {
        let contact = self.durable.contacts.get(user);
        let pinned = contact.and_then(|contact| contact.pin).map(|pin| pin.epoch);
        let in_use = self.durable.table.contains_key(user);
        if !in_use || pinned.is_none_or(|pinned| epoch <= pinned) || self.has(Deviation::M34) {
            return;
        }
        if self.has(Deviation::M36) {
            return self.believe(user, epoch);
        }
        let mute = self.rare.hints.get(user).and_then(|hint| hint.mute);
        if mute.is_some_and(|until| now.at < until) {
            return;
        }
        let missed = self.lookup_under_way(user);
        self.rare.hints.insert(user.clone(), Hint { epoch, missed, mute: None });
        self.want_lookup(now, user, LookupCause::Hint);
    }

    fn resolve_hint(&mut self, now: Now, peer: &UserId, req: ReqId, newest: Epoch) {
        let Some(hint) = self.rare.hints.get_mut(peer) else { return };
        if newest >= hint.epoch {
            self.rare.hints.remove(peer);
        } else if hint.missed != Some(req) {
            hint.mute.get_or_insert(now.at + self.config.negative);
        } else {
            self.want_lookup(now, peer, LookupCause::Hint);
        }
    }

    /// A table entry has its time: it is looked up again whether or not anything happened (C17-R2).
    pub(super) fn on_refresh_due(&mut self, now: Now, peer: UserId) {
        let updates = !self.has(Deviation::M34) && !self.has(Deviation::M35);
        if self.durable.table.contains_key(&peer) && updates {
            self.wake(now, self.config.refresh, Timer::Refresh(Box::new(peer.clone())));
            self.want_lookup(now, &peer, LookupCause::Refresh);
        }
    }
}
