//! `peadsim conform` from outside: devices that are processes, good ones, bad ones and none at all.
//!
//! Not here: sentences of a broken link in detail, or that times are kept (`outside`).

use crate::cli::{Done, Place};

/// A device sends a text, gets one and sends another.
const EXCHANGE: &str = "\
peadsim: 1
id: EXCHANGE
title: Texts both ways
requirements: {positive: [C09-R1]}
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello, at: 1s}
  - send: {as: m2, from: bob, to: alice, text: hello yourself, after: m1.displayed, delay: 1s}
  - send: {from: alice, to: bob, text: well, after: m2.displayed, delay: 1s}
expect:
  - displayed: {message: m1, text: hello, count: 1}
  - displayed: {message: m2, text: hello yourself, count: 1}
time: {active: 1m, settle: 1m}
";

/// What answers the greeting and the probe like the reference, and then nothing.
const MUTE: &str = r#"
n=0
while read -r line; do
  n=$((n+1))
  case $n in
    1) echo "$line" | PEADSIM device ;;
    2) echo '{"v":1,"re":2,"err":{"code":"unimplemented","definite":true,"text":"?"}}' ;;
    3) echo '{"v":1,"re":3,"ok":{}}' ;;
    *) sleep 30 ;;
  esac
done
"#;

fn conform(place: &Place, device: &str, more: &[&str]) -> Done {
    let mut args = vec!["conform", "--exec", device, "--patience", "500ms", "exchange.yaml"];
    args.extend(more);
    place.run(&args)
}

fn place() -> Place {
    Place::new().with("exchange.yaml", EXCHANGE)
}

fn program(rest: &str) -> String {
    format!("{} {rest}", env!("CARGO_BIN_EXE_peadsim"))
}

fn check(done: &Done, exit: i32, parts: &[&str]) {
    for part in parts {
        let said = done.out.contains(part) || done.err.contains(part);
        assert!(said, "no `{part}` in\n{}\n{}", done.out, done.err);
    }
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

/// The line of a summary that begins with this word.
fn line<'a>(done: &'a Done, word: &str) -> &'a str {
    let found = done.out.lines().find(|line| line.starts_with(word));
    found.unwrap_or_else(|| panic!("no line `{word}` in {}", done.out))
}

#[test]
fn the_reference_device_passes_and_does_what_it_does_inside() {
    let place = place();
    let outside = conform(&place, &program("device"), &[]);
    check(&outside, 0, &["device        peadsim reference device", "1 pass"]);
    let inside = place.run(&["run", "exchange.yaml"]);
    assert_eq!(line(&outside, "black box"), line(&inside, "black box"));
    check(&conform(&place, &program("device --opaque"), &[]), 0, &["1 pass"]);
}

#[test]
fn a_device_that_breaks_a_rule_is_caught() {
    let done = conform(&place(), &program("device --deviation M06"), &[]);
    check(&done, 1, &["S-06"]);
    let done = place().run(&["device", "--deviation", "M999"]);
    check(&done, 2, &["no deviation of devices is called `M999`"]);
}

#[test]
fn a_device_can_take_another_part() {
    let place = place();
    let receiver = ["--as", "bob"];
    check(&conform(&place, &program("device"), &receiver), 0, &["1 pass"]);
    check(&conform(&place, &program("device --deviation M06"), &receiver), 1, &["S-06"]);
    let nobody = conform(&place, &program("device"), &["--as", "carol"]);
    check(&nobody, 5, &["not applicable: EXCHANGE: there is no such device in it"]);
}

#[test]
fn a_device_may_live_by_its_own_clock() {
    let real = |more: &[&str]| {
        let args = [&["--clock", "real", "--time-scale", "60"], more].concat();
        conform(&place(), &program("device --opaque"), &args)
    };
    check(&real(&["--seeds", "1..2"]), 0, &["EXCHANGE: about 2 s of real time", "2 pass"]);
    let dear = real(&["--budget-case", "100ms"]);
    check(
        &dear,
        5,
        &["not applicable: EXCHANGE: it costs 1.", "of real time, more than the 100ms"],
    );
    let broken = ["--clock", "real", "--time-scale", "60"];
    check(&conform(&place(), &program("device --deviation M06"), &broken), 1, &["S-06"]);
}

#[test]
fn what_is_no_device_is_told_apart() {
    let place = place();
    check(&conform(&place, "echo ready", &[]), 4, &["does the device log to its standard output?"]);
    check(&conform(&place, "sleep 9", &[]), 4, &["no answer to `hello` within 500ms"]);
    check(&conform(&place, "exit 3", &[]), 4, &["the device closed the line (exit status: 3)"]);
    let lost = place.run(&["conform", "--tcp", "127.0.0.1:9", "exchange.yaml"]);
    check(&lost, 4, &["cannot dial 127.0.0.1:9"]);
    check(&place.run(&["conform", "exchange.yaml"]), 2, &["--exec", "--tcp", "--unix"]);
}

#[test]
fn a_device_that_falls_silent_costs_its_run_and_no_more() {
    let mute = MUTE.replace("PEADSIM", env!("CARGO_BIN_EXE_peadsim"));
    let place = place().with("mute.sh", &mute);
    let done = conform(&place, "sh mute.sh", &["--seeds", "1..2"]);
    check(
        &done,
        4,
        &["runs          2 of 1 case: 2 error", "no answer to `power.on` within 500ms"],
    );
}

#[test]
fn what_does_not_apply_is_told_and_never_passed() {
    let needs = EXCHANGE.replace("devices:", "needs: store_faults\ndevices:");
    let place = Place::new().with("exchange.yaml", &needs);
    let done = conform(&place, &program("device"), &[]);
    check(&done, 5, &["not applicable: EXCHANGE: it needs `store_faults`", "no run is left"]);
}
