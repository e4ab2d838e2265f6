//! What encoding and decoding a frame costs: every simulated frame pays both.
//!
//! Not here: the cryptography inside.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peadsim::base::id::{Epoch, Hash32, ReqId, Seq, UserId};
use peadsim::base::time::Millis;
use peadsim::wire::header::{BodyKind, Header};
use peadsim::wire::message::{Envelope, Message, Submit, Ticket};
use peadsim::wire::record::KeyRecord;

/// Octets that the AEAD adds to a text.
const TAG_LEN: usize = 16;

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a valid name")
}

fn envelope(body: Message) -> Envelope {
    let (generation, expires) = (Hash32([7; 32]), Millis(Millis::WORLD_START.0 + 3_600_000));
    let ticket = Ticket { user: user("alice"), generation, expires, mac: [9; 16] };
    Envelope { req: ReqId([1; 8]), ticket: Some(ticket), body }
}

fn submit(text_len: usize) -> Envelope {
    let header = Header {
        kind: BodyKind::Text,
        sender: user("alice"),
        receiver: user("bob"),
        epoch_s: Epoch(3),
        epoch_r: Epoch(2),
        kid_s: [1; 8],
        kid_r: [2; 8],
        seq: Seq(1_000),
        nonce: [3; 12],
    };
    let ciphertext = vec![0xee; text_len + TAG_LEN];
    let expires = Millis(Millis::WORLD_START.0 + 604_800_000);
    envelope(Message::Submit(Box::new(Submit { header, ciphertext, attempt: 1, expires })))
}

fn key_reply() -> Envelope {
    let record = |epoch| KeyRecord {
        user: user("bob"),
        generation: Hash32([4; 32]),
        epoch: Epoch(epoch),
        revoke_prev: false,
        agree_pk: [4; 65],
        sig_pk: [5; 65],
        created: Millis::WORLD_START,
        not_after: Millis(Millis::WORLD_START.0 + 1),
        prev_hash: Hash32([6; 32]),
        sig_prev: Some([7; 64]),
        sig_self: [8; 64],
    };
    envelope(Message::KeyReply { records: vec![record(2), record(3)], more: false })
}

fn wire(c: &mut Criterion) {
    let frames = [
        ("submit 64 B", submit(64)),
        ("submit 1 KiB", submit(1024)),
        ("key-reply of 2", key_reply()),
    ];
    let mut group = c.benchmark_group("wire");
    for (name, envelope) in &frames {
        let octets = envelope.encode();
        group.throughput(Throughput::Bytes(octets.len() as u64));
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            b.iter(|| black_box(envelope).encode());
        });
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| Envelope::decode(black_box(&octets)));
        });
    }
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
