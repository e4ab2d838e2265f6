//! The published answers: the protocol's Appendix A and the signatures of RFC 6979, A.2.5.
//!
//! Not here: vectors made to break implementations (`crypto_wycheproof`, `crypto_points`).

use peadsim::base::units::{hex, parse_hex};
use peadsim::crypto::keys::KeyPair;
use peadsim::crypto::p256::P256;
use peadsim::crypto::sign;
use peadsim::crypto::suite::{Secret, Suite};
use peadsim::crypto::vectors::known_answers;

/// Appendix A, recomputed there with another language and other libraries.
const APPENDIX_A: &[(&str, &str)] = &[
    ("skA", "e285d0ad17551c5bd8da2105212de505f5c89525283ab31e7cd9dd70299e03ab"),
    (
        "pkA",
        "04a6fa03a0c4be268ea124cd8032170128e444cd86501de91a8c1ffa158c32985e\
             987631b8979d0f820ba1e7073c0809e4cab1425e53347029fffcd181d27aa70e",
    ),
    ("kidA", "ce4f5672c6d3c67127ec7a0f22e18823a100d4270c73eac5e05ba4d60632289c"),
    ("skB", "887c7eecbb11afd5bae3e93452badee418b9b6ac9ea413ed6907e09dc671d861"),
    (
        "pkB",
        "0442389e87ec17e8070f2d67137fa236df5b90995335a2872c111e1c814e4c4032\
             1ea0ac4cdb46da3e4bb6d41cd9041deda0b7dcb1975af50e147206fa43b2fea7",
    ),
    ("kidB", "ad8623060ec284cf86c0ce2ca76fb7eafbe556fdc9e21d9387a49d5ebac7ca07"),
    ("Z", "c09fefefef0f5bb99e0ba793f4d3226867eb988e25abb4594be4ad893812641f"),
    (
        "pair_info",
        "846c504541442d76312070616972018365616c696365015820\
                   ce4f5672c6d3c67127ec7a0f22e18823a100d4270c73eac5e05ba4d60632289c\
                   8363626f62015820\
                   ad8623060ec284cf86c0ce2ca76fb7eafbe556fdc9e21d9387a49d5ebac7ca07",
    ),
    ("S_pair", "8289067688b35440bf683714daf0ee7e9a9142719903318859ef58f61779739f"),
    ("dir_info", "846b504541442d7631206469720165616c69636563626f62"),
    ("K_ab", "fb1e513f0f545f206683f8f3a2bb40cc7ee26cc5370c0a3831a6cb7596c6e512"),
    ("K_ba", "c94d569faa2e7177d7eee58e309cf841fc9ed1ac536828297912a5a2311d4d5f"),
    (
        "header",
        "8b01010165616c69636563626f62010148ce4f5672c6d3c67148ad8623060ec284cf\
                014cdeadbeef0000000000000001",
    ),
    ("nonce", "deadbeef0000000000000001"),
    ("ct_tag", "0bea4f4b4c645647382c3b40210be8b9178c1f86ab1c56d8145f2c317ebbef69b2"),
    ("Z_lz", "00c3ede5eaffe499e282f8a9873b326c77dcecb5ca30e0711be88027e0fa01b3"),
];

/// RFC 6979, A.2.5, with SHA-256: message, r and s as printed there.
const RFC_6979: &[(&str, &str, &str)] = &[
    (
        "sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        "test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
];

const RFC_6979_SECRET: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const RFC_6979_PUBLIC: &str = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                               7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

#[test]
fn the_key_schedule_gives_appendix_a() {
    let computed = known_answers();
    for (name, literal) in APPENDIX_A {
        let answer = computed.iter().find(|answer| answer.name == *name).unwrap();
        assert_eq!(hex(&answer.octets), *literal, "{name}");
    }
    println!("{} values of Appendix A equal", APPENDIX_A.len());
    assert_eq!(APPENDIX_A.len(), 16);
    assert_eq!(value("header").len(), 48);
    assert_eq!(value("plaintext"), b"pay 10 EUR to bob");
}

#[test]
fn the_message_of_appendix_a_opens_in_one_direction_and_unchanged_only() {
    let nonce = value("nonce").try_into().unwrap();
    let (header, sealed) = (value("header"), value("ct_tag"));
    let open = |key: &str, header: &[u8]| P256::open(&secret(key), &nonce, header, &sealed);
    assert_eq!(open("K_ab", &header), Some(value("plaintext")));
    assert_eq!(open("K_ba", &header), None, "a reflection opens");
    let flips = header.len() * 8;
    for bit in 0..flips {
        let mut changed = header.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open("K_ab", &changed), None, "opens with bit {bit} of the header flipped");
    }
    println!("{flips} flips of the header refused");
}

#[test]
fn signatures_are_those_of_rfc_6979_in_the_lower_half() {
    let octets = |text: &str| parse_hex(text).unwrap();
    let (secret, public) = (octets(RFC_6979_SECRET), octets(RFC_6979_PUBLIC));
    let pair = KeyPair::from_download::<P256>(&secret, &public).unwrap();
    let mut halves = (0, 0);
    for (message, r, s) in RFC_6979 {
        let published = [octets(r), octets(s)].concat().try_into().unwrap();
        let low = sign::is_low_s(&published);
        let expected = if low { published } else { sign::twin(&published) };
        let signature = P256::sign(&pair.secret, message.as_bytes());
        assert_eq!(hex(&signature), hex(&expected), "{message}");
        assert!(P256::verify(&pair.public, message.as_bytes(), &signature));
        assert!(!P256::verify(&pair.public, message.as_bytes(), &sign::twin(&signature)));
        *(if low { &mut halves.0 } else { &mut halves.1 }) += 1;
    }
    println!("{} signatures of RFC 6979 equal, {} after normalizing s", RFC_6979.len(), halves.1);
    assert_eq!(halves, (1, 1), "both halves are tried");
}

fn value(name: &str) -> Vec<u8> {
    known_answers().into_iter().find(|answer| answer.name == name).unwrap().octets
}

fn secret(name: &str) -> Secret {
    Secret::new(value(name).try_into().unwrap())
}
