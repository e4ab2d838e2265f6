//! Each rule of protocol 4.6, broken on purpose: the decoder names the rule, the field and the
//! octet.
//!
//! Not here: the rules of key records and `COSE_Sign1` alone (`record`, `cose`).

use super::{envelope, header, poll, record, submit, user};
use crate::base::id::{DeliveryId, Mid, Seq};
use crate::base::units::{hex, parse_hex};
use crate::wire::body::Body;
use crate::wire::code::Report;
use crate::wire::header::{BodyKind, Header};
use crate::wire::limits::{FRAME_MAX, TEXT_MAX};
use crate::wire::message::{Envelope, Message};

/// The frame of [`poll`], into which the table below writes its faults.
const POLL: &str = "85 01 07 48 0102030405060708 f6 82 1820 00";

fn check(octets: &[u8], error: &str) {
    let refused = Envelope::decode(octets).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(refused, Err(error.to_owned()), "{}", hex(&octets[..octets.len().min(64)]));
}

#[test]
fn the_frame_without_fault_is_accepted() {
    assert_eq!(parse_hex(POLL), Ok(poll().encode()));
    assert_eq!(Envelope::decode(&poll().encode()), Ok(poll()));
}

#[test]
fn faults_of_the_encoding_are_refused() {
    const SHORTEST: &str = "an integer or length is not in its shortest form";
    const INDEFINITE: &str = "indefinite lengths are not allowed";
    for (fault, error) in [
        // Non-shortest integers and lengths.
        ("85 1801 07 48 0102030405060708 f6 82 1820 00", &format!("octet 1, version: {SHORTEST}")),
        ("85 01 07 5808 0102030405060708 f6 82 1820 00", &format!("octet 3, req-id: {SHORTEST}")),
        ("9805 01 07 48 0102030405060708 f6 82 1820 00", &format!("octet 0, envelope: {SHORTEST}")),
        ("85 01 07 48 0102030405060708 f6 82 190020 00", &format!("octet 14, max: {SHORTEST}")),
        ("85 01 07 48 0102030405060708 f6 82 1a00000020 00", &format!("octet 14, max: {SHORTEST}")),
        (
            "85 01 07 48 0102030405060708 f6 82 1820 1b00000000ffffffff",
            &format!("octet 16, cursor: {SHORTEST}"),
        ),
        // Indefinite lengths.
        (
            "9f 01 07 48 0102030405060708 f6 82 1820 00 ff",
            &format!("octet 0, envelope: {INDEFINITE}"),
        ),
        (
            "85 01 07 5f 48 0102030405060708 ff f6 82 1820 00",
            &format!("octet 3, req-id: {INDEFINITE}"),
        ),
        ("85 01 07 48 0102030405060708 f6 9f 1820 00 ff", &format!("octet 13, poll: {INDEFINITE}")),
        // Reserved length codes.
        (
            "85 1c 07 48 0102030405060708 f6 82 1820 00",
            &"octet 1, version: a reserved length code".to_owned(),
        ),
    ] {
        check(&parse_hex(fault).unwrap(), error);
    }
}

#[test]
fn other_kinds_of_items_are_refused() {
    const UINT: &str = "expected an unsigned integer, got";
    for (fault, error) in [
        // Tags, floats, simple values, negative integers, maps.
        (
            "c1 85 01 07 48 0102030405060708 f6 82 1820 00",
            "octet 0, envelope: expected an array, got a tag".to_owned(),
        ),
        ("85 01 07 48 0102030405060708 f6 82 c11820 00", format!("octet 14, max: {UINT} a tag")),
        (
            "85 01 07 48 0102030405060708 f6 82 f94c00 00",
            format!("octet 14, max: {UINT} a simple value or float"),
        ),
        (
            "85 01 07 48 0102030405060708 f6 82 fb4040000000000000 00",
            format!("octet 14, max: {UINT} a simple value or float"),
        ),
        (
            "85 01 07 48 0102030405060708 f6 82 f5 00",
            format!("octet 14, max: {UINT} a simple value or float"),
        ),
        (
            "85 01 07 48 0102030405060708 f6 82 20 00",
            format!("octet 14, max: {UINT} a negative integer"),
        ),
        (
            "85 01 07 48 0102030405060708 f6 a1 1820 00",
            "octet 13, poll: expected an array, got a map".to_owned(),
        ),
        // `undefined` is not `null`.
        (
            "85 01 07 48 0102030405060708 f7 82 1820 00",
            "octet 12, ticket: expected an array, got a simple value or float".to_owned(),
        ),
        (
            "85 01 07 68 0102030405060708 f6 82 1820 00",
            "octet 3, req-id: expected an octet string, got a text string".to_owned(),
        ),
        // Nesting deeper than any field: the grammar itself never opens a fifth array.
        (
            "85 81818181 00 07 48 0102030405060708 f6 82 1820 00",
            format!("octet 1, version: {UINT} an array"),
        ),
    ] {
        check(&parse_hex(fault).unwrap(), &error);
    }
}

