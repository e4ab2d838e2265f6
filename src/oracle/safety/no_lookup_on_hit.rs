//! S-06: where a slot is known to be in the table, nobody is looked up for it.
//!
//! The model of a table holds only what records prove: a secret derived and confirmed by an authenticated
//! decryption, and not evicted since. Not here: of whom lookups may be (S-07).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid, UserId};
use crate::oracle::dark::Dark;
use crate::oracle::judge::{
    Docket, Facts, Oracle, device_of, facts, is_uneventful, negative, positive,
};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, LookupCause, Selection, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-06";
const ON_RECEIVING: [Requirement; 5] = [
    Requirement::of(1, 1),
    Requirement::of(6, 1),
    Requirement::of(13, 1),
    Requirement::of(13, 3),
    Requirement::of(16, 1),
];
const ON_SENDING: [Requirement; 2] = [Requirement::of(2, 1), Requirement::of(6, 4)];
const GONE: [Requirement; 1] = [Requirement::of(6, 6)];

/// The judge of S-06.
#[derive(Debug, Default)]
pub struct NoLookupOnHit {
    devices: BTreeMap<u32, Device>,
    /// Where nobody answers, a hit that needs a lookup after all cannot hide it.
    dark: Dark,
}

#[derive(Debug, Default)]
struct Device {
    rows: BTreeMap<UserId, Row>,
    /// Received messages whose search was answered and which are not dealt with.
    messages: BTreeMap<Mid, Search>,
    /// The last search for a draft to each peer.
    drafts: BTreeMap<UserId, Search>,
    /// Derivations so far, to see traffic with others between two uses of a row.
    derivations: u64,
}

#[derive(Debug, Default)]
struct Row {
    derived: BTreeMap<(Epoch, Epoch), Way>,
    confirmed: BTreeSet<(Epoch, Epoch)>,
    /// The epoch that is pinned.
    pinned: Option<Epoch>,
    /// Evicted, and nothing fetched or derived since.
    gone: bool,
    /// Searched for since it went, in vain.
    missed: bool,
    /// `Device::derivations` when it was last used.
    used: u64,
}

/// A table search and what may follow from it.
#[derive(Clone, Copy, Debug)]
struct Search {
    record: RecordId,
    cause: Option<RecordId>,
    hit: bool,
    /// Whether the model of the table lets the search fail.
    needs: bool,
    looked_up: bool,
    /// Between this use of the row and the one before somebody else's secret was derived.
    others: bool,
}

impl Device {
    fn search(&mut self, record: &Record, docket: &mut Docket) {
        let Fact::Select { mid, peer, own, theirs, way, outcome } = &record.fact else { return };
        let derivations = self.derivations;
        let row = self.rows.entry(peer.clone()).or_default();
        let hit = *outcome == Selection::Hit;
        if row.gone && hit {
            let message = format!("a slot of {peer} hits although the row is gone");
            docket.violation(ID, &GONE, record.at, &[record.id], message);
        } else if row.gone {
            docket.shown(ID, &[negative(6, 6)]);
        }
        row.missed |= row.gone && !hit;
        row.gone = false;
        let needs = match outcome {
            Selection::Hit => false,
            Selection::Miss => !row.confirmed.iter().any(|(ours, _)| ours == own),
            Selection::Ahead => !row.confirmed.contains(&(*own, *theirs)),
            // These follow from what the model does not hold: kids, ages, single slots that went.
            Selection::Behind | Selection::KidMismatch | Selection::Stale => true,
        };
        let others = row.used < derivations && row.confirmed.contains(&(*own, *theirs));
        row.used = derivations;
        let (cause, looked_up) = (record.cause, false);
        let search = Search { record: record.id, cause, hit, needs, looked_up, others };
        match (way, mid) {
            (Way::In, Some(mid)) => {
                self.messages.insert(mid.clone(), search);
            }
            (Way::Out, _) => {
                self.drafts.insert(peer.clone(), search);
            }
            (Way::In, None) => {}
        }
    }

    fn lookup(&mut self, record: &Record, docket: &mut Docket) {
        let Fact::Lookup { peer, because, .. } = &record.fact else { return };
        if !matches!(because, LookupCause::Message | LookupCause::Draft) {
            return;
        }
        let messages = self.messages.iter_mut().filter(|(mid, _)| mid.sender == *peer);
        let mut received: Vec<&mut Search> = messages.map(|(_, search)| search).collect();
        let mut sent: Vec<&mut Search> = self.drafts.get_mut(peer).into_iter().collect();
        let needed = received.iter().chain(&sent).any(|search| search.needs);
        let (searches, cited) = if *because == LookupCause::Message {
            (&mut received, &ON_RECEIVING[..])
        } else {
            (&mut sent, &ON_SENDING[..])
        };
        for search in &mut *searches {
            search.looked_up = true;
        }
        if !needed && let Some(search) = searches.first() {
            let message = format!("{peer} is looked up although the slot is in the table");
            docket.violation(ID, cited, record.at, &[search.record, record.id], message);
        }
    }

