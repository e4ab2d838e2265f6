//! Three users, their accounts and a store that applies writes: everything arrives at once and in order.
//!
//! Not here: what is checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, ReqId, Seq, UserId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::keys::KeyPair;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{Secret, Suite};
use crate::proto::config::ServerConfig;
use crate::proto::port::{AccountInput, Origin, Output, To};
use crate::proto::server::account::Account;
use crate::proto::server::durable::{AccountDurable, AccountWrite};
use crate::proto::server::mailbox::Mailbox;
use crate::proto::server::route;
use crate::trace::fact::Fact;
use crate::wire::code::{AckOutcome, ErrorCode, NackCode};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Envelope, Message, Register, Submit, Ticket};
use crate::wire::record::KeyRecord;
use crate::wire::signed::{attach_octets, pop_octets};

pub const MINUTE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_secs(86_400);
pub const SERVER: &str = "server";

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// A user with keys, as far as the server can see one.
#[derive(Clone)]
pub struct Person {
    pub user: UserId,
    pub origin: Origin,
    pub keys: Vec<(KeyPair, KeyPair)>,
    pub chain: Vec<KeyRecord>,
    pub ticket: Option<Ticket>,
}

impl Person {
    /// The next record of the chain, correct in every way, and its proof.
    pub fn next_record<S: Suite>(
        &self,
        revoke_prev: bool,
        salt: u64,
    ) -> (Register, (KeyPair, KeyPair)) {
        let epoch = Epoch(self.chain.len() as u64 + 1);
        let luck = Luck::new(salt, Purpose::Keys, self.origin.0);
        let agree = KeyPair::generate::<S>(&mut luck.at(epoch.0 * 2));
        let sign = KeyPair::generate::<S>(&mut luck.at(epoch.0 * 2 + 1));
        let hash = |record: &KeyRecord| record_hash::<S>(&record.encode());
        let record = KeyRecord {
            user: self.user.clone(),
            generation: self.chain.first().map_or(Hash32::ZERO, hash),
            epoch,
            revoke_prev,
            agree_pk: agree.public,
            sig_pk: sign.public,
            created: Now::exact(Instant::START).wall,
            not_after: Now::exact(Instant::START + DAY.times(365)).wall,
            prev_hash: self.chain.last().map_or(Hash32::ZERO, hash),
            sig_prev: None,
            sig_self: [0; 64],
        };
        (self.seal::<S>(record, &agree, &sign), (agree, sign))
    }

    /// The first record of the chain again, with its proof.
    pub fn first<S: Suite>(&self) -> Register {
        let record = self.chain[0].clone();
        let hash = record_hash::<S>(&record.encode());
        Register { pop: S::sign(&self.keys[0].0.secret, &pop_octets(&hash)), record }
    }

    /// Signs a record as the next of the chain.
    pub fn seal<S: Suite>(
        &self,
        mut record: KeyRecord,
        agree: &KeyPair,
        sign: &KeyPair,
    ) -> Register {
        record.sig_self = S::sign(&sign.secret, &record.signed_octets());
        record.sig_prev =
            self.keys.last().map(|(_, last)| S::sign(&last.secret, &record.signed_octets()));
        let hash = record_hash::<S>(&record.encode());
        Register { pop: S::sign(&agree.secret, &pop_octets(&hash)), record }
    }
}

#[derive(Clone)]
pub struct Bench<S: Suite> {
    pub now: Now,
    pub config: Arc<ServerConfig>,
    pub people: BTreeMap<&'static str, Person>,
    pub facts: Vec<Fact>,
    /// Frames that went to devices, oldest first.
    pub sent: Vec<(Origin, Envelope)>,
    /// Kinds of outputs of the last input, in their order.
    pub order: Vec<&'static str>,
    accounts: BTreeMap<UserId, Account<S>>,
    stores: BTreeMap<UserId, AccountDurable>,
    boots: u64,
    last_req: u64,
}

