//! What is no key is refused, by both suites and by every backend, and both backends agree on the rest.
//!
//! Not here: published vectors (`crypto_known_answers`, `crypto_wycheproof`).

use peadsim::base::rng::{Luck, Purpose};
use peadsim::crypto::keys::KeyPair;
use peadsim::crypto::model::Model;
use peadsim::crypto::order::{self, ORDER};
use peadsim::crypto::p256::{Backend as _, P256};
use peadsim::crypto::pure::Pure;
use peadsim::crypto::sign::{is_low_s, twin};
use peadsim::crypto::suite::{KeyError, Point, Secret, Signature, Suite};
use peadsim::crypto::vectors::invalid_points;

/// What a backend does.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) public: fn(&Secret) -> Point,
    pub(crate) agree: fn(&Secret, &Point) -> Result<Secret, KeyError>,
    pub(crate) sign: fn(&Secret, &[u8]) -> Signature,
    pub(crate) verify: fn(&Point, &[u8], &Signature) -> bool,
}

/// Every backend that this build has.
pub(crate) const BACKENDS: &[Backend] = &[
    Backend {
        name: "pure",
        public: Pure::public,
        agree: Pure::agree,
        sign: Pure::sign,
        verify: Pure::verify,
    },
    #[cfg(feature = "fast-crypto")]
    Backend {
        name: "fast",
        public: peadsim::crypto::fast::Fast::public,
        agree: peadsim::crypto::fast::Fast::agree,
        sign: peadsim::crypto::fast::Fast::sign,
        verify: peadsim::crypto::fast::Fast::verify,
    },
];

#[test]
fn invalid_points_are_refused_by_both_suites_and_all_backends() {
    let refused = check_refusals::<P256>();
    println!("{refused} invalid points refused by p256");
    let refused = check_refusals::<Model>();
    println!("{refused} invalid points refused by model");
    let pair = pair::<P256>(0);
    let mut refused = 0;
    for invalid in invalid_points(&pair.public) {
        let Ok(point) = Point::try_from(invalid.octets) else { continue };
        // The hybrid and padded forms that a backend may know are the suite's to refuse.
        if point[0] != 4 {
            continue;
        }
        for Backend { name, agree, verify, .. } in BACKENDS {
            let agreed = agree(&pair.secret, &point);
            assert_eq!(agreed, Err(KeyError::NotOnCurve), "{name}: {}", invalid.name);
            let signature = P256::sign(&pair.secret, b"text");
            assert!(!verify(&point, b"text", &signature), "{name}: {}", invalid.name);
            refused += 1;
        }
    }
    println!("{refused} times a backend refused one by itself");
    assert_eq!(refused, 8 * BACKENDS.len());
}

/// Refuses every corruption of a valid point wherever the suite takes a point.
fn check_refusals<S: Suite>() -> usize {
    let pair = pair::<S>(0);
    assert_eq!(S::check_point(&pair.public), Ok(()));
    let points = invalid_points(&pair.public);
    for invalid in &points {
        let tag = invalid.octets.first() == Some(&4) && invalid.octets.len() == 65;
        let error = if tag { KeyError::NotOnCurve } else { KeyError::Encoding };
        assert_eq!(S::check_point(&invalid.octets), Err(error), "{}: {}", S::NAME, invalid.name);
        let download = KeyPair::from_download::<S>(pair.secret.expose(), &invalid.octets);
        assert_eq!(download, Err(error), "{}: {}", S::NAME, invalid.name);
        if let Ok(point) = Point::try_from(invalid.octets.as_slice()) {
            assert_eq!(S::agree(&pair.secret, &point), Err(error), "{}: {}", S::NAME, invalid.name);
            let signature = S::sign(&pair.secret, b"text");
            assert!(!S::verify(&point, b"text", &signature), "{}: {}", S::NAME, invalid.name);
        }
    }
    points.len()
}

/// Without this, the unreduced coordinate of the table would be refused for another reason.
#[test]
fn the_unreduced_coordinate_is_that_of_a_point() {
    let points = invalid_points(&pair::<P256>(0).public);
    let unreduced = points.iter().find(|point| point.name.contains("p + 5")).unwrap();
    let mut reduced = unreduced.octets.clone();
    reduced[1..33].fill(0);
    reduced[32] = 5;
    assert_eq!(P256::check_point(&reduced), Ok(()));
}

#[test]
fn every_bit_of_a_point_counts_in_both_suites() {
    check_flips::<P256>();
    check_flips::<Model>();
}

fn check_flips<S: Suite>() {
    let point = pair::<S>(1).public;
    for bit in 0..point.len() * 8 {
        let mut flipped = point;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(S::check_point(&flipped).is_err(), "{}: bit {bit}", S::NAME);
    }
}

