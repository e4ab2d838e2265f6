//! S-12 for devices that tell nothing of their inside: two messages on the wire under one key never have one
//! nonce.
//!
//! The key is known by what it is made of: both users, their epochs and key IDs. Not here: encryptions that
//! never left (`nonces_never_repeat`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::base::id::{Epoch, Hash32, Mid, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message, Submit};

const ID: &str = "S-12";
/// Identical octets or none: what is sent again is never encrypted again.
const CITED: [Requirement; 1] = [Requirement::of(8, 4)];
/// Messages remembered; more are judged only against these.
const KEPT_MAX: usize = 1 << 20;

/// Both users, their epochs and key IDs, and the nonce.
type Place = (UserId, UserId, Epoch, Epoch, [u8; 8], [u8; 8], [u8; 12]);

/// The judge of S-12 for closed devices.
#[derive(Debug, Default)]
pub struct NoncesDifferOnTheWire {
    used: BTreeMap<Place, (Vec<u8>, Hash32, RecordId)>,
    /// Devices whose counters went back with a snapshot.
    restored: std::collections::BTreeSet<u32>,
}

impl Oracle for NoncesDifferOnTheWire {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, Tx].frames(frames![Submit])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record).filter(|user| spec.opaque.contains(user)) else {
            return;
        };
        if let Fact::Rolledback { .. } = &record.fact {
            self.restored.insert(user);
        }
        let Some(submit) = submitted(&record.fact) else { return };
        let (header, nonce) = (&submit.header, submit.header.nonce);
        let place = (
            header.sender.clone(),
            header.receiver.clone(),
            header.epoch_s,
            header.epoch_r,
            header.kid_s,
            header.kid_r,
            nonce,
        );
        let content = Hash32(sha256(&submit.ciphertext));
        let octets = header.encode();
        if self.used.len() == KEPT_MAX && !self.used.contains_key(&place) {
            return;
        }
        let first = match self.used.entry(place) {
            Entry::Vacant(free) => {
                free.insert((octets, content, record.id));
                docket.shown(ID, &[]);
                return;
            }
            Entry::Occupied(taken) => taken.into_mut(),
        };
        if (&first.0, first.1) == (&octets, content) {
            return;
        }
        let restored = self.restored.contains(&user);
        let severity = if restored { Severity::Warning } else { Severity::Fail };
        let word = if restored { "rollback: " } else { "" };
        let (mid, nonce) = (mid(&submit), crate::base::units::hex(&nonce));
        let message = format!("{word}{mid} takes nonce {nonce} a second time");
        docket.push(severity, ID, &CITED, record.at, &[first.2, record.id], message);
    }
}

fn submitted(fact: &Fact) -> Option<Submit> {
    let Fact::Tx(frame) = fact else { return None };
    let body = Envelope::decode(&frame.octets.as_ref()?.0).ok()?.body;
    if let Message::Submit(submit) = body { Some(*submit) } else { None }
}

fn mid(submit: &Submit) -> Mid {
    let header = &submit.header;
    Mid { sender: header.sender.clone(), receiver: header.receiver.clone(), seq: header.seq }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(octets).into()
}
