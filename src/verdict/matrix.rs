//! The kill matrix: which scenario reveals which deviation, by what, and what that comes to (design 10).
//!
//! Not here: how deviations are run (`explore`), or how the matrix is printed (`report`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::Duration;
use crate::verdict::outcome::Verdict;

/// All deviations against the scenarios that should reveal them, or against all scenarios.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// One for each deviation, in the order of their IDs.
    pub rows: Vec<Row>,
    /// The same runs without deviations.
    pub reference: Reference,
}

/// One deviation against scenarios.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// `M39`.
    pub id: String,
    /// What it does wrong.
    pub text: String,
    /// Oracles and requirements that are named for it.
    pub killers: Vec<String>,
    /// Why nothing can reveal it, if that is so.
    pub undetectable: Option<String>,
    /// One for each scenario, in the order of their files.
    pub cells: Vec<Cell>,
}

/// One deviation against one scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The scenario's ID.
    pub scenario: String,
    /// Whether the scenario says that it kills the deviation.
    pub listed: bool,
    /// The best that came of its runs.
    pub fate: Fate,
    /// Killers that found something, or what found or ended the run otherwise.
    pub by: Vec<String>,
    /// The case of that run.
    pub case: String,
    /// The seed of that run.
    pub seed: u64,
    /// Runs made until then, or in all.
    pub runs: u64,
    /// Processor time of these runs.
    pub cpu: Duration,
}

/// What came of a deviation in a scenario, from the least to the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Nothing failed.
    Survived,
    /// The machines broke down.
    Crash,
    /// A limit ended the run.
    Stuck,
    /// Something failed, nothing that is named for it.
    KilledOtherwise,
    /// Something that is named for it found a failure.
    Killed,
}

/// What a row comes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// No scenario says that it kills it.
    Unlisted,
    /// No scenario does, and none can.
    Undetectable,
    /// The best that came of the scenarios that say so.
    Listed(Fate),
}

/// The unmutated runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// How many were made.
    pub runs: u64,
    /// Those that did not pass.
    pub failures: Vec<Failure>,
}

/// An unmutated run that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The case.
    pub case: String,
    /// The seed.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The first finding that led to it.
    pub message: String,
}

impl Matrix {
    /// Rows in this state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.rows.iter().filter(|row| row.state() == state).count()
    }

    /// Deviations that are neither killed by what is named for them nor undetectable.
    pub fn open(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.state().is_settled())
    }

    /// Scenarios that say they kill a deviation and do not.
    pub fn stale(&self) -> impl Iterator<Item = (&Row, &Cell)> {
        let cells = |row| Row::listed(row).map(move |cell| (row, cell));
        self.rows.iter().flat_map(cells).filter(|(_, cell)| cell.fate != Fate::Killed)
    }

    /// What is worse than in an earlier matrix, given as the states by ID; one sentence each.
    #[must_use]
    pub fn worse_than(&self, earlier: &BTreeMap<String, State>) -> Vec<String> {
        let worse = |row: &Row| {
            let (now, then) = (row.state(), earlier.get(&row.id));
            match then {
                Some(then) if then.is_settled() && !now.is_settled() => {
                    Some(format!("{}: was {}, now {}", row.id, then.word(), now.word()))
                }
                None if !now.is_settled() => Some(format!("{}: new, and {}", row.id, now.word())),
                Some(_) | None => None,
            }
        };
        self.rows.iter().filter_map(worse).collect()
    }
}

impl Row {
    /// What it comes to.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.listed().map(|cell| cell.fate).max(), &self.undetectable) {
            (Some(fate), _) => State::Listed(fate),
            (None, Some(_)) => State::Undetectable,
            (None, None) => State::Unlisted,
        }
    }

    /// The first scenario, of those that should kill it, that came to the row's state.
    #[must_use]
    pub fn shown(&self) -> Option<&Cell> {
        self.listed().find(|cell| State::Listed(cell.fate) == self.state())
    }

    fn listed(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.listed)
    }
}