    /// A received message is accepted: what its search and its wait showed.
    fn commit(&mut self, record: &Record, mid: &Mid, dark: bool, docket: &mut Docket) {
        let Some(search) = self.messages.remove(mid) else { return };
        if !search.hit || search.looked_up {
            return;
        }
        let Some(row) = self.rows.get(&mid.sender) else { return };
        docket.shown(ID, &[positive(1, 1), positive(13, 1)]);
        docket.shown(ID, &[negative(1, 1)][..usize::from(dark)]);
        if search.cause == record.cause {
            // Search and acceptance are one turn: nothing that the server says came between.
            docket.shown(ID, &[positive(13, 3), negative(13, 3)]);
        }
        if row.confirmed.is_empty() {
            return;
        }
        let count = 1 + usize::from(dark);
        docket.shown(ID, &[positive(6, 1), negative(6, 1)][..count]);
        if row.derived.values().any(|way| *way == Way::In) {
            docket.shown(ID, &[positive(16, 1), negative(16, 1)][..count]);
        } else {
            docket.shown(ID, &[positive(6, 4), negative(6, 4)][..count]);
        }
        if search.others {
            // A row was made for somebody else in between, and this one is still there.
            docket.shown(ID, &[positive(6, 2), negative(6, 2)]);
        }
    }

    fn encrypt(
        &mut self,
        (to, own, theirs): (&UserId, Epoch, Epoch),
        dark: bool,
        docket: &mut Docket,
    ) {
        let Some(search) = self.drafts.remove(to) else { return };
        if !search.hit || search.looked_up {
            return;
        }
        let count = 1 + usize::from(dark);
        docket.shown(ID, &[positive(2, 1), negative(2, 1)][..count]);
        let way = self.rows.get(to).and_then(|row| row.derived.get(&(own, theirs)));
        if way == Some(&Way::In) {
            docket.shown(ID, &[positive(6, 4), negative(6, 4)][..count]);
        }
    }

    fn derive(&mut self, peer: &UserId, own: Epoch, theirs: Epoch, docket: &mut Docket) {
        self.derivations += 1;
        let receiving = self.messages.keys().any(|mid| mid.sender == *peer);
        let row = self.rows.entry(peer.clone()).or_default();
        if std::mem::take(&mut row.missed) {
            // What went had to be made anew.
            docket.shown(ID, &[positive(6, 6)]);
        }
        row.gone = false;
        row.used = self.derivations;
        let way = if receiving { Way::In } else { Way::Out };
        row.derived.entry((own, theirs)).or_insert(way);
    }

    fn confirm(&mut self, peer: &UserId, own: Epoch, theirs: Epoch) {
        let row = self.rows.entry(peer.clone()).or_default();
        if row.derived.contains_key(&(own, theirs)) {
            row.confirmed.insert((own, theirs));
        }
    }
}

impl Oracle for NoLookupOnHit {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, State, Lookup, KeyReply, Pin, Select, Derive, Confirm, Evict,
            Encrypt, Commit, Duplicate, Reject, Confirmed, EpochErased, FaultStart, FaultEnd
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.dark.observe(record);
        let dark = self.dark.is_dark();
        let Some(user) = device_of(record) else { return };
        if is_uneventful(&record.fact) && !self.devices.contains_key(&user) {
            return;
        }
        let device = self.devices.entry(user).or_default();
        if let Fact::Select { .. } = &record.fact {
            device.search(record, docket);
        } else if let Fact::Lookup { .. } = &record.fact {
            device.lookup(record, docket);
        } else if let Fact::Derive { peer, own, theirs, .. } = &record.fact {
            device.derive(peer, *own, *theirs, docket);
        } else if let Fact::Confirm { peer, own, theirs } = &record.fact {
            device.confirm(peer, *own, *theirs);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            device.commit(record, mid, dark, docket);
        } else if let Fact::Reject { mid: Some(mid), .. } | Fact::Duplicate { mid } = &record.fact {
            device.messages.remove(mid);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let slot = (&sealing.mid.receiver, sealing.own, sealing.theirs);
            device.encrypt(slot, dark, docket);
        } else if let Fact::KeyReply { peer, .. } = &record.fact {
            if let Some(row) = device.rows.get_mut(peer) {
                row.gone = false;
            }
        } else if let Fact::Pin { peer, epoch, .. } = &record.fact {
            device.rows.entry(peer.clone()).or_default().pinned = Some(*epoch);
        } else if let Fact::EpochErased { epoch } = &record.fact {
            for row in device.rows.values_mut() {
                row.confirmed.retain(|(own, _)| own != epoch);
                row.derived.retain(|(own, _), _| own != epoch);
            }
        } else if let Fact::Evict { peer, .. } = &record.fact {
            device.rows.insert(peer.clone(), Row { gone: true, ..Row::default() });
        } else if let Fact::Confirmed { peer, accepted: true, .. } = &record.fact {
            // The secrets of the old identity are void, whatever was found before.
            device.drafts.remove(peer);
            device.messages.retain(|mid, _| mid.sender != *peer);
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            *device = Device::default();
        } else if let Fact::PowerOff { .. } = &record.fact {
            stop(device, spec.limits(user).is_some_and(|limits| limits.table_durable));
        }
    }
}

