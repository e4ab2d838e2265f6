//! The luck of a run's links as steps: what was lost, doubled or late, by the addresses of frames.
//!
//! Not here: whether a scenario with these steps, and without the luck, still shows the same.

use std::collections::BTreeMap;

use crate::oracle::points::Tracker;
use crate::oracle::spec::{NameId, Spec};
use crate::scenario::address::{Owner, owner_of};
use crate::scenario::shrink::verb;
use crate::scenario::tree::Node;
use crate::trace::fact::{About, Fact, FrameFact, LossCause, Meddling};
use crate::trace::record::Record;
use crate::trace::sink::Sink;

/// Frames that came late behind others are written as this much later.
const LATE: &str = "2s";

/// A frame on a link: whose link, upwards or not, and its number there.
type Place = (u32, bool, u64);

/// Collects what luck does to frames.
#[derive(Debug)]
pub struct Incidents<'a> {
    spec: &'a Spec,
    tracker: Tracker,
    /// Every frame that an address means.
    addresses: BTreeMap<Place, String>,
    /// What luck did.
    acts: BTreeMap<Place, &'static str>,
}

impl<'a> Incidents<'a> {
    /// Of a run with this spec.
    #[must_use]
    pub fn new(spec: &'a Spec) -> Self {
        Self {
            spec,
            tracker: Tracker::new(spec),
            addresses: BTreeMap::new(),
            acts: BTreeMap::new(),
        }
    }

    /// The steps that do what luck did.
    #[must_use]
    pub fn steps(&self) -> Vec<Node> {
        let mut passed: BTreeMap<&str, u32> = BTreeMap::new();
        let mut steps = Vec::new();
        for (place, address) in &self.addresses {
            let copy = passed.entry(address.as_str()).or_default();
            *copy += 1;
            let Some(act) = self.acts.get(place) else { continue };
            let frame = ("frame", format!("{address}#{copy}"));
            let late = (*act == "delay").then(|| ("for", LATE.to_owned()));
            let keys: Vec<_> =
                [frame].into_iter().chain(late).chain([("at", "0s".to_owned())]).collect();
            steps.push(verb(act, &keys));
        }
        steps
    }

    fn address(&self, user: u32, frame: &FrameFact) -> Option<String> {
        let kind = frame.kind?;
        let of = |id: NameId| Some(self.spec.names.get(id.0 as usize)?.name.clone());
        let owner = match (owner_of(kind), &frame.about) {
            ((Owner::Message, _), About::Message(mid, _)) => of(self.tracker.message(mid)?)?,
            ((Owner::Rotation, false), About::Epoch(epoch)) => {
                of(self.tracker.rotated_to(user, *epoch)?)?
            }
            ((Owner::Device, true), About::User(about)) => {
                return Some(format!("{}.{}({about})", self.spec.user(user)?, kind.name()));
            }
            ((Owner::Device, false), _) => self.spec.user(user)?.to_string(),
            _ => return None,
        };
        Some(format!("{owner}.{}", kind.name()))
    }
}

impl Sink for Incidents<'_> {
    fn take(&mut self, record: &Record) {
        self.tracker.observe(record);
        let Some(user) = record.id.node.user().filter(|_| record.id.node.is_device()) else {
            return;
        };
        let (frame, act) = if let Fact::Lost { frame, why } = &record.fact {
            let luck = matches!(why, LossCause::Loss | LossCause::Burst);
            (frame, luck.then_some("drop"))
        } else if let Fact::Meddled { frame, how } = &record.fact {
            match how {
                Meddling::Duplicated => (frame, Some("duplicate")),
                Meddling::Reordered => (frame, Some("delay")),
                Meddling::Corrupted => (frame, Some("corrupt")),
                Meddling::Held
                | Meddling::Released
                | Meddling::Delayed
                | Meddling::Altered
                | Meddling::Replayed
                | Meddling::Forged
                | Meddling::Swapped => (frame, None),
            }
        } else if let Fact::Tx(frame) | Fact::Rx(frame) = &record.fact {
            (frame, None)
        } else {
            return;
        };
        let place = (user, frame.up, frame.number);
        if frame.copy == 0
            && !self.addresses.contains_key(&place)
            && let Some(address) = self.address(user, frame)
        {
            self.addresses.insert(place, address);
        }
        if let Some(act) = act {
            self.acts.insert(place, act);
        }
    }
}
