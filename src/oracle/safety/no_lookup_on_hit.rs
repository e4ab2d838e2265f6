//! S-06: where a slot is known to be in the table, nobody is looked up for it.
//!
//! The model of a table holds only what records prove: a secret derived and confirmed by an authenticated
//! decryption, and not evicted since. Not here: of whom lookups may be (S-07).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, Mid, UserId};
use crate::base::small::SmallMap;
use crate::oracle::dark::Dark;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, LookupCause, Sealing, Selection, Way};
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
    rows: Owned<UserId, Row>,
    /// Received messages whose search was answered and which are not dealt with.
    messages: Owned<Mid, Search>,
    /// The last search for a draft to each peer.
    drafts: Owned<UserId, Search>,
    /// Derivations of each device so far, to see traffic with others between two uses of a row.
    derivations: BTreeMap<u32, u64>,
    /// Where nobody answers, a hit that needs a lookup after all cannot hide it.
    dark: Dark,
}

#[derive(Debug, Default)]
struct Row {
    slots: SmallMap<(Epoch, Epoch), Slot>,
    /// The epoch that is pinned.
    pinned: Option<Epoch>,
    /// Evicted, and nothing fetched or derived since.
    gone: bool,
    /// Searched for since it went, in vain.
    missed: bool,
    /// Derivations of its device when it was last used.
    used: u64,
}

/// A secret that was derived.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Because of which traffic.
    way: Way,
    confirmed: bool,
}

impl Row {
    /// The own epochs of slots that are confirmed, and those of the peer.
    fn confirmed(&self) -> impl Iterator<Item = &(Epoch, Epoch)> {
        self.slots.iter().filter(|(_, slot)| slot.confirmed).map(|(epochs, _)| epochs)
    }

    fn is_confirmed(&self, own: Epoch, theirs: Epoch) -> bool {
        self.slots.get(&(own, theirs)).is_some_and(|slot| slot.confirmed)
    }

    /// Nothing proves any more that its secrets are there.
    fn doubt(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.confirmed = false);
    }
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

impl NoLookupOnHit {
    fn row(&mut self, user: u32, peer: &UserId) -> &mut Row {
        self.rows.get_or_insert(user, peer.clone(), Row::default())
    }

