//! Oracles with a deadline that counts from the heal of all faults (L), one per file.
//!
//! What is overdue is a violation; what the run's end leaves open within its bound is inconclusive.
//! Not here: rules that any prefix of a run decides (`safety`).

pub mod approvals_complete;
mod backlog;
pub mod drafts_are_answered;
mod dues;
pub mod mail_is_displayed;
pub mod misses_are_resolved;
pub mod restarts_recover;
pub mod rotations_converge;
mod service;
mod settling;
pub mod simultaneous_rotations_lose_nothing;
pub mod traffic_ceases;

use crate::oracle::judge::Oracle;

/// One of each, in the order of their numbers.
#[must_use]
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(mail_is_displayed::MailIsDisplayed::default()),
        Box::new(drafts_are_answered::DraftsAreAnswered::default()),
        Box::new(misses_are_resolved::MissesAreResolved::default()),
        Box::new(rotations_converge::RotationsConverge::default()),
        Box::new(simultaneous_rotations_lose_nothing::SimultaneousRotationsLoseNothing::default()),
        Box::new(approvals_complete::ApprovalsComplete::default()),
        Box::new(traffic_ceases::TrafficCeases::default()),
        Box::new(restarts_recover::RestartsRecover::default()),
    ]
}
