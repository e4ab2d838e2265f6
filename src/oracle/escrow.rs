//! Keys that the harness owns, for judgements that nobody can make without them (design 8).
//!
//! Records never hold a secret. Whoever makes a device's keys, or plays a peer, puts them here; a judge
//! asks for what follows from them, and a key that is not here gives neither a verdict nor evidence. The
//! suite is reached through function pointers, so that judges do not depend on it. Not here: what is
//! judged, or which keys a run puts in (`sim`).

mod origin;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::id::{Epoch, Hash32, UserId};
use crate::crypto::keys::KeyPair;
use crate::crypto::schedule::{Party, direction_key, kid, pair_from_z};
use crate::crypto::sign::{fingerprint, record_hash};
use crate::crypto::suite::{KeyError, Point, Secret, Suite};

pub use self::origin::{Origin, Seed};

/// The keys of a run, and the secrets that follow from them.
#[derive(Debug, Default)]
pub struct Escrow {
    calls: Option<Calls>,
    kept: Vec<Held>,
    /// Places in `kept` by key ID of the agreement key.
    by_kid: BTreeMap<Hash32, usize>,
    shared: BTreeMap<(End, End), Arc<Shared>>,
    /// Key IDs of agreement keys whose private half was seen outside.
    betrayed: BTreeSet<Hash32>,
}

/// The private keys of one epoch of a user's device.
#[derive(Clone, Debug)]
pub struct Held {
    /// Whose.
    pub user: u32,
    /// For agreement, with the public half that others fetch.
    pub agree: KeyPair,
    /// For signatures.
    pub sign: Secret,
}

/// What two key pairs have in common: the reference for everything that devices derive from them.
#[derive(Debug)]
pub struct Shared {
    /// The agreement's x-coordinate.
    pub z: Secret,
    /// S_pair.
    pub pair: Secret,
    /// The fingerprint of S_pair that a `Derive` fact shows.
    pub print: Hash32,
}

impl Shared {
    /// Whether a library that drops leading zeros would make another secret (C15-R3).
    #[must_use]
    pub const fn begins_with_zero(&self) -> bool {
        self.z.expose()[0] == 0
    }
}

/// Secrets remembered at once; one that was forgotten is computed again when it is asked for.
const SHARED_MAX: usize = 4_096;

/// One end of a pair: user, epoch, key ID.
type End = (UserId, Epoch, Hash32);

/// The suite and the key schedule over it.
#[derive(Clone, Copy, Debug)]
struct Calls {
    kid: fn(&Point) -> Hash32,
    agree: fn(&Secret, &Point) -> Result<Secret, KeyError>,
    pair: fn(Secret, Party<'_>, Party<'_>) -> Secret,
    direction: fn(&Secret, &UserId, &UserId) -> Secret,
    print: fn(&Secret) -> Hash32,
    hash: fn(&[u8]) -> Hash32,
}

impl Escrow {
    /// An empty one for keys of this suite.
    #[must_use]
    pub fn of<S: Suite>() -> Self {
        let calls = Calls {
            kid: kid::<S>,
            agree: S::agree,
            pair: pair_from_z::<S>,
            direction: direction_key::<S>,
            print: fingerprint::<S>,
            hash: record_hash::<S>,
        };
        Self { calls: Some(calls), ..Self::default() }
    }

    /// Takes keys in; those that are here already change nothing.
    pub fn keep(&mut self, held: Held) {
        let Some(calls) = self.calls else { return };
        let place = self.kept.len();
        let known = *self.by_kid.entry((calls.kid)(&held.agree.public)).or_insert(place);
        if known == place {
            self.kept.push(held);
        }
    }

    /// What came in after the first `count`, in the order of its coming.
    #[must_use]
    pub fn since(&self, count: usize) -> &[Held] {
        self.kept.get(count..).unwrap_or_default()
    }

    /// What the key pairs of two ends have in common; nothing unless both are here.
    pub fn shared(&mut self, one: Party<'_>, other: Party<'_>) -> Option<Arc<Shared>> {
        let is_known = |party: Party<'_>| self.by_kid.contains_key(party.kid);
        if one.user == other.user || !is_known(one) || !is_known(other) {
            return None;
        }
        let ends = if end(one) < end(other) { (one, other) } else { (other, one) };
        let key = (end(ends.0), end(ends.1));
        if let Some(known) = self.shared.get(&key) {
            return Some(Arc::clone(known));
        }
        let shared = Arc::new(self.derive(one, other)?);
        if self.shared.len() >= SHARED_MAX {
            self.shared.pop_first();
        }
        self.shared.insert(key, Arc::clone(&shared));
        Some(shared)
    }

