//! What can be wrong with a link to a device, as sentences that name the mistake.
//!
//! Not here: what finds it (`link`, `transport`).

use crate::base::time::Duration;
use crate::conformance::link::{EVENT_OCTETS_MAX, EVENTS_MAX};
use crate::conformance::message::{LINE_MAX, RefusalCode, VERSION};

/// What is wrong with a link. Each says whose mistake it probably is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Nothing came.
    #[error("no answer to `{method}` within {within}: it hangs, or its output is not flushed")]
    Mute {
        /// What was asked.
        method: String,
        /// How long.
        within: Duration,
    },
    /// A line was begun and not ended.
    #[error(
        "a line stopped after {octets} octets, without its end within {within}: a newline is missing, or it \
         comes too slowly"
    )]
    Slow {
        /// How much of it came.
        octets: usize,
        /// How long it has had.
        within: Duration,
    },
    /// A serial line that does not carry.
    #[error(
        "a frame came damaged, and so did what came of {0} repetitions: look at the cable and the speed"
    )]
    Damaged(u8),
    /// The device itself is gone, and its output is not.
    #[error("the device ended ({0}), but something that it started holds its output open")]
    Orphan(String),
    /// The other end is gone.
    #[error("the device closed the line{0}")]
    Closed(String),
    /// It cannot be written to.
    #[error("the device does not read: {0}")]
    Stuck(String),
    /// A line without end.
    #[error("a line is longer than {LINE_MAX} octets: a newline is missing, or it is flooding")]
    TooLong,
    /// No text.
    #[error("a line is not UTF-8")]
    NotText,
    /// No message.
    #[error("a line is no message: {why}; it begins with `{begin}`{hint}")]
    NoMessage {
        /// What is wrong.
        why: String,
        /// Its first characters.
        begin: String,
        /// What the mistake may be.
        hint: &'static str,
    },
    /// Another version.
    #[error("it speaks version {0}, this is version {VERSION}")]
    Version(u32),
    /// A reply to something else.
    #[error("a reply to request {got}, while {expected} is open")]
    WrongReply {
        /// Which was open.
        expected: u64,
        /// Which was named.
        got: u64,
    },
    /// A reply to nothing.
    #[error("a reply to request {0}, while none is open")]
    Unasked(u64),
    /// An event out of order.
    #[error("event {got} follows event {last}: numbers count from 1 without gaps")]
    WrongEvent {
        /// The one before.
        last: u64,
        /// This one.
        got: u64,
    },
    /// A fence in another place than the device says.
    #[error(
        "it says that event {says} was its last, but {came} came: an event is lost, or comes late"
    )]
    Fence {
        /// What the reply says.
        says: u64,
        /// What was read.
        came: u64,
    },
    /// Something that was said when nothing was asked.
    #[error(
        "{what} came after the reply that said all was out, and before anything was asked: late output"
    )]
    Late {
        /// What.
        what: String,
    },
    /// An event at a time at which nothing could happen.
    #[error(
        "event {seq} happened at {at_ns} ns, but the device said that it does nothing by itself before \
         {next_ns} ns: late output"
    )]
    Unannounced {
        /// Which.
        seq: u64,
        /// What it says.
        at_ns: u64,
        /// What was said before.
        next_ns: u64,
    },
    /// An event where there is no occasion.
    #[error("event {seq} came with the reply to `{method}`, which is no occasion to say something")]
    NoOccasion {
        /// Which.
        seq: u64,
        /// What was asked.
        method: String,
    },
    /// An event of the other side of the protocol.
    #[error("event {0} is one that a device says and no server, or the other way round")]
    Foreign(u64),
    /// An inside fact of a device that tells none.
    #[error("event {seq} tells of the inside (`{fact}`), but the device declares no `facts`")]
    Undeclared {
        /// Which.
        seq: u64,
        /// What it tells.
        fact: String,
    },
    /// A refusal of what was declared.
    #[error("`{method}` is refused, though it is asked for only when it is declared: {text}")]
    OverDeclared {
        /// What was asked.
        method: String,
        /// The device's words.
        text: String,
    },
    /// The session is over, and the device is not.
    #[error("the device does not end within {0} after the reply to `shutdown`")]
    Lingers(Duration),
    /// An event before its cause, or after the fence.
    #[error(
        "event {seq} says that it happened at {at_ns} ns, which is not within {from_ns} to {to_ns} ns"
    )]
    WrongTime {
        /// Which.
        seq: u64,
        /// What it says.
        at_ns: u64,
        /// The earliest it can be.
        from_ns: u64,
        /// The latest.
        to_ns: u64,
    },
    /// A reply that says neither.
    #[error("the reply to `{0}` says neither `ok` nor `err`, or both")]
    Neither(String),
    /// A reply of the wrong shape.
    #[error("the reply to `{method}` cannot be read: {why}")]
    Shape {
        /// What was asked.
        method: String,
        /// What is wrong.
        why: String,
    },
    /// The device refuses.
    #[error("`{method}` is refused: {text}")]
    Refused {
        /// What was asked.
        method: String,
        /// Why.
        code: RefusalCode,
        /// The device's words.
        text: String,
    },
    /// Nobody did what the user was to do.
    #[error("nobody did `{act}`: {why}")]
    Unattended {
        /// What.
        act: &'static str,
        /// In words.
        why: String,
    },
    /// What acts for the user is broken.
    #[error("the rig cannot do `{act}`: {why}")]
    Actuator {
        /// What.
        act: &'static str,
        /// In words.
        why: String,
    },
    /// The port for a native device fails.
    #[error("the native port fails: {0}")]
    Port(String),
    /// A native device does not connect.
    #[error("the device has not connected to {address} within {within}")]
    Away {
        /// Where.
        address: String,
        /// How long it had.
        within: Duration,
    },
    /// A native server does not take a connection.
    #[error("the server takes no connection at {address}, though it has power: {why}")]
    Deaf {
        /// Where it should listen.
        address: String,
        /// What the operating system says.
        why: String,
    },
    /// A native device connects while it is connected.
    #[error("the device has two connections at once to the native port, or shares its address")]
    Twice,
    /// The frames of a native device or server.
    #[error("its own connection: {0}")]
    Frames(String),
    /// Another declaration than was expected.
    #[error("the device declares otherwise than it should: {0}")]
    Misdeclared(String),
    /// More events than anything asked for can lead to.
    #[error(
        "more than {EVENTS_MAX} events or {EVENT_OCTETS_MAX} octets of them between a request and its reply: \
         it is flooding"
    )]
    Flood,
}

impl LinkFault {
    /// The same, with what was asked.
    #[must_use]
    pub fn asked(self, name: &str) -> Self {
        if let Self::Mute { within, .. } = self {
            return Self::Mute { method: name.to_owned(), within };
        }
        self
    }
}

/// What the mistake may be.
#[must_use]
pub fn hint(text: &str) -> &'static str {
    if text.trim().is_empty() {
        "; empty lines are no messages"
    } else if !text.trim_start().starts_with('{') {
        "; does the device log to its standard output? Logs go to standard error"
    } else if text.contains("}{") || text.contains("} {") {
        "; two objects on one line: each needs its own"
    } else {
        ""
    }
}
