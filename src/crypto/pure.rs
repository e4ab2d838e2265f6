//! P-256 in Rust alone, by the crate `p256`: the reference backend.
//!
//! Not here: the profile's own checks (65 octets, low-S), which [`P256`](super::p256::P256) makes before
//! it asks any backend.

use ::p256::ecdsa::signature::{Signer as _, Verifier as _};
use ::p256::ecdsa::{self, SigningKey, VerifyingKey};
use ::p256::elliptic_curve::sec1::ToSec1Point as _;
use ::p256::{PublicKey, SecretKey};

use super::p256::Backend;
use super::suite::{KeyError, Point, Secret, Signature};

/// The reference backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pure;

impl Backend for Pure {
    fn public(secret: &Secret) -> Point {
        let point = scalar(secret).public_key().to_sec1_point(false);
        point.as_bytes().try_into().expect("an uncompressed point has 65 octets")
    }

    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError> {
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| KeyError::NotOnCurve)?;
        let own = SecretKey::from_bytes(own.expose().into()).map_err(|_| KeyError::Scalar)?;
        let shared = own.diffie_hellman(&peer);
        Ok(Secret::new((*shared.raw_secret_bytes()).into()))
    }

    fn sign(secret: &Secret, message: &[u8]) -> Signature {
        let signature: ecdsa::Signature = SigningKey::from(scalar(secret)).sign(message);
        signature.normalize_s().to_bytes().into()
    }

    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_sec1_bytes(public) else { return false };
        let Ok(signature) = ecdsa::Signature::from_slice(signature) else { return false };
        key.verify(message, &signature).is_ok()
    }
}

fn scalar(secret: &Secret) -> SecretKey {
    SecretKey::from_bytes(secret.expose().into()).expect("callers pass checked private keys")
}
