//! S-07: a device looks up only whom it has a reason to, and uses the slot that the header names.
//!
//! Not here: how many lookups there are (S-05, S-28) or whether one was needed (S-06).

use crate::base::id::{Epoch, Hash32, Mid, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DeviceState, Fact, FrameKind, LookupCause, Selection, Way};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-07";
const REASON: [Requirement; 2] = [Requirement::of(14, 2), Requirement::of(1, 6)];
const INDEX: [Requirement; 3] =
    [Requirement::of(5, 4), Requirement::of(13, 2), Requirement::of(1, 6)];
const STORED: [Requirement; 2] = [Requirement::of(16, 1), Requirement::of(6, 1)];

/// The judge of S-07.
#[derive(Debug, Default)]
pub struct LookupsHaveAReason {
    peers: Owned<UserId, Peer>,
    /// Messages that found no slot while there were users besides their sender to ask for.
    missed: Owned<Mid, ()>,
}

/// What a device has to do with a user.
#[derive(Debug, Default)]
struct Peer {
    /// A message of theirs ever came.
    sends: bool,
    /// A draft for them was ever composed, or own data.
    receives: bool,
    /// Their keys were ever taken: the refresh set.
    known: bool,
    /// A KeyChanged hint named them.
    hinted: bool,
    derived: Vec<Secret>,
}

/// Epochs and kids of both ends.
type Secret = (Epoch, Epoch, Hash32, Hash32);
/// Slots in one row (protocol 4.1).
const SLOTS: usize = 4;

impl LookupsHaveAReason {
    fn peer(&mut self, user: u32, peer: &UserId) -> &mut Peer {
        self.peers.get_or_insert(user, peer.clone(), Peer::default())
    }

    /// Those whose keys a device ever took.
    fn known(&self, user: u32) -> impl Iterator<Item = &UserId> {
        self.peers.of(user).filter(|(_, it)| it.known).map(|(peer, _)| peer)
    }

    fn has_reason(&self, user: u32, peer: &UserId, because: LookupCause, spec: &Spec) -> bool {
        let is = |which: fn(&Peer) -> bool| self.peers.get(user, peer).is_some_and(which);
        match because {
            LookupCause::Message => is(|it| it.sends),
            // A complaint about a message names its receiver as well as a bounce does.
            LookupCause::Draft | LookupCause::Bounce => is(|it| it.receives),
            LookupCause::Refresh | LookupCause::Stale => is(|it| it.known),
            LookupCause::Hint => is(|it| it.hinted),
            LookupCause::Own => spec.user(user) == Some(peer),
            // For own data the receiver is asked for before anything is composed (C04-R6).
            LookupCause::Request => spec.user(user) != Some(peer),
        }
    }

    fn lookup(&self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Lookup { peer, because, .. } = &record.fact else { return };
        if self.has_reason(user, peer, *because, spec) {
            let sides = [positive(14, 2)];
            docket.shown(ID, if *because == LookupCause::Message { &sides } else { &[] });
        } else {
            let message = format!("{peer} is looked up as {because}, but there is no such thing");
            docket.violation(ID, &REASON, record.at, &[record.id], message);
        }
    }

    fn select(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Select { mid: Some(mid), peer, way, outcome, .. } = &record.fact else { return };
        let named = match way {
            Way::In => &mid.sender,
            Way::Out => &mid.receiver,
        };
        if named != peer {
            let message = format!("for {mid} the slot of {peer} is searched");
            docket.violation(ID, &INDEX, record.at, &[record.id], message);
        } else if *way == Way::In {
            docket.shown(ID, &[positive(5, 4), positive(1, 6)]);
            if self.known(user).nth(1).is_some() {
                docket.shown(ID, &[positive(13, 2)]);
            }
            let others = self.known(user).any(|known| known != peer);
            if *outcome != Selection::Hit && others {
                docket.shown(ID, &[negative(13, 2)]);
                self.missed.insert(user, mid.clone(), ());
            }
        }
        self.peer(user, peer).sends = true;
    }

    fn derive(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Derive { peer, own: ours, theirs, own_kid, their_kid, .. } = &record.fact else {
            return;
        };
        let secret = (*ours, *theirs, *own_kid, *their_kid);
        let state = self.peer(user, peer);
        state.known = true;
        let again = state.derived.contains(&secret);
        if !again {
            // A row holds four; the fifth pushes one out.
            if state.derived.len() == SLOTS {
                state.derived.clear();
            }
            state.derived.reserve_exact(1);
            state.derived.push(secret);
        }
        if spec.user(user) == Some(peer) {
            let message = "a secret is derived under the device's own ID".to_owned();
            docket.violation(ID, &INDEX, record.at, &[record.id], message);
        } else if again {
            let message =
                format!("the secret with {peer} under {ours} and {theirs} is derived again");
            docket.violation(ID, &STORED, record.at, &[record.id], message);
        } else {
            docket.shown(ID, &[]);
        }
    }

