//! Expectations as written: what a run must show, and how many times.
//!
//! Not here: how they are judged (`oracle`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::scenario::address::{Moment, PointAt};
use crate::scenario::ast::fault::Direction;
use crate::scenario::ast::forms::Some1;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Read, one_of, read_beside, table, words};
use crate::scenario::leaf::{Count, Name, OracleId};
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::Node;
use crate::scenario::write;
use crate::trace::fact::{AlarmKind, DeviceState, DraftStatus, FrameKind, RejectCause, Selection};
use crate::verdict::requirement::Requirement;

/// One expectation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// Where its verb stands.
    pub span: Span,
    /// As it is written, on one line.
    pub text: String,
    /// How often, and in which interval.
    pub bounds: Bounds,
    /// What is expected.
    pub what: Expected,
}

impl Read for Expectation {
    const KIND: Kind = Kind::OneOf(Expected::choices);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        let (span, bounds, what) = read_beside(node, sink)?;
        Some(Self { span, text: write::line(node), bounds, what })
    }
}

table! {
    /// Keys of every expectation: how often, in which interval, and what it shows.
    Bounds "expectation" {
        /// Its name in reports.
        name as "as": Option<Spanned<Name>>,
        /// How many times: `1..` unless given; never is `0`, which alone is no evidence for anything.
        count: Option<Spanned<Count>>,
        /// The time it may take, from the first point of the thing it names.
        within: Option<Spanned<Duration>>,
        /// Counts from here on.
        since: Option<Spanned<Moment>>,
        /// Counts up to here.
        until: Option<Spanned<Moment>>,
        /// The requirements, of those that the scenario lists, for which it is evidence when it comes true.
        /// One that is true when nothing happens needs an interval: `since`, and `until` or `within`.
        shows: Option<Shows>,
    }
}

table! {
    /// The requirements for which an expectation is evidence when it comes true. It is so in every world,
    /// and for every device that shows what is expected, whether it tells of its inside or not.
    Shows "shows" short "positive" {
        /// The required behavior is seen.
        positive: Option<Some1<Spanned<Requirement>>>,
        /// The provocation was made, and the forbidden behavior is absent.
        negative: Option<Some1<Spanned<Requirement>>>,
    }
}

one_of! {
    /// An expectation: one verb, its keys, and the keys of every expectation.
    Expected "expectation" beside Bounds {
        /// The message was handed to the device.
        Sent(OfMessage) = "sent",
        /// The message was encrypted.
        Encrypted(OfMessage) = "encrypted",
        /// The message was transmitted.
        Submitted(OfMessage) = "submitted",
        /// The message was stored at the server.
        Stored(OfMessage) = "stored",
        /// The sender was told that the server has it.
        Accepted(OfMessage) = "accepted",
        /// The message was offered to the receiver.
        Forwarded(OfMessage) = "forwarded",
        /// The message is durable at the receiver.
        Committed(OfMessage) = "committed",
        /// The receiver saw the message.
        Displayed(Displayed) = "displayed",
        /// The message was acknowledged.
        Acked(OfMessage) = "acked",
        /// The sender was told the message's end.
        Reported(OfMessage) = "reported",
        /// The message expired.
        Expired(OfMessage) = "expired",
        /// The message bounced.
        Bounced(OfMessage) = "bounced",
        /// The message was given up.
        Failed(OfMessage) = "failed",
        /// A point was reached.
        Reached(ReachedPoint) = "reached",
        /// The epochs under which the message was last encrypted.
        Epoch(EpochOf) = "epoch",
        /// A device looked users up.
        Lookups(ByOf) = "lookups",
        /// A device derived secrets.
        Derivations(ByOf) = "derivations",
        /// A device searched its table.
        Table(TableSearch) = "table",
        /// Rows left a device's table.
        Evicted(ByOf) = "evicted",
        /// A device warned its user.
        Alarm(AlarmBy) = "alarm",
        /// A device asked its user about a new identity.
        Asked(ByOf) = "asked",
        /// A request was shown.
        Prompted(OfRequest) = "prompted",
        /// A request was approved.
        Approved(Approved) = "approved",
        /// A request was rejected.
        Rejected(Rejected) = "rejected",
        /// A device signed approvals.
        Signed(By) = "signed",
        /// A user was told something about a message.
        Notice(Notice) = "notice",
        /// The server refused something.
        Refused(Refused) = "refused",
        /// A device did not accept messages.
        Dismissed(Dismissed) = "dismissed",
        /// A device finished rotations.
        Rotated(By) = "rotated",
        /// Frames passed a device's link.
        Frames(FramesOf) = "frames",
        /// A device is in a state at the end of the interval.
        State(StateOf) = "state",
        /// An oracle finds something; the only expectation with which `deviations` are legal.
        Finding(FindingOf) = "finding",
        /// A quantile of a metric lies below a bound.
        Slo(Slo) = "slo",
        /// A share lies above or below a bound.
        Ratio(RatioOf) = "ratio",
        /// What a fault held up is done soon after its end.
        Healed(Healed) = "healed",
        /// Accepted messages of which nothing became.
        Lost(OfMessage) = "lost",
    }
}

