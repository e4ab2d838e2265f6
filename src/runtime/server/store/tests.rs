//! What the store keeps reads back, and its octets are those of the format.
//!
//! Not here: media that fail, which the integration tests have.

use std::sync::Arc;

use redb::backends::InMemoryBackend;
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, Seq};
use crate::base::time::Millis;
use crate::proto::port::Origin;
use crate::proto::server::durable::Session;
use crate::proto::server::mailbox::{ItemNo, Mail, Refusals, StatusItem};
use crate::wire::code::{NackCode, Report};
use crate::wire::header::{BodyKind, Header};
use crate::wire::record::KeyRecord;

/// One write of each kind.
fn writes() -> Vec<AccountWrite> {
    let (alice, bob) = (UserId::new("alice").unwrap(), UserId::new("bob").unwrap());
    let (one, at) = (Hash32([1; 32]), Instant::from_nanos(7));
    let record = KeyRecord {
        user: bob.clone(),
        generation: Hash32::ZERO,
        epoch: Epoch::FIRST,
        revoke_prev: false,
        agree_pk: [4; 65],
        sig_pk: [5; 65],
        created: Millis(6),
        not_after: Millis::NEVER,
        prev_hash: Hash32::ZERO,
        sig_prev: None,
        sig_self: [8; 64],
    };
    let header = Header {
        kind: BodyKind::Text,
        sender: alice.clone(),
        receiver: bob.clone(),
        epoch_s: Epoch(1),
        epoch_r: Epoch(2),
        kid_s: [1; 8],
        kid_r: [2; 8],
        seq: Seq(300),
        nonce: [3; 12],
    };
    let (ciphertext, content, generation) = (vec![0xc1; 20], one, Hash32([2; 32]));
    let (attempt, queued_at, expires) = (1, Millis(9), Millis(10));
    let mail = Mail { header, ciphertext, content, generation, attempt, queued_at, expires };
    let mid = Mid { sender: bob, receiver: alice.clone(), seq: Seq(4) };
    let status = StatusItem { mid, attempt: 2, report: Report::Bounced(NackCode::TooOld) };
    let refusals = Refusals { again: at, unknown_since: Some(at), unknown: 1, unauthentic: 0 };
    let (until, after) = (Instant::from_nanos(1 << 40), DeliveryId(5));
    let store = |no| AccountWrite::Store { no, mail: Arc::new(mail.clone()), until, after };
    let status = Arc::new(status);
    let session = Session { origin: Origin(1 << 41), expires: Millis(11), until };
    vec![
        AccountWrite::EndIdentity,
        AccountWrite::Record { record: Arc::new(record), hash: one, at },
        AccountWrite::Watch { user: alice, most: 3 },
        AccountWrite::Detach,
        AccountWrite::Attach(session),
        store(ItemNo(0)),
        AccountWrite::Bounce(ItemNo(0)),
        store(ItemNo(1)),
        AccountWrite::Report { no: ItemNo(2), status, until, after },
        AccountWrite::Note { no: ItemNo(1), refusals },
        AccountWrite::Remove(ItemNo(9)),
    ]
}

fn applied() -> AccountDurable {
    let mut durable = AccountDurable::default();
    writes().iter().for_each(|write| durable.apply(write));
    durable
}

#[test]
fn octets_are_pinned_to_the_format() {
    let news = AccountMessage::KeyChanged {
        user: UserId::new("bob").unwrap(),
        epoch: Epoch(2),
        record: Hash32([1; 32]),
    };
    let octets = [encode(&writes()), encode(&applied()), encode(&news)];
    let found = octets.map(|octets| (octets.len(), xxh3_64(&octets)));
    assert_eq!(FORMAT, 1);
    assert_eq!(found, PINNED, "a change of octets needs a new FORMAT");
}

const PINNED: [(usize, u64); 3] = [
    (682, 134_485_975_482_462_557),
    (616, 3_323_999_694_285_255_472),
    (39, 1_442_891_783_786_645_589),
];

#[test]
fn an_image_takes_the_place_of_what_was_journaled() {
    let database = Builder::new().create_with_backend(InMemoryBackend::new()).unwrap();
    let store = Store(Engine::of(database));
    let (user, all) = (UserId::new("bob").unwrap(), writes());
    let batch = |number, writes, post, heard| Batch {
        partition: 0,
        number,
        user: user.clone(),
        writes,
        post,
        heard,
        stated: (number == 2).then(|| (9, vec![1])),
        at: Instant::from_nanos(number),
    };
    let mut unused = store.read().unwrap();
    assert_eq!(unused.boots, 1);
    store.count_start(&mut unused, None).unwrap();
    let told =
        AccountMessage::KeyChanged { user: user.clone(), epoch: Epoch(2), record: Hash32::ZERO };
    let post = vec![(3, user.clone(), told.clone())];
    let (first, second) = all.split_at(5);
    let entry = |number, writes: &[AccountWrite]| Written::Entry(number, encode(&writes));
    store.commit(&[batch(1, entry(0, first), post.clone(), None)]).unwrap();
    store.commit(&[batch(2, entry(7, second), Vec::new(), None)]).unwrap();
    let read = store.read().unwrap();
    // Numbers of the history are not given again either.
    assert_eq!((read.boots, read.free, read.last), (2, 10, Instant::from_nanos(2)));
    let kept = &read.accounts[&user];
    assert_eq!((&kept.durable, &kept.entries), (&applied(), &vec![0, 7]));
    assert_eq!(read.post, post);
    let image = Written::Image(encode(&kept.durable), kept.entries.clone());
    store.commit(&[batch(3, image, Vec::new(), Some(3))]).unwrap();
    let read = store.read().unwrap();
    let kept = &read.accounts[&user];
    assert_eq!((&kept.durable, kept.entries.len(), kept.journaled), (&applied(), 0, 0));
    assert!(read.post.is_empty());
}
