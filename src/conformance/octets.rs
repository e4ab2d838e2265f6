//! Octets as lower-case hex, for `serde(with)`. Not here: what they are octets of.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

use crate::base::units::{hex, parse_hex};

/// Writes them.
///
/// # Errors
/// The serializer's.
pub fn serialize<S, T>(octets: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: AsRef<[u8]> + ?Sized,
{
    serializer.serialize_str(&hex(octets.as_ref()))
}

/// Reads them.
///
/// # Errors
/// When it is no text of hex digits, or of another number of octets.
pub fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<Vec<u8>>,
{
    let octets = parse_hex(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
    let count = octets.len();
    T::try_from(octets)
        .map_err(|_| D::Error::custom(format!("{count} octets are too few or too many")))
}
