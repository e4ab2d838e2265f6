//! Showing accepted messages: each sender's in the order of their numbers, gaps held back for a
//! while (protocol 4.5).
//!
//! Not here: acceptance (`inbox`) or what a request does on the screen (`approval`).

use crate::base::id::{Mid, Seq, UserId};
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceWrite, Item, content};
use crate::proto::device::timers::Timer;
use crate::trace::fact::{Fact, RejectCause};
use crate::wire::body::Body;

impl<S: Suite> Device<S> {
    /// After a start: what was accepted and not shown is shown.
    pub(super) fn resume_inbox(&mut self, now: Now) {
        let mut peers: Vec<UserId> =
            self.durable.inbox.keys().map(|(peer, _)| peer.clone()).collect();
        peers.dedup();
        for peer in peers {
            self.present(now, &peer, None);
        }
        // Rows that were fetched before the stop keep their refresh.
        let rows: Vec<(UserId, Instant)> =
            self.durable.table.iter().map(|(peer, row)| (peer.clone(), row.fetched)).collect();
        for (peer, fetched) in rows {
            let left = (fetched + self.config.refresh).since(now.at);
            self.wake(now, left, Timer::Refresh(Box::new(peer)));
        }
    }

    /// Shows what is next in order, or late; `arrived` is what was accepted just now.
    pub(super) fn present(&mut self, now: Now, peer: &UserId, arrived: Option<Seq>) {
        if let Some(seq) = arrived.filter(|_| self.has(Deviation::M80)) {
            self.show(now, peer, seq, false, 0);
        }
        self.show_run(now, peer);
        self.watch_gap(now, peer);
    }

    /// T_gap is over: the oldest held message is shown, marked with what is missing before it.
    pub(super) fn release_gap(&mut self, now: Now, peer: &UserId) {
        self.release_one(now, peer);
        self.show_run(now, peer);
        self.watch_gap(now, peer);
    }

    /// Shows everything that is held back.
    pub(super) fn release_all(&mut self, now: Now, peer: &UserId) {
        while self.release_one(now, peer) {}
        self.watch_gap(now, peer);
    }

    fn release_one(&mut self, now: Now, peer: &UserId) -> bool {
        let Some((seq, _)) = self.held(peer) else { return false };
        let next = self.next_of(peer);
        self.show(now, peer, seq, seq < next, seq.0.saturating_sub(next.0));
        true
    }

    /// Shows what nothing is missing before, and what comes after its gap was released.
    fn show_run(&mut self, now: Now, peer: &UserId) {
        while let Some((seq, _)) = self.held(peer) {
            let next = self.next_of(peer);
            if seq > next {
                return;
            }
            self.show(now, peer, seq, seq < next, 0);
        }
    }

    fn watch_gap(&mut self, now: Now, peer: &UserId) {
        let timer = Timer::Gap(Box::new(peer.clone()));
        match self.held(peer) {
            Some((_, since)) => {
                let left = (since + self.config.gap).since(now.at);
                self.wake(now, left, timer);
            }
            None => self.timers.stop(&timer),
        }
    }

    /// The lowest number that is held back, and since when.
    pub(super) fn held(&self, peer: &UserId) -> Option<(Seq, Instant)> {
        let from = (peer.clone(), Seq(0));
        let to = (peer.clone(), Seq(u64::MAX));
        let (key, item) = self.durable.inbox.range(from..=to).next()?;
        Some((key.1, item.since))
    }

    fn next_of(&self, peer: &UserId) -> Seq {
        let next = self.durable.contacts.get(peer).map_or(Seq(1), |contact| contact.next);
        next.max(Seq(1))
    }

    /// Shows one message, or acts on it when it is for the device; then notes that this is done, in one write
    /// with the next number in order.
    ///
    /// The note follows the display: a stop in between shows the message again rather than never.
    fn show(&mut self, now: Now, peer: &UserId, seq: Seq, late: bool, missing: u64) {
        let Some(item) = self.durable.inbox.get(&(peer.clone(), seq)).cloned() else { return };
        let mid = Mid { sender: peer.clone(), receiver: self.user.clone(), seq };
        let Item { kind, plain, signed, .. } = item;
        match Body::decode(kind, &plain) {
            Ok(Body::Text(text)) => {
                let (digest, kind) = (Self::digest(&plain), content(kind));
                self.fact(Fact::Display { mid, kind, plain: digest, text, late, missing });
                self.note_shown(peer, seq);
            }
            Ok(body) => {
                self.processed(&mid, kind);
                self.note_shown(peer, seq);
                self.act_on(now, mid, body, plain, signed);
            }
            Err(_) => {
                self.reject(Some(mid), RejectCause::BadBody);
                self.note_shown(peer, seq);
            }
        }
    }

    fn note_shown(&mut self, peer: &UserId, seq: Seq) {
        self.write(DeviceWrite::Inbox(peer.clone(), seq, None));
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        if seq >= contact.next.max(Seq(1)) && !self.config.deviations.has(Deviation::M80) {
            contact.next = Seq(seq.0.saturating_add(1));
            self.save_contact(peer);
        }
    }

    fn act_on(&mut self, now: Now, mid: Mid, body: Body, plain: Vec<u8>, signed: bool) {
        match body {
            Body::Text(_) => {}
            Body::Request(request) => self.on_request(now, mid, request, plain),
            Body::Reply(reply) => self.on_approval(&mid, &reply, signed),
            Body::Nack(nack) => self.on_complaint(now, &mid.sender, &nack.mid),
            Body::Declined(declined) => {
                self.fact(Fact::DeclineSeen { txn: declined.txn, from: mid.sender });
            }
        }
    }

    fn processed(&mut self, mid: &Mid, kind: crate::wire::header::BodyKind) {
        self.fact(Fact::Processed { mid: mid.clone(), kind: content(kind) });
    }
}
