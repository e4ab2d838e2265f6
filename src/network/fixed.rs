//! Logarithms, powers, cosines and normal values in fixed point: the same on every platform.
//!
//! Not here: floating point. The tables are built by integer arithmetic when this is compiled, and
//! the tests hold them against the usual functions.

/// One, with 32 binary places: the form of every number here.
pub const ONE: i64 = 1 << PLACES;
const PLACES: u32 = 32;

/// The binary logarithm of `n`.
///
/// # Panics
/// When `n` is 0.
pub const fn log2(n: u64) -> i64 {
    let whole = n.ilog2();
    // What follows the leading one, as a fraction of 2^64.
    let fraction = if whole == 0 { 0 } else { n << (64 - whole) };
    ((whole as i64) << PLACES) + between(&LOG2, fraction)
}

/// `n * 2^power`, up to `u64::MAX`.
pub const fn scale_by_power(n: u64, power: i64) -> u64 {
    let fraction = (power as u64) << PLACES;
    let mantissa = between(&EXP2, fraction) as u128;
    let whole = power >> PLACES;
    let scaled = n as u128 * mantissa;
    if whole >= 64 {
        return if n == 0 { 0 } else { u64::MAX };
    }
    if whole <= -96 {
        return 0;
    }
    let shift = PLACES as i64 - whole;
    let wide = if shift >= 0 {
        scaled >> shift
    } else if scaled.leading_zeros() as i64 > -shift {
        scaled << -shift
    } else {
        u128::MAX
    };
    if wide > u64::MAX as u128 { u64::MAX } else { narrow(wide).cast_unsigned() }
}

/// An exponential value of mean one, from 64 uniform bits: `-ln u`. At most 44.4.
pub fn exponential(bits: u64) -> i64 {
    // The lowest bit is set, for there is no logarithm of nothing.
    multiply((64 << PLACES) - log2(bits | 1), LN_2)
}

/// A value of the normal distribution of mean zero and deviation one, from twice 64 uniform bits
/// (Box and Muller).
pub(super) fn normal([size, angle]: [u64; 2]) -> i64 {
    let square = 2 * exponential(size).unsigned_abs();
    let radius = root(square);
    // One bit is the sign, the others are the angle within a quarter of the circle.
    let size = multiply(radius, between(&COS, angle << 1));
    if angle >> 63 == 0 { size } else { -size }
}

/// The square root of a number below 128, rounded down.
fn root(square: u64) -> i64 {
    const REST: u32 = PLACES / 8;
    // All but the last places by what fits into 64 bits, for division of more is slow.
    let mut root = (square << (PLACES - 2 * REST)).isqrt() << REST;
    for place in (0..REST).rev() {
        let more = root | 1 << place;
        if u128::from(more).pow(2) <= u128::from(square) << PLACES {
            root = more;
        }
    }
    root.cast_signed()
}

/// The cosine of an angle, as a fraction of 2^64 of the full circle.
pub fn cosine(turn: u64) -> i64 {
    let rest = turn << 2;
    match turn >> 62 {
        0 => between(&COS, rest),
        1 => -between(&COS, !rest),
        2 => -between(&COS, rest),
        _ => between(&COS, !rest),
    }
}

/// A uniform value below `n`, from 64 uniform bits; 0 when `n` is 0.
#[allow(clippy::cast_possible_truncation, reason = "the high half of a 128-bit product")]
pub(super) fn below(n: u64, bits: u64) -> u64 {
    ((u128::from(n) * u128::from(bits)) >> 64) as u64
}

/// The product of two numbers, rounded down.
pub(super) fn multiply(a: i64, b: i64) -> i64 {
    let product = (i128::from(a) * i128::from(b)) >> PLACES;
    i64::try_from(product).expect("factors here are far below a billion")
}

/// The table's value at a fraction of 2^64 of its range.
const fn between(table: &[i64; STEPS + 1], fraction: u64) -> i64 {
    let index = (fraction >> (64 - STEP_BITS)) as usize;
    let rest = (fraction << STEP_BITS >> PLACES) as i64;
    table[index] + (((table[index + 1] - table[index]) * rest) >> PLACES)
}

const STEP_BITS: u32 = 10;
/// Steps of a table. Straight lines between them are right to 3 parts in 10 million.
const STEPS: usize = 1 << STEP_BITS;
/// The natural logarithm of two.
const LN_2: i64 = 2_977_044_472;

/// `log2(1 + i / STEPS)`.
static LOG2: [i64; STEPS + 1] = {
    let mut table = [0; STEPS + 1];
    let mut i = 0;
    while i < STEPS {
        // Squaring doubles the logarithm: each overflow past two is its next binary place.
        let mut x = ((STEPS + i) as u128) << (FINE - STEP_BITS);
        let mut place = 0;
        while place < PLACES {
            x = (x * x) >> FINE;
            let overflow = x >> (FINE + 1);
            x >>= overflow;
            table[i] = table[i] << 1 | narrow(overflow);
            place += 1;
        }
        i += 1;
    }
    table[STEPS] = ONE;
    table
};

/// `2^(i / STEPS)`.
static EXP2: [i64; STEPS + 1] = {
    let mut table = [0; STEPS + 1];
    let mut i = 0;
    while i <= STEPS {
        // The bits of i name the roots of two to multiply, the square root first.
        let mut product = if i == STEPS { 2 << FINE } else { 1 << FINE };
        let mut root: u128 = 2 << FINE;
        let mut bit = STEPS >> 1;
        while bit > 0 {
            root = (root << FINE).isqrt();
            if i & bit != 0 {
                product = (product * root) >> FINE;
            }
            bit >>= 1;
        }
        table[i] = round(product);
        i += 1;
    }
    table
};

