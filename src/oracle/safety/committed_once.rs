//! S-03: a message is committed at its receiver at most once.
//!
//! Not here: what the message says (S-02).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, Mid, Seq, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, facts, frames};
use crate::oracle::ranges::Ranges;
use crate::oracle::rollback::Rollbacks;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DeviceState, Fact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::finding::Severity;
use crate::verdict::requirement::{Polarity, Requirement};

const ID: &str = "S-03";
/// One display for push and poll; redelivery; no check bypassed by a push.
const CITED: [Requirement; 3] =
    [Requirement::of(11, 3), Requirement::of(10, 4), Requirement::of(11, 5)];

/// The judge of S-03.
#[derive(Debug, Default)]
pub struct CommittedOnce {
    committed: BTreeMap<Window, Ranges>,
    /// Last generation of a pair; frames do not name it.
    present: BTreeMap<(u32, UserId), Hash32>,
    /// Times of commits, kept only where a restore may forget them.
    times: BTreeMap<(Window, Seq), Instant>,
    rollbacks: Rollbacks,
}

/// A receiver's replay window: the user, the sender and the sender's generation.
type Window = (u32, UserId, Hash32);

impl CommittedOnce {
    fn commit(&mut self, record: &Record, mid: &Mid, generation: Hash32, keep: bool) -> Outcome {
        let Some(user) = record.id.node.user() else { return Outcome::New };
        let window = (user, mid.sender.clone(), generation);
        self.present.insert((user, mid.sender.clone()), generation);
        let new = self.committed.entry(window.clone()).or_default().insert(mid.seq.0);
        if !keep {
            return if new { Outcome::New } else { Outcome::Again };
        }
        let before = self.times.insert((window, mid.seq), record.at);
        match before {
            None => Outcome::New,
            Some(at) if self.rollbacks.forgot(user, at) => Outcome::Forgotten,
            Some(_) => Outcome::Again,
        }
    }

    fn is_committed(&self, user: u32, mid: &Mid) -> bool {
        let Some(generation) = self.present.get(&(user, mid.sender.clone())) else { return false };
        let window = self.committed.get(&(user, mid.sender.clone(), *generation));
        window.is_some_and(|numbers| numbers.contains(mid.seq.0))
    }
}

enum Outcome {
    New,
    Again,
    /// Again, but the first time is younger than the snapshot that was restored.
    Forgotten,
}

impl Oracle for CommittedOnce {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, State, Commit, Duplicate, Rx, Step].frames(frames![Deliver])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if spec.circumstances.restore {
            self.rollbacks.observe(record);
        }
        if let Fact::Commit { mid, generation } = &record.fact {
            match self.commit(record, mid, *generation, spec.circumstances.restore) {
                Outcome::New => docket.shown(ID, &[]),
                Outcome::Again => {
                    let message = format!("{mid} is committed a second time");
                    docket.violation(ID, &CITED, record.at, &[record.id], message);
                }
                Outcome::Forgotten => {
                    let message = format!("rollback: {mid} is committed again after a restore");
                    let records = [record.id];
                    docket.push(Severity::Warning, ID, &CITED, record.at, &records, message);
                }
            }
        } else if let Fact::State { to: DeviceState::Blank } = &record.fact {
            // A factory reset forgets the inbox; what the mailbox still has may be committed anew.
            let wiped = record.id.node.user();
            self.committed.retain(|(user, ..), _| Some(*user) != wiped);
            self.times.retain(|((user, ..), _), _| Some(*user) != wiped);
        } else if let Fact::Duplicate { mid } = &record.fact
            && let Some(user) = record.id.node.user()
            && self.is_committed(user, mid)
        {
            // The provocation: a committed message came once more, and was told apart.
            let redelivery = (Requirement::of(10, 4), Polarity::Negative);
            docket.shown(ID, &[(Requirement::of(11, 3), Polarity::Negative), redelivery]);
        } else if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::Deliver)
            && let About::Message(mid, _) = &frame.about
            && let Some(user) = record.id.node.user()
            && record.id.node.is_device()
            && self.is_committed(user, mid)
        {
            docket.shown(ID, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};

    fn twice(restored: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.circumstances.restore = restored;
        let mid = story.mid(0, 1, 1);
        let commit = Fact::Commit { mid: mid.clone(), generation: hash("alice") };
        story.harness(Fact::Step { name: "s1".to_owned(), verb: "snapshot".to_owned() });
        story.at(10).device(1, commit.clone());
        story.at(20).device(1, Fact::Duplicate { mid });
        if restored {
            story.at(30).device(1, Fact::Rolledback { snapshot: "s1".to_owned() });
        }
        story.at(40).device(1, commit);
        story.judge(CommittedOnce::default())
    }

    #[test]
    fn a_second_commit_is_found() {
        let docket = twice(false);
        assert_eq!(docket.findings.len(), 1);
        assert_eq!(docket.findings[0].message, "alice>bob#1 is committed a second time");
        assert_eq!(docket.findings[0].severity, Severity::Fail);
    }

    #[test]
    fn a_commit_forgotten_by_a_restore_is_a_warning() {
        let docket = twice(true);
        assert_eq!(docket.findings.len(), 1);
        assert_eq!(docket.findings[0].severity, Severity::Warning);
    }

    #[test]
    fn a_duplicate_that_is_told_apart_is_evidence() {
        let docket = twice(false);
        assert_eq!(docket.evidence.count(Requirement::of(11, 3), Polarity::Negative), 1);
    }

    #[test]
    fn another_generation_of_the_sender_counts_anew() {
        let mut story = Story::new(&["alice", "bob"]);
        let mid = story.mid(0, 1, 1);
        for generation in ["first", "second"] {
            story.device(1, Fact::Commit { mid: mid.clone(), generation: hash(generation) });
        }
        assert!(story.judge(CommittedOnce::default()).findings.is_empty());
    }
}
