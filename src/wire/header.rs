//! The clear, authenticated header of a message; its encoding is the associated data (protocol 3.3).
//!
//! Not here: the ciphertext that it belongs to, or who may read it.

use serde::{Deserialize, Serialize};

use crate::base::id::{Epoch, Mid, Seq, UserId};

/// `[version, suite, type, sender_id, receiver_id, epoch_s, epoch_r, kid_s, kid_r, seq, nonce]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body inside the ciphertext is.
    pub kind: BodyKind,
    /// Who wrote it.
    pub sender: UserId,
    /// For whom it is.
    pub receiver: UserId,
    /// The sender's epoch.
    pub epoch_s: Epoch,
    /// The receiver's epoch.
    pub epoch_r: Epoch,
    /// First 8 octets of the sender's key ID.
    pub kid_s: [u8; 8],
    /// First 8 octets of the receiver's key ID.
    pub kid_r: [u8; 8],
    /// The message's number, stable across re-encryption.
    pub seq: Seq,
    /// Boot salt (4) and encryption counter (8).
    pub nonce: [u8; 12],
}

/// What is inside the ciphertext.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// Plain text for the user.
    Text = 1,
    /// A request that the user shall approve.
    ApprovalRequest = 2,
    /// A signed approval.
    ApprovalReply = 3,
    /// "I cannot decrypt this message": `[mid, code]`.
    EndToEndNack = 4,
    /// The user rejected: `[txn_id]`.
    Declined = 5,
}

impl Header {
    /// Version of header and envelope.
    pub const VERSION: u64 = 1;
    /// Suite number of PEAD-P256-1.
    pub const SUITE: u64 = 1;

    /// The message's identity.
    #[must_use]
    pub fn mid(&self) -> Mid {
        Mid { sender: self.sender.clone(), receiver: self.receiver.clone(), seq: self.seq }
    }
}
