//! What the server counts, as Prometheus and OpenMetrics read it.
//!
//! Not here: how it is asked for (`health`).

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::base::time::Duration;
use crate::trace::fact::Fact;
use crate::wire::code::ErrorCode;
use crate::wire::message::MessageKind;

/// Counters of one server; several servers of one process do not mix.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    connections: Gauge,
    accepted: Counter,
    refused: Family<Label, Counter>,
    frames: Family<Label, Counter>,
    malformed: Counter,
    errors: Family<Label, Counter>,
    mail: Family<Label, Counter>,
    users: Gauge,
    syncs: Histogram,
    groups: Histogram,
}

/// Which of several: a kind of frame, an error code, a reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    what: &'static str,
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("peadsim"),
            connections: Gauge::default(),
            accepted: Counter::default(),
            refused: Family::default(),
            frames: Family::default(),
            malformed: Counter::default(),
            errors: Family::default(),
            mail: Family::default(),
            users: Gauge::default(),
            syncs: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            groups: Histogram::new(exponential_buckets(1.0, 2.0, 13)),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let Self { registry, .. } = self;
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("connections_accepted", "Connections let in", self.accepted.clone());
        registry.register("connections_refused", "Connections cut off", self.refused.clone());
        registry.register("frames", "Frames served", self.frames.clone());
        registry.register("frames_malformed", "Frames that were none", self.malformed.clone());
        registry.register("errors", "Requests refused, by code", self.errors.clone());
        registry.register("mail", "Events in mailboxes", self.mail.clone());
        registry.register("users", "Accounts", self.users.clone());
        registry.register("sync_seconds", "Time of one sync of the store", self.syncs.clone());
        registry.register("sync_batches", "Turns made durable by one sync", self.groups.clone());
    }

    /// All of them as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# {error}\n"),
        }
    }

    /// So many connections are open.
    pub fn connections(&self, open: usize) {
        self.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// A connection was let in.
    pub fn accepted_connection(&self) {
        self.accepted.inc();
    }

    /// A connection was refused or cut off.
    pub fn refused_connection(&self, what: &'static str) {
        self.refused.get_or_create(&Label { what }).inc();
    }

    /// A frame is served.
    pub fn frame(&self, kind: MessageKind) {
        self.frames.get_or_create(&Label { what: kind.name() }).inc();
    }

    /// A frame was none.
    pub fn malformed(&self) {
        self.malformed.inc();
    }

    /// A request is refused.
    pub fn error(&self, code: ErrorCode) {
        self.errors.get_or_create(&Label { what: code.name() }).inc();
    }

    /// So many accounts are kept.
    pub fn users(&self, users: usize) {
        self.users.set(i64::try_from(users).unwrap_or(i64::MAX));
    }

    /// One sync made so many turns durable.
    #[allow(clippy::cast_precision_loss, reason = "for display only")]
    pub fn synced(&self, batches: usize, took: Duration) {
        self.groups.observe(batches as f64);
        self.syncs.observe(took.as_secs_f64());
    }

    /// What an account states.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the others are about no mailbox")]
    pub fn fact(&self, fact: &Fact) {
        let what = match fact {
            Fact::Accept { known: false, .. } => "accepted",
            Fact::Accept { known: true, .. } => "repeated",
            Fact::Offer { pushed: false, .. } => "polled",
            Fact::Offer { pushed: true, .. } => "pushed",
            Fact::Restored { .. } => "restored",
            Fact::Acked { .. } => "acknowledged",
            Fact::Expire { .. } => "expired",
            Fact::Bounce { .. } => "bounced",
            _ => return,
        };
        self.mail.get_or_create(&Label { what }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
