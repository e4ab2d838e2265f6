//! Frame addresses of the scenario (`m1.submit#2`, `bob.lookup(alice)`) and the rules that act on them.
//!
//! Not here: carrying a frame on (`path`), or when rules begin and end (`agenda`).

use std::collections::BTreeMap;

use crate::base::time::Duration;
use crate::oracle::points::Tracker;
use crate::oracle::spec::{NameId, NamedThing, Spec};
use crate::scenario::plan::{Action, AdversaryAct, FrameAct, FrameAddress, FrameOf, Plan};
use crate::sim::frame::{Frame, Label};
use crate::trace::fact::{About, FrameKind};
use crate::wire::message::{Envelope, Message};

/// The number of an address of the plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AddressId(usize);

/// All addresses of a plan, each once, by the links that they are about.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    list: Vec<FrameOf>,
    /// Addresses on a user's link.
    of_user: BTreeMap<u32, Vec<AddressId>>,
    /// Addresses on every link: notices of a rotation to whomever.
    everywhere: Vec<AddressId>,
}

impl Addresses {
    /// Collects those of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut all = Self::default();
        for step in &plan.steps {
            if let Action::Frames { address, .. }
            | Action::Adversary {
                act: AdversaryAct::Replay(address) | AdversaryAct::FlipEach(address, _),
                ..
            } = &step.action
            {
                all.add(&address.what, &plan.spec);
            } else if let Action::Adversary { act: AdversaryAct::Reflect(name), .. } = &step.action
            {
                all.add(&submit_of(*name), &plan.spec);
            }
        }
        all
    }

    /// Does the plan speak of no frames?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of an address of the plan.
    #[must_use]
    pub fn find(&self, what: &FrameOf) -> Option<AddressId> {
        self.list.iter().position(|it| it == what).map(AddressId)
    }

    /// The user on whose link such frames are; none: on every link.
    #[must_use]
    pub fn link(&self, address: AddressId) -> Option<u32> {
        self.of_user.iter().find(|(_, list)| list.contains(&address)).map(|(user, _)| *user)
    }

    /// The addresses that mean this frame.
    pub fn matching(&self, frame: &Frame, tracker: &Tracker, spec: &Spec) -> Vec<AddressId> {
        let Some(label) = &frame.label else { return Vec::new() };
        let here = self.of_user.get(&frame.user).into_iter().flatten();
        here.chain(&self.everywhere)
            .filter(|id| means(&self.list[id.0], frame, label, tracker, spec))
            .copied()
            .collect()
    }

    fn add(&mut self, what: &FrameOf, spec: &Spec) {
        if self.find(what).is_some() {
            return;
        }
        let id = AddressId(self.list.len());
        self.list.push(what.clone());
        match link_of(what, spec) {
            Some(user) => self.of_user.entry(user).or_default().push(id),
            None => self.everywhere.push(id),
        }
    }
}

/// The address of a message's submissions.
#[must_use]
pub const fn submit_of(name: NameId) -> FrameOf {
    FrameOf::Named { name, kind: FrameKind::Submit, watcher: None }
}

/// On whose link such frames are.
fn link_of(what: &FrameOf, spec: &Spec) -> Option<u32> {
    let (name, kind, watcher) = match what {
        FrameOf::Device { by, .. } => return Some(*by),
        FrameOf::Named { name, kind, watcher } => (name, kind, watcher),
    };
    match &spec.names.get(name.0 as usize)?.what {
        NamedThing::Message { by, to, .. } | NamedThing::Request { by, to, .. } => {
            let received =
                matches!(kind, FrameKind::Deliver | FrameKind::DeliverAck | FrameKind::DeliverNack);
            if received { spec.index(to) } else { Some(*by) }
        }
        NamedThing::Rotation { by } if *kind != FrameKind::KeyChanged => Some(*by),
        NamedThing::Rotation { .. }
        | NamedThing::Press { .. }
        | NamedThing::Step
        | NamedThing::Fence { .. }
        | NamedThing::Workload { .. } => *watcher,
    }
}

