//! C07-R1: the frame of a lookup names exactly the user that is looked up.
//!
//! Not here: whether that user is the right one (S-07).

use std::collections::BTreeMap;

use crate::base::id::{ReqId, UserId};
use crate::oracle::judge::{Docket, Oracle, device_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C07-R1";
const CITED: [Requirement; 1] = [Requirement::of(7, 1)];

/// The judge of C07-R1.
#[derive(Debug, Default)]
pub struct LookupsNameTheirUser {
    lookups: BTreeMap<(u32, ReqId), UserId>,
}

impl Oracle for LookupsNameTheirUser {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Lookup { peer, req, .. } = &record.fact {
            self.lookups.insert((user, *req), peer.clone());
        } else if let Fact::KeyReply { req, .. } | Fact::LookupFailed { req, .. } = &record.fact {
            self.lookups.remove(&(user, *req));
        } else if let Fact::Tx(frame) = &record.fact
            && frame.kind == Some(FrameKind::LookupKey)
            && let Some(peer) = self.lookups.get(&(user, frame.req))
        {
            if frame.about == About::User(peer.clone()) {
                docket.shown(ID, &[positive(7, 1)]);
            } else {
                let message = format!("the lookup of {peer} asks for somebody else");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::LookupCause;

    fn asks_for(named: u32) -> usize {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.looks_up(0, 1, 0, LookupCause::Draft);
        let frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(named)));
        story.device(0, Fact::Tx(frame));
        story.judge(LookupsNameTheirUser::default()).findings.len()
    }

    #[test]
    fn only_a_lookup_under_another_name_is_found() {
        assert_eq!((asks_for(1), asks_for(2)), (0, 1));
    }
}
