//! Devices, fleets and the server as written.
//!
//! Not here: defaults that the machines know themselves (`proto::config`), or luck (`resolve`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::scenario::ast::forms::Beside;
use crate::scenario::ast::link::{Latency, Link};
use crate::scenario::fields::{table, words};
use crate::scenario::leaf::{Name, Octets};
use crate::scenario::range::Drawn;
use crate::scenario::source::Spanned;

table! {
    /// A device and its user. `{}` takes all defaults.
    Device "device" {
        /// The template that this device is like; its own keys come on top.
        like: Option<Spanned<Name>>,
        /// What its user does with it.
        role: Spanned<Role> = "pead",
        /// What stands in for it: simulated, or the implementation under test in a `conform` run.
        body: Spanned<Body> = "simulated",
        /// How it starts.
        start: Spanned<StartAs> = "ready",
        /// Its processor: what a primitive costs in simulated time.
        cpu: Spanned<CpuName> = "free",
        /// Its links; as the network's default unless given.
        network: Option<Spanned<Link>>,
        /// The table of shared secrets.
        table: Option<TableOf>,
        /// How mail comes.
        receive: Option<Receive>,
        /// The display.
        display: Option<Display>,
        /// Approvals.
        approve: Option<Approve>,
        /// Its user answers what the screen asks; without it only `press` steps do.
        user: Option<Answering>,
        /// Bounds on work that waits.
        limits: Option<Limits>,
        /// How often used entries are looked up again (T_refresh); 24 h unless given.
        refresh: Option<Spanned<Drawn<Duration>>>,
        /// Do not encrypt with an older entry (T_max_stale); twice `refresh` unless given.
        stale: Option<Spanned<Drawn<Duration>>>,
        /// How long an own retired private key is kept (G_old); as the server's directory unless given.
        grace: Option<Spanned<Duration>>,
        /// How long a message lives from its encryption; as the server's mailbox unless given.
        ttl: Option<Spanned<Duration>>,
        /// The first retransmission time-out; 2 s unless given.
        rto: Option<Spanned<Duration>>,
        /// The longest retransmission time-out; 60 s unless given.
        backoff: Option<Spanned<Duration>>,
        /// One try of a lookup; 5 s unless given.
        lookup: Option<Spanned<Duration>>,
        /// How long a gap in a sender's numbers is held back (T_gap); 60 s unless given.
        gap: Option<Spanned<Duration>>,
        /// How long a negative answer is believed (T_neg); 60 s unless given.
        negative: Option<Spanned<Duration>>,
        /// How long a durable write takes; as the server's `store` unless given.
        store: Option<Spanned<Drawn<Duration>>>,
        /// The cryptoperiod written into key records; 365 d unless given.
        life: Option<Spanned<Duration>>,
    }
}

table! {
    /// Many devices of the same kind, called `north-1`, `north-2` and so on; with the keys of a device.
    FleetOnly "fleet" {
        /// How many.
        count: Spanned<u64>,
    }
}

/// Many devices of the same kind.
pub type Fleet = Beside<FleetOnly, Device>;

table! {
    /// The table of shared secrets.
    TableOf "table" {
        /// Peers whose secrets fit in; 64 unless given.
        capacity: Option<Spanned<Drawn<u64>>>,
        /// Does it survive a restart?
        durable: Spanned<bool> = "true",
    }
}

table! {
    /// How mail comes to a device.
    Receive "receive" {
        /// The poll period; 10 s unless given, and none with `push`.
        poll: Option<Spanned<Drawn<Duration>>>,
        /// Does the server push?
        push: Spanned<bool> = "false",
    }
}

table! {
    /// The display: a request that does not fit is refused, never cut.
    Display "display" {
        /// Lines of a whole request, all its pages together; 16 unless given.
        lines: Option<Spanned<u64>>,
        /// Characters in a line; 40 unless given.
        columns: Option<Spanned<u64>>,
    }
}

table! {
    /// Approvals on a device.
    Approve "approve" {
        /// Buttons are ignored for this long after a new screen (T_arm); 500 ms unless given.
        arm: Option<Spanned<Duration>>,
        /// How long own data may be approved; 120 s unless given.
        expires: Option<Spanned<Duration>>,
        /// What an approval says about its user; empty unless given.
        user: Option<Spanned<String>>,
    }
}

