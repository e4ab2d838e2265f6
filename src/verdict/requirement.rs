//! Requirements, `C05-R2` = claim 5, requirement 2 (protocol 1): identifiers and what each one asks.
//!
//! Not here: the oracles that judge them.

mod table;

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

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        table::TABLE.iter().map(|info| info.id)
    }

    /// What is known of it; nothing for a number that no claim has.
    #[must_use]
    pub fn info(self) -> Option<&'static Info> {
        let index = table::TABLE.binary_search_by_key(&self, |info| info.id).ok()?;
        table::TABLE.get(index)
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

impl fmt::Display for Polarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
        })
    }
}

/// A requirement in words and tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Info {
    /// Which one.
    pub id: Requirement,
    /// Where it comes from; two where it mixes.
    pub origin: &'static [Origin],
    /// From where it can be seen; two where a part needs more.
    pub seen: &'static [Observability],
    /// The conformance classes that it belongs to.
    pub classes: &'static [Class],
    /// The oracles or checks that judge it.
    pub judges: &'static [&'static str],
    /// What it asks, in one sentence.
    pub text: &'static str,
}

impl Info {
    /// Whether breaking it breaks the claim, and not only the profile.
    #[must_use]
    pub fn is_of_claim(&self) -> bool {
        self.origin.iter().any(|origin| matches!(origin, Origin::L | Origin::I))
    }
}

/// Where a requirement comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// Literal in the claim.
    L,
    /// Inferred: the claim cannot operate without it.
    I,
    /// Hardening by the profile PEAD-P256-1.
    P,
}

/// From where a requirement can be seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Observability {
    /// Black box: wire and user interface.
    B,
    /// Gray box: with the peers' keys, or the device's own.
    G,
    /// White box: with a hook in the device.
    W,
}

/// Conformance classes (protocol, facts that shape everything, 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    /// Sends.
    Tx,
    /// Receives.
    Rx,
    /// Keeps secrets.
    Cache,
    /// Approves.
    Approve,
    /// Polls.
    Poll,
    /// Takes pushes.
    Push,
    /// Is provisioned.
    Prov,
    /// Rotates.
    Rot,
    /// A server under test.
    Srv,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_101_requirements_in_the_order_of_their_claims() {
        let ids: Vec<_> = Requirement::all().collect();
        let expected: Vec<_> = (1..)
            .zip(table::PER_CLAIM)
            .flat_map(|(claim, count)| (1..=count).map(move |n| Requirement::of(claim, n)))
            .collect();
        assert_eq!(ids, expected);
        assert_eq!(ids.len(), 101);
    }

    #[test]
    fn every_requirement_has_a_sentence_tags_and_a_judge() {
        for id in Requirement::all() {
            let info = id.info().unwrap();
            assert!(info.text.ends_with('.') && info.text.is_ascii(), "{id}: {}", info.text);
            let tags = [info.origin.len(), info.seen.len(), info.classes.len(), info.judges.len()];
            assert!(tags.iter().all(|count| (1..=3).contains(count)), "{id}");
        }
        assert_eq!(Requirement::of(18, 1).info(), None);
    }

    #[test]
    fn identifiers_are_read_exactly_as_written() {
        assert_eq!(Requirement::parse("C05-R2"), Some(Requirement::of(5, 2)));
        for bad in ["C5-R2", "C05-R02", "c05-R2", "C05R2", "C05-R", ""] {
            assert_eq!(Requirement::parse(bad), None, "{bad}");
        }
    }
}
