//! S-01, symbolically: from all that server and network saw, and the keys that are theirs, nobody can make a
//! text that one honest user sent to another (protocol 5).
//!
//! Each key that seals texts becomes a term: what it was really made of, which the escrow tells. A message in
//! a frame is one text sealed under it, and all others under that key open with it. Public keys are known to
//! all; private keys are the adversary's where it brought the public half, or where one was seen in a frame.
//! At the end of the run all that is closed under what can be computed; whoever cannot make a text then has
//! neither a private key nor the agreement nor the pair secret behind its key. A key that is made in no way
//! that is tried gives neither a verdict nor evidence, and nor does a run whose frames carry no octets. Not
//! here: parts of texts and secrets in frames (`texts_stay_inside`, `secrets_stay_inside`).

use std::collections::BTreeMap;

use crate::base::id::{DraftId, Epoch, Hash32, Mid, UserId};
use crate::base::time::Instant;
use crate::oracle::escrow::Escrow;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::symbolic::intruder::Intruder;
use crate::oracle::symbolic::paper::{End, Making, Paper};
use crate::trace::fact::{About, DraftStatus, Fact, FrameFact, FrameKind, Sealing};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message};

const ID: &str = "S-01";
const CITED: [Requirement; 1] = [Requirement::of(8, 3)];
/// Keys that are looked at in a run; that messages are left out is said.
const KEYS_MAX: usize = 1 << 16;

/// The judge of S-01 over terms.
#[derive(Debug, Default)]
pub struct TextsAreNotDerivable {
    /// A frame with octets was seen.
    begun: bool,
    intruder: Intruder,
    /// The key IDs, own and theirs, that a device derived a secret of last.
    derived: BTreeMap<(u32, UserId, Epoch, Epoch), [Hash32; 2]>,
    /// Texts that are not sealed yet.
    composed: BTreeMap<(u32, DraftId), Hash32>,
    /// Messages on their way.
    sealed: BTreeMap<Mid, Sealed>,
    /// By sender, receiver and the key's fingerprint; none: in clear.
    uses: BTreeMap<Way, Use>,
    left_out: u64,
}

/// A sender's use of one key for one receiver.
type Way = (u32, UserId, Option<Hash32>);

/// A message, until its end is known.
#[derive(Debug)]
struct Sealed {
    key: Option<Hash32>,
    record: RecordId,
    carried: bool,
}

/// A key in use, and the first message that was carried under it.
#[derive(Debug)]
struct Use {
    making: Making,
    /// The receiver is the adversary itself.
    excused: bool,
    /// The adversary had offered another key for the receiver.
    tempted: bool,
    carried: u64,
    first: Option<(Mid, Instant, [RecordId; 2])>,
}

impl TextsAreNotDerivable {
    fn seal(&mut self, record: &Record, by: u32, it: &Sealing, escrow: &mut Escrow) {
        self.composed.remove(&(by, it.draft));
        // What is carried as it was written is sealed under nothing.
        let key = (it.ciphertext != it.plain).then_some(it.key);
        let way = (by, it.mid.receiver.clone(), key);
        if !self.uses.contains_key(&way) {
            let slot = (by, it.mid.receiver.clone(), it.own, it.theirs);
            let [ours, theirs] = self.derived.get(&slot).copied().unwrap_or_default();
            let ends = [
                End { user: it.mid.sender.clone(), epoch: it.own, kid: ours },
                End { user: it.mid.receiver.clone(), epoch: it.theirs, kid: theirs },
            ];
            self.begin(way, ends, escrow);
        }
        let sealed = Sealed { key, record: record.id, carried: false };
        self.sealed.insert(it.mid.clone(), sealed);
    }

    fn begin(&mut self, way: Way, ends: [End; 2], escrow: &mut Escrow) {
        if self.uses.len() >= KEYS_MAX {
            self.left_out += 1;
            return;
        }
        let [ours, theirs] = &ends;
        let foreign = self.intruder.point(&theirs.kid);
        let parties = [ours.party(), theirs.party()];
        let origin = way.2.and_then(|key| escrow.origin(&key, parties, foreign));
        let excused = self.intruder.is_party(way.0, &theirs.kid);
        let tempted = foreign.is_none() && self.intruder.poses_as(&theirs.user);
        let making = Making { is_foreign: foreign.is_some(), ends, origin };
        let (carried, first) = (0, None);
        self.uses.insert(way, Use { making, excused, tempted, carried, first });
    }

