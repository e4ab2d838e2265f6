//! What the server says to a device by its own will: answers to requests, right and wrong ones, and reports.
//!
//! Not here: the other steps (`drive`).

use crate::base::id::{DeliveryId, Hash32, ReqId};
use crate::base::time::Duration;
use crate::proto::device::tests::model::drive::{Asked, Flight, Outcome, Pair};
use crate::proto::device::tests::model::event::Answer;
use crate::proto::device::tests::model::outgoing::{Sealed, mid};
use crate::proto::device::tests::model::reference::{Name, Word};
use crate::proto::port::UserAction;
use crate::wire::code::{AckOutcome, ErrorCode, Report};
use crate::wire::message::Message;
use crate::wire::record::KeyRecord;

/// What the server tells a device whose receiver's mailbox is full.
const FULL_WAIT: Duration = Duration::from_secs(30);

impl Pair {
    /// Answers a request that waits, or repeats the last answer.
    pub(super) fn answer(&mut self, nth: usize, how: Answer) -> Outcome {
        let live = (0..self.flights.len()).rev().filter(|at| self.flights[*at].live).nth(nth);
        let Some(at) = live.or_else(|| self.flights.len().checked_sub(1)) else { return Ok(()) };
        match self.flights[at].what {
            Asked::Lookup(peer, have) => self.answer_lookup(at, peer, have, how),
            Asked::Submit(to, sealed) => self.answer_submit(at, to, sealed, how),
            Asked::Rotate(hash) => self.answer_rotate(at, hash, how),
        }
    }

    fn answer_lookup(
        &mut self,
        at: usize,
        peer: Name,
        have: Option<Hash32>,
        how: Answer,
    ) -> Outcome {
        let Flight { mut req, body, live, .. } = self.flights[at].clone();
        if self.strangers.contains(peer) {
            self.bench.error_about(req, &body, ErrorCode::UnknownUser, 0);
            self.flights[at].live = false;
            return self.both(|model| {
                if live {
                    model.unknown(peer)
                }
            });
        }
        let chain = self.bench.peers[peer].chain.clone();
        let mut records = self.bench.peers[peer].served(have);
        let mut counts = live;
        match how {
            Answer::Right | Answer::Stale | Answer::Full | Answer::Taken(_) => {}
            Answer::Old if chain.len() > 1 => records = chain[..chain.len() - 1].to_vec(),
            Answer::Old => {}
            Answer::WrongName => {
                let other = if peer == "bob" { "carol" } else { "bob" };
                (records, counts) = (self.bench.peers[other].served(None), false);
            }
            Answer::WrongNumber => (req, counts) = (ReqId([0xee; 8]), false),
            Answer::BadSignature => {
                records.iter_mut().for_each(|record| record.sig_self[0] ^= 1);
                counts = false;
            }
            Answer::BadPoint => {
                let point = [if at.is_multiple_of(2) { 4 } else { 0 }; 65];
                self.bench.peers[peer].spoil(records.last_mut(), point);
                counts = false;
            }
        }
        let epochs = in_use(&records);
        self.bench.reply(req, records);
        self.both(|model| {
            if counts {
                model.learn(peer, epochs)
            }
        })?;
        // A rollback leaves the request open.
        let open = |flight: &Flight| matches!(flight.what, Asked::Lookup(it, _) if it == peer);
        let newest = self.flights.iter().rposition(open);
        self.flights[at].live = live && (!counts || (newest == Some(at) && self.is_asking(peer)));
        Ok(())
    }

    fn is_asking(&self, peer: Name) -> bool {
        self.model.lookups.contains_key(peer)
    }

