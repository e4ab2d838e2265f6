//! Keys that come from outside of devices: the server's own secret, and what an authority hands over.
//!
//! Not here: the identities that a world starts with (`proto::genesis`), or keys that devices make themselves.

use std::sync::Arc;

use crate::base::rng::{Luck, Purpose};
use crate::crypto::keys::KeyPair;
use crate::crypto::suite::{Secret, Suite};
use crate::proto::genesis::pairs;
use crate::proto::port::{KeyMaterial, Provision};
use crate::scenario::plan::BadDownload;

/// The server's own secret, for tickets and challenges.
#[must_use]
pub fn server_secret(seed: u64) -> Arc<Secret> {
    Arc::new(Secret::new(Luck::new(seed, Purpose::ServerKey, 0).at(0).octets()))
}

/// Numbers of pairs beyond those of initial chains, for downloads and adversaries.
pub const EXTRA_PAIRS: u64 = 1 << 32;

/// What the provisioning authority hands over: good pairs, or bad ones (C12-R4, C12-R7).
#[must_use]
pub fn download<S: Suite>(luck: Luck, number: u64, bad: Option<BadDownload>) -> Provision {
    let pairs = pairs::<S>(luck, EXTRA_PAIRS + number);
    let other = KeyPair::generate::<S>(&mut luck.at(u64::MAX - number));
    let mut agree = material(&pairs.agree);
    let mut sign = material(&pairs.sign);
    match bad {
        None => {}
        Some(BadDownload::ShortSecret) => agree.secret.truncate(31),
        Some(BadDownload::ZeroSecret) => agree.secret.fill(0),
        Some(BadDownload::OrderSecret) => agree.secret = crate::crypto::order::ORDER.to_vec(),
        Some(BadDownload::WrongPublic) => agree.public = other.public.to_vec(),
        Some(BadDownload::OffCurve) => {
            if let Some(last) = agree.public.last_mut() {
                *last ^= 1;
            }
        }
        Some(BadDownload::SamePair) => sign = material(&pairs.agree),
    }
    Provision::Download { agree, sign }
}

fn material(pair: &KeyPair) -> KeyMaterial {
    KeyMaterial { secret: pair.secret.expose().to_vec(), public: pair.public.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::p256::P256;
    use crate::proto::genesis::luck_of;

    fn check_download(bad: Option<BadDownload>, good: bool) {
        let Provision::Download { agree, sign } = download::<P256>(luck_of(1, 0), 0, bad) else {
            panic!("downloads are downloads");
        };
        let pairs = [&agree, &sign]
            .map(|half| KeyPair::from_download::<P256>(&half.secret, &half.public).ok());
        let separate = agree.public != sign.public;
        assert_eq!(pairs.iter().all(Option::is_some) && separate, good, "{bad:?}");
    }

    #[test]
    fn bad_downloads_are_bad_and_good_ones_good() {
        check_download(None, true);
        for bad in [
            BadDownload::ShortSecret,
            BadDownload::ZeroSecret,
            BadDownload::OrderSecret,
            BadDownload::WrongPublic,
            BadDownload::OffCurve,
            BadDownload::SamePair,
        ] {
            check_download(Some(bad), false);
        }
    }
}