table! {
    /// A message or request; of a workload all of them count.
    OfMessage "expectation of a message" short "message" {
        /// Its name, or that of a workload.
        message: Spanned<Name>,
    }
}

table! {
    /// The receiver saw the message.
    Displayed "displayed" short "message" {
        /// Its name.
        message: Spanned<Name>,
        /// With exactly this text.
        text: Option<Spanned<String>>,
    }
}

table! {
    /// A point was reached.
    ReachedPoint "reached" short "point" {
        /// The point.
        point: Spanned<PointAt>,
    }
}

table! {
    /// The epochs under which the message was last encrypted.
    EpochOf "epoch" {
        /// The message.
        message: Spanned<Name>,
        /// The sender's epoch.
        sender: Option<Spanned<u64>>,
        /// The receiver's epoch.
        receiver: Option<Spanned<u64>>,
    }
}

table! {
    /// What a device did about a user.
    ByOf "expectation of a device" {
        /// Which device.
        by: Spanned<UserId>,
        /// About whom; about anybody unless given.
        of: Option<Spanned<UserId>>,
    }
}

table! {
    /// What a device did.
    By "expectation of a single device" short "by" {
        /// Which device.
        by: Spanned<UserId>,
    }
}

table! {
    /// A device searched its table.
    TableSearch "table search" {
        /// Which device.
        by: Spanned<UserId>,
        /// For whom; for anybody unless given.
        of: Option<Spanned<UserId>>,
        /// With which outcome.
        outcome: Spanned<Selection>,
    }
}

table! {
    /// A device warned its user.
    AlarmBy "alarm" short "by" {
        /// Which device.
        by: Spanned<UserId>,
        /// Of what; of anything unless given.
        kind: Option<Spanned<AlarmKind>>,
    }
}

table! {
    /// A request, or own data; of a workload all of them count.
    OfRequest "expectation of a request" short "request" {
        /// Its name, or that of a workload.
        request: Spanned<Name>,
    }
}

table! {
    /// A request was approved; of a workload all approvals count.
    Approved "approved" short "request" {
        /// Its name, or that of a workload.
        request: Spanned<Name>,
        /// By this press.
        press: Option<Spanned<Name>>,
        /// What the requester finds of the signature.
        signature: Option<Spanned<Signature>>,
    }
}

words! {
    /// What a requester finds of a signature.
    Signature "state of a signature" {
        /// It verifies, over what was asked and shown.
        Valid = "valid",
        /// It does not.
        Invalid = "invalid",
    }
}

table! {
    /// A request was rejected; of a workload all rejections count.
    Rejected "rejected" short "request" {
        /// Its name, or that of a workload.
        request: Spanned<Name>,
        /// By this press.
        press: Option<Spanned<Name>>,
    }
}

table! {
    /// A user was told something about a message.
    Notice "notice" {
        /// Which message.
        message: Spanned<Name>,
        /// What.
        status: Spanned<DraftStatus>,
    }
}

