//! A short run for the tests of this room: one exchange, nothing special. Not here: assertions.

use crate::base::id::{DraftId, Epoch, Hash32, Mid, NodeId, ReqId, Seq, UserId};
use crate::base::time::{Instant, Millis};
use crate::trace::fact::{
    About, Fact, FrameFact, FrameKind, LookupCause, Octets, Phase, TRACE_VERSION,
};
use crate::trace::record::{Record, RecordId};
use crate::trace::sink::{Header, MessageName};

/// Two users.
pub(super) fn header() -> Header {
    Header {
        version: TRACE_VERSION,
        rng: 1,
        case: "SAMPLE[loss=5%]".to_owned(),
        seed: u64::MAX,
        suite: "model".to_owned(),
        users: vec![user("alice"), user("bob")],
        messages: vec![MessageName { name: "m1".to_owned(), by: 1, draft: DraftId(1) }],
    }
}

/// A lookup of bob by alice, up to the derivation.
pub fn run() -> Vec<Record> {
    let (device, account) = (NodeId::device(0), NodeId::account(1));
    let (peer, req) = (user("bob"), ReqId([7; 8]));
    let because = LookupCause::Message;
    let mid = Mid { sender: user("bob"), receiver: user("alice"), seq: Seq(1) };
    let derive = Fact::Derive {
        peer: peer.clone(),
        own: Epoch(1),
        theirs: Epoch(2),
        own_kid: Hash32([1; 32]),
        their_kid: Hash32([2; 32]),
        secret: Hash32([3; 32]),
    };
    let pin = Fact::Pin {
        peer: peer.clone(),
        generation: Hash32([5; 32]),
        epoch: Epoch(2),
        record: Hash32([6; 32]),
    };
    [
        (NodeId::HARNESS, 0, None, Fact::Phase(Phase::Active)),
        (device, 0, None, Fact::Lookup { peer, req, want: Some(Epoch(2)), because }),
        (device, 1, Some((device, 0)), Fact::Tx(frame(FrameKind::LookupKey))),
        (account, 0, Some((device, 1)), Fact::Rx(frame(FrameKind::LookupKey))),
        (device, 2, Some((device, 1)), pin),
        (device, 3, Some((device, 2)), derive),
        (account, 1, None, Fact::Duplicate { mid }),
    ]
    .into_iter()
    .zip(1_u64..)
    .map(|((node, seq, cause, fact), n)| Record {
        id: RecordId { node, seq },
        at: Instant::from_nanos(n * 1_000_000),
        wall: Millis(n),
        cause: cause.map(|(node, seq)| RecordId { node, seq }),
        fact,
    })
    .collect()
}

fn frame(kind: FrameKind) -> FrameFact {
    FrameFact {
        number: 1,
        copy: 0,
        up: true,
        kind: Some(kind),
        req: ReqId([7; 8]),
        about: About::User(user("bob")),
        len: 3,
        octets: Some(Octets([1, 2, 3].into())),
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}
