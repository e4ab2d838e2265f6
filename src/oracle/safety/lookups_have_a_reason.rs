//! S-07: a device looks up only whom it has a reason to, and uses the slot that the header names.
//!
//! Not here: how many lookups there are (S-05, S-28) or whether one was needed (S-06).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Hash32, Mid, UserId};
use crate::oracle::judge::{
    Docket, Facts, Oracle, device_of, facts, frames, is_uneventful, negative, positive,
};
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
    devices: BTreeMap<u32, Device>,
}

#[derive(Debug, Default)]
struct Device {
    /// Senders of messages that ever came.
    senders: BTreeSet<UserId>,
    /// Receivers of drafts that were ever composed, and of own data.
    receivers: BTreeSet<UserId>,
    /// Peers whose keys were ever taken: the refresh set.
    known: BTreeSet<UserId>,
    /// Users that a KeyChanged hint named.
    hinted: BTreeSet<UserId>,
    derived: BTreeMap<UserId, BTreeSet<Secret>>,
    /// Messages that found no slot while there were users besides their sender to ask for.
    missed: BTreeSet<Mid>,
}

/// Epochs and kids of both ends.
type Secret = (Epoch, Epoch, Hash32, Hash32);
/// Slots in one row (protocol 4.1).
const SLOTS: usize = 4;

impl Device {
    fn has_reason(&self, peer: &UserId, because: LookupCause, own: Option<&UserId>) -> bool {
        match because {
            LookupCause::Message => self.senders.contains(peer),
            LookupCause::Draft => self.receivers.contains(peer),
            // A complaint about a message names its receiver as well as a bounce does.
            LookupCause::Bounce => self.receivers.contains(peer),
            LookupCause::Refresh | LookupCause::Stale => self.known.contains(peer),
            LookupCause::Hint => self.hinted.contains(peer),
            LookupCause::Own => own == Some(peer),
            // For own data the receiver is asked for before anything is composed (C04-R6).
            LookupCause::Request => own != Some(peer),
        }
    }

    fn lookup(&mut self, record: &Record, own: Option<&UserId>, docket: &mut Docket) {
        let Fact::Lookup { peer, because, .. } = &record.fact else { return };
        if self.has_reason(peer, *because, own) {
            let sides = [positive(14, 2)];
            docket.shown(ID, if *because == LookupCause::Message { &sides } else { &[] });
        } else {
            let message = format!("{peer} is looked up as {because}, but there is no such thing");
            docket.violation(ID, &REASON, record.at, &[record.id], message);
        }
    }

    fn select(&mut self, record: &Record, docket: &mut Docket) {
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
            if self.known.len() > 1 {
                docket.shown(ID, &[positive(13, 2)]);
            }
            let others = self.known.iter().any(|known| known != peer);
            if *outcome != Selection::Hit && others {
                docket.shown(ID, &[negative(13, 2)]);
                self.missed.insert(mid.clone());
            }
        }
    }

    fn derive(&mut self, record: &Record, own: Option<&UserId>, docket: &mut Docket) {
        let Fact::Derive { peer, own: ours, theirs, own_kid, their_kid, .. } = &record.fact else {
            return;
        };
        self.known.insert(peer.clone());
        let secret = (*ours, *theirs, *own_kid, *their_kid);
        let secrets = self.derived.entry(peer.clone()).or_default();
        if own == Some(peer) {
            let message = "a secret is derived under the device's own ID".to_owned();
            docket.violation(ID, &INDEX, record.at, &[record.id], message);
        } else if !secrets.insert(secret) {
            let message =
                format!("the secret with {peer} under {ours} and {theirs} is derived again");
            docket.violation(ID, &STORED, record.at, &[record.id], message);
        } else {
            docket.shown(ID, &[]);
        }
        // A row holds four; the fifth pushes one out.
        if secrets.len() > SLOTS {
            secrets.clear();
            secrets.insert(secret);
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
        if is_uneventful(&record.fact) && !self.devices.contains_key(&user) {
            return;
        }
        let own = spec.user(user);
        let device = self.devices.entry(user).or_default();
        if let Fact::Rx(frame) = &record.fact {
            if let About::Message(mid, _) = &frame.about {
                device.senders.insert(mid.sender.clone());
            } else if let About::User(user) = &frame.about
                && frame.kind == Some(FrameKind::KeyChanged)
            {
                device.hinted.insert(user.clone());
            }
        } else if let Fact::Compose { to, .. } = &record.fact {
            device.receivers.insert(to.clone());
        } else if let Fact::Lookup { .. } = &record.fact {
            device.lookup(record, own, docket);
        } else if let Fact::Select { mid, peer, .. } = &record.fact {
            device.select(record, docket);
            if mid.is_some() {
                device.senders.insert(peer.clone());
            }
        } else if let Fact::Derive { .. } = &record.fact {
            device.derive(record, own, docket);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            if device.missed.remove(mid) {
                // Opened with a key that was fetched for its sender, though others' were at hand.
                docket.shown(ID, &[negative(14, 2), negative(5, 4)]);
            }
        } else if let Fact::Reject { mid: Some(mid), .. } = &record.fact {
            device.missed.remove(mid);
        } else if let Fact::Pin { peer, .. } = &record.fact {
            device.known.insert(peer.clone());
            device.receivers.insert(peer.clone());
            device.derived.remove(peer);
        } else if let Fact::Evict { peer, .. } = &record.fact {
            device.derived.remove(peer);
        } else if let Fact::Confirmed { peer, .. } = &record.fact {
            // The user's word alone is a reason to fetch the keys that were confirmed.
            device.receivers.insert(peer.clone());
        } else if let Fact::EpochErased { .. }
        | Fact::PowerOff { .. }
        | Fact::Rolledback { .. }
        | Fact::State { to: DeviceState::Blank } = &record.fact
        {
            device.derived.clear();
            device.missed.clear();
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
        let deliver = story.frame(FrameKind::Deliver, false, About::Message(story.mid(0, 1, 1), 0));
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
        let deliver = story.frame(FrameKind::Deliver, false, About::Message(story.mid(0, 1, 1), 0));
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
