//! The fate of each frame on a link, and what a link remembers from frame to frame.
//!
//! Not here: what a frame says, or where its arrivals wait. Who calls what is said in `network`.

use crate::base::rng::{Draw, Luck};
use crate::base::time::{Duration, Instant};
use crate::network::config::{Bandwidth, LinkConfig, Loss};
use crate::network::fault::{Conditions, Cut, FaultId};
use crate::network::fixed;

/// What becomes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It arrives nowhere.
    Drop(Reason),
    /// A clog holds it: keep it behind those held before, and send it again when the link is
    /// released. Nothing was drawn for it yet.
    Held(FaultId),
    /// It arrives.
    Deliver {
        /// How.
        first: Arrival,
        /// A second time, when it is duplicated.
        duplicate: Option<Arrival>,
    },
}

/// One arrival of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// How long after the call.
    pub delay: Duration,
    /// The number of the bit that is changed, if one is; see [`flip`].
    pub corrupt: Option<u64>,
    /// Was it sent the long way round?
    pub reordered: bool,
}

/// Which rule or fault lost a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// The link's independent loss, or that of its good state.
    Loss,
    /// The link's burst loss.
    Burst,
    /// A loss episode.
    Episode(FaultId),
    /// The bandwidth's queue had no room for it.
    QueueFull,
    /// It is longer than the link takes.
    TooBig,
    /// The device was off the network.
    LinkDown(FaultId),
    /// A partition.
    Partition(FaultId),
}

/// What a link remembers from frame to frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkState {
    /// When the last octet that waits will have left.
    busy_until: Instant,
    /// How many frames met their fate: the number of the next one.
    frames: u64,
    /// Is a burst of losses going on?
    bad: bool,
}

impl LinkState {
    /// The fate of a frame of `len` octets that is sent now: delays count from the sending. For the
    /// uplink.
    pub fn send(
        &mut self,
        config: &LinkConfig,
        conditions: &Conditions,
        luck: &Luck,
        now: Instant,
        len: usize,
    ) -> Fate {
        if let Some(reason) = Self::refuse(config, conditions, len) {
            self.frames += 1;
            return Fate::Drop(reason);
        }
        if let Some(fault) = conditions.clog {
            return Fate::Held(fault);
        }
        let frame = self.frames;
        self.frames += 1;
        let Some(wait) = self.transmit(config.bandwidth, now, len) else {
            return Fate::Drop(Reason::QueueFull);
        };
        let loss = conditions.loss.map_or(config.loss, |(_, loss)| loss);
        let base = wait + conditions.extra;
        if let Some(latency) = config.only_delay().filter(|_| loss == Loss::NONE) {
            self.bad = false;
            let delay = base + latency;
            let first = Arrival { delay, corrupt: None, reordered: false };
            return Fate::Deliver { first, duplicate: None };
        }
        self.draw(config, conditions, luck.at(frame), base, len)
    }

    /// The fate of a frame that comes in now, the floor of the latency after it was sent: delays
    /// count from now. For the downlink.
    pub fn ingress(
        &mut self,
        config: &LinkConfig,
        conditions: &Conditions,
        luck: &Luck,
        now: Instant,
        len: usize,
    ) -> Fate {
        let rest = |arrival: Arrival| Arrival {
            delay: arrival.delay.saturating_sub(config.min_delay()),
            ..arrival
        };
        match self.send(config, conditions, luck, now, len) {
            Fate::Deliver { first, duplicate } => {
                Fate::Deliver { first: rest(first), duplicate: duplicate.map(rest) }
            }
            fate @ (Fate::Drop(_) | Fate::Held(_)) => fate,
        }
    }

    /// Why the frame does not even get into the queue, if so.
    fn refuse(config: &LinkConfig, conditions: &Conditions, len: usize) -> Option<Reason> {
        match conditions.cut {
            Some(Cut::Partition(fault)) => Some(Reason::Partition(fault)),
            Some(Cut::Down(fault)) => Some(Reason::LinkDown(fault)),
            None if config.frame_max.is_some_and(|max| len > max as usize) => Some(Reason::TooBig),
            None => None,
        }
    }

    /// Queues the frame and says how long it takes until its last octet has left; `None` without
    /// room. A frame that is lost later takes its time as well.
    fn transmit(
        &mut self,
        bandwidth: Option<Bandwidth>,
        now: Instant,
        len: usize,
    ) -> Option<Duration> {
        let Some(Bandwidth { rate, queue }) = bandwidth else { return Some(Duration::ZERO) };
        let backlog = self.busy_until.since(now).scale(rate, NANOS_PER_SEC).as_nanos();
        let waits = self.busy_until > now;
        if waits && backlog.saturating_add(len as u64) > queue {
            return None;
        }
        let transmission = Duration::from_nanos(len as u64).scale(NANOS_PER_SEC, rate.max(1));
        self.busy_until = self.busy_until.max(now) + transmission;
        Some(self.busy_until.since(now))
    }

