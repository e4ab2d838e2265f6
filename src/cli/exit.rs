//! Exit codes, the same for every subcommand, and the errors that lead to them.
//!
//! Not here: verdicts of single runs (`verdict`).

use std::process::ExitCode;

use crate::conformance::rig::Unreachable;
use crate::load::error::LoadError;
use crate::report::summary::Totals;
use crate::runtime::server::error::ServerError;
use crate::verdict::results::Results;
use crate::verdict::trial::Mark;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// All as expected, and something was verified.
    Success = 0,
    /// A finding.
    Finding = 1,
    /// Wrong usage or invalid input.
    Usage = 2,
    /// Something could not be judged, or the user stopped it.
    Inconclusive = 3,
    /// The harness or its surroundings failed.
    Harness = 4,
    /// Nothing was verified.
    NothingVerified = 5,
    /// The load generator could not keep up.
    Void = 6,
}

impl Exit {
    /// From the least to the most important.
    const RANKING: [Self; 7] = [
        Self::Success,
        Self::Inconclusive,
        Self::NothingVerified,
        Self::Void,
        Self::Finding,
        Self::Harness,
        Self::Usage,
    ];

    /// The code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Of two ends, the one that a caller must know of.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let rank = |exit| Self::RANKING.iter().position(|ranked| *ranked == exit);
        if rank(self) >= rank(other) { self } else { other }
    }

    /// What runs lead to. Nothing verified outranks inconclusive, unless the user stopped it.
    #[must_use]
    pub fn of(totals: &Totals, interrupted: bool) -> Self {
        let nothing = totals.verified == 0 && !interrupted;
        [
            (totals.error > 0, Self::Harness),
            (totals.fail > 0, Self::Finding),
            (nothing, Self::NothingVerified),
            (totals.inconclusive + totals.unshown > 0 || interrupted, Self::Inconclusive),
        ]
        .into_iter()
        .filter(|(holds, _)| *holds)
        .fold(Self::Success, |worst, (_, exit)| worst.worst(exit))
    }

    /// What a conformance run leads to.
    #[must_use]
    pub fn of_conformance(results: &Results) -> Self {
        let open = [Mark::Inconclusive, Mark::NotRun].iter().any(|mark| results.count(*mark) > 0);
        let without_evidence = results.conformity.without_evidence().next().is_some();
        let failed = results.failures() > 0;
        let nothing = results.verified() == 0 && !results.interrupted;
        [
            (results.count(Mark::Error) > 0, Self::Harness),
            (failed, Self::Finding),
            (nothing, Self::NothingVerified),
            (open || without_evidence || results.interrupted, Self::Inconclusive),
        ]
        .into_iter()
        .filter(|(holds, _)| *holds)
        .fold(Self::Success, |worst, (_, exit)| worst.worst(exit))
    }

    /// What it means, for the end of a report.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Success => "all as expected",
            Self::Finding => "something is wrong",
            Self::Usage => "invalid input",
            Self::Inconclusive => "inconclusive",
            Self::Harness => "the harness failed",
            Self::NothingVerified => "nothing was verified",
            Self::Void => "the generator could not keep up",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a subcommand cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or a file named there is wrong; a second line may say what would be right.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to run.
    #[error("{0}")]
    Nothing(String),
    /// What is to be tested cannot be reached, or does not answer as it should.
    #[error("{0}")]
    Rig(String),
    /// The server cannot start, or had to end.
    #[error(transparent)]
    Server(ServerError),
    /// The load did not come to its beginning.
    #[error(transparent)]
    Load(LoadError),
    /// A file, a folder or the terminal fails.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the operating system says.
        source: std::io::Error,
    },
}

impl From<Unreachable> for CliError {
    fn from(error: Unreachable) -> Self {
        Self::Rig(error.to_string())
    }
}

impl CliError {
    /// For `map_err`, with what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Nothing(_) => Exit::NothingVerified,
            Self::Load(LoadError::Stopped) => Exit::Inconclusive,
            Self::Rig(_) | Self::Server(_) | Self::Load(_) | Self::Io { .. } => Exit::Harness,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_2_4_1_6_5_3_0_wins() {
        let order = [2, 4, 1, 6, 5, 3, 0];
        let exits = order.map(|code| {
            *Exit::RANKING.iter().find(|exit| exit.code() == code).expect("every code is ranked")
        });
        for (index, exit) in exits.iter().enumerate() {
            for lower in &exits[index..] {
                assert_eq!(exit.worst(*lower), *exit);
                assert_eq!(lower.worst(*exit), *exit);
            }
        }
    }

    #[test]
    fn runs_lead_to_an_exit() {
        let totals = |verified, inconclusive, fail, error| Totals {
            verified,
            inconclusive,
            fail,
            error,
            ..Totals::default()
        };
        for (totals, interrupted, exit) in [
            (totals(1, 0, 0, 0), false, Exit::Success),
            (totals(1, 1, 0, 0), false, Exit::Inconclusive),
            (totals(1, 1, 1, 0), false, Exit::Finding),
            (totals(1, 1, 1, 1), false, Exit::Harness),
            (totals(0, 3, 0, 0), false, Exit::NothingVerified),
            (totals(0, 0, 1, 0), false, Exit::Finding),
            (totals(0, 0, 0, 0), false, Exit::NothingVerified),
            (totals(0, 0, 0, 0), true, Exit::Inconclusive),
            (totals(5, 0, 1, 0), true, Exit::Finding),
        ] {
            assert_eq!(Exit::of(&totals, interrupted), exit, "{totals:?} {interrupted}");
        }
        let unshown = Totals { unshown: 1, ..totals(1, 0, 0, 0) };
        assert_eq!(Exit::of(&unshown, false), Exit::Inconclusive);
    }
}
