//! The clear, authenticated header of a message; its encoding is the associated data (protocol
//! 3.3).
//!
//! Not here: the ciphertext that it belongs to, or who may read it.

use serde::{Deserialize, Serialize};

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Mid, Seq, UserId};
use crate::wire::error::DecodeError;
use crate::wire::fields::{Fields, Observer, decode_strictly};
use crate::wire::limits::FRAME_MAX;

/// `[version, suite, type, sender_id, receiver_id, epoch_s, epoch_r, kid_s, kid_r, seq, nonce]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
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
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
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

    /// The octets that are authenticated with the ciphertext (AAD), 48 for alice and bob.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(64);
        self.write(&mut writer);
        writer.finish()
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// The first rule that the octets break.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        decode_strictly(octets, ("header", FRAME_MAX), |fields| Self::read(fields), Self::encode)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(11).uint(Self::VERSION).uint(Self::SUITE).uint(self.kind.number());
        writer.text(self.sender.as_str()).text(self.receiver.as_str());
        writer.uint(self.epoch_s.0).uint(self.epoch_r.0);
        writer.bytes(&self.kid_s).bytes(&self.kid_r).uint(self.seq.0).bytes(&self.nonce);
    }

    pub(super) fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array("header", 11)?;
        fields.constant("version", Self::VERSION)?;
        fields.constant("suite", Self::SUITE)?;
        Ok(Self {
            kind: fields.code("type", BodyKind::from_number, BodyKind::name)?,
            sender: fields.user("sender-id")?,
            receiver: fields.user("receiver-id")?,
            epoch_s: fields.epoch("epoch-s")?,
            epoch_r: fields.epoch("epoch-r")?,
            kid_s: fields.fixed("kid-s")?,
            kid_r: fields.fixed("kid-r")?,
            seq: Seq(fields.uint("seq")?),
            nonce: fields.fixed("nonce")?,
        })
    }
}

impl BodyKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::ApprovalRequest,
        Self::ApprovalReply,
        Self::EndToEndNack,
        Self::Declined,
    ];

    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The name in `wire.cddl` and in traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::ApprovalRequest => "approval-request",
            Self::ApprovalReply => "approval-reply",
            Self::EndToEndNack => "end-to-end-nack",
            Self::Declined => "declined",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::{hex, parse_hex};

    /// `header(AAD)` of protocol Appendix A.
    const AAD: &str = "8b01010165616c69636563626f62010148ce4f5672c6d3c671\
                       48ad8623060ec284cf014cdeadbeef0000000000000001";

    #[test]
    fn the_associated_data_of_alice_and_bob_is_the_known_answer() {
        let header = Header {
            kind: BodyKind::Text,
            sender: UserId::new("alice").unwrap(),
            receiver: UserId::new("bob").unwrap(),
            epoch_s: Epoch::FIRST,
            epoch_r: Epoch::FIRST,
            kid_s: [0xce, 0x4f, 0x56, 0x72, 0xc6, 0xd3, 0xc6, 0x71],
            kid_r: [0xad, 0x86, 0x23, 0x06, 0x0e, 0xc2, 0x84, 0xcf],
            seq: Seq(1),
            nonce: [0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 0, 1],
        };
        assert_eq!(hex(&header.encode()), AAD);
        assert_eq!(header.encode().len(), 48);
        assert_eq!(Header::decode(&parse_hex(AAD).unwrap()), Ok(header));
    }

    #[test]
    fn every_octet_of_the_header_carries_meaning() {
        let aad = parse_hex(AAD).unwrap();
        let header = Header::decode(&aad).unwrap();
        for at in 0..aad.len() {
            for bit in 0..8 {
                let mut flipped = aad.clone();
                flipped[at] ^= 1 << bit;
                assert_ne!(Header::decode(&flipped).as_ref(), Ok(&header), "octet {at} bit {bit}");
            }
        }
    }
}
