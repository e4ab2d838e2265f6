//! Comparison of a device with its model: frames, what the user sees, the table, pins, and the order of writes.
//!
//! Not here: the steps (`drive`).

use std::collections::BTreeMap;

use crate::base::id::{DeliveryId, Mid, UserId};
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite as _;
use crate::proto::device::durable::{DeviceWrite, PeerKey};
use crate::proto::device::tests::bench::DAY;
use crate::proto::device::tests::model::drive::{Asked, Flight, Outcome, Pair, USER_INFO};
use crate::proto::device::tests::model::event::PEERS;
use crate::proto::device::tests::model::outgoing::Sealed;
use crate::proto::device::tests::model::reference::{Content, Device, Name, Sight, Word};
use crate::proto::port::Output;
use crate::trace::fact::{DraftStatus, EvictCause, Fact, SignPurpose};
use crate::wire::body::{ApprovalReply, ApprovalRequest, ApprovalStatement, Body};
use crate::wire::code::AckOutcome;
use crate::wire::cose;
use crate::wire::display::display_octets;
use crate::wire::message::{Envelope, Message, Submit};

/// Between two steps, so that no two happen at the same moment.
const TICK: Duration = Duration::from_millis(1);

impl Pair {
    /// The machine has acted; now the model does, and both are compared a moment later.
    pub(super) fn both(&mut self, act: impl FnOnce(&mut Device)) -> Outcome {
        let mut words = self.absorb()?;
        self.bench.wait(TICK);
        words.extend(self.absorb()?);
        self.check_order()?;
        let facts = std::mem::take(&mut self.bench.facts);
        self.model.evicted.extend(facts.iter().filter_map(evicted));
        act(&mut self.model);
        self.model.wait(TICK);
        let mut expected = std::mem::take(&mut self.model.words);
        self.said.extend(expected.iter().map(kind));
        self.said.extend(self.model.sights.iter().map(sight_kind));
        let (hit, evicted) = (is_hit(&expected), facts.iter().any(|it| evicted(it).is_some()));
        self.said.extend(
            [(hit, "hit"), (evicted, "evicted")]
                .into_iter()
                .filter(|it| it.0)
                .map(|it| it.1.to_owned()),
        );
        words.sort();
        expected.sort();
        if words != expected {
            return Err(format!("it says {words:?}, not {expected:?}"));
        }
        let (seen, expected) = (facts.iter().filter_map(sight), self.model.sights.drain(..));
        let (seen, expected) = (in_order(seen), in_order(expected));
        if seen != expected {
            return Err(format!("its user sees {seen:?}, not {expected:?}"));
        }
        self.compare_memory()
    }

    /// What is kept of peers: rows and pins.
    fn compare_memory(&mut self) -> Outcome {
        let durable = &self.bench.device.durable;
        let epochs = |keys: &[PeerKey]| keys.iter().map(|key| key.epoch.0).collect();
        let rows: BTreeMap<Name, Vec<u64>> =
            durable.table.iter().map(|(peer, row)| (name(peer), epochs(&row.keys))).collect();
        let expected: BTreeMap<Name, Vec<u64>> =
            self.model.table.iter().map(|(peer, row)| (*peer, row.epochs.clone())).collect();
        if rows != expected {
            return Err(format!("the table has {rows:?}, not {expected:?}"));
        }
        for peer in PEERS {
            let contact = durable.contacts.get(&UserId::new(peer).unwrap());
            let pin = contact.and_then(|contact| contact.pin).map(|pin| pin.epoch.0);
            let expected = self.model.contacts.get(peer).and_then(|contact| contact.pin);
            if pin != expected {
                return Err(format!("{peer} is pinned at {pin:?}, not {expected:?}"));
            }
        }
        self.model.complaint.take().map_or(Ok(()), Err)
    }

    /// What leaves is durable: a message that is acknowledged, a draft that is submitted.
    fn check_order(&mut self) -> Outcome {
        for output in &self.bench.outputs[self.read..] {
            match output {
                Output::Persist(_, writes) => {
                    for write in writes {
                        if let DeviceWrite::Inbox(peer, seq, Some(_)) = write {
                            self.committed.insert((peer.clone(), *seq));
                        }
                    }
                }
                Output::Transmit(_, envelope) => {
                    if let Message::DeliverAck { mid, outcome: AckOutcome::Committed, .. } =
                        &envelope.body
                        && PEERS.contains(&mid.sender.as_str())
                        && !self.committed.contains(&(mid.sender.clone(), mid.seq))
                    {
                        return Err(format!("{mid} is acknowledged before it is written"));
                    }
                }
                Output::Garbage(_) | Output::Internal(..) | Output::Fact(_) => {}
            }
        }
        self.read = self.bench.outputs.len();
        Ok(())
    }

