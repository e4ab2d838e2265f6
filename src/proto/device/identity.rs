//! Own keys: provisioning, registration, rotation with grace (claims 12 and 17, protocol 4.2, 4.4).
//!
//! Not here: keys of others (`chain`, `table`).

use crate::base::id::{Epoch, Hash32, ReqId};
use crate::base::rng::Purpose;
use crate::base::time::{Duration, Now};
use crate::crypto::keys::KeyPair;
use crate::crypto::schedule::kid;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{KeyError, Secret, Signature, Suite};
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, OwnKey};
use crate::proto::device::session::Asking;
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
    /// [`KeyError::Mismatch`] when both are the same.
    pub fn new<S: Suite>(agree: KeyPair, sign: KeyPair) -> Result<Self, KeyError> {
        if agree.public == sign.public {
            return Err(KeyError::Mismatch);
        }
        let kid = kid::<S>(&agree.public);
        Ok(Self { agree, sign, kid, retired: None })
    }
}

impl<S: Suite> Device<S> {
    /// The state that a device without anything under way is in.
    pub(super) fn resting_state(&self) -> DeviceState {
        let keyring = &self.durable.keyring;
        match (keyring.is_registered(), keyring.keys.is_empty(), keyring.pending.is_some()) {
            (true, _, true) => DeviceState::Rotating,
            (true, _, false) => DeviceState::Ready,
            (false, false, _) => DeviceState::Keyed,
            (false, true, _) => DeviceState::Blank,
        }
    }

    /// After a start: what is left of grace periods, and registration if it is missing.
    pub(super) fn resume_identity(&mut self, now: Now) {
        for (epoch, key) in &self.durable.keyring.keys {
            if let Some(retired) = key.retired {
                let end = (retired + self.config.grace).max(now.at);
                self.timers.set(end, Timer::Erase(*epoch));
            }
        }
        if self.resting_state() == DeviceState::Keyed {
            self.send_registration(now);
        }
    }

