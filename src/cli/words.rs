//! The words and numbers that arguments take. Not here: the arguments (`args`), or what they mean.

use std::fmt;
use std::ops::RangeInclusive;

use clap::ValueEnum;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::parse_duration;
use crate::load::schedule::Share;
use crate::runtime::null::Service;
use crate::verdict::requirement::Class;

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// What runs a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum World {
    /// The simulator.
    Run,
    /// Hardware in the loop, its frames carried by the harness.
    Conform,
    /// Hardware in the loop that connects to a port by itself: a closed box.
    Native,
    /// Load on a real server.
    Load,
}

/// Who moves the clock of a device under test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Clock {
    /// The harness: a second passes when it says so.
    #[default]
    Virtual,
    /// Nobody: it goes by itself, and the world with it.
    Real,
}

/// How the kill matrix is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum MatrixFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// To be committed.
    Markdown,
}

/// How a causal slice is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Drawing {
    /// Lines for a terminal.
    Text,
    /// A sequence diagram in Mermaid's language.
    Mermaid,
    /// A sequence diagram as a picture.
    Svg,
    /// Trace events of Chrome and Perfetto, everything that belongs to it.
    Perfetto,
}

/// How known answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum VectorFormat {
    /// One JSON document.
    Json,
    /// A C header.
    C,
}

/// The cryptographic suites.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Suite {
    /// The real profile.
    P256,
    /// Same interface, no security, fast.
    Model,
}

/// What skeletons there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Skeleton {
    /// A key rotation races with mail.
    Rotation,
    /// Mail crosses a bad network.
    Delivery,
    /// A user approves a request.
    Approval,
    /// Many devices and a day of traffic.
    Fleet,
    /// A test for a real device.
    Conform,
    /// Load on a real server.
    Load,
}

/// `2/5`: the second of five shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// Whether the run at this position belongs to the share.
    #[must_use]
    pub const fn holds(self, position: usize) -> bool {
        position % self.of == self.index
    }
}

impl Shard {
    /// The same of the devices of a load.
    #[must_use]
    pub fn share(self) -> Share {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Share { index: number(self.index), of: number(self.of) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shard = text.split_once('/').and_then(|(index, of)| {
            let (index, of) = (index.parse::<usize>().ok()?, of.parse().ok()?);
            (1..=of).contains(&index).then(|| Self { index: index - 1, of })
        });
        shard.ok_or_else(|| "expected I/N with 1 <= I <= N, such as 2/5".to_owned())
    }
}

/// `1..20`: both ends included.
pub(super) fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text
        .split_once("..")
        .and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse().ok()?)));
    match ends {
        Some((first, last)) if first <= last => Ok(first..=last),
        Some(_) | None => Err("expected A..B with A <= B, such as 1..20".to_owned()),
    }
}

/// `rot`.
pub(super) fn class(text: &str) -> Result<Class, String> {
    let upper = text.to_ascii_uppercase();
    serde_json::from_value(upper.into())
        .map_err(|_| "expected tx, rx, cache, approve, poll, push, prov, rot or srv".to_owned())
}

/// `bob`.
pub(super) fn user(text: &str) -> Result<UserId, String> {
    UserId::new(text).map_err(|error| error.to_string())
}

/// `60s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = parse_duration(text).ok();
    parsed.ok_or_else(|| "expected a time with its unit, such as 60s or 10m".to_owned())
}

/// `60s`, and not `0s`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let parsed = duration(text)?;
    if parsed == Duration::ZERO { Err("it cannot be zero".to_owned()) } else { Ok(parsed) }
}

/// `1ms`, or `~1ms`.
pub(super) fn service(text: &str) -> Result<Service, String> {
    match text.strip_prefix('~') {
        Some(mean) => duration(mean).map(Service::Exponential),
        None => duration(text).map(Service::Constant),
    }
}

/// `5s+1s`.
pub(super) fn stall(text: &str) -> Result<(Duration, Duration), String> {
    let parts = text.split_once('+').ok_or("expected a time and how long, such as 5s+1s")?;
    Ok((duration(parts.0)?, duration(parts.1)?))
}

/// `PATH=VALUE`, as it is.
pub(super) fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((path, _)) if !path.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err("expected PATH=VALUE, such as devices.bob.refresh=30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_divide_all_runs() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|s| s.parse().unwrap()).to_vec();
        for position in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.holds(position)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_of_seeds_have_two_ends() {
        assert_eq!(seeds("1..20"), Ok(1..=20));
        assert_eq!(seeds("7..7"), Ok(7..=7));
        for bad in ["20..1", "7", "1..=20", "..", "a..b", "1..20..3"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }
}
