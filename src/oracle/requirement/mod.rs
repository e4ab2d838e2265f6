//! Checks of requirements that no safety or liveness oracle covers, named by claim and requirement.
//!
//! Not here: invariants that concern several claims (`safety`, `liveness`).

pub mod c07_r1;
pub mod c07_r4;
pub mod c07_r5;
pub mod c08_r1;
pub mod c08_r4;
pub mod c10_r1;
pub mod c10_r2;
pub mod c10_r5;
pub mod c10_r6;
pub mod c11_r1;
pub mod c11_r2;
pub mod c11_r4;
pub mod c11_r5;
mod unasked;

use crate::oracle::judge::Oracle;

/// One of each, in the order of their claims.
#[must_use]
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(c07_r1::LookupsNameTheUser::default()),
        Box::new(c07_r4::LostRepliesAreAskedForAgain::default()),
        Box::new(c07_r5::UnknownUsersMakeNoEntry::default()),
        Box::new(c08_r1::EncryptedBeforeItLeaves::default()),
        Box::new(c08_r4::SentAgainUnchanged::default()),
        Box::new(c10_r1::PollBringsMail::default()),
        Box::new(c10_r2::NoPollNoMail::default()),
        Box::new(c10_r5::PollsInTime::default()),
        Box::new(c10_r6::PollIsAnswered::default()),
        Box::new(c11_r1::PushedInTime::default()),
        Box::new(c11_r2::PushedLikePolled::default()),
        Box::new(c11_r4::PushFallsBack::default()),
        Box::new(c11_r5::PushIsChecked::default()),
    ]
}
