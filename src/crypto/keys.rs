//! Key pairs: made from keyed randomness, or taken from a download after every check (C12-R4).
//!
//! Not here: who holds which pair, epochs, and the records that carry the public half.

use crate::base::rng::Draw;

use super::suite::{KeyError, Point, Secret, Suite};

/// Candidates that generation looks at: each fails with a chance of 2^-32, so a second is rare already.
const CANDIDATES_MAX: usize = 8;

/// A private key and the public key that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private half, at least 1 and below the group order.
    pub secret: Secret,
    /// The public half.
    pub public: Point,
}

impl KeyPair {
    /// The pair of the first candidate that is a private key; every suite takes the same one.
    ///
    /// # Panics
    /// When no candidate is: then the draw is not random.
    #[must_use]
    pub fn generate<S: Suite>(draw: &mut Draw) -> Self {
        let secret = (0..CANDIDATES_MAX)
            .map(|_| Secret::new(draw.octets()))
            .find(|candidate| S::check_secret(candidate).is_ok())
            .expect("one candidate in 2^32 fails, not eight in a row");
        let public = S::public(&secret);
        Self { secret, public }
    }

    /// The pair of a download: exactly 32 octets, 1 <= d < n, public = d·G (C12-R4).
    ///
    /// # Errors
    /// The check that fails.
    pub fn from_download<S: Suite>(secret: &[u8], public: &[u8]) -> Result<Self, KeyError> {
        let secret = secret.try_into().map(Secret::new).map_err(|_| KeyError::Scalar)?;
        S::check_secret(&secret)?;
        S::check_point(public)?;
        let pair = Self { public: S::public(&secret), secret };
        if pair.public == public { Ok(pair) } else { Err(KeyError::Mismatch) }
    }
}