    /// A submission leaves a device.
    fn carry(
        &mut self,
        record: &Record,
        by: u32,
        mid: &Mid,
        frame: &FrameFact,
        escrow: &mut Escrow,
    ) {
        let sealed = self.sealed.get_mut(mid);
        let sealed = sealed.map(|it| (it.key, it.record, std::mem::replace(&mut it.carried, true)));
        let (key, sealing) = match sealed {
            Some((_, _, true)) => return,
            Some((key, sealing, false)) => (key, sealing),
            None if !self.is_bare(by, frame, escrow) => return,
            None => {
                let sealed = Sealed { key: None, record: record.id, carried: true };
                self.sealed.insert(mid.clone(), sealed);
                (None, record.id)
            }
        };
        let way = (by, mid.receiver.clone(), key);
        if key.is_none() && !self.uses.contains_key(&way) {
            let (epoch, kid) = (Epoch(0), Hash32::ZERO);
            let end = |user: &UserId| End { user: user.clone(), epoch, kid };
            self.begin(way.clone(), [end(&mid.sender), end(&mid.receiver)], escrow);
        }
        if let Some(used) = self.uses.get_mut(&way) {
            used.carried += 1;
            used.first.get_or_insert_with(|| (mid.clone(), record.at, [sealing, record.id]));
        }
    }

    /// Whether a submission that nothing was sealed for carries a text as it is.
    fn is_bare(&self, by: u32, frame: &FrameFact, escrow: &Escrow) -> bool {
        let octets = frame.octets.as_ref();
        let body = octets.and_then(|it| Envelope::decode(&it.0).ok()).map(|it| it.body);
        let Some(Message::Submit(it)) = body else { return false };
        let digest = escrow.digest(&it.ciphertext);
        let mut texts = self.composed.range((by, DraftId(0))..=(by, DraftId(u64::MAX)));
        texts.any(|(_, plain)| Some(*plain) == digest)
    }

    /// What a device says of its keys and messages.
    fn told(&mut self, record: &Record, by: u32, escrow: &mut Escrow) {
        if let Fact::Derive { peer, own, theirs, own_kid, their_kid, .. } = &record.fact {
            self.derived.insert((by, peer.clone(), *own, *theirs), [*own_kid, *their_kid]);
        } else if let Fact::Compose { draft, plain, .. } = &record.fact {
            self.composed.insert((by, *draft), *plain);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.seal(record, by, sealing, escrow);
        } else if let Fact::Notice { draft, mid, status, .. } = &record.fact {
            match status {
                DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed => {
                    self.composed.remove(&(by, *draft));
                    mid.as_ref().and_then(|mid| self.sealed.remove(mid));
                }
                DraftStatus::Unsent | DraftStatus::Sent | DraftStatus::NeedsConfirm => {}
            }
        }
    }
}

impl Oracle for TextsAreNotDerivable {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Rolledback, Provisioned, State, Attached, Pin, Derive, Compose, Encrypt, Notice,
            Confirmed, Recorded, Reset, Tx, Meddled
        ]
    }

    fn asks_for_keys(&self) -> bool {
        true
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.intruder.observe(record, spec, &docket.escrow);
        let Some(by) = device_of(record) else { return };
        if let Fact::Tx(frame) = &record.fact {
            self.begun |= frame.octets.is_some();
            if let (Some(FrameKind::Submit), About::Message(mid, _), Some(_)) =
                (frame.kind, &frame.about, &frame.octets)
            {
                self.carry(record, by, mid, frame, &mut docket.escrow);
            }
        } else if self.begun {
            self.told(record, by, &mut docket.escrow);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        let mut paper = Paper::default();
        let mut judged = Vec::new();
        for ((_, _, key), it) in self.uses.iter().filter(|(_, it)| !it.excused) {
            let Some((mid, at, records)) = &it.first else { continue };
            let Some(text) = paper.carry(mid, key.map(|_| &it.making)) else { continue };
            judged.push((it, text, mid, *at, records));
        }
        let theirs = self.intruder.kids().copied().chain(docket.escrow.betrayed());
        theirs.for_each(|kid| paper.give_away(kid));
        for (it, text, mid, at, records) in judged {
            if let Some(how) = paper.opens(text) {
                let others = it.carried - 1;
                let more = if others > 0 { format!(" and {others} more") } else { String::new() };
                let message = format!("{mid}{more}: the server can make the text: {how}");
                docket.violation(ID, &CITED, at, records, message);
            } else {
                let sides = [positive(8, 3), positive(1, 3), negative(8, 3)];
                docket.shown(ID, &sides[..2 + usize::from(it.tempted)]);
            }
        }
        if self.left_out > 0 {
            let left_out = self.left_out;
            let message =
                format!("not judged: {left_out} messages under more than {KEYS_MAX} keys");
            docket.push(Severity::Inconclusive, ID, &CITED, docket.now, &[], message);
        }
    }
}

#[cfg(test)]
mod tests;