    fn derive(&self, one: Party<'_>, other: Party<'_>) -> Option<Shared> {
        let calls = self.calls?;
        let [ours, theirs] = [self.pair_of(one.kid)?, self.pair_of(other.kid)?];
        let z = (calls.agree)(&ours.secret, &theirs.public).ok()?;
        let pair = (calls.pair)(z.clone(), one, other);
        let print = (calls.print)(&pair);
        Some(Shared { z, pair, print })
    }

    fn pair_of(&self, kid: &Hash32) -> Option<&KeyPair> {
        self.by_kid.get(kid).map(|place| &self.kept[*place].agree)
    }

    /// The fingerprint of the key of one direction, as `Encrypt` and `Decrypt` facts show it.
    #[must_use]
    pub fn direction(&self, shared: &Shared, sender: &UserId, receiver: &UserId) -> Option<Hash32> {
        let calls = self.calls?;
        Some((calls.print)(&(calls.direction)(&shared.pair, sender, receiver)))
    }

    /// Whether the private half of this agreement key is here.
    #[must_use]
    pub fn holds(&self, kid: &Hash32) -> bool {
        self.by_kid.contains_key(kid)
    }

    /// The key ID of a public key.
    #[must_use]
    pub fn kid(&self, point: &Point) -> Option<Hash32> {
        self.calls.map(|calls| (calls.kid)(point))
    }

    /// The digest of octets, as facts show it of texts, ciphertexts and records.
    #[must_use]
    pub fn digest(&self, octets: &[u8]) -> Option<Hash32> {
        self.calls.map(|calls| (calls.hash)(octets))
    }

    /// Notes whose private agreement keys stand whole in octets that left a device.
    pub fn betray(&mut self, octets: &[u8]) {
        let holds = |secret: &Secret| octets.windows(32).any(|part| part == secret.expose());
        for (kid, place) in &self.by_kid {
            if self.kept.get(*place).is_some_and(|held| holds(&held.agree.secret)) {
                self.betrayed.insert(*kid);
            }
        }
    }

    /// Key IDs of the agreement keys that were betrayed.
    pub fn betrayed(&self) -> impl Iterator<Item = Hash32> {
        self.betrayed.iter().copied()
    }
}

fn end(party: Party<'_>) -> End {
    (party.user.clone(), party.epoch, *party.kid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Luck, Purpose};
    use crate::crypto::model::Model;
    use crate::crypto::p256::P256;
    use crate::crypto::schedule::pair_secret;

    fn pair<S: Suite>(user: u32) -> KeyPair {
        KeyPair::generate::<S>(&mut Luck::new(1, Purpose::Keys, user.into()).at(0))
    }

    fn check<S: Suite>() {
        let names = ["alice", "bob"].map(|name| UserId::new(name).unwrap());
        let pairs = [pair::<S>(0), pair::<S>(1)];
        let kids = [kid::<S>(&pairs[0].public), kid::<S>(&pairs[1].public)];
        let [alice, bob] =
            [0, 1].map(|n| Party { user: &names[n], epoch: Epoch::FIRST, kid: &kids[n] });
        let mut escrow = Escrow::of::<S>();
        assert!(escrow.shared(alice, bob).is_none(), "nothing is known yet");
        for (user, agree) in (0..).zip(&pairs) {
            for _ in 0..2 {
                escrow.keep(Held { user, agree: agree.clone(), sign: agree.secret.clone() });
            }
        }
        assert_eq!((escrow.since(0).len(), escrow.since(1)[0].user), (2, 1));
        let shared = escrow.shared(alice, bob).unwrap();
        let reference = pair_secret::<S>(&pairs[0].secret, alice, &pairs[1].public, bob).unwrap();
        assert!(shared.pair == reference && shared.print == fingerprint::<S>(&reference));
        assert!(Arc::ptr_eq(&shared, &escrow.shared(bob, alice).unwrap()), "computed once");
        assert!(escrow.shared(alice, alice).is_none(), "nobody is a pair");
        let later = Party { epoch: Epoch(2), ..bob };
        assert!(escrow.shared(alice, later).unwrap().pair != shared.pair, "epochs are bound");
        let key = direction_key::<S>(&reference, &names[0], &names[1]);
        let print = escrow.direction(&shared, &names[0], &names[1]);
        assert_eq!(print, Some(fingerprint::<S>(&key)));
    }

    #[test]
    fn what_follows_from_held_keys_is_what_the_schedule_says() {
        check::<P256>();
        check::<Model>();
    }

    #[test]
    fn an_escrow_of_no_suite_takes_nothing() {
        let mut escrow = Escrow::default();
        let agree = pair::<Model>(0);
        escrow.keep(Held { user: 0, sign: agree.secret.clone(), agree });
        assert!(escrow.since(0).is_empty());
    }
}
