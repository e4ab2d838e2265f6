//! S-32, for public keys: a device takes a key in one encoding only, so that one key has one key ID.
//!
//! Not here: keys that are no points (S-23), or the encoding of whole frames.

use crate::oracle::encoding::{is_point, points_of, uncompressed};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{Fact, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-32";
const CITED: [Requirement; 1] = [Requirement::of(5, 8)];

/// The judge of S-32 for public keys.
#[derive(Debug, Default)]
pub struct KeysHaveOneEncoding {
    /// Replies with a valid point in another encoding.
    other: Turns<RecordId>,
}

impl Oracle for KeysHaveOneEncoding {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![KeyReply, Rx].frames(frames![KeyReply])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.other.over(record.at, spec);
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Rx(frame) = &record.fact {
            let odd = |point: &_| !is_point(point) && is_point(&uncompressed(point));
            if points_of(frame).iter().any(odd) {
                self.other.begin_after(record, record.id);
            }
        } else if let Fact::KeyReply { peer, result, .. } = &record.fact
            && let Some(reply) = self.other.end(record)
        {
            if *result == ReplyResult::Accepted {
                let message = format!("a key of {peer} is accepted in another encoding");
                docket.violation(ID, &CITED, record.at, &[reply, record.id], message);
            } else {
                docket.shown(ID, &[]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::model::Model;
    use crate::crypto::suite::{Secret, Suite as _};
    use crate::oracle::encoding::tests::reply_with;
    use crate::oracle::tests_support::Story;

    #[test]
    fn another_encoding_of_a_key_is_refused_or_found() {
        let good = Model::public(&Secret::new([1; 32]));
        let mut hybrid = good;
        hybrid[0] = 6;
        for (point, result, found) in [
            (good, ReplyResult::Accepted, 0),
            (hybrid, ReplyResult::InvalidKey, 0),
            (hybrid, ReplyResult::Accepted, 1),
        ] {
            let mut story = Story::new(&["alice", "bob"]);
            let frame = reply_with(&story, point);
            let rx = story.device(1, Fact::Rx(frame));
            story.gets_reply(1, 0, 1, result);
            story.records.last_mut().unwrap().cause = Some(rx);
            assert_eq!(story.judge(KeysHaveOneEncoding::default()).findings.len(), found);
        }
    }
}