table! {
    /// The server refused something.
    Refused "refused" {
        /// Whose request.
        by: Spanned<UserId>,
        /// With which code, such as `QUEUE_FULL`; with any unless given.
        code: Option<Spanned<ErrorName>>,
    }
}

words! {
    /// Why the server refuses (protocol 4.3).
    ErrorName "error code" {
        /// The ID is registered already.
        IdTaken = "ID_TAKEN",
        /// A point or record is not valid.
        BadKey = "BAD_KEY",
        /// The proof of possession does not verify.
        BadPop = "BAD_POP",
        /// Nobody is registered under this name.
        UnknownUser = "UNKNOWN_USER",
        /// The ticket does not hold.
        BadTicket = "BAD_TICKET",
        /// The message's time is over.
        Expired = "EXPIRED",
        /// The mailbox is full.
        QueueFull = "QUEUE_FULL",
        /// The same message with other content.
        SeqConflict = "SEQ_CONFLICT",
        /// Larger than the server takes.
        TooBig = "TOO_BIG",
        /// The epoch is retired for too long.
        StaleEpoch = "STALE_EPOCH",
        /// The epoch is not the current one plus one.
        EpochConflict = "EPOCH_CONFLICT",
        /// The record does not continue the chain.
        BadChain = "BAD_CHAIN",
        /// A rotation before the grace of the last one is over.
        InGrace = "IN_GRACE",
        /// The signature does not verify.
        BadSig = "BAD_SIG",
        /// The challenge was used or is too old.
        StaleChallenge = "STALE_CHALLENGE",
        /// No common version or suite.
        Unsupported = "UNSUPPORTED",
    }
}

table! {
    /// A device did not accept messages.
    Dismissed "dismissed" {
        /// Which device.
        by: Spanned<UserId>,
        /// Why; for any reason unless given.
        why: Option<Spanned<RejectCause>>,
    }
}

table! {
    /// Frames passed a device's link.
    FramesOf "frames" {
        /// Which device.
        by: Spanned<UserId>,
        /// Which kind.
        kind: Spanned<FrameKind>,
        /// From the device (`up`) or to it (`down`).
        direction: Spanned<Direction> = "up",
    }
}

table! {
    /// A device is in a state at the end of the interval.
    StateOf "state" {
        /// Which device.
        by: Spanned<UserId>,
        /// The state.
        is: Spanned<DeviceState>,
    }
}

table! {
    /// An oracle finds something.
    FindingOf "finding" {
        /// Which oracle.
        oracle: Spanned<OracleId>,
        /// About which requirement.
        requirement: Option<Spanned<Requirement>>,
    }
}

table! {
    /// A quantile of a metric lies below a bound.
    Slo "slo" {
        /// The metric: `chat.delivery` (until it is seen), `chat.response` (until the server has it),
        /// `pay.answer` (of requests: until the answer is back), `heal.partition`; under load also
        /// `look.response` of a workload without messages, and `wire.lookup`, `wire.attach` and the like (from
        /// a request on the wire to its answer).
        metric: Spanned<String>,
        /// The quantile.
        quantile: Spanned<Ratio>,
        /// The bound.
        below: Spanned<Duration>,
        /// In each window of this length; over the whole interval unless given.
        window: Option<Spanned<Duration>>,
        /// The share of the windows that may miss the bound.
        budget: Spanned<Ratio> = "0%",
        /// Leaves out what this fault touches.
        outside: Option<Spanned<Name>>,
    }
}

table! {
    /// A share lies above or below a bound.
    RatioOf "ratio" {
        /// The metric: `table.hit`.
        metric: Spanned<String>,
        /// Above this share.
        above: Option<Spanned<Ratio>>,
        /// Below this share.
        below: Option<Spanned<Ratio>>,
    }
}

table! {
    /// All deliveries that a fault held up are done this soon (`within`) after its end.
    Healed "healed" short "fault" {
        /// The fault.
        fault: Spanned<Name>,
    }
}