impl Fate {
    #[cfg(test)]
    const ALL: [Self; 5] =
        [Self::Survived, Self::Crash, Self::Stuck, Self::KilledOtherwise, Self::Killed];

    const fn word(self) -> &'static str {
        match self {
            Self::Survived => "survived",
            Self::Crash => "crash",
            Self::Stuck => "stuck",
            Self::KilledOtherwise => "killed otherwise",
            Self::Killed => "killed",
        }
    }
}

impl State {
    /// All of them, the best first.
    pub const ALL: [Self; 7] = [
        Self::Listed(Fate::Killed),
        Self::Undetectable,
        Self::Listed(Fate::KilledOtherwise),
        Self::Listed(Fate::Stuck),
        Self::Listed(Fate::Crash),
        Self::Listed(Fate::Survived),
        Self::Unlisted,
    ];

    /// As tables say it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unlisted => "unlisted",
            Self::Undetectable => "undetectable",
            Self::Listed(fate) => fate.word(),
        }
    }

    /// The state that tables call so.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Killed as it should be, or known to be out of reach.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Undetectable | Self::Listed(Fate::Killed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, cells: &[(bool, Fate)]) -> Row {
        let cell = |(listed, fate): &(bool, Fate)| Cell {
            scenario: format!("{fate:?}"),
            listed: *listed,
            fate: *fate,
            by: Vec::new(),
            case: String::new(),
            seed: 1,
            runs: 1,
            cpu: Duration::ZERO,
        };
        let cells = cells.iter().map(cell).collect();
        Row { id: id.to_owned(), cells, ..Row::default() }
    }

    fn matrix() -> Matrix {
        let killed = [(true, Fate::Survived), (true, Fate::Killed), (true, Fate::Killed)];
        let rows = vec![
            row("M01", &killed),
            row("M02", &[(true, Fate::KilledOtherwise), (true, Fate::Stuck)]),
            row("M03", &[(false, Fate::Killed)]),
            Row { undetectable: Some("why".to_owned()), ..row("M04", &[]) },
        ];
        Matrix { rows, reference: Reference::default() }
    }

    #[test]
    fn a_row_comes_to_the_best_of_the_scenarios_that_list_it() {
        let matrix = matrix();
        let states: Vec<&str> = matrix.rows.iter().map(|row| row.state().word()).collect();
        assert_eq!(states, ["killed", "killed otherwise", "unlisted", "undetectable"]);
        assert_eq!(matrix.rows[0].shown().unwrap().scenario, "Killed");
        assert_eq!(matrix.rows[2].shown(), None);
        let open: Vec<&str> = matrix.open().map(|row| row.id.as_str()).collect();
        assert_eq!(open, ["M02", "M03"]);
        let stale: Vec<String> =
            matrix.stale().map(|(row, cell)| format!("{} {}", row.id, cell.scenario)).collect();
        assert_eq!(stale, ["M01 Survived", "M02 KilledOtherwise", "M02 Stuck"]);
    }

    #[test]
    fn only_what_was_settled_and_is_not_any_more_is_worse() {
        let earlier = |words: [(&str, &str); 3]| -> BTreeMap<String, State> {
            words.map(|(id, word)| (id.to_owned(), State::find(word).unwrap())).into()
        };
        let worse = |words| matrix().worse_than(&earlier(words));
        assert_eq!(
            worse([("M01", "survived"), ("M02", "killed"), ("M03", "unlisted")]),
            ["M02: was killed, now killed otherwise"]
        );
        assert_eq!(
            worse([("M01", "killed"), ("M02", "crash"), ("M04", "killed")]),
            ["M03: new, and unlisted"]
        );
    }

    #[test]
    fn every_state_has_its_word() {
        for fate in Fate::ALL {
            assert!(State::ALL.contains(&State::Listed(fate)), "{fate:?}");
        }
        for state in State::ALL {
            assert_eq!(State::find(state.word()), Some(state));
        }
        assert_eq!(State::find("fine"), None);
    }
}