impl<S: Suite> Bench<S> {
    /// Alice, bob and carol, blank.
    pub fn blank(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::new(user(SERVER));
        change(&mut config);
        let mut bench = Self {
            now: Now::exact(Instant::START),
            config: Arc::new(config),
            people: BTreeMap::new(),
            facts: Vec::new(),
            sent: Vec::new(),
            order: Vec::new(),
            accounts: BTreeMap::new(),
            stores: BTreeMap::new(),
            boots: 0,
            last_req: 0,
        };
        for (origin, name) in (1..).zip(["alice", "bob", "carol"]) {
            let (user, origin) = (user(name), Origin(origin));
            let person =
                Person { user: user.clone(), origin, keys: vec![], chain: vec![], ticket: None };
            bench.people.insert(name, person);
            bench.stores.insert(user, AccountDurable::default());
            bench.restart(name);
        }
        bench
    }

    /// The three, registered and attached by real exchanges.
    pub fn attached(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut bench = Self::blank(change);
        for name in ["alice", "bob", "carol"] {
            bench.register(name);
            bench.attach(name);
        }
        bench.facts.clear();
        bench
    }

    pub fn register(&mut self, who: &'static str) {
        let (body, keys) = self.people[who].next_record::<S>(false, self.last_req);
        let record = body.record.clone();
        let answers = self.send(who, Message::Register(Box::new(body)));
        assert!(matches!(answers[..], [Message::RegisterAck { .. }]), "{answers:?}");
        self.adopt(who, record, keys);
    }

    pub fn rotate(&mut self, who: &'static str, revoke: bool) -> Vec<Message> {
        let (body, keys) = self.people[who].next_record::<S>(revoke, 0);
        let record = body.record.clone();
        let answers = self.send(who, Message::RotateKey(Box::new(body)));
        if matches!(answers[..], [Message::RotateAck { .. }]) {
            self.adopt(who, record, keys);
        }
        answers
    }

    pub fn adopt(&mut self, who: &'static str, record: KeyRecord, keys: (KeyPair, KeyPair)) {
        let person = self.people.get_mut(who).unwrap();
        person.chain.push(record);
        person.keys.push(keys);
    }

    /// Hello and Attach under an epoch; the ticket is kept.
    pub fn attach_under(&mut self, who: &'static str, epoch: usize) -> Vec<Message> {
        let nonce = self.challenge(who);
        let attach = self.attach_frame(who, epoch, nonce);
        let answers = self.send(who, attach);
        if let [Message::Attached { ticket }] = &answers[..] {
            self.people.get_mut(who).unwrap().ticket = Some(ticket.clone());
        }
        answers
    }

    pub fn attach(&mut self, who: &'static str) {
        let answers = self.attach_under(who, self.people[who].chain.len());
        assert!(matches!(answers[..], [Message::Attached { .. }, ..]), "{answers:?}");
    }

    pub fn challenge(&mut self, who: &'static str) -> Hash32 {
        let hello = Message::Hello { user: user(who), versions: vec![1], suites: vec![1] };
        match &self.send(who, hello)[..] {
            [Message::Challenge { nonce, .. }] => *nonce,
            other => panic!("expected a challenge, got {other:?}"),
        }
    }

    pub fn attach_frame(&self, who: &str, epoch: usize, nonce_s: Hash32) -> Message {
        let person = &self.people[who];
        let nonce = Hash32([9; 32]);
        let sig_epoch = Epoch(epoch as u64);
        let octets = attach_octets(&user(SERVER), &person.user, sig_epoch, &nonce_s, &nonce);
        let sig = S::sign(&person.keys[epoch - 1].1.secret, &octets);
        Message::Attach { user: person.user.clone(), sig_epoch, nonce, sig }
    }

    /// Sends a new request with the user's ticket; returns what its device is sent meanwhile.
    pub fn send(&mut self, who: &str, body: Message) -> Vec<Message> {
        self.last_req += 1;
        let req = ReqId(self.last_req.to_be_bytes());
        let ticket = self.people[who].ticket.clone();
        self.frame(who, Envelope { req, ticket, body })
    }