table! {
    /// A user who answers everything that the screen asks, own data too.
    Answering "user" short "after" {
        /// How long after the buttons count: a duration (a range is drawn once per device), or luck
        /// for each request anew.
        after: Spanned<Latency>,
        /// The share of requests that are approved; the others are rejected.
        approves: Spanned<Ratio> = "100%",
    }
}

table! {
    /// Bounds on work that waits.
    Limits "limits" {
        /// Received messages that may wait for keys, order or confirmation; 256 unless given.
        pending: Option<Spanned<u64>>,
        /// Drafts that may wait; 256 unless given.
        drafts: Option<Spanned<u64>>,
        /// Lookups a minute in the long run; 30 unless given.
        lookups: Option<Spanned<u64>>,
        /// Lookups at once; 10 unless given.
        burst: Option<Spanned<u64>>,
        /// Tries in a burst; 8 unless given.
        tries: Option<Spanned<u64>>,
    }
}

table! {
    /// The server, and what all accounts share.
    Server "server" {
        /// Mailboxes.
        mailbox: Option<Mailbox>,
        /// The directory.
        directory: Option<Directory>,
        /// How long accounts take to reach each other; also what an action on another node's point
        /// waits at least.
        internal: Spanned<Duration> = "10ms",
        /// How long a durable write takes, on the server and on devices without a `store` of their own.
        store: Spanned<Duration> = "1ms",
        /// How long an offered message waits for its answer; 30 s unless given.
        lease: Option<Spanned<Duration>>,
        /// The life of a ticket; 1 h unless given.
        ticket: Option<Spanned<Duration>>,
        /// The life of a challenge; 60 s unless given.
        challenge: Option<Spanned<Duration>>,
        /// How long mail under an unknown sender epoch is offered (T_unknown); 5 m unless given.
        unknown: Option<Spanned<Duration>>,
        /// The largest ciphertext; 17 KiB unless given.
        message: Option<Spanned<Octets>>,
    }
}

table! {
    /// Mailboxes: what does not fit is refused at submit.
    Mailbox "mailbox" {
        /// Messages in one mailbox; 1 000 unless given.
        messages: Option<Spanned<u64>>,
        /// Octets of ciphertext in one mailbox; 16 MiB unless given.
        octets: Option<Spanned<Octets>>,
        /// The life of a message; 7 d unless given.
        ttl: Option<Spanned<Duration>>,
        /// What a refusal for a full mailbox tells the sender to wait; 30 s unless given.
        retry: Option<Spanned<Duration>>,
    }
}

table! {
    /// The directory.
    Directory "directory" {
        /// How long retired records are served; at least the mailbox's `ttl` and 5 % more. 8 d unless given.
        grace: Option<Spanned<Duration>>,
        /// Devices that are told of a user's new key; 1 024 unless given.
        watchers: Option<Spanned<u64>>,
    }
}

words! {
    /// What a user does with the device.
    Role "role" {
        /// Sends, receives and approves.
        Pead = "pead",
        /// A transaction system that asks others for approval.
        Requester = "requester",
    }
}

words! {
    /// What stands in for a device.
    Body "body" {
        /// The simulated device.
        Simulated = "simulated",
        /// The implementation under test; simulated in a plain run.
        UnderTest = "under-test",
    }
}

words! {
    /// How a device starts.
    StartAs "start" {
        /// Registered and attached.
        Ready = "ready",
        /// With keys, not registered.
        Keyed = "keyed",
        /// Without keys.
        Blank = "blank",
        /// Not powered until a `restart` step.
        Off = "off",
    }
}

words! {
    /// Processors whose virtual cost is known.
    CpuName "processor" {
        /// Nothing costs time.
        Free = "free",
        /// 48 MHz Cortex-M0+.
        CortexM0Plus = "cortex-m0plus",
        /// 64 MHz Cortex-M4.
        CortexM4 = "cortex-m4",
        /// A phone.
        Phone = "phone",
    }
}

/// The name of a device or a fleet, or of one device of a fleet.
pub type DeviceName = Spanned<UserId>;
