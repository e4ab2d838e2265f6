//! Accounts and their model side by side: every step is carried out on both.
//!
//! Not here: which steps (`event`), what the model knows (`reference`), the comparison (`compare`).

use std::collections::BTreeMap;

use crate::base::id::{DeliveryId, Epoch, Hash32, UserId};
use crate::base::rng::Draw;
use crate::base::time::{Duration, Millis};
use crate::crypto::keys::KeyPair;
use crate::crypto::model::Model;
use crate::crypto::suite::Suite as _;
use crate::proto::deviation::Deviations;
use crate::proto::server::tests::bench::{Bench, Offered, Person, user};
use crate::proto::server::tests::model::compare::{hash, instant, name};
use crate::proto::server::tests::model::event::{self, Attaching, Event, Fault, Twist};
use crate::proto::server::tests::model::reference::{Letter, Link, Server, Ticket};
use crate::proto::server::tests::property::NAMES;
use crate::proto::swarm::{Family, MAILBOX_MOST, SHORT_LEASES, SHORT_TTLS, pick, short_grace};
use crate::proto::trial::{Setting, Subject};
use crate::wire::code::{AckOutcome, ErrorCode, NackCode};
use crate::wire::message::{Message, Register, Submit};
use crate::wire::record::KeyRecord;
use crate::wire::signed::pop_octets;

pub(super) type Name = &'static str;
pub(super) type Outcome = Result<(), String>;

/// Numbers of requests are above those that the server gives to what it pushes.
const REQUESTS: u64 = 1 << 60;

pub(super) struct Pair {
    pub(super) bench: Bench<Model>,
    pub(super) model: Server,
    /// The last request's number.
    pub(super) req: u64,
    pub(super) tickets: BTreeMap<Name, Ticket>,
    pub(super) nonces: BTreeMap<Name, Hash32>,
    pub(super) offers: Vec<(Name, Offered)>,
    letters: Vec<Submit>,
    /// Kinds of everything that was said.
    pub(super) said: Vec<String>,
    ended: BTreeMap<Name, Register>,
}