    /// Reads the frames that left. The server serves sessions and polls at once; copies of a request that waits
    /// are not counted.
    fn absorb(&mut self) -> Result<Vec<Word>, String> {
        let mut words = Vec::new();
        while !self.bench.sent.is_empty() {
            for envelope in self.bench.take_sent() {
                words.extend(self.hear(envelope)?);
            }
        }
        Ok(words)
    }

    fn hear(&mut self, envelope: Envelope) -> Result<Option<Word>, String> {
        let Envelope { req, body, .. } = envelope.clone();
        if let Some(flight) = self.flights.iter().find(|flight| flight.req == req) {
            let same = flight.live && flight.body == body;
            return if same { Ok(None) } else { Err(format!("{req:?} is sent again: {body:?}")) };
        }
        let (word, what) = match &body {
            Message::Attach { .. } => {
                let ticket = self.bench.ticket(DAY);
                self.bench.frame(req, Message::Attached { ticket });
                return Ok(None);
            }
            Message::Hello { .. } | Message::Poll { .. } => {
                self.bench.serve_one(envelope);
                return Ok(None);
            }
            Message::DeliverAck { delivery, mid, outcome } => {
                self.check_delivery(*delivery, mid)?;
                return Ok(Some(Word::Ack(mid.clone(), *outcome)));
            }
            Message::DeliverNack { delivery, mid, code, .. } => {
                self.check_delivery(*delivery, mid)?;
                return Ok(Some(Word::Nack(mid.clone(), *code)));
            }
            // Whether a device compares its own record with the directory's is its own business (R7).
            Message::LookupKey { user, .. } if user.as_str() == "alice" => return Ok(None),
            Message::LookupKey { user, have_hash, .. } => {
                let peer = name(user);
                (Word::Lookup(peer), Asked::Lookup(peer, *have_hash))
            }
            Message::Submit(submit) => self.open(submit)?,
            Message::RotateKey(it) => {
                let hash = record_hash::<Model>(&it.record.encode());
                (Word::Rotate(it.record.epoch.0), Asked::Rotate(hash))
            }
            other => return Err(format!("nobody asked for {other:?}")),
        };
        self.flights.push(Flight { req, body, what, live: true });
        Ok(Some(word))
    }

    fn check_delivery(&self, delivery: DeliveryId, mid: &Mid) -> Outcome {
        let of = self.deliveries.get(&delivery);
        if of == Some(mid) { Ok(()) } else { Err(format!("{delivery:?} is not of {mid}")) }
    }

    /// The receiver opens what was submitted.
    fn open(&mut self, submit: &Submit) -> Result<(Word, Asked), String> {
        let header = &submit.header;
        let to = name(&header.receiver);
        let (peer, alice) = (&self.bench.peers[to], &self.bench.alice);
        let epochs = (header.epoch_s.0, header.epoch_r.0);
        if epochs.0 as usize > alice.chain.len() || epochs.1 as usize > peer.chain.len() {
            return Err(format!("{to} has no key of {epochs:?}"));
        }
        let Some(body) = peer.open(alice, submit) else {
            return Err(format!("{to} cannot open {header:?}"));
        };
        let key = (to, epochs, header.nonce);
        if *self.nonces.entry(key).or_insert_with(|| submit.ciphertext.clone()) != submit.ciphertext
        {
            return Err(format!("{header:?} has the nonce of another message"));
        }
        let content = match body {
            Body::Text(text) => Content::Text(text),
            Body::Nack(nack) => Content::Complaint(nack.mid),
            Body::Declined(declined) => Content::Declined(declined.txn.0[0]),
            Body::Reply(reply) => {
                let own = reply.request.is_some();
                Content::Approval(self.approved(to, &reply)?, own)
            }
            other @ Body::Request(_) => return Err(format!("nobody asked for {other:?}")),
        };
        let (seq, attempt) = (header.seq.0, submit.attempt);
        let sealed = Sealed { seq, attempt, epochs };
        Ok((Word::Submit { to, seq, attempt, epochs, content }, Asked::Submit(to, sealed)))
    }
}

