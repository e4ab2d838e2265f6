//! A suite whose agreements are computed once for both ends of a pair (design 5).
//!
//! ECDH is symmetric, and in a simulated world both ends are here. Every 64th pair is computed by each end on
//! its own; only those count as evidence that both ends agree. Not here: when this is used (`scenario`, `sim`).

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use super::suite::{KeyError, Nonce, Point, Secret, Signature, Suite};
use crate::base::id::Hash32;

/// The suite `S` with shared agreements. Whoever computes one leaves it to the other end on the same thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shared<S>(PhantomData<S>);

/// Whether both ends compute the agreement of these key pairs, each on its own: 1 pair in 64.
#[must_use]
pub const fn is_computed_twice(one: &Hash32, other: &Hash32) -> bool {
    (one.0[0] ^ other.0[0]).is_multiple_of(64)
}

/// Agreements that wait for their other end, at most: 16 MiB a thread. What falls out is computed again,
/// which costs time and changes nothing.
const MEMO_MAX: usize = 1 << 16;

/// A pair of key pairs, whichever end asks.
type Pair = (Hash32, Hash32);

thread_local! {
    // A pure function's values by its arguments: no run can see another one here.
    static MEMO: RefCell<Memo> = const { RefCell::new(Memo::new()) };
}

/// Agreements by pair, the oldest first out.
struct Memo {
    known: BTreeMap<Pair, Secret>,
    order: VecDeque<Pair>,
}

impl Memo {
    const fn new() -> Self {
        Self { known: BTreeMap::new(), order: VecDeque::new() }
    }

    fn find(&self, pair: &Pair) -> Option<Secret> {
        self.known.get(pair).cloned()
    }

    fn keep(&mut self, pair: Pair, secret: Secret) {
        if self.order.len() == MEMO_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(pair, secret);
        self.order.push_back(pair);
    }
}

impl<S: Suite> Suite for Shared<S> {
    const NAME: &'static str = S::NAME;
    const IS_CHEAP: bool = S::IS_CHEAP;

    fn check_secret(secret: &Secret) -> Result<(), KeyError> {
        S::check_secret(secret)
    }

    fn public(secret: &Secret) -> Point {
        S::public(secret)
    }

    fn check_point(point: &[u8]) -> Result<(), KeyError> {
        S::check_point(point)
    }

    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError> {
        S::agree(own, peer)
    }

    fn agree_between(own: (&Secret, &Hash32), peer: (&Point, &Hash32)) -> Result<Secret, KeyError> {
        if is_computed_twice(own.1, peer.1) {
            return S::agree(own.0, peer.0);
        }
        let pair = if own.1 < peer.1 { (*own.1, *peer.1) } else { (*peer.1, *own.1) };
        if let Some(known) = MEMO.with_borrow(|memo| memo.find(&pair)) {
            return Ok(known);
        }
        let agreed = S::agree(own.0, peer.0)?;
        MEMO.with_borrow_mut(|memo| memo.keep(pair, agreed.clone()));
        Ok(agreed)
    }

    fn sign(secret: &Secret, message: &[u8]) -> Signature {
        S::sign(secret, message)
    }

    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool {
        S::verify(public, message, signature)
    }

    fn hash(parts: &[&[u8]]) -> Hash32 {
        S::hash(parts)
    }

    fn extract(salt: &[u8], input: &Secret) -> Secret {
        S::extract(salt, input)
    }

    fn expand(key: &Secret, info: &[u8]) -> Secret {
        S::expand(key, info)
    }

    fn seal(key: &Secret, nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        S::seal(key, nonce, aad, plaintext)
    }

    fn open(key: &Secret, nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        S::open(key, nonce, aad, sealed)
    }

    fn mac(key: &Secret, parts: &[&[u8]]) -> [u8; 16] {
        S::mac(key, parts)
    }
}

/// Whether this thread holds the agreement of these key pairs for their other end.
#[cfg(test)]
pub(crate) fn is_held(one: &Hash32, other: &Hash32) -> bool {
    MEMO.with_borrow(|memo| memo.find(&(*one.min(other), *one.max(other)))).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::model::Model;
    use crate::crypto::schedule::kid;

    fn end(octet: u8) -> (Secret, Point, Hash32) {
        let secret = Secret::new([octet; 32]);
        let point = Model::public(&secret);
        (secret, point, kid::<Model>(&point))
    }

    #[test]
    fn both_ends_get_what_either_would_compute() {
        for other in 2..=100 {
            let (one, other) = (end(1), end(other));
            let expected = Model::agree(&one.0, &other.1).unwrap();
            for (own, peer) in [(&one, &other), (&other, &one)] {
                let agreed =
                    Shared::<Model>::agree_between((&own.0, &own.2), (&peer.1, &peer.2)).unwrap();
                assert_eq!(agreed, expected);
            }
        }
    }

    #[test]
    fn an_invalid_point_stays_refused() {
        let (own, _, kid_of_own) = end(1);
        let bad = [4; 65];
        for _ in 0..2 {
            let agreed =
                Shared::<Model>::agree_between((&own, &kid_of_own), (&bad, &kid::<Model>(&bad)));
            assert!(agreed.is_err());
        }
    }

    #[test]
    fn one_pair_in_64_is_computed_twice_whichever_end_asks() {
        let kids: Vec<Hash32> = (1..=200).map(|octet| end(octet).2).collect();
        let mut twice = 0;
        for one in &kids {
            for other in &kids {
                assert_eq!(is_computed_twice(one, other), is_computed_twice(other, one));
                twice += usize::from(one < other && is_computed_twice(one, other));
            }
        }
        assert!((19_900 / 128..19_900 / 32).contains(&twice), "{twice} of 19900");
    }

    #[test]
    fn the_memo_is_bounded() {
        let mut memo = Memo::new();
        let pair = |n: usize| {
            let mut octets = [0; 32];
            octets[..8].copy_from_slice(&n.to_le_bytes());
            (Hash32(octets), Hash32::ZERO)
        };
        for n in 0..=MEMO_MAX {
            memo.keep(pair(n), Secret::new([7; 32]));
        }
        assert_eq!((memo.known.len(), memo.order.len()), (MEMO_MAX, MEMO_MAX));
        assert!(memo.find(&pair(0)).is_none() && memo.find(&pair(1)).is_some());
    }
}
