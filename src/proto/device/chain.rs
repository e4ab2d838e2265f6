//! Judging a peer's key records: their own signatures, their chain, and the pin (protocol 3.5, 4.2,
//! C17-R6, C17-R7).
//!
//! Not here: asking for them (`lookup`) or what is done with accepted keys (`table`).

use crate::base::id::{Epoch, Hash32, UserId};
use crate::crypto::schedule::kid;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{Point, Suite};
use crate::proto::device::durable::{PeerKey, Pin};
use crate::proto::work::Work;
use crate::trace::fact::ReplyResult;
use crate::wire::record::KeyRecord;

/// Verified records of one user, oldest first, each continuing the one before.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    records: Vec<KeyRecord>,
    hashes: Vec<Hash32>,
}

/// Peer epochs kept at once: the current one and the one in grace (R6).
const EPOCHS_KEPT: usize = 2;

impl Chain {
    /// Takes records as they are, oldest first; none when there are none.
    pub(super) fn read<S: Suite>(mut records: Vec<KeyRecord>) -> Option<Self> {
        records.sort_by_key(|record| record.epoch);
        let hashes = records.iter().map(|record| record_hash::<S>(&record.encode())).collect();
        (!records.is_empty()).then_some(Self { records, hashes })
    }

    /// Checks the records by themselves: user, points (by `is_point`), signatures, links.
    ///
    /// With `more`, the records end with those in use and may leave out what is between: then the chain is
    /// the part before the hole, which the next reply continues.
    pub(super) fn verify<S: Suite>(
        &mut self,
        user: &UserId,
        more: bool,
        is_point: impl Fn(&Point) -> bool,
        work: &mut Work,
    ) -> ReplyResult {
        if self.records.iter().any(|record| record.user != *user) {
            return ReplyResult::WrongUser;
        }
        // Every point before any signature: no key of the reply is used when one is not valid (S-23).
        if !self.records.iter().all(|it| is_point(&it.agree_pk) && is_point(&it.sig_pk)) {
            return ReplyResult::InvalidKey;
        }
        for record in &self.records {
            work.verify += 1;
            if !S::verify(&record.sig_pk, &record.signed_octets(), &record.sig_self) {
                return ReplyResult::BadSignature;
            }
        }
        let hole = self.records.windows(2).position(|two| !follows(&two[1], &two[0]));
        if let (true, Some(hole)) = (more, hole) {
            self.records.truncate(hole + 1);
            self.hashes.truncate(hole + 1);
        }
        let is_linked = self.records.windows(2).zip(&self.hashes).all(|(two, hash)| {
            work.verify += 1;
            continues::<S>(&two[1], &two[0], hash)
        });
        if is_linked && is_well_formed(&self.records[0]) {
            ReplyResult::Accepted
        } else {
            ReplyResult::BrokenChain
        }
    }

    /// Judges the chain against what is pinned.
    pub(super) fn judge<S: Suite>(&self, pin: Option<&Pin>, work: &mut Work) -> ReplyResult {
        let Some(pin) = pin else { return ReplyResult::Accepted };
        if self.generation() != pin.generation {
            return ReplyResult::NewIdentity;
        }
        let newest = self.newest();
        if newest.epoch < pin.epoch {
            return ReplyResult::Rollback;
        }
        let first = &self.records[0];
        let pinned = self.records.iter().position(|record| record.epoch == pin.epoch);
        let holds = match pinned {
            Some(index) => self.hashes[index] == pin.record,
            None if is_next(first.epoch, pin.epoch) && first.prev_hash == pin.record => {
                work.verify += 1;
                let sig = first.sig_prev.as_ref();
                sig.is_some_and(|sig| S::verify(&pin.sign, &first.signed_octets(), sig))
            }
            None => false,
        };
        if holds { ReplyResult::Accepted } else { ReplyResult::BrokenChain }
    }

    /// The newest record.
    pub(super) fn newest(&self) -> &KeyRecord {
        self.records.last().expect("a chain has at least one record")
    }

    /// The identity: hash of the first record of all.
    pub(super) fn generation(&self) -> Hash32 {
        self.pin().generation
    }

    /// What to pin.
    pub(super) fn pin(&self) -> Pin {
        let record = *self.hashes.last().expect("a chain has at least one record");
        Pin::of(self.newest(), record)
    }

    /// The keys that may still be in use: newest and, unless revoked, the one before.
    pub(super) fn keys<S: Suite>(&self) -> Vec<PeerKey> {
        let keep = if self.newest().revoke_prev { 1 } else { EPOCHS_KEPT };
        let from = self.records.len().saturating_sub(keep);
        self.records[from..]
            .iter()
            .map(|record| PeerKey {
                epoch: record.epoch,
                agree: record.agree_pk,
                sign: record.sig_pk,
                kid: kid::<S>(&record.agree_pk),
            })
            .collect()
    }
}

impl Pin {
    /// The pin of a record with this hash.
    pub(super) fn of(record: &KeyRecord, hash: Hash32) -> Self {
        Self {
            generation: generation_of(record, hash),
            epoch: record.epoch,
            record: hash,
            sign: record.sig_pk,
        }
    }
}

/// The identity that a record with this hash belongs to.
fn generation_of(record: &KeyRecord, hash: Hash32) -> Hash32 {
    if record.generation == Hash32::ZERO { hash } else { record.generation }
}

/// Whether a record is a first one in all its fields, or a later one in all of them.
fn is_well_formed(record: &KeyRecord) -> bool {
    let first = record.epoch == Epoch::FIRST;
    let is_zero = |hash: Hash32| hash == Hash32::ZERO;
    record.epoch >= Epoch::FIRST
        && is_zero(record.generation) == first
        && is_zero(record.prev_hash) == first
        && record.sig_prev.is_none() == first
}

/// Whether an epoch is the one after another; both come from outside and may be any number.
fn is_next(epoch: Epoch, previous: Epoch) -> bool {
    epoch.0.checked_sub(1) == Some(previous.0)
}

/// Whether a record claims to be the successor of another.
fn follows(record: &KeyRecord, previous: &KeyRecord) -> bool {
    is_next(record.epoch, previous.epoch)
}

/// Whether `record` is the successor of `previous`, authorized by its signature key.
fn continues<S: Suite>(record: &KeyRecord, previous: &KeyRecord, hash: &Hash32) -> bool {
    follows(record, previous)
        && record.prev_hash == *hash
        && record.generation == generation_of(previous, *hash)
        && record
            .sig_prev
            .as_ref()
            .is_some_and(|sig| S::verify(&previous.sig_pk, &record.signed_octets(), sig))
}
