//! Somebody who speaks with a server octet by octet, with keys of their own and no device.
//!
//! Not here: devices (`town`).

use std::net::SocketAddr;
use std::time::Duration;

use peadsim::base::id::{DeliveryId, Epoch, Hash32, Mid, ReqId, Seq, UserId};
use peadsim::base::rng::{Luck, Purpose};
use peadsim::base::time::Millis;
use peadsim::crypto::keys::KeyPair;
use peadsim::crypto::p256::P256;
use peadsim::crypto::sign::record_hash;
use peadsim::crypto::suite::Suite as _;
use peadsim::runtime::client::channel::{Channel, ChannelError, Endpoint};
use peadsim::runtime::clock::wall;
use peadsim::wire::code::{AckOutcome, ErrorCode};
use peadsim::wire::header::{BodyKind, Header};
use peadsim::wire::message::{Envelope, Message, Register, Submit, Ticket};
use peadsim::wire::record::KeyRecord;
use peadsim::wire::signed::{attach_octets, pop_octets};
use tokio::time::timeout;

use crate::town::{PATIENCE, user};
use crate::witness::Witness;

/// A user's keys.
pub struct Keys {
    pub user: UserId,
    agree: KeyPair,
    sign: KeyPair,
    witness: Option<Witness>,
}

impl Keys {
    /// Those of the user with this name.
    pub fn of(name: &str) -> Self {
        let entity = name.bytes().fold(0, |sum, octet| sum * 257 + u64::from(octet));
        let luck = Luck::new(11, Purpose::Keys, entity);
        let pair = |n| KeyPair::generate::<P256>(&mut luck.at(n));
        Self { user: user(name), agree: pair(0), sign: pair(1), witness: None }
    }

    /// The same; what comes and goes on their lines is seen.
    pub fn seen_by(self, witness: &Witness) -> Self {
        Self { witness: Some(witness.clone()), ..self }
    }

    /// A first record with its proof.
    pub fn registration(&self) -> Register {
        let mut record = KeyRecord {
            user: self.user.clone(),
            generation: Hash32::ZERO,
            epoch: Epoch::FIRST,
            revoke_prev: false,
            agree_pk: self.agree.public,
            sig_pk: self.sign.public,
            created: wall(),
            not_after: Millis::NEVER,
            prev_hash: Hash32::ZERO,
            sig_prev: None,
            sig_self: [0; 64],
        };
        record.sig_self = P256::sign(&self.sign.secret, &record.signed_octets());
        let hash = record_hash::<P256>(&record.encode());
        let pop = P256::sign(&self.agree.secret, &pop_octets(&hash));
        Register { record, pop }
    }

    /// The answer to a challenge.
    pub fn attach(&self, nonce: &Hash32) -> Message {
        let (own, server) = (Hash32([5; 32]), user("server"));
        let octets = attach_octets(&server, &self.user, Epoch::FIRST, nonce, &own);
        let sig = P256::sign(&self.sign.secret, &octets);
        Message::Attach { user: self.user.clone(), sig_epoch: Epoch::FIRST, nonce: own, sig }
    }

    /// A message that nobody can open: the server does not notice.
    pub fn submit(&self, to: &str, seq: u64, octets: usize) -> Submit {
        let header = Header {
            kind: BodyKind::Text,
            sender: self.user.clone(),
            receiver: user(to),
            epoch_s: Epoch::FIRST,
            epoch_r: Epoch::FIRST,
            kid_s: [1; 8],
            kid_r: [2; 8],
            seq: Seq(seq),
            nonce: [0; 12],
        };
        let expires = Millis(wall().0 + 3_600_000);
        Submit { header, ciphertext: seq.to_be_bytes().repeat(octets / 8), attempt: 1, expires }
    }
}

/// A connection and what is known on it.
pub struct Line {
    channel: Channel,
    asked: u64,
    pub ticket: Option<Ticket>,
    witness: Option<(Witness, UserId)>,
}

impl Line {
    /// Connects to a server that is there.
    pub async fn to(address: SocketAddr) -> Self {
        Self::dial(address).await.unwrap()
    }

    /// Connects.
    pub async fn dial(address: SocketAddr) -> Result<Self, ChannelError> {
        let channel = Channel::dial(&Endpoint::plain(address)).await?;
        Ok(Self { channel, asked: 0, ticket: None, witness: None })
    }

