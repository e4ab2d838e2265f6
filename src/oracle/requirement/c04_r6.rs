//! C04-R6: the receiver's key is there before own data is prompted.
//!
//! A recommendation, so it is never broken, only shown. Not here: what happens when it is not (C04-R3).

use std::collections::BTreeSet;

use crate::base::id::UserId;
use crate::oracle::judge::{Docket, Oracle, device_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, ReplyResult};
use crate::trace::record::Record;

const ID: &str = "C04-R6";

/// The judge of C04-R6.
#[derive(Debug, Default)]
pub struct KeysComeBeforePrompts {
    known: BTreeSet<(u32, UserId)>,
}

impl Oracle for KeysComeBeforePrompts {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. }
        | Fact::Derive { peer, .. } = &record.fact
        {
            self.known.insert((user, peer.clone()));
        } else if let Fact::Evict { peer, .. } = &record.fact {
            self.known.remove(&(user, peer.clone()));
        } else if let Fact::Prompt(shown) = &record.fact
            && shown.request.is_none()
            && self.known.contains(&(user, shown.requester.clone()))
        {
            docket.shown(ID, &[positive(4, 6)]);
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
        let prompted = |known: bool| {
            let mut story = Story::new(&["alice", "bob"]);
            if known {
                story.gets_reply(0, 1, 1, ReplyResult::Accepted);
            }
            story.prompts(0, 1, 1);
            if let Some(Fact::Prompt(shown)) = story.records.last_mut().map(|last| &mut last.fact) {
                shown.request = None;
            }
            let docket = story.judge(KeysComeBeforePrompts::default());
            docket.evidence.count(Requirement::of(4, 6), Polarity::Positive)
        };
        assert_eq!((prompted(true), prompted(false)), (1, 0));
    }
}
