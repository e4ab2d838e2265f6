//! Laws that hold for all keys, nonces and texts, in both suites.
//!
//! Not here: refusals of invalid keys (`crypto_points`) and published vectors.

use proptest::prelude::*;
use proptest::sample::Index;

use peadsim::base::id::{Epoch, UserId};
use peadsim::base::rng::{Luck, Purpose};
use peadsim::base::units::hex;
use peadsim::crypto::keys::KeyPair;
use peadsim::crypto::model::Model;
use peadsim::crypto::p256::P256;
use peadsim::crypto::schedule::{self, Party};
use peadsim::crypto::sign;
use peadsim::crypto::suite::{Secret, Suite};

proptest! {
    #![proptest_config(
        ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() }
    )]

    #[test]
    fn agreement_is_symmetric_and_each_direction_has_its_key(
        seed: u64,
        alice in "[a-z0-9._-]{1,64}",
        bob in "[a-z0-9._-]{1,64}",
        epochs: (u64, u64),
    ) {
        prop_assume!(alice != bob);
        check_agreement::<P256>(seed, [&alice, &bob], epochs)?;
        check_agreement::<Model>(seed, [&alice, &bob], epochs)?;
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does(
        key: [u8; 32],
        nonce: [u8; 12],
        aad in prop::collection::vec(any::<u8>(), 0..100),
        plaintext in prop::collection::vec(any::<u8>(), 0..2_000),
        bit: Index,
    ) {
        check_sealing::<P256>(key, nonce, &aad, &plaintext, bit)?;
        check_sealing::<Model>(key, nonce, &aad, &plaintext, bit)?;
    }

    #[test]
    fn signatures_are_deterministic_low_and_hold_for_one_message(
        seed: u64,
        message in prop::collection::vec(any::<u8>(), 1..300),
        bit: Index,
    ) {
        check_signing::<P256>(seed, &message, bit)?;
        check_signing::<Model>(seed, &message, bit)?;
    }

    #[test]
    fn hashes_and_macs_read_the_concatenation_of_their_parts(
        key: [u8; 32],
        octets in prop::collection::vec(any::<u8>(), 1..700),
        cut: Index,
        bit: Index,
    ) {
        check_parts::<P256>(key, &octets, cut, bit)?;
        check_parts::<Model>(key, &octets, cut, bit)?;
    }

    #[test]
    fn secrets_show_in_no_debug_output(seed: u64) {
        let pair = pair::<Model>(seed, 0);
        let octets = pair.secret.expose();
        let shown = format!("{pair:?} {:?}", pair.secret);
        let listed = format!("{octets:?}");
        prop_assert!(shown.contains("Secret(..)"));
        prop_assert!(!shown.contains(&hex(octets)));
        prop_assert!(!shown.contains(&listed));
    }
}

fn check_agreement<S: Suite>(
    seed: u64,
    names: [&str; 2],
    epochs: (u64, u64),
) -> Result<(), TestCaseError> {
    let [alice, bob] = names.map(|name| UserId::new(name).unwrap());
    let (a, b) = (pair::<S>(seed, 0), pair::<S>(seed, 1));
    let (kid_a, kid_b) = (schedule::kid::<S>(&a.public), schedule::kid::<S>(&b.public));
    let party_a = Party { user: &alice, epoch: Epoch(epochs.0), kid: &kid_a };
    let party_b = Party { user: &bob, epoch: Epoch(epochs.1), kid: &kid_b };
    let here = schedule::pair_secret::<S>(&a.secret, party_a, &b.public, party_b);
    let there = schedule::pair_secret::<S>(&b.secret, party_b, &a.public, party_a);
    prop_assert_eq!(&here, &there);
    let here = here.unwrap();
    let later = Party { epoch: Epoch(epochs.0 ^ 1), ..party_a };
    prop_assert_ne!(
        &schedule::pair_secret::<S>(&a.secret, later, &b.public, party_b).unwrap(),
        &here
    );
    let out = schedule::direction_key::<S>(&here, &alice, &bob);
    let back = schedule::direction_key::<S>(&here, &bob, &alice);
    prop_assert_ne!(&out, &back);
    prop_assert_ne!(sign::fingerprint::<S>(&out), sign::fingerprint::<S>(&back));
    prop_assert_eq!(sign::fingerprint::<S>(&out), sign::fingerprint::<S>(&out.clone()));
    Ok(())
}

