//! Scenarios by luck: from a seed, a whole valid scenario as text, so that every failure is a file.
//!
//! Each seed switches whole families of operations, faults and options on or off: a random subset finds what
//! everything slightly on would hide (swarm testing). Times are short and the settle phase is long, so that
//! every bound of the liveness oracles fits. Not here: steps (`story`), or running the result (`explore`).

mod story;

use std::fmt::Write as _;

use crate::base::rng::{Draw, Luck, Purpose};
use crate::proto::swarm::{
    Crowd, Families, Family, MAILBOX_MOST, SHORT_LEASES, SHORT_REFRESHES, SHORT_TTLS, chance, pick,
    short_grace,
};
use crate::scenario::plan::SuiteName;

/// Names of devices; a scenario takes the first two to five.
const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
/// Names that begin alike: tables are searched by whole names.
const ALIKE: [&str; 5] = ["ann", "anna", "anne", "annie", "bob"];
/// One seed in so many runs the real cryptography, unless a suite is asked for.
const REAL_ONE_IN: u64 = 8;
/// How long steps may act, in seconds.
const ACTIVE: [u64; 3] = [90, 180, 300];

/// Draws of different kinds, so that one more draw of a kind leaves the others unchanged.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Kind {
    Families = 0,
    Size = 1,
    Devices = 2,
    Network = 3,
    Server = 4,
    Story = 5,
    Names = 6,
}

/// What is decided before anything is written.
struct Frame {
    families: Families,
    devices: Crowd,
    /// How long steps may act, in seconds.
    active: u64,
}

/// The ID of a seed's scenario.
#[must_use]
pub fn id(seed: u64) -> String {
    format!("SWARM-{seed}")
}

/// A scenario for `seed`: it resolves without errors, and has nobody's expectations but the invariants.
#[must_use]
pub fn generate(seed: u64, suite: Option<SuiteName>) -> String {
    let luck = |kind: Kind| Luck::new(seed, Purpose::Swarm, kind as u64).at(0);
    let mut size = luck(Kind::Size);
    let count = 2 + usize::from(chance(&mut size, 2)) + usize::from(chance(&mut size, 3)) * 2;
    let frame = Frame {
        families: Families::draw(&mut luck(Kind::Families)),
        devices: Crowd::draw(&mut size, &names(&luck)[..count]),
        active: pick(&mut size, &ACTIVE),
    };
    let real = size.below(REAL_ONE_IN) == 0;
    let drawn = if real { SuiteName::P256 } else { SuiteName::Model };
    let suite = suite.unwrap_or(drawn).word();
    let names = frame.families.names().join(", ");
    let mut text = format!(
        "peadsim: 1\nid: {}\ntitle: \"By luck: {names}\"\nsuite: {suite}\nseeds: {seed}\n",
        id(seed)
    );
    given(&frame, &mut luck(Kind::Devices), &mut text);
    devices(&frame, &mut luck(Kind::Devices), &mut text);
    server(&frame, &mut luck(Kind::Server), &mut text);
    network(&frame, &mut luck(Kind::Network), &mut text);
    text.push_str("steps:\n");
    for step in story::steps(&frame, &mut luck(Kind::Story)) {
        line(&mut text, &format!("  - {step}"));
    }
    line(&mut text, &format!("time: {{active: {}s, settle: 30m}}", frame.active));
    text
}

/// Who takes part: in one of four scenarios people with similar names.
fn names(luck: &impl Fn(Kind) -> Draw) -> [&'static str; 5] {
    if luck(Kind::Names).below(4) == 0 { ALIKE } else { NAMES }
}

impl Frame {
    fn has(&self, family: Family) -> bool {
        self.families.has(family)
    }
}

fn given(frame: &Frame, draw: &mut Draw, text: &mut String) {
    if !frame.has(Family::Warm) {
        return line(text, "given: cold");
    }
    let mut warm = vec![format!("[{}, {}]", frame.devices.names[0], frame.devices.names[1])];
    if frame.devices.names.len() > 2 && chance(draw, 2) {
        warm.push(format!("[{}, {}]", frame.devices.names[2], frame.devices.names[0]));
    }
    line(text, &format!("given: {{warm: [{}]}}", warm.join(", ")));
}

fn devices(frame: &Frame, draw: &mut Draw, text: &mut String) {
    line(text, "devices:");
    for device in &frame.devices.names {
        let mut keys = Vec::new();
        let mut table = Vec::new();
        if frame.has(Family::Capacity) {
            table.push(format!(
                "capacity: {}",
                draw.between(1, frame.devices.names.len() as u64 - 1)
            ));
        }
        if frame.has(Family::Volatile) && chance(draw, 2) {
            table.push("durable: false".to_owned());
        }
        if !table.is_empty() {
            keys.push(format!("table: {{{}}}", table.join(", ")));
        }
        if frame.has(Family::Push) && chance(draw, 2) {
            keys.push("receive: {push: true}".to_owned());
        } else {
            keys.push(format!("receive: {{poll: {}s}}", pick(draw, &[1, 3, 10, 30])));
        }
        if frame.has(Family::Refresh) {
            keys.push(format!("refresh: {}s", pick(draw, &SHORT_REFRESHES)));
        }
        if frame.has(Family::Cpu) {
            keys.push(format!("cpu: {}", pick(draw, &["cortex-m0plus", "cortex-m4", "phone"])));
        }
        line(text, &format!("  {device}: {{{}}}", keys.join(", ")));
    }
}

