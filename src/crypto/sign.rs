//! Digests and signatures that more than one room needs: record hashes, fingerprints, the high-S twin.
//!
//! Not here: which octets are signed or hashed (`wire`), and the algorithms (`suite`).

use crate::base::id::Hash32;

use super::order;
use super::suite::{Secret, Signature, Suite};

const FINGERPRINT_LABEL: &[u8] = b"PEAD-v1 trace fingerprint";

/// The hash of an encoded key record with its signatures: links the chain, names generations (4.3).
#[must_use]
pub fn record_hash<S: Suite>(encoded: &[u8]) -> Hash32 {
    S::hash(&[encoded])
}

/// A digest of a secret that traces may show: equal for equal secrets, and used for nothing else.
#[must_use]
pub fn fingerprint<S: Suite>(secret: &Secret) -> Hash32 {
    S::hash(&[FINGERPRINT_LABEL, secret.expose()])
}

/// Is `s` in the lower half, as the profile wants of every signature (3.1)?
#[must_use]
pub fn is_low_s(signature: &Signature) -> bool {
    order::is_low(&halves(signature).1)
}

/// The same signature with n - s for s: plain ECDSA takes both, the profile refuses one of them.
#[must_use]
pub fn twin(signature: &Signature) -> Signature {
    let mut twin = *signature;
    twin[32..].copy_from_slice(&order::negate(&halves(signature).1));
    twin
}

/// `r` and `s`.
fn halves(signature: &Signature) -> ([u8; 32], [u8; 32]) {
    let mut halves = ([0; 32], [0; 32]);
    halves.0.copy_from_slice(&signature[..32]);
    halves.1.copy_from_slice(&signature[32..]);
    halves
}