    /// Connects for somebody.
    pub async fn of(address: SocketAddr, keys: &Keys) -> Result<Self, ChannelError> {
        let witness = keys.witness.clone().map(|witness| (witness, keys.user.clone()));
        Ok(Self { witness, ..Self::dial(address).await? })
    }

    /// Connects, registers unless that was done, and attaches.
    pub async fn attached(address: SocketAddr, keys: &Keys) -> Result<Self, ChannelError> {
        let mut line = Self::of(address, keys).await?;
        line.ask(Message::Register(Box::new(keys.registration()))).await?;
        let Message::Challenge { nonce, .. } = line.ask(hello(&keys.user)).await? else {
            panic!("a challenge is expected");
        };
        let Message::Attached { ticket } = line.ask(keys.attach(&nonce)).await? else {
            panic!("a ticket is expected");
        };
        line.ticket = Some(ticket);
        Ok(line)
    }

    /// Sends a frame and does not wait; returns its number.
    pub async fn send(&mut self, body: Message) -> Result<ReqId, ChannelError> {
        self.asked += 1;
        let req = ReqId(self.asked.to_be_bytes());
        let envelope = Envelope { req, ticket: self.ticket.clone(), body };
        if let Some((witness, user)) = &self.witness {
            witness.sends(user, &envelope);
        }
        self.channel.send(&[envelope]).await?;
        Ok(req)
    }

    /// Sends octets.
    pub async fn send_octets(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.channel.send_octets(octets).await
    }

    /// The next frame.
    pub async fn receive(&mut self) -> Result<Envelope, ChannelError> {
        let received = timeout(PATIENCE, self.channel.receive()).await;
        let envelope = received.expect("a frame is expected")?;
        if let Some((witness, user)) = &self.witness {
            witness.receives(user, &envelope);
        }
        Ok(envelope)
    }

    /// Sends a frame and waits for its answer; what is pushed meanwhile is passed over.
    pub async fn ask(&mut self, body: Message) -> Result<Message, ChannelError> {
        let req = self.send(body).await?;
        loop {
            let envelope = self.receive().await?;
            if envelope.req == req {
                return Ok(envelope.body);
            }
        }
    }

    /// The code that a request is refused with.
    pub async fn refused(&mut self, body: Message) -> ErrorCode {
        match self.ask(body).await {
            Ok(Message::Error { code, .. }) => code,
            other => panic!("a refusal is expected, got {other:?}"),
        }
    }

    /// Polls for everything, and acknowledges it.
    pub async fn fetch(&mut self) -> Result<Vec<Message>, ChannelError> {
        let req = self.send(Message::Poll { max: 256, cursor: DeliveryId(0) }).await?;
        let mut found = Vec::new();
        loop {
            let envelope = self.receive().await?;
            match envelope.body {
                Message::PollEnd { .. } if envelope.req == req => break,
                body => found.push(body),
            }
        }
        for body in &found {
            let (delivery, mid) = match body {
                Message::Deliver(deliver) => (deliver.delivery, deliver.header.mid()),
                Message::StatusReport { delivery, mid, .. } => (*delivery, mid.clone()),
                _ => continue,
            };
            let outcome = AckOutcome::Committed;
            self.send(Message::DeliverAck { delivery, mid, outcome }).await?;
        }
        Ok(found)
    }

    /// Waits until the server has closed it.
    pub async fn until_closed(&mut self) {
        let closed = async { while self.channel.receive().await.is_ok() {} };
        timeout(PATIENCE, closed).await.expect("the server closes the connection");
    }

    /// Whether the server still serves it.
    pub async fn is_served(&mut self) -> bool {
        let quick = Duration::from_secs(20);
        let poll = Message::Poll { max: 1, cursor: DeliveryId(0) };
        matches!(timeout(quick, self.ask(poll)).await, Ok(Ok(_)))
    }
}

/// Opens a channel for a user.
pub fn hello(user: &UserId) -> Message {
    Message::Hello { user: user.clone(), versions: vec![1], suites: vec![1] }
}

/// Of whom a delivered message is, and which.
pub fn mid(message: &Message) -> Option<Mid> {
    match message {
        Message::Deliver(deliver) => Some(deliver.header.mid()),
        _ => None,
    }
}
