//! The one vocabulary of recorded facts: what devices, accounts, the network and the harness did.
//!
//! Machines state facts, the world stamps them into records (`record`), oracles judge them. Facts never
//! carry a secret: keys appear as fingerprints. Not here: time, node, cause, or any judgement.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumDiscriminants, EnumIter};

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, Mid, ReqId, TxnId, UserId};
use crate::base::time::{Duration, Millis};

pub use crate::trace::frame::{About, FrameFact, Octets};
pub use crate::trace::words::{
    AlarmKind, Button, Content, DeviceState, DraftStatus, EvictCause, FrameKind, LookupCause,
    LookupEnd, LossCause, Meddling, NoApproval, Phase, ProvisionMode, RejectCause, ReplyResult,
    Selection, SignPurpose, StopCause, WaitCause, Way,
};

/// Version of the facts; a change of any name, field or meaning is a change of this number.
pub const TRACE_VERSION: u32 = 1;

/// A thing that happened at one node.
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumCount, EnumDiscriminants)]
#[strum_discriminants(name(FactKind), derive(EnumIter), doc = "Which of the facts one is.")]
#[strum_discriminants(allow(missing_docs, reason = "as for the facts"))]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    // Power and identity of a device.
    /// A device (or account) starts with its durable state; `boot` counts the starts.
    PowerOn { boot: u64 },
    /// It stops without warning.
    PowerOff { why: StopCause },
    /// Its durable state is replaced by an older copy.
    Rolledback { snapshot: String },
    /// A key pair is in the device (protocol 4.2, KEYED).
    Provisioned { mode: ProvisionMode, epoch: Epoch, agree_kid: Hash32, sig_kid: Hash32 },
    /// Key material offered for download is refused (C12-R4).
    ProvisionRefused { why: String },
    /// The state of the device changes (protocol 4.2).
    State { to: DeviceState },
    /// A session with the server begins.
    Attached { expires: Millis },

    // Keys of others.
    /// A logical lookup begins; retransmissions are transmissions only.
    Lookup { peer: UserId, req: ReqId, want: Option<Epoch>, because: LookupCause },
    /// A lookup ends without a key.
    LookupFailed { peer: UserId, req: ReqId, why: LookupEnd },
    /// A KeyReply (or UNKNOWN_USER) arrives; `epochs` are those offered, newest last.
    KeyReply { peer: UserId, req: ReqId, epochs: Vec<Epoch>, result: ReplyResult },
    /// The highest accepted record of a peer changes.
    Pin { peer: UserId, generation: Hash32, epoch: Epoch, record: Hash32 },
    /// A table search for a message or draft.
    Select {
        mid: Option<Mid>,
        peer: UserId,
        own: Epoch,
        theirs: Epoch,
        way: Way,
        outcome: Selection,
    },
    /// A pair secret is computed; `secret` is its fingerprint.
    Derive {
        peer: UserId,
        own: Epoch,
        theirs: Epoch,
        own_kid: Hash32,
        their_kid: Hash32,
        secret: Hash32,
    },
    /// A slot proves right by an authenticated decryption.
    Confirm { peer: UserId, own: Epoch, theirs: Epoch },
    /// The table holds no secret of this peer any more.
    Evict { peer: UserId, why: EvictCause },

    // Messages out.
    /// The user (or the device for them) hands over something to send.
    Compose { draft: DraftId, to: UserId, kind: Content, plain: Hash32, len: u32 },
    /// A draft becomes octets; a retransmission does not come here again.
    Encrypt(Box<Sealing>),
    /// What the device tells its user about a draft.
    Notice { draft: DraftId, mid: Option<Mid>, status: DraftStatus },

    // Messages in.
    /// One attempt to open a message; `plain` is `None` when the tag does not hold.
    Decrypt(Box<Opening>),
    /// A message waits.
    Waiting { mid: Mid, why: WaitCause },
    /// Inbox item and replay window are one durable write.
    Commit { mid: Mid, generation: Hash32 },
    /// It was in the inbox already.
    Duplicate { mid: Mid },
    /// A message is not accepted.
    Reject { mid: Option<Mid>, why: RejectCause },
    /// The user sees a message. `late`: after its gap was released; `missing`: numbers left out before it.
    Display { mid: Mid, kind: Content, plain: Hash32, text: String, late: bool, missing: u64 },
    /// A body that is for the device and not for the user's eyes is dealt with (L-01).
    Processed { mid: Mid, kind: Content },
    /// The device warns its user.
    Alarm { peer: Option<UserId>, what: AlarmKind },
    /// A new identity of a peer needs the user's word.
    ConfirmAsked { peer: UserId, generation: Hash32 },
    /// The user's word.
    Confirmed { peer: UserId, generation: Hash32, accepted: bool },

    // Approvals.
    /// The screen shows a request.
    Prompt(Box<PromptShown>),
    /// The prompt reacts to buttons from now on.
    Armed { txn: TxnId },
    /// A button is pressed; `screen` is the request shown, `taken` whether the press counts.
    Button { button: Button, screen: Option<TxnId>, taken: bool },
    /// A signature is made.
    Sign { purpose: SignPurpose, epoch: Epoch, digest: Hash32, signature: Hash32 },
    /// A signed approval is in the log (durable before it is sent).
    Approved(Box<ApprovalMade>),
    /// A request leaves the screen or the queue without an approval.
    NotApproved { txn: TxnId, why: NoApproval },
    /// A requester receives an approval and checks it.
    ApprovalSeen { txn: TxnId, from: UserId, mid: Mid, valid: bool },
    /// A requester receives a refusal.
    DeclineSeen { txn: TxnId, from: UserId },

    // Own rotation.
    /// A new key pair is durable and about to be announced.
    RotateStart { epoch: Epoch, revoke: bool },
    /// The server recorded it; the epoch before is in grace.
    RotateDone { epoch: Epoch, record: Hash32 },
    /// The rotation is given up or must wait.
    RotateRefused { epoch: Epoch, code: String, retry_after: Duration },
    /// A private key is erased at the end of its grace.
    EpochErased { epoch: Epoch },

    // Server accounts.
    /// A key record is durable in the directory.
    Recorded { user: UserId, generation: Hash32, epoch: Epoch, record: Hash32, revoke: bool },
    /// The operator ends an identity (protocol 4.3, generations).
    Reset { user: UserId },
    /// A lookup is answered with these epochs.
    Served { user: UserId, by: UserId, epochs: Vec<Epoch>, current: Hash32 },
    /// A session begins.
    Session { user: UserId, expires: Millis },
    /// A message is durable in the mailbox; `known`: it was already (idempotency).
    Accept {
        mid: Mid,
        generation: Hash32,
        attempt: u64,
        content: Hash32,
        expires: Millis,
        known: bool,
    },
    /// A request is refused.
    Refuse { by: UserId, kind: String, code: String, mid: Option<Mid> },
    /// A message is leased and sent to its receiver.
    Offer {
        mid: Mid,
        generation: Hash32,
        attempt: u64,
        delivery: DeliveryId,
        to: UserId,
        content: Hash32,
        pushed: bool,
    },
    /// A lease ends without an answer, or the account restarts: the message is stored again.
    Restored { mid: Mid, generation: Hash32, delivery: DeliveryId },
    /// The receiver's acknowledgement ends the message's stay.
    Acked { mid: Mid, generation: Hash32, attempt: u64 },
    /// The receiver's refusal is noted.
    Nacked { mid: Mid, generation: Hash32, attempt: u64, code: String, counted: bool },
    /// Its time is over.
    Expire { mid: Mid, generation: Hash32, attempt: u64 },
    /// It goes back to its sender.
    Bounce { mid: Mid, generation: Hash32, attempt: u64, code: String },
    /// The sender's account holds a status report; `what` as on the wire.
    Report { mid: Mid, attempt: u64, what: String },
    /// The report's receiver acknowledged it, or its time is over.
    ReportDone { mid: Mid, attempt: u64 },
    /// A watcher's account forwards (or drops) a hint.
    Hint { user: UserId, epoch: Epoch, to: UserId, forwarded: bool },
    /// A poll is answered completely.
    Polled { user: UserId, count: u64 },

    // Network.
    /// A frame leaves a node.
    Tx(FrameFact),
    /// A frame arrives; its cause is the transmission.
    Rx(FrameFact),
    /// A frame, or one copy of it, ends here.
    Lost { frame: FrameFact, why: LossCause },
    /// A frame is changed, copied or kept back on its way.
    Meddled { frame: FrameFact, how: Meddling },

    // Harness.
    /// A step of the scenario acts.
    Step { name: String, verb: String },
    /// A fault begins.
    FaultStart { name: String, kind: String },
    /// A fault ends.
    FaultEnd { name: String },
    /// A fence is reached: every event up to here is processed.
    Fence { name: String },
    /// A phase begins.
    Phase(Phase),
    /// A limit of the harness or of a node is reached.
    Limit { what: String },
    /// A timer fires.
    Timer { reason: Cow<'static, str> },
}

