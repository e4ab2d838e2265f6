//! S-09: a bounded time after a peer's rotation a device encrypts only under the new epoch.
//!
//! Only time with connectivity counts; octets sent again are exempt, for they are not encrypted again.
//! Not here: the device's own epoch (S-11).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::trouble::Trouble;
use crate::trace::fact::{About, Fact, FrameKind, LookupCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-09";
const CITED: [Requirement; 2] = [Requirement::of(17, 1), Requirement::of(17, 2)];
/// Processors and writes take time beside the two round trips of a lookup.
const SLACK: Duration = Duration::from_secs(5);

/// The judge of S-09.
#[derive(Debug, Default)]
pub struct NewEpochsWithinBound {
    current: BTreeMap<UserId, Rotation>,
    trouble: Trouble,
    pairs: BTreeMap<(u32, UserId), Pair>,
}

#[derive(Clone, Copy, Debug)]
struct Rotation {
    epoch: Epoch,
    at: Instant,
    record: RecordId,
}

/// A device and a peer that it writes to.
#[derive(Debug, Default)]
struct Pair {
    /// The peer's epoch in the last encryption.
    used: Epoch,
    /// Why the peer was last looked up.
    because: Option<LookupCause>,
    /// A hint named the peer since its last rotation.
    hinted: Option<Instant>,
    /// A hint that named the peer was lost.
    unheard: Option<Instant>,
}

impl NewEpochsWithinBound {
    fn encrypt(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Encrypt(sealing) = &record.fact else { return };
        let peer = &sealing.mid.receiver;
        let pair = self.pairs.entry((user, peer.clone())).or_default();
        let before = std::mem::replace(&mut pair.used, sealing.theirs);
        let (Some(rotation), Some(limits)) = (self.current.get(peer), spec.limits(user)) else {
            return;
        };
        let bound = limits.refresh + spec.round_trip + SLACK;
        let from = rotation.at.max(self.trouble.last(user, peer, record.at));
        let over = record.at > from + bound;
        if sealing.theirs >= rotation.epoch {
            if before < sealing.theirs && before > Epoch(0) {
                // Past the bound the old epoch, used last, would have been wrong.
                docket.shown(ID, &[positive(17, 1), negative(17, 1)][..1 + usize::from(over)]);
                let by_time = pair.because == Some(LookupCause::Refresh)
                    && pair.hinted.is_none_or(|at| at < rotation.at);
                let unheard = pair.unheard.is_some_and(|at| at >= rotation.at);
                let count = usize::from(by_time) + usize::from(by_time && unheard);
                docket.shown(ID, &[positive(17, 2), negative(17, 2)][..count]);
            }
            return;
        }
        if !over {
            return;
        }
        let message = format!(
            "{} is encrypted under {} of {peer}, {} after {} was recorded",
            sealing.mid,
            sealing.theirs,
            record.at.since(rotation.at),
            rotation.epoch
        );
        docket.violation(ID, &CITED, record.at, &[rotation.record, record.id], message);
    }
}

impl Oracle for NewEpochsWithinBound {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, Lookup, LookupFailed, Encrypt, Recorded, Rx, Lost, Meddled,
            FaultStart, FaultEnd
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.trouble.observe(record);
        if let Fact::Recorded { user, epoch, .. } = &record.fact {
            let rotation = Rotation { epoch: *epoch, at: record.at, record: record.id };
            self.current.insert(user.clone(), rotation);
            return;
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Encrypt(_) = &record.fact {
            self.encrypt(record, user, spec, docket);
        } else if let Fact::Lookup { peer, because, .. } = &record.fact {
            self.pairs.entry((user, peer.clone())).or_default().because = Some(*because);
        } else if let Fact::Rx(frame) | Fact::Lost { frame, .. } = &record.fact
            && frame.kind == Some(FrameKind::KeyChanged)
            && let About::User(peer) = &frame.about
        {
            let pair = self.pairs.entry((user, peer.clone())).or_default();
            let heard = matches!(record.fact, Fact::Rx(_));
            *(if heard { &mut pair.hinted } else { &mut pair.unheard }) = Some(record.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::LossCause;
    use crate::verdict::requirement::Polarity;

    /// Bob rotates at 10 s; alice refreshes every 30 s and writes under this epoch at this time.
    fn writes(theirs: u64, at: u64, fault: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.limits[0].refresh = Duration::from_secs(30);
        // Nothing tells of the first key: devices may start registered.
        story.encrypts(0, 1, 1, "before", 1, 1);
        story.at_secs(5).encrypts(0, 1, 2, "before", 1, 1);
        story.at_secs(10).records_key(1, 2);
        let frame = story.frame(FrameKind::KeyChanged, false, About::User(story.user(1)));
        story.device(0, Fact::Lost { frame, why: LossCause::Step });
        if fault {
            let (name, kind) = ("dark".to_owned(), "partition".to_owned());
            story.harness(Fact::FaultStart { name: name.clone(), kind });
            story.at_secs(60).harness(Fact::FaultEnd { name });
        }
        story.at_secs(70).looks_up(0, 1, 1, LookupCause::Refresh);
        story.at_secs(at).encrypts(0, 1, 3, "after", 1, theirs);
        story.judge(NewEpochsWithinBound::default())
    }

    #[test]
    fn the_new_epoch_learned_by_time_alone_is_in_order() {
        let docket = writes(2, 80, false);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 1), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(17, 2), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(17, 1), Polarity::Negative), 1);
        assert_eq!(docket.evidence.count(Requirement::of(17, 2), Polarity::Negative), 1);
    }

    #[test]
    fn the_old_epoch_after_the_bound_is_found() {
        let found = "alice>bob#3 is encrypted under e1 of bob, 70s after e2 was recorded";
        assert_eq!(writes(1, 80, false).findings[0].message, found);
        assert!(writes(1, 40, false).findings.is_empty());
    }

    #[test]
    fn time_without_connectivity_does_not_count() {
        assert!(writes(1, 80, true).findings.is_empty());
        assert_eq!(writes(1, 100, true).findings.len(), 1);
    }
}
