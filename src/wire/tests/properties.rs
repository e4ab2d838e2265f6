//! Round trips over generated and spoiled frames: the strict decoder accepts one encoding per
//! meaning.
//!
//! Not here: which rule a spoiled frame breaks (`refusals`).

use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::wire::body::{ApprovalStatement, Body};
use crate::wire::cose;
use crate::wire::describe::describe;
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::Envelope;
use crate::wire::record::KeyRecord;

/// Values of a type with an `Arbitrary`, from octets; they shrink as the octets do.
fn valid<T: for<'a> Arbitrary<'a> + Debug>() -> impl Strategy<Value = T> {
    prop::collection::vec(any::<u8>(), 0..3000).prop_map(|seed| {
        T::arbitrary(&mut Unstructured::new(&seed)).expect("values are made of any octets")
    })
}

/// One small harm to a frame.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<Index>;
    // Heads of items are where a decoder errs: other lengths, kinds, widths.
    let octet = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![0x18, 0x19, 0x1b, 0x5f, 0x9f, 0xa0, 0xc0, 0xf6, 0xff])
    ];
    prop_oneof![
        (at(), 0_u8..8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        (at(), octet.clone()).prop_map(|(at, octet)| Harm::Set(at, octet)),
        (at(), octet).prop_map(|(at, octet)| Harm::Insert(at, octet)),
        at().prop_map(Harm::Remove),
        at().prop_map(Harm::Truncate),
    ]
}

fn spoil(mut octets: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        if octets.is_empty() {
            break;
        }
        let len = octets.len();
        match harm {
            Harm::Flip(at, bit) => octets[at.index(len)] ^= 1 << bit,
            Harm::Set(at, octet) => octets[at.index(len)] = *octet,
            Harm::Insert(at, octet) => octets.insert(at.index(len), *octet),
            Harm::Remove(at) => {
                octets.remove(at.index(len));
            }
            Harm::Truncate(at) => octets.truncate(at.index(len)),
        }
    }
    octets
}

/// Whatever a decoder accepts encodes to the same octets; nothing makes any of them panic.
fn check_all_decoders(octets: &[u8]) {
    if let Ok(envelope) = Envelope::decode(octets) {
        assert_eq!(envelope.encode(), octets);
    }
    if let Ok(header) = Header::decode(octets) {
        assert_eq!(header.encode(), octets);
    }
    if let Ok(record) = KeyRecord::decode(octets) {
        assert_eq!(record.encode(), octets);
    }
    for kind in BodyKind::ALL {
        if let Ok(body) = Body::decode(kind, octets) {
            assert_eq!((body.kind(), body.encode()), (kind, octets.to_vec()));
        }
    }
    if let Ok(statement) = ApprovalStatement::decode(octets) {
        assert_eq!(statement.encode(), octets);
    }
    if let Ok(sign1) = cose::decode(octets) {
        assert_eq!(cose::encode(&sign1.payload, &sign1.signature), octets);
    }
    let _ = describe(octets).to_string();
}

proptest! {
    #[test]
    fn random_octets_never_panic_and_round_trip_if_accepted(
        octets in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        check_all_decoders(&octets);
    }

    #[test]
    fn every_envelope_reads_back(envelope in valid::<Envelope>()) {
        let octets = envelope.encode();
        prop_assert_eq!(Envelope::decode(&octets), Ok(envelope));
        check_all_decoders(&octets);
    }

    #[test]
    fn every_header_and_record_reads_back(
        header in valid::<Header>(),
        record in valid::<KeyRecord>(),
    ) {
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
        prop_assert_eq!(KeyRecord::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn every_body_and_statement_reads_back(
        body in valid::<Body>(),
        statement in valid::<ApprovalStatement>(),
    ) {
        let octets = body.encode();
        prop_assert_eq!(Body::decode(body.kind(), &octets), Ok(body));
        prop_assert_eq!(ApprovalStatement::decode(&statement.encode()), Ok(statement));
    }

    #[test]
    fn spoiled_frames_never_panic_and_round_trip_if_accepted(
        envelope in valid::<Envelope>(),
        body in valid::<Body>(),
        harms in prop::collection::vec(harm(), 1..4),
    ) {
        check_all_decoders(&spoil(envelope.encode(), &harms));
        check_all_decoders(&spoil(body.encode(), &harms));
    }

    #[test]
    fn no_proper_prefix_and_no_extension_of_a_frame_is_a_frame(
        envelope in valid::<Envelope>(),
        cut in any::<Index>(),
        extra in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut octets = envelope.encode();
        prop_assert!(Envelope::decode(&octets[..cut.index(octets.len())]).is_err());
        octets.extend_from_slice(&extra);
        prop_assert!(Envelope::decode(&octets).is_err());
    }

    #[test]
    fn a_description_breaks_exactly_where_decoding_does(
        envelope in valid::<Envelope>(),
        harms in prop::collection::vec(harm(), 0..3),
    ) {
        let octets = spoil(envelope.encode(), &harms);
        // Other first octets announce another structure.
        prop_assume!(!matches!(octets.first(), Some(0 | 0x8b)));
        let description = describe(&octets);
        prop_assert_eq!(description.error, Envelope::decode(&octets).err());
        prop_assert!(description.lines.is_sorted_by_key(|line| line.offset));
    }
}