/// Why a timer fires of which only what is outside of the world knows the reason.
pub const OUTSIDE: &str = "outside";

/// An encryption, as far as it may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealing {
    /// Which message.
    pub mid: Mid,
    /// From which draft.
    pub draft: DraftId,
    /// As it will be submitted.
    pub attempt: u64,
    /// What is inside.
    pub kind: Content,
    /// The sender's epoch.
    pub own: Epoch,
    /// The receiver's epoch.
    pub theirs: Epoch,
    /// Fingerprint of the direction key.
    pub key: Hash32,
    /// The nonce.
    pub nonce: [u8; 12],
    /// Digest of the header octets.
    pub header: Hash32,
    /// Digest of the ciphertext with its tag.
    pub ciphertext: Hash32,
    /// Digest of the plaintext.
    pub plain: Hash32,
}

/// A decryption, as far as it may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Which message.
    pub mid: Mid,
    /// What the header says is inside.
    pub kind: Content,
    /// The receiver's epoch.
    pub own: Epoch,
    /// The sender's epoch.
    pub theirs: Epoch,
    /// Fingerprint of the direction key.
    pub key: Hash32,
    /// Digest of the header octets.
    pub header: Hash32,
    /// Digest of the ciphertext with its tag.
    pub ciphertext: Hash32,
    /// Digest of the plaintext; `None` when the tag does not hold.
    pub plain: Option<Hash32>,
}

