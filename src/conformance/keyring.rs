//! Keys of the harness's own users, as they lie in a file beside a transcript: judges ask for them again.
//!
//! They are test keys, drawn from the seed of the case; none of them is a secret that a device made. Not here:
//! what judges do with them (`oracle::escrow`).

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::id::Hash32;
use crate::base::units::{hex, parse_hex};
use crate::crypto::keys::KeyPair;
use crate::crypto::suite::{Point, Secret};
use crate::oracle::escrow::Held;

/// Most keys of a test.
const KEYS_MAX: usize = 1_000_000;
/// Most octets of a line.
const LINE_MAX: u64 = 1 << 10;

/// The private keys of one epoch of a user, in hex.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    user: u32,
    agree: String,
    public: String,
    sign: String,
}

/// Why a key is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file beside the transcript cannot be read.
    #[error("the keys beside the transcript cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It has too many.
    #[error("there are more than {KEYS_MAX} keys beside the transcript")]
    Many,
    /// The transcript names one that is not there.
    #[error("no key beside the transcript has the hash {0}: it is missing, or was changed")]
    Missing(Hash32),
    /// It is no key.
    #[error("the key beside the transcript with the hash {0} is no key")]
    NoKey(Hash32),
}

impl Key {
    /// Of keys that a judge has.
    #[must_use]
    pub fn of(held: &Held) -> Self {
        Self {
            user: held.user,
            agree: hex(held.agree.secret.expose()),
            public: hex(&held.agree.public),
            sign: hex(held.sign.expose()),
        }
    }

    /// As it stands in the file.
    ///
    /// # Panics
    /// Never: it is made of texts and a number.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and a number are JSON")
    }

    fn held(&self) -> Option<Held> {
        let secret = |text: &str| Some(Secret::new(parse_hex(text).ok()?.try_into().ok()?));
        let public: Point = parse_hex(&self.public).ok()?.try_into().ok()?;
        let agree = KeyPair { secret: secret(&self.agree)?, public };
        Some(Held { user: self.user, agree, sign: secret(&self.sign)? })
    }
}

/// The keys beside a transcript, by their hashes.
#[derive(Clone, Default)]
pub struct Keyring(BTreeMap<Hash32, Vec<u8>>);

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring of {}", self.0.len())
    }
}

impl Keyring {
    /// Reads them.
    ///
    /// # Errors
    /// When they cannot be read, or are too many.
    pub fn read(mut input: impl BufRead) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        loop {
            let mut line = Vec::new();
            if input.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)? == 0 {
                return Ok(Self(keys));
            }
            if keys.len() == KEYS_MAX {
                return Err(KeyError::Many);
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            keys.insert(Hash32(Sha256::digest(&line).into()), line);
        }
    }

    /// The key of this hash.
    ///
    /// # Errors
    /// When it is not there, or is none.
    pub fn find(&self, hash: Hash32) -> Result<Held, KeyError> {
        let line = self.0.get(&hash).ok_or(KeyError::Missing(hash))?;
        let key = serde_json::from_slice::<Key>(line).ok();
        key.and_then(|key| key.held()).ok_or(KeyError::NoKey(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(n: u8) -> Held {
        let secret = || Secret::new([n; 32]);
        Held {
            user: n.into(),
            agree: KeyPair { secret: secret(), public: [n; 65] },
            sign: secret(),
        }
    }

    #[test]
    fn keys_are_found_by_their_hash_or_not_at_all() {
        let lines = [Key::of(&held(1)).line(), Key::of(&held(2)).line(), b"{}".to_vec()];
        let hash = |line: &[u8]| Hash32(Sha256::digest(line).into());
        let ring = Keyring::read(lines.join(&b'\n').as_slice()).unwrap();
        let found = ring.find(hash(&lines[1])).unwrap();
        assert_eq!((found.user, found.agree.public), (2, [2; 65]));
        assert!(matches!(ring.find(hash(&lines[2])), Err(KeyError::NoKey(_))));
        assert!(matches!(ring.find(Hash32([0; 32])), Err(KeyError::Missing(_))));
    }
}
