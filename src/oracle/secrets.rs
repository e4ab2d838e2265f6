//! All secrets of a run that the escrow knows of, to be looked for in frames; and what tempts a device to
//! give one away.
//!
//! Not here: whose frames are searched, and what a hit means.

use std::collections::BTreeSet;

use crate::base::id::Hash32;
use crate::crypto::schedule::Party;
use crate::oracle::escrow::Escrow;
use crate::oracle::judge::device_of;
use crate::oracle::needles::Needles;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameFact, ProvisionMode};
use crate::trace::record::Record;

/// Parts of private keys, agreements and pair secrets.
#[derive(Debug, Default)]
pub struct Secrets {
    needles: Needles,
    /// Keys taken over from the escrow.
    learned: usize,
    /// Fingerprints of pair secrets that are looked for.
    pairs: BTreeSet<Hash32>,
}

impl Secrets {
    /// Takes one record. In a run whose frames carry no octets nothing is computed.
    pub fn observe(&mut self, record: &Record, spec: &Spec, escrow: &mut Escrow) {
        if let Fact::Tx(frame) = &record.fact {
            if frame.octets.is_some() {
                self.learn(escrow);
            }
        } else if self.learned > 0
            && let Fact::Derive { peer, own, theirs, own_kid, their_kid, .. } = &record.fact
            && let Some(user) = device_of(record).and_then(|user| spec.user(user))
        {
            let us = Party { user, epoch: *own, kid: own_kid };
            let them = Party { user: peer, epoch: *theirs, kid: their_kid };
            let Some(shared) = escrow.shared(us, them) else { return };
            if self.pairs.insert(shared.print) {
                self.needles.add_parts(&shared.z, "an agreement");
                self.needles.add_parts(&shared.pair, "a pair secret");
            }
        }
    }

    fn learn(&mut self, escrow: &Escrow) {
        for held in escrow.since(self.learned) {
            self.learned += 1;
            self.needles.add_parts(&held.agree.secret, "a private agreement key");
            self.needles.add_parts(&held.sign, "a private signature key");
        }
    }

    /// The kind of secret of which a part stands in the frame; `None`: its octets are not known, or no
    /// secret is.
    #[must_use]
    pub fn search(&self, frame: &FrameFact) -> Option<Search> {
        let octets = frame.octets.as_ref().filter(|_| self.learned > 0)?;
        Some(self.needles.find(&octets.0).map_or(Search::Clean, Search::Found))
    }
}

/// What a search comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Search {
    /// Nothing stands there.
    Clean,
    /// A part of this does.
    Found(&'static str),
}

/// Devices to which something happened that a careless one answers with a dump of its state: keys handed
/// over on the local port, a message refused, a failed lookup, a restart.
#[derive(Debug, Default)]
pub struct Tempted(BTreeSet<u32>);

impl Tempted {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record) {
        let Some(user) = device_of(record) else { return };
        let fact = &record.fact;
        if let Fact::Provisioned { mode: ProvisionMode::Downloaded, .. }
        | Fact::ProvisionRefused { .. }
        | Fact::Reject { .. }
        | Fact::LookupFailed { .. }
        | Fact::PowerOn { boot: 2.. } = fact
        {
            self.0.insert(user);
        }
    }

    /// Whether the frame that this device sends now is the first since then.
    pub fn answers(&mut self, user: u32) -> bool {
        self.0.remove(&user)
    }
}
