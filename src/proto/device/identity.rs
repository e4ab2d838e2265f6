//! Own keys: provisioning, registration, rotation with grace (claims 12 and 17, protocol 4.2, 4.4).
//!
//! Not here: keys of others (`chain`, `table`).

use std::sync::Arc;

use crate::base::id::{Epoch, Hash32, ReqId};
use crate::base::rng::Purpose;
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::keys::KeyPair;
use crate::crypto::schedule::kid;
use crate::crypto::sign::{record_hash, twin};
use crate::crypto::suite::{KeyError, Secret, Signature, Suite};
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite, OwnKey};
use crate::proto::device::request::Asking;
use crate::proto::device::timers::Timer;
use crate::proto::port::Provision;
use crate::trace::fact::{AlarmKind, DeviceState, Fact, LookupCause, ProvisionMode, SignPurpose};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Message, Register};
use crate::wire::record::KeyRecord;
use crate::wire::signed::pop_octets;

impl OwnKey {
    /// A key pair for each purpose; they must differ (C12-R7).
    ///
    /// # Errors
    /// [`KeyError::Shared`] when both are the same.
    pub fn new<S: Suite>(agree: KeyPair, sign: KeyPair) -> Result<Self, KeyError> {
        if agree.public == sign.public {
            return Err(KeyError::Shared);
        }
        let kid = kid::<S>(&agree.public);
        Ok(Self { agree, sign, kid, retired: None })
    }
}

impl<S: Suite> Device<S> {
    /// The state that a device without anything under way is in.
    pub(super) fn resting_state(&self) -> DeviceState {
        let keyring = &self.durable.keyring;
        match (keyring.is_registered(), keyring.is_empty(), keyring.pending().is_some()) {
            (true, _, true) => DeviceState::Rotating,
            (true, _, false) => DeviceState::Ready,
            (false, false, _) => DeviceState::Keyed,
            (false, true, _) => DeviceState::Blank,
        }
    }

    /// After a start: what is left of grace periods, and registration if it is missing.
    pub(super) fn resume_identity(&mut self, now: Now) {
        let keyring = &self.durable.keyring;
        let retired: Vec<(Epoch, Instant)> = keyring.retired().collect();
        if let Some(until) = keyring.put_off() {
            self.wake(now, until.since(now.at), Timer::Rotate);
        }
        for (epoch, at) in retired {
            self.erase_later(now, epoch, at);
        }
        if self.resting_state() == DeviceState::Keyed {
            self.send_registration(now);
        }
    }

