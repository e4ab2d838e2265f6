//! A device on the bench: a lawful driver, and a server that says what a test tells it.
//!
//! Not here: what is checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, Mid, ReqId, Seq, TxnId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
use crate::proto::config::DeviceConfig;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite, OwnKey};
use crate::proto::device::tests::peer::{Letter, Peer, user};
use crate::proto::port::{DeviceInput, Output, RequestForm, Token, UserAction};
use crate::trace::fact::{Button, DraftStatus, Fact};
use crate::wire::body::Body;
use crate::wire::code::{ErrorCode, Report};
use crate::wire::message::{Deliver, Envelope, Message, MessageKind, Submit, Ticket};
use crate::wire::record::KeyRecord;
use crate::wire::signed::error_octets;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone)]
pub struct Bench<S: Suite> {
    pub device: Device<S>,
    pub now: Now,
    pub config: Arc<DeviceConfig>,
    /// What the medium holds.
    pub store: DeviceDurable,
    /// All outputs of this life, in order.
    pub outputs: Vec<Output<DeviceWrite>>,
    pub facts: Vec<Fact>,
    /// Frames that left and were not looked at.
    pub sent: Vec<Envelope>,
    /// The device's user, as peers see it.
    pub alice: Peer<S>,
    pub peers: BTreeMap<&'static str, Peer<S>>,
    pub boot: u64,
    token: Token,
    /// (receiver, epochs, nonce) to what was encrypted: nothing is under a nonce twice (S-12).
    nonces: BTreeMap<(Mid, (Epoch, Epoch), [u8; 12]), Vec<u8>>,
}

pub fn text(text: &str) -> Body {
    Body::Text(text.to_owned())
}

pub fn form(lines: &[&str]) -> RequestForm {
    RequestForm {
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        amount: Some(1_000),
        currency: Some("EUR".to_owned()),
        payee: Some("carol".to_owned()),
        expires: Millis::WORLD_START + MINUTE.times(2),
    }
}

pub fn txn(n: u8) -> TxnId {
    TxnId([n; 16])
}

impl<S: Suite> Bench<S> {
    /// Alice, registered and attached; bob and carol, whom she has never met.
    pub fn new(change: impl FnOnce(&mut DeviceConfig)) -> Self {
        let alice = Peer::<S>::new("alice");
        let (agree, sign) = alice.keys[0].clone();
        let key = OwnKey::new::<S>(agree, sign).unwrap();
        let hash = record_hash::<S>(&alice.chain[0].encode());
        let store = DeviceDurable::registered(key, &alice.chain[0], hash);
        let mut bench = Self::off(change, store);
        let ticket = bench.ticket(HOUR);
        bench.power_on(Some(ticket));
        bench.serve();
        bench.facts.clear();
        bench
    }

    /// The same with nothing in it, switched on.
    pub fn blank(change: impl FnOnce(&mut DeviceConfig)) -> Self {
        let mut bench = Self::off(change, DeviceDurable::default());
        bench.power_on(None);
        bench
    }

    fn off(change: impl FnOnce(&mut DeviceConfig), store: DeviceDurable) -> Self {
        let mut config = DeviceConfig::new(user("server"));
        // Tests that let days pass do not look at polls.
        config.poll = None;
        change(&mut config);
        let config = Arc::new(config);
        let luck = Luck::new(1, Purpose::Device, 0);
        let device = Device::new(Arc::clone(&config), user("alice"), store.clone(), luck, 0);
        Self {
            device,
            now: Now::exact(Instant::START + HOUR),
            config,
            store,
            outputs: Vec::new(),
            facts: Vec::new(),
            sent: Vec::new(),
            alice: Peer::new("alice"),
            peers: ["bob", "carol", "dave"].map(|name| (name, Peer::new(name))).into(),
            boot: 0,
            token: Token(0),
            nonces: BTreeMap::new(),
        }
    }

    pub fn ticket(&self, life: Duration) -> Ticket {
        let generation = record_hash::<S>(&self.alice.chain[0].encode());
        Ticket { user: user("alice"), generation, expires: self.now.wall + life, mac: [5; 16] }
    }

    /// Power goes and comes back; what the store does not hold is lost.
    pub fn restart(&mut self) {
        self.power_on(None);
    }