impl Subject for Pair {
    type Step = Event;
    const NAMES: &'static [&'static str] = &NAMES;

    /// Everybody registers and attaches.
    fn new(setting: &Setting, deviations: Deviations) -> Result<Self, String> {
        let mut draw = setting.draw();
        let bench = Bench::blank(|config| {
            let short = setting.has(Family::Short);
            let ttl = if short { pick(&mut draw, &SHORT_TTLS) } else { 300 };
            config.ttl = Duration::from_secs(ttl);
            config.grace = Duration::from_secs(if short { short_grace(ttl) } else { 2 * ttl });
            config.lease =
                Duration::from_secs(if short { pick(&mut draw, &SHORT_LEASES) } else { 30 });
            config.push = setting.has(Family::Push);
            config.ticket = Duration::from_secs(900);
            config.unknown = Duration::from_secs(5);
            config.message_max = 40;
            if setting.has(Family::Mailbox) {
                config.mailbox_messages = usize::try_from(draw.between(1, MAILBOX_MOST)).unwrap();
                config.mailbox_octets = 32 * draw.between(1, MAILBOX_MOST);
            }
            config.deviations = deviations;
        });
        let model = Server::new(&bench.config, NAMES.into_iter().map(user));
        let (tickets, nonces, ended) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (offers, letters, said) = (Vec::new(), Vec::new(), Vec::new());
        let mut pair =
            Self { bench, model, req: REQUESTS, tickets, nonces, offers, letters, said, ended };
        for who in NAMES {
            pair.register(who, None)?;
            pair.attach(who, Attaching::Right)?;
        }
        Ok(pair)
    }

    fn step(&mut self, event: Event) -> Outcome {
        match event {
            Event::Submit { from, to, seq, attempt, life, twist } => {
                let mail = self.mail(from, to, (seq, attempt), life, twist);
                if twist == Twist::None {
                    self.letters.push(mail.clone());
                }
                let by = if twist == Twist::WrongOrigin { to } else { from };
                self.submit(by, from, mail, twist != Twist::NoTicket)?;
            }
            Event::Repeat { nth } => {
                if let Some(mail) = self.letters.iter().rev().nth(nth).cloned() {
                    let from = name(&mail.header.sender);
                    self.submit(from, from, mail, true)?;
                }
            }
            Event::Poll { who, max } => {
                let body = Message::Poll { max, cursor: DeliveryId(0) };
                self.own(who, body, |model, of| model.poll(of, max))?;
            }
            Event::Ack { nth, altered } => self.answer(nth, altered, None)?,
            Event::Nack { nth, altered, code, retry } => {
                self.answer(nth, altered, Some((code, retry)))?;
            }
            Event::Lookup { by, of, have } => self.lookup(by, of, have)?,
            Event::Register { who, fault } => self.register(who, fault)?,
            Event::Rotate { who, revoke, fault } => self.rotate(who, revoke, fault)?,
            Event::Attach { who, how } => self.attach(who, how)?,
            Event::Noise { who } => {
                let body = Message::PollEnd { count: 1, more: true };
                self.frame(who, who, body, true, |_, _, _| {})?;
                let body = Message::Poll { max: 9, cursor: DeliveryId(0) };
                self.frame(who, who, body, false, |model, of, shown| {
                    model.guest(of, &of.clone(), shown);
                })?;
            }
            Event::Wait { seconds } => {
                self.bench.wait(Duration::from_secs(seconds));
                self.model.wait(Duration::from_secs(seconds));
                self.settle(None)?;
            }
            Event::Restart { who } => {
                self.bench.restart(who);
                self.model.restart(&user(who));
                self.step(Event::Wait { seconds: 0 })?;
            }
            Event::Reset { who } => self.reset(who)?,
        }
        self.compare_boxes()
    }

    fn draw(setting: &Setting, draw: &mut Draw) -> Event {
        event::draw(setting, draw)
    }

    fn said(self) -> Vec<String> {
        self.said
    }
}

impl Pair {
    // Requests.

    fn mail(
        &self,
        from: Name,
        to: Name,
        (seq, attempt): (u64, u64),
        life: u64,
        twist: Twist,
    ) -> Submit {
        let seq = if twist == Twist::Far { seq + 1_500 } else { seq };
        let mut mail = self.bench.mail(from, to, seq, attempt);
        mail.expires = self.bench.now.wall + Duration::from_secs(life);
        let epochs = self.bench.people[to].chain.len() as u64;
        match twist {
            Twist::OtherContent => mail.ciphertext[0] ^= 1,
            Twist::FirstEpoch => mail.header.epoch_r = Epoch(1),
            Twist::UnknownEpoch => mail.header.epoch_r = Epoch(epochs + 1),
            Twist::TooBig => mail.ciphertext = vec![2; 41],
            Twist::Dead => mail.expires = Millis(self.bench.now.wall.0 - 1),
            Twist::Impostor => mail.header.sender = user("mallory"),
            Twist::Stranger => mail.header.receiver = user("nobody"),
            Twist::ToSelf => mail.header.receiver = user(from),
            Twist::None | Twist::NoTicket | Twist::WrongOrigin | Twist::Far => {}
        }
        mail
    }

    fn submit(&mut self, by: Name, from: Name, mail: Submit, ticket: bool) -> Outcome {
        let Submit { header, ciphertext, attempt, expires } = mail.clone();
        let expires = instant(expires);
        let letter = Letter { header, ciphertext };
        let is_known = NAMES.contains(&letter.header.receiver.as_str());
        let to_self = letter.header.receiver == user(from);
        let sender = letter.header.sender.clone();
        let body = Message::Submit(Box::new(mail));
        self.frame(by, from, body, ticket, move |model, of, shown| {
            let Some(Ticket { generation, .. }) = model.guest(of, &user(by), shown) else {
                return;
            };
            if sender != user(from) {
                model.refuse(&user(by), ErrorCode::BadTicket);
            } else if !is_known || to_self {
                model.refuse(&sender, ErrorCode::UnknownUser);
            } else {
                model.submit(of, letter, generation, attempt, expires);
            }
        })?;
        let place = |what| self.bench.order.iter().position(|it| *it == what);
        match (place("persist"), place("submit-ack")) {
            (Some(write), Some(ack)) if ack < write => Err("acknowledged before the write".into()),
            _ => Ok(()),
        }
    }

