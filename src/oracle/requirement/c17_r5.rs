//! C17-R5, its second half: mail under an epoch whose time is over is refused with a defined error.
//!
//! Not here: mail under an epoch that is still good (S-35).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Oracle, device_of, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, RejectCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C17-R5";
const CITED: [Requirement; 1] = [Requirement::of(17, 5)];
/// What is accepted at the very end of an epoch's time is recorded after its write.
const SLACK: Duration = Duration::from_secs(1);

/// The judge of C17-R5's refusals.
#[derive(Debug, Default)]
pub struct DeadEpochsAreRefused {
    retired: BTreeMap<(UserId, Epoch), Retired>,
    /// Encryptions of messages that are not dealt with.
    sealed: BTreeMap<Mid, Vec<Sealed>>,
    /// Own epochs that devices erased.
    erased: BTreeSet<(u32, Epoch)>,
}

#[derive(Clone, Copy, Debug)]
struct Retired {
    at: Instant,
    /// Without grace.
    revoked: bool,
    record: RecordId,
}

#[derive(Clone, Copy, Debug)]
struct Sealed {
    attempt: u64,
    own: Epoch,
    theirs: Epoch,
}

impl DeadEpochsAreRefused {
    /// How an epoch came to its end, if it is over this long after it was followed by the next.
    fn over(&self, user: &UserId, epoch: Epoch, lived: Duration, now: Instant) -> Option<Retired> {
        let retired = self.retired.get(&(user.clone(), epoch)).copied()?;
        (retired.revoked || now > retired.at + lived).then_some(retired)
    }

    fn refused(&self, mid: &Mid, lived: Duration, now: Instant, docket: &mut Docket) {
        let sealed = self.sealed.get(mid).map_or(&[][..], Vec::as_slice);
        let dead = sealed.iter().any(|one| {
            self.over(&mid.sender, one.own, lived, now).is_some()
                || self.over(&mid.receiver, one.theirs, lived, now).is_some()
        });
        if dead {
            docket.shown(ID, &[positive(17, 5), negative(17, 5)]);
        }
    }

    /// The server takes new content in; the receiver's key must outlive it.
    fn accept(&self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Fact::Accept { mid, attempt, known: false, .. } = &record.fact else { return };
        let lived = spec.server.grace.saturating_sub(spec.server.ttl) + SLACK;
        let sealed = self.sealed.get(mid).into_iter().flatten();
        let ends = sealed
            .filter(|one| one.attempt == *attempt)
            .map(|one| (one.theirs, self.over(&mid.receiver, one.theirs, lived, record.at)));
        let ends: Option<Vec<_>> = ends.map(|(epoch, end)| Some((epoch, end?))).collect();
        if let Some((epoch, end)) = ends.and_then(|ends| ends.last().copied()) {
            let since = record.at.since(end.at);
            let message = format!("{mid} is accepted under {epoch}, {since} after its successor");
            docket.violation(ID, &CITED, record.at, &[end.record, record.id], message);
        }
    }
}

impl Oracle for DeadEpochsAreRefused {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, epoch, revoke, .. } = &record.fact {
            if let Some(before) = epoch.0.checked_sub(1) {
                let retired = Retired { at: record.at, revoked: *revoke, record: record.id };
                self.retired.insert((user.clone(), Epoch(before)), retired);
            }
        } else if let Fact::Reset { user } = &record.fact {
            self.retired.retain(|(owner, _), _| owner != user);
        } else if let Fact::Refuse { kind, code, mid: Some(mid), .. } = &record.fact {
            if kind == "submit" && code == "STALE_EPOCH" {
                let lived = spec.server.grace.saturating_sub(spec.server.ttl);
                self.refused(mid, lived, record.at, docket);
            }
        } else if let Fact::Accept { .. } = &record.fact {
            if !spec.circumstances.clock {
                self.accept(record, spec, docket);
            }
        } else if let Fact::Expire { mid, .. } = &record.fact {
            self.sealed.remove(mid);
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Encrypt(it) = &record.fact {
            let one = Sealed { attempt: it.attempt, own: it.own, theirs: it.theirs };
            self.sealed.entry(it.mid.clone()).or_default().push(one);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.sealed.remove(mid);
        } else if let Fact::Reject { mid: Some(mid), why } = &record.fact {
            if matches!(why, RejectCause::StaleEpoch | RejectCause::UnknownEpoch) {
                self.refused(mid, spec.server.grace, record.at, docket);
            }
        } else if let Fact::EpochErased { epoch } = &record.fact {
            self.erased.insert((user, *epoch));
        } else if let Fact::Provisioned { epoch, .. } = &record.fact {
            self.erased.remove(&(user, *epoch));
        } else if let Fact::Decrypt(it) = &record.fact {
            if self.erased.contains(&(user, it.own)) {
                let message = format!("{} is opened under {}, which is erased", it.mid, it.own);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.erased.retain(|(owner, _)| *owner != user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    /// Bob rotates at 10 s, with a window of 60 s; alice writes under his epoch 1 at this time.
    fn late(at: u64) -> Story {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.server.ttl = Duration::from_secs(60);
        story.spec.server.grace = Duration::from_secs(120);
        story.records_key(1, 1);
        story.at_secs(10).records_key(1, 2);
        story.at_secs(at).encrypts(0, 1, 1, "text", 1, 1);
        story
    }

    #[test]
    fn mail_under_an_epoch_that_is_over_and_refused_is_in_order() {
        let mut story = late(80);
        let (by, mid) = (story.user(0), Some(story.mid(0, 1, 1)));
        let (kind, code) = ("submit".to_owned(), "STALE_EPOCH".to_owned());
        story.account(1, Fact::Refuse { by, kind, code, mid });
        let docket = story.judge(DeadEpochsAreRefused::default());
        assert!(docket.findings.is_empty());
        for side in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(Requirement::of(17, 5), side), 1);
        }
    }

    #[test]
    fn mail_under_an_epoch_that_is_over_and_accepted_is_found() {
        let mut story = late(80);
        story.accepts(0, 1, 1);
        let docket = story.judge(DeadEpochsAreRefused::default());
        let found = "alice>bob#1 is accepted under e1, 70s after its successor";
        assert_eq!(docket.findings[0].message, found);
        let mut story = late(60);
        story.accepts(0, 1, 1);
        assert!(story.judge(DeadEpochsAreRefused::default()).findings.is_empty());
    }

    #[test]
    fn a_message_opened_with_an_erased_key_is_found() {
        let mut story = late(60);
        story.device(1, Fact::EpochErased { epoch: Epoch(1) });
        story.opens(1, 0, 1, Some("text"));
        let docket = story.judge(DeadEpochsAreRefused::default());
        assert_eq!(docket.findings[0].message, "alice>bob#1 is opened under e1, which is erased");
    }
}
