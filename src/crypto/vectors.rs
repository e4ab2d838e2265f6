//! Octets to test an implementation of PEAD-P256-1 with: known answers and points to refuse.
//!
//! Everything is computed when asked; tests hold it to literals. Not here: how it is printed.

use crate::base::cbor::Writer;
use crate::base::id::{Epoch, UserId};

use super::p256::P256;
use super::schedule::{self, Party};
use super::suite::{Nonce, Point, Secret, Suite};

/// A named value of the known-answer set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAnswer {
    /// Its name, the same in every output format.
    pub name: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// The value.
    pub octets: Vec<u8>,
}

/// Octets that are no public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPoint {
    /// What is wrong.
    pub name: &'static str,
    /// The octets to refuse.
    pub octets: Vec<u8>,
}

/// One message from alice to bob, from the labels of the private keys to the ciphertext (protocol, Appendix A).
///
/// # Panics
/// When the suite refuses its own values.
#[must_use]
pub fn known_answers() -> Vec<KnownAnswer> {
    let [alice, bob] = ["alice", "bob"].map(|name| UserId::new(name).expect("a valid user ID"));
    let (secret_a, secret_b) =
        (labeled("PEAD-v1 test agree alice 1"), labeled("PEAD-v1 test agree bob 1"));
    let (point_a, point_b) = (P256::public(&secret_a), P256::public(&secret_b));
    let (kid_a, kid_b) = (schedule::kid::<P256>(&point_a), schedule::kid::<P256>(&point_b));
    let party_a = Party { user: &alice, epoch: Epoch::FIRST, kid: &kid_a };
    let party_b = Party { user: &bob, epoch: Epoch::FIRST, kid: &kid_b };
    let z = P256::agree(&secret_a, &point_b).expect("both keys are valid");
    let pair = schedule::pair_from_z::<P256>(z.clone(), party_a, party_b);
    let key_ab = schedule::direction_key::<P256>(&pair, &alice, &bob);
    let key_ba = schedule::direction_key::<P256>(&pair, &bob, &alice);
    let header = header(party_a, party_b);
    let sealed = P256::seal(&key_ab, &NONCE, &header, PLAINTEXT);
    let secret_lz = labeled("PEAD-v1 test agree bob lz 103");
    let point_lz = P256::public(&secret_lz);
    let z_lz = P256::agree(&secret_a, &point_lz).expect("both keys are valid");

    let answer =
        |name, meaning, octets: &[u8]| KnownAnswer { name, meaning, octets: octets.to_vec() };
    vec![
        answer("skA", "alice's private key, SHA-256 of a label", secret_a.expose()),
        answer("pkA", "alice's public key", &point_a),
        answer("kidA", "its key ID", &kid_a.0),
        answer("skB", "bob's private key, SHA-256 of a label", secret_b.expose()),
        answer("pkB", "bob's public key", &point_b),
        answer("kidB", "its key ID", &kid_b.0),
        answer("Z", "the agreement of both", z.expose()),
        answer(
            "pair_info",
            "what the pair secret is bound to",
            &schedule::pair_info(party_a, party_b),
        ),
        answer("S_pair", "the pair secret", pair.expose()),
        answer("dir_info", "what K_ab is bound to", &schedule::direction_info(&alice, &bob)),
        answer("K_ab", "the key from alice to bob", key_ab.expose()),
        answer("K_ba", "the key from bob to alice", key_ba.expose()),
        answer("header", "the header, which is the associated data", &header),
        answer("nonce", "the nonce", &NONCE),
        answer("plaintext", "the plaintext", PLAINTEXT),
        answer("ct_tag", "the ciphertext and its tag", &sealed),
        answer("skB_lz", "a private key that agrees with pkA on leading zeros", secret_lz.expose()),
        answer("pkB_lz", "its public key", &point_lz),
        answer("Z_lz", "the agreement, which keeps its leading zero octet", z_lz.expose()),
    ]
}

