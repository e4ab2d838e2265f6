//! Nothing that a link can carry makes an account panic, hang, or differ from its store.
//!
//! Not here: octets that are no frame, which never reach an account.

use proptest::prelude::*;

use super::bench::{Bench, user};
use super::property::NAMES;
use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, ReqId, Seq, UserId};
use crate::base::time::{Duration, Millis};
use crate::crypto::model::Model;
use crate::proto::port::{AccountInput, Origin, Token};
use crate::wire::code::{AckOutcome, ErrorCode, NackCode, Report};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Deliver, Envelope, Message, Register, Submit, Ticket};
use crate::wire::record::KeyRecord;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_frame_from_any_origin_panics(frames in prop::collection::vec(frame(), 1..40)) {
        let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
        let own: Vec<_> = NAMES.map(|name| bench.people[name].ticket.clone()).to_vec();
        for (account, origin, ticket, body) in frames {
            // A ticket of somebody's own mostly comes from where it was given.
            let (ticket, origin) = match ticket {
                Some(Err(who)) if origin > 0 => (own[who].clone(), who as u64 + 1),
                Some(Err(who)) => (own[who].clone(), origin),
                Some(Ok(ticket)) => (Some(ticket), origin),
                None => (None, origin),
            };
            let envelope = Envelope { req: ReqId([1; 8]), ticket, body };
            bench.input(&user(NAMES[account]), AccountInput::Frame(Origin(origin), envelope));
            bench.input(&user(NAMES[account]), AccountInput::Persisted(Token(origin)));
            bench.wait(Duration::from_secs(10));
        }
    }
}

/// Small numbers, which meet, and extreme ones, which overflow.
fn number() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![0..6_u64, Just(1 << 32), Just(u64::MAX - 1), Just(u64::MAX)]
}

fn name() -> impl Strategy<Value = UserId> + Clone {
    prop::sample::select(vec!["alice", "bob", "carol", "nobody"]).prop_map(user)
}

fn hash() -> impl Strategy<Value = Hash32> + Clone {
    (0..3_u8).prop_map(|octet| Hash32([octet; 32]))
}

fn mid() -> impl Strategy<Value = Mid> + Clone {
    (name(), name(), number()).prop_map(|(sender, receiver, seq)| Mid {
        sender,
        receiver,
        seq: Seq(seq),
    })
}

fn header() -> impl Strategy<Value = Header> {
    (mid(), number(), number()).prop_map(|(mid, epoch_s, epoch_r)| Header {
        kind: BodyKind::Text,
        sender: mid.sender,
        receiver: mid.receiver,
        epoch_s: Epoch(epoch_s),
        epoch_r: Epoch(epoch_r),
        kid_s: [0; 8],
        kid_r: [0; 8],
        seq: mid.seq,
        nonce: [0; 12],
    })
}

fn register() -> impl Strategy<Value = Box<Register>> {
    (name(), hash(), number(), any::<bool>(), any::<bool>()).prop_map(
        |(user, generation, epoch, revoke_prev, signed)| {
            let record = KeyRecord {
                user,
                generation,
                epoch: Epoch(epoch),
                revoke_prev,
                agree_pk: [4; 65],
                sig_pk: [4; 65],
                created: Millis(0),
                not_after: Millis(0),
                prev_hash: generation,
                sig_prev: signed.then_some([0; 64]),
                sig_self: [0; 64],
            };
            Box::new(Register { record, pop: [0; 64] })
        },
    )
}

fn ticket() -> impl Strategy<Value = Ticket> {
    (name(), hash(), number()).prop_map(|(user, generation, expires)| Ticket {
        user,
        generation,
        expires: Millis(expires),
        mac: [0; 16],
    })
}

/// A frame for one of the accounts: from any origin, with no, a made-up or somebody's own ticket.
fn frame() -> impl Strategy<Value = (usize, u64, Option<Result<Ticket, usize>>, Message)> {
    let ticket = prop_oneof![
        Just(None),
        ticket().prop_map(|it| Some(Ok(it))),
        (0..3_usize).prop_map(|it| Some(Err(it)))
    ];
    let request = prop_oneof![
        register().prop_map(Message::Register),
        register().prop_map(Message::RotateKey),
        (name(), prop::option::of(number()), prop::option::of(hash())).prop_map(
            |(user, want, have_hash)| {
                Message::LookupKey { user, want_epoch: want.map(Epoch), have_hash }
            }
        ),
        (header(), 0..100_usize, number(), number()).prop_map(|(header, len, attempt, expires)| {
            let (ciphertext, expires) = (vec![0; len], Millis(expires));
            Message::Submit(Box::new(Submit { header, ciphertext, attempt, expires }))
        }),
        (number(), number())
            .prop_map(|(max, cursor)| Message::Poll { max, cursor: DeliveryId(cursor) }),
        (number(), mid()).prop_map(|(delivery, mid)| Message::DeliverAck {
            delivery: DeliveryId(delivery),
            mid,
            outcome: AckOutcome::Committed
        }),
        (number(), mid(), prop::sample::select(NackCode::ALL), number()).prop_map(
            |(delivery, mid, code, retry)| Message::DeliverNack {
                delivery: DeliveryId(delivery),
                mid,
                code,
                retry_after: Millis(retry)
            }
        ),
        (name(), prop::collection::vec(number(), 0..3), prop::collection::vec(number(), 0..3))
            .prop_map(|(user, versions, suites)| Message::Hello { user, versions, suites }),
        (name(), number(), hash()).prop_map(|(user, epoch, nonce)| Message::Attach {
            user,
            sig_epoch: Epoch(epoch),
            nonce,
            sig: [0; 64]
        }),
    ];
    let body = prop_oneof![9 => request, 1 => reply()];
    (0..3_usize, 0..5_u64, ticket, body)
}

/// What only a server says.
fn reply() -> impl Strategy<Value = Message> {
    let common = (mid(), hash(), number(), header(), ticket());
    (0..9_u8, common).prop_map(|(kind, (mid, hash, number, header, ticket))| match kind {
        0 => Message::RegisterAck { record_hash: hash },
        1 => Message::KeyReply { records: vec![], more: true },
        2 => Message::SubmitAck { mid, duplicate: true },
        3 => Message::Deliver(Box::new(Deliver {
            delivery: DeliveryId(number),
            header,
            ciphertext: vec![],
            queued_at: Millis(number),
        })),
        4 => Message::PollEnd { count: number, more: true },
        5 => Message::StatusReport {
            delivery: DeliveryId(number),
            mid,
            attempt: number,
            report: Report::Expired,
        },
        6 => Message::Error { code: ErrorCode::BadTicket, arg: number, about: hash },
        7 => Message::Challenge { server: mid.sender, nonce: hash, time: Millis(number) },
        _ => Message::Attached { ticket },
    })
}
