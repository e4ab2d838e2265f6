//! What a link is like: latency, loss, duplication, reordering, corruption, bandwidth, frame limit.
//!
//! Not here: what happened on it so far (`link`), or faults that last for a time (`fault`).

use serde::Serialize;

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::latency::Latency;

/// What a link is like. Links that are alike share one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LinkConfig {
    /// How long a frame is under way. Samples are independent, so that a spread latency alone lets
    /// frames overtake each other.
    pub latency: Latency,
    /// Which frames are lost.
    pub loss: Loss,
    /// The share of frames that arrive twice, each copy with a latency of its own.
    pub duplicate: Ratio,
    /// Frames that are sent the long way round, if any.
    pub reorder: Option<Reorder>,
    /// The share of frames with one bit changed, in all copies.
    pub corrupt: Ratio,
    /// How much passes in a time; without it, everything at once.
    pub bandwidth: Option<Bandwidth>,
    /// The longest frame that passes, in octets; without it, any.
    pub frame_max: Option<u32>,
}

/// Which frames are lost: those that either rule hits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Loss {
    /// The share of frames lost independently of each other.
    pub independent: Ratio,
    /// Losses in bursts, if any.
    pub bursts: Option<GilbertElliott>,
}

impl Loss {
    /// Nothing is lost.
    pub const NONE: Self = Self { independent: Ratio::ZERO, bursts: None };
}

/// Loss in bursts: the link is good or bad, and changes before each frame with some probability
/// (Gilbert 1960, Elliott 1963).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct GilbertElliott {
    /// The probability that a good link becomes bad.
    pub enter: Ratio,
    /// The probability that a bad link becomes good; the mean length of a burst is one over it.
    pub leave: Ratio,
    /// The share lost while good.
    pub loss_good: Ratio,
    /// The share lost while bad.
    pub loss_bad: Ratio,
}

/// Some frames take longer, so that later ones overtake them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reorder {
    /// The share of such frames.
    pub probability: Ratio,
    /// How much longer they take.
    pub extra: Latency,
}

/// How much passes, and how much may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Bandwidth {
    /// Octets a second.
    pub rate: u64,
    /// Octets that may wait, the frame on its way included. A frame that finds the link idle passes
    /// whatever its length.
    pub queue: u64,
}

/// Why a link makes no sense: the scenario's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// A probability is above one.
    #[error("expected a share of at most 100%, got {0}")]
    Share(Ratio),
    /// Nothing would ever pass.
    #[error("expected a bandwidth above zero")]
    NoBandwidth,
    /// No frame would ever pass.
    #[error("expected a frame limit above zero")]
    NoFrame,
}

impl LinkConfig {
    /// A link with this latency that does nothing else to frames.
    #[must_use]
    pub const fn new(latency: Latency) -> Self {
        Self {
            latency,
            loss: Loss::NONE,
            duplicate: Ratio::ZERO,
            reorder: None,
            corrupt: Ratio::ZERO,
            bandwidth: None,
            frame_max: None,
        }
    }

    /// The floor of the latency: no frame arrives sooner.
    #[must_use]
    pub const fn min_delay(&self) -> Duration {
        self.latency.min()
    }

    /// Whether the values make sense together.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check(&self) -> Result<(), LinkError> {
        self.loss.check()?;
        let reorder = self.reorder.as_ref().map(|reorder| reorder.probability);
        share(self.duplicate)?;
        share(self.corrupt)?;
        share(reorder.unwrap_or_default())?;
        if self.bandwidth.is_some_and(|bandwidth| bandwidth.rate == 0) {
            return Err(LinkError::NoBandwidth);
        }
        if self.frame_max == Some(0) {
            return Err(LinkError::NoFrame);
        }
        Ok(())
    }

    /// The delay of every frame, when nothing depends on luck but loss.
    pub(super) fn only_delay(&self) -> Option<Duration> {
        let certain =
            self.duplicate == Ratio::ZERO && self.corrupt == Ratio::ZERO && self.reorder.is_none();
        self.latency.only_value().filter(|_| certain)
    }
}

impl Loss {
    /// Whether the values make sense.
    ///
    /// # Errors
    /// The first share above one.
    pub fn check(&self) -> Result<(), LinkError> {
        share(self.independent)?;
        let Some(bursts) = self.bursts else { return Ok(()) };
        [bursts.enter, bursts.leave, bursts.loss_good, bursts.loss_bad]
            .into_iter()
            .try_for_each(share)
    }
}

fn share(ratio: Ratio) -> Result<(), LinkError> {
    if ratio > Ratio::ONE { Err(LinkError::Share(ratio)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let constant = || LinkConfig::new(Latency::constant(Duration::from_secs(1)).expect("fine"));
        let over = Ratio::from_percent(120);
        let error = Err(LinkError::Share(over));
        assert_eq!(LinkConfig { duplicate: over, ..constant() }.check(), error);
        let loss = Loss { independent: over, bursts: None };
        assert_eq!(LinkConfig { loss, ..constant() }.check(), error);
        let bandwidth = Some(Bandwidth { rate: 0, queue: 1 });
        let config = LinkConfig { bandwidth, ..constant() };
        assert_eq!(config.check(), Err(LinkError::NoBandwidth));
        let config = LinkConfig { frame_max: Some(0), ..constant() };
        assert_eq!(config.check(), Err(LinkError::NoFrame));
    }
}