fn check_sealing<S: Suite>(
    key: [u8; 32],
    nonce: [u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    bit: Index,
) -> Result<(), TestCaseError> {
    let secret = Secret::new(key);
    let sealed = S::seal(&secret, &nonce, aad, plaintext);
    prop_assert_eq!(sealed.len(), plaintext.len() + 16);
    let opened = S::open(&secret, &nonce, aad, &sealed);
    prop_assert_eq!(opened.as_deref(), Some(plaintext));
    let other_key = Secret::new(flip(&key, bit).try_into().unwrap());
    let other_nonce = flip(&nonce, bit).try_into().unwrap();
    prop_assert_eq!(S::open(&other_key, &nonce, aad, &sealed), None);
    prop_assert_eq!(S::open(&secret, &other_nonce, aad, &sealed), None);
    prop_assert_eq!(S::open(&secret, &nonce, aad, &flip(&sealed, bit)), None);
    prop_assert_eq!(S::open(&secret, &nonce, aad, &sealed[..bit.index(sealed.len())]), None);
    prop_assert_eq!(S::open(&secret, &nonce, aad, &[&sealed[..], &[0]].concat()), None);
    prop_assert_eq!(S::open(&secret, &nonce, &[aad, &[0]].concat(), &sealed), None);
    if !aad.is_empty() {
        prop_assert_eq!(S::open(&secret, &nonce, &flip(aad, bit), &sealed), None);
    }
    Ok(())
}

fn check_signing<S: Suite>(seed: u64, message: &[u8], bit: Index) -> Result<(), TestCaseError> {
    let (pair, other) = (pair::<S>(seed, 0), pair::<S>(seed, 1));
    let signature = S::sign(&pair.secret, message);
    prop_assert_eq!(signature, S::sign(&pair.secret, message));
    prop_assert!(sign::is_low_s(&signature));
    prop_assert!(S::verify(&pair.public, message, &signature));
    prop_assert!(!S::verify(&pair.public, &flip(message, bit), &signature));
    prop_assert!(!S::verify(&other.public, message, &signature));
    let flipped = flip(&signature, bit).try_into().unwrap();
    prop_assert!(!S::verify(&pair.public, message, &flipped));
    let twin = sign::twin(&signature);
    prop_assert!(!sign::is_low_s(&twin));
    prop_assert_eq!(sign::twin(&twin), signature);
    prop_assert!(!S::verify(&pair.public, message, &twin));
    Ok(())
}

fn check_parts<S: Suite>(
    key: [u8; 32],
    octets: &[u8],
    cut: Index,
    bit: Index,
) -> Result<(), TestCaseError> {
    let (head, tail) = octets.split_at(cut.index(octets.len()));
    let key = Secret::new(key);
    prop_assert_eq!(S::hash(&[head, tail]), S::hash(&[octets]));
    prop_assert_eq!(S::mac(&key, &[head, tail]), S::mac(&key, &[octets]));
    let flipped = flip(octets, bit);
    prop_assert_ne!(S::hash(&[&flipped]), S::hash(&[octets]));
    prop_assert_ne!(S::mac(&key, &[&flipped]), S::mac(&key, &[octets]));
    prop_assert_ne!(S::expand(&key, &flipped), S::expand(&key, octets));
    prop_assert_ne!(S::extract(&flipped, &key), S::extract(octets, &key));
    Ok(())
}

/// The octets with one bit changed.
fn flip(octets: &[u8], bit: Index) -> Vec<u8> {
    let bit = bit.index(octets.len() * 8);
    let mut flipped = octets.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

fn pair<S: Suite>(seed: u64, entity: u64) -> KeyPair {
    KeyPair::generate::<S>(&mut Luck::new(seed, Purpose::Keys, entity).at(0))
}