    /// Sends a frame over the user's link; returns what its device is sent meanwhile.
    pub fn frame(&mut self, who: &str, envelope: Envelope) -> Vec<Message> {
        let Person { user, origin, .. } = self.people[who].clone();
        let about = route(&envelope, &user);
        let about = if self.accounts.contains_key(about) { about.clone() } else { user };
        let before = self.sent.len();
        self.input(&about, AccountInput::Frame(origin, envelope));
        let sent = self.sent[before..].iter().filter(|(to, _)| *to == origin);
        sent.map(|(_, envelope)| envelope.body.clone()).collect()
    }

    pub fn input(&mut self, about: &UserId, input: AccountInput) {
        self.order.clear();
        self.accounts.get_mut(about).unwrap().handle_input(self.now, input);
        self.drain(about);
    }

    /// Everything put out takes effect; what one account tells another does so at the end.
    fn drain(&mut self, about: &UserId) {
        let mut internal = Vec::new();
        let account = self.accounts.get_mut(about).unwrap();
        while let Some(output) = account.poll_output() {
            self.order.push(match output {
                Output::Transmit(To::Origin(origin), envelope) => {
                    let name = envelope.body.kind().name();
                    self.sent.push((origin, *envelope));
                    name
                }
                Output::Transmit(To::Server, _) | Output::Garbage(_) => {
                    panic!("an account answers origins, by frames")
                }
                Output::Internal(to, message) => {
                    internal.push((to, message));
                    "internal"
                }
                Output::Persist(_, writes) => {
                    let store = self.stores.get_mut(about).unwrap();
                    let writes: Vec<AccountWrite> = as_kept(&writes);
                    writes.iter().for_each(|write| store.apply(write));
                    "persist"
                }
                Output::Fact(fact) => {
                    self.facts.push(fact);
                    "fact"
                }
            });
        }
        assert_eq!(account.durable(), &self.stores[about], "the store has what the machine has");
        check_desk(account);
        let wake = account.poll_timeout();
        assert!(wake.is_none_or(|(at, _)| at > self.now.at), "nothing due is left: {wake:?}");
        let order = std::mem::take(&mut self.order);
        for (to, message) in internal {
            self.input(&to, AccountInput::Internal(message));
        }
        self.order = order;
    }

    /// Lets time pass; timers fire on time.
    pub fn wait(&mut self, span: Duration) {
        let end = self.now.at + span;
        loop {
            let wakes = self.accounts.values().map(|it| (it.poll_timeout(), it.user().clone()));
            let next = wakes.filter_map(|(wake, user)| Some((wake?.0, user))).min();
            let Some((at, user)) = next.filter(|(at, _)| *at <= end) else { break };
            self.now = Now::exact(at.max(self.now.at));
            self.accounts.get_mut(&user).unwrap().handle_timeout(self.now);
            self.drain(&user);
        }
        self.now = Now::exact(end);
    }

    /// Stops an account and starts it from what the store has.
    pub fn restart(&mut self, who: &'static str) {
        self.boots += 1;
        let user = user(who);
        let luck = Luck::new(1, Purpose::Account, self.people[who].origin.0);
        let (config, key) = (Arc::clone(&self.config), Arc::new(Secret::new([7; 32])));
        let durable = as_kept(&self.stores[&user]);
        let account = Account::restore(config, user.clone(), key, durable, luck, self.boots);
        self.accounts.insert(user, account);
    }

    /// Puts another state into the store and starts from it.
    pub fn replace(&mut self, who: &'static str, durable: AccountDurable) {
        self.stores.insert(user(who), durable);
        self.restart(who);
    }

    /// Ends an identity and begins the next.
    pub fn renew(&mut self, who: &'static str) {
        self.reset(who);
        let person = self.people.get_mut(who).unwrap();
        (person.chain, person.keys) = (vec![], vec![]);
        self.register(who);
        self.attach(who);
    }

    pub fn reset(&mut self, who: &'static str) {
        self.input(&user(who), AccountInput::Reset);
    }

    pub fn account(&self, who: &str) -> &Account<S> {
        &self.accounts[&user(who)]
    }