    /// An answer to a delivery: under its own number, or under that of another one of the same box.
    fn answer(&mut self, nth: usize, altered: bool, nack: Option<(NackCode, u64)>) -> Outcome {
        let Some((who, offer)) = self.offers.iter().rev().nth(nth).cloned() else { return Ok(()) };
        let others = self.offers.iter().rev().filter(|(other, _)| *other == who);
        let other = others.map(|(_, it)| it.delivery).find(|it| *it != offer.delivery);
        let delivery = other.filter(|_| altered).unwrap_or(offer.delivery);
        let mid = offer.mid;
        match nack {
            None => {
                let outcome = AckOutcome::Committed;
                let body = Message::DeliverAck { delivery, mid: mid.clone(), outcome };
                self.own(who, body, move |model, of| model.ack(of, delivery, &mid))
            }
            Some((code, retry)) => {
                let retry_after = Millis(retry);
                let body = Message::DeliverNack { delivery, mid: mid.clone(), code, retry_after };
                let wait = Duration::from_millis(retry);
                self.own(who, body, move |model, of| model.nack(of, delivery, &mid, code, wait))
            }
        }
    }

    fn lookup(&mut self, by: Name, of: Name, have: Option<usize>) -> Outcome {
        let link = have.and_then(|at| self.model.of(&user(of)).chain.get(at).cloned());
        // A hash that nobody has counts as none.
        let have_hash = have.map(|_| link.map_or(Hash32([9; 32]), |link| link.hash));
        let body = Message::LookupKey { user: user(of), want_epoch: None, have_hash };
        self.frame(by, by, body, true, move |model, of, shown| {
            if model.guest(of, &user(by), shown).is_some() {
                model.lookup(of, &user(by), have_hash);
            }
        })
    }

    fn register(&mut self, who: Name, fault: Option<Fault>) -> Outcome {
        let person = self.bench.people[who].clone();
        let blank = Person { chain: vec![], keys: vec![], ..person.clone() };
        let drawn = blank.next_record::<Model>(false, self.req);
        let (body, keys, wrong) = match fault {
            Some(Fault::Known) if !person.chain.is_empty() => (person.first::<Model>(), None, None),
            Some(Fault::Ended) if self.ended.contains_key(who) => {
                (self.ended[who].clone(), None, None)
            }
            None | Some(Fault::Known | Fault::Ended) => (drawn.0, Some(drawn.1), None),
            Some(fault) => {
                let body = spoil(&blank, drawn, fault);
                let is_proof = fault == Fault::Proof;
                let code = if is_proof { ErrorCode::BadPop } else { ErrorCode::BadKey };
                (body, None, Some(code))
            }
        };
        let (record, hash) = (body.record.clone(), hash(&body.record));
        self.frame(who, who, Message::Register(Box::new(body)), false, move |model, of, _| {
            model.register(of, hash, wrong);
        })?;
        self.adopt(who, record, keys);
        Ok(())
    }

