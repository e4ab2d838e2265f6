//! A scripted user at the other end: keys, records and messages, really signed and sealed.
//!
//! Not here: the device under test, and what is checked.

use std::marker::PhantomData;

use crate::base::id::{DeliveryId, Epoch, Hash32, Seq, UserId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Millis};
use crate::crypto::keys::KeyPair;
use crate::crypto::schedule::{Party, direction_key, kid, pair_secret};
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{Point, Secret, Suite};
use crate::proto::device::outbox::short;
use crate::wire::body::Body;
use crate::wire::header::Header;
use crate::wire::message::{Deliver, Submit};
use crate::wire::record::KeyRecord;

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// A user with a chain of key records and all private keys.
#[derive(Clone)]
pub struct Peer<S> {
    pub user: UserId,
    pub keys: Vec<(KeyPair, KeyPair)>,
    pub chain: Vec<KeyRecord>,
    /// Whether the directory serves the record before the current one.
    pub grace: bool,
    identities: u64,
    counter: u64,
    suite: PhantomData<S>,
}

/// What a message says beside its text.
#[derive(Clone, Copy)]
pub struct Letter {
    pub seq: u64,
    /// Epoch of the sender, of the receiver.
    pub epochs: (u64, u64),
}

impl Letter {
    /// The first number under these epochs.
    pub fn new(seq: u64) -> Self {
        Self { seq, epochs: (1, 1) }
    }

    pub fn under(self, sender: u64, receiver: u64) -> Self {
        Self { epochs: (sender, receiver), ..self }
    }
}

impl<S: Suite> Peer<S> {
    pub fn new(name: &str) -> Self {
        let user = user(name);
        let (keys, chain, suite) = (Vec::new(), Vec::new(), PhantomData);
        let mut peer = Self { user, keys, chain, grace: true, identities: 0, counter: 0, suite };
        peer.rotate(false);
        peer
    }

    /// Appends the next record.
    pub fn rotate(&mut self, revoke: bool) {
        let keys = self.draw_keys();
        let record = self.next_record(&keys, revoke);
        self.chain.push(record);
        self.keys.push(keys);
    }

    /// Everything is lost: a new identity under the same name.
    pub fn reset(&mut self) {
        self.identities += 1;
        self.chain.clear();
        self.keys.clear();
        self.rotate(false);
    }

    pub fn draw_keys(&self) -> (KeyPair, KeyPair) {
        let name: u64 =
            self.user.as_str().bytes().fold(7, |sum, octet| sum * 31 + u64::from(octet));
        let luck = Luck::new(self.identities, Purpose::Keys, name);
        let place = self.chain.len() as u64 * 2;
        (
            KeyPair::generate::<S>(&mut luck.at(place)),
            KeyPair::generate::<S>(&mut luck.at(place + 1)),
        )
    }

    pub fn next_record(&self, keys: &(KeyPair, KeyPair), revoke_prev: bool) -> KeyRecord {
        let hash = |record: &KeyRecord| record_hash::<S>(&record.encode());
        let record = KeyRecord {
            user: self.user.clone(),
            generation: self.chain.first().map_or(Hash32::ZERO, hash),
            epoch: Epoch(self.chain.len() as u64 + 1),
            revoke_prev,
            agree_pk: keys.0.public,
            sig_pk: keys.1.public,
            created: Millis::WORLD_START,
            not_after: Millis::WORLD_START + Duration::from_secs(1 << 25),
            prev_hash: self.chain.last().map_or(Hash32::ZERO, hash),
            sig_prev: None,
            sig_self: [0; 64],
        };
        self.sign(record, keys)
    }

    /// Signs a record with its own key and with the newest one before.
    pub fn sign(&self, mut record: KeyRecord, keys: &(KeyPair, KeyPair)) -> KeyRecord {
        let octets = record.signed_octets();
        record.sig_self = S::sign(&keys.1.secret, &octets);
        record.sig_prev = self.keys.last().map(|(_, sign)| S::sign(&sign.secret, &octets));
        record
    }

    /// The newest record with this for an agreement key, signed as it should be.
    pub fn spoil(&self, record: Option<&mut KeyRecord>, point: Point) {
        let Some(record) = record else { return };
        record.agree_pk = point;
        let octets = record.signed_octets();
        let [.., (_, sign)] = &self.keys[..] else { return };
        record.sig_self = S::sign(&sign.secret, &octets);
        if let [.., (_, before), _] = &self.keys[..] {
            record.sig_prev = Some(S::sign(&before.secret, &octets));
        }
    }

    /// What the directory serves to somebody who has this record.
    pub fn served(&self, have: Option<Hash32>) -> Vec<KeyRecord> {
        let tail = self.chain.len() - if self.grace { self.chain.len().min(2) } else { 1 };
        let hash = |record: &KeyRecord| record_hash::<S>(&record.encode());
        let known = have.and_then(|have| self.chain.iter().position(|it| hash(it) == have));
        self.chain[known.map_or(tail, |at| (at + 1).min(tail))..].to_vec()
    }

    pub fn kid(&self, epoch: u64) -> Hash32 {
        kid::<S>(&self.keys[epoch as usize - 1].0.public)
    }

    fn key(&self, own: u64, other: &Self, theirs: u64, from: &UserId, to: &UserId) -> Secret {
        let (own_kid, their_kid) = (self.kid(own), other.kid(theirs));
        let us = Party { user: &self.user, epoch: Epoch(own), kid: &own_kid };
        let them = Party { user: &other.user, epoch: Epoch(theirs), kid: &their_kid };
        let secret = &self.keys[own as usize - 1].0.secret;
        let point = &other.keys[theirs as usize - 1].0.public;
        direction_key::<S>(&pair_secret::<S>(secret, us, point, them).unwrap(), from, to)
    }

    /// A message for `to`.
    pub fn write(&mut self, to: &Self, letter: Letter, body: &Body) -> Deliver {
        let (theirs, own) = (letter.epochs.1, letter.epochs.0);
        self.counter += 1;
        let mut nonce = [7; 12];
        nonce[4..].copy_from_slice(&self.counter.to_be_bytes());
        let header = Header {
            kind: body.kind(),
            sender: self.user.clone(),
            receiver: to.user.clone(),
            epoch_s: Epoch(own),
            epoch_r: Epoch(theirs),
            kid_s: short(&self.kid(own).0),
            kid_r: short(&to.kid(theirs).0),
            seq: Seq(letter.seq),
            nonce,
        };
        self.seal_as(to, header, &body.encode())
    }

    /// Any octets for `to` under any header.
    pub fn seal_as(&self, to: &Self, header: Header, plain: &[u8]) -> Deliver {
        let (own, theirs) = (header.epoch_s.0, header.epoch_r.0);
        let key = self.key(own, to, theirs, &self.user, &to.user);
        let ciphertext = S::seal(&key, &header.nonce, &header.encode(), plain);
        let delivery = DeliveryId(self.counter);
        Deliver { delivery, header, ciphertext, queued_at: Millis::WORLD_START }
    }

    /// Reads what `from` submitted to this user.
    pub fn read(&self, from: &Self, submit: &Submit) -> Body {
        self.open(from, submit).expect("its receiver can open it")
    }

    /// The same, if it can be opened.
    pub fn open(&self, from: &Self, submit: &Submit) -> Option<Body> {
        let header = &submit.header;
        let (own, theirs) = (header.epoch_r.0, header.epoch_s.0);
        let key = self.key(own, from, theirs, &from.user, &self.user);
        let plain = S::open(&key, &header.nonce, &header.encode(), &submit.ciphertext)?;
        Body::decode(header.kind, &plain).ok()
    }
}
