//! A suite without security: the interface, sizes and refusals of PEAD-P256-1 at a thousandth of its cost.
//!
//! A toy agreement (powers of 37 modulo 2^61 - 1) and a fast keyed hash stand in for everything. Anyone
//! can forge here. Not here: anything that may leave a simulation.

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

use super::order;
use super::suite::{KeyError, Nonce, Point, Secret, Signature, Suite, TAG_LEN};
use crate::base::id::Hash32;

/// The suite for runs in which cryptography is taken for granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Model;

/// The prime of the toy group.
const PRIME: u64 = (1 << 61) - 1;

/// A generator of the whole group, so that different exponents are different public keys.
const GENERATOR: u64 = 37;

/// What a hash is for: the same octets give unrelated values in different uses.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Use {
    Exponent = 1,
    Checksum = 2,
    Agreement = 3,
    Signature = 4,
    Hash = 5,
    Extract = 6,
    Expand = 7,
    Tag = 8,
    Stream = 9,
    Mac = 10,
    Widen = 11,
}

impl Suite for Model {
    const NAME: &'static str = "model";
    const IS_CHEAP: bool = true;

    fn check_secret(secret: &Secret) -> Result<(), KeyError> {
        if order::is_scalar(secret.expose()) { Ok(()) } else { Err(KeyError::Scalar) }
    }

    fn public(secret: &Secret) -> Point {
        Self::check_secret(secret).expect("callers pass checked private keys");
        point(power(GENERATOR, exponent(secret)))
    }

    fn check_point(point: &[u8]) -> Result<(), KeyError> {
        element(point).map(|_| ())
    }

    fn agree(own: &Secret, peer: &Point) -> Result<Secret, KeyError> {
        let peer = element(peer)?;
        Self::check_secret(own)?;
        let shared = power(peer, exponent(own)).to_be_bytes();
        Ok(Secret::new(digest(Use::Agreement, &[&shared])))
    }

    fn sign(secret: &Secret, message: &[u8]) -> Signature {
        signature(&Self::public(secret), message)
    }

    fn verify(public: &Point, message: &[u8], given: &Signature) -> bool {
        element(public).is_ok() && signature(public, message) == *given
    }

    fn hash(parts: &[&[u8]]) -> Hash32 {
        Hash32(digest(Use::Hash, parts))
    }

    fn extract(salt: &[u8], input: &Secret) -> Secret {
        // The input has a fixed length and comes first, so that no salt can shift it.
        Secret::new(digest(Use::Extract, &[input.expose(), salt]))
    }

    fn expand(key: &Secret, info: &[u8]) -> Secret {
        Secret::new(digest(Use::Expand, &[key.expose(), info]))
    }

    fn seal(key: &Secret, nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plaintext.len() + TAG_LEN);
        sealed.extend_from_slice(plaintext);
        apply_stream(key, nonce, &mut sealed);
        let tag = tag(key, nonce, aad, &sealed);
        sealed.extend_from_slice(&tag);
        sealed
    }

    fn open(key: &Secret, nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (ciphertext, given) = sealed.split_at_checked(sealed.len().checked_sub(TAG_LEN)?)?;
        if tag(key, nonce, aad, ciphertext) != given {
            return None;
        }
        let mut plaintext = ciphertext.to_vec();
        apply_stream(key, nonce, &mut plaintext);
        Some(plaintext)
    }

    fn mac(key: &Secret, parts: &[&[u8]]) -> [u8; 16] {
        absorb(Use::Mac, [key.expose().as_slice()].iter().chain(parts)).digest128().to_be_bytes()
    }
}

/// The exponent of a private key, 1 to p - 2: never one of the two that lose the key.
fn exponent(secret: &Secret) -> u64 {
    1 + absorb(Use::Exponent, &[secret.expose().as_slice()]).digest() % (PRIME - 2)
}

/// 04, the element, and a checksum of 56 octets: a corruption that spoils a point of P-256 spoils this.
fn point(element: u64) -> Point {
    let mut point = [4; size_of::<Point>()];
    point[1..9].copy_from_slice(&element.to_be_bytes());
    point[9..].copy_from_slice(&checksum(element));
    point
}

