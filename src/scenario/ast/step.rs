//! Steps as written: when they act, and the one verb that says what they do.
//!
//! Not here: the verbs' own keys (`action`, `fault`, `adversary`).

use crate::base::time::Duration;
use crate::scenario::address::PointAt;
use crate::scenario::ast::action::{
    Compose, Confirm, Poll, Press, Provision, Register, Request, Rotate, Send, Wipe,
};
use crate::scenario::ast::adversary::{
    Flip, ForgeKeyReply, ForgeNotice, Inject, Reflect, Replay, Reregister, ServeOld, Spray,
    SwapReplies,
};
use crate::scenario::ast::fault::{
    Clock, Clog, Corrupt, Crash, Delay, DirectoryOffline, Drop, Duplicate, Fence, Hold, LinkSet,
    LossEpisode, MailboxFull, Online, Partition, ResetUser, Restart, Restore, ServerCrash,
    Snapshot, StoreFail, StoreSlow, StoreStall, Swizzle,
};
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Read, one_of, read_beside, table};
use crate::scenario::leaf::{At, Name};
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::Node;

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where its verb stands.
    pub span: Span,
    /// Its name and its time.
    pub anchor: Anchor,
    /// What it does.
    pub verb: Verb,
}

impl Read for Step {
    const KIND: Kind = Kind::OneOf(Verb::choices);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        let (span, anchor, verb) = read_beside(node, sink)?;
        Some(Self { span, anchor, verb })
    }
}

table! {
    /// Keys of every step: its name, and when it acts. Without `at` and `after` it follows the step
    /// before it; the first one acts at 0 s.
    Anchor "step" {
        /// Its name, for points (`m1.stored`), frames (`m1.submit`) and reports.
        name as "as": Option<Spanned<Name>>,
        /// The time, from the end of `given`; for a crash also a barrier or a thing seen.
        at: Option<Spanned<At>>,
        /// The point of another step; a point that never occurs makes the run inconclusive.
        after: Option<Spanned<PointAt>>,
        /// How long after that point, or after the step before it.
        delay: Option<Spanned<Duration>>,
    }
}

one_of! {
    /// A step: one verb, its keys, and the keys of every step.
    Verb "step" beside Anchor {
        /// A user writes a message.
        Send(Send) = "send",
        /// A user asks another for approval.
        Request(Request) = "request",
        /// A user writes own data, which the device shows and, once approved, signs and sends.
        Compose(Compose) = "compose",
        /// A user presses a button.
        Press(Press) = "press",
        /// A user answers the question about another's new identity.
        Confirm(Confirm) = "confirm",
        /// A user's device makes a new key pair.
        Rotate(Rotate) = "rotate",
        /// A user asks for mail now.
        Poll(Poll) = "poll",
        /// Keys come into a device, over its local port.
        Provision(Provision) = "provision",
        /// A device with keys registers.
        Register(Register) = "register",
        /// Factory reset of a device.
        Wipe(Wipe) = "wipe",
        /// Nothing passes the links; what is sent is lost.
        Partition(Partition) = "partition",
        /// Nothing passes the links; what is sent comes later.
        Clog(Clog) = "clog",
        /// Clogs links one by one and releases them in another order.
        Swizzle(Swizzle) = "swizzle",
        /// An episode of loss.
        Loss(LossEpisode) = "loss",
        /// Sets one setting of links for a while.
        Link(LinkSet) = "link",
        /// Ends the `offline` of the prelude.
        Online(Online) = "online",
        /// Frames are lost.
        Drop(Drop) = "drop",
        /// Frames wait.
        Hold(Hold) = "hold",
        /// Frames come more than once.
        Duplicate(Duplicate) = "duplicate",
        /// Frames come later.
        Delay(Delay) = "delay",
        /// A bit of a frame flips.
        Corrupt(Corrupt) = "corrupt",
        /// A device stops without warning.
        Crash(Crash) = "crash",
        /// A device that is off starts.
        Restart(Restart) = "restart",
        /// Keeps a copy of a device's durable state under the step's name.
        Snapshot(Snapshot) = "snapshot",
        /// Puts a copy in the place of a device's durable state.
        Restore(Restore) = "restore",
        /// A device's wall clock jumps or drifts.
        Clock(Clock) = "clock",
        /// The server answers no lookups.
        DirectoryOffline(DirectoryOffline) = "directory-offline",
        /// A mailbox takes no more.
        MailboxFull(MailboxFull) = "mailbox-full",
        /// The server stops without warning and starts again.
        ServerCrash(ServerCrash) = "server-crash",
        /// A durable store takes longer.
        StoreSlow(StoreSlow) = "store-slow",
        /// A durable store finishes no write.
        StoreStall(StoreStall) = "store-stall",
        /// The next write of a durable store fails, and its node stops.
        StoreFail(StoreFail) = "store-fail",
        /// The operator ends a user's identity.
        ResetUser(ResetUser) = "reset-user",
        /// An adversary sends a captured frame again.
        Replay(Replay) = "replay",
        /// An adversary sends a user's own message back to them.
        Reflect(Reflect) = "reflect",
        /// An adversary flips each octet of a part of a frame in turn.
        Flip(Flip) = "flip",
        /// An adversary answers a lookup with a forged record.
        ForgeKeyReply(ForgeKeyReply) = "forge-key-reply",
        /// An adversary tells of a key change that did not happen.
        ForgeNotice(ForgeNotice) = "forge-notice",
        /// An adversary exchanges the records of two key replies.
        SwapReplies(SwapReplies) = "swap-replies",
        /// An adversary serves an old record.
        ServeOld(ServeOld) = "serve-old-record",
        /// An adversary registers a used name again with keys of its own.
        Reregister(Reregister) = "reregister",
        /// An adversary sends any octets.
        Inject(Inject) = "inject",
        /// An adversary sends messages from unknown senders or of absurd epochs.
        Spray(Spray) = "spray",
        /// Waits until everything up to here at a device is processed.
        Fence(Fence) = "fence",
    }
}
