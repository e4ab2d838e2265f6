//! How much cryptographic work a turn took, per primitive; a driver turns it into time and energy.
//!
//! Not here: what a primitive costs on which processor (`sim`).

/// Counts of primitives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Key pairs made.
    pub keygen: u32,
    /// Agreements (ECDH).
    pub agree: u32,
    /// Signatures made.
    pub sign: u32,
    /// Signatures verified.
    pub verify: u32,
    /// HKDF steps.
    pub kdf: u32,
    /// AEAD calls.
    pub aead: u32,
    /// Octets through the AEAD.
    pub aead_octets: u64,
}

impl Work {
    /// Whether nothing was done.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
