//! Both links of one device: what they remember, what is wrong with them, and which frames they keep.
//!
//! Not here: what a link is like (`network`), where frames go afterwards, or records (`path`).

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant};
use crate::base::units::Ratio;
use crate::network::config::{LinkConfig, Loss};
use crate::network::fault::{Conditions, Direction, Effect, FaultId, LinkFaults};
use crate::network::link::{Arrival, Fate, LinkState};
use crate::scenario::plan::LinkChange;
use crate::sim::frame::Frame;

/// The links of one device.
#[derive(Clone, Debug, Default)]
pub struct Links {
    up: End,
    down: End,
    /// Made by the first fault: most links of a large world have none.
    troubles: Option<Box<Troubles>>,
}

#[derive(Clone, Debug, Default)]
struct End {
    state: LinkState,
    frames: u64,
}

/// What is wrong with the links of a device.
#[derive(Clone, Debug, Default)]
struct Troubles {
    faults: LinkFaults,
    shares: Vec<(FaultId, Direction, Share)>,
    clogged: VecDeque<Frame>,
}

/// A share of frames to which something happens beyond the link's own.
#[derive(Clone, Copy, Debug)]
enum Share {
    Corrupt(Ratio),
    Duplicate(Ratio),
}

/// The surroundings of a frame's passage.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// What the link is like.
    pub config: &'a LinkConfig,
    /// The seed of the world.
    pub seed: u64,
    /// Now.
    pub now: Instant,
    /// In the prelude links are constant and lose nothing.
    pub clean: bool,
    /// Everything is healed: links keep their speed, but neither lose nor change anything. Without that
    /// no bound on delivery could hold, as a burst of loss may last as long as it likes.
    pub healed: bool,
}

impl Links {
    /// The number of the next frame in this direction.
    pub const fn number(&mut self, up: bool) -> u64 {
        let end = if up { &mut self.up } else { &mut self.down };
        end.frames += 1;
        end.frames
    }

    /// Reads of both links what each frame reads, and says nothing of it; see `foresight`.
    pub const fn glance(&self) -> u64 {
        self.up.frames ^ self.down.frames
    }

    /// What becomes of a frame that this device sends, or that comes in for it.
    pub fn pass(&mut self, frame: &Frame, passage: Passage<'_>) -> Fate {
        let Passage { config, seed, now, clean, healed } = passage;
        if clean {
            let delay = if frame.up { config.min_delay() } else { Duration::ZERO };
            let first = Arrival { delay, corrupt: None, reordered: false };
            return Fate::Deliver { first, duplicate: None };
        }
        let (conditions, changed) = match &self.troubles {
            None => (Conditions::CLEAR, None),
            Some(troubles) => (troubles.conditions(frame.up), troubles.changed(frame.up, config)),
        };
        let mut config = Cow::Borrowed(changed.as_ref().unwrap_or(config));
        if healed && (config.loss != Loss::NONE || config.corrupt != Ratio::ZERO) {
            let healthy = config.to_mut();
            (healthy.loss, healthy.corrupt) = (Loss::NONE, Ratio::ZERO);
        }
        let (end, purpose) = if frame.up {
            (&mut self.up, Purpose::Uplink)
        } else {
            (&mut self.down, Purpose::Downlink)
        };
        let luck = Luck::new(seed, purpose, u64::from(frame.user));
        let len = frame.octets.len();
        if frame.up {
            end.state.send(&config, &conditions, &luck, now, len)
        } else {
            end.state.ingress(&config, &conditions, &luck, now, len)
        }
    }

    /// Keeps a frame until the clog is over.
    pub fn keep(&mut self, frame: Frame) {
        self.troubles.get_or_insert_default().clogged.push_back(frame);
    }

    /// Starts a change of these links.
    pub fn begin(&mut self, fault: FaultId, up: bool, down: bool, change: &LinkChange) {
        let direction = match (up, down) {
            (true, false) => Direction::Up,
            (false, true) => Direction::Down,
            (true, true) | (false, false) => Direction::Both,
        };
        let troubles = self.troubles.get_or_insert_default();
        let effect = match change {
            LinkChange::Partition => Effect::Partition,
            LinkChange::Clog => Effect::Clog,
            LinkChange::Loss(loss) => Effect::Loss(*loss),
            LinkChange::Delay(extra) => Effect::Delay(*extra),
            LinkChange::Corrupt(share) => {
                troubles.shares.push((fault, direction, Share::Corrupt(*share)));
                return;
            }
            LinkChange::Duplicate(share) => {
                troubles.shares.push((fault, direction, Share::Duplicate(*share)));
                return;
            }
            LinkChange::Online => return,
        };
        troubles.faults.begin(fault, direction, effect);
    }

    /// Takes the device off the network.
    pub fn unplug(&mut self, fault: FaultId) {
        let troubles = self.troubles.get_or_insert_default();
        troubles.faults.begin(fault, Direction::Both, Effect::Down);
    }

    /// Ends a change, and returns the frames that go on now, in their order.
    #[must_use]
    pub fn end(&mut self, fault: FaultId) -> Vec<Frame> {
        let Some(troubles) = &mut self.troubles else { return Vec::new() };
        troubles.shares.retain(|(id, ..)| *id != fault);
        let released = troubles.faults.end(fault);
        let (mut going, mut staying) = (Vec::new(), VecDeque::new());
        for frame in std::mem::take(&mut troubles.clogged) {
            if if frame.up { released.up } else { released.down } {
                going.push(frame);
            } else {
                staying.push_back(frame);
            }
        }
        troubles.clogged = staying;
        if troubles.is_over() {
            self.troubles = None;
        }
        going
    }
}

impl Troubles {
    fn conditions(&self, up: bool) -> Conditions {
        if up { self.faults.uplink() } else { self.faults.downlink() }
    }

    /// The link as the shares change it, if they do.
    fn changed(&self, up: bool, config: &LinkConfig) -> Option<LinkConfig> {
        let mut changed: Option<LinkConfig> = None;
        for (_, direction, share) in &self.shares {
            let concerns = match direction {
                Direction::Both => true,
                Direction::Up => up,
                Direction::Down => !up,
            };
            if concerns {
                let config = changed.get_or_insert_with(|| config.clone());
                match share {
                    Share::Corrupt(share) => config.corrupt = *share,
                    Share::Duplicate(share) => config.duplicate = *share,
                }
            }
        }
        changed
    }

    fn is_over(&self) -> bool {
        self.faults.is_clear() && self.shares.is_empty() && self.clogged.is_empty()
    }
}