/// What a screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptShown {
    /// The transaction.
    pub txn: TxnId,
    /// Who asks (for own data: to whom it goes).
    pub requester: UserId,
    /// The message that carried the request; none for own data (claim 4).
    pub request: Option<Mid>,
    /// The lines, exactly as shown.
    pub lines: Vec<String>,
    /// Digest of the octets sent to the display.
    pub display: Hash32,
    /// Digest of the request body.
    pub body: Hash32,
    /// When it can no longer be approved.
    pub expires: Millis,
}

/// A signed approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalMade {
    /// The transaction.
    pub txn: TxnId,
    /// Who asked.
    pub requester: UserId,
    /// The draft that carries it.
    pub draft: DraftId,
    /// Digest of the request body that the signature covers.
    pub body: Hash32,
    /// Digest of the display octets that the signature covers.
    pub display: Hash32,
    /// The device's own strictly increasing number.
    pub counter: u64,
    /// Expiry that the signature covers.
    pub expires: Millis,
    /// The approver's own time.
    pub signed_at: Millis,
    /// Digest of the COSE_Sign1.
    pub statement: Hash32,
}

impl Fact {
    /// The frame that this is about, if it is about one.
    #[must_use]
    pub const fn frame(&self) -> Option<&FrameFact> {
        if let Self::Tx(frame)
        | Self::Rx(frame)
        | Self::Lost { frame, .. }
        | Self::Meddled { frame, .. } = self
        {
            Some(frame)
        } else {
            None
        }
    }

    /// The message that this is about, if it is about one.
    #[allow(clippy::wildcard_enum_match_arm, reason = "most facts are about no message")]
    #[must_use]
    pub fn mid(&self) -> Option<&Mid> {
        match self {
            Self::Select { mid, .. }
            | Self::Notice { mid, .. }
            | Self::Reject { mid, .. }
            | Self::Refuse { mid, .. } => mid.as_ref(),
            Self::Encrypt(it) => Some(&it.mid),
            Self::Decrypt(it) => Some(&it.mid),
            Self::Prompt(it) => it.request.as_ref(),
            Self::Waiting { mid, .. }
            | Self::Commit { mid, .. }
            | Self::Duplicate { mid }
            | Self::Display { mid, .. }
            | Self::Processed { mid, .. }
            | Self::ApprovalSeen { mid, .. }
            | Self::Accept { mid, .. }
            | Self::Offer { mid, .. }
            | Self::Restored { mid, .. }
            | Self::Acked { mid, .. }
            | Self::Nacked { mid, .. }
            | Self::Expire { mid, .. }
            | Self::Bounce { mid, .. }
            | Self::Report { mid, .. }
            | Self::ReportDone { mid, .. } => Some(mid),
            Self::Tx(frame)
            | Self::Rx(frame)
            | Self::Lost { frame, .. }
            | Self::Meddled { frame, .. } => match &frame.about {
                About::Message(mid, _) => Some(mid),
                About::Nothing | About::User(_) | About::Epoch(_) => None,
            },
            _ => None,
        }
    }

