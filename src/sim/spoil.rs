//! Octets that are spoiled on their way: flipped, cut short, or with others in their place.
//!
//! Not here: frames that are false as a whole (`forge`), or who spoils which frame (`adversary`).

use crate::base::cbor::Writer;
use crate::crypto::order::{ORDER, negate};
use crate::crypto::suite::TAG_LEN;
use crate::scenario::plan::{FlipField, SignatureForm};
use crate::wire::message::{Envelope, Message};
use crate::wire::record::Signature;

/// The copy of a sweep with this number, from 0: one bit flipped in the octet at this place of a field, or so
/// many octets and one more missing at the end. None beyond the field, or without it.
#[must_use]
pub fn spoiled(octets: &[u8], field: FlipField, place: usize) -> Option<Vec<u8>> {
    if field == FlipField::ShortTag {
        return shortened(octets, place + 1);
    }
    let body = Envelope::decode(octets).ok()?.body;
    let (header, ciphertext) = if let Message::Submit(it) = body {
        (it.header, it.ciphertext)
    } else if let Message::Deliver(it) = body {
        (it.header, it.ciphertext)
    } else {
        return None;
    };
    let header = header.encode();
    let tag = ciphertext.len().checked_sub(TAG_LEN)?;
    let wanted = match field {
        FlipField::Header => &header[..],
        FlipField::Ciphertext => &ciphertext[..tag],
        FlipField::Tag | FlipField::ShortTag => &ciphertext[tag..],
    };
    if place >= wanted.len() {
        return None;
    }
    // The last one: a header might hold what looks like a ciphertext, not the other way round.
    let start = octets.windows(wanted.len()).rposition(|window| window == wanted)?;
    let mut flipped = octets.to_vec();
    flipped[start + place] ^= 1;
    Some(flipped)
}

/// A frame whose ciphertext lacks its last octets, at most a whole tag.
fn shortened(octets: &[u8], missing: usize) -> Option<Vec<u8>> {
    let mut envelope = Envelope::decode(octets).ok()?;
    let ciphertext = if let Message::Submit(it) = &mut envelope.body {
        &mut it.ciphertext
    } else if let Message::Deliver(it) = &mut envelope.body {
        &mut it.ciphertext
    } else {
        return None;
    };
    let left = ciphertext.len().checked_sub(missing).filter(|_| missing <= TAG_LEN)?;
    ciphertext.truncate(left);
    Some(envelope.encode())
}

/// One octet string of an encoding in the place of another, of any length.
pub(super) struct Splice {
    /// What it takes the place of.
    pub place: Vec<u8>,
    /// The octets that stand there then.
    pub octets: Vec<u8>,
}

impl Splice {
    /// Puts it into the place of the last such octet string; none if there is none.
    pub fn apply(&self, encoded: &[u8]) -> Option<Vec<u8>> {
        let string = |octets: &[u8]| {
            let mut writer = Writer::new();
            writer.bytes(octets);
            writer.finish()
        };
        let place = string(&self.place);
        let start = encoded.windows(place.len()).rposition(|window| window == place)?;
        let rest = &encoded[start + place.len()..];
        Some([&encoded[..start], &string(&self.octets), rest].concat())
    }
}

/// A signature that does not have the form of the profile, made of a good one.
pub(super) fn malformed(form: SignatureForm, good: &Signature) -> Vec<u8> {
    let (r, s) = good.split_at(ORDER.len());
    match form {
        SignatureForm::HighS => {
            let mut low = [0; 32];
            low.copy_from_slice(s);
            [r, &negate(&low)].concat()
        }
        SignatureForm::Zero => vec![0; good.len()],
        SignatureForm::Order => [ORDER, ORDER].concat(),
        SignatureForm::Der => der(&[integer(r), integer(s)].concat(), 0x30),
        SignatureForm::Short => good[..good.len() - 1].to_vec(),
        SignatureForm::Long => [&good[..], &[0]].concat(),
    }
}

/// An INTEGER of DER: as few octets as it takes, and a zero before one that would look negative.
fn integer(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len() - 1);
    let digits = &octets[start..];
    let sign = if digits[0] & 0x80 == 0 { &[][..] } else { &[0] };
    der(&[sign, digits].concat(), 0x02)
}

