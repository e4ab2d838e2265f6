//! Speed of the suites and backends, one operation per group; a group's name says its baseline.
//!
//! Not here: correctness (`tests/it/crypto_*`).

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

use peadsim::base::id::{Epoch, UserId};
use peadsim::base::rng::{Luck, Purpose};
use peadsim::crypto::keys::KeyPair;
use peadsim::crypto::model::Model;
use peadsim::crypto::p256::{Backend as _, P256, PureP256};
use peadsim::crypto::pure::Pure;
use peadsim::crypto::schedule::{self, Party};
use peadsim::crypto::shared::Shared;
use peadsim::crypto::suite::{Secret, Suite};

const TEXT: [u8; 64] = [7; 64];
const NONCE: [u8; 12] = [1; 12];

fn keygen(c: &mut Criterion) {
    fn bench<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
        let luck = Luck::new(1, Purpose::Keys, 0);
        let mut counter = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                counter += 1;
                KeyPair::generate::<S>(&mut luck.at(counter))
            });
        });
    }
    let mut group = c.benchmark_group("keygen vs p256-pure");
    bench::<PureP256>(&mut group, "p256-pure");
    bench::<P256>(&mut group, "p256 as built");
    bench::<Model>(&mut group, "model");
}

fn agree(c: &mut Criterion) {
    let mut group = c.benchmark_group("agree vs p256-pure");
    let (own, peer) = (pair::<P256>(0), pair::<P256>(1));
    group.bench_function("p256-pure", |b| {
        b.iter(|| Pure::agree(black_box(&own.secret), black_box(&peer.public)));
    });
    #[cfg(feature = "fast-crypto")]
    group.bench_function("p256-fast", |b| {
        use peadsim::crypto::fast::Fast;
        b.iter(|| Fast::agree(black_box(&own.secret), black_box(&peer.public)));
    });
    group.bench_function("p256 as built, checks included", |b| {
        b.iter(|| P256::agree(black_box(&own.secret), black_box(&peer.public)));
    });
    let (own, peer) = (pair::<Model>(0), pair::<Model>(1));
    group.bench_function("model", |b| {
        b.iter(|| Model::agree(black_box(&own.secret), black_box(&peer.public)));
    });
}

/// A table miss: agreement and pair secret.
fn derive(c: &mut Criterion) {
    fn bench<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let [alice, bob] = ["alice", "bob"].map(|name| UserId::new(name).expect("a user ID"));
        let (own, peer) = (pair::<S>(0), pair::<S>(1));
        let (kid_own, kid_peer) =
            (schedule::kid::<S>(&own.public), schedule::kid::<S>(&peer.public));
        let own_party = Party { user: &alice, epoch: Epoch::FIRST, kid: &kid_own };
        let peer_party = Party { user: &bob, epoch: Epoch::FIRST, kid: &kid_peer };
        group.throughput(Throughput::Elements(1));
        group.bench_function(S::NAME, |b| {
            b.iter(|| {
                let secret = black_box(&own.secret);
                schedule::pair_secret::<S>(secret, own_party, &peer.public, peer_party)
            });
        });
    }
    let mut group = c.benchmark_group("pair secret vs p256");
    bench::<P256>(&mut group);
    bench::<Model>(&mut group);
}

/// Both ends of a pair that was never asked for, by the suite itself and with what is shared.
fn agree_at_both_ends(c: &mut Criterion) {
    fn bench<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
        let (own, peer) = (pair::<S>(0), pair::<S>(1));
        let kid_own = schedule::kid::<S>(&own.public);
        let mut counter: u64 = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                // A kid of its own makes it another pair; which of them are shared depends on its first octet.
                counter += 1;
                let kid_peer = S::hash(&[&counter.to_be_bytes()]);
                let here =
                    S::agree_between((&own.secret, &kid_own), (black_box(&peer.public), &kid_peer));
                let there =
                    S::agree_between((&peer.secret, &kid_peer), (black_box(&own.public), &kid_own));
                (here, there)
            });
        });
    }
    let mut group = c.benchmark_group("agreement at both ends vs p256");
    bench::<P256>(&mut group, "p256");
    bench::<Shared<P256>>(&mut group, "p256, shared");
}

fn sign(c: &mut Criterion) {
    fn bench<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
        let pair = pair::<S>(0);
        group.bench_function(name, |b| b.iter(|| S::sign(&pair.secret, black_box(&TEXT))));
    }
    let mut group = c.benchmark_group("sign 64 B vs p256-pure");
    bench::<PureP256>(&mut group, "p256-pure");
    bench::<P256>(&mut group, "p256 as built");
    bench::<Model>(&mut group, "model");
}

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify 64 B vs p256-pure");
    let signer = pair::<P256>(0);
    let (public, signature) = (signer.public, P256::sign(&signer.secret, &TEXT));
    group.bench_function("p256-pure", |b| {
        b.iter(|| Pure::verify(black_box(&public), &TEXT, &signature));
    });
    #[cfg(feature = "fast-crypto")]
    group.bench_function("p256-fast", |b| {
        use peadsim::crypto::fast::Fast;
        b.iter(|| Fast::verify(black_box(&public), &TEXT, &signature));
    });
    group.bench_function("p256 as built, checks included", |b| {
        b.iter(|| P256::verify(black_box(&public), &TEXT, &signature));
    });
    let signer = pair::<Model>(0);
    let (public, signature) = (signer.public, Model::sign(&signer.secret, &TEXT));
    group.bench_function("model", |b| {
        b.iter(|| Model::verify(black_box(&public), &TEXT, &signature));
    });
}

fn expand(c: &mut Criterion) {
    fn bench<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let key = Secret::new([1; 32]);
        group.bench_function(S::NAME, |b| b.iter(|| S::expand(black_box(&key), &TEXT)));
    }
    let mut group = c.benchmark_group("expand 64 B vs p256");
    bench::<P256>(&mut group);
    bench::<Model>(&mut group);
}

fn seal_and_open(c: &mut Criterion) {
    fn bench<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>, plaintext: &[u8]) {
        let key = Secret::new([1; 32]);
        let aad = [2; 48];
        group.throughput(Throughput::Bytes(plaintext.len() as u64));
        group.bench_function(format!("seal/{}", S::NAME), |b| {
            b.iter(|| S::seal(black_box(&key), &NONCE, &aad, plaintext));
        });
        let sealed = S::seal(&key, &NONCE, &aad, plaintext);
        group.bench_function(format!("open/{}", S::NAME), |b| {
            b.iter(|| S::open(black_box(&key), &NONCE, &aad, &sealed));
        });
    }
    for (size, name) in [(64, "AEAD 64 B vs p256"), (1_024, "AEAD 1 KiB vs p256")] {
        let plaintext = vec![3; size];
        let mut group = c.benchmark_group(name);
        bench::<P256>(&mut group, &plaintext);
        bench::<Model>(&mut group, &plaintext);
    }
}

fn pair<S: Suite>(entity: u64) -> KeyPair {
    KeyPair::generate::<S>(&mut Luck::new(1, Purpose::Keys, entity).at(0))
}

criterion_group!(
    benches, keygen, agree, agree_at_both_ends, derive, sign, verify, expand, seal_and_open
);
criterion_main!(benches);