    /// Asks luck. Every question has its place among the draws, asked or not; a change of the
    /// places is a new version of the draws.
    fn draw(
        &mut self,
        config: &LinkConfig,
        conditions: &Conditions,
        mut draw: Draw,
        base: Duration,
        len: usize,
    ) -> Fate {
        let [change, burst, loss, corrupt, bit, duplicate, reorder] =
            std::array::from_fn(|_| draw.bits());
        let [first, second, extra] = std::array::from_fn(|_| [draw.bits(), draw.bits()]);
        if let Some(reason) = self.lose(config, conditions, [change, burst, loss]) {
            return Fate::Drop(reason);
        }
        let bits = 8 * len as u64;
        let corrupt = (bits > 0 && config.corrupt.hits(corrupt)).then(|| fixed::below(bits, bit));
        let arrival = |luck| {
            let delay = base + config.latency.sample_from(luck);
            Arrival { delay, corrupt, reordered: false }
        };
        let mut first = arrival(first);
        if let Some(rule) = config.reorder.as_ref().filter(|rule| rule.probability.hits(reorder)) {
            first.delay += rule.extra.sample_from(extra);
            first.reordered = true;
        }
        Fate::Deliver {
            first,
            duplicate: config.duplicate.hits(duplicate).then(|| arrival(second)),
        }
    }

    /// Whether the frame is lost, and to which rule.
    fn lose(
        &mut self,
        config: &LinkConfig,
        conditions: &Conditions,
        [change, burst, independent]: [u64; 3],
    ) -> Option<Reason> {
        let (fault, loss) = match conditions.loss {
            Some((fault, loss)) => (Some(fault), loss),
            None => (None, config.loss),
        };
        let reason = match loss.bursts {
            None => {
                self.bad = false;
                None
            }
            Some(rule) => {
                let turns = if self.bad { rule.leave } else { rule.enter };
                self.bad ^= turns.hits(change);
                let (share, reason) = if self.bad {
                    (rule.loss_bad, Reason::Burst)
                } else {
                    (rule.loss_good, Reason::Loss)
                };
                share.hits(burst).then_some(reason)
            }
        };
        let reason = reason.or_else(|| loss.independent.hits(independent).then_some(Reason::Loss));
        reason.map(|reason| fault.map_or(reason, Reason::Episode))
    }
}

/// Changes the bit with this number, the highest of the first octet being number 0. Does nothing
/// beyond the end.
pub fn flip(octets: &mut [u8], bit: u64) {
    let octet = usize::try_from(bit / 8).ok().and_then(|index| octets.get_mut(index));
    if let Some(octet) = octet {
        *octet ^= 0x80 >> (bit % 8);
    }
}

