//! The key record: one link of a user's chain in the directory (protocol 4.3).
//!
//! Not here: whether its signatures hold (`crypto::sign`) or whether a chain may grow by it
//! (`proto`).

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, Hash32, UserId};
use crate::base::time::Millis;
use crate::wire::error::{DecodeError, Rule};
use crate::wire::fields::{Fields, Observer, decode_strictly};
use crate::wire::limits::FRAME_MAX;

/// SEC1 uncompressed point, 65 octets starting with 04.
pub type PointOctets = [u8; 65];
/// ECDSA `r || s`, 64 octets, low-S.
pub type Signature = [u8; 64];

/// `[user_id, generation, epoch, flags, agree_pk, sig_pk, created, not_after, prev_hash, sig_prev,
/// sig_self]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
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

impl KeyRecord {
    /// Flag bit 0: no grace for the epoch before.
    const REVOKE_PREV: u64 = 1;
    /// Fields up to and including `prev_hash`.
    const SIGNED: u64 = 9;

    /// The octets whose hash names the record: all fields, signatures included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(448);
        self.write(&mut writer);
        writer.finish()
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// The first rule that the octets break.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let read = |fields: &mut Fields<'_, '_, ()>| Self::read(fields, "key-record");
        decode_strictly(octets, ("key-record", FRAME_MAX), read, Self::encode)
    }

    /// What `sig_self` and `sig_prev` cover: `["PEAD-v1 record", user_id, .., prev_hash]`
    /// (protocol 4.3).
    #[must_use]
    pub fn signed_octets(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(320);
        writer.array(1 + Self::SIGNED).text("PEAD-v1 record");
        self.write_signed(&mut writer);
        writer.finish()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(Self::SIGNED + 2);
        self.write_signed(writer);
        writer.bytes(self.sig_prev.as_ref().map_or(&[], |sig| sig)).bytes(&self.sig_self);
    }

    fn write_signed(&self, writer: &mut Writer) {
        let flags = if self.revoke_prev { Self::REVOKE_PREV } else { 0 };
        writer.text(self.user.as_str()).bytes(&self.generation.0).uint(self.epoch.0).uint(flags);
        writer.bytes(&self.agree_pk).bytes(&self.sig_pk);
        writer.uint(self.created.0).uint(self.not_after.0).bytes(&self.prev_hash.0);
    }

    pub(super) fn read<O: Observer>(
        fields: &mut Fields<'_, '_, O>,
        field: &'static str,
    ) -> Result<Self, DecodeError> {
        fields.array(field, Self::SIGNED + 2)?;
        Ok(Self {
            user: fields.user("user-id")?,
            generation: fields.hash("generation")?,
            epoch: fields.epoch("epoch")?,
            revoke_prev: fields.code("flags", revoke_prev, flags_name)?,
            agree_pk: fields.fixed("agree-pk")?,
            sig_pk: fields.fixed("sig-pk")?,
            created: fields.millis("created")?,
            not_after: fields.millis("not-after")?,
            prev_hash: fields.hash("prev-hash")?,
            sig_prev: read_sig_prev(fields)?,
            sig_self: fields.fixed("sig-self")?,
        })
    }
}

/// Whether flags revoke; unassigned bits are refused, since a record could not repeat them.
const fn revoke_prev(flags: u64) -> Option<bool> {
    match flags {
        0 => Some(false),
        KeyRecord::REVOKE_PREV => Some(true),
        _ => None,
    }
}

const fn flags_name(revoke_prev: bool) -> &'static str {
    if revoke_prev { "revoke-prev" } else { "none" }
}

fn read_sig_prev<O: Observer>(
    fields: &mut Fields<'_, '_, O>,
) -> Result<Option<Signature>, DecodeError> {
    let place = fields.place("sig-prev");
    let octets = fields.bytes("sig-prev")?;
    if octets.is_empty() {
        return Ok(None);
    }
    let wrong = |_| place.error(Rule::SignatureLength(octets.len()));
    octets.try_into().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::hex;

    fn record(sig_prev: Option<Signature>) -> KeyRecord {
        KeyRecord {
            user: UserId::new("alice").unwrap(),
            generation: Hash32::ZERO,
            epoch: Epoch(2),
            revoke_prev: true,
            agree_pk: [4; 65],
            sig_pk: [5; 65],
            created: Millis::WORLD_START,
            not_after: Millis(24),
            prev_hash: Hash32([6; 32]),
            sig_prev,
            sig_self: [8; 64],
        }
    }

    #[test]
    fn the_signed_octets_are_the_label_and_the_fields_up_to_prev_hash() {
        let expected = [
            "8a",
            "6e504541442d7631207265636f7264", // "PEAD-v1 record"
            "65616c696365",
            &format!("5820{}", "00".repeat(32)),
            "02",
            "01",
            &format!("5841{}", "04".repeat(65)),
            &format!("5841{}", "05".repeat(65)),
            "1b0000019b76daa800", // 2026-01-01T00:00Z in ms
            "1818",
            &format!("5820{}", "06".repeat(32)),
        ];
        assert_eq!(hex(&record(None).signed_octets()), expected.concat());
        assert_eq!(record(None).signed_octets(), record(Some([7; 64])).signed_octets());
    }

    #[test]
    fn records_read_back_with_and_without_a_previous_signature() {
        for record in [record(None), record(Some([7; 64]))] {
            assert_eq!(KeyRecord::decode(&record.encode()), Ok(record));
        }
    }

    #[test]
    fn unassigned_flags_and_odd_signatures_are_refused() {
        let octets = record(None).encode();
        let check = |at: usize, octet: u8, error: &str| {
            let mut octets = octets.clone();
            octets[at] = octet;
            let refused = KeyRecord::decode(&octets).map_err(|e| e.to_string());
            assert_eq!(refused, Err(error.to_owned()));
        };
        let flags = 1 + 6 + 34 + 1;
        check(flags, 2, "octet 42, flags: 2 is not assigned");
        let sig_prev = octets.len() - 66 - 1;
        check(sig_prev, 0x41, "octet 222, sig-prev: a signature has 64 octets or none, got 1");
    }
}