    /// A message as a device would submit it: content depends on all numbers.
    pub fn mail(&self, from: &str, to: &str, seq: u64, attempt: u64) -> Submit {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&seq.to_be_bytes());
        nonce[8..].copy_from_slice(&attempt.to_be_bytes()[4..]);
        let header = Header {
            kind: BodyKind::Text,
            sender: user(from),
            receiver: user(to),
            epoch_s: Epoch(1),
            epoch_r: Epoch(self.people.get(to).map_or(1, |it| it.chain.len() as u64)),
            kid_s: [1; 8],
            kid_r: [2; 8],
            seq: Seq(seq),
            nonce,
        };
        let expires = self.now.wall + self.config.ttl;
        Submit { header, ciphertext: vec![0xc1; 32], attempt, expires }
    }

    pub fn submit(&mut self, mail: Submit) -> Vec<Message> {
        let from = mail.header.sender.to_string();
        self.send(&from, Message::Submit(Box::new(mail)))
    }

    /// Submits the first attempt of a message, which must be taken.
    pub fn store(&mut self, from: &str, to: &str, seq: u64) {
        let mail = self.mail(from, to, seq, 1);
        let answers = self.submit(mail);
        assert!(
            matches!(answers[..], [Message::SubmitAck { duplicate: false, .. }]),
            "{answers:?}"
        );
    }

    /// Polls for everything; returns what is offered.
    pub fn poll(&mut self, who: &str) -> Vec<Offered> {
        let answers = self.send(who, Message::Poll { max: 100, cursor: DeliveryId(0) });
        let offers: Vec<_> = answers.iter().filter_map(offered).collect();
        let count = offers.len() as u64;
        assert_eq!(answers.last(), Some(&Message::PollEnd { count, more: false }));
        offers
    }

    pub fn ack(&mut self, who: &str, offer: &Offered) -> Vec<Message> {
        let outcome = AckOutcome::Committed;
        let (delivery, mid) = (offer.delivery, offer.mid.clone());
        self.send(who, Message::DeliverAck { delivery, mid, outcome })
    }

    pub fn nack(&mut self, who: &str, offer: &Offered, code: NackCode, retry_ms: u64) {
        let (delivery, mid) = (offer.delivery, offer.mid.clone());
        let retry_after = Millis(retry_ms);
        let answers = self.send(who, Message::DeliverNack { delivery, mid, code, retry_after });
        assert!(answers.iter().all(|it| !matches!(it, Message::Error { .. })), "{answers:?}");
    }

    /// The facts since the last call.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }
}

/// Every item of the mailbox is at one place of the desk, and nothing else is.
fn check_desk<S: Suite>(account: &Account<S>) {
    let items = account.durable().mailbox().into_iter().flat_map(Mailbox::items);
    let items: Vec<_> = items.map(|(no, _)| no).collect();
    let desk = account.desk.as_deref().cloned().unwrap_or_default();
    let mut there: Vec<_> = desk.waiting().chain(desk.leases().map(|(no, _)| no)).collect();
    there.sort_unstable();
    assert_eq!(there, items);
    let first = account.durable().mailbox().and_then(|it| it.items().map(|it| it.1.until).min());
    assert_eq!(desk.first_end().map(|(at, _)| at), first);
}

/// An item as its receiver gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub delivery: DeliveryId,
    pub mid: Mid,
    /// `mail`, or the report.
    pub what: String,
}

/// What a store gives back of what it was given.
fn as_kept<T: Serialize + DeserializeOwned>(value: &T) -> T {
    postcard::from_bytes(&postcard::to_stdvec(value).unwrap()).unwrap()
}

pub fn offered(message: &Message) -> Option<Offered> {
    if let Message::Deliver(body) = message {
        let (delivery, mid) = (body.delivery, body.header.mid());
        return Some(Offered { delivery, mid, what: "mail".to_owned() });
    }
    if let Message::StatusReport { delivery, mid, attempt, report } = message {
        let (delivery, mid) = (*delivery, mid.clone());
        return Some(Offered { delivery, mid, what: format!("{report:?} {attempt}") });
    }
    None
}

/// The refusal that is the only answer.
pub fn refusal(answers: &[Message]) -> Option<(ErrorCode, u64)> {
    match answers {
        [Message::Error { code, arg, .. }] => Some((*code, *arg)),
        _ => None,
    }
}
