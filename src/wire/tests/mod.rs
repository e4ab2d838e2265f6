//! What the whole wire format promises: round trips, refusals, agreement with `wire.cddl`.
//!
//! Not here: tests of one structure, which stand beside it.

mod descriptions;
mod grammar;
mod properties;
mod refusals;

use crate::base::id::{DeliveryId, Epoch, Hash32, ReqId, Seq, UserId};
use crate::base::time::Millis;
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Envelope, Message, Submit};
use crate::wire::record::KeyRecord;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn header() -> Header {
    Header {
        kind: BodyKind::Text,
        sender: user("alice"),
        receiver: user("bob"),
        epoch_s: Epoch::FIRST,
        epoch_r: Epoch::FIRST,
        kid_s: [0xaa; 8],
        kid_r: [0xbb; 8],
        seq: Seq(1),
        nonce: [0xcc; 12],
    }
}

fn record() -> KeyRecord {
    KeyRecord {
        user: user("bob"),
        generation: Hash32::ZERO,
        epoch: Epoch::FIRST,
        revoke_prev: false,
        agree_pk: [4; 65],
        sig_pk: [5; 65],
        created: Millis::WORLD_START,
        not_after: Millis(Millis::WORLD_START.0 + 86_400_000),
        prev_hash: Hash32::ZERO,
        sig_prev: None,
        sig_self: [8; 64],
    }
}

fn envelope(body: Message) -> Envelope {
    Envelope { req: ReqId([1, 2, 3, 4, 5, 6, 7, 8]), ticket: None, body }
}

fn poll() -> Envelope {
    envelope(Message::Poll { max: 32, cursor: DeliveryId(0) })
}

fn submit(ciphertext: Vec<u8>) -> Envelope {
    let expires = Millis(1_767_225_600_123);
    let submit = Submit { header: header(), ciphertext, attempt: 1, expires };
    envelope(Message::Submit(Box::new(submit)))
}
