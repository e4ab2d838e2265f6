//! C12-R7: agreement and signature have key pairs of their own.
//!
//! Not here: whether the pairs are valid (C12-R4).

use crate::crypto::suite::KeyError;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C12-R7";
const CITED: [Requirement; 1] = [Requirement::of(12, 7)];

/// The judge of C12-R7.
#[derive(Debug, Default)]
pub struct KeysHaveOnePurpose;

impl Oracle for KeysHaveOnePurpose {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Provisioned, ProvisionRefused]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        if device_of(record).is_none() {
            return;
        }
        if let Fact::ProvisionRefused { why } = &record.fact {
            let shared = *why == KeyError::Shared.to_string();
            docket.shown(ID, &[negative(12, 7)][..usize::from(shared)]);
        }
        let Fact::Provisioned { agree_kid, sig_kid, .. } = &record.fact else { return };
        if agree_kid == sig_kid {
            let message = "one key pair serves agreement and signatures".to_owned();
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        } else {
            docket.shown(ID, &[positive(12, 7)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Epoch;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::ProvisionMode;
    use crate::verdict::requirement::Polarity;

    #[test]
    fn a_refusal_counts_when_it_is_for_a_shared_pair() {
        for (error, count) in [(KeyError::Shared, 1), (KeyError::Mismatch, 0)] {
            let mut story = Story::new(&["alice"]);
            story.device(0, Fact::ProvisionRefused { why: error.to_string() });
            let docket = story.judge(KeysHaveOnePurpose);
            assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), count);
        }
    }

    #[test]
    fn only_one_pair_for_both_purposes_is_found() {
        for (sig, findings) in [("sig", 0), ("agree", 1)] {
            let mut story = Story::new(&["alice"]);
            let (mode, epoch) = (ProvisionMode::Generated, Epoch::FIRST);
            let (agree_kid, sig_kid) = (hash("agree"), hash(sig));
            story.device(0, Fact::Provisioned { mode, epoch, agree_kid, sig_kid });
            assert_eq!(story.judge(KeysHaveOnePurpose).findings.len(), findings);
        }
    }
}
