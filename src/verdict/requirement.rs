//! Requirement identifiers, `C05-R2` = claim 5, requirement 2 (protocol 1).
//!
//! Not here: the oracles that judge them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A requirement of the protocol, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// 1 to 17.
    pub claim: u8,
    /// From 1.
    pub number: u8,
}

impl Requirement {
    /// `Requirement::of(5, 2)` is C05-R2.
    #[must_use]
    pub const fn of(claim: u8, number: u8) -> Self {
        Self { claim, number }
    }

    /// Reads `C05-R2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (claim, number) = text.strip_prefix('C')?.split_once("-R")?;
        let id = Self { claim: claim.parse().ok()?, number: number.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{:02}-R{}", self.claim, self.number)
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Requirement {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Requirement {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no requirement ID")))
    }
}

/// Which side of a requirement a situation showed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Polarity {
    /// The required behavior was seen.
    Positive,
    /// The provocation was made and the forbidden behavior was absent.
    Negative,
}
