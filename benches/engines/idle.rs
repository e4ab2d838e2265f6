//! The table of devices that poll: the bare model on both engines, hosts of `turmoil`, the whole world.
//!
//! Not here: how each of them runs (`bare`, `hosts`, `world`).

use std::time::Duration;

use crate::{Ran, bare, fastest, hosts, mix, world};

/// From one poll of a device to its next.
pub const PERIOD: Duration = Duration::from_secs(30);
/// Of a frame, one way.
pub const LATENCY: Duration = Duration::from_millis(50);
/// Virtual time of a run.
pub const SPAN: Duration = Duration::from_secs(300);

/// Devices of the comparison with `turmoil`, and of the growth that follows.
const HOSTS: [u32; 3] = [10, 100, 400];
const FLEETS: [u32; 3] = [1_000, 10_000, 100_000];
/// The default of `turmoil`, and the longest that still delivers in time.
const TICKS: [Duration; 2] = [Duration::from_millis(1), LATENCY];
/// Runs of which the fastest counts; of `turmoil` and of what is judged, one.
const RUNS: u32 = 3;

/// When a device polls first: fleets do not act in step. The last answer comes well before the end.
pub fn first_poll(device: u32) -> Duration {
    Duration::from_millis(1 + mix(u64::from(device)) % 29_000)
}

pub fn compare() {
    println!("\nidle devices polling every {PERIOD:?} over {LATENCY:?}, {SPAN:?} of virtual time:");
    let mut smallest = None;
    for devices in HOSTS.into_iter().chain(FLEETS) {
        println!("{devices} devices");
        let costs = fleet(devices);
        if FLEETS.contains(&devices) {
            growth(costs, *smallest.get_or_insert(costs));
        }
    }
}

/// Compares at one size; seconds for an event of the world, alone and judged, and of both bare models.
fn fleet(devices: u32) -> [f64; 4] {
    let plan = world::plan(devices);
    let mut span = SPAN;
    let alone = fastest(RUNS, || {
        let whole = world::alone(&plan);
        span = Duration::from_nanos(whole.span.as_nanos());
        whole.ran
    });
    let (judged, digest) = world::judged(&plan);
    assert_eq!(judged.events, alone.events, "judging changes nothing");
    let speed = |ran: Ran, span: Duration| span.as_secs_f64() / ran.secs;
    let world = speed(alone, span);
    let line = |name: &str, ran: Ran, span, digest: &str| {
        println!(
            "  {name:<23} {:>8} events, {:>8.2} thousand/s, {:>11.3} virtual s/s, {:.2e} of the \
             world's, digest {digest}",
            ran.events,
            ran.thousands_per_sec(),
            speed(ran, span),
            speed(ran, span) / world,
        );
    };
    line("world", alone, span, &digest);
    line("world, judged", judged, span, "the same");
    let engine = fastest(RUNS, || bare::ours(devices, SPAN));
    let nexosim = fastest(RUNS, || bare::theirs(devices, SPAN));
    assert_eq!(
        (engine.events, engine.digest),
        (nexosim.events, nexosim.digest),
        "both do the same"
    );
    for (name, ran) in [("bare, engine", engine), ("bare, nexosim", nexosim)] {
        line(name, ran, SPAN, &format!("{:016x}", ran.digest));
    }
    for tick in TICKS.into_iter().filter(|_| HOSTS.contains(&devices)) {
        let span = hosts::span(devices, tick);
        let turmoil = hosts::run(devices, tick, span);
        if tick == TICKS[0] {
            let bare = bare::ours(devices, span);
            assert_eq!((turmoil.events, turmoil.digest), (bare.events, bare.digest), "on time");
        }
        let name = format!("turmoil, {tick:?}, {span:?}");
        line(&name, turmoil, span, &format!("{:016x}", turmoil.digest));
    }
    [alone, judged, engine, nexosim].map(|ran| ran.secs / ran.events as f64)
}

/// Cost of an event against that in the smallest fleet.
fn growth(now: [f64; 4], smallest: [f64; 4]) {
    let [alone, judged, engine, nexosim] = std::array::from_fn(|n| now[n] / smallest[n]);
    println!(
        "  an event costs, against {} devices: world {alone:.2}, judged {judged:.2}, bare engine \
         {engine:.2}, bare nexosim {nexosim:.2}",
        FLEETS[0]
    );
}
