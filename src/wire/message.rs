//! The twenty messages of protocol 4.3 and the envelope around them, as values.
//!
//! Not here: their octets (`codec`), keys and signatures' meaning (`crypto`), or any behavior
//! (`proto`).

use serde::{Deserialize, Serialize};

use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, ReqId, UserId};
use crate::base::time::Millis;
use crate::wire::code::{AckOutcome, ErrorCode, NackCode, Report};
use crate::wire::header::Header;
use crate::wire::record::{KeyRecord, Signature};

/// One frame between a device and the server: `[ver=1, type, req_id, ticket|null, body]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The request it is or answers; unique per sender, the same on every retransmission.
    pub req: ReqId,
    /// The session that the sender acts in; `null` before Attach and from the server.
    pub ticket: Option<Ticket>,
    /// What it says.
    pub body: Message,
}

/// The right to act as a user for a while, checkable by any partition of the server (protocol 4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct Ticket {
    /// Whose session.
    pub user: UserId,
    /// The identity that attached: hash of the first key record.
    pub generation: Hash32,
    /// When it ends.
    pub expires: Millis,
    /// MAC under the server's key over the fields above and the origin.
    pub mac: [u8; 16],
}

/// What a frame says. Names, numbers and fields are those of the table in protocol 4.3.
#[allow(missing_docs, reason = "the fields are those of the table in protocol 4.3")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub enum Message {
    /// 1: a first key record with proof of possession of the agreement key.
    Register(Box<Register>),
    /// 2: the record was taken.
    RegisterAck { record_hash: Hash32 },
    /// 3: whose keys are wanted.
    LookupKey { user: UserId, want_epoch: Option<Epoch>, have_hash: Option<Hash32> },
    /// 4: the current record, those in grace, and with a known `have_hash` the chain from there.
    KeyReply { records: Vec<KeyRecord>, more: bool },
    /// 5: an encrypted message for the header's receiver.
    Submit(Box<Submit>),
    /// 6: it is stored durably.
    SubmitAck { mid: Mid, duplicate: bool },
    /// 7: asks for at most `max` waiting items with delivery numbers above `cursor`.
    Poll { max: u64, cursor: DeliveryId },
    /// 8: an item of the mailbox, polled or pushed.
    Deliver(Box<Deliver>),
    /// 9: the end of a poll.
    PollEnd { count: u64, more: bool },
    /// 10: the item is durably accepted, or was already.
    DeliverAck { delivery: DeliveryId, mid: Mid, outcome: AckOutcome },
    /// 11: the item cannot be accepted now, or ever.
    DeliverNack { delivery: DeliveryId, mid: Mid, code: NackCode, retry_after: Millis },
    /// 12: the next key record with proof of possession.
    RotateKey(Box<Register>),
    /// 13: the rotation is recorded.
    RotateAck { record_hash: Hash32 },
    /// 14: a hint that a user has a new record; only a lookup proves it.
    KeyChanged { user: UserId, epoch: Epoch, record_hash: Hash32 },
    /// 15: what became of a message, told to its sender.
    StatusReport { delivery: DeliveryId, mid: Mid, attempt: u64, report: Report },
    /// 16: a refusal. `arg` is a time in ms for retries, or the least free seq for SEQ_CONFLICT; `about`
    /// is the hash of what [`crate::wire::signed::error_octets`] makes of both and the refused request.
    Error { code: ErrorCode, arg: u64, about: Hash32 },
    /// 17: opens a channel.
    Hello { user: UserId, versions: Vec<u64>, suites: Vec<u64> },
    /// 18: what to sign.
    Challenge { server: UserId, nonce: Hash32, time: Millis },
    /// 19: the signed challenge.
    Attach { user: UserId, sig_epoch: Epoch, nonce: Hash32, sig: Signature },
    /// 20: the session.
    Attached { ticket: Ticket },
}

/// Body of Register and RotateKey.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct Register {
    /// The record to append to the user's chain.
    pub record: KeyRecord,
    /// By the new *agreement* key over `["PEAD-v1 pop", record_hash]`.
    pub pop: Signature,
}

