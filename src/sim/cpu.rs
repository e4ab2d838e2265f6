//! Virtual processors: what a turn's cryptographic work costs in time and energy.
//!
//! The figures are assumptions, meant to be right within a factor of two or three: portable software
//! without accelerators, as published cycle counts of small P-256, SHA-256 and AES libraries give them
//! (about 10 M cycles for a scalar multiplication on an M0+, 1.5 M on an M4), at 48, 64 and 2 000 MHz, and
//! an active power of 15, 10 and 1 000 mW. Not here: the server, whose work costs no virtual time.

use crate::base::time::Duration;
use crate::proto::work::Work;
use crate::scenario::plan::Cpu;

/// Time for each primitive, in nanoseconds, and the power drawn meanwhile.
#[derive(Clone, Copy, Debug)]
struct Costs {
    keygen: u64,
    agree: u64,
    sign: u64,
    verify: u64,
    kdf: u64,
    aead: u64,
    aead_octet: u64,
    microwatts: u64,
}

const CORTEX_M0_PLUS: Costs = Costs {
    keygen: 85_000_000,
    agree: 210_000_000,
    sign: 105_000_000,
    verify: 250_000_000,
    kdf: 800_000,
    aead: 400_000,
    aead_octet: 8_300,
    microwatts: 15_000,
};

const CORTEX_M4: Costs = Costs {
    keygen: 8_000_000,
    agree: 24_000_000,
    sign: 10_000_000,
    verify: 27_000_000,
    kdf: 300_000,
    aead: 160_000,
    aead_octet: 1_900,
    microwatts: 10_000,
};

const PHONE: Costs = Costs {
    keygen: 25_000,
    agree: 60_000,
    sign: 30_000,
    verify: 70_000,
    kdf: 2_000,
    aead: 1_000,
    aead_octet: 2,
    microwatts: 1_000_000,
};

/// What a piece of work costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// How long the processor is busy.
    pub time: Duration,
    /// Energy in nanojoules.
    pub energy: u64,
}

/// The price of `work` on `cpu`.
#[must_use]
pub fn price(cpu: Cpu, work: &Work) -> Price {
    let costs = match cpu {
        Cpu::Free => return Price::default(),
        Cpu::CortexM0Plus => CORTEX_M0_PLUS,
        Cpu::CortexM4 => CORTEX_M4,
        Cpu::Phone => PHONE,
    };
    let nanos = [
        (costs.keygen, u64::from(work.keygen)),
        (costs.agree, u64::from(work.agree)),
        (costs.sign, u64::from(work.sign)),
        (costs.verify, u64::from(work.verify)),
        (costs.kdf, u64::from(work.kdf)),
        (costs.aead, u64::from(work.aead)),
        (costs.aead_octet, work.aead_octets),
    ]
    .into_iter()
    .fold(0_u64, |sum, (cost, count)| sum.saturating_add(cost.saturating_mul(count)));
    let time = Duration::from_nanos(nanos);
    Price { time, energy: time.scale(costs.microwatts, MICROWATT_NANOS_PER_NANOJOULE).as_nanos() }
}

/// One microwatt for this many nanoseconds is one nanojoule.
const MICROWATT_NANOS_PER_NANOJOULE: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_visibly_dearer_than_a_hit() {
        let hit = Work { kdf: 1, aead: 1, aead_octets: 64, ..Work::default() };
        let miss = Work { agree: 1, verify: 1, kdf: 3, ..hit };
        for cpu in [Cpu::CortexM0Plus, Cpu::CortexM4, Cpu::Phone] {
            let (hit, miss) = (price(cpu, &hit), price(cpu, &miss));
            assert!(miss.time > hit.time.times(20), "{cpu:?}: {} against {}", miss.time, hit.time);
            assert!(miss.energy > 20 * hit.energy, "{cpu:?}");
        }
        assert_eq!(price(Cpu::Free, &miss), Price::default());
    }

    #[test]
    fn energy_is_power_times_time() {
        let sign = Work { sign: 1, ..Work::default() };
        let price = price(Cpu::CortexM4, &sign);
        // 10 mW for 10 ms.
        assert_eq!((price.time, price.energy), (Duration::from_millis(10), 100_000));
    }
}
