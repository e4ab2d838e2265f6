//! `peadsim conform` from outside: devices that are processes, good ones, bad ones and none at all.
//!
//! Not here: sentences of a broken link in detail, or that times are kept (`outside`).

use serde_json::Value;

use crate::cli::{Done, Place};

/// A device sends a text, gets one and sends another.
const EXCHANGE: &str = "\
peadsim: 1
id: EXCHANGE
title: Texts both ways
requirements: {positive: [C05-R2]}
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello, at: 1s}
  - send: {as: m2, from: bob, to: alice, text: hello yourself, after: m1.displayed, delay: 1s}
  - send: {from: alice, to: bob, text: well, after: m2.displayed, delay: 1s}
expect:
  - displayed: {message: m1, text: hello, count: 1, shows: C05-R2}
  - displayed: {message: m2, text: hello yourself, count: 1}
time: {active: 1m, settle: 1m}
";

/// What answers the greeting like the reference, lets itself be made, and then answers nothing.
const MUTE: &str = r#"
n=0
while read -r line; do
  n=$((n+1))
  case $n in
    1) echo "$line" | PEADSIM device ;;
    2) echo '{"v":1,"re":2,"err":{"code":"unimplemented","definite":true,"text":"?"}}' ;;
    3) echo '{"v":1,"re":3,"ok":{}}' ;;
    4) echo '{"v":1,"re":4,"ok":{}}' ;;
    *) sleep 30 ;;
  esac
done
"#;

fn conform(place: &Place, device: &str, more: &[&str]) -> Done {
    let patience = ["--patience", "500ms", "--hello-patience", "500ms"];
    let mut args = vec!["conform", "--exec", device, "exchange.yaml"];
    args.extend(patience);
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

/// The results that were printed.
fn results(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}\n{}", done.out, done.err))
}

#[test]
fn the_reference_device_passes_and_does_what_it_does_inside() {
    let place = place();
    let outside = results(&conform(&place, &program("device"), &["--format", "json"]));
    let inside = results(&place.run(&["run", "exchange.yaml", "--format", "json"]));
    let trial = &outside["trials"][0];
    assert_eq!(trial["mark"], "pass", "{outside}");
    assert_eq!(trial["black_box"], inside["digest"]["black_box"]);
    assert_eq!(trial["shown"][0]["requirement"], "C05-R2");
    let opaque = conform(&place, &program("device --opaque"), &[]);
    check(&opaque, 0, &["tested          peadsim reference device", "1 pass", "R2+"]);
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
    check(&nobody, 2, &["no case has a device `carol`"]);
}

#[test]
fn a_device_may_live_by_its_own_clock() {
    let real = |more: &[&str]| {
        let args = [&["--clock", "real", "--time-scale", "60"], more].concat();
        conform(&place(), &program("device --opaque"), &args)
    };
    check(&real(&["--seeds", "1..2"]), 0, &["2 pass"]);
    let dear = real(&["--budget-case", "100ms"]);
    check(&dear, 5, &["1 not_applicable", "it costs 1s of real time, more than the 100ms"]);
    let broken = ["--clock", "real", "--time-scale", "60"];
    check(&conform(&place(), &program("device --deviation M06"), &broken), 1, &["S-06"]);
}

#[test]
fn a_server_is_tested_in_the_place_of_all_accounts() {
    let place = place();
    let served = |device: &str, more: &[&str]| {
        conform(&place, &program(device), &[&["--server"], more].concat())
    };
    let outside = results(&served("device --server", &["--format", "json", "--report", "out"]));
    let inside = results(&place.run(&["run", "exchange.yaml", "--format", "json"]));
    let trial = &outside["trials"][0];
    assert_eq!(
        (&trial["id"], &trial["mark"]),
        (&"EXCHANGE@#1".into(), &"pass".into()),
        "{outside}"
    );
    assert_eq!(trial["black_box"], inside["digest"]["black_box"]);
    assert_eq!(outside["subject"]["role"], "server");
    let again = place.run(&["judge", "out", "--format", "json"]);
    assert_eq!(again.out, place.read("out/results.json"), "octet for octet");
    check(&served("device --server --deviation M70", &[]), 1, &["C10-R2"]);
    let other = "a server is tested with --server, and nothing else is";
    check(&served("device", &[]), 4, &[other]);
    check(&conform(&place, &program("device --server"), &[]), 4, &[other]);
    let real = served("device --server", &["--clock", "real"]);
    check(&real, 2, &["--native says where it is to listen"]);
    check(&place.run(&["device", "--server", "--deviation", "M06"]), 2, &["not of servers"]);
}

