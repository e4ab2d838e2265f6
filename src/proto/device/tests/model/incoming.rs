//! Received messages in the model of the device: selection, waiting, the replay window, order, the screen.
//!
//! Written from protocol 3.4, 3.6, 4.2 and 4.5. Not here: lookups and the table (`reference`).

use std::collections::VecDeque;

use crate::base::time::{Duration, Instant};
use crate::proto::config::WINDOW;
use crate::proto::device::tests::model::outgoing::mid;
use crate::proto::device::tests::model::reference::{Content, Device, Name, Sight, Word};
use crate::trace::fact::DraftStatus;
use crate::wire::code::{AckOutcome, NackCode};

/// What every request says.
pub(super) const LINES: [&str; 2] = ["Pay 10 EUR", "to carol"];

/// A message from a peer, as far as it is decided.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) from: Name,
    pub(super) seq: u64,
    /// Of the sender, of the receiver.
    pub(super) epochs: (u64, u64),
    /// Tells octets apart that have the same name.
    pub(super) octets: u64,
    pub(super) since: Instant,
    /// What is inside, if the tag holds.
    pub(super) inside: Option<Received>,
}

#[derive(Clone, Debug)]
pub(super) enum Received {
    Text(String),
    Request(Request),
}

/// A request for approval; `by` and `txn` say which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// Who asks; for own data, to whom it goes.
    pub(super) by: Name,
    pub(super) txn: u8,
    /// Up to then, inclusive, it can be approved.
    pub(super) expires: Instant,
    /// Own data (claim 4): its draft, and when it is shown at the latest although a key is missing.
    pub(super) own: Option<(u64, Instant)>,
}

/// The screen, and what waits behind it; volatile.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    /// What is shown, and from when on buttons count.
    screen: Option<(Request, Instant)>,
    queue: VecDeque<Request>,
    /// When the next request is over.
    pub(super) expiry: Option<Instant>,
    /// When own data is shown although a key is missing.
    pub(super) latest: Option<Instant>,
}

impl Device {
    // Selection (protocol 4.2).

    pub(super) fn deliver(&mut self, mut arrival: Arrival) {
        let waiting = self.arrivals.get(&(arrival.from, arrival.seq)).into_iter().flatten();
        if let Some(same) = waiting.into_iter().find(|it| it.octets == arrival.octets) {
            arrival.since = same.since;
        }
        self.consider(arrival);
    }

    fn consider(&mut self, arrival: Arrival) {
        let Arrival { from, epochs: (theirs, own), .. } = arrival;
        let verdict = self.verdicts.get(&(from, theirs));
        let verdict = verdict.filter(|(_, until)| self.now < *until).map(|(code, _)| *code);
        if let Some(code) = self.dead(own) {
            self.leave(&arrival);
            self.refuse(&arrival, code);
        } else if self.is_hit(&arrival) {
            self.leave(&arrival);
            self.open(arrival);
        } else if let Some(code) = verdict {
            self.leave(&arrival);
            self.refuse(&arrival, code);
        } else {
            self.leave(&arrival);
            self.arrivals.entry((from, arrival.seq)).or_default().push(arrival);
            self.want(from);
        }
    }

    fn is_hit(&self, arrival: &Arrival) -> bool {
        let row = self.table.get(arrival.from);
        row.is_some_and(|row| row.epochs.contains(&arrival.epochs.0))
    }

    /// Why the own epoch that a header names is none.
    fn dead(&self, own: u64) -> Option<NackCode> {
        let ahead = own > self.current;
        let code = if ahead { NackCode::UnknownEpoch } else { NackCode::StaleEpoch };
        (!self.keys.contains_key(&own)).then_some(code)
    }

    /// These octets wait no longer.
    fn leave(&mut self, arrival: &Arrival) {
        let key = (arrival.from, arrival.seq);
        if let Some(all) = self.arrivals.get_mut(&key) {
            all.retain(|it| it.octets != arrival.octets);
            if all.is_empty() {
                self.arrivals.remove(&key);
            }
        }
    }

