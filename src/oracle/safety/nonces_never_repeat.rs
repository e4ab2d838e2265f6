//! S-12: under one key no nonce serves two different messages.
//!
//! Not here: octets sent again, which are no encryption.

use std::collections::BTreeMap;

use crate::base::id::Hash32;
use crate::base::small::SmallMap;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts};
use crate::oracle::ranges::Ranges;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, Sealing};
use crate::trace::record::Record;
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-12";
/// Identical octets or none: what is sent again is never encrypted again.
const CITED: [Requirement; 1] = [Requirement::of(8, 4)];

/// The judge of S-12.
#[derive(Debug, Default)]
pub struct NoncesNeverRepeat {
    keys: BTreeMap<Hash32, Key>,
    /// Devices whose counters went back with a snapshot.
    restored: std::collections::BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Key {
    /// Counters by salt: a device counts up, so they are mostly consecutive.
    used: SmallMap<[u8; 4], Ranges>,
    last: Option<([u8; 12], Hash32, Hash32)>,
}

impl Key {
    /// Whether this nonce served another message before.
    fn repeats(&mut self, sealing: &Sealing) -> bool {
        let [a, b, c, d, counter @ ..] = sealing.nonce;
        let used = self.used.get_or_insert_default([a, b, c, d]);
        let new = used.insert(u64::from_be_bytes(counter));
        let this = (sealing.nonce, sealing.header, sealing.ciphertext);
        let same = self.last.replace(this) == Some(this);
        !new && !same
    }
}

impl Oracle for NoncesNeverRepeat {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, Encrypt]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Rolledback { .. } = &record.fact {
            self.restored.insert(user);
        }
        let Fact::Encrypt(sealing) = &record.fact else { return };
        if !self.keys.entry(sealing.key).or_default().repeats(sealing) {
            docket.shown(ID, &[]);
            return;
        }
        let restored = self.restored.contains(&user);
        let severity = if restored { Severity::Warning } else { Severity::Fail };
        let word = if restored { "rollback: " } else { "" };
        let nonce = crate::base::units::hex(&sealing.nonce);
        let message = format!("{word}{} takes nonce {nonce} a second time", sealing.mid);
        docket.push(severity, ID, &CITED, record.at, &[record.id], message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    fn with_nonces(nonces: &[u8], restored: bool) -> Vec<Severity> {
        let mut story = Story::new(&["alice", "bob"]);
        for (seq, nonce) in (1..).zip(nonces) {
            if restored {
                story.device(0, Fact::Rolledback { snapshot: "s1".to_owned() });
            }
            let mut sealing = story.sealing(0, 1, seq, "text", 1, 1);
            sealing.nonce = [*nonce; 12];
            sealing.header = Hash32([u8::try_from(seq).unwrap(); 32]);
            story.device(0, Fact::Encrypt(Box::new(sealing)));
        }
        let docket = story.judge(NoncesNeverRepeat::default());
        docket.findings.into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_repeated_nonce_is_found_and_other_nonces_are_in_order() {
        assert_eq!(with_nonces(&[1, 2, 3], false), []);
        assert_eq!(with_nonces(&[1, 2, 1], false), [Severity::Fail]);
        assert_eq!(with_nonces(&[0, 0], false), [Severity::Fail]);
    }

    #[test]
    fn after_a_restore_a_repetition_is_a_warning() {
        assert_eq!(with_nonces(&[1, 1], true), [Severity::Warning]);
    }
}
