//! Axes: one that covers numbers and has round ticks, one with a place for each of some values.
//!
//! Not here: where they are drawn.

use crate::base::units::{parse_duration, parse_octets};

/// Most steps between ticks.
const STEPS: f64 = 5.0;

/// An axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Scale {
    /// The number of the first tick, which is the lower end.
    first: f64,
    /// The number of the last tick, which is the upper end.
    last: f64,
    step: Step,
}

/// A distance of ticks: 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Step {
    factor: f64,
    power: i32,
}

impl Scale {
    /// The axis with the least round step that covers the values; zero is on it unless they lie close
    /// together far from it.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let ends = values.filter(|value| value.is_finite()).fold(None, |ends, value| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        });
        let (mut low, mut high) = ends.unwrap_or((0.0, 1.0));
        if low <= 0.0 || high <= low || high - low >= high / 4.0 {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if high <= low {
            high = low + 1.0;
        }
        let fits = |step: &Step| (high - low) / step.size() <= STEPS;
        let step = Step::all().find(fits).unwrap_or(Step { factor: 5.0, power: Step::POWER_MAX });
        Self { first: (low / step.size()).floor(), last: (high / step.size()).ceil(), step }
    }

    /// How far below the upper end, from 0 to 1.
    pub(super) fn depth(&self, value: f64) -> f64 {
        (self.last - value / self.step.size()) / (self.last - self.first)
    }

    /// The ticks with their texts, from below.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> + use<'_> {
        let next = |number: &f64| Some(number + 1.0).filter(|number| *number <= self.last);
        std::iter::successors(Some(self.first), next).map(|number| {
            let value = number * self.step.size();
            let decimals = usize::try_from(-self.step.power).unwrap_or(0);
            (value, format!("{:.decimals$}", value + 0.0))
        })
    }
}

impl Step {
    const POWER_MIN: i32 = -9;
    const POWER_MAX: i32 = 15;

    /// All steps, the least first.
    fn all() -> impl Iterator<Item = Self> {
        (Self::POWER_MIN..=Self::POWER_MAX)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| Self { factor, power }))
    }

    /// Its size: exact, or the nearest there is.
    fn size(self) -> f64 {
        let tens = (0..self.power.unsigned_abs()).fold(1.0, |product, _| product * 10.0);
        if self.power < 0 { self.factor / tens } else { self.factor * tens }
    }
}

/// Where values stand: as numbers if all of them are numbers of one kind, else at equal distances.
pub(super) fn places<'a>(values: &[&'a str]) -> Vec<(&'a str, f64)> {
    let equal = || (0_u32..).take(values.len()).map(f64::from).collect();
    let numbers: Vec<f64> = numbers(values).unwrap_or_else(equal);
    let mut places: Vec<(&str, f64)> = values.iter().copied().zip(numbers).collect();
    places.sort_by(|(_, one), (_, two)| one.total_cmp(two));
    let low = places.first().map_or(0.0, |(_, place)| *place);
    let span = places.last().map_or(0.0, |(_, place)| *place - low);
    for (_, place) in &mut places {
        *place = if span > 0.0 { (*place - low) / span } else { 0.5 };
    }
    places
}

/// Decimal numbers with the same unit, durations or octets.
fn numbers(values: &[&str]) -> Option<Vec<f64>> {
    let parts = values.iter().map(|value| {
        let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
        value.split_at(digits.len())
    });
    let units = parts.clone().map(|(_, unit)| unit);
    if units.clone().zip(units.skip(1)).all(|(one, two)| one == two) {
        let plain = |text: &str| text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        return parts.map(|(digits, _)| digits.parse().ok().filter(|_| plain(digits))).collect();
    }
    let spans = values.iter().map(|value| parse_duration(value).ok().map(|it| it.as_secs_f64()));
    // Beyond 4 GiB they stand at equal distances.
    let octets =
        values.iter().map(|value| u32::try_from(parse_octets(value).ok()?).ok().map(f64::from));
    spans.collect::<Option<_>>().or_else(|| octets.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], ticks: &[&str]) {
        let scale = Scale::of(values.iter().copied());
        let texts: Vec<String> = scale.ticks().map(|(_, text)| text).collect();
        assert_eq!(texts, ticks);
        for value in values {
            assert!((0.0..=1.0).contains(&scale.depth(*value)), "{value}");
        }
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        check(&[], &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&[0.0], &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&[3.0, 97.5], &["0", "20", "40", "60", "80", "100"]);
        check(&[95.0, 97.5], &["95.0", "95.5", "96.0", "96.5", "97.0", "97.5"]);
        check(&[-0.3, 1.0], &["-0.5", "0.0", "0.5", "1.0"]);
        check(&[7.0, 7.0], &["0", "2", "4", "6", "8"]);
        check(
            &[1e12],
            &["0", "200000000000", "400000000000", "600000000000", "800000000000", "1000000000000"],
        );
    }

    #[test]
    fn values_of_one_kind_stand_where_they_belong() {
        let check = |values: &[&str], expected: &[(&str, f64)]| {
            let places = places(values);
            let texts: Vec<&str> = places.iter().map(|(text, _)| *text).collect();
            assert_eq!(texts, expected.iter().map(|(text, _)| *text).collect::<Vec<_>>());
            for ((_, one), (_, two)) in places.iter().zip(expected) {
                assert!((one - two).abs() < 1e-9, "{places:?}");
            }
        };
        check(&["10", "0", "5"], &[("0", 0.0), ("5", 0.5), ("10", 1.0)]);
        check(&["5%", "20%", "0%"], &[("0%", 0.0), ("5%", 0.25), ("20%", 1.0)]);
        check(&["30s", "90s", "2m"], &[("30s", 0.0), ("90s", 2.0 / 3.0), ("2m", 1.0)]);
        check(&["512B", "1KiB"], &[("512B", 0.0), ("1KiB", 1.0)]);
        check(&["b", "c", "a"], &[("b", 0.0), ("c", 0.5), ("a", 1.0)]);
        check(&["10", "5s", "x"], &[("10", 0.0), ("5s", 0.5), ("x", 1.0)]);
        check(&["7"], &[("7", 0.5)]);
        check(&[], &[]);
    }
}
