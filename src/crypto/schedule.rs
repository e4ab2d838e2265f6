//! The key schedule: from two key pairs to a pair secret, from that to one key per direction (protocol 3.2).
//!
//! Not here: which epoch's key is whose, caching, and the AEAD's nonces and associated data.

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Hash32, UserId};

use super::suite::{KeyError, Point, Secret, Suite};

/// The number of the suite in headers and infos. The model has the same one: it stands in for it.
pub const SUITE: u64 = 1;

/// The salt of the extraction from Z.
pub const EXTRACT_SALT: &[u8] = b"PEAD-v1 P256 HKDF-SHA256";
const KID_LABEL: &[u8] = b"PEAD-v1 kid";
const PAIR_LABEL: &str = "PEAD-v1 pair";
const DIRECTION_LABEL: &str = "PEAD-v1 dir";

/// The key ID of a public key; headers carry its first 8 octets, the schedule all 32.
#[must_use]
pub fn kid<S: Suite>(point: &Point) -> Hash32 {
    S::hash(&[KID_LABEL, point])
}

/// One end of a pair, as the schedule binds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party<'a> {
    /// Whose key it is.
    pub user: &'a UserId,
    /// The number of the key pair.
    pub epoch: Epoch,
    /// The [`kid`] of its public half.
    pub kid: &'a Hash32,
}

/// The pair secret of `own` and `peer`: what the table stores. Both ends compute the same.
///
/// # Errors
/// When either key is not valid; the point is checked before the private key is touched.
///
/// # Panics
/// When both parties are one user: both direction keys would be equal, so callers refuse messages to self.
pub fn pair_secret<S: Suite>(
    own_secret: &Secret,
    own: Party<'_>,
    peer_point: &Point,
    peer: Party<'_>,
) -> Result<Secret, KeyError> {
    let z = S::agree_between((own_secret, own.kid), (peer_point, peer.kid))?;
    Ok(pair_from_z::<S>(z, own, peer))
}

/// The pair secret from an agreement already made; the order of the parties does not matter.
///
/// Takes `z` over, so that it is erased here (C01-R3).
///
/// # Panics
/// As [`pair_secret`].
#[must_use]
#[allow(clippy::needless_pass_by_value, reason = "owning the agreement is what erases it")]
pub fn pair_from_z<S: Suite>(z: Secret, one: Party<'_>, other: Party<'_>) -> Secret {
    let prk = S::extract(EXTRACT_SALT, &z);
    S::expand(&prk, &pair_info(one, other))
}

/// The key of one direction.
#[must_use]
pub fn direction_key<S: Suite>(pair: &Secret, sender: &UserId, receiver: &UserId) -> Secret {
    S::expand(pair, &direction_info(sender, receiver))
}

/// What the pair secret is bound to: both IDs, epochs and key IDs, the lesser user ID first.
///
/// # Panics
/// When both parties are one user.
#[must_use]
pub fn pair_info(one: Party<'_>, other: Party<'_>) -> Vec<u8> {
    assert!(one.user != other.user, "a user has no pair secret with itself");
    let (low, high) =
        if octets(one.user) < octets(other.user) { (one, other) } else { (other, one) };
    let mut info = Writer::new();
    info.array(4).text(PAIR_LABEL).uint(SUITE);
    for party in [low, high] {
        info.array(3).text(party.user.as_str()).uint(party.epoch.0).bytes(&party.kid.0);
    }
    info.finish()
}

/// What a direction key is bound to.
#[must_use]
pub fn direction_info(sender: &UserId, receiver: &UserId) -> Vec<u8> {
    let mut info = Writer::new();
    info.array(4).text(DIRECTION_LABEL).uint(SUITE).text(sender.as_str()).text(receiver.as_str());
    info.finish()
}

fn octets(user: &UserId) -> &[u8] {
    user.as_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesser_user_id_comes_first_whoever_asks() {
        let kids = [Hash32([1; 32]), Hash32([2; 32])];
        for (lesser, greater) in [("a", "b"), ("aa", "b"), ("bob", "bob2"), ("b-b", "b.b")] {
            let [low, high] = [lesser, greater].map(|name| UserId::new(name).unwrap());
            let low = Party { user: &low, epoch: Epoch(9), kid: &kids[0] };
            let high = Party { user: &high, epoch: Epoch(8), kid: &kids[1] };
            let info = pair_info(low, high);
            assert_eq!(info, pair_info(high, low));
            let place = |kid: &Hash32| info.windows(32).position(|octets| octets == kid.0);
            assert!(place(&kids[0]).is_some() && place(&kids[0]) < place(&kids[1]), "{lesser}");
        }
    }

    #[test]
    #[should_panic(expected = "a user has no pair secret with itself")]
    fn nobody_is_a_pair() {
        let user = UserId::new("alice").unwrap();
        let party = Party { user: &user, epoch: Epoch::FIRST, kid: &Hash32::ZERO };
        let _ = pair_info(party, party);
    }
}