#[test]
fn faults_of_arity_length_and_end_are_refused() {
    for (fault, error) in [
        ("", "octet 0, envelope: the input ends inside an item"),
        (
            "84 01 07 48 0102030405060708 f6",
            "octet 0, envelope: expected an array of 5, got one of 4",
        ),
        (
            "86 01 07 48 0102030405060708 f6 82 1820 00 00",
            "octet 0, envelope: expected an array of 5, got one of 6",
        ),
        (
            "85 01 07 48 0102030405060708 f6 81 1820",
            "octet 13, poll: expected an array of 2, got one of 1",
        ),
        (
            "85 01 07 48 0102030405060708 f6 83 1820 00 00",
            "octet 13, poll: expected an array of 2, got one of 3",
        ),
        ("85 01 07 47 01020304050607 f6 82 1820 00", "octet 3, req-id: expected 8 octets, got 7"),
        (
            "85 01 07 48 0102030405060708 f6 82 1820 00 00",
            "octet 17, envelope: octets follow the last item",
        ),
        (
            "85 01 07 48 0102030405060708 f6 82 1820",
            "octet 16, cursor: the input ends inside an item",
        ),
        ("85 01 07 5bffffffffffffffff 01", "octet 3, req-id: the input ends inside an item"),
        ("9bffffffffffffffff 01", "octet 0, envelope: the input ends inside an item"),
    ] {
        check(&parse_hex(fault).unwrap(), error);
    }
}

#[test]
fn numbers_outside_their_closed_sets_are_refused() {
    for (fault, error) in [
        ("85 02 07 48 0102030405060708 f6 82 1820 00", "octet 1, version: expected 1, got 2"),
        ("85 01 00 48 0102030405060708 f6 82 1820 00", "octet 2, type: 0 is not assigned"),
        ("85 01 15 48 0102030405060708 f6 82 1820 00", "octet 2, type: 21 is not assigned"),
        ("85 01 09 48 0102030405060708 f6 82 1820 02", "octet 16, more: 2 is not assigned"),
        ("85 01 10 48 0102030405060708 f6 83 11 00 00", "octet 14, code: 17 is not assigned"),
    ] {
        check(&parse_hex(fault).unwrap(), error);
    }
    let mid = Mid { sender: user("a"), receiver: user("b"), seq: Seq(1) };
    let (delivery, report) = (DeliveryId(1), Report::Delivered);
    let report = envelope(Message::StatusReport { delivery, mid, attempt: 1, report }).encode();
    let (outcome, code) = (report.len() - 2, report.len() - 1);
    let with = |changes: &[(usize, u8)]| {
        let mut octets = report.clone();
        changes.iter().for_each(|(at, octet)| octets[*at] = *octet);
        octets
    };
    assert!(Envelope::decode(&with(&[(outcome, 3), (code, 5)])).is_ok());
    check(&with(&[(outcome, 4)]), "octet 22, outcome: 4 is not assigned");
    check(&with(&[(outcome, 3), (code, 6)]), "octet 23, code: 6 is not assigned");
    let misplaced = "octet 23, code: a code belongs to a bounce, and to nothing else";
    check(&with(&[(outcome, 3)]), misplaced);
    check(&with(&[(code, 1)]), misplaced);
    check(&with(&[(outcome, 2), (code, 1)]), misplaced);
}

