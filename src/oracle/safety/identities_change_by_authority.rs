//! S-26: a user's identity is replaced only after the operator ended it.
//!
//! Whether a record is signed by the key before is the account's check; that no other generation comes
//! without a reset is this oracle's. Not here: the order of epochs (S-10).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Hash32, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-26";
const CITED: [Requirement; 1] = [Requirement::of(12, 5)];

/// The judge of S-26.
#[derive(Debug, Default)]
pub struct IdentitiesChangeByAuthority {
    generations: BTreeMap<UserId, Hash32>,
    ended: BTreeSet<UserId>,
    /// Users under whose names somebody tried to register, in vain.
    tried: BTreeSet<UserId>,
}

impl Oracle for IdentitiesChangeByAuthority {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Recorded, Reset, Served, Accept, Refuse]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, generation, .. } = &record.fact {
            let before = self.generations.insert(user.clone(), *generation);
            let replaced = before.is_some_and(|before| before != *generation);
            if replaced && !self.ended.remove(user) {
                let message = format!("{user} is registered again without a reset");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else {
                docket.shown(ID, &[positive(12, 5)]);
            }
        } else if let Fact::Accept { mid, generation, .. } = &record.fact {
            // Whoever was registered when the run began is known by the ticket of the first mail.
            if !self.generations.contains_key(&mid.sender) {
                self.generations.insert(mid.sender.clone(), *generation);
            }
        } else if let Fact::Reset { user } = &record.fact {
            self.ended.insert(user.clone());
        } else if let Fact::Served { user, .. } = &record.fact {
            // Whether the answer is the record from before is S-25's.
            if self.tried.remove(user) {
                docket.shown(ID, &[positive(12, 5)]);
            }
        } else if let Fact::Refuse { by, kind, code, .. } = &record.fact {
            let refused = matches!(
                (kind.as_str(), code.as_str()),
                ("register", "ID_TAKEN" | "BAD_POP" | "BAD_KEY")
                    | ("request", "BAD_CHAIN" | "BAD_POP" | "BAD_KEY" | "EPOCH_CONFLICT")
            );
            if refused {
                self.tried.insert(by.clone());
                docket.shown(ID, &[negative(12, 5)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Epoch;
    use crate::oracle::tests_support::{Story, hash};

    fn registered_again(reset: bool) -> Docket {
        let mut story = Story::new(&["alice"]);
        story.records_key(0, 1);
        let user = story.user(0);
        if reset {
            story.account(0, Fact::Reset { user: user.clone() });
        }
        let (generation, record) = (hash("second"), hash("alice1b"));
        let epoch = Epoch::FIRST;
        story.account(0, Fact::Recorded { user, generation, epoch, record, revoke: false });
        story.judge(IdentitiesChangeByAuthority::default())
    }

    #[test]
    fn a_new_identity_after_a_reset_is_in_order() {
        assert!(registered_again(true).findings.is_empty());
    }

    #[test]
    fn a_new_identity_by_itself_is_found() {
        let found = "alice is registered again without a reset";
        assert_eq!(registered_again(false).findings[0].message, found);
    }
    #[test]
    fn the_name_of_somebody_who_was_registered_before_the_run_is_taken_too() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        let (user, generation, record) = (story.user(0), hash("second"), hash("alice1b"));
        let epoch = Epoch::FIRST;
        story.account(0, Fact::Recorded { user, generation, epoch, record, revoke: false });
        let docket = story.judge(IdentitiesChangeByAuthority::default());
        assert_eq!(docket.findings.len(), 1);
    }
}