    fn search(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Select { mid, peer, own, theirs, way, outcome } = &record.fact else { return };
        let derivations = self.derivations.get(&user).copied().unwrap_or(0);
        let row = self.row(user, peer);
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
            Selection::Miss => !row.confirmed().any(|(ours, _)| ours == own),
            Selection::Ahead => !row.is_confirmed(*own, *theirs),
            // These follow from what the model does not hold: kids, ages, single slots that went.
            Selection::Behind | Selection::KidMismatch | Selection::Stale => true,
        };
        let others = row.used < derivations && row.is_confirmed(*own, *theirs);
        row.used = derivations;
        let (cause, looked_up) = (record.cause, false);
        let search = Search { record: record.id, cause, hit, needs, looked_up, others };
        match (way, mid) {
            (Way::In, Some(mid)) => {
                self.messages.insert(user, mid.clone(), search);
            }
            (Way::Out, _) => {
                self.drafts.insert(user, peer.clone(), search);
            }
            (Way::In, None) => {}
        }
    }

    fn lookup(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Lookup { peer, because, .. } = &record.fact else { return };
        if !matches!(because, LookupCause::Message | LookupCause::Draft) {
            return;
        }
        let messages = self.messages.of_mut(user).filter(|(mid, _)| mid.sender == *peer);
        let mut received: Vec<&mut Search> = messages.map(|(_, search)| search).collect();
        let mut sent: Vec<&mut Search> = self.drafts.get_mut(user, peer).into_iter().collect();
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
    fn commit(&mut self, record: &Record, user: u32, mid: &Mid, docket: &mut Docket) {
        let dark = self.dark.is_dark();
        let Some(search) = self.messages.remove(user, mid) else { return };
        if !search.hit || search.looked_up {
            return;
        }
        let Some(row) = self.rows.get(user, &mid.sender) else { return };
        docket.shown(ID, &[positive(1, 1), positive(13, 1)]);
        docket.shown(ID, &[negative(1, 1)][..usize::from(dark)]);
        if search.cause == record.cause {
            // Search and acceptance are one turn: nothing that the server says came between.
            docket.shown(ID, &[positive(13, 3), negative(13, 3)]);
        }
        if row.confirmed().next().is_none() {
            return;
        }
        let count = 1 + usize::from(dark);
        docket.shown(ID, &[positive(6, 1), negative(6, 1)][..count]);
        if row.slots.values().any(|slot| slot.way == Way::In) {
            docket.shown(ID, &[positive(16, 1), negative(16, 1)][..count]);
        } else {
            docket.shown(ID, &[positive(6, 4), negative(6, 4)][..count]);
        }
        if search.others {
            // A row was made for somebody else in between, and this one is still there.
            docket.shown(ID, &[positive(6, 2), negative(6, 2)]);
        }
    }

    fn encrypt(&mut self, user: u32, sealing: &Sealing, docket: &mut Docket) {
        let (to, epochs) = (&sealing.mid.receiver, (sealing.own, sealing.theirs));
        let Some(search) = self.drafts.remove(user, to) else { return };
        if !search.hit || search.looked_up {
            return;
        }
        let count = 1 + usize::from(self.dark.is_dark());
        docket.shown(ID, &[positive(2, 1), negative(2, 1)][..count]);
        let slot = self.rows.get(user, to).and_then(|row| row.slots.get(&epochs));
        if slot.is_some_and(|slot| slot.way == Way::In) {
            docket.shown(ID, &[positive(6, 4), negative(6, 4)][..count]);
        }
    }

    fn derive(&mut self, user: u32, (peer, epochs): (&UserId, (Epoch, Epoch)), d: &mut Docket) {
        let derivations = self.derivations.entry(user).or_default();
        *derivations += 1;
        let derivations = *derivations;
        let receiving = self.messages.of(user).any(|(mid, _)| mid.sender == *peer);
        let row = self.row(user, peer);
        if std::mem::take(&mut row.missed) {
            // What went had to be made anew.
            d.shown(ID, &[positive(6, 6)]);
        }
        row.gone = false;
        row.used = derivations;
        let way = if receiving { Way::In } else { Way::Out };
        if row.slots.get(&epochs).is_none() {
            row.slots.insert(epochs, Slot { way, confirmed: false });
        }
    }

    fn confirm(&mut self, user: u32, peer: &UserId, epochs: (Epoch, Epoch)) {
        if let Some(slot) = self.rows.get_mut(user, peer).and_then(|row| row.slots.get_mut(&epochs))
        {
            slot.confirmed = true;
        }
    }

    /// A stop forgets what waits; a volatile table too. Where it comes between a pin and the row that follows
    /// from it, the row is out of date.
    fn stop(&mut self, user: u32, durable: bool) {
        self.messages.forget(user);
        self.drafts.forget(user);
        if !durable {
            self.rows.forget(user);
        }
        for (_, row) in self.rows.of_mut(user) {
            let current = |pin| row.slots.keys().any(|(_, theirs)| *theirs == pin);
            if !row.pinned.is_none_or(current) {
                row.doubt();
            }
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
        let Some(user) = device_of(record) else { return };
        if let Fact::Select { .. } = &record.fact {
            self.search(record, user, docket);
        } else if let Fact::Lookup { .. } = &record.fact {
            self.lookup(record, user, docket);
        } else if let Fact::Derive { peer, own, theirs, .. } = &record.fact {
            self.derive(user, (peer, (*own, *theirs)), docket);
        } else if let Fact::Confirm { peer, own, theirs } = &record.fact {
            self.confirm(user, peer, (*own, *theirs));
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.commit(record, user, mid, docket);
        } else if let Fact::Reject { mid: Some(mid), .. } | Fact::Duplicate { mid } = &record.fact {
            self.messages.remove(user, mid);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.encrypt(user, sealing, docket);
        } else if let Fact::KeyReply { peer, .. } = &record.fact {
            if let Some(row) = self.rows.get_mut(user, peer) {
                row.gone = false;
            }
        } else if let Fact::Pin { peer, epoch, .. } = &record.fact {
            self.row(user, peer).pinned = Some(*epoch);
        } else if let Fact::EpochErased { epoch } = &record.fact {
            self.rows
                .of_mut(user)
                .for_each(|(_, row)| row.slots.retain(|(own, _), _| own != epoch));
        } else if let Fact::Evict { peer, .. } = &record.fact {
            self.rows.insert(user, peer.clone(), Row { gone: true, ..Row::default() });
        } else if let Fact::Confirmed { peer, accepted: true, .. } = &record.fact {
            // The secrets of the old identity are void, whatever was found before.
            self.drafts.remove(user, peer);
            self.messages.retain_of(user, |mid, _| mid.sender != *peer);
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.stop(user, false);
            self.derivations.remove(&user);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.stop(user, spec.limits(user).is_some_and(|limits| limits.table_durable));
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
