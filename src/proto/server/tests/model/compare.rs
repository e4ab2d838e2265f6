//! Comparison of accounts with their model: who is told what, in which order, and what the mailboxes hold.
//!
//! Not here: the steps (`drive`).

use std::collections::BTreeMap;

use crate::base::id::{DeliveryId, Hash32, Mid, ReqId, UserId};
use crate::base::time::{Instant, Millis};
use crate::crypto::model::Model;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite as _;
use crate::proto::server::route;
use crate::proto::server::tests::bench::{offered, user};
use crate::proto::server::tests::model::drive::{Name, Outcome, Pair};
use crate::proto::server::tests::model::reference::{Letter, Server, Status, Ticket, Word};
use crate::proto::server::tests::property::NAMES;
use crate::wire::message::{Envelope, Message};
use crate::wire::record::KeyRecord;
use crate::wire::signed::error_octets;

impl Pair {
    /// A request to the own account.
    pub(super) fn own(
        &mut self,
        who: Name,
        body: Message,
        act: impl FnOnce(&mut Server, &UserId),
    ) -> Outcome {
        self.frame(who, who, body, true, |model, of, shown| {
            if model.guest(of, &of.clone(), shown).is_some() {
                act(model, of);
            }
        })
    }

    /// A frame that comes from `by`, with the ticket of `from` or none.
    pub(super) fn frame(
        &mut self,
        by: Name,
        from: Name,
        body: Message,
        ticket: bool,
        act: impl FnOnce(&mut Server, &UserId, Option<Ticket>),
    ) -> Outcome {
        self.req += 1;
        let req = ReqId(self.req.to_be_bytes());
        let own = self.bench.people[from].ticket.clone();
        let envelope = Envelope { req, ticket: own.filter(|_| ticket), body };
        let about = route(&envelope, &user(by)).clone();
        let about = if NAMES.contains(&about.as_str()) { about } else { user(by) };
        let shown = self.tickets.get(from).copied().filter(|_| ticket && by == from);
        self.bench.frame(by, envelope.clone());
        self.model.turn(&about, |model, of| act(model, of, shown));
        self.settle(Some(&envelope))
    }

    /// What was said to each user is what had to be, in order; numbers of leases and tickets are learned.
    pub(super) fn settle(&mut self, request: Option<&Envelope>) -> Outcome {
        let mut said = std::mem::take(&mut self.model.said);
        for (origin, envelope) in std::mem::take(&mut self.bench.sent) {
            let person = self.bench.people.values().find(|it| it.origin == origin).unwrap();
            let (to, who) = (person.user.clone(), name(&person.user));
            let word = self.read(who, &envelope, request)?;
            let expected = said.entry(to.clone()).or_default().pop_front();
            let Some(expected) = expected else {
                return Err(format!("{to} is told {word:?}, not nothing"));
            };
            if expected.word != word {
                return Err(format!("{to} is told {word:?}, not {:?}", expected.word));
            }
            self.said.push(kind(&envelope.body));
            let answers = request.is_some_and(|it| it.req == envelope.req);
            if answers != expected.asked {
                return Err(format!("{to} is told {word:?} under {:?}", envelope.req));
            }
            if let (Some(offer), Some(no)) = (offered(&envelope.body), expected.item) {
                if !self.model.learn(&to, no, offer.delivery) {
                    return Err(format!("{:?} is not above every lease before", offer.delivery));
                }
                self.offers.push((who, offer));
            }
        }
        match said.into_iter().find(|(_, words)| !words.is_empty()) {
            Some((to, words)) => Err(format!("{to} is not told {words:?}")),
            None => Ok(()),
        }
    }

    fn read(
        &mut self,
        who: Name,
        envelope: &Envelope,
        request: Option<&Envelope>,
    ) -> Result<Word, String> {
        Ok(match &envelope.body {
            Message::Error { code, arg, about } => {
                let octets = request.map(|it| error_octets(&it.body, *code, *arg));
                if octets.is_none_or(|it| Model::hash(&[&it]) != *about) {
                    return Err(format!("{code} is not about the request"));
                }
                Word::Refused(*code, *arg)
            }
            Message::SubmitAck { mid, duplicate } => {
                Word::Taken { mid: mid.clone(), duplicate: *duplicate }
            }
            Message::Deliver(body) => {
                let (header, ciphertext) = (body.header.clone(), body.ciphertext.clone());
                Word::Mail(Box::new(Letter { header, ciphertext }))
            }
            Message::StatusReport { mid, attempt, report, .. } => {
                Word::News(Status { mid: mid.clone(), attempt: *attempt, report: *report })
            }
            Message::PollEnd { count, more } => Word::PollEnd { count: *count, more: *more },
            Message::KeyReply { records, more } => {
                let epochs = records.iter().map(|record| record.epoch).collect();
                Word::Keys { epochs, more: *more }
            }
            Message::KeyChanged { user, epoch, .. } => Word::Hint(user.clone(), *epoch),
            Message::RegisterAck { record_hash } | Message::RotateAck { record_hash } => {
                Word::Recorded(*record_hash)
            }
            Message::Challenge { nonce, .. } => {
                self.nonces.insert(who, *nonce);
                Word::Challenge
            }
            Message::Attached { ticket } => {
                let (generation, until) = (ticket.generation, instant(ticket.expires));
                self.tickets.insert(who, Ticket { generation, until });
                self.bench.people.get_mut(who).unwrap().ticket = Some(ticket.clone());
                Word::Attached { generation, until }
            }
            other => return Err(format!("a server does not say {other:?}")),
        })
    }

    /// The mailboxes hold the same items, under the same leases.
    pub(super) fn compare_boxes(&self) -> Outcome {
        for who in NAMES {
            let (account, model) = (self.bench.account(who), &self.model.accounts[&user(who)]);
            let leases: BTreeMap<_, _> =
                account.desk.iter().flat_map(|desk| desk.leases()).collect();
            let items = account.durable().mailbox().into_iter().flat_map(|it| it.items());
            let held: Vec<(Mid, Option<DeliveryId>)> =
                items.map(|(no, item)| (item.mid(), leases.get(&no).copied())).collect();
            let expected: Vec<_> = model.items.iter().map(|it| (it.mid(), it.number())).collect();
            if held != expected {
                return Err(format!("the box of {who} holds {held:?}, not {expected:?}"));
            }
            let chain = account.durable().directory().chain();
            if !chain.iter().map(|it| it.hash).eq(model.chain.iter().map(|link| link.hash)) {
                return Err(format!("the chain of {who} is another"));
            }
        }
        Ok(())
    }
}

pub(super) fn hash(record: &KeyRecord) -> Hash32 {
    record_hash::<Model>(&record.encode())
}

pub(super) fn name(of: &UserId) -> Name {
    NAMES.into_iter().find(|it| *it == of.as_str()).expect("one of the users")
}

pub(super) fn instant(wall: Millis) -> Instant {
    Instant::START + wall.since(Millis::WORLD_START)
}

/// What a frame says, in one word.
fn kind(body: &Message) -> String {
    match body {
        Message::Error { code, .. } => code.to_string(),
        Message::StatusReport { report, .. } => format!("{report:?}"),
        Message::SubmitAck { duplicate: true, .. } => "duplicate".to_owned(),
        other => other.kind().name().to_owned(),
    }
}
