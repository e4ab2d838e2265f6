//! C08-R1: nothing is submitted that was not encrypted completely before.
//!
//! Not here: under which key (C02-R3).

use std::collections::BTreeMap;

use crate::base::id::UserId;
use crate::oracle::judge::{Docket, Oracle, device_of, positive};
use crate::oracle::ranges::Ranges;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C08-R1";
const CITED: [Requirement; 2] = [Requirement::of(8, 1), Requirement::of(2, 3)];

/// The judge of C08-R1.
#[derive(Debug, Default)]
pub struct SubmitsAreEncrypted {
    sealed: BTreeMap<(u32, UserId), Ranges>,
}

impl Oracle for SubmitsAreEncrypted {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Encrypt(sealing) = &record.fact {
            let pair = (user, sealing.mid.receiver.clone());
            self.sealed.entry(pair).or_default().insert(sealing.mid.seq.0);
        } else if let Fact::Tx(frame) = &record.fact
            && frame.kind == Some(FrameKind::Submit)
            && let About::Message(mid, _) = &frame.about
        {
            let sealed = self.sealed.get(&(user, mid.receiver.clone()));
            if sealed.is_some_and(|sealed| sealed.contains(mid.seq.0)) {
                docket.shown(ID, &[positive(8, 1)]);
            } else {
                let message = format!("{mid} is submitted, but was never encrypted");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    #[test]
    fn only_a_submission_without_an_encryption_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "text", 1, 1);
        for seq in [1, 2] {
            let about = About::Message(story.mid(0, 1, seq), 1);
            let frame = story.frame(FrameKind::Submit, true, about);
            story.device(0, Fact::Tx(frame));
        }
        let docket = story.judge(SubmitsAreEncrypted::default());
        let messages: Vec<_> = docket.findings.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(messages, ["alice>bob#2 is submitted, but was never encrypted"]);
    }
}