/// Whether an address on this link means this frame.
fn means(what: &FrameOf, frame: &Frame, label: &Label, tracker: &Tracker, spec: &Spec) -> bool {
    match what {
        FrameOf::Device { kind, about, .. } => {
            let same = |user| matches!(&label.about, About::User(it) if it == user);
            label.kind == *kind && about.as_ref().is_none_or(same)
        }
        FrameOf::Named { name, kind, .. } => {
            label.kind == *kind && named(frame, label, tracker, spec) == Some(*name)
        }
    }
}

/// The named message or rotation that a frame is about.
fn named(frame: &Frame, label: &Label, tracker: &Tracker, spec: &Spec) -> Option<NameId> {
    match &label.about {
        About::Message(mid, _) => tracker.message(mid),
        About::Epoch(epoch) => tracker.rotated_to(frame.user, *epoch),
        About::User(user) if label.kind == FrameKind::KeyChanged => {
            let Message::KeyChanged { epoch, .. } = Envelope::decode(&frame.octets).ok()?.body
            else {
                return None;
            };
            tracker.rotated_to(spec.index(user)?, epoch)
        }
        About::User(_) | About::Nothing => None,
    }
}

/// The rules on one device's links, and what they have seen.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How many frames of each address have passed.
    passed: BTreeMap<AddressId, u32>,
    active: Vec<Rule>,
    held: Vec<(u32, Frame)>,
    captured: BTreeMap<AddressId, Vec<(u32, Frame)>>,
}

/// A rule of a step.
#[derive(Clone, Debug)]
struct Rule {
    step: u32,
    address: AddressId,
    copy: Option<u32>,
    act: FrameAct,
}

/// Frames that an adversary keeps of one address; more of the same say nothing new.
const CAPTURED_MAX: usize = 64;

/// What rules make of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// Lost.
    pub drop: bool,
    /// Kept by this step.
    pub hold: Option<u32>,
    /// So many copies more.
    pub copies: u32,
    /// So much later.
    pub delay: Duration,
    /// Bits to flip: given, or by a keyed draw.
    pub flips: Vec<Option<u32>>,
}

impl Rules {
    /// Starts a rule.
    pub fn begin(&mut self, step: u32, id: AddressId, address: &FrameAddress, act: FrameAct) {
        self.active.push(Rule { step, address: id, copy: address.copy, act });
    }

    /// Ends a step's rule and returns the frames that it held, in their order.
    #[must_use]
    pub fn end(&mut self, step: u32) -> Vec<Frame> {
        self.active.retain(|rule| rule.step != step);
        let (going, staying) =
            std::mem::take(&mut self.held).into_iter().partition(|(by, _)| *by == step);
        self.held = staying;
        let going: Vec<(u32, Frame)> = going;
        going.into_iter().map(|(_, frame)| frame).collect()
    }

    /// Counts a frame under the addresses that mean it and says what happens to it.
    pub fn judge(&mut self, frame: &Frame, addresses: &[AddressId]) -> Ruling {
        let mut ruling = Ruling::default();
        for address in addresses {
            let passed = self.passed.entry(*address).or_default();
            *passed += 1;
            let captured = self.captured.entry(*address).or_default();
            if captured.len() < CAPTURED_MAX {
                captured.push((*passed, frame.clone()));
            }
            let here = self.active.iter().filter(|rule| rule.address == *address);
            for rule in here.filter(|rule| rule.copy.is_none_or(|copy| copy == *passed)) {
                match rule.act {
                    FrameAct::Drop => ruling.drop = true,
                    FrameAct::Hold(_) => ruling.hold = ruling.hold.or(Some(rule.step)),
                    FrameAct::Duplicate(copies) => ruling.copies += copies,
                    FrameAct::Delay(delay) => ruling.delay += delay,
                    FrameAct::Corrupt(bit) => ruling.flips.push(bit),
                }
            }
        }
        ruling
    }

    /// Keeps a frame until the step's end.
    pub fn hold(&mut self, step: u32, frame: Frame) {
        self.held.push((step, frame));
    }

    /// The captured frame with this number, or the last one.
    #[must_use]
    pub fn captured(&self, address: AddressId, copy: Option<u32>) -> Option<&Frame> {
        let list = self.captured.get(&address)?;
        match copy {
            Some(copy) => list.iter().find(|(number, _)| *number == copy),
            None => list.last(),
        }
        .map(|(_, frame)| frame)
    }
}
