//! The device against a small model of it, on scripts drawn by the generator's choices.
//!
//! The model is judged as well: it must tell a device that deviates. Not here: links, accounts, octets,
//! identities that change, the limits of lookups.

mod answers;
mod compare;
mod drive;
mod event;
mod incoming;
mod outgoing;
mod reference;

use crate::proto::deviation::{Deviation, Deviations, Side};
use crate::proto::device::tests::model::drive::Pair;
use crate::proto::trial::compare;

/// Scripts of one test, and attempts to make one shorter that fails.
const SCRIPTS: u32 = 256;
const ATTEMPTS: u32 = 2_000;
/// Steps of a script that was made as short as it gets without luck; they are up to 80 at first.
const STEPS: usize = 16;

/// What must come up in the scripts: frames, refusals, and what the user sees.
const SAID: [&str; 27] = [
    "lookup", "text", "text again", "approval", "own data", "declined", "complaint", "rotate",
    "COMMITTED", "DUPLICATE", "AUTH_FAIL", "STALE_EPOCH", "TOO_OLD", "UNKNOWN_EPOCH", "shown",
    "late", "missing", "prompt", "signed", "Sent", "Delivered", "Expired", "Failed", "hit",
    "evicted", "restart", "restored",
];

/// Deviations that no script can show, and why.
const ELSEWHERE: [(&[Deviation], &str); 6] = [
    (
        &[Deviation::M10, Deviation::M11, Deviation::M81],
        "bursts do not end here, nothing is rationed",
    ),
    (&[Deviation::M15, Deviation::M47], "rare values and encodings of keys have known answers"),
    (&[Deviation::M26, Deviation::M97], "power goes between two steps only"),
    (&[Deviation::M44, Deviation::M83, Deviation::M88], "identities do not change"),
    (
        &[Deviation::M66, Deviation::M78, Deviation::M79],
        "sessions and provisioning are taken as given",
    ),
    (&[Deviation::M82], "frames come decoded"),
];

#[test]
fn a_device_does_what_the_model_does() {
    let said = compare::<Pair>(Deviations::default(), SCRIPTS, ATTEMPTS);
    let said = said.unwrap_or_else(|failure| panic!("{failure:#?}"));
    for kind in SAID {
        assert!(said.contains_key(kind), "there is no {kind}: {said:?}");
    }
}

#[test]
fn the_model_tells_every_device_that_deviates() {
    let elsewhere = |it: &&Deviation| ELSEWHERE.iter().any(|(list, _)| list.contains(it));
    let deviations = Deviation::ALL.iter().filter(|it| it.side() == Side::Device);
    for deviation in deviations.filter(|it| !elsewhere(it)) {
        let found = compare::<Pair>(Deviations::default().with(*deviation), SCRIPTS, 0);
        assert!(found.is_err(), "{deviation} passes");
    }
}

#[test]
fn a_counterexample_is_short() {
    for deviation in [Deviation::M28, Deviation::M39, Deviation::M55, Deviation::M64] {
        let found = compare::<Pair>(Deviations::default().with(deviation), SCRIPTS, ATTEMPTS);
        let failure = found.expect_err("it deviates");
        assert!(failure.steps.len() <= STEPS, "{deviation}: {failure:#?}");
    }
}
