//! The identities that a world starts with: key pairs by keyed draws, records signed and chained.
//!
//! Not here: keys that devices make themselves later, or what a directory does with records.

use crate::base::id::{Epoch, Hash32, UserId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Millis};
use crate::crypto::keys::KeyPair;
use crate::crypto::schedule::kid;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
use crate::proto::device::durable::OwnKey;
use crate::wire::record::KeyRecord;

/// A user's keys and records when the world starts.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The key pairs of the newest epoch.
    pub pairs: Pairs,
    /// The chain of records, oldest first.
    pub records: Vec<KeyRecord>,
}

/// What an identity needs to know of its owner's settings.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Cryptoperiod written into records.
    pub key_life: Duration,
    /// Grace for retired epochs; those of a chain made here are over it.
    pub grace: Duration,
}

/// The identity of `user` after rotations up to `epoch`, with all graces over at the world's start.
#[must_use]
pub fn identity<S: Suite>(luck: Luck, user: &UserId, epoch: Epoch, terms: Terms) -> Identity {
    // One grace and a day between two rotations, the last of them so long before the start.
    let spacing = terms.grace + Duration::from_secs(86_400);
    let age = |n: u64| spacing.times(epoch.0 - n + u64::from(epoch.0 > 1));
    let mut pairs = (1..=epoch.0).map(|n| (n, pairs::<S>(luck, n)));
    let mut records: Vec<KeyRecord> = Vec::new();
    let mut generation = Hash32::ZERO;
    let mut last: Option<Pairs> = None;
    for (n, now) in &mut pairs {
        let created = Millis(Millis::WORLD_START.0.saturating_sub(age(n).as_millis()));
        let prev_hash =
            records.last().map_or(Hash32::ZERO, |record| record_hash::<S>(&record.encode()));
        if n == 2 {
            generation = prev_hash;
        }
        let mut record = KeyRecord {
            user: user.clone(),
            generation,
            epoch: Epoch(n),
            revoke_prev: false,
            agree_pk: now.agree.public,
            sig_pk: now.sign.public,
            created,
            not_after: created + terms.key_life,
            prev_hash,
            sig_prev: None,
            sig_self: [0; 64],
        };
        let signed = record.signed_octets();
        record.sig_prev = last.as_ref().map(|last| S::sign(&last.sign.secret, &signed));
        record.sig_self = S::sign(&now.sign.secret, &signed);
        records.push(record);
        last = Some(now);
    }
    let last = last.expect("epochs are counted from 1");
    Identity { pairs: last, records }
}

/// The two key pairs of one epoch.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// For agreement.
    pub agree: KeyPair,
    /// For signatures.
    pub sign: KeyPair,
}

/// The pairs with this number of a user's luck.
#[must_use]
pub fn pairs<S: Suite>(luck: Luck, number: u64) -> Pairs {
    Pairs {
        agree: KeyPair::generate::<S>(&mut luck.at(2 * number)),
        sign: KeyPair::generate::<S>(&mut luck.at(2 * number + 1)),
    }
}

/// The luck of a user's keys.
#[must_use]
pub const fn luck_of(seed: u64, user: u32) -> Luck {
    Luck::new(seed, Purpose::Keys, user as u64)
}

impl Pairs {
    /// As a device keeps them.
    #[must_use]
    pub fn own<S: Suite>(self) -> OwnKey {
        let kid = kid::<S>(&self.agree.public);
        OwnKey { agree: self.agree, sign: self.sign, kid, retired: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::model::Model;
    use crate::crypto::p256::P256;

    const TERMS: Terms =
        Terms { key_life: Duration::from_secs(31_536_000), grace: Duration::from_secs(691_200) };

    fn check_chain<S: Suite>() {
        let user = UserId::new("alice").unwrap();
        let identity = identity::<S>(luck_of(1, 0), &user, Epoch(3), TERMS);
        assert_eq!(identity.records.len(), 3);
        let first = record_hash::<S>(&identity.records[0].encode());
        for (record, n) in identity.records.iter().zip(1..) {
            assert_eq!(record.epoch, Epoch(n));
            assert_eq!(record.generation, if n == 1 { Hash32::ZERO } else { first });
            assert!(S::verify(&record.sig_pk, &record.signed_octets(), &record.sig_self));
            let retired = record.created + TERMS.grace;
            assert!(n == 1 || retired < Millis::WORLD_START, "grace is over");
        }
        for pair in identity.records.windows(2) {
            assert_eq!(pair[1].prev_hash, record_hash::<S>(&pair[0].encode()));
            let sig = pair[1].sig_prev.unwrap();
            assert!(S::verify(&pair[0].sig_pk, &pair[1].signed_octets(), &sig));
        }
        assert_eq!(S::public(&identity.pairs.agree.secret), identity.records[2].agree_pk);
        assert_eq!(S::public(&identity.pairs.sign.secret), identity.records[2].sig_pk);
    }

    #[test]
    fn chains_hold_on_both_suites() {
        check_chain::<P256>();
        check_chain::<Model>();
    }
}
