//! Oracles that any prefix of a run decides (S), one per file.
//!
//! Not here: what needs a deadline (`liveness`).

pub mod acks_are_honest;
pub mod approvals_go_to_their_requester;
pub mod approved_once_and_in_time;
pub mod both_ends_derive_one_secret;
pub mod committed_once;
pub mod delivered_to_its_receiver;
pub mod displayed_was_encrypted;
pub mod epochs_never_fall;
pub mod lookups_have_a_reason;
pub mod mail_is_conserved;
pub mod new_epochs_within_bound;
pub mod no_lookup_on_hit;
pub mod no_signature_without_press;
pub mod nonces_never_repeat;
pub mod one_lookup_per_miss;
pub mod own_rotation_reaches_every_slot;
pub mod sent_means_accepted;
pub mod signature_covers_display;
