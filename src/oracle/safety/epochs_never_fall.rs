//! S-10: epochs only grow: those used for a peer, those pinned, and those in the directory, one by one.
//!
//! Not here: how soon a new one is used (S-09).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, Hash32, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::oracle::tampering::{Tampering, is_false};
use crate::oracle::turn::Turns;
use crate::trace::fact::{
    About, AlarmKind, DeviceState, Fact, FrameKind, LookupCause, Meddling, ReplyResult,
};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-10";
const ROLLBACK: [Requirement; 1] = [Requirement::of(17, 6)];
const NOTICE: [Requirement; 1] = [Requirement::of(17, 8)];
const CHAIN: [Requirement; 2] = [Requirement::of(12, 5), Requirement::of(17, 6)];

/// The judge of S-10.
#[derive(Debug, Default)]
pub struct EpochsNeverFall {
    /// What devices hold of their peers.
    pairs: Owned<UserId, Pair>,
    /// What the directory holds.
    directory: BTreeMap<UserId, (Hash32, Epoch)>,
    /// Peers whose record was accepted, or confirmed by the user, in a turn.
    grounds: Turns<UserId>,
    tampering: Tampering,
}

#[derive(Debug, Default)]
struct Pair {
    pin: Option<(Hash32, Epoch)>,
    used: Epoch,
    /// Notices since the last change of the pin.
    notices: u32,
    /// An honest notice came again, and nothing was encrypted since.
    repeated: bool,
    /// Lookups because of notices, while this was the directory's epoch.
    hints: (Epoch, u32),
}

impl EpochsNeverFall {
    fn pin(&mut self, record: &Record, user: u32, adversary: bool, docket: &mut Docket) {
        let Fact::Pin { peer, generation, epoch, .. } = &record.fact else { return };
        let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
        let before = pair.pin.replace((*generation, *epoch));
        let same = before.filter(|(known, _)| known == generation);
        if before.is_some() && same.is_none() {
            pair.used = Epoch(0);
        }
        pair.notices = 0;
        if let Some((_, pinned)) = same.filter(|(_, pinned)| pinned > epoch) {
            let message = format!("the pin of {peer} falls from {pinned} to {epoch}");
            docket.violation(ID, &ROLLBACK, record.at, &[record.id], message);
        }
        let recorded = self.directory.get(peer).filter(|(known, _)| known == generation);
        // What an adversary serves at first contact is trusted on first use (protocol 3.6).
        let recorded = recorded.filter(|_| before.is_some() || !adversary);
        if let Some((_, recorded)) = recorded.filter(|(_, recorded)| recorded < epoch) {
            let message =
                format!("{peer} is pinned at {epoch}, but the directory is at {recorded}");
            docket.violation(ID, &NOTICE, record.at, &[record.id], message);
        } else if self.grounds.during(record).is_none_or(|ground| ground != peer) {
            let message = format!("{peer} is pinned at {epoch} without a record that says so");
            docket.violation(ID, &NOTICE, record.at, &[record.id], message);
        }
    }

    fn encrypt(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Encrypt(sealing) = &record.fact else { return };
        let peer = &sealing.mid.receiver;
        let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
        if sealing.theirs < pair.used {
            let message = format!(
                "{} is encrypted under {} of {peer} after {}",
                sealing.mid, sealing.theirs, pair.used
            );
            docket.violation(ID, &ROLLBACK, record.at, &[record.id], message);
        }
        pair.used = pair.used.max(sealing.theirs);
        let pinned = pair.pin.is_some_and(|(_, epoch)| epoch == sealing.theirs);
        // Repeated notices cost one lookup at most, and the table works on.
        let harmless = std::mem::take(&mut pair.repeated) && pinned && pair.hints.1 <= 1;
        docket.shown(ID, &[positive(17, 8)][..usize::from(harmless)]);
    }

    fn recorded(&mut self, record: &Record, docket: &mut Docket) {
        let Fact::Recorded { user, generation, epoch, .. } = &record.fact else { return };
        let before = self.directory.insert(user.clone(), (*generation, *epoch));
        let Some((known, last)) = before else { return };
        let expected = if known == *generation { last.next() } else { Epoch::FIRST };
        if *epoch == expected {
            docket.shown(ID, &[]);
        } else {
            let message = format!("the directory goes from {last} to {epoch} of {user}");
            docket.violation(ID, &CHAIN, record.at, &[record.id], message);
        }
    }

    fn notice(&mut self, peer: &UserId, user: u32, forged: Option<Meddling>, docket: &mut Docket) {
        let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
        pair.notices += 1;
        let latest = self.directory.get(peer).map(|(_, epoch)| *epoch);
        let overtaken = latest.is_some() && pair.pin.map(|(_, epoch)| epoch) >= latest;
        // A second notice of one change, one of a change that is known, or one that nobody honest sent:
        // only records move the pin.
        if pair.notices > 1 || overtaken || forged.is_some() {
            docket.shown(ID, &[negative(17, 8)]);
        }
        pair.repeated |= (pair.notices > 1 || overtaken) && !forged.is_some_and(is_false);
    }

    fn lookup(&mut self, peer: &UserId, user: u32) {
        let now = self.directory.get(peer).map_or(Epoch(0), |(_, epoch)| *epoch);
        let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
        let (epoch, count) = &mut pair.hints;
        *count = if *epoch == now { *count + 1 } else { 1 };
        *epoch = now;
    }
}