    /// The secrets with this user are gone.
    fn drop_secrets(&mut self, user: u32, peer: &UserId) {
        if let Some(state) = self.peers.get_mut(user, peer) {
            state.derived = Vec::new();
        }
    }
}

impl Oracle for LookupsHaveAReason {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, State, Lookup, Pin, Select, Derive, Evict, Compose, Commit,
            Reject, Confirmed, EpochErased, Rx
        ]
        .frames(frames![SubmitAck, Deliver, KeyChanged, StatusReport, Error])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Rx(frame) = &record.fact {
            if let About::Message(mid, _) = &frame.about {
                self.peer(user, &mid.sender).sends = true;
            } else if let About::User(peer) = &frame.about
                && frame.kind == Some(FrameKind::KeyChanged)
            {
                self.peer(user, peer).hinted = true;
            }
        } else if let Fact::Compose { to, .. } = &record.fact {
            self.peer(user, to).receives = true;
        } else if let Fact::Lookup { .. } = &record.fact {
            self.lookup(record, user, spec, docket);
        } else if let Fact::Select { .. } = &record.fact {
            self.select(record, user, docket);
        } else if let Fact::Derive { .. } = &record.fact {
            self.derive(record, user, spec, docket);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            if self.missed.remove(user, mid).is_some() {
                // Opened with a key that was fetched for its sender, though others' were at hand.
                docket.shown(ID, &[negative(14, 2), negative(5, 4)]);
            }
        } else if let Fact::Reject { mid: Some(mid), .. } = &record.fact {
            self.missed.remove(user, mid);
        } else if let Fact::Pin { peer, .. } = &record.fact {
            let state = self.peer(user, peer);
            (state.known, state.receives) = (true, true);
            self.drop_secrets(user, peer);
        } else if let Fact::Evict { peer, .. } = &record.fact {
            self.drop_secrets(user, peer);
        } else if let Fact::Confirmed { peer, .. } = &record.fact {
            // The user's word alone is a reason to fetch the keys that were confirmed.
            self.peer(user, peer).receives = true;
        } else if let Fact::EpochErased { .. }
        | Fact::PowerOff { .. }
        | Fact::Rolledback { .. }
        | Fact::State { to: DeviceState::Blank } = &record.fact
        {
            self.peers.of_mut(user).for_each(|(_, state)| state.derived = Vec::new());
            self.missed.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(LookupsHaveAReason::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_lookup_of_the_sender_of_a_message_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        let deliver = story.frame(FrameKind::Deliver, false, About::message(story.mid(0, 1, 1), 0));
        story.device(1, Fact::Rx(deliver));
        story.looks_up(1, 0, 1, LookupCause::Message);
        assert_eq!(messages(&story), [""; 0]);
    }

    #[test]
    fn a_miss_that_leaves_others_alone_is_evidence() {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.derives(1, 2, 1, 1);
        let mid = Some(story.mid(0, 1, 1));
        story.selects(1, 0, mid, Way::In, Selection::Miss);
        story.looks_up(1, 0, 1, LookupCause::Message);
        story.commits(1, 0, 1);
        let docket = story.judge(LookupsHaveAReason::default());
        assert!(docket.findings.is_empty());
        for (claim, number) in [(13, 2), (14, 2), (5, 4)] {
            let requirement = Requirement::of(claim, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
        }
    }

    #[test]
    fn a_lookup_of_somebody_else_is_found() {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        let deliver = story.frame(FrameKind::Deliver, false, About::message(story.mid(0, 1, 1), 0));
        story.device(1, Fact::Rx(deliver));
        story.looks_up(1, 2, 1, LookupCause::Message);
        story.looks_up(1, 2, 2, LookupCause::Hint);
        assert_eq!(
            messages(&story),
            [
                "carol is looked up as message, but there is no such thing",
                "carol is looked up as hint, but there is no such thing"
            ]
        );
    }

    #[test]
    fn a_search_under_another_user_than_the_header_names_is_found() {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        let mid = story.mid(0, 1, 1);
        story.selects(1, 2, Some(mid), Way::In, Selection::Hit);
        assert_eq!(messages(&story), ["for alice>bob#1 the slot of carol is searched"]);
    }

    #[test]
    fn a_secret_derived_again_although_nothing_went_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        for _ in 0..2 {
            story.derives(1, 0, 1, 1);
        }
        let again = "the secret with alice under e1 and e1 is derived again";
        assert_eq!(messages(&story), [again]);
    }
}
