//! What a device is told of itself, as it stands in a `provision`: the settings of protocol 4.5 in
//! microseconds.
//!
//! Not here: what the settings do (`proto::config`).

use serde::{Deserialize, Serialize};

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::proto::config::{DeviceConfig, Screen};
use crate::proto::deviation::Deviations;
use crate::scenario::plan::Cpu;

/// The settings; times in microseconds.
#[allow(missing_docs, reason = "the fields are those of `DeviceConfig`")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    pub server: UserId,
    pub table_capacity: usize,
    pub table_durable: bool,
    /// None: only when the user says so.
    pub poll_us: Option<u64>,
    pub push: bool,
    pub refresh_us: u64,
    pub max_stale_us: u64,
    pub rto_us: u64,
    pub rto_max_us: u64,
    pub lookup_try_us: u64,
    pub burst: u32,
    pub arm_us: u64,
    pub gap_us: u64,
    pub negative_us: u64,
    pub grace_us: u64,
    pub ttl_us: u64,
    pub pending_max: usize,
    pub drafts_max: usize,
    pub lookups_per_minute: u32,
    pub lookups_burst: u32,
    pub screen_lines: usize,
    pub screen_columns: usize,
    pub user_info: String,
    pub approval_expiry_us: u64,
    pub key_life_us: u64,
    /// How long a simulated device's durable writes take; a real one takes what it takes.
    pub sync_us: u64,
    /// Which processor a simulated device has.
    pub cpu: CpuName,
}

/// Processors of simulated devices.
#[allow(missing_docs, reason = "as in `Cpu`")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CpuName {
    Free,
    #[serde(rename = "cortex-m0+")]
    CortexM0Plus,
    CortexM4,
    Phone,
}

const fn micros(span: Duration) -> u64 {
    span.as_nanos() / 1_000
}

const fn span(micros: u64) -> Duration {
    Duration::from_nanos(micros.saturating_mul(1_000))
}

impl Params {
    /// The settings of a simulated device.
    #[must_use]
    pub fn of(config: &DeviceConfig, sync: Duration, cpu: Cpu) -> Self {
        Self {
            server: config.server.clone(),
            table_capacity: config.table_capacity,
            table_durable: config.table_durable,
            poll_us: config.poll.map(micros),
            push: config.push,
            refresh_us: micros(config.refresh),
            max_stale_us: micros(config.max_stale),
            rto_us: micros(config.rto),
            rto_max_us: micros(config.rto_max),
            lookup_try_us: micros(config.lookup_try),
            burst: config.burst,
            arm_us: micros(config.arm),
            gap_us: micros(config.gap),
            negative_us: micros(config.negative),
            grace_us: micros(config.grace),
            ttl_us: micros(config.ttl),
            pending_max: config.pending_max,
            drafts_max: config.drafts_max,
            lookups_per_minute: config.lookups_per_minute,
            lookups_burst: config.lookups_burst,
            screen_lines: config.screen.lines,
            screen_columns: config.screen.columns,
            user_info: config.user_info.clone(),
            approval_expiry_us: micros(config.approval_expiry),
            key_life_us: micros(config.key_life),
            sync_us: micros(sync),
            cpu: match cpu {
                Cpu::Free => CpuName::Free,
                Cpu::CortexM0Plus => CpuName::CortexM0Plus,
                Cpu::CortexM4 => CpuName::CortexM4,
                Cpu::Phone => CpuName::Phone,
            },
        }
    }

    /// The same for the machine, with these deviations.
    #[must_use]
    pub fn config(&self, deviations: Deviations) -> DeviceConfig {
        DeviceConfig {
            server: self.server.clone(),
            table_capacity: self.table_capacity,
            table_durable: self.table_durable,
            poll: self.poll_us.map(span),
            push: self.push,
            refresh: span(self.refresh_us),
            max_stale: span(self.max_stale_us),
            rto: span(self.rto_us),
            rto_max: span(self.rto_max_us),
            lookup_try: span(self.lookup_try_us),
            burst: self.burst,
            arm: span(self.arm_us),
            gap: span(self.gap_us),
            negative: span(self.negative_us),
            grace: span(self.grace_us),
            ttl: span(self.ttl_us),
            pending_max: self.pending_max,
            drafts_max: self.drafts_max,
            lookups_per_minute: self.lookups_per_minute,
            lookups_burst: self.lookups_burst,
            screen: Screen { lines: self.screen_lines, columns: self.screen_columns },
            user_info: self.user_info.clone(),
            approval_expiry: span(self.approval_expiry_us),
            key_life: span(self.key_life_us),
            deviations,
        }
    }

    /// How long durable writes take.
    #[must_use]
    pub const fn sync(&self) -> Duration {
        span(self.sync_us)
    }

    /// The processor.
    #[must_use]
    pub const fn cpu(&self) -> Cpu {
        match self.cpu {
            CpuName::Free => Cpu::Free,
            CpuName::CortexM0Plus => Cpu::CortexM0Plus,
            CpuName::CortexM4 => Cpu::CortexM4,
            CpuName::Phone => Cpu::Phone,
        }
    }
}
