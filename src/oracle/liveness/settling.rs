//! When everything healed, and since when each device is in service.
//!
//! Not here: deadlines; they count from what this says.

use std::collections::BTreeMap;

use crate::base::time::Instant;
use crate::oracle::judge::device_of;
use crate::oracle::user_map::UserMap;
use crate::trace::fact::{DeviceState, Fact, Phase};
use crate::trace::record::Record;

/// The heal and the devices.
#[derive(Debug, Default)]
pub(super) struct Settling {
    heal: Option<Instant>,
    /// Devices that are on and have an identity, and since when.
    service: UserMap<Since>,
    /// Devices that are on without one.
    idle: BTreeMap<u32, Instant>,
}

/// When something began; never, if it did not.
#[derive(Clone, Copy, Debug)]
struct Since(Instant);

impl Default for Since {
    fn default() -> Self {
        Self(Instant::NEVER)
    }
}

impl Settling {
    /// Takes one record; says whether deadlines may have changed.
    pub(super) fn observe(&mut self, record: &Record) -> bool {
        if let Fact::Phase(Phase::Settle) = &record.fact {
            self.heal = Some(record.at);
            return true;
        }
        let Some(user) = device_of(record) else { return false };
        if let Fact::PowerOn { .. } = &record.fact {
            self.service.set(user, Since(record.at));
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.service.take(user);
            self.idle.remove(&user);
        } else if let Fact::State { to } = &record.fact {
            match to {
                DeviceState::Blank | DeviceState::Keyed | DeviceState::Locked => {
                    self.service.take(user);
                    self.idle.insert(user, record.at);
                }
                DeviceState::Ready | DeviceState::Rotating => {
                    if self.idle.remove(&user).is_some() {
                        self.service.set(user, Since(record.at));
                    }
                }
            }
        } else {
            return false;
        }
        true
    }

    /// When everything healed.
    pub(super) const fn heal(&self) -> Option<Instant> {
        self.heal
    }

    /// From when a bound counts for something owed since then by this device; not while it is off.
    pub(super) fn base(&self, user: u32, since: Instant) -> Option<Instant> {
        let service = self.service.get(user).filter(|it| it.0 != Instant::NEVER)?;
        Some(self.heal?.max(since).max(service.0))
    }
}