    /// The sender is told end to end of a stale epoch, once for a message.
    fn refuse(&mut self, arrival: &Arrival, code: NackCode) {
        let mid = mid(arrival.from, "alice", arrival.seq);
        self.words.push(Word::Nack(mid.clone(), code));
        if code == NackCode::StaleEpoch && self.complained.insert(mid.clone()) {
            self.compose(None, arrival.from, Content::Complaint(mid), None);
        }
    }

    /// Authentication, then the window, then the commit (protocol 3.4).
    fn open(&mut self, arrival: Arrival) {
        let Arrival { from, seq, .. } = arrival;
        let Some(inside) = arrival.inside.clone() else {
            return self.refuse(&arrival, NackCode::AuthFail);
        };
        self.touch(from);
        let now = self.now;
        let contact = self.contact(from);
        let high = contact.seen.last().copied().unwrap_or(0);
        let mid = mid(from, "alice", seq);
        if seq + WINDOW <= high {
            self.refuse(&arrival, NackCode::TooOld);
        } else if !contact.seen.insert(seq) {
            self.words.push(Word::Ack(mid, AckOutcome::Duplicate));
        } else {
            contact.held.insert(seq, (inside, now));
            self.words.push(Word::Ack(mid, AckOutcome::Committed));
            self.present(from);
        }
    }

    /// A lookup was answered: it decides about everything that came before it was sent.
    pub(super) fn resolve_arrivals(&mut self, peer: Name, sent: Instant) {
        let mut in_vain = false;
        for arrival in self.arrivals_of(peer) {
            let (theirs, own) = arrival.epochs;
            if self.is_hit(&arrival) || self.dead(own).is_some() {
                self.consider(arrival);
            } else if sent < arrival.since {
                self.want(peer);
            } else {
                let newest = self.table[peer].newest();
                let ahead = theirs > newest;
                let code = if ahead { NackCode::UnknownEpoch } else { NackCode::StaleEpoch };
                let until = self.now + self.config.negative;
                self.leave(&arrival);
                self.verdicts.insert((peer, theirs), (code, until));
                self.refuse(&arrival, code);
                in_vain = true;
            }
        }
        if in_vain {
            // A choice of this device: the least time between lookups that messages cause in vain.
            self.pause.entry(peer).or_insert(self.now + Duration::from_secs(5));
        }
    }

    /// There is nobody of this name: what came before the directory was asked goes back, it may be registered
    /// later. Whether something is left.
    pub(super) fn fail_arrivals(&mut self, peer: Name, sent: Instant) -> bool {
        let (over, left): (Vec<_>, Vec<_>) =
            self.arrivals_of(peer).into_iter().partition(|it| sent >= it.since);
        for arrival in over {
            self.leave(&arrival);
            self.refuse(&arrival, NackCode::UnknownEpoch);
        }
        !left.is_empty()
    }

    fn arrivals_of(&self, peer: Name) -> Vec<Arrival> {
        self.arrivals.values().flatten().filter(|it| it.from == peer).cloned().collect()
    }

    // Order (protocol 4.5).

    pub(super) fn present(&mut self, peer: Name) {
        while let Some(seq) = self.contact(peer).held.keys().next().copied() {
            let next = self.contact(peer).next.max(1);
            if seq > next {
                break;
            }
            self.show(peer, seq, 0);
        }
        self.watch_gap(peer);
    }

    /// T_gap is over: the oldest held message is shown, marked with what is missing.
    pub(super) fn release_gap(&mut self, peer: Name) {
        let next = self.contact(peer).next.max(1);
        if let Some(seq) = self.contact(peer).held.keys().next().copied() {
            self.show(peer, seq, seq - next);
        }
        self.present(peer);
    }

    fn watch_gap(&mut self, peer: Name) {
        let oldest = self.contact(peer).held.values().next().map(|(_, since)| *since);
        let at = oldest.map(|since| self.soon(since + self.config.gap));
        self.contact(peer).gap = at;
    }

