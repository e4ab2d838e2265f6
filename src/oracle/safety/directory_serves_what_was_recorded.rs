//! S-25: a lookup returns the last record of exactly that user.
//!
//! Records of one account are in the order in which it acts, so its own order decides. Not here: which
//! retired records come with it (C14-R6).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Hash32, UserId};
use crate::oracle::judge::{Docket, Oracle, account_of, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-25";
const CITED: [Requirement; 2] = [Requirement::of(7, 2), Requirement::of(12, 3)];

/// The judge of S-25.
#[derive(Debug, Default)]
pub struct DirectoryServesWhatWasRecorded {
    /// The current record; of users whose first one came before the run, since it was first served.
    current: BTreeMap<UserId, Option<(Hash32, RecordId)>>,
    /// Users with a record before the current one.
    rotated: BTreeSet<UserId>,
    /// Users whose name somebody else tried to take.
    contested: BTreeSet<UserId>,
}

impl DirectoryServesWhatWasRecorded {
    /// What could have been served in place of the right record.
    fn provoked(&self, user: &UserId, docket: &mut Docket) {
        let all = [(&self.rotated, negative(7, 2)), (&self.contested, negative(12, 3))];
        for (_, side) in all.into_iter().filter(|(users, _)| users.contains(user)) {
            docket.shown(ID, &[side]);
        }
    }
}

impl Oracle for DirectoryServesWhatWasRecorded {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, record: hash, epoch, .. } = &record.fact {
            if *epoch > Epoch::FIRST {
                self.rotated.insert(user.clone());
            }
            self.current.insert(user.clone(), Some((*hash, record.id)));
        } else if let Fact::Reset { user } = &record.fact {
            self.current.insert(user.clone(), None);
        } else if let Fact::Served { user, current, .. } = &record.fact {
            let home = account_of(record).and_then(|account| spec.user(account));
            let known = self.current.entry(user.clone()).or_insert(Some((*current, record.id)));
            let found = match known {
                _ if home != Some(user) => format!("another account answers for {user}"),
                Some((hash, _)) if hash == current => {
                    docket.shown(ID, &[positive(7, 2), positive(12, 3)]);
                    self.provoked(user, docket);
                    return;
                }
                Some(_) => format!("a lookup of {user} is answered with an old record"),
                None => format!("a lookup of {user} is answered although the identity ended"),
            };
            docket.violation(ID, &CITED, record.at, &[record.id], found);
        } else if let Fact::Refuse { code, kind, .. } = &record.fact {
            if code == "UNKNOWN_USER" && kind == "lookup" {
                docket.shown(ID, &[positive(7, 2)]);
            } else if code == "ID_TAKEN" {
                let home = account_of(record).and_then(|account| spec.user(account));
                self.contested.extend(home.cloned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn served(current: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let (by, kind, code) = (story.user(0), "register".to_owned(), "ID_TAKEN".to_owned());
        story.account(0, Fact::Refuse { by, kind, code, mid: None });
        story.records_key(0, 1);
        story.records_key(0, 2);
        let (user, by, epochs) = (story.user(0), story.user(1), vec![Epoch(2)]);
        story.account(0, Fact::Served { user, by, epochs, current: hash(current) });
        story.judge(DirectoryServesWhatWasRecorded::default())
    }

    #[test]
    fn the_last_record_is_in_order() {
        let docket = served("alice2");
        assert!(docket.findings.is_empty());
        for requirement in CITED {
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
        }
    }

    #[test]
    fn an_older_record_is_found() {
        let found = "a lookup of alice is answered with an old record";
        assert_eq!(served("alice1").findings[0].message, found);
    }
}
