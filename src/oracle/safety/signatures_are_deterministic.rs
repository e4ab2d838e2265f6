//! S-31: the same key and content give the same signature, octet by octet.
//!
//! That they are low-S shows in their octets, which facts do not hold. Not here: equality of whole runs,
//! which compares two of them.

use std::collections::BTreeMap;

use crate::base::id::{Epoch, Hash32};
use crate::oracle::judge::{Docket, Oracle, device_of};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, SignPurpose};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-31";
const CITED: [Requirement; 1] = [Requirement::of(3, 2)];

/// The judge of S-31.
#[derive(Debug, Default)]
pub struct SignaturesAreDeterministic {
    made: BTreeMap<(u32, SignPurpose, Epoch, Hash32), (Hash32, RecordId)>,
}

impl Oracle for SignaturesAreDeterministic {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::State { to: DeviceState::Blank } | Fact::Provisioned { .. } = &record.fact {
            // New keys under the same numbers.
            self.made.retain(|(owner, ..), _| *owner != user);
        }
        let Fact::Sign { purpose, epoch, digest, signature } = &record.fact else { return };
        // Attaching signs fresh nonces every time: nothing could repeat.
        if *purpose == SignPurpose::Attach {
            return;
        }
        let key = (user, *purpose, *epoch, *digest);
        let (first, at) = *self.made.entry(key).or_insert((*signature, record.id));
        if first == *signature {
            docket.shown(ID, &[]);
        } else {
            let message = format!("two signatures over the same {purpose}");
            docket.violation(ID, &CITED, record.at, &[at, record.id], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};

    fn signs(second: &str) -> usize {
        let mut story = Story::new(&["alice"]);
        for signature in ["first", second] {
            let (purpose, epoch) = (SignPurpose::Approval, Epoch(1));
            let (digest, signature) = (hash("content"), hash(signature));
            story.device(0, Fact::Sign { purpose, epoch, digest, signature });
        }
        story.judge(SignaturesAreDeterministic::default()).findings.len()
    }

    #[test]
    fn only_another_signature_over_the_same_content_is_found() {
        assert_eq!(signs("first"), 0);
        assert_eq!(signs("second"), 1);
    }
}
