//! Project Wycheproof's vectors, made to break implementations: agreement, signatures, AEAD, HKDF.
//!
//! Not here: vectors of the protocol itself (`crypto_known_answers`).

use peadsim::crypto::p256::P256;
use peadsim::crypto::sign;
use peadsim::crypto::suite::{Point, Secret, Signature, Suite, TAG_LEN};
use wycheproof::TestResult;

use crate::crypto_points::{BACKENDS, Backend};

/// How many vectors went which way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    accepted: usize,
    refused: usize,
}

impl Count {
    fn add(&mut self, accepted: bool) {
        *(if accepted { &mut self.accepted } else { &mut self.refused }) += 1;
    }

    /// Prints the figures; a side without vectors would be a test of nothing.
    fn conclude(&self, what: &str) {
        println!("wycheproof {what}: {} accepted, {} refused", self.accepted, self.refused);
        assert!(self.accepted > 0 && self.refused > 0, "{what}: {self:?}");
    }
}

#[test]
fn agreement_is_as_expected_in_the_suite_and_all_backends() {
    let set = wycheproof::ecdh::TestSet::load(wycheproof::ecdh::TestName::EcdhSecp256r1Ecpoint);
    let mut count = Count::default();
    let mut compressed = 0;
    for test in set.unwrap().test_groups.iter().flat_map(|group| &group.tests) {
        let own = Secret::new(padded(&test.private_key));
        let expected = Secret::new(padded(&test.shared_secret));
        // Compressed keys are acceptable to Wycheproof and refused by the profile.
        compressed += usize::from(test.public_key.len() == 33);
        let valid = test.result == TestResult::Valid;
        assert_eq!(P256::check_point(&test.public_key).is_ok(), valid, "test {}", test.tc_id);
        count.add(valid);
        let Ok(point) = Point::try_from(test.public_key.as_slice()) else {
            assert!(!valid, "test {}", test.tc_id);
            continue;
        };
        assert_eq!(P256::agree(&own, &point).ok().as_ref() == Some(&expected), valid);
        for Backend { name, agree, .. } in BACKENDS {
            let agreed = agree(&own, &point).ok();
            assert_eq!(agreed.is_some(), valid, "{name}, test {}", test.tc_id);
            assert!(!valid || agreed == Some(expected.clone()), "{name}, test {}", test.tc_id);
        }
    }
    count.conclude("ECDH secp256r1 ecpoint");
    println!("wycheproof ECDH secp256r1 ecpoint: {compressed} of the refused are compressed");
    assert!(compressed > 0);
}

#[test]
fn signatures_of_fixed_length_are_as_expected_except_high_s() {
    use wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363;
    check_signatures(EcdsaSecp256r1Sha256P1363, "P1363", |octets| octets.try_into().ok());
}

#[test]
fn signatures_in_der_are_as_expected_except_high_s() {
    use wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256;
    check_signatures(EcdsaSecp256r1Sha256, "DER", |octets| {
        p256::ecdsa::Signature::from_der(octets).ok().map(|signature| signature.to_bytes().into())
    });
}

/// Plain verification decides as Wycheproof expects; the profile's does but for valid high-S.
fn check_signatures(
    name: wycheproof::ecdsa::TestName,
    encoding: &str,
    decode: impl Fn(&[u8]) -> Option<Signature>,
) {
    let set = wycheproof::ecdsa::TestSet::load(name).unwrap();
    let mut count = Count::default();
    let mut profile = Count::default();
    let mut high = 0;
    for group in &set.test_groups {
        let public = Point::try_from(group.key.key.as_slice()).unwrap();
        for test in &group.tests {
            let valid = test.result == TestResult::Valid;
            let signature = decode(&test.sig);
            for Backend { name, verify, .. } in BACKENDS {
                let verified = signature.is_some_and(|s| verify(&public, &test.msg, &s));
                assert_eq!(verified, valid, "{name}, {encoding}, test {}", test.tc_id);
            }
            count.add(valid);
            let high_s = valid && signature.is_some_and(|s| !sign::is_low_s(&s));
            let verified = signature.is_some_and(|s| P256::verify(&public, &test.msg, &s));
            assert_eq!(verified, valid && !high_s, "{encoding}, test {}", test.tc_id);
            profile.add(verified);
            high += usize::from(high_s);
        }
    }
    count.conclude(&format!("ECDSA P-256 SHA-256 {encoding}, plain"));
    profile.conclude(&format!("ECDSA P-256 SHA-256 {encoding}, profile"));
    println!("wycheproof ECDSA P-256 SHA-256 {encoding}: {high} valid but high-S");
    assert!(high > 0);
    assert_eq!(count.accepted, profile.accepted + high);
}

#[test]
fn sealing_and_opening_is_as_expected() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcmSiv).unwrap();
    let mut count = Count::default();
    let groups = set.test_groups.iter().filter(|group| group.key_size == 256);
    for group in groups {
        assert_eq!((group.nonce_size, group.tag_size), (96, 8 * TAG_LEN));
        for test in &group.tests {
            let key = Secret::new(padded(&test.key));
            let nonce = test.nonce.as_slice().try_into().unwrap();
            let sealed = [test.ct.as_slice(), &test.tag].concat();
            let opened = P256::open(&key, &nonce, &test.aad, &sealed);
            let valid = test.result == TestResult::Valid;
            assert_eq!(opened, valid.then(|| test.pt.to_vec()), "test {}", test.tc_id);
            let again = P256::seal(&key, &nonce, &test.aad, &test.pt);
            assert_eq!(again == sealed, valid, "test {}", test.tc_id);
            count.add(valid);
        }
    }
    count.conclude("AES-256-GCM-SIV");
}

/// The suite expands to 32 octets, which are the start of every longer output and hold every shorter.
#[test]
fn derivation_is_as_expected() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut count = Count::default();
    let mut extracted = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (prk, hkdf) = hkdf::Hkdf::<sha2::Sha256>::extract(Some(&test.salt), &test.ikm);
        let valid = test.result != TestResult::Invalid;
        let mut octets = vec![0; test.size];
        let expanded =
            hkdf.expand(&test.info, &mut octets).is_ok() && octets == test.okm.as_slice();
        assert_eq!(expanded, valid, "test {}", test.tc_id);
        count.add(valid);
        let prk = Secret::new(prk.into());
        if let Ok(input) = test.ikm.as_slice().try_into() {
            assert_eq!(P256::extract(&test.salt, &Secret::new(input)), prk, "test {}", test.tc_id);
            extracted += 1;
        }
        let common = test.okm.len().min(32);
        let block = P256::expand(&prk, &test.info);
        assert_eq!(block.expose()[..common], test.okm[..common], "test {}", test.tc_id);
    }
    count.conclude("HKDF-SHA256");
    println!("wycheproof HKDF-SHA256: {extracted} inputs of 32 octets through the suite's extract");
    assert!(extracted > 0);
}

/// A number of at most 32 octets, or of more with leading zeros, in 32.
fn padded(octets: &[u8]) -> [u8; 32] {
    let start = octets.len().saturating_sub(32);
    assert!(octets[..start].iter().all(|octet| *octet == 0), "more than 32 octets");
    let octets = &octets[start..];
    let mut padded = [0; 32];
    padded[32 - octets.len()..].copy_from_slice(octets);
    padded
}
