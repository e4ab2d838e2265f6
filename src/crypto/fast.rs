//! Agreement and verification of P-256 by aws-lc-rs: five to six times the speed of `pure`, same octets.
//!
//! Not here: signing (its nonces are random, the profile's are not), and the profile's own checks: this
//! backend takes hybrid and DER keys, so [`P256`](super::p256::P256) refuses those before it asks.

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED};

use super::p256::Backend;
use super::suite::{KeyError, Point, Secret, Signature};

/// The backend in C and assembler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fast;

impl Backend for Fast {
    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError> {
        let own = PrivateKey::from_private_key(&ECDH_P256, own.expose());
        let own = own.map_err(|_| KeyError::Scalar)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, peer);
        agreement::agree(&own, peer, KeyError::NotOnCurve, |shared| {
            shared.try_into().map(Secret::new).map_err(|_| KeyError::NotOnCurve)
        })
    }

    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool {
        let key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        key.verify(message, signature).is_ok()
    }
}
