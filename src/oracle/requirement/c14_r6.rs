//! C14-R6: a key reply holds every record still in grace beside the current one.
//!
//! Not here: whether the current one is the last (S-25).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::base::id::{Epoch, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, account_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C14-R6";
const CITED: [Requirement; 2] = [Requirement::of(14, 6), Requirement::of(17, 5)];

/// The judge of C14-R6.
#[derive(Debug, Default)]
pub struct RepliesHoldRetiredRecords {
    /// When an epoch was followed by the next, of the present identity; none: it was revoked.
    retired: BTreeMap<(UserId, Epoch), Option<Instant>>,
    /// When each user's account stopped last.
    stopped: BTreeMap<UserId, Instant>,
}

/// Where the epochs of a user lie.
fn epochs_of(user: &UserId) -> RangeInclusive<(UserId, Epoch)> {
    (user.clone(), Epoch(0))..=(user.clone(), Epoch(u64::MAX))
}

impl Oracle for RepliesHoldRetiredRecords {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Recorded, Served]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, epoch, revoke, .. } = &record.fact {
            if *epoch == Epoch::FIRST {
                let own: Vec<_> =
                    self.retired.range(epochs_of(user)).map(|(it, _)| it.clone()).collect();
                own.iter().for_each(|key| _ = self.retired.remove(key));
            } else if let Some(before) = epoch.0.checked_sub(1) {
                self.retired.insert((user.clone(), Epoch(before)), Some(record.at));
                if *revoke {
                    // A revocation ends every epoch before it, those in grace too (R11).
                    self.retired.range_mut(epochs_of(user)).for_each(|(_, at)| *at = None);
                }
            }
        } else if let Fact::Served { user, epochs, .. } = &record.fact {
            let retired = self.retired.range(epochs_of(user));
            let in_grace = |at: &Instant| record.at < *at + spec.server.grace;
            let held =
                retired.filter_map(|((_, epoch), at)| Some((*epoch, (*at).filter(in_grace)?)));
            let missing = held.clone().find(|(epoch, _)| !epochs.contains(epoch));
            if let Some((missing, _)) = missing {
                let message = format!("a key reply about {user} lacks {missing}, still in grace");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else if let Some(at) = held.map(|(_, at)| at).max() {
                // A retired record that is only in memory is gone after a stop.
                let stopped = self.stopped.get(user).is_some_and(|stop| *stop >= at);
                docket.shown(ID, &[positive(14, 6), negative(14, 6)][..1 + usize::from(stopped)]);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            let home = account_of(record).and_then(|account| spec.user(account));
            self.stopped.extend(home.map(|user| (user.clone(), record.at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::StopCause;
    use crate::verdict::requirement::Polarity;

    fn served(epochs: &[u64], at: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(0, 2);
        story.at(10).account(0, Fact::PowerOff { why: StopCause::Crash });
        let (user, by) = (story.user(0), story.user(1));
        let epochs = epochs.iter().map(|epoch| Epoch(*epoch)).collect();
        let current = hash("alice2");
        story.at_secs(at).account(0, Fact::Served { user, by, epochs, current });
        story.judge(RepliesHoldRetiredRecords::default())
    }

    #[test]
    fn a_revocation_ends_every_epoch_before_it() {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(0, 2);
        let (user, by) = (story.user(0), story.user(1));
        let (generation, record, epoch) = (hash("generation"), hash("alice3"), Epoch(3));
        let recorded =
            Fact::Recorded { user: user.clone(), generation, epoch, record, revoke: true };
        story.at_secs(10).account(0, recorded);
        let (epochs, current) = (vec![epoch], record);
        story.at_secs(20).account(0, Fact::Served { user, by, epochs, current });
        assert!(story.judge(RepliesHoldRetiredRecords::default()).findings.is_empty());
    }

    #[test]
    fn a_retired_record_is_served_through_grace_or_its_lack_is_found() {
        let docket = served(&[1, 2], 60);
        assert_eq!(docket.evidence.count(Requirement::of(14, 6), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(14, 6), Polarity::Negative), 1);
        let found = "a key reply about alice lacks e1, still in grace";
        assert_eq!(served(&[2], 60).findings[0].message, found);
        assert!(served(&[2], 8 * 86_400).findings.is_empty());
    }
}