/// Body of Submit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct Submit {
    /// The clear, authenticated header.
    pub header: Header,
    /// Ciphertext and 16-octet tag.
    pub ciphertext: Vec<u8>,
    /// From 1; grows when a bounced message is submitted again with other content.
    pub attempt: u64,
    /// When the server may drop it.
    pub expires: Millis,
}

/// Body of Deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub struct Deliver {
    /// The lease under which it is offered.
    pub delivery: DeliveryId,
    /// As submitted, octet for octet.
    pub header: Header,
    /// As submitted, octet for octet.
    pub ciphertext: Vec<u8>,
    /// When the server stored it.
    pub queued_at: Millis,
}

impl Message {
    /// The number on the wire.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Register(_) => MessageKind::Register,
            Self::RegisterAck { .. } => MessageKind::RegisterAck,
            Self::LookupKey { .. } => MessageKind::LookupKey,
            Self::KeyReply { .. } => MessageKind::KeyReply,
            Self::Submit(_) => MessageKind::Submit,
            Self::SubmitAck { .. } => MessageKind::SubmitAck,
            Self::Poll { .. } => MessageKind::Poll,
            Self::Deliver(_) => MessageKind::Deliver,
            Self::PollEnd { .. } => MessageKind::PollEnd,
            Self::DeliverAck { .. } => MessageKind::DeliverAck,
            Self::DeliverNack { .. } => MessageKind::DeliverNack,
            Self::RotateKey(_) => MessageKind::RotateKey,
            Self::RotateAck { .. } => MessageKind::RotateAck,
            Self::KeyChanged { .. } => MessageKind::KeyChanged,
            Self::StatusReport { .. } => MessageKind::StatusReport,
            Self::Error { .. } => MessageKind::Error,
            Self::Hello { .. } => MessageKind::Hello,
            Self::Challenge { .. } => MessageKind::Challenge,
            Self::Attach { .. } => MessageKind::Attach,
            Self::Attached { .. } => MessageKind::Attached,
        }
    }
}

/// The type octet of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "documented on Message")]
pub enum MessageKind {
    Register = 1,
    RegisterAck = 2,
    LookupKey = 3,
    KeyReply = 4,
    Submit = 5,
    SubmitAck = 6,
    Poll = 7,
    Deliver = 8,
    PollEnd = 9,
    DeliverAck = 10,
    DeliverNack = 11,
    RotateKey = 12,
    RotateAck = 13,
    KeyChanged = 14,
    StatusReport = 15,
    Error = 16,
    Hello = 17,
    Challenge = 18,
    Attach = 19,
    Attached = 20,
}

impl MessageKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 20] = [
        Self::Register,
        Self::RegisterAck,
        Self::LookupKey,
        Self::KeyReply,
        Self::Submit,
        Self::SubmitAck,
        Self::Poll,
        Self::Deliver,
        Self::PollEnd,
        Self::DeliverAck,
        Self::DeliverNack,
        Self::RotateKey,
        Self::RotateAck,
        Self::KeyChanged,
        Self::StatusReport,
        Self::Error,
        Self::Hello,
        Self::Challenge,
        Self::Attach,
        Self::Attached,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        Self::ALL.get(index).copied()
    }

    /// The name in `wire.cddl`, traces and scenarios.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::RegisterAck => "register-ack",
            Self::LookupKey => "lookup-key",
            Self::KeyReply => "key-reply",
            Self::Submit => "submit",
            Self::SubmitAck => "submit-ack",
            Self::Poll => "poll",
            Self::Deliver => "deliver",
            Self::PollEnd => "poll-end",
            Self::DeliverAck => "deliver-ack",
            Self::DeliverNack => "deliver-nack",
            Self::RotateKey => "rotate-key",
            Self::RotateAck => "rotate-ack",
            Self::KeyChanged => "key-changed",
            Self::StatusReport => "status-report",
            Self::Error => "error",
            Self::Hello => "hello",
            Self::Challenge => "challenge",
            Self::Attach => "attach",
            Self::Attached => "attached",
        }
    }
}
