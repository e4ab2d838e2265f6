//! Built-in links by name: `lan`, `lte-good`, `lte-edge`, `gprs` and `satellite`.
//!
//! Not here: measurements. The figures are typical values set by hand, of the order that tables for
//! network emulators give (for instance that of `tylertreat/comcast`: GPRS 500 ms, 50 kbit/s and 2 %
//! loss, satellite 0.2 % loss). One of them is physics: up to a geostationary satellite and down
//! again is 2 x 35 786 km, or 239 ms of light.
//!
//! | name | latency up (median, p99) | down | floor | loss | bandwidth up | down | queue |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | `lan` | 300 us, 1 ms | same | 100 us | none | 1 Gbit/s | same | 1 MiB |
//! | `lte-good` | 25 ms, 80 ms | 20 ms, 60 ms | 8 ms | 0.1 % | 10 Mbit/s | 30 Mbit/s | 256 KiB |
//! | `lte-edge` | 60 ms, 600 ms | 45 ms, 400 ms | 15 ms | 0.5 %, bursts | 512 kbit/s | 2 Mbit/s | 128 KiB |
//! | `gprs` | 450 ms, 2.5 s | 350 ms, 2 s | 150 ms | 1 %, bursts | 20 kbit/s | 48 kbit/s | 16 KiB |
//! | `satellite` | 300 ms, 450 ms | same | 245 ms | 0.2 % | 2 Mbit/s | 20 Mbit/s | 256 KiB |
//!
//! Bursts: one begins before one frame in 200, lasts 5 frames in the mean and loses half of them,
//! which is another 1.2 % of all.

use std::fmt;

use serde::Serialize;

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::config::{Bandwidth, GilbertElliott, LinkConfig, Loss};
use crate::network::latency::{Distribution, Latency};
use crate::network::topology::Links;

/// A built-in pair of links.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A quiet wired network in one building.
    Lan,
    /// A phone near its cell's middle.
    LteGood,
    /// A phone at its cell's edge.
    LteEdge,
    /// Packet radio of the second generation.
    Gprs,
    /// A geostationary satellite.
    Satellite,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Lan, Self::LteGood, Self::LteEdge, Self::Gprs, Self::Satellite];

    /// The name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::LteGood => "lte-good",
            Self::LteEdge => "lte-edge",
            Self::Gprs => "gprs",
            Self::Satellite => "satellite",
        }
    }

    /// The profile of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Its links.
    #[must_use]
    pub fn links(self) -> Links {
        let (up, down) = match self {
            Self::Lan => {
                let link = Figures {
                    median: 300,
                    p99: 1_000,
                    min: 100,
                    loss: Loss::NONE,
                    rate: 125_000_000,
                    queue_kib: 1_024,
                };
                (link, link)
            }
            Self::LteGood => {
                let loss = loss(1, None);
                let common = Figures { min: 8_000, loss, queue_kib: 256, ..Figures::NONE };
                (
                    Figures { median: 25_000, p99: 80_000, rate: 1_250_000, ..common },
                    Figures { median: 20_000, p99: 60_000, rate: 3_750_000, ..common },
                )
            }
            Self::LteEdge => {
                let loss = loss(5, Some(BURSTS));
                let common = Figures { min: 15_000, loss, queue_kib: 128, ..Figures::NONE };
                (
                    Figures { median: 60_000, p99: 600_000, rate: 64_000, ..common },
                    Figures { median: 45_000, p99: 400_000, rate: 250_000, ..common },
                )
            }
            Self::Gprs => {
                let loss = loss(10, Some(BURSTS));
                let common = Figures { min: 150_000, loss, queue_kib: 16, ..Figures::NONE };
                (
                    Figures { median: 450_000, p99: 2_500_000, rate: 2_500, ..common },
                    Figures { median: 350_000, p99: 2_000_000, rate: 6_000, ..common },
                )
            }
            Self::Satellite => {
                let up = Figures {
                    median: 300_000,
                    p99: 450_000,
                    min: 245_000,
                    loss: loss(2, None),
                    rate: 250_000,
                    queue_kib: 256,
                };
                (up, Figures { rate: 2_500_000, ..up })
            }
        };
        Links { up: up.link(), down: down.link() }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A row of the table for one direction; times in microseconds.
#[derive(Clone, Copy)]
struct Figures {
    median: u64,
    p99: u64,
    min: u64,
    loss: Loss,
    /// Octets a second.
    rate: u64,
    queue_kib: u64,
}

impl Figures {
    /// To be filled in.
    const NONE: Self = Self { median: 0, p99: 0, min: 0, loss: Loss::NONE, rate: 0, queue_kib: 0 };

    fn link(self) -> LinkConfig {
        let median = Duration::from_micros(self.median);
        let p99 = Duration::from_micros(self.p99);
        let min = Some(Duration::from_micros(self.min));
        let latency = Latency::new(Distribution::LogNormal { median, p99 }, min)
            .expect("the built-in figures are in order");
        let bandwidth = Some(Bandwidth { rate: self.rate, queue: self.queue_kib << 10 });
        LinkConfig { loss: self.loss, bandwidth, ..LinkConfig::new(latency) }
    }
}

/// Loss of so many in a thousand, with or without bursts.
const fn loss(per_mille: u64, bursts: Option<GilbertElliott>) -> Loss {
    Loss { independent: Ratio::from_ppb(per_mille * 1_000_000), bursts }
}

const BURSTS: GilbertElliott = GilbertElliott {
    enter: Ratio::from_ppb(5_000_000),
    leave: Ratio::from_percent(20),
    loss_good: Ratio::ZERO,
    loss_bad: Ratio::from_percent(50),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Luck, Purpose};
    use crate::base::time::Instant;
    use crate::network::fault::Conditions;
    use crate::network::link::{Fate, LinkState};

    /// Median delay in us and loss in per mille of frames of 200 octets, one each 10 s.
    fn measure(link: &LinkConfig) -> (u64, u64) {
        const FRAMES: u64 = 20_000;
        let luck = Luck::new(1, Purpose::Downlink, 0);
        let mut state = LinkState::default();
        let mut delays: Vec<u64> = (0..FRAMES)
            .filter_map(|n| {
                let now = Instant::START + Duration::from_secs(10 * n);
                match state.send(link, &Conditions::CLEAR, &luck, now, 200) {
                    Fate::Deliver { first, .. } => Some(first.delay.as_nanos() / 1_000),
                    Fate::Drop(_) | Fate::Held(_) => None,
                }
            })
            .collect();
        delays.sort_unstable();
        (delays[delays.len() / 2], (FRAMES - delays.len() as u64) * 1_000 / FRAMES)
    }

    #[test]
    fn every_profile_is_well_formed_and_known_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(Profile::by_name(profile.name()), Some(profile));
            let json = serde_json::to_value(profile).expect("a name");
            assert_eq!(json, profile.to_string());
            let links = profile.links();
            assert_eq!((links.up.check(), links.down.check()), (Ok(()), Ok(())));
        }
        assert_eq!(Profile::by_name("dial-up"), None);
    }

    #[test]
    fn profiles_behave_as_their_table_says() {
        let measured = Profile::ALL.map(|profile| {
            let links = profile.links();
            format!("{profile}: up {:?} down {:?}", measure(&links.up), measure(&links.down))
        });
        insta::assert_snapshot!(measured.join("\n"), @"
        lan: up (301, 0) down (301, 0)
        lte-good: up (25114, 1) down (20018, 1)
        lte-edge: up (62898, 18) down (45638, 18)
        gprs: up (528790, 23) down (382376, 23)
        satellite: up (300624, 2) down (299904, 2)
        ");
    }
}
