//! L-03: a received message that found no key is opened once the key is there, without a second delivery.
//!
//! After the heal that takes at most T_neg, T_lookup and the wait for a token. Not here: the order in
//! which it is shown (S-27).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::liveness::dues::Dues;
use crate::oracle::liveness::service::OutOfService;
use crate::oracle::liveness::settling::Settling;
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{
    About, AlarmKind, DeviceState, Fact, FrameKind, ReplyResult, Selection, WaitCause, Way,
};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "L-03";
const CITED: [Requirement; 2] = [Requirement::of(1, 2), Requirement::of(14, 4)];
/// How long a slow processor may take from the key to the open message.
const COMPUTING: Duration = Duration::from_secs(5);

/// The judge of L-03.
#[derive(Debug, Default)]
pub struct MissesAreResolved {
    settling: Settling,
    dues: Dues<(u32, Mid)>,
    misses: Owned<Mid, Miss>,
    out: OutOfService,
    /// Devices and peers of whom their users were warned, where there is an adversary.
    warned: BTreeSet<(u32, UserId)>,
    /// Misses of each device now, and the most at once: they share its lookups.
    most: BTreeMap<u32, (u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Miss {
    theirs: Epoch,
    record: RecordId,
    /// A reply with the epoch that it needs was accepted then.
    answered: Option<Instant>,
    /// Copies of lookups of the sender since, and whether the message came again.
    copies: u32,
    again: bool,
}

impl MissesAreResolved {
    fn deadline(&self, spec: &Spec, (user, _): &(u32, Mid), since: Instant) -> Option<Instant> {
        let limits = spec.limits(*user)?;
        let waiting = self.most.get(user).map_or(1, |(_, most)| *most);
        let token = Duration::from_secs(60).scale(waiting, limits.lookups_per_minute.max(1).into());
        let base = self.settling.base(*user, since)?;
        Some(base + limits.negative + limits.lookup_burst + token + COMPUTING)
    }

    fn search(&mut self, record: &Record, user: u32, spec: &Spec) {
        let Fact::Select { mid: Some(mid), theirs, way: Way::In, outcome, .. } = &record.fact
        else {
            return;
        };
        // A stranger has no key that could come.
        let stranger = spec.index(&mid.sender).is_none();
        let excused = stranger
            || self.out.contains(user)
            || self.warned.contains(&(user, mid.sender.clone()));
        if *outcome == Selection::Hit || excused {
            return;
        }
        let miss =
            Miss { theirs: *theirs, record: record.id, answered: None, copies: 0, again: false };
        if self.misses.insert(user, mid.clone(), miss).is_none() {
            self.dues.open((user, mid.clone()), record.at);
            let (now, most) = self.most.entry(user).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
    }

    fn reply(&mut self, record: &Record, user: u32) {
        let Fact::KeyReply { peer, epochs, result: ReplyResult::Accepted, .. } = &record.fact
        else {
            return;
        };
        for (mid, miss) in self.misses.of_mut(user) {
            if mid.sender == *peer && epochs.contains(&miss.theirs) {
                miss.answered = Some(record.at);
            }
        }
    }

    /// A lookup of the sender leaves: beyond the first, the ones before brought nothing.
    fn asked(&mut self, record: &Record, user: u32) {
        let Fact::Tx(frame) = &record.fact else { return };
        let (Some(FrameKind::LookupKey), About::User(peer)) = (frame.kind, &frame.about) else {
            return;
        };
        let missed = self.misses.of_mut(user).filter(|(mid, _)| mid.sender == *peer);
        missed.for_each(|(_, miss)| miss.copies += 1);
    }

    /// The same message again although its key came: the device did not keep it.
    fn again(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Rx(frame) = &record.fact else { return };
        let About::Message(mid, _) = &frame.about else { return };
        if frame.kind != Some(FrameKind::Deliver) {
            return;
        }
        let Some(miss) = self.misses.get_mut(user, mid) else { return };
        miss.again = true;
        let miss = *miss;
        // What waited may have been an altered copy, which no key opens.
        let altered = spec.circumstances.altered || spec.circumstances.adversary;
        let kept = altered || miss.answered.is_none_or(|at| record.at <= at + COMPUTING);
        if !kept {
            self.close(user, mid);
            let message = format!("{mid} found no key and was not kept until the key came");
            docket.violation(ID, &CITED, record.at, &[miss.record, record.id], message);
        }
    }

    fn forget(&mut self, user: u32) {
        for (mid, _) in self.misses.of(user) {
            self.dues.close(&(user, mid.clone()));
        }
        self.misses.forget(user);
        self.most.remove(&user);
    }

    fn close(&mut self, user: u32, mid: &Mid) -> Option<Miss> {
        self.dues.close(&(user, mid.clone()));
        let miss = self.misses.remove(user, mid);
        if let Some((now, _)) = self.most.get_mut(&user).filter(|_| miss.is_some()) {
            *now = now.saturating_sub(1);
        }
        miss
    }
}

impl Oracle for MissesAreResolved {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, State, KeyReply, Select, Waiting, Commit, Duplicate, Reject, Alarm,
            Recorded, Reset, Tx, Rx, Phase
        ]
        .frames(frames![LookupKey, Deliver])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if self.settling.observe(record) {
            self.dues.wake(record.at);
        }
        let mut dues = std::mem::take(&mut self.dues);
        let late = dues.overdue(record.at, |key, since| self.deadline(spec, key, since));
        self.dues = dues;
        for (user, mid) in late {
            let miss = self.close(user, &mid);
            let records: Vec<_> = miss.map(|miss| miss.record).into_iter().collect();
            let message = format!("{mid} still waits for a key");
            docket.violation(ID, &CITED, record.at, &records, message);
        }
        if let Some(gone) = self.out.observe(record, spec) {
            self.forget(gone);
        }
        let Some(user) = device_of(record) else { return };
        self.search(record, user, spec);
        self.reply(record, user);
        self.again(record, user, spec, docket);
        self.asked(record, user);
        if let Fact::Commit { mid, .. } = &record.fact {
            if let Some(miss) = self.close(user, mid) {
                let fetched = miss.answered.is_some();
                docket.shown(ID, &[positive(1, 2)][..usize::from(fetched)]);
                // The key was hard to get, and the message was kept until it came.
                let kept = fetched && miss.copies > 1 && !miss.again;
                docket.shown(ID, &[negative(1, 2)][..usize::from(kept)]);
            }
        } else if let Fact::Duplicate { mid } | Fact::Reject { mid: Some(mid), .. } = &record.fact {
            self.close(user, mid);
        } else if let Fact::Waiting { mid, why } = &record.fact {
            if *why == WaitCause::Confirm {
                self.close(user, mid);
            }
        } else if let Fact::Alarm { peer: Some(peer), what: AlarmKind::Rollback } = &record.fact {
            if spec.circumstances.adversary {
                // A false record was believed at first contact; the user knows that there are others.
                let all = self.misses.of(user).map(|(mid, _)| mid).filter(|it| it.sender == *peer);
                let all: Vec<Mid> = all.cloned().collect();
                all.iter().for_each(|mid| _ = self.close(user, mid));
                self.warned.insert((user, peer.clone()));
            }
        } else if let Fact::PowerOff { .. } | Fact::State { to: DeviceState::Blank } = &record.fact
        {
            // What waited is volatile; the server delivers it again.
            self.forget(user);
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        for (key, since) in self.dues.iter() {
            let Some(due) = self.deadline(spec, key, since) else { continue };
            let late = docket.now > due;
            let severity = if late { Severity::Fail } else { Severity::Inconclusive };
            let message = format!("{} waits for a key, due at {due}", key.1);
            docket.push(severity, ID, &CITED, docket.now, &[], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::Phase;
    use crate::verdict::requirement::Polarity;

    fn missed(then: impl Fn(&mut Story), end: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.device(1, Fact::PowerOn { boot: 1 });
        let mid = Some(story.mid(0, 1, 1));
        story.selects(1, 0, mid, Way::In, Selection::Miss);
        story.at_secs(1).gets_reply(1, 0, 1, ReplyResult::Accepted);
        then(&mut story);
        story.at_secs(100).phase(Phase::Settle);
        story.at_secs(end).phase(Phase::End);
        story.judge(MissesAreResolved::default())
    }

    #[test]
    fn a_message_opened_once_its_key_came_is_in_order() {
        let docket = missed(
            |story| {
                story.commits(1, 0, 1);
            },
            400,
        );
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(1, 2), Polarity::Positive), 1);
    }

    #[test]
    fn a_message_kept_while_the_lookup_was_repeated_is_evidence() {
        let docket = missed(
            |story| {
                for _ in 0..2 {
                    let about = About::User(story.user(0));
                    let frame = story.frame(FrameKind::LookupKey, true, about);
                    story.device(1, Fact::Tx(frame));
                }
                story.gets_reply(1, 0, 1, ReplyResult::Accepted);
                story.commits(1, 0, 1);
            },
            400,
        );
        assert_eq!(docket.evidence.count(Requirement::of(1, 2), Polarity::Negative), 1);
    }

    #[test]
    fn a_message_that_needs_a_second_delivery_is_found() {
        let docket = missed(
            |story| {
                let about = About::message(story.mid(0, 1, 1), 0);
                let frame = story.frame(FrameKind::Deliver, false, about);
                story.at_secs(31).device(1, Fact::Rx(frame));
                story.commits(1, 0, 1);
            },
            400,
        );
        let found = "alice>bob#1 found no key and was not kept until the key came";
        assert_eq!(docket.findings[0].message, found);
    }

    #[test]
    fn a_message_of_a_stranger_may_wait() {
        let mut story = Story::new(&["alice", "bob"]);
        let mut mid = story.mid(0, 1, 1);
        mid.sender = UserId::new("nobody").unwrap();
        story.selects(1, 0, Some(mid), Way::In, Selection::Miss);
        story.at_secs(100).phase(Phase::Settle);
        story.at_secs(400).phase(Phase::End);
        assert!(story.judge(MissesAreResolved::default()).findings.is_empty());
    }

    #[test]
    fn a_message_that_waits_for_ever_is_found() {
        let docket = missed(|_| {}, 400);
        assert_eq!(docket.findings[0].message, "alice>bob#1 still waits for a key");
        assert_eq!(missed(|_| {}, 150).findings[0].severity, Severity::Inconclusive);
    }
}
