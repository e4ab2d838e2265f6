//! Small worlds to be explored whole: what users do in them, and how much may go wrong.
//!
//! A scope is a scenario whose steps act whenever the search likes; its times say nothing.
//! Not here: the search (`exhaustive`).

use crate::explore::subject::plan;
use crate::scenario::plan::Plan;
use crate::scenario::read::{Extras, read_text};
use crate::sim::lockstep::Faults;

/// A small world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scope {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    text: &'static str,
    /// How much may go wrong in one schedule.
    pub faults: Faults,
}

/// One of each fault.
const ONE_OF_EACH: Faults = Faults { losses: 1, copies: 1, crashes: 1, early: 1 };

/// All scopes.
pub const SCOPES: [Scope; 3] = [
    Scope {
        name: "first-contact",
        about: "two users who have never met write to each other and rotate once each",
        text: include_str!("first-contact.yaml"),
        faults: ONE_OF_EACH,
    },
    Scope {
        name: "warm",
        about: "two users who know each other write to each other and rotate once each",
        text: include_str!("warm.yaml"),
        faults: ONE_OF_EACH,
    },
    Scope {
        name: "rotate-twice",
        about: "two users who have never met write to each other, and one rotates twice",
        text: include_str!("rotate-twice.yaml"),
        faults: ONE_OF_EACH,
    },
];

impl Scope {
    /// The scope of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        SCOPES.into_iter().find(|scope| scope.name == name)
    }

    /// Its plan.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub fn plan(&self) -> Result<Plan, String> {
        let source = format!("{}.yaml", self.name);
        let reading = read_text(&source, self.text, &Extras::default());
        let case = reading.cases.first().ok_or_else(|| format!("`{source}` has no case"))?;
        plan(&reading, case, &source, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_a_scenario_with_up_to_four_steps() {
        for scope in SCOPES {
            let plan = scope.plan().unwrap();
            assert!((1..=4).contains(&plan.steps.len()), "{}", scope.name);
            assert_eq!(Scope::of(scope.name), Some(scope));
        }
        assert_eq!(Scope::of("nowhere"), None);
    }
}