    fn answer_submit(&mut self, at: usize, to: Name, sealed: Sealed, how: Answer) -> Outcome {
        let Flight { req, body, live, .. } = self.flights[at].clone();
        let ack = |seq| Message::SubmitAck { mid: mid("alice", to, seq), duplicate: false };
        let wait = FULL_WAIT.as_millis();
        self.flights[at].live = false;
        match how {
            Answer::Right | Answer::Old | Answer::BadPoint => {
                self.bench.frame(req, ack(sealed.seq));
                self.both(|model| {
                    if live {
                        model.accepted(to, sealed)
                    }
                })
            }
            Answer::Stale => {
                self.bench.error_about(req, &body, ErrorCode::StaleEpoch, 0);
                self.both(|model| {
                    if live {
                        model.stale(to, sealed)
                    }
                })
            }
            Answer::Full => {
                self.bench.error_about(req, &body, ErrorCode::QueueFull, wait);
                self.both(|model| {
                    if live {
                        model.full(to, sealed, FULL_WAIT)
                    }
                })
            }
            Answer::Taken(more) => {
                let least = sealed.seq + more;
                self.bench.error_about(req, &body, ErrorCode::SeqConflict, least);
                self.both(|model| {
                    if live {
                        model.taken(to, sealed, least)
                    }
                })
            }
            Answer::WrongName | Answer::WrongNumber | Answer::BadSignature => {
                self.flights[at].live = live;
                let (code, about) = (ErrorCode::UnknownUser, Hash32::ZERO);
                match how {
                    Answer::WrongName => self.bench.frame(req, ack(sealed.seq + 1)),
                    Answer::WrongNumber => self.bench.frame(ReqId([0xee; 8]), ack(sealed.seq)),
                    _ => self.bench.frame(req, Message::Error { code, arg: 0, about }),
                }
                self.both(|_| {})
            }
        }
    }

    fn answer_rotate(&mut self, at: usize, hash: Hash32, how: Answer) -> Outcome {
        let Flight { req, live, .. } = self.flights[at];
        match how {
            Answer::WrongName | Answer::WrongNumber => {
                let wrong = if how == Answer::WrongName { Hash32::ZERO } else { hash };
                let req = if how == Answer::WrongName { req } else { ReqId([0xee; 8]) };
                self.bench.frame(req, Message::RotateAck { record_hash: wrong });
                self.both(|_| {})
            }
            _ => {
                self.flights[at].live = false;
                self.bench.frame(req, Message::RotateAck { record_hash: hash });
                self.both(|model| {
                    if live {
                        model.rotated()
                    }
                })
            }
        }
    }

    pub(super) fn report(&mut self, nth: usize, more: u64, report: Report) -> Outcome {
        let submits = self.flights.iter().rev().filter_map(|flight| match flight.what {
            Asked::Submit(to, sealed) => Some((to, sealed)),
            Asked::Lookup(..) | Asked::Rotate(_) => None,
        });
        let Some((to, Sealed { seq, attempt, .. })) = submits.into_iter().nth(nth) else {
            return Ok(());
        };
        let (mid, attempt) = (mid("alice", to, seq), attempt + more);
        let delivery = DeliveryId(self.deliveries.len() as u64 + 1);
        self.deliveries.insert(delivery, mid.clone());
        let body = Message::StatusReport { delivery, mid: mid.clone(), attempt, report };
        self.bench.frame(ReqId([0xe; 8]), body);
        self.both(|model| {
            model.words.push(Word::Ack(mid, AckOutcome::Committed));
            model.report(to, seq, attempt, report);
        })
    }

    /// The server would refuse a second rotation in grace, so none is asked for.
    pub(super) fn rotate(&mut self, revoke: bool) -> Outcome {
        let fresh = self.model.keys.len() == 1;
        if !fresh && self.model.pending.is_none() {
            return Ok(());
        }
        self.bench.user(UserAction::Rotate { revoke });
        if fresh {
            self.bench.adopt_own();
        }
        self.both(|model| model.rotate(revoke))
    }
}

/// The epochs of a reply that are in use: the newest and, unless it revokes, the one before.
fn in_use(records: &[KeyRecord]) -> Vec<u64> {
    let keep = if records.last().is_some_and(|it| it.revoke_prev) { 1 } else { 2 };
    let from = records.len().saturating_sub(keep);
    records[from..].iter().map(|record| record.epoch.0).collect()
}