    fn show(&mut self, from: Name, seq: u64, missing: u64) {
        let contact = self.contact(from);
        let late = seq < contact.next;
        contact.next = contact.next.max(seq + 1);
        match contact.held.remove(&seq) {
            Some((Received::Text(text), _)) => {
                self.sights.push(Sight::Shown { from, seq, text, late, missing });
            }
            Some((Received::Request(request), _)) => self.ask(request),
            None => {}
        }
    }

    // The screen (protocol 3.6).

    /// A transaction that was answered or waits never prompts again, nor does another one of its number.
    fn admits(&self, request: &Request) -> bool {
        let mut shown = self.desk.screen.iter().map(|(it, _)| it).chain(&self.desk.queue);
        !self.answers.contains_key(&request.txn)
            && shown.all(|it| it.txn != request.txn)
            && self.now <= request.expires
    }

    fn ask(&mut self, request: Request) {
        if self.admits(&request) {
            self.desk.queue.push_back(request);
            self.show_next();
        }
    }

    /// Own data: the receiver's key is looked for before it is shown (C04-R6).
    pub(super) fn compose_own(&mut self, id: u64, to: Name, txn: u8, expires: Instant) {
        let own = Some((id, self.now + self.config.lookup_try));
        let request = Request { by: to, txn, expires, own };
        if !self.admits(&request) {
            return self.notice(id, DraftStatus::Failed);
        }
        if !self.table.contains_key(to) {
            self.want(to);
        }
        self.ask(request);
    }

    /// A lookup of the peer ended, one way or another.
    pub(super) fn show_after_lookup(&mut self, peer: Name) {
        let now = self.now;
        for request in self.desk.queue.iter_mut().filter(|it| it.by == peer) {
            request.own = request.own.map(|(id, _)| (id, now));
        }
        self.show_next();
    }

    pub(super) fn show_next(&mut self) {
        if self.desk.screen.is_none()
            && let Some(next) = self.desk.queue.front().copied()
        {
            let looking = self.lookups.contains_key(next.by) && !self.table.contains_key(next.by);
            self.desk.latest = next.own.map(|(_, at)| at).filter(|at| looking && self.now < *at);
            if self.desk.latest.is_none() {
                self.desk.queue.pop_front();
                self.desk.screen = Some((next, self.now + self.config.arm));
                self.sights.push(Sight::Prompt(next.txn, LINES.len()));
            }
        }
        let shown = self.desk.screen.iter().map(|(it, _)| it).chain(&self.desk.queue);
        let first = shown.map(|it| it.expires).min();
        self.desk.expiry = first.map(|at| self.soon(at + Duration::from_millis(1)));
    }

    pub(super) fn expire_requests(&mut self) {
        let now = self.now;
        let shown = self.desk.screen.iter().map(|(it, _)| it).chain(&self.desk.queue);
        let over: Vec<Request> = shown.copied().filter(|it| now > it.expires).collect();
        self.desk.screen = self.desk.screen.filter(|(it, _)| now <= it.expires);
        self.desk.queue.retain(|it| now <= it.expires);
        for (id, _) in over.into_iter().filter_map(|request| request.own) {
            self.notice(id, DraftStatus::Expired);
        }
        self.show_next();
    }

    /// A press counts for what is on the screen, if that was there long enough.
    pub(super) fn press(&mut self, approve: bool) {
        let Some((request, _)) = self.desk.screen.filter(|(_, armed)| self.now >= *armed) else {
            return;
        };
        let Request { by, txn, expires, own } = request;
        self.desk.screen = None;
        self.answers.insert(txn, by);
        if approve {
            self.sights.push(Sight::Signed);
            let content = Content::Approval(txn, own.is_some());
            self.compose(own.map(|(id, _)| id), by, content, Some(expires));
        } else if let Some((id, _)) = own {
            self.notice(id, DraftStatus::Failed);
        } else {
            self.compose(None, by, Content::Declined(txn), None);
        }
        self.show_next();
    }
}