    pub(super) fn on_provision(&mut self, now: Now, how: &Provision) {
        let (key, mode) = match how {
            Provision::Generate => (Ok(self.generate_key()), ProvisionMode::Generated),
            Provision::Download { agree, sign } => {
                let careless = self.has(Deviation::M79);
                let read =
                    if careless { Self::careless_download } else { KeyPair::from_download::<S> };
                let agree = read(&agree.secret, &agree.public);
                let sign = read(&sign.secret, &sign.public);
                let key = agree.and_then(|agree| OwnKey::new::<S>(agree, sign?));
                (key, ProvisionMode::Downloaded)
            }
        };
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                self.fact(Fact::ProvisionRefused { why: error.to_string() });
                return;
            }
        };
        if self.durable.keyring.is_registered() {
            self.start_rotation(now, false, Some(key));
            return;
        }
        // The server may have recorded the keys that are announced; others could never follow them.
        if self.asking(&Asking::Register).is_some() {
            let why = "a registration is under way".to_owned();
            self.fact(Fact::ProvisionRefused { why });
            return;
        }
        let provisioned = provisioned::<S>(mode, Epoch::FIRST, &key);
        let durable = DeviceDurable::keyed(key);
        self.write(DeviceWrite::Keyring(durable.keyring));
        self.fact(provisioned);
        self.state(DeviceState::Keyed);
        self.send_registration(now);
    }

    fn generate_key(&mut self) -> OwnKey {
        let keys = self.luck.of(Purpose::Keys);
        // Addressed by start and draw, so a lost rotation is not repeated with the same keys.
        let address = u64::from_le_bytes(self.draw().octets());
        let agree = KeyPair::generate::<S>(&mut keys.at(address));
        let sign = KeyPair::generate::<S>(&mut keys.at(address ^ 1));
        self.sheet.work().keygen += 2;
        OwnKey::new::<S>(agree, sign).expect("two draws give two keys")
    }

    // Registration.

    pub(super) fn send_registration(&mut self, now: Now) {
        let keyring = &self.durable.keyring;
        if keyring.is_registered() || self.asking(&Asking::Register).is_some() {
            return;
        }
        let Some(key) = keyring.key(Epoch::FIRST) else { return };
        let record = match keyring.pending() {
            Some(record) => record.clone(),
            None => {
                let record = self.record(now, Epoch::FIRST, &key, false);
                let mut ring = self.durable.keyring.to_ring();
                ring.pending = Some(Box::new(record.clone()));
                self.write_ring(ring);
                record
            }
        };
        let body = self.with_possession(record, &key);
        self.ask(now, Asking::Register, Message::Register(Box::new(body)));
    }

    pub(super) fn on_register_ack(&mut self, now: Now, req: ReqId, hash: Hash32) {
        let asked = self.what_of(req) == Some(&Asking::Register);
        if !asked || self.pending_hash() != Some(hash) {
            return;
        }
        self.settle_request(req);
        let mut ring = self.durable.keyring.to_ring();
        ring.pending = None;
        ring.current = Epoch::FIRST;
        ring.record = hash;
        ring.generation = hash;
        self.write_ring(ring);
        self.state(DeviceState::Ready);
        self.open_session(now);
    }

    pub(super) fn on_register_error(&mut self, req: ReqId, code: ErrorCode) {
        self.settle_request(req);
        let code = code.name().to_owned();
        let retry_after = Duration::ZERO;
        self.fact(Fact::RotateRefused { epoch: Epoch::FIRST, code, retry_after });
        self.fact(Fact::Alarm { peer: None, what: AlarmKind::NotRegistered });
    }

    // Rotation.

    /// Makes a new key pair (or takes one) durable and announces it; the old one stays in use until the
    /// server has recorded the new one (R7, R13).
    pub(super) fn start_rotation(&mut self, now: Now, revoke: bool, key: Option<OwnKey>) {
        let keyring = &self.durable.keyring;
        let epoch = keyring.current().next();
        if !keyring.is_registered() || keyring.pending().is_some() {
            let code = "ROTATING".to_owned();
            self.fact(Fact::RotateRefused { epoch, code, retry_after: Duration::ZERO });
            return;
        }
        let mode = if key.is_some() { ProvisionMode::Downloaded } else { ProvisionMode::Rotation };
        let key = key.unwrap_or_else(|| self.generate_key());
        let record = self.record(now, epoch, &key, revoke);
        let provisioned = provisioned::<S>(mode, epoch, &key);
        let mut ring = self.durable.keyring.to_ring();
        ring.keys.insert(epoch, Arc::new(key));
        ring.pending = Some(Box::new(record));
        if self.has(Deviation::M97) {
            self.durable.keyring = ring.clone().into();
            self.send_rotation(now);
        }
        self.write_ring(ring);
        self.fact(provisioned);
        self.fact(Fact::RotateStart { epoch, revoke });
        self.state(DeviceState::Rotating);
        self.send_rotation(now);
    }

    /// Announces the pending record, unless that is under way.
    pub(super) fn send_rotation(&mut self, now: Now) {
        let keyring = &self.durable.keyring;
        let Some(record) = keyring.pending().cloned() else { return };
        if !keyring.is_registered() || self.asking(&Asking::Rotate).is_some() {
            return;
        }
        let Some(key) = keyring.key(record.epoch) else { return };
        if keyring.put_off().is_some() {
            let mut ring = keyring.to_ring();
            ring.put_off = None;
            self.write_ring(ring);
        }
        let body = self.with_possession(record, &key);
        self.ask(now, Asking::Rotate, Message::RotateKey(Box::new(body)));
    }

    pub(super) fn on_rotate_ack(&mut self, now: Now, req: ReqId, hash: Hash32) {
        if self.what_of(req) == Some(&Asking::Rotate) && self.pending_hash() == Some(hash) {
            self.settle_request(req);
            self.on_served();
            self.finish_rotation(now);
        }
    }

    /// The directory holds the pending record: from now on it is the current one. A record that revokes
    /// leaves no other key (R11).
    pub(super) fn finish_rotation(&mut self, now: Now) {
        let mut ring = self.durable.keyring.to_ring();
        let Some(record) = ring.pending.take() else { return };
        self.timers.stop(&Timer::Rotate);
        let hash = record_hash::<S>(&record.encode());
        let (old, new) = (ring.current, record.epoch);
        ring.current = new;
        ring.record = hash;
        ring.put_off = None;
        if let Some(key) = ring.keys.get_mut(&old) {
            Arc::make_mut(key).retired = Some(now.at);
        }
        self.write_ring(ring);
        let without_grace = record.revoke_prev || self.has(Deviation::M39);
        let erased = if without_grace { self.erase_keys(|epoch| epoch < new) } else { Vec::new() };
        self.fact(Fact::RotateDone { epoch: new, record: hash });
        self.state(DeviceState::Ready);
        erased.into_iter().for_each(|epoch| self.fact(Fact::EpochErased { epoch }));
        if !without_grace {
            self.erase_later(now, old, now.at);
        }
        self.decide_bounced(now, None);
    }

    /// An own retired key is held for the grace and no longer (R1).
    fn erase_later(&mut self, now: Now, epoch: Epoch, retired: Instant) {
        if !self.has(Deviation::M40) {
            let left = (retired + self.config.grace).since(now.at);
            self.wake(now, left, Timer::Erase(epoch));
        }
    }

    pub(super) fn on_rotate_error(&mut self, now: Now, req: ReqId, code: ErrorCode, arg: u64) {
        let epoch = self.durable.keyring.current().next();
        let retry_after = Duration::from_millis(arg);
        let refused = Fact::RotateRefused { epoch, code: code.name().to_owned(), retry_after };
        match code {
            ErrorCode::InGrace => {
                // Never earlier than the server says (R6), not even after a restart.
                let mut ring = self.durable.keyring.to_ring();
                ring.put_off = Some(now.at + retry_after);
                self.settle_request(req);
                self.write_ring(ring);
                self.fact(refused);
                self.wake(now, retry_after, Timer::Rotate);
                self.decide_bounced(now, None);
            }
            ErrorCode::EpochConflict => {
                self.settle_request(req);
                self.fact(refused);
                let user = self.user.clone();
                self.want_lookup(now, &user, LookupCause::Own);
            }
            ErrorCode::BadChain
            | ErrorCode::BadKey
            | ErrorCode::BadPop
            | ErrorCode::UnknownUser => {
                self.settle_request(req);
                self.fact(refused);
                self.abandon_rotation(now);
            }
            // Not defined for a rotation: it goes on as if unanswered.
            ErrorCode::IdTaken
            | ErrorCode::BadTicket
            | ErrorCode::Expired
            | ErrorCode::QueueFull
            | ErrorCode::SeqConflict
            | ErrorCode::TooBig
            | ErrorCode::StaleEpoch
            | ErrorCode::BadSig
            | ErrorCode::StaleChallenge
            | ErrorCode::Unsupported => {}
        }
    }

    /// The own record as the directory holds it decides about a rotation in doubt (R7).
    pub(super) fn on_own_record(&mut self, now: Now, current: &KeyRecord) {
        let hash = record_hash::<S>(&current.encode());
        if self.pending_hash() == Some(hash) {
            self.drop_requests(|what| *what == Asking::Rotate);
            self.finish_rotation(now);
        } else if hash != self.durable.keyring.record() {
            self.lose_key();
            self.abandon_rotation(now);
        } else if self.durable.keyring.pending().is_some() {
            // Announced again, but not at once: the server refused it a moment ago.
            self.wake(now, self.config.negative, Timer::Rotate);
        }
        // Anybody can make a device doubt, so it asks no more often than for a user who is unknown.
        let user = self.user.clone();
        self.wake(now, self.config.negative, Timer::Lookup(Box::new(user)));
    }

    /// Somebody names an epoch of ours that we have not reached: after a restore from a copy the directory
    /// may hold a key that this device does not have any more (R7).
    pub(super) fn doubt_own_record(&mut self, now: Now) {
        if !self.rare.key_lost && self.durable.keyring.is_registered() {
            let user = self.user.clone();
            self.want_lookup(now, &user, LookupCause::Own);
        }
    }

    /// The own record in the directory is not ours: only a new identity helps, and only the user can have
    /// one made.
    pub(super) fn lose_key(&mut self) {
        if !std::mem::replace(&mut self.rare.key_lost, true) {
            self.fact(Fact::Alarm { peer: None, what: AlarmKind::OwnRecord });
        }
    }

    fn abandon_rotation(&mut self, now: Now) {
        let mut ring = self.durable.keyring.to_ring();
        let Some(record) = ring.pending.take() else { return };
        ring.put_off = None;
        self.write_ring(ring);
        self.erase_keys(|epoch| epoch == record.epoch);
        self.timers.stop(&Timer::Rotate);
        self.drop_requests(|what| *what == Asking::Rotate);
        self.state(DeviceState::Ready);
        self.decide_bounced(now, None);
    }

    /// Whether the server has a rotation of this device and nobody knows what it made of it.
    pub(super) fn is_rotation_in_doubt(&self) -> bool {
        let keyring = &self.durable.keyring;
        keyring.pending().is_some() && keyring.put_off().is_none()
    }

    /// The grace of an own key is over.
    pub(super) fn erase_key(&mut self, epoch: Epoch) {
        let erased = self.erase_keys(|other| other == epoch);
        erased.into_iter().for_each(|epoch| self.fact(Fact::EpochErased { epoch }));
    }

    /// Forgets own private keys and every secret made with them, in one write (C06-R6).
    fn erase_keys(&mut self, is_over: impl Fn(Epoch) -> bool) -> Vec<Epoch> {
        let epochs = self.durable.keyring.epochs();
        let erased: Vec<Epoch> = epochs.into_iter().filter(|it| is_over(*it)).collect();
        if erased.is_empty() {
            return erased;
        }
        let mut ring = self.durable.keyring.to_ring();
        ring.keys.retain(|epoch, _| !is_over(*epoch));
        self.write_ring(ring);
        for epoch in &erased {
            self.timers.stop(&Timer::Erase(*epoch));
        }
        let peers: Vec<_> = self.durable.table.keys().cloned().collect();
        for peer in peers {
            let Some(row) = self.durable.table.get_mut(&peer) else { continue };
            let before = row.slots.len();
            row.slots.retain(|slot| !is_over(slot.own));
            if row.slots.len() != before {
                self.save_row(&peer);
            }
        }
        erased
    }

    // Records and signatures.

    fn pending_hash(&self) -> Option<Hash32> {
        let pending = self.durable.keyring.pending()?;
        Some(record_hash::<S>(&pending.encode()))
    }

    /// The record of an own key, signed by itself and by the key before.
    fn record(&mut self, now: Now, epoch: Epoch, key: &OwnKey, revoke: bool) -> KeyRecord {
        let keyring = self.durable.keyring.clone();
        let mut record = KeyRecord {
            user: self.user.clone(),
            generation: keyring.generation(),
            epoch,
            revoke_prev: revoke,
            agree_pk: key.agree.public,
            sig_pk: key.sign.public,
            created: now.wall,
            not_after: now.wall + self.config.key_life,
            prev_hash: keyring.record(),
            sig_prev: None,
            sig_self: [0; 64],
        };
        let octets = record.signed_octets();
        record.sig_prev = keyring.current_key().map(|current| {
            self.sign(SignPurpose::Record, keyring.current(), &current.sign.secret, &octets)
        });
        record.sig_self = self.sign(SignPurpose::Record, epoch, &key.sign.secret, &octets);
        record
    }

    fn with_possession(&mut self, record: KeyRecord, key: &OwnKey) -> Register {
        let hash = record_hash::<S>(&record.encode());
        let octets = pop_octets(&hash);
        let epoch = record.epoch;
        let pop = self.sign(SignPurpose::Possession, epoch, &key.agree.secret, &octets);
        Register { record, pop }
    }

    /// Signs, counts the work and states the fact.
    pub(super) fn sign(
        &mut self,
        purpose: SignPurpose,
        epoch: Epoch,
        secret: &Secret,
        octets: &[u8],
    ) -> Signature {
        self.sheet.work().sign += 1;
        let signature = self.signature(secret, octets);
        self.sign_fact(purpose, epoch, octets, &signature);
        signature
    }

    /// By RFC 6979, with the low value of s (protocol 3.1).
    pub(super) fn signature(&self, secret: &Secret, octets: &[u8]) -> Signature {
        let low = S::sign(secret, octets);
        if self.has(Deviation::M63) { twin(&low) } else { low }
    }

    pub(super) fn sign_fact(
        &mut self,
        purpose: SignPurpose,
        epoch: Epoch,
        octets: &[u8],
        signature: &Signature,
    ) {
        let (digest, signature) = (Self::digest(octets), Self::digest(signature));
        self.fact(Fact::Sign { purpose, epoch, digest, signature });
    }
}

fn provisioned<S: Suite>(mode: ProvisionMode, epoch: Epoch, key: &OwnKey) -> Fact {
    Fact::Provisioned { mode, epoch, agree_kid: key.kid, sig_kid: kid::<S>(&key.sign.public) }
}
