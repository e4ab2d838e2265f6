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
use crate::trace::fact::{Fact, LookupCause, RejectCause};
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
            let due = (fetched + self.config.refresh).max(now.at);
            self.timers.set(due, Timer::Refresh(peer));
        }
    }

    /// Shows what is next in order; `arrived` is shown at once when its gap was released before.
    pub(super) fn present(&mut self, now: Now, peer: &UserId, arrived: Option<Seq>) {
        let next = self.next_of(peer);
        if let Some(seq) = arrived
            && (seq < next || self.has(Deviation::M80))
        {
            self.show(now, peer, seq, seq < next, 0);
        }
        self.show_run(now, peer);
        self.watch_gap(now, peer);
    }

    /// T_gap is over: the oldest held message is shown, marked with what is missing before it.
    pub(super) fn release_gap(&mut self, now: Now, peer: &UserId) {
        let Some(seq) = self.held(peer).map(|(seq, _)| seq) else { return };
        let missing = seq.0 - self.next_of(peer).0.min(seq.0);
        self.set_next(peer, Seq(seq.0 + 1));
        self.show(now, peer, seq, false, missing);
        self.show_run(now, peer);
        self.watch_gap(now, peer);
    }

    fn show_run(&mut self, now: Now, peer: &UserId) {
        loop {
            let seq = self.next_of(peer);
            if !self.durable.inbox.contains_key(&(peer.clone(), seq)) {
                return;
            }
            self.set_next(peer, Seq(seq.0 + 1));
            self.show(now, peer, seq, false, 0);
        }
    }

    fn watch_gap(&mut self, now: Now, peer: &UserId) {
        let held = self.held(peer).map(|(_, since)| since);
        match held {
            Some(since) => {
                let due = (since + self.config.gap).max(now.at);
                self.timers.set(due, Timer::Gap(peer.clone()));
            }
            None => self.timers.stop(&Timer::Gap(peer.clone())),
        }
    }

    /// The lowest number that is held back, and since when.
    fn held(&self, peer: &UserId) -> Option<(Seq, Instant)> {
        let from = (peer.clone(), Seq(0));
        let to = (peer.clone(), Seq(u64::MAX));
        let (key, item) = self.durable.inbox.range(from..=to).next()?;
        Some((key.1, item.since))
    }

    fn next_of(&self, peer: &UserId) -> Seq {
        let next = self.durable.contacts.get(peer).map_or(Seq(1), |contact| contact.next);
        next.max(Seq(1))
    }

    fn set_next(&mut self, peer: &UserId, next: Seq) {
        self.durable.contacts.entry(peer.clone()).or_default().next = next;
        self.save_contact(peer);
    }

    /// Shows one message, or acts on it when it is for the device; then notes that this is done.
    ///
    /// The note follows the display: a stop in between shows the message again rather than never.
    fn show(&mut self, now: Now, peer: &UserId, seq: Seq, late: bool, missing: u64) {
        let Some(item) = self.durable.inbox.get(&(peer.clone(), seq)).cloned() else { return };
        let mid = Mid { sender: peer.clone(), receiver: self.user.clone(), seq };
        let Item { kind, plain, .. } = item;
        match Body::decode(kind, &plain) {
            Ok(Body::Text(text)) => {
                let (digest, kind) = (Self::digest(&plain), content(kind));
                self.fact(Fact::Display { mid, kind, plain: digest, text, late, missing });
            }
            Ok(Body::Request(request)) => {
                self.processed(&mid, kind);
                self.on_request(now, mid, request, plain);
            }
            Ok(Body::Reply(reply)) => {
                self.processed(&mid, kind);
                self.on_approval(&mid, &reply);
            }
            Ok(Body::Nack(nack)) => {
                // Only starts the lookup earlier; it never lifts the chain rule (protocol 4.3).
                self.processed(&mid, kind);
                if nack.mid.sender == self.user && nack.mid.receiver == *peer {
                    self.want_lookup(now, peer, LookupCause::Bounce);
                }
            }
            Ok(Body::Declined(declined)) => {
                self.processed(&mid, kind);
                self.fact(Fact::DeclineSeen { txn: declined.txn, from: peer.clone() });
            }
            Err(_) => self.reject(Some(mid), RejectCause::BadBody),
        }
        self.write(DeviceWrite::Inbox(peer.clone(), seq, None));
    }

    fn processed(&mut self, mid: &Mid, kind: crate::wire::header::BodyKind) {
        self.fact(Fact::Processed { mid: mid.clone(), kind: content(kind) });
    }
}