/// A value of DER with fewer than 128 octets.
fn der(value: &[u8], tag: u8) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    [&[tag, length], value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{DeliveryId, Epoch, ReqId, Seq, UserId};
    use crate::base::time::Millis;
    use crate::base::units::hex;
    use crate::crypto::p256::P256;
    use crate::crypto::suite::{Secret, Suite};
    use crate::wire::header::{BodyKind, Header};
    use crate::wire::message::Deliver;

    /// A message of 48 octets under seal.
    fn deliver() -> Vec<u8> {
        let [sender, receiver] = ["alice", "bob"].map(|name| UserId::new(name).unwrap());
        let header = Header {
            kind: BodyKind::Text,
            sender,
            receiver,
            epoch_s: Epoch(1),
            epoch_r: Epoch(1),
            kid_s: [1; 8],
            kid_r: [2; 8],
            seq: Seq(1),
            nonce: [3; 12],
        };
        let (delivery, ciphertext) = (DeliveryId(1), (100..148).collect());
        let deliver = Deliver { delivery, header, ciphertext, queued_at: Millis(5) };
        let body = Message::Deliver(Box::new(deliver));
        Envelope { req: ReqId([4; 8]), ticket: None, body }.encode()
    }

    #[test]
    fn every_octet_of_a_field_is_flipped_once_and_a_tag_is_shortened_to_nothing() {
        let octets = deliver();
        let all = |field| -> Vec<Vec<u8>> {
            (0..).map_while(|place| spoiled(&octets, field, place)).collect()
        };
        for (field, len) in [(FlipField::Ciphertext, 32), (FlipField::Tag, TAG_LEN)] {
            let all = all(field);
            assert_eq!(all.len(), len);
            for one in &all {
                assert_eq!(one.iter().zip(&octets).filter(|(a, b)| a != b).count(), 1);
            }
        }
        let sealed = |octets: &Vec<u8>| {
            let Message::Deliver(it) = Envelope::decode(octets).unwrap().body else { panic!() };
            it.ciphertext
        };
        let short: Vec<_> = all(FlipField::ShortTag).iter().map(sealed).collect();
        let whole = sealed(&octets);
        let expected: Vec<_> = (1..=TAG_LEN).map(|n| whole[..48 - n].to_vec()).collect();
        assert_eq!(short, expected);
    }

    #[test]
    fn a_splice_takes_the_place_of_the_last_string_that_fits() {
        let splice = Splice { place: vec![1, 2], octets: vec![9; 3] };
        let encoded = |octets: &[u8]| splice.apply(octets).map(|it| hex(&it));
        assert_eq!(encoded(&[0x42, 1, 2, 0x42, 1, 2, 7]).unwrap(), "4201024309090907");
        assert_eq!(encoded(&[0x43, 1, 2, 3]), None);
        let nothing = Splice { place: vec![1, 2], octets: Vec::new() };
        assert_eq!(nothing.apply(&[0x42, 1, 2]), Some(vec![0x40]));
    }

    #[test]
    fn malformed_signatures_are_made_of_a_good_one() {
        let secret = Secret::new([7; 32]);
        let good = P256::sign(&secret, b"text");
        let made = |form| malformed(form, &good);
        let high: Signature = made(SignatureForm::HighS).try_into().unwrap();
        assert!(!P256::verify(&P256::public(&secret), b"text", &high));
        assert_eq!(malformed(SignatureForm::HighS, &high), good, "its twin's twin");
        let mut signature = [1; 64];
        signature[32] = 0x80;
        let der = hex(&malformed(SignatureForm::Der, &signature));
        assert_eq!(der, format!("30450220{}02210080{}", "01".repeat(32), "01".repeat(31)));
        assert_eq!(hex(&integer(&[0, 0, 0x80])), "02020080");
        assert_eq!(hex(&integer(&[0, 0])), "020100");
        let lengths =
            [SignatureForm::Zero, SignatureForm::Order, SignatureForm::Short, SignatureForm::Long];
        assert_eq!(lengths.map(|form| made(form).len()), [64, 64, 63, 65]);
    }
}
