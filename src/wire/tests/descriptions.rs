//! Descriptions as pictures: what `peadsim decode` shows for good and for broken octets.
//!
//! Not here: that they break where decoding does (`properties`).

use super::{envelope, header, poll, record, submit, user};
use crate::base::id::{Epoch, Hash32};
use crate::base::time::Millis;
use crate::wire::describe::describe;
use crate::wire::frame::write_frame;
use crate::wire::message::{Envelope, Message, Ticket};

#[test]
fn a_submit_is_shown_field_by_field() {
    let ticket = Ticket {
        user: user("alice"),
        generation: Hash32([7; 32]),
        expires: Millis::WORLD_START,
        mac: [9; 16],
    };
    let frame = Envelope { ticket: Some(ticket), ..submit(vec![0xee; 100]) };
    insta::assert_snapshot!(describe(&frame.encode()), @r#"
      0  envelope: 5 items
      1    version: 1
      2    type: 5 (submit)
      3    req-id: 0102030405060708
     12    ticket: 4 items
     13      user-id: "alice"
     19      generation: 0707070707070707070707070707070707070707070707070707070707070707
     53      expires: 1767225600000 (2026-01-01T00:00:00.000Z)
     62      mac: 09090909090909090909090909090909
     79    submit: 4 items
     80      header: 48 octets, which hold:
     82        header: 11 items
     83          version: 1
     84          suite: 1
     85          type: 1 (text)
     86          sender-id: "alice"
     92          receiver-id: "bob"
     96          epoch-s: 1
     97          epoch-r: 1
     98          kid-s: aaaaaaaaaaaaaaaa
    107          kid-r: bbbbbbbbbbbbbbbb
    116          seq: 1
    117          nonce: cccccccccccccccccccccccc
    130      ciphertext: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.. (100 octets)
    232      attempt: 1
    233      expires: 1767225600123 (2026-01-01T00:00:00.123Z)
    "#);
}

#[test]
fn a_header_and_a_record_stand_alone() {
    insta::assert_snapshot!(describe(&header().encode()), @r#"
     0  header: 11 items
     1    version: 1
     2    suite: 1
     3    type: 1 (text)
     4    sender-id: "alice"
    10    receiver-id: "bob"
    14    epoch-s: 1
    15    epoch-r: 1
    16    kid-s: aaaaaaaaaaaaaaaa
    25    kid-r: bbbbbbbbbbbbbbbb
    34    seq: 1
    35    nonce: cccccccccccccccccccccccc
    "#);
    insta::assert_snapshot!(describe(&record().encode()), @r#"
      0  key-record: 11 items
      1    user-id: "bob"
      5    generation: 0000000000000000000000000000000000000000000000000000000000000000
     39    epoch: 1
     40    flags: 0 (none)
     41    agree-pk: 0404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404
    108    sig-pk: 0505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505050505
    175    created: 1767225600000 (2026-01-01T00:00:00.000Z)
    184    not-after: 1767312000000 (2026-01-02T00:00:00.000Z)
    193    prev-hash: 0000000000000000000000000000000000000000000000000000000000000000
    227    sig-prev: no octets
    228    sig-self: 08080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808
    "#);
}

#[test]
fn a_frame_from_a_stream_keeps_its_offsets() {
    let mut stream = Vec::new();
    write_frame(&poll().encode(), &mut stream);
    insta::assert_snapshot!(describe(&stream), @r#"
     0  length: 17
     4  envelope: 5 items
     5    version: 1
     6    type: 7 (poll)
     7    req-id: 0102030405060708
    16    ticket: null
    17    poll: 2 items
    18      max: 32
    20      cursor: 0
    "#);
    stream[3] += 1;
    insta::assert_snapshot!(describe(&stream), @r#"
     0  length: 18
     4  envelope: 5 items
     5    version: 1
     6    type: 7 (poll)
     7    req-id: 0102030405060708
    16    ticket: null
    17    poll: 2 items
    18      max: 32
    20      cursor: 0
     0  breaks here: length: expected 17, got 18
        > 00 00 00 12 85 01 07 48 ..
    "#);
}

#[test]
fn a_broken_frame_is_shown_up_to_its_break() {
    let lookup =
        Message::LookupKey { user: user("bob"), want_epoch: Some(Epoch(3)), have_hash: None };
    let mut octets = envelope(lookup).encode();
    octets[18] = 0x23;
    insta::assert_snapshot!(describe(&octets), @r#"
     0  envelope: 5 items
     1    version: 1
     2    type: 3 (lookup-key)
     3    req-id: 0102030405060708
    12    ticket: null
    13    lookup-key: 3 items
    14      user-id: "bob"
    18  breaks here: want-epoch: expected an unsigned integer, got a negative integer
        .. 07 08 f6 83 63 62 6f 62 > 23 f6 end
    "#);
    insta::assert_snapshot!(describe(&octets[..16]), @r#"
     0  envelope: 5 items
     1    version: 1
     2    type: 3 (lookup-key)
     3    req-id: 0102030405060708
    12    ticket: null
    13  breaks here: lookup-key: the input ends inside an item
        .. 02 03 04 05 06 07 08 f6 > 83 63 62 end
    "#);
    insta::assert_snapshot!(describe(&[]), @r#"
    0  breaks here: envelope: the input ends inside an item
       > end
    "#);
}

#[test]
fn wall_times_are_right_around_leap_days() {
    let time_of = |millis| {
        let (server, nonce, time) = (user("s"), Hash32::ZERO, Millis(millis));
        let octets = envelope(Message::Challenge { server, nonce, time }).encode();
        describe(&octets).lines.last().map(|line| line.value.clone())
    };
    for (millis, shown) in [
        (0, "0 (1970-01-01T00:00:00.000Z)"),
        (951_782_399_999, "951782399999 (2000-02-28T23:59:59.999Z)"),
        (951_782_400_000, "951782400000 (2000-02-29T00:00:00.000Z)"),
        (1_709_251_200_000, "1709251200000 (2024-03-01T00:00:00.000Z)"),
        (1_767_225_600_000, "1767225600000 (2026-01-01T00:00:00.000Z)"),
        (4_107_542_399_000, "4107542399000 (2100-02-28T23:59:59.000Z)"),
        (4_107_542_400_000, "4107542400000 (2100-03-01T00:00:00.000Z)"),
    ] {
        assert_eq!(time_of(millis).as_deref(), Some(shown));
    }
    assert!(time_of(u64::MAX).is_some());
}
