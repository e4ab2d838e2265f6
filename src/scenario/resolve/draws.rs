//! Draws of settings: what a range becomes for one device under one seed.
//!
//! Not here: luck for each event (`network`, `sim`).

use std::cell::RefCell;

use crate::base::id::UserId;
use crate::base::rng::{Luck, Purpose};
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::scenario::leaf::{Bandwidth, Octets};
use crate::scenario::range::Drawn;

/// A setting that may be drawn. The number is part of the draw's address and is never reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Setting {
    /// Poll period.
    Poll = 1,
    /// Refresh period.
    Refresh = 2,
    /// Age limit for encryption.
    Stale = 3,
    /// Rows of the table.
    Capacity = 4,
    /// How long a user takes to answer.
    User = 5,
    /// Time of a durable write.
    Store = 6,
    /// Uplink latency; the other settings of the uplink follow.
    Up = 16,
    /// Downlink latency; the other settings of the downlink follow.
    Down = 32,
    /// Size of a workload's messages.
    Size = 48,
}

/// The draws of one device, or of a workload, and what they gave so far.
#[derive(Clone, Debug)]
pub struct Draws {
    luck: Luck,
    drawn: RefCell<Vec<u64>>,
}

/// A quantity as a number, so that a range of it can be drawn from.
pub trait Quantity: Copy {
    /// As a number.
    fn number(self) -> u64;
    /// From a number.
    fn from_number(number: u64) -> Self;
}

macro_rules! quantity {
    ($type:ty, $to:expr, $from:expr) => {
        impl Quantity for $type {
            fn number(self) -> u64 {
                $to(self)
            }
            fn from_number(number: u64) -> Self {
                $from(number)
            }
        }
    };
}

quantity!(u64, |n| n, |n| n);
quantity!(Duration, Self::as_nanos, Self::from_nanos);
quantity!(Ratio, Self::as_ppb, Self::from_ppb);
quantity!(Octets, |octets: Self| octets.0, Self);
quantity!(Bandwidth, |bandwidth: Self| bandwidth.0, Self);

impl Draws {
    /// The steps into which a range is cut. Devices that draw the same value share their settings, which
    /// keeps a million of them small.
    const STEPS: u64 = 256;

    /// The draws of a device; they do not depend on who else is there.
    #[must_use]
    pub fn of(seed: u64, user: &UserId) -> Self {
        Self::named(seed, user.as_str())
    }

    /// The draws of something with a name.
    #[must_use]
    pub fn named(seed: u64, name: &str) -> Self {
        Self {
            luck: Luck::new(seed, Purpose::Setting, entity(name)),
            drawn: RefCell::new(Vec::new()),
        }
    }

    /// The value of a setting: one of the values that cut its range into equal parts.
    #[must_use]
    pub fn draw<T: Quantity>(&self, setting: u64, range: &Drawn<T>) -> T {
        let (low, high) = (range.low.number(), range.high.number());
        if low == high {
            return range.low;
        }
        let step = self.luck.at(setting).between(0, Self::STEPS);
        let part = u128::from(high - low) * u128::from(step) / u128::from(Self::STEPS);
        let value = low + u64::try_from(part).unwrap_or(high - low);
        self.drawn.borrow_mut().push(value);
        T::from_number(value)
    }

    /// What the ranges met so far became; empty if there was none.
    #[must_use]
    pub fn drawn(&self) -> Vec<u64> {
        self.drawn.borrow().clone()
    }
}

/// The number of an entity in addresses of draws: a hash of its name.
#[must_use]
pub fn entity(name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_stays_in_its_range_and_depends_on_seed_and_name_only() {
        let range = Drawn { low: Duration::from_secs(20), high: Duration::from_secs(40) };
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..2_000 {
            let draws = Draws::named(1, &format!("d{number}"));
            let value = draws.draw(Setting::Poll as u64, &range);
            assert!(range.low <= value && value <= range.high);
            seen.insert(value);
        }
        assert!(seen.len() > 200 && seen.len() <= 257, "{}", seen.len());
        let draw = |seed, name| Draws::named(seed, name).draw(Setting::Poll as u64, &range);
        assert_eq!(draw(1, "bob"), draw(1, "bob"));
        assert_ne!(draw(1, "bob"), draw(2, "bob"));
    }
}