impl Pair {
    /// The requester checks what was signed against what it asked, or against own data (protocol 3.6).
    fn approved(&self, requester: Name, reply: &ApprovalReply) -> Result<u8, String> {
        let signed = cose::decode(&reply.cose).map_err(|it| it.to_string())?;
        let statement = ApprovalStatement::decode(&signed.payload).map_err(|it| it.to_string())?;
        let n = statement.txn.0[0];
        let own = reply.request.as_deref().map(ApprovalRequest::decode);
        let own = own.transpose().map_err(|it| it.to_string())?;
        let request = own.as_ref().or_else(|| self.requests.get(&(requester, n)));
        let record = self.bench.alice.chain.iter().find(|it| it.epoch == statement.sig_epoch);
        let (Some(request), Some(record)) = (request, record) else {
            return Err(format!("{requester} did not ask for {statement:?}"));
        };
        let said = (statement.req_digest, statement.disp_digest, statement.expires, statement.txn);
        let asked = (
            Model::hash(&[&request.encode()]),
            Model::hash(&[&display_octets(&request.lines)]),
            request.expires,
            request.txn,
        );
        let octets = cose::sig_structure(&signed.payload);
        let verified = Model::verify(&record.sig_pk, &octets, &signed.signature);
        let parties = request.requester.as_str() == requester
            && statement.requester == request.requester
            && statement.user_info == USER_INFO;
        if said == asked && parties && verified && statement.t <= statement.expires {
            Ok(n)
        } else {
            Err(format!("{statement:?} does not approve {request:?}"))
        }
    }
}

/// Messages of each sender in their order; everything else has none.
fn in_order(sights: impl Iterator<Item = Sight>) -> (Vec<Sight>, Vec<Sight>) {
    let (mut shown, mut rest): (Vec<_>, Vec<_>) =
        sights.partition(|sight| matches!(sight, Sight::Shown { .. }));
    shown.sort_by_key(|sight| match sight {
        Sight::Shown { from, .. } => *from,
        Sight::Prompt(..) | Sight::Signed | Sight::Notice(..) => "",
    });
    rest.sort();
    (shown, rest)
}

fn sight(fact: &Fact) -> Option<Sight> {
    match fact {
        Fact::Display { mid, text, late, missing, .. } => {
            let (from, seq, text) = (name(&mid.sender), mid.seq.0, text.clone());
            Some(Sight::Shown { from, seq, text, late: *late, missing: *missing })
        }
        Fact::Prompt(shown) => Some(Sight::Prompt(shown.txn.0[0], shown.lines.len())),
        Fact::Sign { purpose: SignPurpose::Approval, .. } => Some(Sight::Signed),
        // Being told again that something still waits is no event.
        Fact::Notice { status: DraftStatus::Unsent | DraftStatus::NeedsConfirm, .. } => None,
        Fact::Notice { draft, status, .. } => Some(Sight::Notice(draft.0, *status)),
        _ => None,
    }
}

fn evicted(fact: &Fact) -> Option<Name> {
    match fact {
        Fact::Evict { peer, why: EvictCause::Capacity } => Some(name(peer)),
        _ => None,
    }
}

/// Whether something was sent or read without a lookup.
fn is_hit(words: &[Word]) -> bool {
    let at_work = |word: &Word| matches!(word, Word::Submit { .. } | Word::Ack(..));
    words.iter().any(at_work) && !words.iter().any(|word| matches!(word, Word::Lookup(_)))
}

fn kind(word: &Word) -> String {
    match word {
        Word::Lookup(_) => "lookup".to_owned(),
        Word::Submit { attempt: 1, content, .. } => match content {
            Content::Text(_) => "text".to_owned(),
            Content::Approval(_, true) => "own data".to_owned(),
            Content::Approval(_, false) => "approval".to_owned(),
            Content::Declined(_) => "declined".to_owned(),
            Content::Complaint(_) => "complaint".to_owned(),
        },
        Word::Submit { .. } => "text again".to_owned(),
        Word::Ack(_, outcome) => format!("{outcome}"),
        Word::Nack(_, code) => format!("{code}"),
        Word::Rotate(_) => "rotate".to_owned(),
    }
}

fn sight_kind(sight: &Sight) -> String {
    match sight {
        Sight::Shown { late: true, .. } => "late".to_owned(),
        Sight::Shown { missing: 0, .. } => "shown".to_owned(),
        Sight::Shown { .. } => "missing".to_owned(),
        Sight::Prompt(..) => "prompt".to_owned(),
        Sight::Signed => "signed".to_owned(),
        Sight::Notice(_, status) => format!("{status:?}"),
    }
}

fn name(of: &UserId) -> Name {
    PEERS.into_iter().find(|it| *it == of.as_str()).unwrap_or("nobody")
}