impl Oracle for EpochsNeverFall {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Rolledback, State, Lookup, KeyReply, Pin, Encrypt, Alarm, Confirmed, Recorded, Rx,
            Lost, Meddled
        ]
        .frames(frames![KeyChanged])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.grounds.over(record.at, spec);
        let meddling = self.tampering.observe(record);
        self.recorded(record, docket);
        let Some(user) = device_of(record) else { return };
        if let Fact::Pin { .. } = &record.fact {
            self.pin(record, user, spec.circumstances.adversary, docket);
        } else if let Fact::Confirmed { peer, accepted: true, .. } = &record.fact {
            self.grounds.begin(record, peer.clone());
            // Another identity counts from 1.
            self.pairs.get_or_insert(user, peer.clone(), Pair::default()).used = Epoch(0);
        } else if let Fact::Encrypt(_) = &record.fact {
            self.encrypt(record, user, docket);
        } else if let Fact::KeyReply { peer, epochs, result, .. } = &record.fact {
            if *result == ReplyResult::Accepted {
                self.grounds.begin(record, peer.clone());
            }
            let pinned = self.pairs.get(user, peer).and_then(|pair| pair.pin);
            let lower = pinned.is_some_and(|(_, pin)| epochs.iter().all(|epoch| *epoch < pin));
            if lower && *result == ReplyResult::Rollback {
                docket.shown(ID, &[negative(17, 6)]);
            }
        } else if let Fact::Alarm { what: AlarmKind::Rollback, .. } = &record.fact {
            docket.shown(ID, &[positive(17, 6)]);
        } else if let Fact::Lookup { peer, because: LookupCause::Hint, .. } = &record.fact {
            self.lookup(peer, user);
        } else if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::KeyChanged)
            && let About::User(peer) = &frame.about
        {
            self.notice(peer, user, meddling, docket);
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.pairs.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{NodeId, ReqId};
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(EpochsNeverFall::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    fn pin(story: &mut Story, epoch: u64) {
        let (peer, generation, epoch) = (story.user(1), hash("generation"), Epoch(epoch));
        let step = Fact::Step { name: "yes".to_owned(), verb: "confirm".to_owned() };
        let (node, cause) = (NodeId::device(0), Some(story.harness(step)));
        let confirmed = Fact::Confirmed { peer: peer.clone(), generation, accepted: true };
        story.push(node, cause, confirmed);
        story.push(node, cause, Fact::Pin { peer, generation, epoch, record: hash("record") });
    }

    #[test]
    fn epochs_that_grow_and_a_rollback_that_is_refused_are_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(1, 1);
        story.records_key(1, 2);
        pin(&mut story, 2);
        story.encrypts(0, 1, 1, "text", 1, 2);
        let (peer, req, epochs) = (story.user(1), ReqId([1; 8]), vec![Epoch(1)]);
        story.device(0, Fact::KeyReply { peer, req, epochs, result: ReplyResult::Rollback });
        let docket = story.judge(EpochsNeverFall::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 6), Polarity::Negative), 1);
    }

    #[test]
    fn a_notice_of_a_change_that_is_known_is_evidence_of_no_harm() {
        for (known, count) in [(1, 0), (2, 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.records_key(1, 1);
            story.records_key(1, 2);
            pin(&mut story, known);
            let notice = story.frame(FrameKind::KeyChanged, false, About::User(story.user(1)));
            story.device(0, Fact::Rx(notice));
            let docket = story.judge(EpochsNeverFall::default());
            assert_eq!(docket.evidence.count(Requirement::of(17, 8), Polarity::Negative), count);
        }
    }

    #[test]
    fn a_notice_that_comes_again_and_costs_one_lookup_is_evidence() {
        let told = |lookups: u8| {
            let mut story = Story::new(&["alice", "bob"]);
            story.records_key(1, 1);
            story.records_key(1, 2);
            for _ in 0..2 {
                let about = About::User(story.user(1));
                let notice = story.frame(FrameKind::KeyChanged, false, about);
                story.device(0, Fact::Rx(notice));
            }
            for req in 0..lookups {
                story.looks_up(0, 1, req, LookupCause::Hint);
            }
            pin(&mut story, 2);
            story.encrypts(0, 1, 1, "text", 1, 2);
            let docket = story.judge(EpochsNeverFall::default());
            docket.evidence.count(Requirement::of(17, 8), Polarity::Positive)
        };
        assert_eq!((told(1), told(2)), (1, 0));
    }

    #[test]
    fn everything_that_falls_or_leaps_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(1, 1);
        story.records_key(1, 3);
        for epoch in [2, 1, 4] {
            pin(&mut story, epoch);
        }
        story.encrypts(0, 1, 1, "text", 1, 2);
        story.encrypts(0, 1, 2, "text", 1, 1);
        assert_eq!(
            messages(&story),
            [
                "the directory goes from e1 to e3 of bob",
                "the pin of bob falls from e2 to e1",
                "bob is pinned at e4, but the directory is at e3",
                "alice>bob#2 is encrypted under e1 of bob after e2",
            ]
        );
    }

    #[test]
    fn a_pin_that_no_record_moved_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        pin(&mut story, 1);
        let pinned = story.records.pop().unwrap();
        story.device(0, pinned.fact);
        assert_eq!(messages(&story), ["bob is pinned at e1 without a record that says so"]);
    }
}