#[test]
fn both_suites_take_the_same_private_keys() {
    let mut last = order::negate(&[0; 32]);
    last[31] -= 1;
    let mut above = ORDER;
    above[31] += 1;
    let mut one = [0; 32];
    one[31] = 1;
    let table = [
        (one, true),
        (last, true),
        ([0; 32], false),
        (ORDER, false),
        (above, false),
        ([0xff; 32], false),
    ];
    for (octets, valid) in table {
        let secret = Secret::new(octets);
        let expected = if valid { Ok(()) } else { Err(KeyError::Scalar) };
        assert_eq!(P256::check_secret(&secret), expected, "{octets:02x?}");
        assert_eq!(Model::check_secret(&secret), expected, "{octets:02x?}");
        if !valid {
            let peers = (pair::<P256>(2).public, pair::<Model>(2).public);
            assert_eq!(P256::agree(&secret, &peers.0), Err(KeyError::Scalar));
            assert_eq!(Model::agree(&secret, &peers.1), Err(KeyError::Scalar));
        }
    }
    for entity in 0..100 {
        assert_eq!(pair::<P256>(entity).secret, pair::<Model>(entity).secret);
    }
}

#[test]
fn downloads_are_checked_in_every_part() {
    check_downloads::<P256>();
    check_downloads::<Model>();
}

/// C12-R4: exactly 32 octets, 1 <= d < n, public = d·G.
fn check_downloads<S: Suite>() {
    let (pair, other) = (pair::<S>(3), pair::<S>(4));
    let secret = pair.secret.expose().as_slice();
    let check = |secret: &[u8], public: &[u8], expected| {
        let download = KeyPair::from_download::<S>(secret, public);
        assert_eq!(download, expected, "{}: {} octets", S::NAME, secret.len());
    };
    check(secret, &pair.public, Ok(pair.clone()));
    check(secret, &other.public, Err(KeyError::Mismatch));
    for len in [0, 24, 31] {
        check(&secret[..len], &pair.public, Err(KeyError::Scalar));
    }
    check(&[&[0], secret].concat(), &pair.public, Err(KeyError::Scalar));
    check(&[0; 32], &pair.public, Err(KeyError::Scalar));
    check(&ORDER, &pair.public, Err(KeyError::Scalar));
}

#[test]
fn backends_agree_octet_by_octet_over_many_keys() {
    const KEYS: u64 = 256;
    let pairs: Vec<KeyPair> = (0..KEYS).map(pair::<P256>).collect();
    let mut high = 0;
    for (number, (own, peer)) in pairs.iter().zip(pairs.iter().skip(1)).enumerate() {
        let message = number.to_be_bytes();
        let signature = P256::sign(&own.secret, &message);
        assert!(is_low_s(&signature));
        let twin = twin(&signature);
        let expected = P256::agree(&peer.secret, &own.public);
        for Backend { name, public, agree, sign, verify } in BACKENDS {
            assert_eq!(public(&own.secret), own.public, "{name}");
            assert_eq!(sign(&own.secret, &message), signature, "{name}");
            assert_eq!(agree(&own.secret, &peer.public), expected, "{name}");
            assert!(verify(&own.public, &message, &signature), "{name}");
            assert!(verify(&own.public, &message, &twin), "{name}: plain ECDSA takes both halves");
            assert!(!verify(&peer.public, &message, &signature), "{name}");
            assert!(!verify(&own.public, b"other", &signature), "{name}");
        }
        assert!(!P256::verify(&own.public, &message, &twin));
        high += 1;
    }
    println!("{} backends, {} agreements equal, {high} high-S refused", BACKENDS.len(), KEYS - 1);
}

#[test]
fn backends_agree_on_the_least_and_the_greatest_private_key() {
    let mut one = [0; 32];
    one[31] = 1;
    let keys = [one, order::negate(&one)].map(Secret::new);
    let [low, high] = keys.each_ref().map(Pure::public);
    assert_eq!(low[1..33], high[1..33], "d and n - d have one x");
    for secret in &keys {
        for Backend { name, public, sign, verify, .. } in BACKENDS {
            let (point, signature) = (public(secret), sign(secret, b"text"));
            assert_eq!(point, Pure::public(secret), "{name}");
            assert_eq!(signature, Pure::sign(secret, b"text"), "{name}");
            assert!(is_low_s(&signature) && verify(&point, b"text", &signature), "{name}");
        }
    }
}

fn pair<S: Suite>(entity: u64) -> KeyPair {
    KeyPair::generate::<S>(&mut Luck::new(1, Purpose::Keys, entity).at(0))
}
