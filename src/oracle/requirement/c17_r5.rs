//! C17-R5, second half: after grace, mail under the old epoch is refused with a defined error.
//!
//! Not here: mail within grace (S-35, L-05).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, RejectCause};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C17-R5";
const CITED: [Requirement; 1] = [Requirement::of(17, 5)];
/// What timers, the processor and writes may add to a grace.
const SLACK: Duration = Duration::from_secs(10);

/// The judge of C17-R5.
#[derive(Debug, Default)]
pub struct OldMailIsRefusedAfterGrace {
    erased: BTreeMap<u32, BTreeSet<Epoch>>,
    /// When own epochs ended.
    retired: Owned<Epoch, Instant>,
    /// The receiver's epoch that a message was encrypted under last.
    sealed: BTreeMap<Mid, Epoch>,
}

impl OldMailIsRefusedAfterGrace {
    fn is_erased(&self, user: u32, epoch: Epoch) -> bool {
        self.erased.get(&user).is_some_and(|erased| erased.contains(&epoch))
    }

    /// Whether the grace of an epoch is over, erased or not.
    fn is_over(&self, user: u32, epoch: Epoch, now: Instant, spec: &Spec) -> bool {
        let retired = self.retired.get(user, &epoch).zip(spec.limits(user));
        retired.is_some_and(|(at, limits)| now > *at + limits.grace + SLACK)
    }

    fn open(&self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Decrypt(opening) = &record.fact else { return };
        let (mid, own) = (&opening.mid, opening.own);
        let found = if opening.plain.is_none() {
            return;
        } else if self.is_erased(user, own) {
            format!("{mid} opens under the erased {own}")
        } else if self.is_over(user, own, record.at, spec) {
            format!("{mid} opens under {own}, whose grace is over")
        } else {
            return;
        };
        docket.violation(ID, &CITED, record.at, &[record.id], found);
    }
}

impl Oracle for OldMailIsRefusedAfterGrace {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Rolledback, Provisioned, Encrypt, Decrypt, Commit, Reject, RotateDone, EpochErased,
            Refuse
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Refuse { code, mid: Some(_), .. } = &record.fact {
            if code == "STALE_EPOCH" {
                docket.shown(ID, &[negative(17, 5)]);
            }
            return;
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::EpochErased { epoch } = &record.fact {
            self.erased.entry(user).or_default().insert(*epoch);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.sealed.insert(sealing.mid.clone(), sealing.theirs);
        } else if let Fact::Decrypt(_) = &record.fact {
            self.open(record, user, spec, docket);
        } else if let Fact::RotateDone { epoch, .. } = &record.fact {
            let before = Epoch(epoch.0.saturating_sub(1));
            self.retired.insert(user, before, record.at);
        } else if let Fact::Reject { mid: Some(mid), why: RejectCause::StaleEpoch } = &record.fact {
            let epoch = self.sealed.get(mid).copied();
            if epoch.is_some_and(|epoch| self.is_erased(user, epoch)) {
                docket.shown(ID, &[negative(17, 5)]);
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.sealed.remove(mid);
        } else if let Fact::Provisioned { epoch, .. } = &record.fact {
            self.retired.remove(user, epoch);
            if let Some(erased) = self.erased.get_mut(&user) {
                erased.remove(epoch);
            }
        } else if let Fact::Rolledback { .. } = &record.fact {
            // The older copy still holds the key.
            self.erased.remove(&user);
            self.retired.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn after_grace(opens: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "text", 1, 1);
        story.device(1, Fact::EpochErased { epoch: Epoch(1) });
        if opens {
            story.opens(1, 0, 1, Some("text"));
        } else {
            let mid = Some(story.mid(0, 1, 1));
            story.device(1, Fact::Reject { mid, why: RejectCause::StaleEpoch });
        }
        story.judge(OldMailIsRefusedAfterGrace::default())
    }

    #[test]
    fn a_key_that_outlives_its_grace_is_found() {
        for (late, found) in [(9, 0), (11, 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            let (epoch, record) = (Epoch(2), crate::oracle::tests_support::hash("record"));
            story.device(1, Fact::RotateDone { epoch, record });
            let grace = story.spec.limits[0].grace.as_nanos() / 1_000_000_000;
            story.at_secs(grace + late).opens(1, 0, 1, Some("text"));
            let docket = story.judge(OldMailIsRefusedAfterGrace::default());
            assert_eq!(docket.findings.len(), found);
        }
    }

    #[test]
    fn old_mail_is_refused_after_grace_or_found() {
        let docket = after_grace(false);
        assert_eq!(docket.evidence.count(Requirement::of(17, 5), Polarity::Negative), 1);
        assert_eq!(after_grace(true).findings[0].message, "alice>bob#1 opens under the erased e1");
    }
}