#[test]
fn what_is_no_device_is_told_apart() {
    let place = place();
    check(&conform(&place, "echo ready", &[]), 4, &["does the device log to its standard output?"]);
    check(&conform(&place, "sleep 9", &[]), 4, &["no answer to `hello` within 500ms"]);
    check(&conform(&place, "exit 3", &[]), 4, &["the device closed the line (exit status: 3)"]);
    let lost = place.run(&["conform", "--tcp", "127.0.0.1:9", "exchange.yaml"]);
    check(&lost, 4, &["cannot dial 127.0.0.1:9"]);
    let portless = place.run(&["conform", "--tcp", "127.0.0.1", "exchange.yaml"]);
    check(&portless, 2, &["`127.0.0.1` has no port: `HOST:PORT`"]);
    check(&place.run(&["conform", "exchange.yaml"]), 2, &["--exec", "--tcp", "--unix"]);
}

#[test]
fn a_device_that_falls_silent_costs_its_run_and_no_more() {
    let mute = MUTE.replace("PEADSIM", env!("CARGO_BIN_EXE_peadsim"));
    let place = place().with("mute.sh", &mute);
    let done = conform(&place, "sh mute.sh", &["--seeds", "1..2"]);
    check(&done, 1, &["2 fail", "hang: no answer to `power.on` within 500ms"]);
}

#[test]
fn what_does_not_apply_is_told_and_never_passed() {
    let needs = EXCHANGE.replace("devices:", "needs: store_faults\ndevices:");
    let place = Place::new().with("exchange.yaml", &needs);
    let done = conform(&place, &program("device"), &[]);
    check(&done, 5, &["not_applicable", "it needs `store_faults`", "1 not_applicable"]);
}

/// The exchange with two seeds and a second scenario, and the reference device's report of both.
fn reported() -> Place {
    let seeds = EXCHANGE.replace("devices:", "seeds: 1..2\ndevices:");
    let other = EXCHANGE.replace("EXCHANGE", "OTHER");
    let place = Place::new().with("a/exchange.yaml", &seeds).with("a/other.yaml", &other);
    let done = tested(&place, &["--report", "out"]);
    check(&done, 0, &["3 pass"]);
    place
}

/// Tests the reference device with both scenarios.
fn tested(place: &Place, more: &[&str]) -> Done {
    let device = program("device");
    place.run(&[&["conform", "--exec", &device, "a"][..], more].concat())
}

#[test]
fn a_transcript_gives_the_same_verdict_again_and_no_other() {
    let place = reported();
    let results = place.read("out/results.json");
    check(&place.run(&["judge", "out"]), 0, &["3 pass"]);
    let again = place.run(&["judge", "out", "--format", "json"]);
    assert_eq!(again.out, results, "octet for octet");
    let results: Value = serde_json::from_str(&results).unwrap();
    let file = format!("out/{}", results["trials"][0]["transcript"]["file"].as_str().unwrap());
    let transcript = place.read(&file);
    check(&place.run(&["judge", &file]), 0, &["1 pass"]);
    assert!(!transcript.contains("\"agree\":\""), "no key is in it");
    let place = place.with(&file, &transcript.replacen("hello", "hallo", 1));
    check(&place.run(&["judge", "out"]), 2, &["does not follow the line before it"]);
    let place = place.with(&file, &transcript).with(&format!("{file}.keys"), "");
    check(&place.run(&["judge", &file]), 2, &["no key beside the transcript"]);
}

#[test]
fn what_holds_nothing_to_judge_is_named() {
    let place = Place::new().with("load/results.json", "{\"peadsim-load\": 1}");
    let load = "`load` has no conformance results: it is the report of a load";
    check(&place.run(&["judge", "load"]), 2, &[load]);
    check(&place.run(&["expect", "update", "load", "file"]), 2, &[load]);
    std::fs::create_dir(place.path("empty")).unwrap();
    let neither = "`empty` has neither results.json nor the data of a server";
    check(&place.run(&["judge", "empty"]), 2, &[neither]);
    check(&place.run(&["judge", "none"]), 2, &["none"]);
    let place = place.with("run/results.json", "{}");
    check(&place.run(&["judge", "run"]), 2, &["these are no results of a conformance run"]);
}

