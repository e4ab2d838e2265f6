//! The real suite, PEAD-P256-1 (protocol 3.1), and the checks of the profile that its crates do not make.
//!
//! What needs the curve goes to a backend: `fast` where it is built and `pure` otherwise, or `pure` where it is
//! asked for. A backend only ever sees octets that passed the checks here. Not here: which octets are
//! hashed, signed or sealed.

use std::fmt;
use std::marker::PhantomData;

use ::p256::{PublicKey, SecretKey};
use aes_gcm_siv::aead::{Aead as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

#[cfg(feature = "fast-crypto")]
use super::fast::Fast as Best;
use super::pure::Pure;
#[cfg(not(feature = "fast-crypto"))]
use super::pure::Pure as Best;
use super::sign;
use super::suite::{KeyError, Nonce, Point, Secret, Signature, Suite};
use crate::base::id::Hash32;

/// ECDH and ECDSA on P-256, HKDF-SHA256, AES-256-GCM-SIV, with the curve arithmetic of a backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct P256On<B>(PhantomData<B>);

/// The suite on the fastest backend that is built.
pub type P256 = P256On<Best>;

/// The suite on the reference backend.
pub type PureP256 = P256On<Pure>;

/// What may be computed by different code; all backends give the same octets.
pub trait Backend: Copy + Default + Send + Sync + fmt::Debug + 'static {
    /// d·G, uncompressed.
    ///
    /// # Panics
    /// When `secret` is no private key.
    fn public(secret: &Secret) -> Point;

    /// The x-coordinate of d·Q, leading zeros kept.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] and [`KeyError::Scalar`].
    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError>;

    /// ECDSA with SHA-256, the nonce by RFC 6979, low-S.
    ///
    /// # Panics
    /// When `secret` is no private key.
    fn sign(secret: &Secret, message: &[u8]) -> Signature;

    /// Plain ECDSA with SHA-256: high-S passes here.
    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool;
}

impl<B: Backend> Suite for P256On<B> {
    const NAME: &'static str = "p256";
    const IS_CHEAP: bool = false;

    fn check_secret(secret: &Secret) -> Result<(), KeyError> {
        SecretKey::from_bytes(secret.expose().into()).map(|_| ()).map_err(|_| KeyError::Scalar)
    }

    fn public(secret: &Secret) -> Point {
        B::public(secret)
    }

    fn check_point(point: &[u8]) -> Result<(), KeyError> {
        // The crate also takes the compressed form, which would give one key two kids.
        if point.len() != size_of::<Point>() || point[0] != 4 {
            return Err(KeyError::Encoding);
        }
        // On the curve and not the identity is full validation: the cofactor is 1.
        PublicKey::from_sec1_bytes(point).map(|_| ()).map_err(|_| KeyError::NotOnCurve)
    }

    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError> {
        // The point comes first: no invalid one may meet the private key (C05-R8).
        Self::check_point(peer)?;
        Self::check_secret(own)?;
        B::agree(own, peer)
    }

    fn sign(secret: &Secret, message: &[u8]) -> Signature {
        B::sign(secret, message)
    }

    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool {
        // Curve arithmetic takes both values of s; two octet strings for one signature are one too many.
        sign::is_low_s(signature)
            && Self::check_point(public).is_ok()
            && B::verify(public, message, signature)
    }

    fn hash(parts: &[&[u8]]) -> Hash32 {
        let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
        Hash32(hash.finalize().into())
    }

    fn extract(salt: &[u8], input: &Secret) -> Secret {
        let (prk, _) = Hkdf::<Sha256>::extract(Some(salt), input.expose());
        Secret::new(prk.into())
    }

    fn expand(key: &Secret, info: &[u8]) -> Secret {
        let hkdf = Hkdf::<Sha256>::from_prk(key.expose()).expect("32 octets are a full PRK");
        let mut octets = [0; 32];
        hkdf.expand(info, &mut octets).expect("32 octets are one block of output");
        Secret::new(octets)
    }

    fn seal(key: &Secret, nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let cipher = Aes256GcmSiv::new(key.expose().into());
        let sealed = cipher.encrypt(nonce.into(), Payload { msg: plaintext, aad });
        sealed.expect("a message is far below the 64 GiB of RFC 8452")
    }

    fn open(key: &Secret, nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let cipher = Aes256GcmSiv::new(key.expose().into());
        cipher.decrypt(nonce.into(), Payload { msg: sealed, aad }).ok()
    }

    fn mac(key: &Secret, parts: &[&[u8]]) -> [u8; 16] {
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.expose());
        let mac = mac.expect("HMAC takes keys of any length");
        let tag: [u8; 32] = parts
            .iter()
            .fold(mac, |mac, part| mac.chain_update(part))
            .finalize()
            .into_bytes()
            .into();
        tag[..16].try_into().expect("16 of 32 octets")
    }
}