/// The element of a valid public key. Neither 0 nor the identity 1 is one.
fn element(point: &[u8]) -> Result<u64, KeyError> {
    let (Ok(point), Some(4)) = (<&Point>::try_from(point), point.first()) else {
        return Err(KeyError::Encoding);
    };
    let element = point[1..9].iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
    if (2..PRIME).contains(&element) && point[9..] == checksum(element) {
        Ok(element)
    } else {
        Err(KeyError::NotOnCurve)
    }
}

fn checksum(element: u64) -> [u8; 56] {
    let mut checksum = [0; 56];
    let seed = absorb(Use::Checksum, &[element.to_be_bytes().as_slice()]).digest();
    fill(seed, &mut checksum);
    checksum
}

/// Every octet is determined, so any flip fails; the top bits make `s` low and the last bit makes it
/// nonzero, as the profile wants.
fn signature(public: &Point, message: &[u8]) -> Signature {
    let r = digest(Use::Signature, &[public, message]);
    let mut s = digest(Use::Widen, &[&r]);
    s[0] &= 0x3f;
    s[31] |= 1;
    let mut signature = [0; size_of::<Signature>()];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    signature
}

fn tag(key: &Secret, nonce: &Nonce, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
    let aad_len = (aad.len() as u64).to_be_bytes();
    let parts = [key.expose().as_slice(), nonce, &aad_len, aad, ciphertext];
    absorb(Use::Tag, &parts).digest128().to_be_bytes()
}

fn apply_stream(key: &Secret, nonce: &Nonce, octets: &mut [u8]) {
    let seed = absorb(Use::Stream, &[key.expose().as_slice(), nonce]).digest();
    let mut stream = Stream(seed);
    for chunk in octets.chunks_mut(8) {
        for (octet, mask) in chunk.iter_mut().zip(stream.next()) {
            *octet ^= mask;
        }
    }
}

fn fill(seed: u64, octets: &mut [u8]) {
    let mut stream = Stream(seed);
    for chunk in octets.chunks_mut(8) {
        chunk.copy_from_slice(&stream.next()[..chunk.len()]);
    }
}

/// SplitMix64: octets without end from 64 bits.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> [u8; 8] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_be_bytes()
    }
}

/// 128 bits of hash and 128 bits made from them.
fn digest(purpose: Use, parts: &[&[u8]]) -> [u8; 32] {
    let hash = absorb(purpose, parts).digest128().to_be_bytes();
    let more = absorb(Use::Widen, &[&[purpose as u8], hash.as_slice()]).digest128();
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&hash);
    digest[16..].copy_from_slice(&more.to_be_bytes());
    digest
}

/// Octets to be hashed: a hash that takes them part by part has more to set up than most of them need.
#[allow(clippy::large_enum_variant, reason = "it is on the stack, and gone at once")]
enum Absorbed {
    Few([u8; FEW], usize),
    Many(Box<Xxh3Default>),
}

/// Most octets that are hashed at once.
const FEW: usize = 256;

impl Absorbed {
    fn digest(&self) -> u64 {
        match self {
            Self::Few(octets, len) => xxh3_64(&octets[..*len]),
            Self::Many(hash) => hash.digest(),
        }
    }

    fn digest128(&self) -> u128 {
        match self {
            Self::Few(octets, len) => xxh3_128(&octets[..*len]),
            Self::Many(hash) => hash.digest128(),
        }
    }
}

fn absorb<'a>(purpose: Use, parts: impl IntoIterator<Item = &'a &'a [u8]>) -> Absorbed {
    let (mut few, mut len) = ([0; FEW], 1);
    few[0] = purpose as u8;
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        let Some(place) = few.get_mut(len..len + part.len()) else {
            let mut hash = Box::new(Xxh3Default::new());
            hash.update(&few[..len]);
            hash.update(part);
            parts.for_each(|part| hash.update(part));
            return Absorbed::Many(hash);
        };
        place.copy_from_slice(part);
        len += part.len();
    }
    Absorbed::Few(few, len)
}

