//! Judging a peer's key records: their own signatures, their chain, and the pin (protocol 3.5, 4.2,
//! C17-R6, C17-R7).
//!
//! Not here: asking for them (`lookup`) or what is done with accepted keys (`table`).

use crate::base::id::{Hash32, UserId};
use crate::crypto::schedule::kid;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
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
    /// Checks records by themselves: user, points, signatures, links.
    pub(super) fn verify<S: Suite>(
        user: &UserId,
        mut records: Vec<KeyRecord>,
        work: &mut Work,
    ) -> Result<Self, ReplyResult> {
        records.sort_by_key(|record| record.epoch);
        if records.is_empty() || records.iter().any(|record| record.user != *user) {
            return Err(ReplyResult::WrongUser);
        }
        // Every point before any signature: no key of the reply is used when one is not valid (S-23).
        for record in &records {
            for point in [&record.agree_pk, &record.sig_pk] {
                S::check_point(point).map_err(|_| ReplyResult::InvalidKey)?;
            }
        }
        let mut hashes: Vec<Hash32> = Vec::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let octets = record.signed_octets();
            work.verify += 1;
            if !S::verify(&record.sig_pk, &octets, &record.sig_self) {
                return Err(ReplyResult::BadSignature);
            }
            if let Some(before) = index.checked_sub(1) {
                let (previous, hash) = (&records[before], hashes[before]);
                work.verify += 1;
                if !continues::<S>(record, previous, &hash) {
                    return Err(ReplyResult::BrokenChain);
                }
            }
            hashes.push(record_hash::<S>(&record.encode()));
        }
        Ok(Self { records, hashes })
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
            None if first.epoch == pin.epoch.next() && first.prev_hash == pin.record => {
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
        let newest = self.newest();
        if newest.generation == Hash32::ZERO { self.hashes[0] } else { newest.generation }
    }

    /// What to pin.
    pub(super) fn pin(&self) -> Pin {
        let newest = self.newest();
        Pin {
            generation: self.generation(),
            epoch: newest.epoch,
            record: *self.hashes.last().expect("a chain has at least one record"),
            prev: newest.prev_hash,
            sign: newest.sig_pk,
        }
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

/// Whether `record` is the successor of `previous`, authorized by its signature key.
fn continues<S: Suite>(record: &KeyRecord, previous: &KeyRecord, hash: &Hash32) -> bool {
    let generation = if previous.generation == Hash32::ZERO { *hash } else { previous.generation };
    record.epoch == previous.epoch.next()
        && record.prev_hash == *hash
        && record.generation == generation
        && record
            .sig_prev
            .as_ref()
            .is_some_and(|sig| S::verify(&previous.sig_pk, &record.signed_octets(), sig))
}
