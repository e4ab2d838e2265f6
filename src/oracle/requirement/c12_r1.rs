//! C12-R1: a device announces its key before it sends its first message.
//!
//! Not here: how the server checks the announcement (S-26).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Epoch;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C12-R1";
const CITED: [Requirement; 1] = [Requirement::of(12, 1)];

/// The judge of C12-R1.
#[derive(Debug, Default)]
pub struct KeysAreAnnouncedFirst {
    provisioned: BTreeMap<u32, RecordId>,
    announced: BTreeSet<u32>,
    /// Asked to send something before the server confirmed the announcement.
    hurried: BTreeSet<u32>,
}

impl Oracle for KeysAreAnnouncedFirst {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Provisioned, State, Compose, Tx].frames(frames![Register, Submit])
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Provisioned { epoch: Epoch::FIRST, .. } = &record.fact {
            self.provisioned.insert(user, record.id);
            self.announced.remove(&user);
            self.hurried.remove(&user);
        } else if let Fact::Compose { .. } = &record.fact {
            self.hurried.extend(self.provisioned.contains_key(&user).then_some(user));
        } else if let Fact::State { to: DeviceState::Ready } = &record.fact {
            if self.hurried.remove(&user) {
                docket.shown(ID, &[negative(12, 1)]);
            }
        } else if let Fact::Tx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Register) {
                self.announced.insert(user);
                return;
            }
            let Some(keys) = self.provisioned.get(&user).copied() else { return };
            if frame.kind != Some(FrameKind::Submit) {
                return;
            }
            self.provisioned.remove(&user);
            self.hurried.remove(&user);
            if self.announced.remove(&user) {
                docket.shown(ID, &[positive(12, 1)]);
            } else {
                let message = "a message is sent before the key is announced".to_owned();
                docket.violation(ID, &CITED, record.at, &[keys, record.id], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DraftId;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{About, Content, ProvisionMode};
    use crate::verdict::requirement::Polarity;

    fn keyed() -> Story {
        let mut story = Story::new(&["alice", "bob"]);
        let (mode, epoch) = (ProvisionMode::Generated, Epoch::FIRST);
        let (agree_kid, sig_kid) = (hash("agree"), hash("sig"));
        story.device(0, Fact::Provisioned { mode, epoch, agree_kid, sig_kid });
        story
    }

    fn sends(announced: bool) -> usize {
        let mut story = keyed();
        let epoch = Epoch::FIRST;
        if announced {
            let frame = story.frame(FrameKind::Register, true, About::Epoch(epoch));
            story.device(0, Fact::Tx(frame));
        }
        let about = About::message(story.mid(0, 1, 1), 1);
        let frame = story.frame(FrameKind::Submit, true, about);
        story.device(0, Fact::Tx(frame));
        story.judge(KeysAreAnnouncedFirst::default()).findings.len()
    }

    #[test]
    fn a_user_in_a_hurry_changes_nothing() {
        let mut story = keyed();
        let (to, kind, plain) = (story.user(1), Content::Text, hash("hello"));
        story.device(0, Fact::Compose { draft: DraftId(1), to, kind, plain, len: 5 });
        story.device(0, Fact::State { to: DeviceState::Ready });
        let docket = story.judge(KeysAreAnnouncedFirst::default());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn only_a_message_before_the_announcement_is_found() {
        assert_eq!((sends(true), sends(false)), (0, 1));
    }
}
