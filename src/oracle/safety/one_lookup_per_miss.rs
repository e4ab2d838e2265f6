//! S-05: while a row is missing there is one lookup at a time, however many messages need it.
//!
//! Not here: whether a lookup was needed at all (S-06) or of whom it may be (S-07).

use std::collections::BTreeSet;

use crate::base::id::{Mid, ReqId, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DeviceState, Fact, FrameKind, ReplyResult, Selection, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-05";
const CITED: [Requirement; 4] =
    [Requirement::of(14, 1), Requirement::of(14, 3), Requirement::of(2, 2), Requirement::of(2, 6)];

/// The judge of S-05.
#[derive(Debug, Default)]
pub struct OneLookupPerMiss {
    peers: Owned<UserId, Peer>,
}

/// What a device needs of one peer.
#[derive(Debug, Default)]
struct Peer {
    /// The lookup under way.
    under_way: Option<(ReqId, RecordId)>,
    /// Received messages that found no key.
    messages: BTreeSet<Mid>,
    /// Drafts that found no key.
    drafts: u32,
    /// Lookups since the first of these.
    lookups: u32,
    /// Copies sent of the lookup under way, or of the last one.
    copies: u32,
    /// Needs that one lookup served so far.
    served: (u32, u32),
}

impl Peer {
    fn is_quiet(&self) -> bool {
        self.messages.is_empty() && self.drafts == 0 && self.under_way.is_none()
    }
}

impl OneLookupPerMiss {
    fn peer(&mut self, user: u32, peer: &UserId) -> &mut Peer {
        self.peers.get_or_insert(user, peer.clone(), Peer::default())
    }

    fn ends(&mut self, user: u32, peer: &UserId, req: ReqId) {
        let Some(state) = self.peers.get_mut(user, peer) else { return };
        if state.under_way.is_some_and(|(known, _)| known == req) {
            state.under_way = None;
        }
        if state.is_quiet() {
            self.peers.remove(user, peer);
        }
    }

    fn lookup(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Lookup { peer, req, .. } = &record.fact else { return };
        let state = self.peer(user, peer);
        state.lookups += 1;
        state.copies = 0;
        if let Some((_, first)) = state.under_way.replace((*req, record.id)) {
            let message = format!("a second lookup of {peer} while one is under way");
            docket.violation(ID, &CITED, record.at, &[first, record.id], message);
        } else {
            docket.shown(ID, &[]);
        }
    }

    /// A message or draft got its key: by one lookup, or the oracle has spoken before.
    fn resolve(&mut self, user: u32, peer: &UserId, mid: Option<&Mid>, docket: &mut Docket) {
        let Some(state) = self.peers.get_mut(user, peer) else { return };
        let once = state.lookups == 1;
        match mid {
            Some(mid) if state.messages.remove(mid) => {
                state.served.0 += 1;
                if once {
                    docket.shown(ID, &[positive(14, 1), negative(14, 1)]);
                }
                if once && state.served.0 == 2 {
                    docket.shown(ID, &[positive(14, 3), negative(14, 3)]);
                }
            }
            None if state.drafts > 0 => {
                state.drafts -= 1;
                state.served.1 += 1;
                if once {
                    // An answer that was lost was asked for again, and not by another lookup.
                    let again = state.copies > 1;
                    docket.shown(ID, &[positive(2, 2), negative(2, 2)][..1 + usize::from(again)]);
                }
                if once && state.served.1 == 2 {
                    docket.shown(ID, &[positive(2, 6), negative(2, 6)]);
                }
            }
            Some(_) | None => {}
        }
        if state.is_quiet() {
            self.peers.remove(user, peer);
        }
    }

    /// Drafts composed while one waits are needs too, though the table is not searched again for them.
    fn compose(&mut self, user: u32, to: &UserId) {
        if let Some(state) = self.peers.get_mut(user, to)
            && state.drafts > 0
        {
            state.drafts += 1;
        }
    }
}

impl Oracle for OneLookupPerMiss {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, State, Lookup, LookupFailed, KeyReply, Select, Compose, Encrypt,
            Commit, Reject, Tx
        ]
        .frames(frames![LookupKey])
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Select { mid, peer, way, outcome, .. } = &record.fact {
            if *outcome == Selection::Hit {
                return;
            }
            let state = self.peer(user, peer);
            match (way, mid) {
                (Way::In, Some(mid)) => {
                    state.messages.insert(mid.clone());
                }
                (Way::Out, _) => state.drafts = state.drafts.max(1),
                (Way::In, None) => {}
            }
        } else if let Fact::Compose { to, .. } = &record.fact {
            self.compose(user, to);
        } else if let Fact::Lookup { .. } = &record.fact {
            self.lookup(record, user, docket);
        } else if let Fact::Tx(frame) = &record.fact {
            if let (Some(FrameKind::LookupKey), About::User(peer)) = (frame.kind, &frame.about)
                && let Some(state) = self.peers.get_mut(user, peer)
                && state.under_way.is_some_and(|(req, _)| req == frame.req)
            {
                state.copies += 1;
            }
        } else if let Fact::KeyReply { peer, req, result, .. } = &record.fact {
            if !matches!(result, ReplyResult::Unsolicited | ReplyResult::WrongUser) {
                self.ends(user, peer, *req);
            }
        } else if let Fact::LookupFailed { peer, req, .. } = &record.fact {
            self.ends(user, peer, *req);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.resolve(user, &mid.sender, Some(mid), docket);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.resolve(user, &sealing.mid.receiver, None, docket);
        } else if let Fact::Reject { mid: Some(mid), .. } = &record.fact {
            if let Some(state) = self.peers.get_mut(user, &mid.sender) {
                state.messages.remove(mid);
            }
        } else if let Fact::PowerOff { .. }
        | Fact::PowerOn { .. }
        | Fact::State { to: DeviceState::Blank } = &record.fact
        {
            // What is under way is volatile; needs come back with redelivery or from the outbox.
            self.peers.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{DraftId, Epoch};
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{Content, LookupCause};
    use crate::verdict::requirement::Polarity;

    fn story(lookups: u8) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let peer = story.user(0);
        for seq in 1..=2 {
            let mid = Some(story.mid(0, 1, seq));
            story.selects(1, 0, mid, Way::In, Selection::Miss);
        }
        for n in 1..=lookups {
            let because = LookupCause::Message;
            let req = ReqId([n; 8]);
            story.device(1, Fact::Lookup { peer: peer.clone(), req, want: None, because });
        }
        let (req, epochs) = (ReqId([1; 8]), vec![Epoch(1)]);
        let result = ReplyResult::Accepted;
        story.at(50).device(1, Fact::KeyReply { peer, req, epochs, result });
        for seq in 1..=2 {
            let mid = story.mid(0, 1, seq);
            story.device(1, Fact::Commit { mid, generation: hash("generation") });
        }
        story.judge(OneLookupPerMiss::default())
    }

    #[test]
    fn two_messages_that_share_one_lookup_are_in_order() {
        let docket = story(1);
        assert!(docket.findings.is_empty());
        for (number, count) in [(1, 2), (3, 1)] {
            let requirement = Requirement::of(14, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Positive), count);
        }
    }

    #[test]
    fn a_wiped_device_has_no_lookup_under_way() {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(1, 0, 1, LookupCause::Message);
        story.device(1, Fact::State { to: DeviceState::Blank });
        story.looks_up(1, 0, 2, LookupCause::Message);
        assert!(story.judge(OneLookupPerMiss::default()).findings.is_empty());
    }

    #[test]
    fn drafts_that_share_a_lookup_sent_twice_are_evidence_of_both_sides() {
        let mut story = Story::new(&["alice", "bob"]);
        story.selects(0, 1, None, Way::Out, Selection::Miss);
        story.looks_up(0, 1, 7, LookupCause::Draft);
        for _ in 0..2 {
            let mut frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(1)));
            frame.req = ReqId([7; 8]);
            story.device(0, Fact::Tx(frame));
        }
        story.device(
            0,
            Fact::Compose {
                draft: DraftId(2),
                to: story.user(1),
                kind: Content::Text,
                plain: hash("two"),
                len: 3,
            },
        );
        story.gets_reply(0, 1, 7, ReplyResult::Accepted);
        story.encrypts(0, 1, 1, "one", 1, 1);
        story.encrypts(0, 1, 2, "two", 1, 1);
        let docket = story.judge(OneLookupPerMiss::default());
        assert!(docket.findings.is_empty());
        for (number, count) in [(2, 2), (6, 1)] {
            let requirement = Requirement::of(2, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Positive), count);
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), count);
        }
    }

    #[test]
    fn a_second_lookup_under_way_is_found() {
        let docket = story(2);
        assert_eq!(docket.findings[0].message, "a second lookup of alice while one is under way");
        assert_eq!(docket.evidence.count(Requirement::of(14, 1), Polarity::Positive), 0);
    }
}