    /// Blanks every octet string computed from key material, so that two suites give the same records
    /// (design 5): sizes and nonces stay.
    pub fn mask(&mut self) {
        match self {
            Self::Provisioned { agree_kid, sig_kid, .. } => blank([agree_kid, sig_kid]),
            Self::Pin { generation, record, .. } => blank([generation, record]),
            Self::Derive { own_kid, their_kid, secret, .. } => {
                blank([own_kid, their_kid]);
                blank([secret]);
            }
            Self::Encrypt(it) => {
                blank([&mut it.key, &mut it.header, &mut it.ciphertext, &mut it.plain]);
            }
            Self::Decrypt(it) => {
                blank([&mut it.key, &mut it.header, &mut it.ciphertext]);
                blank(it.plain.as_mut());
            }
            Self::Compose { plain, .. } | Self::Display { plain, .. } => blank([plain]),
            Self::Commit { generation, .. }
            | Self::ConfirmAsked { generation, .. }
            | Self::Confirmed { generation, .. }
            | Self::Acked { generation, .. }
            | Self::Expire { generation, .. }
            | Self::Bounce { generation, .. }
            | Self::Restored { generation, .. }
            | Self::Nacked { generation, .. } => blank([generation]),
            Self::Prompt(it) => blank([&mut it.display, &mut it.body]),
            Self::Sign { digest, signature, .. } => blank([digest, signature]),
            Self::Approved(it) => blank([&mut it.body, &mut it.display, &mut it.statement]),
            Self::RotateDone { record, .. } => blank([record]),
            Self::Recorded { generation, record, .. } => blank([generation, record]),
            Self::Served { current, .. } => blank([current]),
            Self::Accept { generation, content, .. } => blank([generation, content]),
            Self::Offer { generation, content, .. } => blank([generation, content]),
            Self::Tx(frame)
            | Self::Rx(frame)
            | Self::Lost { frame, .. }
            | Self::Meddled { frame, .. } => frame.octets = None,
            Self::PowerOn { .. }
            | Self::PowerOff { .. }
            | Self::Rolledback { .. }
            | Self::ProvisionRefused { .. }
            | Self::State { .. }
            | Self::Attached { .. }
            | Self::Lookup { .. }
            | Self::LookupFailed { .. }
            | Self::KeyReply { .. }
            | Self::Select { .. }
            | Self::Confirm { .. }
            | Self::Evict { .. }
            | Self::Notice { .. }
            | Self::Waiting { .. }
            | Self::Duplicate { .. }
            | Self::Reject { .. }
            | Self::Processed { .. }
            | Self::Alarm { .. }
            | Self::Armed { .. }
            | Self::Button { .. }
            | Self::NotApproved { .. }
            | Self::ApprovalSeen { .. }
            | Self::DeclineSeen { .. }
            | Self::RotateStart { .. }
            | Self::RotateRefused { .. }
            | Self::EpochErased { .. }
            | Self::Reset { .. }
            | Self::Session { .. }
            | Self::Refuse { .. }
            | Self::Report { .. }
            | Self::ReportDone { .. }
            | Self::Hint { .. }
            | Self::Polled { .. }
            | Self::Step { .. }
            | Self::FaultStart { .. }
            | Self::FaultEnd { .. }
            | Self::Fence { .. }
            | Self::Phase(_)
            | Self::Limit { .. }
            | Self::Timer { .. } => {}
        }
    }
}

fn blank<'a>(hashes: impl IntoIterator<Item = &'a mut Hash32>) {
    for hash in hashes {
        *hash = Hash32::ZERO;
    }
}