    pub fn power_on(&mut self, ticket: Option<Ticket>) {
        self.boot += 1;
        let luck = Luck::new(1, Purpose::Device, 0);
        let (config, store) = (Arc::clone(&self.config), self.store.clone());
        self.device = Device::new(config, user("alice"), store, luck, self.boot);
        (self.token, self.outputs) = (Token(0), Vec::new());
        self.sent.clear();
        self.device.power_on(self.now, ticket);
        self.drain();
    }

    // The driver.

    pub fn input(&mut self, input: DeviceInput) {
        self.device.handle_input(self.now, input);
        self.drain();
    }

    pub fn user(&mut self, action: UserAction) {
        self.input(DeviceInput::User(action));
    }

    pub fn frame(&mut self, req: ReqId, body: Message) {
        self.input(DeviceInput::Frame(Envelope { req, ticket: None, body }));
    }

    /// Time passes; the device is called when it wants to be, and never twice for the same moment.
    pub fn wait(&mut self, span: Duration) {
        let end = self.now.at + span;
        while let Some((at, _)) = self.device.poll_timeout().filter(|(at, _)| *at <= end) {
            self.advance(at.max(self.now.at));
            self.device.handle_timeout(self.now);
            self.drain();
            let next = self.device.poll_timeout();
            assert!(next.is_none_or(|(at, _)| at > self.now.at), "spins for {next:?}");
        }
        self.advance(end);
    }

    /// The same while the server answers everything at once.
    pub fn wait_served(&mut self, span: Duration) {
        let end = self.now.at + span;
        self.serve();
        while let Some((at, _)) = self.device.poll_timeout().filter(|(at, _)| *at <= end) {
            self.wait(at.since(self.now.at));
            self.serve();
        }
        self.wait(end.since(self.now.at));
    }

    fn advance(&mut self, at: Instant) {
        let passed = at.since(self.now.at);
        let left = self.now.at.as_nanos() % 1_000_000;
        let millis = Duration::from_nanos(left + passed.as_nanos()).as_millis();
        self.now = Now { at, wall: self.now.wall + Duration::from_millis(millis) };
    }

    /// Only the own clock jumps.
    pub fn jump_clock(&mut self, forward: bool, by: Duration) {
        let (wall, by) = (self.now.wall.0, by.as_millis());
        self.now.wall = Millis(if forward { wall + by } else { wall - by });
    }

    fn drain(&mut self) {
        while let Some(output) = self.device.poll_output() {
            match &output {
                Output::Transmit(_, envelope) => {
                    self.check_nonce(envelope);
                    self.sent.push(Envelope::clone(envelope));
                }
                Output::Garbage(_) => panic!("a device says frames"),
                Output::Internal(user, _) => panic!("a device has nothing to tell {user} inside"),
                Output::Persist(token, writes) => {
                    assert_eq!(token.0, self.token.0 + 1, "tokens count");
                    self.token = *token;
                    writes.iter().for_each(|write| self.store.apply(write));
                }
                Output::Fact(fact) => self.facts.push(fact.clone()),
            }
            self.outputs.push(output);
        }
    }

    fn check_nonce(&mut self, envelope: &Envelope) {
        let Message::Submit(submit) = &envelope.body else { return };
        let Submit { header, ciphertext, .. } = &**submit;
        let key = (header.mid(), (header.epoch_s, header.epoch_r), header.nonce);
        let same = self.nonces.entry(key).or_insert_with(|| ciphertext.clone());
        assert_eq!(same, ciphertext, "a nonce is used twice");
    }

    // The server.

    /// Answers everything that was asked, as a server does that has no mail.
    pub fn serve(&mut self) {
        while !self.sent.is_empty() {
            for envelope in std::mem::take(&mut self.sent) {
                self.serve_one(envelope);
            }
        }
    }

    /// Answers lookups only; what else left stays to be looked at.
    pub fn serve_lookups(&mut self) {
        let is_lookup = |it: &Envelope| matches!(it.body, Message::LookupKey { .. });
        while let Some(at) = self.sent.iter().position(is_lookup) {
            let lookup = self.sent.remove(at);
            self.serve_one(lookup);
        }
    }

    /// Answers everything until a frame of this kind leaves.
    pub fn serve_until(&mut self, kind: MessageKind) {
        while self.sent.iter().all(|it| it.body.kind() != kind) {
            assert!(!self.sent.is_empty(), "no {} leaves", kind.name());
            let first = self.sent.remove(0);
            self.serve_one(first);
        }
    }

