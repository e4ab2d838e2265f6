//! The search for the knee: the highest pace at which every objective holds.
//!
//! The pace doubles until an objective breaks, or is halved until all hold; then the interval is halved until
//! its ends are close; then the answer is confirmed by a longer probe, and lowered until one is. Every probe
//! waits until what it has sent is through, so that none inherits the backlog of the one before. Not here:
//! what a probe is.

use crate::base::time::Duration;

/// Paces that are tried at most, in percent of the plan's: three orders of magnitude to either side.
const PACES: (u64, u64) = (1, 100_000);
/// Probes that may confirm, each a step lower than the one before.
const CONFIRMING_MAX: u32 = 8;

/// How a search goes about.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The pace to begin with, in percent.
    pub first: u64,
    /// How close both ends of the interval have to be, in percent of the lower one.
    pub tolerance: u64,
    /// How long a probe is.
    pub probe: Duration,
    /// How long one that confirms is.
    pub confirm: Duration,
}

/// What a probe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Every objective holds.
    Holds,
    /// One does not.
    Breaks,
    /// The generator could not keep up.
    Void,
}

/// What a search comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knee {
    /// The highest pace that was confirmed, and the lowest one that was seen to break.
    At(u64, u64),
    /// Every pace holds that the generator can make; this is the highest of them.
    BeyondGenerator(u64),
    /// Every pace holds up to this one.
    Beyond(u64),
    /// No pace holds, not even the lowest.
    Nowhere,
    /// The generator cannot make any pace that was tried.
    Void,
    /// None was confirmed below this one.
    Unsteady(u64),
}

impl Search {
    /// Searches. `probe` is told the pace in percent, and how long to try it.
    ///
    /// # Errors
    /// Those of the probe.
    pub fn run<E>(
        &self,
        mut probe: impl FnMut(u64, Duration) -> Result<Probe, E>,
    ) -> Result<Knee, E> {
        let (mut holds, mut breaks) = (0, 0);
        // Whether the upper end is the server's, or the generator's.
        let mut is_void = false;
        let mut pace = self.first.clamp(PACES.0, PACES.1);
        // Two ends: one that holds and one that breaks.
        while holds == 0 || breaks == 0 {
            match probe(pace, self.probe)? {
                Probe::Holds => {
                    holds = pace;
                    if breaks == 0 {
                        if pace >= PACES.1 {
                            return Ok(Knee::Beyond(pace));
                        }
                        pace = (pace * 2).min(PACES.1);
                    }
                }
                end @ (Probe::Void | Probe::Breaks) => {
                    (breaks, is_void) = (pace, end == Probe::Void);
                    if holds == 0 {
                        if pace <= PACES.0 {
                            return Ok(if is_void { Knee::Void } else { Knee::Nowhere });
                        }
                        pace = (pace / 2).max(PACES.0);
                    }
                }
            }
        }
        while breaks - holds > 1 && breaks * 100 > holds * (100 + self.tolerance) {
            let middle = holds + (breaks - holds) / 2;
            match probe(middle, self.probe)? {
                Probe::Holds => holds = middle,
                end @ (Probe::Breaks | Probe::Void) => {
                    (breaks, is_void) = (middle, end == Probe::Void);
                }
            }
        }
        self.confirm((holds, breaks, is_void), probe)
    }

    /// Confirms the lower end; `is_void` says that the upper one is the generator's.
    fn confirm<E>(
        &self,
        (mut holds, mut breaks, mut is_void): (u64, u64, bool),
        mut probe: impl FnMut(u64, Duration) -> Result<Probe, E>,
    ) -> Result<Knee, E> {
        for _ in 0..CONFIRMING_MAX {
            match probe(holds, self.confirm)? {
                Probe::Holds if is_void => return Ok(Knee::BeyondGenerator(holds)),
                Probe::Holds => return Ok(Knee::At(holds, breaks)),
                end @ (Probe::Breaks | Probe::Void) => is_void = end == Probe::Void,
            }
            breaks = holds;
            // What a generator can only just make for a while is far above what it can make.
            let step = if is_void { self.tolerance * 2 } else { self.tolerance };
            holds = (holds * 100 / (100 + step)).min(holds - 1);
            if holds < PACES.0 {
                return Ok(Knee::Nowhere);
            }
        }
        Ok(if is_void { Knee::Void } else { Knee::Unsteady(breaks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const SEARCH: Search = Search {
        first: 100,
        tolerance: 2,
        probe: Duration::from_secs(1),
        confirm: Duration::from_secs(4),
    };

    /// A server with this capacity, and a generator that makes paces up to this one.
    fn search(capacity: u64, generator: u64) -> (Knee, Vec<u64>) {
        let mut probes = Vec::new();
        let knee = SEARCH.run(|pace, _| {
            probes.push(pace);
            Ok::<_, Infallible>(match pace {
                _ if pace > generator => Probe::Void,
                _ if pace > capacity => Probe::Breaks,
                _ => Probe::Holds,
            })
        });
        let Ok(knee) = knee;
        (knee, probes)
    }

    #[test]
    fn the_knee_is_found_within_the_tolerance() {
        for capacity in [1, 2, 7, 99, 100, 101, 333, 12_345, 99_999] {
            let (knee, probes) = search(capacity, u64::MAX);
            let Knee::At(holds, breaks) = knee else { panic!("{capacity}: {knee:?}") };
            assert!(holds <= capacity && capacity < breaks, "{capacity}: {knee:?}");
            assert!(breaks - holds <= 1 + holds / 50, "{capacity}: {knee:?}");
            assert_eq!(probes.last(), Some(&holds), "it is confirmed");
            assert!(probes.len() < 30, "{capacity}: {probes:?}");
        }
    }

    #[test]
    fn a_search_ends_where_nothing_breaks_or_nothing_holds() {
        assert_eq!(search(u64::MAX, u64::MAX).0, Knee::Beyond(PACES.1));
        let (Knee::BeyondGenerator(most), _) = search(u64::MAX, 900) else { panic!("it is bound") };
        assert!((883..=900).contains(&most), "{most}");
        assert!(matches!(search(500, 900).0, Knee::At(491..=500, _)), "the server breaks first");
        assert_eq!(search(0, u64::MAX).0, Knee::Nowhere);
    }

    #[test]
    fn a_longer_probe_lowers_the_answer() {
        let knee = SEARCH.run(|pace, long| {
            let capacity = if long == SEARCH.confirm { 190 } else { 200 };
            Ok::<_, Infallible>(if pace > capacity { Probe::Breaks } else { Probe::Holds })
        });
        let Ok(Knee::At(holds, breaks)) = knee else { panic!("{knee:?}") };
        assert!(holds <= 190 && (190..=200).contains(&breaks), "{knee:?}");
        let Ok(never) = SEARCH.run(|_, long| {
            Ok::<_, Infallible>(if long == SEARCH.confirm { Probe::Breaks } else { Probe::Holds })
        });
        assert!(matches!(never, Knee::Beyond(_)), "{never:?}");
    }
}
