//! Which peers a device has met: of those it pins what continues their record and nothing else.
//!
//! At first contact nobody can tell a false record from a true one: that is trust on first use (protocol 3.6).
//! Not here: what follows from it, which each judge decides.

use crate::base::id::UserId;
use crate::oracle::judge::device_of;
use crate::oracle::owned::Owned;
use crate::trace::fact::{DeviceState, Fact};
use crate::trace::record::Record;

/// Devices and peers of whom they have a pin.
#[derive(Debug, Default)]
pub struct Met(Owned<UserId, ()>);

impl Met {
    /// Takes one record; whether a device meets a peer by it.
    pub fn observe(&mut self, record: &Record) -> bool {
        let Some(user) = device_of(record) else { return false };
        if let Fact::Pin { peer, .. } = &record.fact {
            return self.0.insert(user, peer.clone(), ()).is_none();
        }
        if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } = &record.fact {
            self.0.forget(user);
        }
        false
    }
}
