//! P-256 by aws-lc-rs: public keys, agreement and verification in its assembler, and signatures by RFC 6979 on
//! its multiples of the base point, which come from precomputed tables. Same octets as `pure`.
//!
//! Not here: signing by aws-lc itself (its nonces are random, the profile's are not), and the profile's own
//! checks: this backend takes hybrid and DER keys, so [`P256`](super::p256::P256) refuses those before it asks.

use ::p256::ecdsa;
use ::p256::elliptic_curve::ops::Reduce as _;
use ::p256::elliptic_curve::{Curve as _, PrimeField as _};
use ::p256::{FieldBytes, NistP256, Scalar, U256};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED};
use rfc6979::KGenerator;
use sha2::{Digest as _, Sha256};

use super::p256::Backend;
use super::suite::{KeyError, Point, Secret, Signature};

/// The backend in C and assembler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fast;

impl Backend for Fast {
    fn public(secret: &Secret) -> Point {
        let key = PrivateKey::from_private_key(&ECDH_P256, secret.expose());
        let public = key.ok().and_then(|key| key.compute_public_key().ok());
        let public = public.expect("callers pass checked private keys");
        public.as_ref().try_into().expect("an uncompressed point has 65 octets")
    }

    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError> {
        let own = PrivateKey::from_private_key(&ECDH_P256, own.expose());
        let own = own.map_err(|_| KeyError::Scalar)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, peer);
        agreement::agree(&own, peer, KeyError::NotOnCurve, |shared| {
            shared.try_into().map(Secret::new).map_err(|_| KeyError::NotOnCurve)
        })
    }

    fn sign(secret: &Secret, message: &[u8]) -> Signature {
        let hash: FieldBytes = Sha256::digest(message);
        let order = NistP256::ORDER;
        let mut nonces = KGenerator::<Sha256, U256>::new(secret.expose(), &hash, &[], &order);
        loop {
            let mut nonce = [0; 32];
            nonces.fill_next_k(&mut nonce);
            if let Some(signature) = sign_with(&Secret::new(nonce), secret, &hash) {
                return signature;
            }
        }
    }

    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool {
        let key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        key.verify(message, signature).is_ok()
    }
}

/// The signature with this nonce; nothing in the case, never seen, that `r` or `s` is zero.
fn sign_with(nonce: &Secret, secret: &Secret, hash: &FieldBytes) -> Option<Signature> {
    let scalar = |it: &Secret| Scalar::from_repr(FieldBytes::from(*it.expose())).into_option();
    let x: [u8; 32] = Fast::public(nonce)[1..33].try_into().expect("32 of 65 octets");
    let r = Scalar::reduce(&FieldBytes::from(x));
    let inverse = scalar(nonce)?.invert().into_option()?;
    let s = inverse * (Scalar::reduce(hash) + r * scalar(secret)?);
    let signature = ecdsa::Signature::from_scalars(r, s).ok()?;
    Some(signature.normalize_s().to_bytes().into())
}
