//! Faults of one device's links: which are active, and what they make of the next frame together.
//!
//! Not here: when a fault begins and ends (`scenario`), crashes, clocks and storage, or the frames
//! that a clog holds: the caller keeps those, in order, and sends them when the clog is over.

use std::fmt;

use serde::Serialize;

use crate::base::time::Duration;
use crate::network::config::Loss;

/// The number of a fault in the plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct FaultId(pub u32);

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0)
    }
}

/// Which of a device's links a fault is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both.
    Both,
    /// Only what the device sends.
    Up,
    /// Only what the device receives.
    Down,
}

impl Direction {
    const fn is_up(self) -> bool {
        matches!(self, Self::Both | Self::Up)
    }

    const fn is_down(self) -> bool {
        matches!(self, Self::Both | Self::Down)
    }
}

/// What a fault does to a link while it lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Every frame is lost, without either end noticing.
    Partition,
    /// The device is off the network: every frame is lost.
    Down,
    /// Frames are held, and go on when the last clog is over.
    Clog,
    /// Frames are lost by this rule and not by the link's own.
    Loss(Loss),
    /// Frames take so much longer.
    Delay(Duration),
}

/// The faults of a device's two links. Faults may overlap: each ends by its own number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LinkFaults {
    /// In the order in which they began.
    active: Vec<(FaultId, Direction, Effect)>,
}

/// Which links a fault's end has set going again: the frames held there are to be sent now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Released {
    /// The uplink was clogged and is not any more.
    pub up: bool,
    /// The downlink was clogged and is not any more.
    pub down: bool,
}

impl LinkFaults {
    /// Starts an effect of a fault. A fault may have several, on either link.
    pub fn begin(&mut self, fault: FaultId, direction: Direction, effect: Effect) {
        self.active.push((fault, direction, effect));
    }

    /// Ends all effects of a fault.
    #[must_use = "held frames of a released link are to be sent"]
    pub fn end(&mut self, fault: FaultId) -> Released {
        let before = (self.uplink().clog, self.downlink().clog);
        self.active.retain(|(id, _, _)| *id != fault);
        Released {
            up: before.0.is_some() && self.uplink().clog.is_none(),
            down: before.1.is_some() && self.downlink().clog.is_none(),
        }
    }

    /// Is no fault active?
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        self.active.is_empty()
    }

    /// What the faults make of the uplink.
    #[must_use]
    pub fn uplink(&self) -> Conditions {
        self.conditions(Direction::is_up)
    }

    /// What the faults make of the downlink.
    #[must_use]
    pub fn downlink(&self) -> Conditions {
        self.conditions(Direction::is_down)
    }

    fn conditions(&self, concerns: impl Fn(Direction) -> bool) -> Conditions {
        let mut conditions = Conditions::CLEAR;
        for (fault, direction, effect) in &self.active {
            if concerns(*direction) {
                conditions.add(*fault, effect);
            }
        }
        conditions
    }
}

/// What all active faults together mean for a frame on one link.
///
/// The fault that began first is blamed for a cut or a clog; of loss episodes the last one rules;
/// delays add up. A cut goes before a clog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// Frames are lost for this reason.
    pub cut: Option<Cut>,
    /// Frames are held by this fault.
    pub clog: Option<FaultId>,
    /// Frames are lost by this fault's rule instead of the link's own.
    pub loss: Option<(FaultId, Loss)>,
    /// Frames take so much longer.
    pub extra: Duration,
}

/// Why nothing passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// By a partition.
    Partition(FaultId),
    /// The device is off the network.
    Down(FaultId),
}

impl Conditions {
    /// No fault.
    pub const CLEAR: Self = Self { cut: None, clog: None, loss: None, extra: Duration::ZERO };

    fn add(&mut self, fault: FaultId, effect: &Effect) {
        match effect {
            Effect::Partition => self.cut = self.cut.or(Some(Cut::Partition(fault))),
            Effect::Down => self.cut = self.cut.or(Some(Cut::Down(fault))),
            Effect::Clog => self.clog = self.clog.or(Some(fault)),
            Effect::Loss(loss) => self.loss = Some((fault, *loss)),
            Effect::Delay(extra) => self.extra += *extra,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::Ratio;

    const F: fn(u32) -> FaultId = FaultId;

    fn loss(percent: u64) -> Loss {
        Loss { independent: Ratio::from_percent(percent), bursts: None }
    }

    #[test]
    fn a_fault_concerns_the_links_it_names() {
        let mut faults = LinkFaults::default();
        faults.begin(F(1), Direction::Up, Effect::Partition);
        assert_eq!(faults.uplink().cut, Some(Cut::Partition(F(1))));
        assert_eq!(faults.downlink(), Conditions::CLEAR);
        faults.begin(F(2), Direction::Both, Effect::Down);
        assert_eq!(faults.uplink().cut, Some(Cut::Partition(F(1))), "the first is blamed");
        assert_eq!(faults.downlink().cut, Some(Cut::Down(F(2))));
    }

    #[test]
    fn overlapping_faults_end_each_by_its_number() {
        let mut faults = LinkFaults::default();
        for fault in [F(1), F(2)] {
            faults.begin(fault, Direction::Both, Effect::Partition);
            faults.begin(fault, Direction::Down, Effect::Delay(Duration::from_secs(1)));
        }
        assert_eq!(faults.downlink().extra, Duration::from_secs(2));
        assert_eq!(faults.end(F(1)), Released::default());
        assert_eq!(faults.uplink().cut, Some(Cut::Partition(F(2))));
        assert_eq!(faults.downlink().extra, Duration::from_secs(1));
        assert_eq!(faults.end(F(2)), Released::default());
        assert!(faults.is_clear());
    }

    #[test]
    fn a_link_is_released_by_the_end_of_its_last_clog() {
        let mut faults = LinkFaults::default();
        faults.begin(F(1), Direction::Both, Effect::Clog);
        faults.begin(F(2), Direction::Up, Effect::Clog);
        assert_eq!(faults.uplink().clog, Some(F(1)));
        assert_eq!(faults.end(F(1)), Released { up: false, down: true });
        assert_eq!(faults.uplink().clog, Some(F(2)));
        assert_eq!(faults.end(F(2)), Released { up: true, down: false });
        assert_eq!(faults.end(F(2)), Released::default());
    }

    #[test]
    fn the_last_loss_episode_rules_until_it_ends() {
        let mut faults = LinkFaults::default();
        faults.begin(F(1), Direction::Both, Effect::Loss(loss(30)));
        faults.begin(F(2), Direction::Both, Effect::Loss(loss(10)));
        assert_eq!(faults.uplink().loss, Some((F(2), loss(10))));
        let _ = faults.end(F(2));
        assert_eq!(faults.uplink().loss, Some((F(1), loss(30))));
    }
}
