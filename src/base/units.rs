//! Quantities with units: ratios, octet counts and rates as integers, their text forms, and hex.
//!
//! Not here: floating point in any decision, or the scenario language around these leaves.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::base::time::Duration;

/// Why a text is no quantity: what was wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got `{got}`")]
pub struct UnitError {
    /// The kind of value that the place takes, with an example.
    pub expected: &'static str,
    /// The text found.
    pub got: String,
}

/// A share of one in parts per billion; above 1 it is a factor (a workload at 180 %).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratio(u64);

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(Self::SCALE);
    const SCALE: u64 = 1_000_000_000;

    /// `n` parts per billion.
    #[must_use]
    pub const fn from_ppb(n: u64) -> Self {
        Self(n)
    }

    /// `n` per cent.
    #[must_use]
    pub const fn from_percent(n: u64) -> Self {
        Self(n * (Self::SCALE / 100))
    }

    /// In parts per billion.
    #[must_use]
    pub const fn as_ppb(self) -> u64 {
        self.0
    }

    /// Whether an event of this probability happens, given 64 uniform bits.
    #[must_use]
    pub fn hits(self, bits: u64) -> bool {
        (u128::from(bits) * u128::from(Self::SCALE)) >> 64 < u128::from(self.0)
    }

    /// This share of a duration, rounded down.
    #[must_use]
    pub const fn of(self, whole: Duration) -> Duration {
        whole.scale(self.0, Self::SCALE)
    }

    /// Reads `5%`, `0.1%`.
    ///
    /// # Errors
    /// When the text is not a number followed by `%`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let error =
            || UnitError { expected: "a percentage such as `5%` or `0.1%`", got: text.to_owned() };
        let number = text.strip_suffix('%').ok_or_else(error)?;
        parse_decimal(number, Self::SCALE / 100).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Self::SCALE / 100;
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        write!(f, "{whole}.{}%", format!("{rest:07}").trim_end_matches('0'))
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads a duration: `250us 40ms 5s 2m 1h 7d`, decimals allowed, `0s` too; never a bare number.
///
/// # Errors
/// When the text is not a number with a unit, or longer than 584 years.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ];
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, nanos)| parse_decimal(digits, *nanos))
        .map(Duration::from_nanos)
        .ok_or_else(|| UnitError {
            expected: "a duration with its unit such as `40ms`, `5s` or `1h`",
            got: text.to_owned(),
        })
}

/// Reads a count of octets: `64B`, `1KiB`, `2MiB`, `1GiB`.
///
/// # Errors
/// When the text is not a whole number with one of these units.
pub fn parse_octets(text: &str) -> Result<u64, UnitError> {
    const UNITS: [(&str, u64); 4] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    UNITS
        .iter()
        .find_map(|(name, octets)| text.strip_suffix(name).map(|digits| (digits, *octets)))
        .and_then(|(digits, octets)| parse_decimal(digits, octets))
        .ok_or_else(|| UnitError {
            expected: "a size with its unit such as `64B` or `1KiB`",
            got: text.to_owned(),
        })
}

/// How often: so many per span of time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// How many, in thousandths, so that `0.5/s` is exact.
    pub milli: u64,
    /// In this time.
    pub per: Duration,
}

impl Rate {
    /// Reads `5/s`, `4/d`, `0.5/h`, `30/m`.
    ///
    /// # Errors
    /// When the text is not a number, a slash and a unit of time.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let error =
            || UnitError { expected: "a rate such as `5/s` or `4/d`", got: text.to_owned() };
        let (count, unit) = text.split_once('/').ok_or_else(error)?;
        let milli = parse_decimal(count, 1_000).ok_or_else(error)?;
        let per = parse_duration(&format!("1{unit}")).map_err(|_| error())?;
        Ok(Self { milli, per })
    }

    /// The mean time between two events; for ever at rate zero.
    #[must_use]
    pub const fn interval(self) -> Duration {
        if self.milli == 0 { Duration::MAX } else { self.per.scale(1_000, self.milli) }
    }
}

/// Reads a decimal number of `unit`s exactly: digits, `_` between digits, at most one dot.
fn parse_decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if text.ends_with('.') || whole.is_empty() || whole.starts_with('_') || whole.ends_with('_') {
        return None;
    }
    let digits = |text: &str| -> Option<u128> {
        text.bytes().filter(|b| *b != b'_').try_fold(0_u128, |sum, b| {
            b.is_ascii_digit().then(|| sum.checked_mul(10)?.checked_add(u128::from(b - b'0')))?
        })
    };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = digits(fraction)?.checked_mul(u128::from(unit))?;
    if fraction % scale != 0 {
        return None;
    }
    let total = digits(whole)?.checked_mul(u128::from(unit))?.checked_add(fraction / scale)?;
    u64::try_from(total).ok()
}

/// Lower-case hex.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    use fmt::Write as _;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Reads hex of either case; blanks between octets are allowed.
///
/// # Errors
/// When a character is no hex digit or the digits are odd in number.
pub fn parse_hex(text: &str) -> Result<Vec<u8>, UnitError> {
    let error = || UnitError { expected: "an even number of hex digits", got: text.to_owned() };
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(error)?;
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Octets as hex for people, as octets for binary formats.
///
/// # Errors
/// What the serializer says.
pub fn serialize_hex<S: serde::Serializer>(
    octets: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&hex(octets))
    } else {
        serializer.serialize_bytes(octets)
    }
}

/// The inverse of [`serialize_hex`] for a fixed length.
///
/// # Errors
/// When it is not hex, or not octets in a format for machines, of exactly `N` octets.
pub fn deserialize_hex<'de, const N: usize, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    use serde::de::Error as _;
    let octets = if deserializer.is_human_readable() {
        parse_hex(&String::deserialize(deserializer)?).map_err(D::Error::custom)?
    } else {
        ByteBuf::deserialize(deserializer)?.into_vec()
    };
    let got = octets.len();
    octets.try_into().map_err(|_| D::Error::custom(format!("expected {N} octets, got {got}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_read_as_written() {
        for (text, nanos) in
            [("250us", 250_000), ("40ms", 40_000_000), ("1.5s", 1_500_000_000), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        assert_eq!(parse_octets("1KiB"), Ok(1024));
        assert_eq!(parse_octets("1_000B"), Ok(1000));
        assert_eq!(Ratio::parse("0.1%"), Ok(Ratio::from_ppb(1_000_000)));
        assert_eq!(Rate::parse("4/d").map(Rate::interval), Ok(Duration::from_secs(21_600)));
        for bad in ["5", "-5s", "5 s", "s", "1.s", "1e3s", "", "_1s", "999999999999d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        for bad in ["5", "5.%", "%", "-1%"] {
            assert!(Ratio::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ratios_are_exact_at_both_ends() {
        assert!(!Ratio::ZERO.hits(0));
        assert!(Ratio::ONE.hits(u64::MAX));
        assert_eq!(Ratio::parse("2.5%").map(|r| r.to_string()), Ok("2.5%".to_owned()));
    }

    #[test]
    fn hex_round_trips() {
        assert_eq!(parse_hex("00fF 10"), Ok(vec![0, 255, 16]));
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
        assert!(parse_hex("0").is_err());
        assert!(parse_hex("zz").is_err());
    }
}
