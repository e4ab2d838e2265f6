//! Keys that an adversary brought into a run, and by what right it may be a party with one.
//!
//! Whoever offers a public key that no device made has its private half. Such a key is by right another
//! party's when the name was free and is registered with it, when a device's user was asked and took it, or
//! when a device met the name for the first time and was served it: that is trust on first use (protocol 3.6).
//! Not here: what the adversary can compute with them (`knowledge`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Hash32, UserId};
use crate::crypto::suite::Point;
use crate::oracle::escrow::Escrow;
use crate::oracle::judge::device_of;
use crate::oracle::met::Met;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameFact, Meddling};
use crate::trace::record::Record;
use crate::wire::message::{Envelope, Message};
use crate::wire::record::KeyRecord;

/// What the judges know of the adversary's keys.
#[derive(Debug, Default)]
pub struct Intruder {
    brought: BTreeMap<Hash32, Brought>,
    /// Key IDs that devices call their own.
    owned: BTreeSet<Hash32>,
    /// Names that are somebody's: registered, or those of devices that the server knows.
    registered: BTreeSet<UserId>,
    /// Identities that the adversary has by right.
    identities: BTreeSet<Hash32>,
    /// Keys that a device took by right.
    taken: BTreeSet<(u32, Hash32)>,
    met: Met,
}

/// A public key of the adversary's.
#[derive(Debug)]
struct Brought {
    point: Point,
    /// Whose it is said to be.
    user: UserId,
    /// The identity that it is said to be of.
    generation: Hash32,
}

impl Intruder {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record, spec: &Spec, escrow: &Escrow) {
        let meets = self.met.observe(record);
        if let Fact::Meddled { frame, how: Meddling::Forged } = &record.fact {
            self.forged(frame, escrow);
        } else if let Fact::Provisioned { agree_kid: own, .. } | Fact::Derive { own_kid: own, .. } =
            &record.fact
        {
            self.owned.insert(*own);
        } else if let Fact::Attached { .. } = &record.fact {
            let user = device_of(record).and_then(|user| spec.user(user));
            self.registered.extend(user.cloned());
        } else if let Fact::Recorded { user, generation, .. } = &record.fact {
            let was_free = self.registered.insert(user.clone());
            let own = |it: &Brought| it.user == *user && it.generation == *generation;
            if was_free && self.brought.values().any(own) {
                self.identities.insert(*generation);
            }
        } else if let Fact::Reset { user } = &record.fact {
            self.registered.remove(user);
        } else if let Fact::Confirmed { peer, accepted: true, .. } = &record.fact
            && let Some(by) = device_of(record)
        {
            let offered = self.brought.iter().filter(|(_, it)| it.user == *peer);
            self.taken.extend(offered.map(|(kid, _)| (by, *kid)));
        } else if let Fact::Pin { peer, generation, .. } = &record.fact
            && let Some(by) = device_of(record)
            && meets
        {
            let of_identity = |it: &Brought| it.user == *peer && it.generation == *generation;
            let offered = self.brought.iter().filter(|(_, it)| of_identity(it));
            self.taken.extend(offered.map(|(kid, _)| (by, *kid)));
        }
    }

    fn forged(&mut self, frame: &FrameFact, escrow: &Escrow) {
        let octets = frame.octets.as_ref();
        let body = octets.and_then(|it| Envelope::decode(&it.0).ok()).map(|it| it.body);
        if let Some(Message::KeyReply { records, .. }) = body {
            records.iter().for_each(|record| self.bring(record, escrow));
        } else if let Some(Message::Register(it) | Message::RotateKey(it)) = body {
            self.bring(&it.record, escrow);
        }
    }

    fn bring(&mut self, record: &KeyRecord, escrow: &Escrow) {
        let Some(kid) = escrow.kid(&record.agree_pk) else { return };
        if escrow.holds(&kid) || self.owned.contains(&kid) {
            return;
        }
        let is_first = record.generation == Hash32::ZERO;
        let first = || escrow.digest(&record.encode()).unwrap_or_default();
        let generation = if is_first { first() } else { record.generation };
        let (point, user) = (record.agree_pk, record.user.clone());
        self.brought.insert(kid, Brought { point, user, generation });
    }

    /// The public key with this key ID, if the adversary brought it.
    #[must_use]
    pub fn point(&self, kid: &Hash32) -> Option<&Point> {
        self.brought.get(kid).map(|it| &it.point)
    }

    /// Whether the adversary offers keys of its own for this user.
    #[must_use]
    pub fn poses_as(&self, user: &UserId) -> bool {
        self.brought.values().any(|it| it.user == *user)
    }

    /// Whether it is the adversary to whom a device writes with this key, and by right.
    #[must_use]
    pub fn is_party(&self, device: u32, kid: &Hash32) -> bool {
        let registered =
            self.brought.get(kid).is_some_and(|it| self.identities.contains(&it.generation));
        registered || self.taken.contains(&(device, *kid))
    }

    /// The keys whose private halves the adversary has because they are its own.
    pub fn kids(&self) -> impl Iterator<Item = &Hash32> {
        self.brought.keys()
    }
}
