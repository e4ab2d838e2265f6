//! A device and its model side by side: every step is carried out on both, by a server that does what it says.
//!
//! Not here: which steps (`event`), what the server answers (`answers`), what the model knows
//! (`reference`), the comparison (`compare`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, Mid, ReqId, Seq, TxnId, UserId};
use crate::base::rng::Draw;
use crate::base::time::{Duration, Instant, Millis};
use crate::crypto::model::Model;
use crate::proto::deviation::Deviations;
use crate::proto::device::durable::DeviceDurable;
use crate::proto::device::tests::bench::{Bench, form, txn};
use crate::proto::device::tests::model::event::{self, Ask, Event, Number, PEERS, Twist};
use crate::proto::device::tests::model::incoming::{Arrival, LINES, Received, Request};
use crate::proto::device::tests::model::outgoing::Sealed;
use crate::proto::device::tests::model::reference::{Device, Name};
use crate::proto::device::tests::peer::{Letter, Peer, user};
use crate::proto::port::{DeviceInput, RequestForm, UserAction};
use crate::proto::swarm::{Family, SHORT_REFRESHES, chance, pick};
use crate::proto::trial::{Setting, Subject};
use crate::trace::fact::Button;
use crate::wire::body::{ApprovalRequest, Body};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Deliver, Message};

pub(super) type Outcome = Result<(), String>;

/// What the device knows of its user.
pub(super) const USER_INFO: &str = "Alice A.";
/// The device's epochs and those of its peers never come so far.
const FAR: u64 = 100;

pub(super) struct Pair {
    pub(super) bench: Bench<Model>,
    pub(super) model: Device,
    pub(super) flights: Vec<Flight>,
    /// Under which deliveries a message came.
    pub(super) deliveries: BTreeMap<DeliveryId, Mid>,
    /// Messages of peers and what the model is told of them.
    letters: Vec<(Deliver, Option<Arrival>)>,
    numbers: BTreeMap<Name, Numbers>,
    pub(super) requests: BTreeMap<(Name, u8), ApprovalRequest>,
    /// Whom the directory does not know.
    pub(super) strangers: BTreeSet<Name>,
    snapshot: Option<(DeviceDurable, Device)>,
    drafts: u64,
    /// What of the outputs was looked at, and which messages are in the inbox by now or were.
    pub(super) read: usize,
    pub(super) committed: BTreeSet<(UserId, Seq)>,
    /// What was encrypted under which nonces, by receiver and epochs (S-12).
    pub(super) nonces: BTreeMap<(Name, (u64, u64), [u8; 12]), Vec<u8>>,
    /// Kinds of everything that happened.
    pub(super) said: Vec<String>,
}

/// A request of the device.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) req: ReqId,
    pub(super) body: Message,
    pub(super) what: Asked,
    /// Whether an answer still counts.
    pub(super) live: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Lookup(Name, Option<Hash32>),
    Submit(Name, Sealed),
    Rotate(Hash32),
}

/// Numbers that a peer has used and left out.
#[derive(Clone, Debug, Default)]
struct Numbers {
    last: u64,
    missing: BTreeSet<u64>,
}

