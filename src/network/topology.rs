//! The hub: every device has an uplink to the server and a downlink from it, and no other.
//!
//! Not here: what happens on the links (`link`), or the server's partition into accounts (`sim`).

use serde::Serialize;

use crate::base::time::Duration;
use crate::network::config::{LinkConfig, LinkError};
use crate::network::latency::MIN_LEAST;

/// The links of a device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Links {
    /// From the device to the server.
    pub up: LinkConfig,
    /// From the server to the device.
    pub down: LinkConfig,
}

/// The place of links among those of a [`Topology`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinksId(u32);

/// Which device has which links. Devices that are alike share theirs, so that a million of them take
/// 4 octets each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topology {
    internal: Duration,
    links: Vec<Links>,
    /// By the index of the user.
    devices: Vec<LinksId>,
    lookahead: Duration,
}

/// Why a topology makes no sense: the scenario's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// The server's internal latency is too short to look ahead.
    #[error("the internal latency of the server is at least 1us, got {0}")]
    Internal(Duration),
    /// A link makes no sense.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Topology {
    /// A hub without devices whose accounts are this far from each other.
    ///
    /// # Errors
    /// When `internal` is below 1 us.
    pub fn new(internal: Duration) -> Result<Self, TopologyError> {
        if internal < MIN_LEAST {
            return Err(TopologyError::Internal(internal));
        }
        Ok(Self { internal, links: Vec::new(), devices: Vec::new(), lookahead: internal })
    }

    /// Adds links for devices to share.
    ///
    /// # Errors
    /// When one of them makes no sense.
    ///
    /// # Panics
    /// Beyond 2^32 of them, which no memory holds.
    pub fn add(&mut self, links: Links) -> Result<LinksId, TopologyError> {
        links.up.check()?;
        links.down.check()?;
        let id = LinksId(u32::try_from(self.links.len()).expect("memory ends before"));
        self.lookahead = self.lookahead.min(links.up.min_delay()).min(links.down.min_delay());
        self.links.push(links);
        Ok(id)
    }

    /// Gives the next user's device its links.
    pub fn attach(&mut self, links: LinksId) {
        self.devices.push(links);
    }

    /// How many devices have their links.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.devices.len()
    }

    /// Has no device its links yet?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// The links of this user's device.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn links(&self, user: u32) -> &Links {
        let LinksId(id) = self.devices[user as usize];
        &self.links[id as usize]
    }

    /// How long it takes from account to account.
    #[must_use]
    pub const fn internal(&self) -> Duration {
        self.internal
    }

    /// The time within which no node can affect another: the least floor of all links and of the
    /// internal latency (design 3).
    #[must_use]
    pub const fn lookahead(&self) -> Duration {
        self.lookahead
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::rng::{Luck, Purpose};
    use crate::base::time::Instant;
    use crate::base::units::Ratio;
    use crate::network::config::{Bandwidth, GilbertElliott, Loss, Reorder};
    use crate::network::fault::{Conditions, Direction, Effect, FaultId, LinkFaults};
    use crate::network::latency::{Distribution, Latency};
    use crate::network::link::{Fate, LinkState};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn links(up: u64, down: u64) -> Links {
        let link = |n| LinkConfig::new(Latency::constant(MS(n)).expect("well formed"));
        Links { up: link(up), down: link(down) }
    }

    #[test]
    fn devices_share_links_and_keep_their_order() {
        let mut hub = Topology::new(MS(10)).expect("well formed");
        let slow = hub.add(links(40, 50)).expect("well formed");
        let fast = hub.add(links(20, 30)).expect("well formed");
        for id in [fast, slow, fast] {
            hub.attach(id);
        }
        assert_eq!(hub.len(), 3);
        assert_eq!(hub.links(0), hub.links(2));
        assert_eq!(hub.links(1), &links(40, 50));
    }

    #[test]
    fn the_lookahead_is_the_least_floor_of_all() {
        let mut hub = Topology::new(MS(10)).expect("well formed");
        assert_eq!(hub.lookahead(), MS(10));
        for (up, down, lookahead) in [(40, 50, 10), (50, 9, 9), (8, 50, 8)] {
            hub.add(links(up, down)).expect("well formed");
            assert_eq!(hub.lookahead(), MS(lookahead));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(Topology::new(Duration::ZERO), Err(TopologyError::Internal(Duration::ZERO)));
        let mut hub = Topology::new(MS(10)).expect("well formed");
        let over = Ratio::from_percent(101);
        let mut bad = links(1, 1);
        bad.down.corrupt = over;
        assert_eq!(hub.add(bad), Err(TopologyError::Link(LinkError::Share(over))));
    }

    fn latency() -> impl Strategy<Value = Latency> {
        let span = || (1_000_u64..10_000_000_000).prop_map(Duration::from_nanos);
        let pair = || (span(), span()).prop_map(|(a, b)| (a.min(b), a.max(b)));
        let distribution = prop_oneof![
            span().prop_map(Distribution::Constant),
            pair().prop_map(|(low, high)| Distribution::Uniform { low, high }),
            span().prop_map(|mean| Distribution::Exponential { mean }),
            pair().prop_map(|(median, p99)| Distribution::LogNormal { median, p99 }),
            prop::collection::vec(span(), 1..20)
                .prop_map(|values| Distribution::Table(values.into())),
        ];
        (distribution, prop::option::of(span()))
            .prop_filter_map("floor", |(distribution, min)| Latency::new(distribution, min).ok())
    }

    fn loss() -> impl Strategy<Value = Loss> {
        let ratio = || (0_u64..600_000_000).prop_map(Ratio::from_ppb);
        let bursts =
            (ratio(), ratio(), ratio(), ratio()).prop_map(|(enter, leave, loss_good, loss_bad)| {
                GilbertElliott { enter, leave, loss_good, loss_bad }
            });
        (ratio(), prop::option::of(bursts))
            .prop_map(|(independent, bursts)| Loss { independent, bursts })
    }

    fn link() -> impl Strategy<Value = LinkConfig> {
        let ratio = || (0_u64..=1_000_000_000).prop_map(Ratio::from_ppb);
        let reorder =
            (ratio(), latency()).prop_map(|(probability, extra)| Reorder { probability, extra });
        let bandwidth =
            (1_u64..1_000_000, 0_u64..10_000).prop_map(|(rate, queue)| Bandwidth { rate, queue });
        (
            latency(),
            loss(),
            ratio(),
            prop::option::of(reorder),
            ratio(),
            prop::option::of(bandwidth),
            prop::option::of(1_u32..2_000),
        )
            .prop_map(
                |(latency, loss, duplicate, reorder, corrupt, bandwidth, frame_max)| LinkConfig {
                    latency,
                    loss,
                    duplicate,
                    reorder,
                    corrupt,
                    bandwidth,
                    frame_max,
                },
            )
    }

    proptest! {
        #[test]
        fn nothing_arrives_within_the_lookahead(
            config in link(),
            episode in prop::option::of(loss()),
            frames in prop::collection::vec((0_u64..1_000_000_000, 0_usize..3_000), 1..50),
        ) {
            let mut hub = Topology::new(Duration::from_secs(86_400)).expect("well formed");
            hub.add(Links { up: config.clone(), down: config.clone() }).expect("well formed");
            let mut faults = LinkFaults::default();
            if let Some(loss) = episode {
                faults.begin(FaultId(0), Direction::Both, Effect::Loss(loss));
            }
            let conditions: Conditions = faults.uplink();
            let luck = Luck::new(1, Purpose::Uplink, 0);
            let (mut sending, mut coming) = (LinkState::default(), LinkState::default());
            let mut now = Instant::START;
            for (gap, len) in frames {
                now = now + Duration::from_nanos(gap);
                let whole = sending.send(&config, &conditions, &luck, now, len);
                let rest = coming.ingress(&config, &conditions, &luck, now, len);
                let arrivals = |fate| match fate {
                    Fate::Deliver { first, duplicate } => {
                        [Some(first), duplicate].into_iter().flatten().collect::<Vec<_>>()
                    }
                    Fate::Drop(_) | Fate::Held(_) => Vec::new(),
                };
                for (whole, rest) in arrivals(whole).iter().zip(arrivals(rest)) {
                    prop_assert!(whole.delay >= hub.lookahead());
                    prop_assert_eq!(rest.delay + config.min_delay(), whole.delay);
                    prop_assert!(whole.corrupt.is_none_or(|bit| bit < 8 * len as u64));
                }
            }
        }
    }
}
