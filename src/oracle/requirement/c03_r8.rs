//! C03-R8: a request is prompted only after it was decrypted and accepted.
//!
//! Not here: own data, which nobody sends (claim 4).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Content, Fact};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C03-R8";
const CITED: [Requirement; 1] = [Requirement::of(3, 8)];

/// The judge of C03-R8.
#[derive(Debug, Default)]
pub struct PromptsAreAuthentic {
    opened: BTreeSet<(u32, Mid)>,
    /// Requests whose tag did not hold, and which were not prompted since.
    failed: BTreeMap<(u32, Mid), u64>,
}

impl Oracle for PromptsAreAuthentic {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Decrypt, Prompt]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Decrypt(opening) = &record.fact {
            if opening.kind != Content::Request {
                return;
            }
            let key = (user, opening.mid.clone());
            if opening.plain.is_some() {
                if self.failed.remove(&key).is_some() {
                    docket.shown(ID, &[negative(3, 8)]);
                }
                self.opened.insert(key);
            } else {
                *self.failed.entry(key).or_default() += 1;
            }
        } else if let Fact::Prompt(shown) = &record.fact
            && let Some(mid) = &shown.request
        {
            if self.opened.contains(&(user, mid.clone())) {
                docket.shown(ID, &[positive(3, 8)]);
            } else {
                let message = format!("{mid} is prompted, but was never opened");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.failed.values() {
            docket.shown(ID, &[negative(3, 8)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn request(text: Option<&str>, prompted: bool) -> Docket {
        let mut story = Story::new(&["alice", "shop"]);
        story.opens(0, 1, 1, text);
        if let Some(Fact::Decrypt(opening)) = story.records.last_mut().map(|last| &mut last.fact) {
            opening.kind = Content::Request;
        }
        if prompted {
            story.prompts(0, 1, 1);
        }
        story.judge(PromptsAreAuthentic::default())
    }

    #[test]
    fn a_request_that_opened_may_be_prompted_and_one_that_did_not_may_not() {
        let docket = request(Some("request"), true);
        assert_eq!(docket.evidence.count(Requirement::of(3, 8), Polarity::Positive), 1);
        let docket = request(None, false);
        assert_eq!(docket.evidence.count(Requirement::of(3, 8), Polarity::Negative), 1);
        let found = "shop>alice#1 is prompted, but was never opened";
        assert_eq!(request(None, true).findings[0].message, found);
    }
}