#[test]
fn a_run_is_taken_up_where_it_ended() {
    let place = reported();
    let results: Value = serde_json::from_str(&place.read("out/results.json")).unwrap();
    let file = results["trials"][1]["transcript"]["file"].as_str().unwrap().to_owned();
    std::fs::remove_file(place.path(&format!("out/{file}"))).unwrap();
    let done = tested(&place, &["--resume", "out"]);
    check(&done, 0, &["taken up: 2 tests", "3 pass"]);
    assert!(place.path(&format!("out/{file}")).exists());
    // Another test by the same name is no test that was made.
    let changed = EXCHANGE.replace("EXCHANGE", "OTHER").replace("well", "good");
    let place = place.with("a/other.yaml", &changed);
    check(&tested(&place, &["--resume", "out"]), 0, &["taken up: 2 tests", "3 pass"]);
}

#[test]
fn shards_come_to_what_the_whole_does() {
    let place = reported();
    for share in ["1", "2"] {
        let shard = format!("{share}/2");
        check(&tested(&place, &["--shard", &shard, "--report", share]), 0, &["pass"]);
    }
    check(&place.run(&["merge", "1", "2", "--report", "both"]), 0, &["3 pass"]);
    let rows = |report: &str| -> Value {
        let text = place.read(&format!("{report}/results.json"));
        serde_json::from_str::<Value>(&text).unwrap()["conformity"].clone()
    };
    assert_eq!(rows("both"), rows("out"));
    check(&place.run(&["judge", "both"]), 0, &["3 pass"]);
    check(&place.run(&["merge", "1", "1", "--report", "no"]), 2, &["is in `1` and in `1`"]);
}

#[test]
fn some_tests_can_be_chosen() {
    let place = reported();
    let listed = place.run(&["conform", "--list", "a"]);
    check(&listed, 0, &["EXCHANGE@alice#1", "EXCHANGE@alice#2", "OTHER@alice#1"]);
    check(&tested(&place, &["--only", "OTHER"]), 0, &["1 pass, 2 skipped"]);
    check(&tested(&place, &["--only", "EXCHANGE@alice#2"]), 0, &["1 pass, 2 skipped"]);
    check(&tested(&place, &["--only", "OTHRE"]), 2, &["did you mean `OTHER`?"]);
    check(&tested(&place, &["--class", "push"]), 5, &["no test is left"]);
    check(&tested(&place, &["--class", "x"]), 2, &["expected tx, rx"]);
    check(&tested(&place, &["--last-failed", "out"]), 5, &["no test is left"]);
    check(&tested(&place, &["--budget", "0s"]), 5, &["3 not_run"]);
    check(&tested(&place, &["--repeat", "2", "--only", "OTHER"]), 0, &["1 pass"]);
}

#[test]
fn profiles_name_the_tests_and_who_is_tested() {
    let profile = "peadsim: 1\nkind: profile\nid: core\ntitle: t\ntests: {OTHER: [bob, alice]}\n";
    let place = reported().with("a/core.yaml", profile);
    let listed = place.run(&["conform", "--list", "a"]);
    check(&listed, 0, &["OTHER@alice#1\tcore", "OTHER@bob#1\tcore"]);
    assert!(!listed.out.contains("EXCHANGE"), "it is of no profile");
    check(&tested(&place, &["--profile", "core"]), 0, &["2 pass"]);
    check(&tested(&place, &["--profile", "cora"]), 2, &["did you mean `core`?"]);
    let place = place.with("a/core.yaml", &profile.replace("OTHER: [bob", "OTHRE: [bob"));
    check(&tested(&place, &[]), 2, &["did you mean `OTHER`?", "a profile is invalid"]);
    let place = place.with("a/core.yaml", &profile.replace("alice]", "carol]"));
    check(&tested(&place, &[]), 2, &["`OTHER` has no device `carol`"]);
}

#[test]
fn what_is_known_to_fail_is_no_surprise() {
    let bad = program("device --deviation M06");
    let place = place();
    check(&conform(&place, &bad, &["--report", "out"]), 1, &["1 fail"]);
    check(&place.run(&["expect", "update", "out", "known.yaml"]), 0, &[]);
    let known = ["--expectations", "known.yaml"];
    check(&conform(&place, &bad, &known), 5, &["1 fail", "known:"]);
    let good = conform(&place, &program("device"), &known);
    check(&good, 1, &["it is known to fail, and its mark is pass"]);
    let stale = place.read("known.yaml").replace("EXCHANGE", "GONE");
    let place = place.with("known.yaml", &stale);
    check(&conform(&place, &bad, &known), 2, &["no test has the ID `GONE@alice#1`"]);
}