#[test]
fn names_outside_the_alphabet_are_refused() {
    // KeyChanged with a name of three octets.
    let frame = |name: &str| {
        let hash = "00".repeat(32);
        parse_hex(&format!("85010e480102030405060708f6 83 {name} 01 5820{hash}")).unwrap()
    };
    assert!(Envelope::decode(&frame("63626f62")).is_ok());
    const ALPHABET: &str = "a user ID is made of a-z, 0-9, '.', '_' and '-', got";
    check(&frame("63426f62"), &format!("octet 14, user-id: {ALPHABET} 'B'"));
    check(&frame("63c3b362"), &format!("octet 14, user-id: {ALPHABET} 'ó'"));
    check(&frame("63626f00"), &format!("octet 14, user-id: {ALPHABET} '\\0'"));
    check(&frame("63ff6f62"), "octet 14, user-id: a text string is not UTF-8");
    check(&frame("60"), "octet 14, user-id: a user ID needs at least one octet");
    let long = format!("7841{}", "61".repeat(65));
    check(&frame(&long), "octet 14, user-id: a user ID has at most 64 octets, got 65");
}

#[test]
fn sizes_beyond_their_limits_are_refused() {
    let overhead = submit(vec![0; 60_000]).encode().len() - 60_000;
    // From 64 KiB on the length of the ciphertext itself would take two octets more.
    let largest = submit(vec![0; FRAME_MAX - overhead]);
    assert_eq!(largest.encode().len(), FRAME_MAX);
    assert_eq!(Envelope::decode(&largest.encode()), Ok(largest));
    let error = "octet 65536, envelope: at most 65536 octets are allowed, got 65537";
    check(&submit(vec![0; FRAME_MAX - overhead + 1]).encode(), error);

    let reply = |count| envelope(Message::KeyReply { records: vec![record(); count], more: false });
    assert!(Envelope::decode(&reply(64).encode()).is_ok());
    check(&reply(65).encode(), "octet 14, records: at most 64 items are allowed, got 65");
    let hello = |count| {
        let (versions, suites) = (vec![1], vec![1; count]);
        envelope(Message::Hello { user: user("bob"), versions, suites })
    };
    assert!(Envelope::decode(&hello(16).encode()).is_ok());
    check(&hello(17).encode(), "octet 20, suites: at most 16 items are allowed, got 17");

    let text = |len| Body::decode(BodyKind::Text, &vec![b'x'; len]);
    assert_eq!(text(TEXT_MAX), Ok(Body::Text("x".repeat(TEXT_MAX))));
    let error = text(TEXT_MAX + 1).map_err(|error| error.to_string());
    let expected = "octet 16384, text: at most 16384 octets are allowed, got 16385";
    assert_eq!(error, Err(expected.to_owned()));
}

#[test]
fn faults_inside_an_embedded_header_are_placed_in_the_frame() {
    let frame = submit(vec![0; 16]).encode();
    let aad = header().encode();
    let start = frame.windows(aad.len()).position(|window| window == aad).unwrap();
    assert_eq!(start, 16);
    for (at, octet, error) in [
        (1, 2, "octet 17, version: expected 1, got 2"),
        (2, 2, "octet 18, suite: expected 1, got 2"),
        (3, 6, "octet 19, type: 6 is not assigned"),
        (0, 0x8a, "octet 16, header: expected an array of 11, got one of 10"),
        (35, 0x4d, "octet 51, nonce: the input ends inside an item"),
    ] {
        let mut spoiled = frame.clone();
        spoiled[start + at] = octet;
        check(&spoiled, error);
    }
    // One octet more inside the string.
    let mut longer = frame.clone();
    longer[start - 1] += 1;
    longer.insert(start + aad.len(), 0);
    check(&longer, "octet 64, header: octets follow the last item");
    assert!(Header::decode(&[&aad[..], &[0]].concat()).is_err());
}

#[test]
fn text_that_is_not_utf8_is_refused_at_its_octet() {
    let error = Body::decode(BodyKind::Text, b"pay \xff").map_err(|error| error.to_string());
    assert_eq!(error, Err("octet 4, text: the text is not UTF-8".to_owned()));
    let text = Body::decode(BodyKind::Text, b"pay 10 EUR to bob");
    assert_eq!(text, Ok(Body::Text("pay 10 EUR to bob".to_owned())));
}
