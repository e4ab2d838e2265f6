//! Oracles that any prefix of a run decides (S), one per file.
//!
//! Not here: what needs a deadline (`liveness`).

pub mod acks_are_honest;
pub mod approvals_go_to_their_requester;
pub mod approved_once_and_in_time;
pub mod both_ends_derive_one_secret;
pub mod canonical_wire;
pub mod committed_once;
pub mod delivered_to_its_receiver;
pub mod directory_serves_what_was_recorded;
pub mod displayed_was_encrypted;
pub mod epochs_never_fall;
pub mod identities_change_by_authority;
pub mod invalid_points_are_refused;
pub mod keys_have_one_encoding;
pub mod lookups_have_a_reason;
pub mod mail_is_conserved;
pub mod new_epochs_within_bound;
pub mod no_dead_epoch;
pub mod no_lookup_on_hit;
pub mod no_signature_without_press;
pub mod no_silent_reencryption;
pub mod nonces_differ_on_the_wire;
pub mod nonces_never_repeat;
pub mod one_lookup_per_miss;
pub mod own_rotation_reaches_every_slot;
pub mod polls_are_private;
pub mod private_keys_stay_inside;
pub mod rejection_is_inert;
pub mod replies_answer_their_lookup;
pub mod resources_are_bounded;
pub mod secrets_stay_inside;
pub mod sent_means_accepted;
pub mod server_is_blind;
pub mod shown_in_order;
pub mod signature_covers_display;
pub mod signatures_are_deterministic;
pub mod texts_are_not_derivable;
pub mod texts_stay_inside;

use crate::oracle::judge::Oracle;

/// One of each, in the order of their numbers.
#[must_use]
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(texts_stay_inside::TextsStayInside::default()),
        Box::new(secrets_stay_inside::SecretsStayInside::default()),
        Box::new(texts_are_not_derivable::TextsAreNotDerivable::default()),
        Box::new(displayed_was_encrypted::DisplayedWasEncrypted::default()),
        Box::new(committed_once::CommittedOnce::default()),
        Box::new(delivered_to_its_receiver::DeliveredToItsReceiver::default()),
        Box::new(one_lookup_per_miss::OneLookupPerMiss::default()),
        Box::new(no_lookup_on_hit::NoLookupOnHit::default()),
        Box::new(lookups_have_a_reason::LookupsHaveAReason::default()),
        Box::new(both_ends_derive_one_secret::BothEndsDeriveOneSecret::default()),
        Box::new(new_epochs_within_bound::NewEpochsWithinBound::default()),
        Box::new(epochs_never_fall::EpochsNeverFall::default()),
        Box::new(own_rotation_reaches_every_slot::OwnRotationReachesEverySlot::default()),
        Box::new(nonces_never_repeat::NoncesNeverRepeat::default()),
        Box::new(nonces_differ_on_the_wire::NoncesDifferOnTheWire::default()),
        Box::new(no_signature_without_press::NoSignatureWithoutPress::default()),
        Box::new(signature_covers_display::SignatureCoversDisplay::default()),
        Box::new(approved_once_and_in_time::ApprovedOnceAndInTime::default()),
        Box::new(approvals_go_to_their_requester::ApprovalsGoToTheirRequester::default()),
        Box::new(server_is_blind::ServerIsBlind::default()),
        Box::new(mail_is_conserved::MailIsConserved::default()),
        Box::new(acks_are_honest::AcksAreHonest::default()),
        Box::new(sent_means_accepted::SentMeansAccepted::default()),
        Box::new(rejection_is_inert::RejectionIsInert::default()),
        Box::new(private_keys_stay_inside::PrivateKeysStayInside::default()),
        Box::new(invalid_points_are_refused::InvalidPointsAreRefused::default()),
        Box::new(replies_answer_their_lookup::RepliesAnswerTheirLookup::default()),
        Box::new(directory_serves_what_was_recorded::DirectoryServesWhatWasRecorded::default()),
        Box::new(identities_change_by_authority::IdentitiesChangeByAuthority::default()),
        Box::new(shown_in_order::ShownInOrder::default()),
        Box::new(resources_are_bounded::ResourcesAreBounded::default()),
        Box::new(polls_are_private::PollsArePrivate::default()),
        Box::new(signatures_are_deterministic::SignaturesAreDeterministic::default()),
        Box::new(canonical_wire::CanonicalWire),
        Box::new(keys_have_one_encoding::KeysHaveOneEncoding::default()),
        Box::new(no_silent_reencryption::NoSilentReencryption::default()),
        Box::new(no_dead_epoch::NoDeadEpoch::default()),
    ]
}
