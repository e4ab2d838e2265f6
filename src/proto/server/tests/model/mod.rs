//! Accounts against a small model of the server, on scripts drawn by the generator's choices.
//!
//! The model is judged as well: it must tell an account that deviates. Not here: devices, links, octets.

mod compare;
mod drive;
mod event;
mod mailbox;
mod reference;

use crate::proto::deviation::{Deviation, Deviations, Side};
use crate::proto::server::tests::model::drive::Pair;
use crate::proto::trial::compare;
use crate::wire::code::{ErrorCode, NackCode, Report};

/// Scripts of one test, and attempts to make one shorter that fails.
const SCRIPTS: u32 = 256;
const ATTEMPTS: u32 = 2_000;

#[test]
fn accounts_do_what_the_model_does() {
    let said = compare::<Pair>(Deviations::default(), SCRIPTS, ATTEMPTS);
    let said = said.unwrap_or_else(|failure| panic!("{failure:#?}"));
    // Every refusal and every end of a message came up; nobody asks for a suite that is not there.
    let refusals = ErrorCode::ALL.iter().filter(|code| **code != ErrorCode::Unsupported);
    let bounces = NackCode::ALL.iter().filter(|code| **code != NackCode::Busy);
    let ends = bounces.map(|code| Report::Bounced(*code));
    let ends = ends.chain([Report::Delivered, Report::Expired]).map(|end| format!("{end:?}"));
    for kind in refusals.map(ToString::to_string).chain(ends) {
        assert!(said.contains_key(&kind), "nothing is answered by {kind}: {said:?}");
    }
}

#[test]
fn the_model_tells_every_account_that_deviates() {
    for deviation in Deviation::ALL.iter().filter(|it| it.side() == Side::Server) {
        let found = compare::<Pair>(Deviations::default().with(*deviation), SCRIPTS, 0);
        assert!(found.is_err(), "{deviation} passes");
    }
}

#[test]
fn a_counterexample_is_short() {
    for deviation in [Deviation::M70, Deviation::M72, Deviation::M85, Deviation::M92] {
        let found = compare::<Pair>(Deviations::default().with(deviation), SCRIPTS, ATTEMPTS);
        let failure = found.expect_err("it deviates");
        assert!(failure.steps.len() <= 6, "{deviation}: {failure:#?}");
    }
}