fn server(frame: &Frame, draw: &mut Draw, text: &mut String) {
    let mut mailbox = Vec::new();
    let mut keys = Vec::new();
    if frame.has(Family::Short) {
        let ttl = pick(draw, &SHORT_TTLS);
        mailbox.push(format!("ttl: {ttl}s"));
        // At least 5 % more than mail lives.
        keys.push(format!("directory: {{grace: {}s}}", short_grace(ttl)));
        keys.push(format!("lease: {}s", pick(draw, &SHORT_LEASES)));
    }
    if frame.has(Family::Mailbox) {
        mailbox.push(format!("messages: {}", draw.between(1, MAILBOX_MOST)));
    }
    if !mailbox.is_empty() {
        keys.push(format!("mailbox: {{{}}}", mailbox.join(", ")));
    }
    if !keys.is_empty() {
        line(text, &format!("server: {{{}}}", keys.join(", ")));
    }
}

fn network(frame: &Frame, draw: &mut Draw, text: &mut String) {
    let low = pick(draw, &[5, 40, 300]);
    let mut keys = vec![match draw.below(3) {
        0 => format!("latency: {low}ms"),
        1 => format!("latency: {{uniform: {low}ms..{}ms}}", low * 3),
        _ => format!("latency: {{lognormal: {{median: {low}ms, p99: {}ms}}}}", low * 10),
    }];
    if frame.has(Family::Bursts) {
        keys.push("loss: {bursts: {enter: 5%, leave: 30%}}".to_owned());
    } else if frame.has(Family::Loss) {
        keys.push(format!("loss: {}%", pick(draw, &[2, 10, 30])));
    }
    if frame.has(Family::Duplication) {
        keys.push(format!("duplicate: {}%", pick(draw, &[5, 30])));
    }
    if frame.has(Family::Reorder) {
        keys.push(format!("reorder: {{share: 30%, extra: {}s}}", pick(draw, &[1, 4])));
    }
    if frame.has(Family::Corruption) {
        keys.push(format!("corrupt: {}%", pick(draw, &[1, 5])));
    }
    line(text, &format!("network: {{default: {{{}}}}}", keys.join(", ")));
}

fn line(text: &mut String, line: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::diagnostics::Diagnostics;
    use crate::scenario::read::{Extras, read_text};
    use crate::scenario::resolve::resolve;

    /// Seeds of the property below.
    const SEEDS: u64 = 500;

    #[test]
    fn every_generated_scenario_resolves_without_errors() {
        let mut verbs = BTreeSet::new();
        for seed in 0..SEEDS {
            let text = generate(seed, None);
            let reading = read_text("swarm.yaml", &text, &Extras::default());
            let mut sink = reading.diagnostics.clone();
            let plan = reading.cases.first().and_then(|it| resolve(it, seed, "", &mut sink));
            let shown = || crate::scenario::render::render(&sink, &reading.sources, false);
            let Some(plan) = plan else { panic!("{}\n{text}", shown()) };
            assert!(!sink.has_errors(), "{}\n{text}", shown());
            verbs.extend(plan.steps.iter().map(|step| step.verb));
        }
        for verb in [
            "send", "rotate", "request", "compose", "press", "crash", "server-crash", "restore",
            "partition", "clog", "replay", "forge-key-reply", "reset-user", "mailbox-full",
        ] {
            assert!(verbs.contains(verb), "no seed does `{verb}`");
        }
    }

    #[test]
    fn a_seed_has_one_scenario_and_its_suite_changes_nothing_else() {
        assert_eq!(generate(7, None), generate(7, None));
        assert_ne!(generate(7, None), generate(8, None));
        let suites = [SuiteName::P256, SuiteName::Model].map(|suite| generate(7, Some(suite)));
        assert_eq!(suites[0].replace("suite: p256", "suite: model"), suites[1]);
    }

    #[test]
    fn nothing_is_on_or_off_always() {
        let sets = (0..SEEDS).map(|seed| {
            let luck = Luck::new(seed, Purpose::Swarm, Kind::Families as u64);
            Families::draw(&mut luck.at(0))
        });
        let sets: Vec<Families> = sets.collect();
        for family in Family::ALL {
            let on = sets.iter().filter(|it| it.has(*family)).count();
            assert!(on > 20 && on < 480, "{family:?} is on in {on} of {SEEDS}");
        }
        assert!(!Diagnostics::default().has_errors());
    }
}
