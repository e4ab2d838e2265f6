//! Mistakes on the line: whatever a device does there, the harness ends in time and names the mistake.
//!
//! Not here: what is wrong in the device's own protocol (`cli_conform`, the kill matrix).

use std::time::{Duration, Instant};

use crate::cli::Place;

/// A text each way, with a fence, and an approval's worth of events in between.
const EXCHANGE: &str = "\
peadsim: 1
id: EXCHANGE
title: Texts both ways
requirements: {positive: [C09-R1]}
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello, at: 1s}
  - fence: {as: f1, by: alice, after: m1.displayed, delay: 1s}
  - send: {as: m2, from: bob, to: alice, text: hello yourself, after: f1.reached, delay: 1s}
expect:
  - displayed: {message: m1, text: hello, count: 1}
  - displayed: {message: m2, text: hello yourself, count: 1}
time: {active: 1m, settle: 1m}
";

/// How long a harness may be busy with a device that makes a mistake.
const BOUND: Duration = Duration::from_secs(60);

fn check(flaw: &str, exit: i32, parts: &[&str]) {
    let place = Place::new().with("exchange.yaml", EXCHANGE);
    let device = format!("{} device --fault {flaw}", env!("CARGO_BIN_EXE_peadsim"));
    #[allow(clippy::disallowed_methods, reason = "what is bounded here is real time")]
    let start = Instant::now();
    let patience = ["--patience", "1s", "--hello-patience", "1s"];
    let args = [["conform", "--exec", &device, "exchange.yaml"], patience].concat();
    let done = place.run(&args);
    assert!(start.elapsed() < BOUND, "{flaw} took {:?}", start.elapsed());
    let said = |part: &&&str| done.out.contains(**part) || done.err.contains(**part);
    let any = parts.is_empty() || parts.iter().any(|part| said(&part));
    assert!(any, "{flaw}: none of {parts:?} in\n{}\n{}", done.out, done.err);
    assert_eq!(done.exit, exit, "{flaw}\n{}\n{}", done.out, done.err);
}

const LATE: &[&str] = &["late output"];

#[test]
fn every_mistake_is_named() {
    for (flaw, exit, parts) in [
        ("null", 4, &["no answer to `hello` within 1s: it hangs"][..]),
        ("mute-after-hello", 4, &["no answer to `harness.probe-"]),
        ("non-json", 1, &["a line is no message: expected value at line 1 column 1"]),
        ("log-on-stdout", 1, &["does the device log to its standard output?"]),
        (
            "no-flush",
            4,
            &["no answer to `hello` within 1s: it hangs, or its output is not flushed"],
        ),
        ("split-frame", 0, &["1 pass"]),
        ("ten-mb-line", 1, &["a line is longer than 131072 octets: a newline is missing"]),
        ("invalid-utf8", 1, &["a line is not UTF-8"]),
        ("wrong-reply", 1, &["a reply to request 1, while 5 is open"]),
        ("duplicate-seq", 1, &["event 1 follows event 1: numbers count from 1 without gaps"]),
        ("wrong-version", 4, &["it speaks version 2, this is version 1"]),
        ("slow-loris", 1, &["a newline is missing, or it comes too slowly"]),
        ("exit-mid-test", 1, &["the device closed the line (exit status: 0)"]),
        (
            "abort",
            1,
            &[
                "the device closed the line (signal: 6",
                "the device closed the line (exit status: 134",
            ],
        ),
        (
            "grandchild-keeps-pipe",
            1,
            &["the device ended (exit status: 0), but something that it started"],
        ),
        ("hang-on-shutdown", 1, &["no answer to `shutdown` within 3s"]),
        ("clock-backwards", 1, &["which is not within", "late output"]),
        ("lying-fence", 1, &["was its last, but 0 came: an event is lost, or comes late"]),
        ("late-output", 1, LATE),
        ("grease-crash", 4, &["the device closed the line"]),
        ("duplicate-key", 1, &["the key `v` comes twice"]),
        ("under-declares", 1, &["but the device declares no `facts`"]),
        (
            "over-declares",
            1,
            &["`user.act` is refused, though it is asked for only when it is declared"],
        ),
    ] {
        check(flaw, exit, parts);
    }
}

#[test]
fn the_mistakes_are_listed() {
    let done = Place::new().run(&["device", "--help"]);
    for flaw in ["null", "lying-fence", "over-declares"] {
        assert!(done.out.contains(flaw), "{}", done.out);
    }
    let done = Place::new().run(&["device", "--fault", "nul"]);
    assert!(done.exit == 2 && done.err.contains("null"), "{}", done.err);
}
