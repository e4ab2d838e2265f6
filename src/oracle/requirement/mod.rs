//! Small checks of single requirements that no S or L oracle judges, or not wholly.
//!
//! Not here: invariants over whole runs (`safety`, `liveness`).

pub mod c01_r4;
pub mod c02_r3;
pub mod c02_r5;
pub mod c03_r8;
pub mod c04_r3;
pub mod c04_r4;
pub mod c04_r5;
pub mod c04_r6;
pub mod c05_r5;
pub mod c05_r6;
pub mod c05_r7;
pub mod c06_r3;
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
pub mod c12_r1;
pub mod c12_r4;
pub mod c12_r6;
pub mod c12_r7;
pub mod c13_r4;
pub mod c14_r6;
pub mod c15_r1;
pub mod c16_r3;
pub mod c16_r4;
pub mod c16_r5;
pub mod c17_r3;
pub mod c17_r5;
mod unasked;

use crate::oracle::judge::Oracle;

/// One of each, in the order of their numbers.
#[must_use]
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(c01_r4::OfflineHitsOpenAndMissesWait::default()),
        Box::new(c02_r3::NoFallbackKeys::default()),
        Box::new(c02_r5::StrayOctetsStayClosed::default()),
        Box::new(c03_r8::PromptsAreAuthentic::default()),
        Box::new(c04_r3::ApprovalsFetchTheirKey::default()),
        Box::new(c04_r4::WaitingApprovalsAreUnsent::default()),
        Box::new(c04_r5::RotationsSpareApprovals::default()),
        Box::new(c04_r6::KeysComeBeforePrompts::default()),
        Box::new(c05_r5::OpensAsSealed::default()),
        Box::new(c05_r6::UnregisteredIsAnError::default()),
        Box::new(c05_r7::ReflectionsFail::default()),
        Box::new(c06_r3::OldestRowMakesRoom::default()),
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
        Box::new(c12_r1::KeysAreAnnouncedFirst::default()),
        Box::new(c12_r4::DownloadsAreChecked::default()),
        Box::new(c12_r6::NewKeysDropOldSecrets::default()),
        Box::new(c12_r7::KeysHaveOnePurpose),
        Box::new(c13_r4::OtherEpochsAreMisses::default()),
        Box::new(c14_r6::RepliesHoldRetiredRecords::default()),
        Box::new(c15_r1::SecretsFollowTheSchedule::default()),
        Box::new(c16_r3::BadTagsDoNotFetch::default()),
        Box::new(c16_r4::TablesSurviveAsDeclared::default()),
        Box::new(c16_r5::HalfRowsDoNotHurt::default()),
        Box::new(c17_r3::QuietRefreshesChangeNothing::default()),
        Box::new(c17_r5::OldMailIsRefusedAfterGrace::default()),
    ]
}