/// A stop forgets what waits; a volatile table too. Where it comes between a pin and the row that follows
/// from it, the row is out of date.
fn stop(device: &mut Device, durable: bool) {
    device.messages.clear();
    device.drafts.clear();
    if !durable {
        device.rows.clear();
    }
    for row in device.rows.values_mut() {
        let current = |pin| row.derived.keys().any(|(_, theirs)| *theirs == pin);
        if !row.pinned.is_none_or(current) {
            row.confirmed.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{EvictCause, StopCause};
    use crate::verdict::requirement::Polarity;

    /// Bob knows alice; then her second message comes.
    fn second_message(second: Selection, evicted: bool, lookup: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let (first, next) = (story.mid(0, 1, 1), story.mid(0, 1, 2));
        story.selects(1, 0, Some(first), Way::In, Selection::Miss);
        story.looks_up(1, 0, 1, LookupCause::Message);
        story.derives(1, 0, 1, 1);
        let (peer, own, theirs) = (story.user(0), Epoch(1), Epoch(1));
        story.device(1, Fact::Confirm { peer: peer.clone(), own, theirs });
        story.commits(1, 0, 1);
        if evicted {
            story.device(1, Fact::Evict { peer, why: EvictCause::Capacity });
        }
        let (name, kind) = ("dark".to_owned(), "directory-offline".to_owned());
        story.harness(Fact::FaultStart { name, kind });
        story.at(10).selects(1, 0, Some(next), Way::In, second);
        if lookup {
            story.looks_up(1, 0, 2, LookupCause::Message);
            story.derives(1, 0, 1, 1);
        }
        story.commits(1, 0, 2);
        story.judge(NoLookupOnHit::default())
    }

    #[test]
    fn a_second_message_that_hits_is_in_order() {
        let docket = second_message(Selection::Hit, false, false);
        assert!(docket.findings.is_empty());
        for (claim, number) in [(1, 1), (6, 1), (13, 1), (13, 3), (16, 1)] {
            let requirement = Requirement::of(claim, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Positive), 1, "{requirement}");
            let provoked = (claim, number) != (13, 1);
            let negative = docket.evidence.count(requirement, Polarity::Negative);
            assert_eq!(negative, u64::from(provoked), "{requirement}");
        }
    }

    #[test]
    fn a_lookup_for_a_known_peer_is_found_whatever_the_search_says() {
        for outcome in [Selection::Hit, Selection::Miss, Selection::Ahead] {
            let docket = second_message(outcome, false, true);
            let message = &docket.findings[0].message;
            assert_eq!(message, "alice is looked up although the slot is in the table");
        }
    }

    #[test]
    fn a_stop_forgets_the_search_for_a_draft() {
        let mut story = Story::new(&["alice", "bob"]);
        story.selects(0, 1, None, Way::Out, Selection::Hit);
        story.device(0, Fact::PowerOff { why: StopCause::Barrier });
        story.looks_up(0, 1, 1, LookupCause::Draft);
        assert!(story.judge(NoLookupOnHit::default()).findings.is_empty());
    }

    #[test]
    fn a_stop_between_a_pin_and_its_row_lets_a_lookup_follow() {
        for stops in [true, false] {
            let mut story = Story::new(&["alice", "bob"]);
            story.derives(1, 0, 1, 1);
            let peer = story.user(0);
            let (own, theirs, hash) = (Epoch(1), Epoch(1), crate::base::id::Hash32::ZERO);
            story.device(1, Fact::Confirm { peer: peer.clone(), own, theirs });
            story.device(1, Fact::Pin { peer, generation: hash, epoch: Epoch(2), record: hash });
            if stops {
                story.device(1, Fact::PowerOff { why: StopCause::Crash });
            }
            story.selects(1, 0, None, Way::Out, Selection::Miss);
            story.looks_up(1, 0, 1, LookupCause::Draft);
            assert_eq!(story.judge(NoLookupOnHit::default()).findings.is_empty(), stops);
        }
    }

    #[test]
    fn after_an_eviction_a_lookup_is_due_and_a_hit_is_not() {
        let docket = second_message(Selection::Miss, true, true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(6, 6), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(6, 6), Polarity::Negative), 1);
        let docket = second_message(Selection::Hit, true, false);
        assert_eq!(docket.findings[0].message, "a slot of alice hits although the row is gone");
    }
}
