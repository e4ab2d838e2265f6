//! What a device declares that it can do: every capability by true or false, none left out.
//!
//! Absent never means no: a name that is missing, or unknown, makes the whole declaration void. Not here:
//! what the capabilities are (`verdict::capability`), or whether they are true.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::verdict::capability::CAPABILITIES;

/// A declaration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Declaration(BTreeMap<String, bool>);

/// Why a declaration is void.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// It says nothing of this.
    #[error("the declaration says nothing of `{0}`: absent is not the same as false")]
    Missing(&'static str),
    /// There is no such capability.
    #[error("the declaration names `{0}`, which is no capability")]
    Unknown(String),
}

impl Declaration {
    /// A device that can do what `can` says.
    pub fn of(can: impl Fn(&str) -> bool) -> Self {
        Self(CAPABILITIES.iter().map(|it| (it.name.to_owned(), can(it.name))).collect())
    }

    /// Whether it is complete, and names nothing else.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Void> {
        let missing = CAPABILITIES.iter().find(|it| !self.0.contains_key(it.name));
        if let Some(missing) = missing {
            return Err(Void::Missing(missing.name));
        }
        let known = |name: &&String| CAPABILITIES.iter().any(|it| it.name == name.as_str());
        match self.0.keys().find(|name| !known(name)) {
            Some(unknown) => Err(Void::Unknown(unknown.clone())),
            None => Ok(()),
        }
    }

    /// Whether the device says that it can do this.
    #[must_use]
    pub fn can(&self, name: &str) -> bool {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Each capability with whether the device says that it has it.
    #[must_use]
    pub const fn as_map(&self) -> &BTreeMap<String, bool> {
        &self.0
    }

    /// Where two declarations of one device differ: names with what the first says.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a str, bool)> {
        let differs = |(name, can): &(&String, &bool)| other.0.get(*name) != Some(*can);
        self.0.iter().filter(differs).map(|(name, can)| (name.as_str(), *can))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_not_false_and_unknown_is_nothing() {
        let mut declaration = Declaration::of(|name| name == "poll");
        assert_eq!(declaration.check(), Ok(()));
        assert!(declaration.can("poll") && !declaration.can("push"));
        let other = Declaration::of(|name| name == "push");
        let differences: Vec<_> = declaration.differences(&other).collect();
        assert_eq!(differences, [("poll", true), ("push", false)]);
        declaration.0.insert("pole".to_owned(), true);
        assert_eq!(declaration.check(), Err(Void::Unknown("pole".to_owned())));
        declaration.0.remove("poll");
        assert_eq!(declaration.check(), Err(Void::Missing("poll")));
    }
}