    pub(super) fn on_provision(&mut self, now: Now, how: &Provision) {
        let (key, mode) = match how {
            Provision::Generate => (Ok(self.generate_key()), ProvisionMode::Generated),
            Provision::Download { agree, sign } => {
                let agree = KeyPair::from_download::<S>(&agree.secret, &agree.public);
                let sign = KeyPair::from_download::<S>(&sign.secret, &sign.public);
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
        let provisioned = provisioned::<S>(mode, Epoch::FIRST, &key);
        let durable = DeviceDurable::keyed(key);
        self.write_keyring(durable.keyring);
        self.fact(provisioned);
        self.state(DeviceState::Keyed);
        self.send_registration(now);
    }

    fn generate_key(&mut self) -> OwnKey {
        let keys = self.luck.of(Purpose::Keys);
        // Addressed by start and draw, so a lost rotation is not repeated with the same keys.
        let address = u64::from_le_bytes(self.draws.octets());
        let agree = KeyPair::generate::<S>(&mut keys.at(address));
        let sign = KeyPair::generate::<S>(&mut keys.at(address ^ 1));
        self.work.keygen += 2;
        OwnKey::new::<S>(agree, sign).expect("two draws give two keys")
    }

    // Registration.

    pub(super) fn send_registration(&mut self, now: Now) {
        let keyring = &self.durable.keyring;
        if keyring.is_registered() || self.asking(&Asking::Register).is_some() {
            return;
        }
        let Some(key) = keyring.keys.get(&Epoch::FIRST).cloned() else { return };
        let record = match &keyring.pending {
            Some(record) => (**record).clone(),
            None => {
                let record = self.record(now, Epoch::FIRST, &key, false);
                let mut keyring = self.durable.keyring.clone();
                keyring.pending = Some(Box::new(record.clone()));
                self.write_keyring(keyring);
                record
            }
        };
        let body = self.with_possession(record, &key);
        self.ask(now, Asking::Register, Message::Register(Box::new(body)));
    }

    pub(super) fn on_register_ack(&mut self, now: Now, req: ReqId, hash: Hash32) {
        if !self.is_asking(req, &Asking::Register) || self.pending_hash() != Some(hash) {
            return;
        }
        self.settle_request(req, &Asking::Register);
        let mut keyring = self.durable.keyring.clone();
        keyring.pending = None;
        keyring.current = Epoch::FIRST;
        keyring.record = hash;
        keyring.generation = hash;
        self.write_keyring(keyring);
        self.state(DeviceState::Ready);
        self.open_session(now);
    }

    pub(super) fn on_register_error(&mut self, req: ReqId, code: ErrorCode) {
        self.settle_request(req, &Asking::Register);
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
        let epoch = keyring.current.next();
        if !keyring.is_registered() || keyring.pending.is_some() {
            let code = "ROTATING".to_owned();
            self.fact(Fact::RotateRefused { epoch, code, retry_after: Duration::ZERO });
            return;
        }
        let mode = if key.is_some() { ProvisionMode::Downloaded } else { ProvisionMode::Rotation };
        let key = key.unwrap_or_else(|| self.generate_key());
        let record = self.record(now, epoch, &key, revoke);
        let provisioned = provisioned::<S>(mode, epoch, &key);
        let mut keyring = self.durable.keyring.clone();
        keyring.keys.insert(epoch, key);
        keyring.pending = Some(Box::new(record));
        self.write_keyring(keyring);
        self.fact(provisioned);
        self.fact(Fact::RotateStart { epoch, revoke });
        self.state(DeviceState::Rotating);
        self.send_rotation(now);
    }

    /// Announces the pending record, unless that is under way.
    pub(super) fn send_rotation(&mut self, now: Now) {
        let keyring = &self.durable.keyring;
        let Some(record) = keyring.pending.as_deref().cloned() else { return };
        if !keyring.is_registered() || self.asking(&Asking::Rotate).is_some() {
            return;
        }
        let Some(key) = keyring.keys.get(&record.epoch).cloned() else { return };
        let body = self.with_possession(record, &key);
        self.ask(now, Asking::Rotate, Message::RotateKey(Box::new(body)));
    }

    pub(super) fn on_rotate_ack(&mut self, now: Now, req: ReqId, hash: Hash32) {
        if self.is_asking(req, &Asking::Rotate) && self.pending_hash() == Some(hash) {
            self.settle_request(req, &Asking::Rotate);
            self.finish_rotation(now);
        }
    }

    /// The directory holds the pending record: from now on it is the current one.
    pub(super) fn finish_rotation(&mut self, now: Now) {
        let mut keyring = self.durable.keyring.clone();
        let Some(record) = keyring.pending.take() else { return };
        let hash = record_hash::<S>(&record.encode());
        let old = keyring.current;
        keyring.current = record.epoch;
        keyring.record = hash;
        if let Some(key) = keyring.keys.get_mut(&old) {
            key.retired = Some(now.at);
        }
        self.write_keyring(keyring);
        self.fact(Fact::RotateDone { epoch: record.epoch, record: hash });
        self.state(DeviceState::Ready);
        if record.revoke_prev || self.has(Deviation::M39) {
            self.erase_key(old);
        } else {
            self.timers.set(now.at + self.config.grace, Timer::Erase(old));
        }
        self.decide_bounced(now, None);
    }

    pub(super) fn on_rotate_error(&mut self, now: Now, req: ReqId, code: ErrorCode, arg: u64) {
        self.settle_request(req, &Asking::Rotate);
        let epoch = self.durable.keyring.current.next();
        let retry_after = Duration::from_millis(arg);
        let name = code.name().to_owned();
        self.fact(Fact::RotateRefused { epoch, code: name, retry_after });
        if code == ErrorCode::InGrace {
            self.timers.set(now.at + retry_after, Timer::Rotate);
        } else if code == ErrorCode::EpochConflict {
            let user = self.user.clone();
            self.want_lookup(now, &user, LookupCause::Own);
        } else {
            self.abandon_rotation(now);
        }
    }

    /// The own record as the directory holds it decides about a rotation in doubt (R7).
    pub(super) fn on_own_record(&mut self, now: Now, current: &KeyRecord) {
        let hash = record_hash::<S>(&current.encode());
        if self.pending_hash() == Some(hash) {
            self.finish_rotation(now);
        } else if hash == self.durable.keyring.record {
            self.send_rotation(now);
        } else {
            self.fact(Fact::Alarm { peer: None, what: AlarmKind::OwnRecord });
            self.abandon_rotation(now);
        }
    }

    fn abandon_rotation(&mut self, now: Now) {
        let mut keyring = self.durable.keyring.clone();
        if let Some(record) = keyring.pending.take() {
            keyring.keys.remove(&record.epoch);
        }
        self.write_keyring(keyring);
        self.state(DeviceState::Ready);
        self.decide_bounced(now, None);
    }

    /// Forgets an own private key and every secret made with it (C06-R6).
    pub(super) fn erase_key(&mut self, epoch: Epoch) {
        let mut keyring = self.durable.keyring.clone();
        if keyring.keys.remove(&epoch).is_none() {
            return;
        }
        self.timers.stop(&Timer::Erase(epoch));
        self.write_keyring(keyring);
        let peers: Vec<_> = self.durable.table.keys().cloned().collect();
        for peer in peers {
            let Some(row) = self.durable.table.get_mut(&peer) else { continue };
            let before = row.slots.len();
            row.slots.retain(|slot| slot.own != epoch);
            if row.slots.len() != before {
                self.save_row(&peer);
            }
        }
        self.fact(Fact::EpochErased { epoch });
    }

    // Records and signatures.

    fn pending_hash(&self) -> Option<Hash32> {
        let pending = self.durable.keyring.pending.as_ref()?;
        Some(record_hash::<S>(&pending.encode()))
    }

    /// The record of an own key, signed by itself and by the key before.
    fn record(&mut self, now: Now, epoch: Epoch, key: &OwnKey, revoke: bool) -> KeyRecord {
        let keyring = self.durable.keyring.clone();
        let mut record = KeyRecord {
            user: self.user.clone(),
            generation: keyring.generation,
            epoch,
            revoke_prev: revoke,
            agree_pk: key.agree.public,
            sig_pk: key.sign.public,
            created: now.wall,
            not_after: now.wall + self.config.key_life,
            prev_hash: keyring.record,
            sig_prev: None,
            sig_self: [0; 64],
        };
        let octets = record.signed_octets();
        record.sig_prev = keyring.current_key().map(|current| {
            self.sign(SignPurpose::Record, keyring.current, &current.sign.secret, &octets)
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
        self.work.sign += 1;
        let signature = S::sign(secret, octets);
        let (digest, made) = (Self::digest(octets), Self::digest(&signature));
        self.fact(Fact::Sign { purpose, epoch, digest, signature: made });
        signature
    }
}

fn provisioned<S: Suite>(mode: ProvisionMode, epoch: Epoch, key: &OwnKey) -> Fact {
    Fact::Provisioned { mode, epoch, agree_kid: key.kid, sig_kid: kid::<S>(&key.sign.public) }
}
