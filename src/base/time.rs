//! Virtual time: instants and durations in whole nanoseconds, and wall time in milliseconds.
//!
//! Not here: a clock. Nobody below the floor `runtime` may ask the operating system what time it is.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// A span of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span; stands for "for ever".
    pub const MAX: Self = Self(u64::MAX);

    /// `n` nanoseconds.
    #[must_use]
    pub const fn from_nanos(n: u64) -> Self {
        Self(n)
    }

    /// `n` microseconds.
    #[must_use]
    pub const fn from_micros(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// `n` milliseconds.
    #[must_use]
    pub const fn from_millis(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// `n` seconds.
    #[must_use]
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000_000))
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// In whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// In seconds, for display and statistics only; no decision may use it.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "for display only")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// `self * n`, or the longest span.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// `self * numerator / denominator` in exact integer arithmetic, rounded down.
    ///
    /// # Panics
    /// When `denominator` is 0.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "clamped to u64::MAX first")]
    pub const fn scale(self, numerator: u64, denominator: u64) -> Self {
        let wide = self.0 as u128 * numerator as u128 / denominator as u128;
        Self(if wide > u64::MAX as u128 { u64::MAX } else { wide as u64 })
    }

    /// The difference, or nothing when `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for std::time::Duration {
    fn from(span: Duration) -> Self {
        Self::from_nanos(span.as_nanos())
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The shortest form that loses nothing: `1.5s`, `40ms`, `250us`, `7d`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if let Some((unit, name)) =
            UNITS.iter().take(4).find(|(unit, _)| self.0.is_multiple_of(*unit))
        {
            return write!(f, "{}{name}", self.0 / unit);
        }
        let (unit, name) = UNITS[3..].iter().find(|(unit, _)| self.0 >= *unit).unwrap_or(&UNITS[6]);
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        if rest == 0 {
            return write!(f, "{whole}{name}");
        }
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        write!(f, "{whole}.{}{name}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A moment of the world, in nanoseconds since its start. It never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The start of the world.
    pub const START: Self = Self(0);
    /// After everything.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `n` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(n: u64) -> Self {
        Self(n)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since `earlier`, or nothing when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// The first whole second at or after this moment.
    #[must_use]
    pub const fn ceil_to_second(self) -> Self {
        Self(self.0.div_ceil(1_000_000_000).saturating_mul(1_000_000_000))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// Seconds with microseconds, as traces print it: `12.345678s`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Wall time in milliseconds since 1970, as the wire carries it (protocol 4.3).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Wall time at the start of every virtual world: 2026-01-01T00:00Z.
    pub const WORLD_START: Self = Self(1_767_225_600_000);
    /// After everything.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time since `earlier`, or nothing when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Millis {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_millis()))
    }
}

/// What a node is told of time at each input: the monotonic instant and its own wall clock.
///
/// Time-outs use `at`; what the wire and people see uses `wall`, which may jump or drift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Now {
    /// Monotonic time of the world.
    pub at: Instant,
    /// Wall time by this node's own clock.
    pub wall: Millis,
}

impl Now {
    /// `at` on a node whose clock is right.
    #[must_use]
    pub fn exact(at: Instant) -> Self {
        Self { at, wall: Millis::WORLD_START + at.since(Instant::START) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_the_shortest_exact_form() {
        for (span, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(7), "7ns"),
            (Duration::from_nanos(1_500), "1.5us"),
            (Duration::from_millis(40), "40ms"),
            (Duration::from_millis(1_500), "1.5s"),
            (Duration::from_secs(90), "90s"),
            (Duration::from_secs(120), "2m"),
            (Duration::from_secs(86_400 * 7), "7d"),
        ] {
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn scaling_does_not_overflow() {
        assert_eq!(Duration::MAX.scale(3, 2), Duration::MAX);
        assert_eq!(Duration::from_secs(10).scale(6, 5), Duration::from_secs(12));
    }
}