/// What may be put in the place of `valid`, a public key of any suite, and must be refused (C05-R8).
#[must_use]
pub fn invalid_points(valid: &Point) -> Vec<InvalidPoint> {
    let (x, y) = valid[1..].split_at(32);
    let parity = 2 + (y[31] & 1);
    let one_off = |octets: &[u8]| [&octets[..31], &[octets[31] ^ 1]].concat();
    let zero: &[u8] = &[0; 32];
    let table: [(&'static str, &[&[u8]]); 21] = [
        ("off the curve: y changed in one bit", &[&[4], x, &one_off(y)]),
        ("off the curve: x changed in one bit", &[&[4], &one_off(x), y]),
        ("off the curve: x and y exchanged", &[&[4], y, x]),
        ("off the curve: both coordinates zero", &[&[4], zero, zero]),
        ("x not reduced: p", &[&[4], &FIELD, y]),
        ("x not reduced: p + 5 in the place of 5", &[&[4], &FIVE_AND_FIELD, &Y_OF_FIVE]),
        ("y not reduced: p", &[&[4], x, &FIELD]),
        ("both coordinates all ones", &[&[4], &[0xff; 64]]),
        ("the identity, one octet", &[&[0]]),
        ("the identity, padded: all zero", &[&[0], zero, zero]),
        ("the identity's tag before a point", &[&[0], x, y]),
        ("hybrid, tag 06", &[&[6], x, y]),
        ("hybrid, tag 07", &[&[7], x, y]),
        ("compressed, right parity", &[&[parity], x]),
        ("compressed, other parity", &[&[parity ^ 1], x]),
        ("compressed tag before both coordinates", &[&[parity], x, y]),
        ("unknown tag 05", &[&[5], x, y]),
        ("no tag", &[x, y]),
        ("truncated by one octet", &[&valid[..64]]),
        ("one octet more", &[valid, &[0]]),
        ("empty", &[]),
    ];
    let point = |(name, parts): (_, &[&[u8]])| InvalidPoint { name, octets: parts.concat() };
    table.into_iter().map(point).collect()
}

const PLAINTEXT: &[u8] = b"pay 10 EUR to bob";

/// Boot salt deadbeef, counter 1.
const NONCE: Nonce = [0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 0, 1];

/// The order p of the field of P-256.
const FIELD: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

/// p + 5: a decoder that reduces takes it for 5, the x-coordinate of a point.
const FIVE_AND_FIELD: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04,
];

/// The y-coordinate of the point with x = 5.
const Y_OF_FIVE: [u8; 32] = [
    0x45, 0x92, 0x43, 0xb9, 0xaa, 0x58, 0x18, 0x06, 0xfe, 0x91, 0x3b, 0xce, 0x99, 0x81, 0x7a, 0xde,
    0x11, 0xca, 0x50, 0x3c, 0x64, 0xd9, 0xa3, 0xc5, 0x33, 0x41, 0x5c, 0x08, 0x32, 0x48, 0xfb, 0xcc,
];

/// A private key that is the hash of a label.
fn labeled(label: &str) -> Secret {
    Secret::new(P256::hash(&[label.as_bytes()]).0)
}

/// The header of the first message from `sender` to `receiver` (protocol 3.3).
fn header(sender: Party<'_>, receiver: Party<'_>) -> Vec<u8> {
    const VERSION: u64 = 1;
    const MESSAGE: u64 = 1;
    const SEQ: u64 = 1;
    let mut header = Writer::new();
    header.array(11).uint(VERSION).uint(schedule::SUITE).uint(MESSAGE);
    header.text(sender.user.as_str()).text(receiver.user.as_str());
    header.uint(sender.epoch.0).uint(receiver.epoch.0);
    header.bytes(&sender.kid.0[..8]).bytes(&receiver.kid.0[..8]);
    header.uint(SEQ).bytes(&NONCE);
    header.finish()
}
