//! Small worlds to be explored whole: what users do in them, and what may go wrong.
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
}

/// What may go wrong in one schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// What it is.
    pub name: &'static str,
    /// How much of it.
    pub faults: Faults,
}

/// Nothing but frames and timers that come in another order.
const ORDER: Faults = Faults { losses: 0, copies: 0, crashes: 0, early: 1 };

/// A scope is explored once with each of these, the last of which includes the others: most failures need
/// one kind of fault, and are nearer where there is no other.
pub const TROUBLES: [Trouble; 5] = [
    Trouble { name: "order", faults: ORDER },
    Trouble { name: "a loss", faults: Faults { losses: 1, ..ORDER } },
    Trouble { name: "a copy", faults: Faults { copies: 1, ..ORDER } },
    Trouble { name: "a crash", faults: Faults { crashes: 1, ..ORDER } },
    Trouble { name: "all of these", faults: Faults { losses: 1, copies: 1, crashes: 1, early: 1 } },
];

/// All scopes.
pub const SCOPES: [Scope; 7] = [
    Scope {
        name: "first-contact",
        about: "two users who have never met write to each other and rotate once each",
        text: include_str!("first-contact.yaml"),
    },
    Scope {
        name: "warm",
        about: "two users who know each other write to each other and rotate once each",
        text: include_str!("warm.yaml"),
    },
    Scope {
        name: "rotate-twice",
        about: "two users who have never met write to each other, and one rotates twice",
        text: include_str!("rotate-twice.yaml"),
    },
    Scope {
        name: "revoking",
        about: "one user writes to another, and both revoke their keys",
        text: include_str!("revoking.yaml"),
    },
    Scope {
        name: "forgetful",
        about: "one user writes to another, both rotate, and no table survives a power failure",
        text: include_str!("forgetful.yaml"),
    },
    Scope {
        name: "end-of-grace",
        about: "two users write to each other, and one's old key comes to its end",
        text: include_str!("end-of-grace.yaml"),
    },
    Scope {
        name: "lost-answer",
        about: "one user rotates, hears nothing, and writes to a stranger",
        text: include_str!("lost-answer.yaml"),
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