    pub fn serve_one(&mut self, envelope: Envelope) {
        let Envelope { req, body, .. } = envelope;
        let hash = |record: &KeyRecord| record_hash::<S>(&record.encode());
        let answer = match body {
            Message::Hello { .. } => {
                let (nonce, time) = (Hash32([3; 32]), self.now.wall);
                Message::Challenge { server: user("server"), nonce, time }
            }
            Message::Attach { .. } => Message::Attached { ticket: self.ticket(HOUR) },
            Message::Register(body) => Message::RegisterAck { record_hash: hash(&body.record) },
            Message::RotateKey(body) => Message::RotateAck { record_hash: hash(&body.record) },
            Message::LookupKey { user, have_hash, .. } => {
                match self.peers.get(user.as_str()).filter(|peer| !peer.chain.is_empty()) {
                    Some(peer) => {
                        let records = peer.served(have_hash);
                        Message::KeyReply { records, more: false }
                    }
                    None => return self.error(req, ErrorCode::UnknownUser, 0),
                }
            }
            Message::Submit(body) => {
                Message::SubmitAck { mid: body.header.mid(), duplicate: false }
            }
            Message::Poll { .. } => Message::PollEnd { count: 0, more: false },
            Message::DeliverAck { .. }
            | Message::DeliverNack { .. }
            | Message::RegisterAck { .. }
            | Message::KeyReply { .. }
            | Message::SubmitAck { .. }
            | Message::Deliver(_)
            | Message::PollEnd { .. }
            | Message::RotateAck { .. }
            | Message::KeyChanged { .. }
            | Message::StatusReport { .. }
            | Message::Error { .. }
            | Message::Challenge { .. }
            | Message::Attached { .. } => return,
        };
        self.frame(req, answer);
    }

    /// The frames that left since the last look.
    pub fn take_sent(&mut self) -> Vec<Envelope> {
        std::mem::take(&mut self.sent)
    }

    /// Takes the frames that left; the only one that `pick` wants is returned.
    #[track_caller]
    pub fn expect<T>(&mut self, pick: impl Fn(&Message) -> Option<T>) -> (ReqId, T) {
        let sent = self.take_sent();
        let picked: Vec<(ReqId, T)> =
            sent.iter().filter_map(|it| Some((it.req, pick(&it.body)?))).collect();
        assert_eq!(picked.len(), 1, "one such frame among {sent:#?}");
        picked.into_iter().next().unwrap()
    }

    #[track_caller]
    pub fn expect_lookup(&mut self, name: &str) -> ReqId {
        let (req, asked) = self.expect(|message| {
            let Message::LookupKey { user, .. } = message else { return None };
            Some(user.clone())
        });
        assert_eq!(asked, user(name));
        req
    }

    #[track_caller]
    pub fn expect_submit(&mut self) -> (ReqId, Submit) {
        self.expect(|message| {
            let Message::Submit(submit) = message else { return None };
            Some((**submit).clone())
        })
    }

    /// The only submission among the frames that left.
    #[track_caller]
    pub fn expect_submit_among(&mut self) -> (ReqId, Submit) {
        self.sent.retain(|it| matches!(it.body, Message::Submit(_)));
        self.expect_submit()
    }

    /// What was said about deliveries, in words.
    pub fn answers(&mut self) -> Vec<String> {
        let sent = self.take_sent();
        let answers = sent.iter().filter_map(|it| {
            if let Message::DeliverAck { mid, outcome, .. } = &it.body {
                return Some(format!("{mid} {outcome}"));
            }
            let Message::DeliverNack { mid, code, retry_after, .. } = &it.body else { return None };
            let wait = Duration::from_millis(retry_after.0);
            Some(if wait == Duration::ZERO {
                format!("{mid} {code}")
            } else {
                format!("{mid} {code} {wait}")
            })
        });
        answers.collect()
    }

    /// How many frames of this kind the device has put out.
    pub fn transmitted(&self, kind: MessageKind) -> usize {
        let is = |it: &&Output<_>| matches!(it, Output::Transmit(_, it) if it.body.kind() == kind);
        self.outputs.iter().filter(is).count()
    }

    /// The numbers of lookups that left for a peer.
    pub fn lookups(&self, name: &str) -> Vec<ReqId> {
        let asked = user(name);
        let lookup =
            |body: &Message| matches!(body, Message::LookupKey { user, .. } if *user == asked);
        self.sent.iter().filter(|it| lookup(&it.body)).map(|it| it.req).collect()
    }

