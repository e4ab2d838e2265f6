//! What a device and a server are told of themselves: capacities, periods, limits (protocol 4.5).
//!
//! Not here: identities' keys, state, or the network between them.

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::proto::deviation::Deviations;

/// Settings of one device; shared by all devices of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// The server's name, part of what is signed to attach.
    pub server: UserId,
    /// Peers whose secrets fit into the table; at least 1.
    pub table_capacity: usize,
    /// Whether the table survives a restart (C16-R4).
    pub table_durable: bool,
    /// Poll period while attached; none: polls once at each Attached.
    pub poll: Option<Duration>,
    /// Whether pushed mail is expected (only declared; every device takes pushes, C11-R2).
    pub push: bool,
    /// T_refresh: how often used entries are looked up again (C17-R2).
    pub refresh: Duration,
    /// T_max_stale: do not encrypt with an entry older than this.
    pub max_stale: Duration,
    /// First retransmission time-out.
    pub rto: Duration,
    /// Longest retransmission time-out.
    pub rto_max: Duration,
    /// One try of a lookup.
    pub lookup_try: Duration,
    /// Tries in a burst.
    pub burst: u32,
    /// Buttons are ignored for this long after a new screen.
    pub arm: Duration,
    /// T_gap: how long a gap in a sender's numbers is held back.
    pub gap: Duration,
    /// T_neg: how long a negative answer is believed, and the pause between bursts.
    pub negative: Duration,
    /// Grace G_old for own retired keys.
    pub grace: Duration,
    /// Life of a message from its encryption.
    pub ttl: Duration,
    /// Received messages that may wait for keys, order or confirmation.
    pub pending_max: usize,
    /// Drafts that may wait.
    pub drafts_max: usize,
    /// Lookups a minute in the long run.
    pub lookups_per_minute: u32,
    /// Lookups at once.
    pub lookups_burst: u32,
    /// The display.
    pub screen: Screen,
    /// What an approval says about its user.
    pub user_info: String,
    /// Default time from a composed approval to its expiry.
    pub approval_expiry: Duration,
    /// Cryptoperiod written into records.
    pub key_life: Duration,
    /// Behavior that breaks the specification on purpose; empty by default.
    pub deviations: Deviations,
}

/// Size of a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Lines of a whole request, all its pages together.
    pub lines: usize,
    /// Characters in a line.
    pub columns: usize,
}

impl DeviceConfig {
    /// The defaults of protocol 4.5.
    #[must_use]
    pub fn new(server: UserId) -> Self {
        Self {
            server,
            table_capacity: 64,
            table_durable: true,
            poll: Some(Duration::from_secs(10)),
            push: false,
            refresh: Duration::from_secs(86_400),
            max_stale: Duration::from_secs(2 * 86_400),
            rto: Duration::from_secs(2),
            rto_max: Duration::from_secs(60),
            lookup_try: Duration::from_secs(5),
            burst: 8,
            arm: Duration::from_millis(500),
            gap: Duration::from_secs(60),
            negative: Duration::from_secs(60),
            grace: Duration::from_secs(8 * 86_400),
            ttl: Duration::from_secs(7 * 86_400),
            pending_max: 256,
            drafts_max: 256,
            lookups_per_minute: 30,
            lookups_burst: 10,
            screen: Screen { lines: 16, columns: 40 },
            user_info: String::new(),
            approval_expiry: Duration::from_secs(120),
            key_life: Duration::from_secs(365 * 86_400),
            deviations: Deviations::default(),
        }
    }
}

/// Settings of the server, the same for all its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The server's name, part of what is signed to attach.
    pub server: UserId,
    /// Life of a message in a mailbox, at most.
    pub ttl: Duration,
    /// How long retired records are served and retired receiver epochs delivered.
    pub grace: Duration,
    /// How long an offered message waits for its answer.
    pub lease: Duration,
    /// Messages in one mailbox.
    pub mailbox_messages: usize,
    /// Octets of ciphertext in one mailbox.
    pub mailbox_octets: u64,
    /// Whether mail is pushed to attached devices without a poll.
    pub push: bool,
    /// Life of a ticket.
    pub ticket: Duration,
    /// Life of a challenge.
    pub challenge: Duration,
    /// How long mail under an unknown sender epoch is offered before it bounces.
    pub unknown: Duration,
    /// Devices that are told of a user's new key.
    pub watchers_max: usize,
    /// Largest ciphertext.
    pub message_max: usize,
    /// What a refusal for a full mailbox tells the sender to wait.
    pub full_retry: Duration,
    /// Behavior that breaks the specification on purpose; empty by default.
    pub deviations: Deviations,
}

impl ServerConfig {
    /// The defaults of protocol 4.5.
    #[must_use]
    pub fn new(server: UserId) -> Self {
        Self {
            server,
            ttl: Duration::from_secs(7 * 86_400),
            grace: Duration::from_secs(8 * 86_400),
            lease: Duration::from_secs(30),
            mailbox_messages: 1_000,
            mailbox_octets: 16 << 20,
            push: false,
            ticket: Duration::from_secs(3_600),
            challenge: Duration::from_secs(60),
            unknown: Duration::from_secs(300),
            watchers_max: 1_024,
            message_max: (16 << 10) + 1_024,
            full_retry: Duration::from_secs(30),
            deviations: Deviations::default(),
        }
    }

    /// The same for an account whose mailbox takes so many messages.
    #[must_use]
    pub fn limited(&self, mailbox_messages: usize) -> Self {
        Self { mailbox_messages, ..self.clone() }
    }
}

/// Replay window and idempotency rows look back this many numbers (protocol 3.4, 4.5).
pub const WINDOW: u64 = 1_024;
/// Records in one KeyReply at most (protocol 4.3).
pub const CHAIN_MAX: usize = 64;
/// Most octets of user text in one message (protocol 4.5).
pub const TEXT_MAX: usize = 16 << 10;
