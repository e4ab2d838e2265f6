//! Ranges of settings: one value, or two ends of which each entity draws one value.
//!
//! Not here: the draw (`resolve::draws`), or how many times something happens (`leaf::Count`).

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Leaf, Read, Scalar, read_scalar};
use crate::scenario::leaf::{Bandwidth, Octets};
use crate::scenario::tree::Node;

/// One value, or a range of which each entity draws one: `20s..40s`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drawn<T> {
    /// The least value.
    pub low: T,
    /// The greatest value; the same as `low` if nothing is drawn.
    pub high: T,
}

/// A value that a setting may draw from a range.
pub trait Ranged: Scalar + Copy + Ord {
    /// The form of one value or a range.
    const RANGE: &'static Leaf;
}

macro_rules! ranged {
    ($type:ty, $name:literal, $expected:literal, $pattern:literal) => {
        impl Ranged for $type {
            const RANGE: &'static Leaf =
                &Leaf { name: $name, expected: $expected, pattern: $pattern, json: &["integer"] };
        }
    };
}

ranged!(
    Duration,
    "duration or range of durations",
    "a duration or a range such as `40ms` or `20s..40s`",
    r"^[0-9][0-9_]*(\.[0-9]+)?(ns|us|ms|s|m|h|d)(\.\.[0-9][0-9_]*(\.[0-9]+)?(ns|us|ms|s|m|h|d))?$"
);
ranged!(
    Ratio,
    "percentage or range of percentages",
    "a percentage or a range such as `5%` or `1%..5%`",
    r"^[0-9][0-9_]*(\.[0-9]+)?%(\.\.[0-9][0-9_]*(\.[0-9]+)?%)?$"
);
ranged!(
    Octets,
    "size or range of sizes",
    "a size or a range such as `64B` or `64B..1KiB`",
    r"^[0-9][0-9_]*(\.[0-9]+)?(B|KiB|MiB|GiB)(\.\.[0-9][0-9_]*(\.[0-9]+)?(B|KiB|MiB|GiB))?$"
);
ranged!(
    Bandwidth,
    "bandwidth or range of bandwidths",
    "octets a second or a range such as `8KiB/s` or `8KiB/s..64KiB/s`",
    r"^[0-9][0-9_]*(\.[0-9]+)?(B|KiB|MiB|GiB)/s(\.\.[0-9][0-9_]*(\.[0-9]+)?(B|KiB|MiB|GiB)/s)?$"
);
ranged!(
    u64,
    "whole number or range of whole numbers",
    "a whole number or a range such as `16` or `8..64`",
    r"^[0-9][0-9_]*(\.\.[0-9][0-9_]*)?$"
);

impl<T: Ranged> Scalar for Drawn<T> {
    const LEAF: &'static Leaf = T::RANGE;

    fn parse(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let (low, high) = (T::parse(low)?, T::parse(high)?);
        if low > high {
            return Err("a range goes from the lesser to the greater value".to_owned());
        }
        Ok(Self { low, high })
    }
}

impl<T: Ranged> Read for Drawn<T> {
    const KIND: Kind = Kind::Leaf(T::RANGE);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        read_scalar(node, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_ends_in_order() {
        let range = Drawn::<Duration>::parse("20s..40s").unwrap();
        assert_eq!((range.low, range.high), (Duration::from_secs(20), Duration::from_secs(40)));
        assert!(Drawn::<Duration>::parse("40s..20s").is_err());
    }
}
