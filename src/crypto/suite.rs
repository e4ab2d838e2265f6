//! The calls of a cryptographic suite, statically dispatched, and the types of its values.
//!
//! Two implementations: `p256` is the real profile PEAD-P256-1, `model` has the same interface and sizes
//! but no security. `shared` lets either compute an agreement once for both ends.
//! Not here: which octets are fed to them (`schedule`, `proto`).

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::base::id::Hash32;

/// SEC1 uncompressed point: 04, x, y.
pub type Point = [u8; 65];
/// `r || s`, low-S.
pub type Signature = [u8; 64];
/// AEAD nonce.
pub type Nonce = [u8; 12];

/// Octets of an AEAD tag, never truncated.
pub const TAG_LEN: usize = 16;

/// 32 secret octets: a private key, an agreement's x-coordinate, a pair secret or a direction key.
///
/// Erased on drop, never printed, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes the octets over.
    #[must_use]
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The octets, for the primitives and for durable state.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why octets are no key of the suite. One value on purpose: nobody may learn which check failed
/// from outside (S-23); the variants serve traces and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 65 octets starting with 04.
    #[error("a public key is 65 octets starting with 04")]
    Encoding,
    /// Not a point of the curve, or the identity.
    #[error("not a point of the curve")]
    NotOnCurve,
    /// A private key that is zero or not below the group order.
    #[error("a private key is at least 1 and below the group order")]
    Scalar,
    /// Public and private half do not belong together.
    #[error("the public key does not belong to the private key")]
    Mismatch,
    /// Agreement and signature would share one pair.
    #[error("agreement and signatures need a key pair each")]
    Shared,
}

/// The primitives. All are pure functions; signing is deterministic (RFC 6979).
pub trait Suite: Copy + Default + Send + Sync + fmt::Debug + 'static {
    /// The name in plans and reports.
    const NAME: &'static str;
    /// Whether keys and signatures cost so little that they may be made anew instead of being kept.
    const IS_CHEAP: bool;

    /// Checks that octets are a private key: 1 <= d < n (C12-R4).
    ///
    /// # Errors
    /// [`KeyError::Scalar`].
    fn check_secret(secret: &Secret) -> Result<(), KeyError>;

    /// The public key of a valid private key.
    ///
    /// # Panics
    /// When `secret` does not pass [`Self::check_secret`].
    fn public(secret: &Secret) -> Point;

    /// Full validation of a public key (SP 800-56A 5.6.2.3; C05-R8).
    ///
    /// # Errors
    /// [`KeyError::Encoding`] or [`KeyError::NotOnCurve`].
    fn check_point(point: &[u8]) -> Result<(), KeyError>;

    /// Static-static agreement: 32 octets, big endian, leading zeros kept (C15-R3).
    ///
    /// # Errors
    /// When `peer` is not valid.
    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError>;

    /// The same of key pairs with their kids, by which a suite may know what the other end computed.
    ///
    /// # Errors
    /// When `peer` is not valid.
    fn agree_between(own: (&Secret, &Hash32), peer: (&Point, &Hash32)) -> Result<Secret, KeyError> {
        Self::agree(own.0, peer.0)
    }

    /// Signs by RFC 6979, low-S.
    fn sign(secret: &Secret, message: &[u8]) -> Signature;

    /// Verifies; high-S is refused.
    fn verify(public: &Point, message: &[u8], signature: &Signature) -> bool;

    /// Hash of the concatenated parts.
    fn hash(parts: &[&[u8]]) -> Hash32;

    /// HKDF-Extract.
    fn extract(salt: &[u8], input: &Secret) -> Secret;

    /// HKDF-Expand to 32 octets.
    fn expand(key: &Secret, info: &[u8]) -> Secret;

    /// Encrypts: ciphertext followed by the tag.
    fn seal(key: &Secret, nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8>;

    /// Decrypts; `None` when the tag does not hold.
    fn open(key: &Secret, nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;

    /// MAC over the concatenated parts, truncated to 16 octets (tickets, challenges).
    fn mac(key: &Secret, parts: &[&[u8]]) -> [u8; 16];
}
