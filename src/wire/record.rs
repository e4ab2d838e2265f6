//! The key record: one link of a user's chain in the directory (protocol 4.3).
//!
//! Not here: whether its signatures hold (`crypto::sign`) or whether a chain may grow by it (`proto`).

use crate::base::id::{Epoch, Hash32, UserId};
use crate::base::time::Millis;

/// SEC1 uncompressed point, 65 octets starting with 04.
pub type PointOctets = [u8; 65];
/// ECDSA `r || s`, 64 octets, low-S.
pub type Signature = [u8; 64];

/// `[user_id, generation, epoch, flags, agree_pk, sig_pk, created, not_after, prev_hash, sig_prev, sig_self]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whose keys.
    pub user: UserId,
    /// Zero in record 1, record 1's hash in all later ones.
    pub generation: Hash32,
    /// From 1, plus one each.
    pub epoch: Epoch,
    /// R11: no grace for the epoch before (flag bit 0).
    pub revoke_prev: bool,
    /// The agreement key.
    pub agree_pk: PointOctets,
    /// The signature key.
    pub sig_pk: PointOctets,
    /// When it was made.
    pub created: Millis,
    /// When it should be replaced at the latest.
    pub not_after: Millis,
    /// Hash of the record before; zero in record 1.
    pub prev_hash: Hash32,
    /// By the previous signature key; none (an empty string on the wire) in record 1.
    pub sig_prev: Option<Signature>,
    /// By this record's signature key.
    pub sig_self: Signature,
}