    pub fn reply(&mut self, req: ReqId, records: Vec<KeyRecord>) {
        self.frame(req, Message::KeyReply { records, more: false });
    }

    /// The request that left under this number is refused.
    pub fn error(&mut self, req: ReqId, code: ErrorCode, arg: u64) {
        let request = |it: &Output<_>| match it {
            Output::Transmit(_, it) if it.req == req => Some(it.body.clone()),
            _ => None,
        };
        let request = self.outputs.iter().find_map(request).expect("a request was sent");
        self.error_about(req, &request, code, arg);
    }

    /// A refusal of these octets, which may not be those that were sent.
    pub fn error_about(&mut self, req: ReqId, request: &Message, code: ErrorCode, arg: u64) {
        let about = S::hash(&[&error_octets(request, code, arg)]);
        self.frame(req, Message::Error { code, arg, about });
    }

    pub fn peer(&mut self, name: &str) -> &mut Peer<S> {
        self.peers.get_mut(name).unwrap()
    }

    /// A message from a peer to alice.
    pub fn letter(&mut self, from: &str, letter: Letter, body: &Body) -> Deliver {
        let alice = self.alice.clone();
        self.peer(from).write(&alice, letter, body)
    }

    pub fn deliver(&mut self, deliver: Deliver) {
        self.frame(ReqId([0xd; 8]), Message::Deliver(Box::new(deliver)));
    }

    /// A text from a peer under the epochs of `letter`.
    pub fn receive(&mut self, from: &str, letter: Letter, words: &str) {
        let deliver = self.letter(from, letter, &text(words));
        self.deliver(deliver);
    }

    pub fn report(&mut self, submit: &Submit, report: Report) {
        let (delivery, attempt) = (DeliveryId(900), submit.attempt);
        let mid = submit.header.mid();
        let body = Message::StatusReport { delivery, mid, attempt, report };
        self.frame(ReqId([0xe; 8]), body);
    }

    // The user.

    pub fn send(&mut self, draft: u64, to: &str, text: &str) {
        let (draft, to, text) = (DraftId(draft), user(to), text.to_owned());
        self.user(UserAction::Send { draft, to, text });
    }

    pub fn press(&mut self, button: Button) {
        self.user(UserAction::Press(button));
    }

    pub fn confirm(&mut self, name: &str, accept: bool) {
        self.user(UserAction::ConfirmIdentity { peer: user(name), accept });
    }

    /// Alice and a peer have exchanged a message each way.
    pub fn meet(&mut self, name: &'static str) {
        self.receive(name, Letter::new(1), "hello");
        self.serve();
        self.send(1_000, name, "hello");
        let (req, submit) = self.expect_submit_among();
        self.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
        self.report(&submit, Report::Delivered);
        self.sent.clear();
        self.facts.clear();
    }

    /// Alice's newest record and key, as her peers see them.
    pub fn adopt_own(&mut self) {
        let keyring = &self.store.keyring;
        let newest = keyring.pending().cloned();
        let record = newest.expect("a rotation is under way");
        let key = keyring.key(record.epoch).expect("announced keys are held");
        self.alice.keys.push((key.agree.clone(), key.sign.clone()));
        self.alice.chain.push(record);
    }

    // What happened.

    /// Texts shown since the last look, with their marks.
    pub fn shown(&mut self) -> Vec<String> {
        let facts = std::mem::take(&mut self.facts);
        let shown = facts.into_iter().filter_map(|fact| {
            let Fact::Display { mid, text, late, missing, .. } = fact else { return None };
            let late = if late { " late" } else { "" };
            let missing = if missing > 0 { format!(" missing {missing}") } else { String::new() };
            Some(format!("{}{} {text}{late}{missing}", mid.sender, mid.seq))
        });
        shown.collect()
    }

    /// What the user was told of drafts since the last look.
    pub fn notices(&mut self) -> Vec<(u64, DraftStatus)> {
        let facts = std::mem::take(&mut self.facts);
        let notices = facts.into_iter().filter_map(|fact| {
            let Fact::Notice { draft, status, .. } = fact else { return None };
            Some((draft.0, status))
        });
        notices.collect()
    }

    pub fn count(&self, is: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|fact| is(fact)).count()
    }

    pub fn has_fact(&self, is: impl Fn(&Fact) -> bool) -> bool {
        self.count(is) > 0
    }

    pub fn next_seq(&self, name: &str) -> Seq {
        self.store.contacts[&user(name)].next
    }
}
