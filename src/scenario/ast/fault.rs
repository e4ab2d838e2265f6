//! Verbs of the network, of nodes and of the operator: faults, frames, fences.
//!
//! Not here: when they act (`step`), or faults that someone means (`adversary`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::scenario::address::{FrameAt, Moment};
use crate::scenario::ast::forms::Some1;
use crate::scenario::ast::link::LossOf;
use crate::scenario::fields::{table, words};
use crate::scenario::leaf::{Drift, Jump, Name};
use crate::scenario::source::Spanned;

words! {
    /// Which way of a link.
    Direction "direction" {
        /// Both ways.
        Both = "both",
        /// From the device to the server.
        Up = "up",
        /// From the server to the device.
        Down = "down",
    }
}

/// Names of devices and fleets: one or several.
pub type Users = Some1<Spanned<UserId>>;

table! {
    /// Nothing passes between devices and the server; what is sent is lost.
    Partition "partition" {
        /// Two sides, each one name or several; `server` is one of them, since all links end there.
        between: Spanned<Vec<Users>>,
        /// Which way is cut.
        direction: Spanned<Direction> = "both",
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// Nothing passes; what is sent comes later.
    Clog "clog" {
        /// Whose links.
        links: Users,
        /// Which way is stalled.
        direction: Spanned<Direction> = "both",
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// Clogs links one by one and releases them in another order.
    Swizzle "swizzle" {
        /// Whose links.
        links: Users,
        /// The time between one link and the next.
        every: Spanned<Duration> = "1s",
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// An episode of loss, in place of the links' own loss.
    LossEpisode "loss" {
        /// Whose links.
        links: Users,
        /// The share that is lost, or bursts.
        rate: Spanned<LossOf>,
        /// Which way.
        direction: Spanned<Direction> = "both",
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// Sets one setting of links for a while.
    LinkSet "link" {
        /// Whose links.
        links: Users,
        /// Every frame takes this much longer.
        extra: Option<Spanned<Duration>>,
        /// The share of frames in which a bit flips.
        corrupt: Option<Spanned<Ratio>>,
        /// The share of frames that come twice.
        duplicate: Option<Spanned<Ratio>>,
        /// Which way.
        direction: Spanned<Direction> = "both",
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [ExactlyOne(&["extra", "corrupt", "duplicate"]), AtMostOne(&["for", "until"])]
}

table! {
    /// Ends the `offline` of the prelude.
    Online "online" short "links" {
        /// Whose links.
        links: Users,
    }
}

table! {
    /// Frames are lost.
    Drop "drop" short "frame" {
        /// Which frames.
        frame: Spanned<FrameAt>,
    }
}

table! {
    /// Frames wait.
    Hold "hold" {
        /// Which frames.
        frame: Spanned<FrameAt>,
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// Frames come more than once.
    Duplicate "duplicate" short "frame" {
        /// Which frames.
        frame: Spanned<FrameAt>,
        /// How many times more.
        times: Spanned<u64> = "1",
    }
}

table! {
    /// Frames come later.
    Delay "delay" {
        /// Which frames.
        frame: Spanned<FrameAt>,
        /// By how much.
        lasting as "for": Spanned<Duration>,
    }
}

table! {
    /// A bit of a frame flips.
    Corrupt "corrupt" short "frame" {
        /// Which frames.
        frame: Spanned<FrameAt>,
        /// Which bit, from 0; drawn unless given.
        bit: Option<Spanned<u64>>,
    }
}

table! {
    /// A device stops without warning: at a time, at a barrier (`at: before-ack`), or with a thing that is
    /// seen of it (`at: seen#3`), counted from its `after` on.
    Crash "crash" short "device" {
        /// Which device.
        device: Spanned<UserId>,
        /// How long it is down; until a `restart` or until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when it is down.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// A device that is off starts.
    Restart "restart" short "device" {
        /// Which device.
        device: Spanned<UserId>,
    }
}

table! {
    /// Keeps a copy of a device's durable state under the step's name.
    Snapshot "snapshot" short "device" {
        /// Which device.
        device: Spanned<UserId>,
    }
}

table! {
    /// Puts a copy in the place of a device's durable state, and starts the device from it.
    Restore "restore" {
        /// Which device.
        device: Spanned<UserId>,
        /// The name of the `snapshot` step.
        snapshot: Spanned<Name>,
        /// Restores its randomness too.
        rng: Spanned<bool> = "false",
    }
}

table! {
    /// A device's wall clock jumps or drifts.
    Clock "clock" {
        /// Which device.
        device: Spanned<UserId>,
        /// By how much it jumps.
        step: Option<Spanned<Jump>>,
        /// How fast it drifts from now on.
        drift: Option<Spanned<Drift>>,
    }
}

table! {
    /// The server answers no lookups.
    DirectoryOffline "directory-offline" {
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// A mailbox takes no more than a few messages.
    MailboxFull "mailbox-full" {
        /// Whose mailbox.
        of: Spanned<UserId>,
        /// How many it takes.
        messages: Spanned<u64> = "0",
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// The server stops without warning and starts again: all accounts at a time, or one account at a barrier.
    ServerCrash "server-crash" {
        /// With a barrier: whose account.
        of: Option<Spanned<UserId>>,
        /// How long it is down; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when it is down.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// A durable store takes longer for a while; what waits for it to be durable waits too.
    StoreSlow "store-slow" {
        /// Whose store: a device's, or `server` for all accounts.
        of: Spanned<UserId>,
        /// Of the server: only this user's account.
        account: Option<Spanned<UserId>>,
        /// How much longer every write takes.
        extra: Spanned<Duration>,
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// A durable store finishes no write for a while.
    StoreStall "store-stall" {
        /// Whose store: a device's, or `server` for all accounts.
        of: Spanned<UserId>,
        /// Of the server: only this user's account.
        account: Option<Spanned<UserId>>,
        /// How long; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// The next write of a durable store fails: nothing of it is durable, so the node stops there, and
    /// starts again from what is.
    StoreFail "store-fail" {
        /// Whose store: a device's, or `server` with `account`.
        of: Spanned<UserId>,
        /// Of the server: this user's account.
        account: Option<Spanned<UserId>>,
        /// How long the node is down; until everything heals unless given.
        lasting as "for": Option<Spanned<Duration>>,
        /// Until when it is down.
        until: Option<Spanned<Moment>>,
    }
    rules [AtMostOne(&["for", "until"])]
}

table! {
    /// The operator ends a user's identity; the next registration begins a new one.
    ResetUser "reset-user" short "of" {
        /// Whose.
        of: Spanned<UserId>,
    }
}

table! {
    /// Waits until everything up to here at a device is processed; its point is `reached`.
    Fence "fence" short "by" {
        /// Which device.
        by: Spanned<UserId>,
    }
}
