//! What a key was really made of, told by its fingerprint: the right way first, then the usual wrong ones.
//!
//! Not here: who could make it as well (`oracle::symbolic`).

use crate::base::id::Hash32;
use crate::crypto::schedule::Party;
use crate::crypto::suite::{Point, Secret};
use crate::oracle::escrow::{Calls, Escrow};

/// How a key came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// What it began with.
    pub seed: Seed,
    /// Whether the pair secret's derivation was in it.
    pub pair: bool,
    /// Whether that of a direction was.
    pub direction: bool,
}

/// What a key begins with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Seed {
    /// The agreement of both ends' key pairs.
    Agreement,
    /// Octets that anybody knows: this is what they are.
    Known(&'static str),
}

impl Origin {
    /// The key schedule's (protocol 3.2).
    const BOOK: Self = Self { seed: Seed::Agreement, pair: true, direction: true };
}

impl Escrow {
    /// How the key of this fingerprint was made by the first end, whose keys are here, for messages to the
    /// other. `foreign` is the other's public key where its private half is not here. `None`: in no way that
    /// is tried.
    pub fn origin(
        &mut self,
        key: &Hash32,
        [ours, theirs]: [Party<'_>; 2],
        foreign: Option<&Point>,
    ) -> Option<Origin> {
        let calls = self.calls.filter(|_| ours.user != theirs.user)?;
        let shared = self.shared(ours, theirs);
        if let Some(shared) = &shared
            && self.direction(shared, ours.user, theirs.user).as_ref() == Some(key)
        {
            return Some(Origin::BOOK);
        }
        let agreed = shared.map(|shared| shared.z.clone()).or_else(|| {
            let own = &self.pair_of(ours.kid)?.secret;
            (calls.agree)(own, foreign?).ok()
        });
        let abscissa = |point: &Point| {
            let octets = point.get(1..33).and_then(|octets| octets.try_into().ok());
            octets.map(Secret::new)
        };
        let known = |kid| self.pair_of(kid).map(|pair| &pair.public);
        let seeds = [
            (Seed::Agreement, agreed),
            (Seed::Known("zeros"), Some(Secret::new([0; 32]))),
            (Seed::Known("a public key"), known(ours.kid).and_then(abscissa)),
            (Seed::Known("a public key"), known(theirs.kid).or(foreign).and_then(abscissa)),
            (Seed::Known("a key ID"), Some(Secret::new(ours.kid.0))),
            (Seed::Known("a key ID"), Some(Secret::new(theirs.kid.0))),
        ];
        seeds.into_iter().find_map(|(seed, z)| calls.made(key, seed, &z?, [ours, theirs]))
    }
}

impl Calls {
    /// The part of the schedule that leads from a seed to the key, if one does.
    fn made(
        &self,
        key: &Hash32,
        seed: Seed,
        z: &Secret,
        [ours, theirs]: [Party<'_>; 2],
    ) -> Option<Origin> {
        let is_key = |secret: &Secret| (self.print)(secret) == *key;
        let directed = |secret: &Secret| {
            let ways = [(ours.user, theirs.user), (theirs.user, ours.user)];
            ways.into_iter().any(|(from, to)| is_key(&(self.direction)(secret, from, to)))
        };
        let pair = (self.pair)(z.clone(), ours, theirs);
        let made = |pair, direction| Some(Origin { seed, pair, direction });
        if directed(&pair) {
            made(true, true)
        } else if is_key(&pair) {
            made(true, false)
        } else if is_key(z) {
            made(false, false)
        } else if directed(z) {
            made(false, true)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, UserId};
    use crate::base::rng::{Luck, Purpose};
    use crate::crypto::keys::KeyPair;
    use crate::crypto::model::Model;
    use crate::crypto::p256::P256;
    use crate::crypto::schedule::{direction_key, kid, pair_from_z};
    use crate::crypto::sign::fingerprint;
    use crate::crypto::suite::Suite;
    use crate::oracle::escrow::Held;

    /// Alice's key is in escrow and bob's may be; a key of each kind is told.
    fn check<S: Suite>(has_bob: bool) {
        let names = ["alice", "bob"].map(|name| UserId::new(name).unwrap());
        let luck = Luck::new(1, Purpose::Keys, 7);
        let pairs = [0, 1].map(|n| KeyPair::generate::<S>(&mut luck.at(n)));
        let kids = [0, 1].map(|n: usize| kid::<S>(&pairs[n].public));
        let ends =
            [0, 1].map(|n: usize| Party { user: &names[n], epoch: Epoch::FIRST, kid: &kids[n] });
        let mut escrow = Escrow::of::<S>();
        for (user, agree) in (0..).zip(&pairs[..1 + usize::from(has_bob)]) {
            escrow.keep(Held { user, agree: agree.clone(), sign: agree.secret.clone() });
        }
        let foreign = (!has_bob).then_some(&pairs[1].public);
        let mut told = |secret: &Secret| escrow.origin(&fingerprint::<S>(secret), ends, foreign);
        let z = S::agree(&pairs[0].secret, &pairs[1].public).unwrap();
        let abscissa = Secret::new(pairs[1].public[1..33].try_into().unwrap());
        let seeds = [
            (Seed::Agreement, z),
            (Seed::Known("zeros"), Secret::new([0; 32])),
            (Seed::Known("a public key"), abscissa),
            (Seed::Known("a key ID"), Secret::new(kids[0].0)),
        ];
        for (seed, z) in seeds {
            let pair = pair_from_z::<S>(z.clone(), ends[0], ends[1]);
            let directed = |secret| direction_key::<S>(secret, &names[0], &names[1]);
            for (secret, pair, direction) in [
                (directed(&pair), true, true),
                (pair.clone(), true, false),
                (directed(&z), false, true),
                (z, false, false),
            ] {
                assert_eq!(told(&secret), Some(Origin { seed, pair, direction }));
            }
        }
        assert_eq!(told(&Secret::new([9; 32])), None);
    }

    #[test]
    fn keys_are_told_by_how_they_are_made() {
        for has_bob in [true, false] {
            check::<P256>(has_bob);
            check::<Model>(has_bob);
        }
    }
}