const NANOS_PER_SEC: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Purpose;
    use crate::base::units::Ratio;
    use crate::network::config::{GilbertElliott, Reorder};
    use crate::network::fault::{Direction, Effect, LinkFaults};
    use crate::network::latency::{Distribution, Latency};

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const LUCK: Luck = Luck::new(1, Purpose::Uplink, 3);
    const FRAMES: u64 = 20_000;

    fn link(distribution: Distribution) -> LinkConfig {
        LinkConfig::new(Latency::new(distribution, None).expect("well formed"))
    }

    fn constant() -> LinkConfig {
        link(Distribution::Constant(MS(40)))
    }

    fn uniform() -> LinkConfig {
        link(Distribution::Uniform { low: MS(40), high: MS(60) })
    }

    fn reorder() -> Reorder {
        let extra = Latency::constant(MS(100)).expect("well formed");
        Reorder { probability: Ratio::from_percent(10), extra }
    }

    fn bursts(loss_good: u64, loss_bad: u64) -> GilbertElliott {
        GilbertElliott {
            enter: Ratio::from_percent(1),
            leave: Ratio::from_percent(20),
            loss_good: Ratio::from_percent(loss_good),
            loss_bad: Ratio::from_percent(loss_bad),
        }
    }

    /// The fates of frames of 100 octets, one every 10 ms.
    fn fates(config: &LinkConfig, conditions: &Conditions, frames: u64) -> Vec<Fate> {
        config.check().expect("well formed");
        let mut state = LinkState::default();
        (0..frames)
            .map(|n| state.send(config, conditions, &LUCK, Instant::START + MS(10 * n), 100))
            .collect()
    }

    fn delay(fate: Fate) -> Option<Duration> {
        match fate {
            Fate::Deliver { first, .. } => Some(first.delay),
            Fate::Drop(_) | Fate::Held(_) => None,
        }
    }

    /// Per cent of the fates for which it holds.
    fn percent(fates: &[Fate], holds: impl Fn(&Fate) -> bool) -> f64 {
        100.0 * fates.iter().filter(|fate| holds(fate)).count() as f64 / fates.len() as f64
    }

    #[track_caller]
    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 0.1 * expected + 0.1, "got {got}, expected {expected}");
    }

    #[test]
    fn a_certain_link_decides_the_same_with_and_without_draws() {
        let config = constant();
        for (n, fate) in fates(&config, &Conditions::CLEAR, 100).into_iter().enumerate() {
            let drawn = LinkState::default().draw(
                &config,
                &Conditions::CLEAR,
                LUCK.at(n as u64),
                Duration::ZERO,
                100,
            );
            assert_eq!(fate, drawn);
            assert_eq!(delay(fate), Some(MS(40)));
        }
    }

    #[test]
    fn rules_hit_as_often_as_they_say() {
        let config = LinkConfig {
            loss: Loss { independent: Ratio::from_percent(5), bursts: None },
            duplicate: Ratio::from_percent(3),
            reorder: Some(reorder()),
            corrupt: Ratio::from_percent(2),
            ..uniform()
        };
        let fates = fates(&config, &Conditions::CLEAR, FRAMES);
        close(percent(&fates, |fate| *fate == Fate::Drop(Reason::Loss)), 5.0);
        let arrives = |holds: fn(&Arrival, &Option<Arrival>) -> bool| {
            percent(&fates, |fate| match fate {
                Fate::Deliver { first, duplicate } => holds(first, duplicate),
                Fate::Drop(_) | Fate::Held(_) => false,
            })
        };
        close(arrives(|_, duplicate| duplicate.is_some()), 0.95 * 3.0);
        close(arrives(|first, _| first.corrupt.is_some_and(|bit| bit < 800)), 0.95 * 2.0);
        close(arrives(|first, _| first.reordered && first.delay >= MS(140)), 0.95 * 10.0);
        assert!(fates.iter().filter_map(|fate| delay(*fate)).all(|delay| delay >= MS(40)));
    }

    #[test]
    fn turning_one_knob_leaves_the_other_answers_alone() {
        let all = LinkConfig {
            loss: Loss { independent: Ratio::from_percent(5), bursts: Some(bursts(1, 80)) },
            duplicate: Ratio::from_percent(20),
            reorder: Some(reorder()),
            corrupt: Ratio::from_percent(20),
            ..uniform()
        };
        let plain = fates(&uniform(), &Conditions::CLEAR, 1_000);
        let rich = fates(&all, &Conditions::CLEAR, 1_000);
        let undisturbed = |fate: &Fate| match fate {
            Fate::Deliver { first, .. } => !first.reordered,
            Fate::Drop(_) | Fate::Held(_) => false,
        };
        let pairs = plain.iter().zip(&rich).filter(|(_, rich)| undisturbed(rich));
        assert!(pairs.clone().count() > 500);
        for (plain, rich) in pairs {
            assert_eq!(delay(*plain), delay(*rich));
        }
    }

    #[test]
    fn bursts_have_the_share_and_length_of_their_rule() {
        let loss = Loss { independent: Ratio::ZERO, bursts: Some(bursts(0, 100)) };
        let fates = fates(&LinkConfig { loss, ..constant() }, &Conditions::CLEAR, 10 * FRAMES);
        let lost: Vec<bool> = fates.iter().map(|f| *f == Fate::Drop(Reason::Burst)).collect();
        close(percent(&fates, |fate| delay(*fate).is_none()), 100.0 / 21.0);
        let starts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        close(lost.iter().filter(|lost| **lost).count() as f64 / starts as f64, 5.0);
    }

    #[test]
    fn a_loss_episode_overrides_the_loss_of_the_link_and_is_named() {
        let mut faults = LinkFaults::default();
        let episode = Loss { independent: Ratio::ONE, bursts: None };
        faults.begin(FaultId(4), Direction::Up, Effect::Loss(episode));
        faults.begin(FaultId(5), Direction::Up, Effect::Delay(MS(7)));
        let lost = Fate::Drop(Reason::Episode(FaultId(4)));
        assert_eq!(fates(&constant(), &faults.uplink(), 3), [lost; 3]);
        assert_eq!(faults.end(FaultId(4)), Default::default());
        assert_eq!(delay(fates(&constant(), &faults.uplink(), 1)[0]), Some(MS(47)));
    }

    #[test]
    fn cuts_lose_and_clogs_hold_without_a_draw() {
        let check = |effect, expected: Fate| {
            let mut faults = LinkFaults::default();
            faults.begin(FaultId(1), Direction::Both, effect);
            let mut state = LinkState::default();
            let fate = state.send(&uniform(), &faults.uplink(), &LUCK, Instant::START, 100);
            assert_eq!(fate, expected);
            state.frames
        };
        assert_eq!(check(Effect::Partition, Fate::Drop(Reason::Partition(FaultId(1)))), 1);
        assert_eq!(check(Effect::Down, Fate::Drop(Reason::LinkDown(FaultId(1)))), 1);
        assert_eq!(check(Effect::Clog, Fate::Held(FaultId(1))), 0);
    }

    #[test]
    fn bandwidth_queues_frames_up_to_its_bound() {
        let bandwidth = Some(Bandwidth { rate: 10_000, queue: 250 });
        let config = LinkConfig { bandwidth, frame_max: Some(1_000), ..constant() };
        let mut state = LinkState::default();
        let mut send = |millis, len| {
            state.send(&config, &Conditions::CLEAR, &LUCK, Instant::START + MS(millis), len)
        };
        let fates: Vec<Fate> =
            [(0, 100), (0, 100), (0, 100), (10, 100), (10, 1_001), (500, 1_000), (500, 1)]
                .map(|(millis, len)| send(millis, len))
                .into();
        let delays: Vec<Option<Duration>> = fates.iter().map(|fate| delay(*fate)).collect();
        let (ten, idle) = (Some(MS(50)), Some(MS(140)));
        assert_eq!(delays, [ten, Some(MS(60)), None, Some(MS(60)), None, idle, None]);
        assert_eq!(fates[2], Fate::Drop(Reason::QueueFull));
        assert_eq!(fates[4], Fate::Drop(Reason::TooBig));
    }

    #[test]
    fn an_ingress_adds_the_rest_of_the_delay_that_a_sending_draws() {
        let config = LinkConfig { duplicate: Ratio::from_percent(50), ..uniform() };
        let (mut sending, mut coming) = (LinkState::default(), LinkState::default());
        for _ in 0..100 {
            let (clear, now) = (Conditions::CLEAR, Instant::START);
            let whole = sending.send(&config, &clear, &LUCK, now, 10);
            let rest = coming.ingress(&config, &clear, &LUCK, now, 10);
            let (whole, rest) = (delay(whole).expect("no loss"), delay(rest).expect("no loss"));
            assert_eq!(rest + MS(40), whole);
        }
    }

    #[test]
    fn fates_are_pinned_to_the_version_of_the_draws() {
        let config = LinkConfig {
            loss: Loss { independent: Ratio::from_percent(20), bursts: Some(bursts(1, 80)) },
            duplicate: Ratio::from_percent(20),
            reorder: Some(reorder()),
            corrupt: Ratio::from_percent(20),
            bandwidth: Some(Bandwidth { rate: 100_000, queue: 1_000 }),
            ..uniform()
        };
        let text: Vec<String> = fates(&config, &Conditions::CLEAR, 8)
            .iter()
            .map(|fate| match fate {
                Fate::Drop(reason) => format!("{reason:?}"),
                Fate::Held(fault) => format!("held by {fault}"),
                Fate::Deliver { first, duplicate } => {
                    let second = duplicate.map(|arrival| arrival.delay.as_nanos());
                    let Arrival { delay, corrupt, reordered } = first;
                    format!("{} {corrupt:?} {reordered} {second:?}", delay.as_nanos())
                }
            })
            .collect();
        insta::assert_snapshot!(text.join("\n"), @"
        Loss
        42510436 None false None
        149612983 None true None
        42910160 None false None
        41105264 None false Some(44000803)
        Loss
        48044237 Some(388) false None
        45697529 Some(456) false Some(58643292)
        ");
    }

    #[test]
    fn a_flip_changes_one_bit_and_none_beyond_the_end() {
        let mut octets = [0_u8; 2];
        flip(&mut octets, 9);
        assert_eq!(octets, [0, 0x40]);
        flip(&mut octets, 16);
        assert_eq!(octets, [0, 0x40]);
    }
}
