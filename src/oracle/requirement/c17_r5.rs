//! C17-R5, second half: after grace, mail under the old epoch is refused with a defined error.
//!
//! Not here: mail within grace (S-35, L-05).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid};
use crate::oracle::judge::{Docket, Oracle, device_of, negative};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, RejectCause};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C17-R5";
const CITED: [Requirement; 1] = [Requirement::of(17, 5)];

/// The judge of C17-R5.
#[derive(Debug, Default)]
pub struct OldMailIsRefusedAfterGrace {
    erased: BTreeMap<u32, BTreeSet<Epoch>>,
    /// The receiver's epoch that a message was encrypted under last.
    sealed: BTreeMap<Mid, Epoch>,
}

impl OldMailIsRefusedAfterGrace {
    fn is_erased(&self, user: u32, epoch: Epoch) -> bool {
        self.erased.get(&user).is_some_and(|erased| erased.contains(&epoch))
    }
}

impl Oracle for OldMailIsRefusedAfterGrace {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
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
        } else if let Fact::Decrypt(opening) = &record.fact {
            if opening.plain.is_some() && self.is_erased(user, opening.own) {
                let message = format!("{} opens under the erased {}", opening.mid, opening.own);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        } else if let Fact::Reject { mid: Some(mid), why: RejectCause::StaleEpoch } = &record.fact {
            let epoch = self.sealed.get(mid).copied();
            if epoch.is_some_and(|epoch| self.is_erased(user, epoch)) {
                docket.shown(ID, &[negative(17, 5)]);
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.sealed.remove(mid);
        } else if let Fact::Provisioned { epoch, .. } = &record.fact {
            if let Some(erased) = self.erased.get_mut(&user) {
                erased.remove(epoch);
            }
        } else if let Fact::Rolledback { .. } = &record.fact {
            // The older copy still holds the key.
            self.erased.remove(&user);
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
    fn old_mail_is_refused_after_grace_or_found() {
        let docket = after_grace(false);
        assert_eq!(docket.evidence.count(Requirement::of(17, 5), Polarity::Negative), 1);
        assert_eq!(after_grace(true).findings[0].message, "alice>bob#1 opens under the erased e1");
    }
}