impl Subject for Pair {
    type Step = Event;
    const NAMES: &'static [&'static str] = &PEERS;

    fn new(setting: &Setting, deviations: Deviations) -> Result<Self, String> {
        let mut draw = setting.draw();
        let mut bench = Bench::new(|config| {
            if setting.has(Family::Capacity) {
                let most = PEERS.len() as u64 - 1;
                config.table_capacity = usize::try_from(draw.between(1, most)).unwrap();
            }
            config.table_durable = !(setting.has(Family::Volatile) && chance(&mut draw, 2));
            if setting.has(Family::Refresh) {
                config.refresh = Duration::from_secs(pick(&mut draw, &SHORT_REFRESHES));
            }
            config.user_info = USER_INFO.to_owned();
            config.grace = Duration::from_secs(300);
            // Bursts do not end and lookups are not rationed: both are tested elsewhere.
            (config.burst, config.lookups_per_minute, config.lookups_burst) =
                (10_000, 60_000, 10_000);
            config.deviations = deviations;
        });
        bench.peers.extend(PEERS.map(|name| (name, Peer::new(name))));
        let model = Device::new(bench.now.at, (*bench.config).clone());
        let mut pair = Self {
            bench,
            model,
            flights: Vec::new(),
            deliveries: BTreeMap::new(),
            letters: Vec::new(),
            numbers: PEERS.map(|name| (name, Numbers::default())).into(),
            requests: BTreeMap::new(),
            strangers: BTreeSet::from(["erin"]),
            snapshot: None,
            drafts: 0,
            read: 0,
            committed: BTreeSet::new(),
            nonces: BTreeMap::new(),
            said: Vec::new(),
        };
        // Attached anew, for longer than any script takes.
        pair.step(Event::Restart)?;
        Ok(pair)
    }

    fn step(&mut self, event: Event) -> Outcome {
        match event {
            Event::Send { to } => {
                self.drafts += 1;
                let (id, text) = (self.drafts, format!("draft {}", self.drafts));
                self.bench.send(id, to, &text);
                self.both(|model| model.send(id, to, text))
            }
            Event::Deliver { from, number, epochs, ask, twist } => {
                let seq = self.number(from, number, twist);
                let letter = self.letter(from, seq, epochs, ask, twist);
                self.letters.push(letter.clone());
                self.deliver(letter)
            }
            Event::Redeliver { nth } => {
                let letter = self.letters.iter().rev().nth(nth).cloned();
                letter.map_or(Ok(()), |letter| self.deliver(letter))
            }
            Event::Answer { nth, how } => self.answer(nth, how),
            Event::Report { nth, attempt, report } => self.report(nth, attempt, report),
            Event::RotatePeer { who, revoke } => {
                self.bench.peer(who).rotate(revoke);
                Ok(())
            }
            Event::Enroll { who } => {
                self.strangers.remove(who);
                Ok(())
            }
            Event::Hint { of, above } => {
                let epoch = self.bench.peers[of].chain.len() as u64 + above;
                let (user, record_hash) = (user(of), Hash32::ZERO);
                let body = Message::KeyChanged { user, epoch: Epoch(epoch), record_hash };
                self.bench.frame(ReqId([0xc; 8]), body);
                self.both(|model| model.hint(of, epoch))
            }
            Event::Rotate { revoke } => self.rotate(revoke),
            Event::Compose { to, ask } => self.compose(to, ask),
            Event::Noise { kind } => {
                self.noise(kind);
                self.both(|_| {})
            }
            Event::Snapshot => {
                self.snapshot = Some((self.bench.store.clone(), self.model.clone()));
                Ok(())
            }
            Event::Restore => self.restore(),
            Event::Press { button } => {
                self.bench.press(button);
                self.both(|model| model.press(button == Button::Approve))
            }
            Event::Wait { millis } => {
                self.bench.wait(Duration::from_millis(millis));
                self.both(|model| model.wait(Duration::from_millis(millis)))
            }
            Event::Restart => {
                self.flights.iter_mut().for_each(|flight| flight.live = false);
                self.bench.restart();
                self.read = 0;
                self.said.push("restart".to_owned());
                self.both(Device::restart)
            }
        }
    }

    fn draw(setting: &Setting, draw: &mut Draw) -> Event {
        event::draw(setting, draw)
    }

    fn said(self) -> Vec<String> {
        self.said
    }
}

impl Pair {
    fn compose(&mut self, to: Name, ask: Ask) -> Outcome {
        self.drafts += 1;
        let (id, at) = (self.drafts, self.bench.now);
        let life = Duration::from_secs(ask.life);
        let request = RequestForm { expires: at.wall + life, ..form(&LINES) };
        let (draft, txn) = (DraftId(id), txn(ask.txn));
        self.bench.user(UserAction::Approve { draft, to: user(to), txn, request });
        self.both(|model| model.compose_own(id, to, ask.txn, at.at + life))
    }

    /// A device comes back as it was. Not if it has announced a key since: no server knows two of an epoch.
    fn restore(&mut self) -> Outcome {
        let Some((store, model)) = self.snapshot.clone() else { return Ok(()) };
        if model.pending != self.model.pending || model.current != self.model.current {
            return Ok(());
        }
        self.bench.store = store;
        self.said.push("restored".to_owned());
        let now = self.model.now;
        self.model = model;
        self.model.now = now;
        self.step(Event::Restart)
    }

