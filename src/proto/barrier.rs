//! Named points inside a turn at which a scenario may stop a node (`crash: {device: bob, at: before-ack}`).
//!
//! A barrier is a place in the ordered stream of outputs, so machines need not know of it.
//! Not here: what happens at the crash (`sim`).

use serde::{Deserialize, Serialize};

/// A point of protocol 4.2 to 4.5, on a device or an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Barrier {
    /// Device: a message is decrypted, inbox and window are not yet written.
    BeforeCommit,
    /// Device: committed durably, DeliverAck not yet sent.
    BeforeAck,
    /// Device: DeliverAck sent.
    AfterAck,
    /// Device: a secret is derived, its row not yet stored.
    BeforeRow,
    /// Device: a draft is encrypted and stored, Submit not yet sent.
    BeforeSubmit,
    /// Device: Submit sent.
    AfterSubmit,
    /// Device: an approval is signed and logged, not yet sent.
    BeforeApproval,
    /// Device: the new key pair is stored, RotateKey not yet sent.
    BeforeRotate,
    /// Device: RotateKey sent, no answer yet.
    AfterRotate,
    /// Account: a message is checked, not yet written.
    BeforeStore,
    /// Account: written, SubmitAck not yet sent.
    BeforeSubmitAck,
    /// Account: SubmitAck sent.
    AfterSubmitAck,
    /// Account: Deliver sent.
    AfterDeliver,
    /// Account: a rotation is written, RotateAck not yet sent.
    BeforeRotateAck,
    /// Account: RotateAck sent.
    AfterRotateAck,
}
