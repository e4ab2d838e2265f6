//! `COSE_Sign1` with ES256, the form of an approval (RFC 9052, 4.2 and 4.4), as octets.
//!
//! Not here: the payload's meaning (`body::ApprovalStatement`), signing and verifying (`crypto`).

use crate::base::cbor::Writer;
use crate::wire::error::DecodeError;
use crate::wire::fields::{Fields, Observer, decode_strictly};
use crate::wire::limits::FRAME_MAX;
use crate::wire::record::Signature;

/// The encoded protected header: `{1: -7}`, alg = ES256.
const PROTECTED: [u8; 3] = [0xa1, 0x01, 0x26];

/// A payload with its signature: `[h'a10126', {}, payload, signature]`, untagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoseSign1 {
    /// What is signed.
    pub payload: Vec<u8>,
    /// Over [`sig_structure`] of the payload.
    pub signature: Signature,
}

/// What the signature covers: `["Signature1", h'a10126', h'', payload]`.
#[must_use]
pub fn sig_structure(payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(payload.len() + 24);
    writer.array(4).text("Signature1").bytes(&PROTECTED).bytes(&[]).bytes(payload);
    writer.finish()
}

/// The octets of the `COSE_Sign1` over `payload`.
#[must_use]
pub fn encode(payload: &[u8], signature: &Signature) -> Vec<u8> {
    let mut writer = Writer::with_capacity(payload.len() + 80);
    writer.array(4).bytes(&PROTECTED).empty_map().bytes(payload).bytes(signature);
    writer.finish()
}

/// Reads what [`encode`] writes: ES256 in the protected header, no other header, payload inside.
///
/// # Errors
/// The first rule that the octets break.
pub fn decode(octets: &[u8]) -> Result<CoseSign1, DecodeError> {
    let again = |sign1: &CoseSign1| encode(&sign1.payload, &sign1.signature);
    decode_strictly(octets, ("cose-sign1", FRAME_MAX), |fields| CoseSign1::read(fields), again)
}

impl CoseSign1 {
    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        fields.array("cose-sign1", 4)?;
        fields.exactly("protected", &PROTECTED, "h'a10126' (ES256)")?;
        fields.empty_map("unprotected")?;
        let payload = fields.bytes("payload")?.to_vec();
        Ok(Self { payload, signature: fields.fixed("signature")? })
    }
}

#[cfg(test)]
mod tests {
    use coset::iana::Algorithm;
    use coset::{CborSerializable as _, CoseSign1Builder, HeaderBuilder};

    use super::*;
    use crate::base::units::hex;

    const PAYLOAD: &[u8] = b"an approval";
    const SIGNATURE: Signature = [0x5a; 64];

    #[test]
    fn the_octets_are_those_of_an_independent_implementation() {
        let header = HeaderBuilder::new().algorithm(Algorithm::ES256).build();
        let mut covered = Vec::new();
        let theirs = CoseSign1Builder::new()
            .protected(header)
            .payload(PAYLOAD.to_vec())
            .create_signature(&[], |octets| {
                covered = octets.to_vec();
                SIGNATURE.to_vec()
            })
            .build();
        assert_eq!(hex(&covered), hex(&sig_structure(PAYLOAD)));
        let octets = theirs.to_vec().unwrap();
        assert_eq!(hex(&octets), hex(&encode(PAYLOAD, &SIGNATURE)));
        let ours = CoseSign1 { payload: PAYLOAD.to_vec(), signature: SIGNATURE };
        assert_eq!(decode(&octets), Ok(ours));
    }

    #[test]
    fn other_algorithms_headers_and_tags_are_refused() {
        let good = encode(PAYLOAD, &SIGNATURE);
        let check = |octets: Vec<u8>, error: &str| {
            let refused = decode(&octets).map_err(|e| e.to_string());
            assert_eq!(refused, Err(error.to_owned()));
        };
        let es384 = [&good[..4], &[0x38, 0x22], &good[5..]].concat();
        check(es384, "octet 1, protected: expected the constant h'a10126' (ES256)");
        let unprotected = [&good[..5], &[0xa1, 0x01, 0x26], &good[6..]].concat();
        check(unprotected, "octet 5, unprotected: the map has entries");
        let tagged = [&[0xd2], &good[..]].concat();
        check(tagged, "octet 0, cose-sign1: expected an array, got a tag");
        let trailing = [&good[..], &[0]].concat();
        let end = good.len();
        check(trailing, &format!("octet {end}, cose-sign1: octets follow the last item"));
    }
}