/// `cos(i / STEPS)` of a right angle.
static COS: [i64; STEPS + 1] = {
    let mut table = [0; STEPS + 1];
    let mut i = 0;
    while i < STEPS {
        // The bits of i name the turns to make, half a right angle first.
        let (mut x, mut y): (u128, u128) = (1 << FINE, 0);
        let mut cos: u128 = 0;
        let mut bit = STEPS >> 1;
        while bit > 0 {
            let sin = (((1 << FINE) - cos) << (FINE - 1)).isqrt();
            cos = (((1 << FINE) + cos) << (FINE - 1)).isqrt();
            if i & bit != 0 {
                (x, y) = ((x * cos - y * sin) >> FINE, (x * sin + y * cos) >> FINE);
            }
            bit >>= 1;
        }
        table[i] = round(x);
        i += 1;
    }
    table
};

/// Binary places while the tables are built.
const FINE: u32 = 62;

const fn round(fine: u128) -> i64 {
    narrow((fine + (1 << (FINE - PLACES - 1))) >> (FINE - PLACES))
}

#[allow(clippy::cast_possible_truncation, reason = "callers have made sure that it fits 64 bits")]
const fn narrow(wide: u128) -> i64 {
    wide as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Luck, Purpose};

    /// As a float, to compare with functions on floats.
    fn float(n: i64) -> f64 {
        n as f64 / ONE as f64
    }

    #[track_caller]
    fn close(got: f64, expected: f64, tolerance: f64) {
        assert!((got - expected).abs() <= tolerance, "got {got}, expected {expected}");
    }

    #[test]
    fn tables_are_those_of_the_usual_functions() {
        for i in 0..=STEPS {
            let part = i as f64 / STEPS as f64;
            close(float(LOG2[i]), libm::log2(1.0 + part), 1e-9);
            close(float(EXP2[i]), libm::exp2(part), 1e-9);
            close(float(COS[i]), libm::cos(part * std::f64::consts::FRAC_PI_2), 1e-9);
        }
        close(float(LN_2), std::f64::consts::LN_2, 1e-9);
    }

    #[test]
    fn roots_are_exact() {
        let luck = Luck::new(1, Purpose::Setting, 0);
        let random = (0..10_000).map(|n| luck.at(n).bits() >> (25 + n % 39));
        let squares = (0..10_000_u64).flat_map(|n| [n * n, n * n + 1, (n * n).saturating_sub(1)]);
        for square in random.chain(squares).chain([(1 << 39) - 1]) {
            let exact = (u128::from(square) << PLACES).isqrt();
            assert_eq!(root(square), i64::try_from(exact).unwrap(), "{square}");
        }
    }

    #[test]
    fn cosines_go_all_around() {
        for counter in 0..10_000_u64 {
            let turn = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let angle = turn as f64 / 2_f64.powi(64) * std::f64::consts::TAU;
            close(float(cosine(turn)), libm::cos(angle), 4e-7);
        }
    }

    #[test]
    fn logarithms_and_powers_are_right_between_the_steps() {
        let luck = Luck::new(1, Purpose::Setting, 0);
        for counter in 0..10_000 {
            let n = luck.at(counter).bits() >> (counter % 64);
            let n = n.max(1);
            close(float(log2(n)), libm::log2(n as f64), 3e-7);
            let power = luck.at(counter).between(0, 80 << PLACES) as i64 - (40 << PLACES);
            let scaled = scale_by_power(1_000_000_000_000, power) as f64;
            let exact = 1e12 * libm::exp2(float(power));
            if exact < 1e19 {
                close(scaled, exact, exact * 3e-7 + 1.0);
            }
        }
    }

    #[test]
    fn powers_saturate() {
        assert_eq!(scale_by_power(1, 63 * ONE), 1 << 63);
        assert_eq!(scale_by_power(2, 63 * ONE), u64::MAX);
        assert_eq!(scale_by_power(1, i64::MAX), u64::MAX);
        assert_eq!(scale_by_power(0, i64::MAX), 0);
        assert_eq!(scale_by_power(u64::MAX, -64 * ONE), 0);
        assert_eq!(scale_by_power(u64::MAX, i64::MIN), 0);
        assert_eq!(scale_by_power(u64::MAX, 0), u64::MAX);
        assert_eq!(scale_by_power(12, -2 * ONE), 3);
    }

    #[test]
    fn normal_draws_have_the_moments_and_tails_of_the_normal_distribution() {
        const DRAWS: usize = 200_000;
        let luck = Luck::new(7, Purpose::Uplink, 0);
        let mut values: Vec<f64> = (0..DRAWS as u64)
            .map(|counter| {
                let mut draw = luck.at(counter);
                float(normal([draw.bits(), draw.bits()]))
            })
            .collect();
        let mean = values.iter().sum::<f64>() / DRAWS as f64;
        let variance = values.iter().map(|v| v * v).sum::<f64>() / DRAWS as f64;
        close(mean, 0.0, 0.01);
        close(variance, 1.0, 0.02);
        values.sort_by(f64::total_cmp);
        for (place, quantile, tolerance) in [
            (200, -3.0902, 0.1),
            (2_000, -2.3263, 0.03),
            (50_000, -0.6745, 0.02),
            (100_000, 0.0, 0.02),
            (198_000, 2.3263, 0.03),
        ] {
            close(values[place], quantile, tolerance);
        }
    }
}