/// base^exponent modulo 2^61 - 1.
fn power(base: u64, exponent: u64) -> u64 {
    let mut result = 1;
    let mut square = base;
    let mut left = exponent;
    while left > 0 {
        if left & 1 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        left >>= 1;
    }
    result
}

/// The product modulo 2^61 - 1: high and low part of it are congruent to their sum.
#[allow(clippy::cast_possible_truncation, reason = "both parts are below 2^61")]
fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let sum = (product >> 61) as u64 + (product as u64 & PRIME);
    if sum >= PRIME { sum - PRIME } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::hex;

    #[test]
    fn the_generator_reaches_the_whole_group() {
        let factors = [2, 3, 5, 7, 11, 13, 31, 41, 61, 151, 331, 1321];
        let product = factors.iter().product::<u64>() * 3 * 5;
        assert_eq!(product, PRIME - 1, "these are all prime factors");
        for factor in factors {
            assert_ne!(power(GENERATOR, (PRIME - 1) / factor), 1, "{factor}");
        }
        assert_eq!(power(GENERATOR, PRIME - 1), 1);
    }

    #[test]
    fn products_are_reduced_at_the_edges() {
        let last = PRIME - 1;
        assert_eq!(multiply(last, last), 1);
        assert_eq!(multiply(last, 1), last);
        assert_eq!(multiply(1 << 60, 2), 1);
        assert_eq!(multiply(0, last), 0);
    }

    #[test]
    fn few_octets_and_many_are_hashed_alike() {
        let octets: Vec<u8> = (0..=255).cycle().take(3 * FEW).collect();
        for len in 0..octets.len() {
            for part in [1, 7, FEW, len + 1] {
                let parts: Vec<&[u8]> = octets[..len].chunks(part).collect();
                let absorbed = absorb(Use::Mac, &parts);
                let whole = [&[Use::Mac as u8], &octets[..len]].concat();
                assert_eq!(absorbed.digest(), xxh3_64(&whole), "{len} in parts of {part}");
                assert_eq!(absorbed.digest128(), xxh3_128(&whole), "{len} in parts of {part}");
            }
        }
    }

    /// Digests of whole runs depend on these octets, so a change of them is a change of every digest.
    #[test]
    fn octets_are_pinned() {
        let secret = Secret::new([7; 32]);
        let public = Model::public(&secret);
        let agreed = Model::agree(&secret, &public).map(|z| hex(z.expose()));
        let sealed = Model::seal(&secret, &[1; 12], b"aad", b"plaintext");
        let values = [
            ("public", hex(&public)),
            ("agree", agreed.unwrap()),
            ("sign", hex(&Model::sign(&secret, b"message"))),
            ("hash", hex(&Model::hash(&[b"message"]).0)),
            ("extract", hex(Model::extract(b"salt", &secret).expose())),
            ("expand", hex(Model::expand(&secret, b"info").expose())),
            ("seal", hex(&sealed)),
            ("mac", hex(&Model::mac(&secret, &[b"message"]))),
        ];
        let shown: String = values.map(|(name, value)| format!("{name} {value}\n")).concat();
        insta::assert_snapshot!(shown, @"
        public 0417530af03b4f3d2020749ce8a2637f8bb09430bae6fcc378ddabbf9d4a0a904922de9924ab40a457b196089b5cd619e048bc2ddb785a32275ceb0c43a8a9f91d
        agree 7136ee7b5f2fbc5abec727c3c82b3b08f35c86ea35c0d9fa26a8a82908477219
        sign d7b57e32cec48168c9216159f7709321e53276279ec508132d4553661be43e82103c36fc1ed53b705e08ff32e9b14f20493a96a37df9d864caba6144d6399b8b
        hash 6a69a1452709d830deb3f3cecef8e5403d99adc46ed2fbbb51ded8d4b701be8c
        extract bcb3158c6c4b10132b056a78e84b3296542ca26bccec4c38700fd3ac7d67941b
        expand dd01ed4aa6ee3d82e4b1043d497b1cf2bcf87a9e5fed01fcd0d458e749d7b39b
        seal 3a68b8711f84dfff94f0de4c2019e66d49a0354a96492fad89
        mac 0c7a72fb3a8e6c44a325d982417f234e
        ");
    }
}