    /// What says nothing to a device: octets that are no frame, answers that nobody asked for.
    fn noise(&mut self, kind: usize) {
        let (record_hash, req) = (Hash32::ZERO, ReqId([0xee; 8]));
        let body = match kind {
            0 => return self.bench.input(DeviceInput::Garbage(vec![0xff; 9])),
            1 => Message::Poll { max: 1, cursor: DeliveryId(0) },
            2 => Message::RotateAck { record_hash },
            3 => Message::Error { code: ErrorCode::UnknownUser, arg: 0, about: record_hash },
            _ => Message::PollEnd { count: 0, more: true },
        };
        self.bench.frame(req, body);
    }

    // Messages of peers.

    /// What is altered, astray or reflected takes no number away from what is genuine.
    fn number(&mut self, from: Name, number: Number, twist: Twist) -> u64 {
        let Numbers { last, missing } = self.numbers.entry(from).or_default();
        let genuine = matches!(twist, Twist::None | Twist::FutureSender | Twist::FutureReceiver);
        let seq = match number {
            Number::Next => *last + 1,
            Number::Gap(left_out) => *last + 1 + left_out,
            Number::Missing => {
                let oldest = missing.len().is_multiple_of(2);
                let one = if oldest { missing.first() } else { missing.last() };
                one.copied().unwrap_or(*last + 1)
            }
            Number::Again => (*last).max(1),
        };
        if genuine {
            missing.extend(*last + 1..seq);
            missing.remove(&seq);
            *last = seq.max(*last);
        }
        seq
    }

    fn letter(
        &mut self,
        from: Name,
        seq: u64,
        back: (u64, u64),
        ask: Option<Ask>,
        twist: Twist,
    ) -> (Deliver, Option<Arrival>) {
        let octets = self.letters.len() as u64;
        let (theirs, own) = (self.bench.peers[from].chain.len(), self.bench.alice.chain.len());
        let before = |newest: usize, back: u64| (newest as u64).saturating_sub(back).max(1);
        let mut epochs = (before(theirs, back.0), before(own, back.1));
        let (body, inside) = self.body(from, octets, ask);
        let letter = Letter { seq, epochs };
        let mut deliver = self.bench.letter(from, letter, &body);
        let mut inside = Some(inside);
        match twist {
            Twist::None => {}
            Twist::Altered => {
                deliver.ciphertext.last_mut().into_iter().for_each(|octet| *octet ^= 1);
                inside = None;
            }
            Twist::FutureSender => epochs.0 += FAR,
            Twist::FutureReceiver => epochs.1 += FAR,
            Twist::Astray => deliver.header.receiver = user("zoe"),
            Twist::Reflected => deliver.header.sender = user("alice"),
        }
        (deliver.header.epoch_s, deliver.header.epoch_r) = (Epoch(epochs.0), Epoch(epochs.1));
        let is_for_us = !matches!(twist, Twist::Astray | Twist::Reflected);
        let since = self.bench.now.at;
        let arrival = Arrival { from, seq, epochs, octets, since, inside };
        (deliver, is_for_us.then_some(arrival))
    }

    fn body(&mut self, from: Name, octets: u64, ask: Option<Ask>) -> (Body, Received) {
        let Some(Ask { txn: n, life }) = ask else {
            let text = format!("letter {octets}");
            return (Body::Text(text.clone()), Received::Text(text));
        };
        let created = self.bench.now.wall;
        let request = self.requests.entry((from, n)).or_insert_with(|| {
            let RequestForm { lines, amount, currency, payee, .. } = form(&LINES);
            let (txn, requester, nonce): (TxnId, _, _) = (txn(n), user(from), [n; 16]);
            let expires = created + Duration::from_secs(life);
            ApprovalRequest {
                txn,
                requester,
                lines,
                amount,
                currency,
                payee,
                created,
                expires,
                nonce,
            }
        });
        // The clock of the device is right.
        let expires = Instant::START + request.expires.since(Millis::WORLD_START);
        (
            Body::Request(request.clone()),
            Received::Request(Request { by: from, txn: n, expires, own: None }),
        )
    }

    fn deliver(&mut self, (mut deliver, arrival): (Deliver, Option<Arrival>)) -> Outcome {
        deliver.delivery = DeliveryId(self.deliveries.len() as u64 + 1);
        self.deliveries.insert(deliver.delivery, deliver.header.mid());
        let since = self.bench.now.at;
        self.bench.deliver(deliver);
        self.both(|model| {
            arrival.into_iter().for_each(|it| model.deliver(Arrival { since, ..it }));
        })
    }
}
