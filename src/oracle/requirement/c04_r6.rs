//! C04-R6: the receiver's key is there before own data is prompted.
//!
//! A recommendation, so it is never broken, only shown. Not here: what happens when it is not (C04-R3).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::UserId;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, LookupCause, ReplyResult};
use crate::trace::record::Record;

const ID: &str = "C04-R6";

/// The judge of C04-R6.
#[derive(Debug, Default)]
pub struct KeysComeBeforePrompts {
    known: BTreeSet<(u32, UserId)>,
    /// Receivers asked for because of own data, and whether their key came.
    asked: BTreeMap<(u32, UserId), bool>,
}

impl Oracle for KeysComeBeforePrompts {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Lookup, LookupFailed, KeyReply, Derive, Evict, Prompt]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. }
        | Fact::Derive { peer, .. } = &record.fact
        {
            self.known.insert((user, peer.clone()));
            if let Some(came) = self.asked.get_mut(&(user, peer.clone())) {
                *came = true;
            }
        } else if let Fact::Lookup { peer, because: LookupCause::Request, .. } = &record.fact {
            self.asked.insert((user, peer.clone()), false);
        } else if let Fact::LookupFailed { peer, .. } = &record.fact {
            self.asked.remove(&(user, peer.clone()));
        } else if let Fact::Evict { peer, .. } = &record.fact {
            self.known.remove(&(user, peer.clone()));
        } else if let Fact::Prompt(shown) = &record.fact
            && shown.request.is_none()
            && self.known.contains(&(user, shown.requester.clone()))
        {
            // There was no key when the user composed it, and no prompt before there was.
            let came = self.asked.remove(&(user, shown.requester.clone())) == Some(true);
            docket.shown(ID, &[positive(4, 6), negative(4, 6)][..1 + usize::from(came)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::{Polarity, Requirement};

    #[test]
    fn own_data_prompted_with_the_key_at_hand_is_evidence() {
        let prompted = |asked: bool, known: bool| {
            let mut story = Story::new(&["alice", "bob"]);
            if asked {
                story.looks_up(0, 1, 1, LookupCause::Request);
            }
            if known {
                story.gets_reply(0, 1, 1, ReplyResult::Accepted);
            }
            story.prompts(0, 1, 1);
            if let Some(Fact::Prompt(shown)) = story.records.last_mut().map(|last| &mut last.fact) {
                shown.request = None;
            }
            let docket = story.judge(KeysComeBeforePrompts::default());
            [Polarity::Positive, Polarity::Negative]
                .map(|side| docket.evidence.count(Requirement::of(4, 6), side))
        };
        assert_eq!(prompted(false, true), [1, 0]);
        assert_eq!(prompted(true, true), [1, 1]);
        assert_eq!(prompted(true, false), [0, 0]);
    }
}
