//! `peadsim run` from outside: exit codes, reports, order, traces, interruption.
//!
//! Not here: whether the protocol is right, or how a report looks in detail.

use std::io::BufReader;

use serde_json::Value;

use crate::cli::{Done, Place};

/// Two texts that arrive; every run verifies them.
const PASS: &str = "\
peadsim: 1
id: PASS
title: Two texts arrive
suite: model
seeds: 1..3
params: {lead: {each: [0ms, 40ms]}}
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello}
  - send: {as: m2, from: alice, to: bob, text: again, delay: $lead}
expect:
  - displayed: {message: m1, text: hello, count: 1}
  - displayed: {message: m2, count: 1}
time: {active: 10s, settle: 2m}
";

fn failing() -> String {
    PASS.replace("id: PASS", "id: FAIL").replace("text: hello, count: 1}", "text: other}")
}

fn open() -> String {
    PASS.replace("id: PASS", "id: OPEN").replace("steps:", "reaches: [R7]\nsteps:")
}

fn idle() -> String {
    let head: Vec<&str> = PASS.lines().take_while(|line| !line.starts_with("params")).collect();
    format!("{}\ndevices: {{alice: {{}}}}\n", head.join("\n").replace("id: PASS", "id: IDLE"))
}

fn check(exit: i32, done: &Done) {
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

#[test]
fn the_exit_code_says_what_came_out() {
    let place = Place::new()
        .with("pass.yaml", PASS)
        .with("fail.yaml", &failing())
        .with("open.yaml", &open())
        .with("invalid.yaml", &PASS.replace("count: 1", "cuont: 1"))
        .with("empty/notes.txt", "");
    check(0, &place.run(&["run", "pass.yaml"]));
    check(1, &place.run(&["run", "fail.yaml"]));
    check(1, &place.run(&["run", "pass.yaml", "open.yaml", "fail.yaml"]));
    check(3, &place.run(&["run", "open.yaml", "pass.yaml"]));
    check(2, &place.run(&["run", "pass.yaml", "invalid.yaml"]));
    check(2, &place.run(&["run", "no-such-file.yaml"]));
    check(2, &place.run(&["run", "--seed", "many", "pass.yaml"]));
    check(2, &place.run(&["run"]));
    check(5, &place.run(&["run", "empty"]));
}

#[test]
fn what_only_the_simulator_has_comes_on_top_in_a_run() {
    let worlds = "worlds:\n  run: {title: In virtual time}\n  load: {title: As load}\n";
    let place = Place::new().with("worlds.yaml", &format!("{PASS}{worlds}"));
    let done = place.run(&["run", "--format", "json", "worlds.yaml"]);
    check(0, &done);
    assert!(done.out.contains("In virtual time"), "{}", done.out);
}

#[test]
fn a_run_in_which_nothing_is_verified_is_no_success() {
    let place = Place::new().with("idle.yaml", &idle());
    let done = place.run(&["run", "idle.yaml"]);
    check(5, &done);
    assert!(done.out.contains("nothing was verified (exit 5)"), "{}", done.out);
}

#[test]
fn a_claim_is_judged_over_all_runs_of_its_file() {
    // Where only one text is sent, nothing shares a lookup.
    let some = PASS
        .replace("id: PASS", "id: SOME\nrequirements: {positive: [C02-R6]}")
        .replace("lead: {each: [0ms, 40ms]}", "lead: {each: [0ms, 9s]}");
    let none = some.replace("id: SOME", "id: NONE").replace("C02-R6", "C17-R5");
    let place = Place::new().with("some.yaml", &some).with("none.yaml", &none);
    check(0, &place.run(&["run", "some.yaml"]));
    check(0, &place.run(&["run", "some.yaml", "--seeds", "1..9"]));

    let done = place.run(&["run", "none.yaml"]);
    check(3, &done);
    let missing = "inconclusive NONE claims the positive side of C17-R5, and no run shows it";
    assert!(done.out.contains(missing), "{}", done.out);

    for part in [["--case", "SOME[lead=9s]"], ["--seed", "9"], ["--shard", "4/4"]] {
        let done = place.run(&[&["run", "some.yaml", "--format", "json"], &part[..]].concat());
        check(0, &done);
        let results: Value = serde_json::from_str(&done.out).unwrap();
        let unshown = results["coverage"]["unshown"].as_array().unwrap();
        let expected = usize::from(part[0] != "--seed");
        assert_eq!(unshown.len(), expected, "{part:?}");
        assert_eq!(results["totals"]["warnings"], expected);
    }
}

#[test]
fn findings_of_a_file_are_shown_in_their_place() {
    let place = Place::new()
        .with("invalid.yaml", &PASS.replace("alice, to: bob, text: h", "alise, to: bob, text: h"));
    let done = place.run(&["run", "invalid.yaml"]);
    check(2, &done);
    assert!(done.err.contains("invalid.yaml:9:"), "{}", done.err);
    assert!(done.err.contains("alise") && done.err.contains("alice"), "{}", done.err);
    assert_eq!(done.out, "");
}

#[test]
fn a_folder_runs_its_small_scenarios_and_tells_what_it_leaves_out() {
    let place = Place::new()
        .with("scenarios/a/pass.yaml", PASS)
        .with("scenarios/large.yaml", &PASS.replace("id: PASS", "id: LARGE\nsize: large"))
        .with("scenarios/device.yaml", &PASS.replace("id: PASS", "id: DEVICE\nkind: conform"))
        .with("scenarios/common/lib.yaml", "templates: {phone: {cpu: phone}}\n");
    let done = place.run(&["run"]);
    check(0, &done);
    assert!(done.out.contains("PASS[lead=40ms]") && !done.out.contains("LARGE"), "{}", done.out);
    let skipped: Vec<&str> = done.err.lines().collect();
    assert_eq!(
        skipped,
        [
            "skipped scenarios/device.yaml: kind: conform",
            "skipped scenarios/large.yaml: size: large"
        ]
    );
    let named = place.run(&["run", "scenarios/large.yaml"]);
    check(0, &named);
    assert!(named.out.contains("LARGE[lead=0ms]"), "{}", named.out);
}

#[test]
fn two_scenarios_with_one_id_are_refused() {
    let place = Place::new().with("a.yaml", PASS).with("b.yaml", PASS);
    let done = place.run(&["run", "."]);
    check(2, &done);
    assert!(done.err.contains("two scenarios have the ID `PASS`"), "{}", done.err);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let place = Place::new().with("pass.yaml", PASS).with("fail.yaml", &failing());
    let results = |threads: &str| {
        let done = place.run(&["run", "--format", "json", "--threads", threads, "."]);
        check(1, &done);
        done.out
    };
    let one = results("1");
    assert_eq!(one, results("3"));
    let value: Value = serde_json::from_str(&one).unwrap();
    let runs: Vec<(&str, u64)> = value["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["case"].as_str().unwrap(), run["seed"].as_u64().unwrap()))
        .collect();
    let expected: Vec<(&str, u64)> =
        ["FAIL[lead=0ms]", "FAIL[lead=40ms]", "PASS[lead=0ms]", "PASS[lead=40ms]"]
            .into_iter()
            .flat_map(|case| (1..=3).map(move |seed| (case, seed)))
            .collect();
    assert_eq!(runs, expected);
}

#[test]
fn a_fleet_that_was_not_spread_over_threads_says_why() {
    let fleet = "peadsim: 1\nid: FLEET\ntitle: t\ndevices: {alice: {}, bob: {}}\n\
                 fleets: {crowd: {count: 500, receive: {poll: 1h}}}\n\
                 steps: [{send: {as: m1, from: alice, to: bob}}]\n\
                 expect: [{displayed: {message: m1, count: 1}}]\ntime: {active: 10s, settle: 1m}\n";
    let place = Place::new().with("fleet.yaml", fleet);
    for (args, told) in [
        (&["--threads", "2"][..], "FLEET ran on one thread: fewer than 1000 users\n"),
        (
            &["--threads", "2", "--fail-fast"],
            "FLEET ran on one thread: its records are taken one by one\n",
        ),
        (&["--threads", "1"], ""),
        (&[], ""),
    ] {
        let done = place.run(&[&["run", "fleet.yaml"], args].concat());
        check(0, &done);
        assert_eq!(done.err, told, "{args:?}");
        assert!(!done.out.contains("one thread"), "{}", done.out);
    }
}

#[test]
fn reports_are_written_and_keep_to_their_schema() {
    let place = Place::new().with("pass.yaml", PASS).with("fail.yaml", &failing());
    let done = place.run(&["run", ".", "--report", "out/today"]);
    check(1, &done);
    assert_eq!(place.names("out/today"), ["junit.xml", "provenance.json", "results.json"]);
    let results: Value = serde_json::from_str(&place.read("out/today/results.json")).unwrap();
    let schema: Value = serde_json::from_str(peadsim::report::json::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&results).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(results["exit"], 1);
    assert_eq!(results["totals"]["runs"], 12);
    let junit = place.read("out/today/junit.xml");
    assert_eq!(junit.matches("<testcase").count(), 12);
    assert_eq!(junit.matches("<failure").count(), 6);
}

#[test]
fn places_that_cannot_be_written_are_found_before_the_run() {
    let place = Place::new().with("pass.yaml", PASS).with("file", "");
    for args in
        [["run", "pass.yaml", "--report", "file/out"], ["run", "pass.yaml", "--report", "file"]]
    {
        let done = place.run(&args);
        check(4, &done);
        assert_eq!(done.out, "", "{args:?} ran first");
    }
    let trace =
        ["run", "pass.yaml", "--case", "PASS[lead=0ms]", "--seed", "1", "--trace", "none/t"];
    check(4, &place.run(&trace));
    assert_eq!(place.names("."), ["file", "pass.yaml"]);
}

#[test]
fn a_trace_holds_every_record_of_the_run() {
    let place = Place::new().with("pass.yaml", PASS);
    let one = ["run", "pass.yaml", "--case", "PASS[lead=40ms]", "--seed", "2", "--format", "json"];
    let plain = place.run(&one);
    let traced = place.run(&[&one[..], &["--trace", "trace.jsonl"]].concat());
    check(0, &traced);
    assert_eq!(plain.out, traced.out, "who listens does not matter");
    let results: Value = serde_json::from_str(&traced.out).unwrap();
    let file = std::fs::File::open(place.path("trace.jsonl")).unwrap();
    let mut reader = peadsim::trace::read::Reader::new(BufReader::new(file)).unwrap();
    assert_eq!(reader.header().case, "PASS[lead=40ms]");
    assert_eq!(reader.header().seed, 2);
    let records = reader.by_ref().map(|record| record.map(drop)).collect::<Result<Vec<_>, _>>();
    assert_eq!(results["runs"][0]["records"], records.unwrap().len());

    let many = place.run(&["run", "pass.yaml", "--trace", "trace.jsonl"]);
    check(2, &many);
    assert!(many.err.contains("these are 6"), "{}", many.err);
}

#[test]
fn the_digest_of_a_trace_file_is_that_of_the_run() {
    use peadsim::trace::digest::{Digester, Forms};
    use peadsim::trace::sink::Sink as _;
    let place = Place::new().with("pass.yaml", PASS);
    let done = place.run(&[
        "run", "pass.yaml", "--case", "PASS[lead=0ms]", "--seed", "7", "--format", "json",
        "--trace", "t",
    ]);
    check(0, &done);
    let file = std::fs::File::open(place.path("t")).unwrap();
    let reader = peadsim::trace::read::Reader::new(BufReader::new(file)).unwrap();
    let users = u32::try_from(reader.header().users.len()).unwrap();
    let mut digester = Digester::new(users, reader.header().rng, Forms::ALL);
    for record in reader {
        digester.take(&record.unwrap());
    }
    let hex = |hash: peadsim::base::id::Hash32| peadsim::base::units::hex(&hash.0);
    let digest = digester.digest();
    let results: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(results["digest"]["full"], hex(digest.full));
    assert_eq!(results["digest"]["masked"], hex(digest.masked.unwrap()));
    assert_eq!(results["digest"]["black_box"], hex(digest.black_box.unwrap()));
}

#[test]
fn the_printed_command_shows_the_same_run_again() {
    let place = Place::new().with("fail.yaml", &failing());
    let run = |args: &[&str]| -> Value {
        serde_json::from_str(&place.run(&[args, &["--format", "json"]].concat()).out).unwrap()
    };
    let all = run(&["run", "fail.yaml", "--set", "devices.bob.receive.poll=3s"]);
    let wanted = &all["runs"][4];
    let line = wanted["repro"].as_str().unwrap().replace('\'', "");
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    assert_eq!(&run(&words)["runs"], &Value::Array(vec![wanted.clone()]), "{line}");
}

#[test]
fn shares_add_up_and_fail_fast_stops_early() {
    let place = Place::new().with("pass.yaml", PASS).with("fail.yaml", &failing());
    let runs = |args: &[&str]| {
        let done = place.run(&[&["run", ".", "--format", "json"], args].concat());
        let value: Value = serde_json::from_str(&done.out).unwrap();
        value["totals"]["runs"].as_u64().unwrap()
    };
    assert_eq!(
        ["1/5", "2/5", "3/5", "4/5", "5/5"].map(|it| runs(&["--shard", it])),
        [3, 3, 2, 2, 2]
    );
    assert_eq!(runs(&["--fail-fast"]), 1);
    assert_eq!(runs(&["--seeds", "5..8"]), 16);
}

#[test]
fn a_pipe_gets_neither_colors_nor_a_progress_bar() {
    let place = Place::new().with("pass.yaml", PASS).with("open.yaml", &open());
    let done = place.run(&["run", "."]);
    assert!(!done.out.contains('\u{1b}') && !done.err.contains('\u{1b}'), "{done:?}");
    assert_eq!(done.err, "");
}

#[test]
fn colors_can_be_forced_and_forbidden() {
    let place = Place::new().with("pass.yaml", PASS);
    let colored = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["run", "pass.yaml", "--seed", "1"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(colored(&[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_the_report_of_what_was_done() {
    use std::process::{Command, Stdio};
    let place = Place::new().with("pass.yaml", PASS);
    let args = ["run", "pass.yaml", "--seeds", "1..1000000", "--threads", "1", "--report", "out"];
    let mut child =
        place.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It watches for the signal before the first run, and makes the folder before that.
    while !place.path("out").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    let mut kill = Command::new("sh");
    let script = format!("sleep 1; kill -INT {}", child.id());
    assert!(kill.args(["-c", &script]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("interrupted: finishing what is under way"), "{err}");
    let results: Value = serde_json::from_str(&place.read("out/results.json")).unwrap();
    assert_eq!(results["interrupted"], true);
    assert!(results["totals"]["runs"].as_u64().unwrap() > 0);
    let provenance: Value = serde_json::from_str(&place.read("out/provenance.json")).unwrap();
    assert_eq!(provenance["interrupted"], true);
    assert_eq!(provenance["digest"], results["digest"]);
    assert_eq!(results["totals"]["runs"], results["runs"].as_array().unwrap().len());
}
