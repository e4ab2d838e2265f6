//! C12-R4: a downloaded key pair is taken when it is one, and refused when it is not.
//!
//! Which material is bad is the scenario's knowledge; records show the refusal by the device or, when it took
//! what it should not, by the server that asks for a proof. Not here: keys of peers (S-23).

use std::collections::BTreeMap;

use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{Fact, ProvisionMode};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C12-R4";
const CITED: [Requirement; 1] = [Requirement::of(12, 4)];

/// The judge of C12-R4.
#[derive(Debug, Default)]
pub struct DownloadsAreChecked {
    refused: Turns<RecordId>,
    /// Downloads that were taken.
    taken: BTreeMap<u32, RecordId>,
}

impl DownloadsAreChecked {
    /// The server finds that the halves of what a device registers do not belong together.
    fn unproved(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Fact::Refuse { by, code, .. } = &record.fact else { return };
        let it = spec.circumstances;
        if !(code == "BAD_POP" || code == "BAD_KEY") || it.altered || it.adversary {
            return;
        }
        let Some(taken) = spec.index(by).and_then(|user| self.taken.remove(&user)) else { return };
        let message = format!("{by} took a download that is no key pair");
        docket.violation(ID, &CITED, record.at, &[taken, record.id], message);
    }
}

impl Oracle for DownloadsAreChecked {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Provisioned, ProvisionRefused, Refuse]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for _ in self.refused.over(record.at, spec) {
            docket.shown(ID, &[negative(12, 4)]);
        }
        self.unproved(record, spec, docket);
        let Some(user) = device_of(record) else { return };
        if let Fact::ProvisionRefused { .. } = &record.fact {
            if self.refused.begin(record, record.id).is_some() {
                docket.shown(ID, &[negative(12, 4)]);
            }
        } else if let Fact::Provisioned { mode, .. } = &record.fact {
            self.taken.remove(&user);
            if let Some(refusal) = self.refused.end(record) {
                let message = "key material that was refused is taken".to_owned();
                docket.violation(ID, &CITED, record.at, &[refusal, record.id], message);
            } else if *mode == ProvisionMode::Downloaded {
                self.taken.insert(user, record.id);
                docket.shown(ID, &[positive(12, 4)]);
            }
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.refused.rest() {
            docket.shown(ID, &[negative(12, 4)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, NodeId};
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn refused(taken: bool) -> Docket {
        let mut story = Story::new(&["alice"]);
        let step = Fact::Step { name: "p1".to_owned(), verb: "provision".to_owned() };
        let cause = Some(story.device(0, step));
        let node = NodeId::device(0);
        story.push(node, cause, Fact::ProvisionRefused { why: "bad".to_owned() });
        if taken {
            let (mode, epoch) = (ProvisionMode::Downloaded, Epoch::FIRST);
            let (agree_kid, sig_kid) = (hash("agree"), hash("sig"));
            story.push(node, cause, Fact::Provisioned { mode, epoch, agree_kid, sig_kid });
        }
        story.judge(DownloadsAreChecked::default())
    }

    #[test]
    fn a_pair_that_the_server_refuses_was_none() {
        let mut story = Story::new(&["alice"]);
        let (mode, epoch) = (ProvisionMode::Downloaded, Epoch::FIRST);
        let (agree_kid, sig_kid) = (hash("agree"), hash("sig"));
        story.device(0, Fact::Provisioned { mode, epoch, agree_kid, sig_kid });
        let (by, kind, code) = (story.user(0), "register".to_owned(), "BAD_POP".to_owned());
        story.account(0, Fact::Refuse { by, kind, code, mid: None });
        let docket = story.judge(DownloadsAreChecked::default());
        assert_eq!(docket.findings[0].message, "alice took a download that is no key pair");
    }

    #[test]
    fn a_refusal_is_in_order_unless_the_keys_are_taken_all_the_same() {
        let docket = refused(false);
        assert_eq!(docket.evidence.count(Requirement::of(12, 4), Polarity::Negative), 1);
        assert_eq!(refused(true).findings.len(), 1);
    }
}
