//! How far a worker is, for whoever watches the load while it lasts.
//!
//! Not here: what is measured (`tally`), which is told at the end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::verdict::metrics::Distribution;

/// How far a worker is.
#[derive(Debug, Default)]
pub struct Progress {
    due: AtomicU64,
    over: AtomicU64,
    accepted: AtomicU64,
    through: AtomicU64,
    /// Requests whose answers their writers wait for.
    asked: AtomicI64,
    /// Devices that have attached at least once.
    attached: AtomicI64,
    connected: AtomicI64,
    is_paced: AtomicBool,
    /// Responses since somebody looked.
    responses: Mutex<Distribution>,
    /// Why a connection was lost last, or did not come about.
    trouble: Mutex<Option<String>>,
}

/// How far all workers are together.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Operations whose intended instants have come.
    pub due: u64,
    /// Operations that are over.
    pub over: u64,
    /// Messages that the server has taken.
    pub accepted: u64,
    /// Messages that were seen, or of which their senders know that they will not be.
    pub through: u64,
    /// Requests whose answers their writers wait for.
    pub asked: i64,
    /// Devices that have attached at least once.
    pub attached: i64,
    /// Connections that stand.
    pub connected: i64,
    /// Whether everything that is on the schedule was due.
    pub is_paced: bool,
    /// Responses since the last look.
    pub responses: Distribution,
    /// Why a connection was lost last, or did not come about.
    pub trouble: Option<String>,
}

impl Progress {
    pub(super) fn due(&self) {
        self.due.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn over(&self) {
        self.over.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn through(&self) {
        self.through.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asks(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hears(&self) {
        self.asked.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn attached(&self) {
        self.attached.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connected(&self, yes: bool) {
        self.connected.fetch_add(if yes { 1 } else { -1 }, Ordering::Relaxed);
    }

    pub(super) fn paced(&self) {
        self.is_paced.store(true, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, span: Duration) {
        lock(&self.responses).note(span);
    }

    pub(super) fn fails(&self, why: &str) {
        *lock(&self.trouble) = Some(why.to_owned());
    }

    /// Adds how far this worker is, and begins a new look at its responses.
    pub fn look(&self, all: &mut Snapshot) {
        all.due += self.due.load(Ordering::Relaxed);
        all.over += self.over.load(Ordering::Relaxed);
        all.accepted += self.accepted.load(Ordering::Relaxed);
        all.through += self.through.load(Ordering::Relaxed);
        all.asked += self.asked.load(Ordering::Relaxed);
        all.attached += self.attached.load(Ordering::Relaxed);
        all.connected += self.connected.load(Ordering::Relaxed);
        all.is_paced &= self.is_paced.load(Ordering::Relaxed);
        all.responses.merge(&std::mem::take(&mut *lock(&self.responses)));
        all.trouble = lock(&self.trouble).clone().or_else(|| all.trouble.take());
    }
}