    fn rotate(&mut self, who: Name, revoke: bool, fault: Option<Fault>) -> Outcome {
        let person = self.bench.people[who].clone();
        let drawn = person.next_record::<Model>(revoke, self.req);
        let (body, keys, wrong) = match fault {
            Some(Fault::Known) if !person.chain.is_empty() => {
                let (record, keys) = (person.chain.last().unwrap(), person.keys.last().unwrap());
                (with_proof(record.clone(), &keys.0), None, None)
            }
            None | Some(Fault::Known | Fault::Ended) => (drawn.0, Some(drawn.1), None),
            Some(Fault::Keys) => {
                (spoil(&person, drawn, Fault::Keys), None, Some(ErrorCode::BadKey))
            }
            Some(Fault::Proof) => {
                (spoil(&person, drawn, Fault::Proof), None, Some(ErrorCode::BadPop))
            }
            Some(fault) => (spoil(&person, drawn, fault), None, None),
        };
        let (record, hash) = (body.record.clone(), hash(&body.record));
        let link = Link { epoch: record.epoch, hash, ends: None };
        let follows = fault != Some(Fault::Chain);
        self.own(who, Message::RotateKey(Box::new(body)), move |model, of| {
            model.rotate(of, link, revoke, follows, wrong);
        })?;
        self.adopt(who, record, keys);
        Ok(())
    }

    /// The user knows a record as theirs once it is recorded.
    fn adopt(&mut self, who: Name, record: KeyRecord, keys: Option<(KeyPair, KeyPair)>) {
        let recorded = self.model.of(&user(who)).chain.last().map(|link| link.hash);
        if let Some(keys) = keys.filter(|_| recorded == Some(hash(&record))) {
            self.bench.adopt(who, record, keys);
        }
    }

    fn attach(&mut self, who: Name, how: Attaching) -> Outcome {
        let mut nonce = Hash32([8; 32]);
        if how != Attaching::WithoutHello {
            let body = Message::Hello { user: user(who), versions: vec![1], suites: vec![1] };
            self.frame(who, who, body, false, |model, of, _| model.hello(of))?;
            nonce = self.nonces[who];
        }
        let epochs = self.bench.people[who].chain.len();
        if epochs == 0 {
            return Ok(());
        }
        let epoch = if how == Attaching::FirstEpoch { 1 } else { epochs };
        let mut body = self.bench.attach_frame(who, epoch, nonce);
        let signed = !matches!(how, Attaching::WithoutHello | Attaching::BadSignature);
        if let (Message::Attach { sig, .. }, Attaching::BadSignature) = (&mut body, how) {
            sig[0] ^= 1;
        }
        let epoch = Epoch(epoch as u64);
        let again = body.clone();
        let by = move |model: &mut Server, of: &UserId, req| model.attach(of, req, epoch, signed);
        let req = self.req + 1;
        self.frame(who, who, body, false, move |model, of, _| by(model, of, req))?;
        if matches!(how, Attaching::Repeated | Attaching::ChallengeAgain) {
            // The number of a request is its own, unless it is the same again.
            let req = if how == Attaching::Repeated { req } else { req + 1 };
            self.req = req - 1;
            self.frame(who, who, again, false, move |model, of, _| by(model, of, req))?;
        }
        Ok(())
    }

    fn reset(&mut self, who: Name) -> Outcome {
        let person = self.bench.people[who].clone();
        if !person.chain.is_empty() {
            self.ended.insert(who, person.first::<Model>());
        }
        self.bench.reset(who);
        self.model.turn(&user(who), |model, of| model.reset(of));
        let person = self.bench.people.get_mut(who).unwrap();
        (person.chain, person.keys) = (vec![], vec![]);
        self.settle(None)
    }
}

/// A record that is wrong in one way, and otherwise signed as it should be.
fn spoil(person: &Person, drawn: (Register, (KeyPair, KeyPair)), fault: Fault) -> Register {
    let (Register { mut record, .. }, (agree, sign)) = drawn;
    match fault {
        Fault::Epoch => record.epoch = record.epoch.next(),
        Fault::Chain => record.prev_hash = Hash32([7; 32]),
        Fault::Keys => {
            record.sig_pk = agree.public;
            return person.seal::<Model>(record, &agree, &agree);
        }
        Fault::Proof => return person.seal::<Model>(record, &sign, &sign),
        Fault::Known | Fault::Ended => {}
    }
    person.seal::<Model>(record, &agree, &sign)
}

fn with_proof(record: KeyRecord, agree: &KeyPair) -> Register {
    let pop = Model::sign(&agree.secret, &pop_octets(&hash(&record)));
    Register { record, pop }
}
