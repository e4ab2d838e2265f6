//! `peadsim load` as its user sees it: what it prints and writes.
//!
//! Not here: what is measured (`load`), or what it refuses and how it ends (`load_cli_ends`).

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use peadsim::verdict::knee::{KneeSearch, KneeState};
use peadsim::verdict::load::LoadResults;
use serde_json::Value;

use crate::cli::{Done, Place, Running};

/// A second of mail among four devices.
const SCENARIO: &str = "\
peadsim: 1
id: LOAD-small
kind: load
title: Four devices write to each other for a second
fleets: {desk: {count: 4, receive: {push: true}}}
workload:
  - send:
      as: chat
      from: {fleet: [desk]}
      to: {contacts: 2, among: [desk]}
      arrivals: {constant: {rate: 10/s, per: device}}
expect:
  - slo: {metric: chat.delivery, quantile: 99%, below: 1h}
  - lost: {message: chat, count: 0}
load: {lag: 1m}
time: {active: 1s, settle: 40s}
";

pub fn place() -> Place {
    Place::new().with("small.yaml", SCENARIO)
}

pub fn load(place: &Place, more: &[&str]) -> Done {
    place.run(&[&["load", "small.yaml"], more].concat())
}

/// A server process, and where it listens.
pub fn serve(place: &Place) -> (Running, String) {
    serve_with(place, &[])
}

/// The same with these arguments, too.
pub fn serve_with(place: &Place, more: &[&str]) -> (Running, String) {
    let args = ["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--push"];
    let child = place
        .command(&[&args, more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Running(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().strip_prefix("listening at ").unwrap().to_owned())
}

/// A program that is asked to end once it has said this; what it says afterwards on stderr is lost.
#[track_caller]
pub fn stop_at(place: &Place, args: &[&str], words: &str) -> Running {
    let running = begun(place.command(args), words);
    running.ask_to_end();
    running
}

/// A program that has said these words.
pub fn begun(mut command: Command, words: &str) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it lasts");
    }
    // It shall not find that nobody listens.
    std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
    running
}

/// Whether results are as their schema says, and nothing else would be.
#[track_caller]
pub fn check_schema(text: &str) {
    check_as(text, peadsim::report::load::SCHEMA, |results| {
        results["metrics"]["response"]["p99"] = "fast".into();
    });
}

/// Whether a text is as this schema says, and is not once it was spoilt.
#[track_caller]
fn check_as(text: &str, schema: &str, spoil: impl FnOnce(&mut Value)) {
    let schema = serde_json::from_str(schema).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let mut value: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    spoil(&mut value);
    assert!(!schema.is_valid(&value));
}

/// What a search for a knee has written.
#[track_caller]
fn knee(text: &str) -> KneeSearch {
    check_as(text, peadsim::report::load::KNEE_SCHEMA, |knee| knee["state"] = "near".into());
    serde_json::from_str(text).unwrap()
}

#[track_caller]
pub fn check_refused(done: &Done, exit: i32, words: &str) {
    assert_eq!(done.exit, exit, "{}{}", done.out, done.err);
    assert!(done.err.contains(words), "{words} is not in {}", done.err);
}

#[test]
fn one_command_starts_a_server_and_reports() {
    let place = place();
    let done = load(
        &place,
        &["--spawn", "--set", "time.active=3s", "--report", "out", "--metrics", "127.0.0.1:0"],
    );
    assert_eq!(done.exit, 0, "{}{}", done.out, done.err);
    for words in
        ["chat.delivery", "✓ holds", "messages accepted, 0 missing", "verdict         pass"]
    {
        assert!(done.out.contains(words), "{words} is not in {}", done.out);
    }
    let files = ["load.hlog", "load.html", "results.json", "seconds.csv", "server.csv"];
    assert_eq!(place.names("out"), files);
    let results: LoadResults = serde_json::from_str(&place.read("out/results.json")).unwrap();
    assert_eq!((results.exit, results.count("done")), (0, results.offer.operations));
    check_schema(&place.read("out/results.json"));
    assert!(place.read("out/seconds.csv").lines().any(|it| it.starts_with("chat.delivery,0,")));
    assert!(place.read("out/server.csv").contains("peadsim_frames"));
    assert!(place.read("out/load.hlog").contains("Tag=chat.delivery,"));
    assert!(place.read("out/load.html").contains("<svg"));
    // What the generator itself makes stands wherever the figures do.
    let calibration = results.calibration.unwrap();
    let told = format!("{} a second on a server that does nothing", calibration.per_second);
    assert!(done.out.contains(&told) && place.read("out/load.html").contains(&told));

    // Compared with itself nothing is worse.
    let more = [
        "--spawn", "--no-calibration", "--set", "time.active=3s", "--baseline", "out", "--noise",
        "1000000",
    ];
    let again = load(&place, &more);
    assert_eq!(again.exit, 0, "{}{}", again.out, again.err);
    assert!(again.out.contains("response p99"), "{}", again.out);
}

#[test]
fn what_cannot_be_compared_is_found_before_the_load() {
    let place = place();
    let quiet = ["--null", "--no-calibration", "--set", "expect=[]"];
    let null = [&quiet[..], &["--threads", "1", "--no-pin"]].concat();
    let base = load(&place, &[&null[..], &["--report", "base"]].concat());
    assert_eq!(base.exit, 0, "{}{}", base.out, base.err);
    let unlike = |more: &[&str], what: &str| {
        let done = load(&place, &[&null[..], &["--baseline", "base"], more].concat());
        check_refused(&done, 2, &format!("the baseline is of another load: {what} is"));
        assert!(done.err.contains("nothing was run") && done.out.is_empty(), "{}", done.err);
    };
    unlike(&["--seed", "2"], "the schedule");
    unlike(&["--pace", "200"], "the pace");
    unlike(&["--set", "load.flight=1"], "the flight");
    unlike(&["--set", "load.tables=cold"], "the state of the tables");
    unlike(&["--set", "load.sources=127.0.3.0/30"], "the sources");
    unlike(&["--set", "fleets.desk.receive={poll: 1s}"], "the scenario");
    unlike(&["--set", "fleets.desk.count=5"], "the number of devices");
    let compare = ["--no-calibration", "--baseline", "base", "--threads"];
    let threads = load(&place, &[&compare[..], &["2", "--null", "--no-pin"]].concat());
    check_refused(&threads, 2, "the number of threads is `1` there and `2` here");
    for kind in [&["--spawn"][..], &["--spawn", "--ephemeral"], &["--server", "127.0.0.1:1"]] {
        let done = load(&place, &[&compare[..], &["1", "--no-pin"], kind].concat());
        check_refused(&done, 2, "the kind of server is `null` there");
    }
    // What is known only afterwards takes no exit code away.
    let void = ["--baseline", "base", "--set", "load.lag=1us", "--report", "void"];
    let void = load(&place, &[&null[..], &void].concat());
    assert_eq!(void.exit, 6, "{}{}", void.out, void.err);
    assert!(void.out.contains("not compared: this load is void"), "{}", void.out);
    let on_void = load(&place, &[&null[..], &["--baseline", "void"]].concat());
    check_refused(&on_void, 2, "nothing is compared with `void`: it is of a load that is void");
}

#[test]
fn what_was_made_with_fewer_people_says_so_everywhere() {
    let place = place();
    let thin =
        ["--null", "--no-calibration", "--thin", "1/2", "--threads", "300", "--report", "out"];
    let contacts = ["--set", "workload.chat.to.contacts=1", "--set", "expect=[]"];
    let done = load(&place, &[&thin[..], &contacts].concat());
    assert_eq!(done.exit, 0, "threads without devices are not busy: {}{}", done.out, done.err);
    assert!(done.out.contains("THINNED to 1/2"), "{}", done.out);
    let results: LoadResults = serde_json::from_str(&place.read("out/results.json")).unwrap();
    assert_eq!(results.offer.thinned.as_deref(), Some("1/2"));
    assert!(results.busy <= 100, "{}", results.busy);
    assert!(place.read("out/load.html").contains("(THINNED to 1/2)</h1>"));
    assert!(place.read("out/load.hlog").contains("#THINNED to 1/2"), "a comment");
    let seconds = place.read("out/seconds.csv");
    assert!(seconds.starts_with("metric,second,count,mean,p50,p99,max,thinned\n"), "{seconds}");
    assert!(seconds.lines().skip(1).all(|line| line.ends_with(",1/2")), "{seconds}");
}

/// What nobody reads on the terminal is in the folder.
#[cfg(target_os = "linux")]
#[test]
fn a_report_is_written_where_the_terminal_fails() {
    let place = place();
    let args = ["load", "small.yaml", "--null", "--no-calibration", "--report", "out"];
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = place.command(&args);
    let status = command.stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(4));
    assert_eq!(place.names("out"), ["load.hlog", "load.html", "results.json", "seconds.csv"]);
    check_schema(&place.read("out/results.json"));
}

#[test]
fn a_knee_is_searched_on_a_server_of_known_capacity() {
    let place = place();
    // 40 requests a second at the pace of the scenario, and 2 000 are too much for one desk.
    let more = ["--null", "--null-service", "2ms", "--knee", "--probe", "1s", "--pace", "1000"];
    let tolerance = [
        "--tolerance",
        "100",
        "--set",
        "expect=[{slo: {metric: chat.response, quantile: 90%, below: 300ms}}]",
    ];
    let report = ["--report", "out", "--format", "json", "--metrics", "127.0.0.1:0"];
    let done = load(&place, &[&more[..], &tolerance, &report].concat());
    assert!(done.err.contains("probe   1000 %"), "{}", done.err);
    assert!(done.err.contains("knee: ") && done.err.contains("metrics at"), "{}", done.err);
    let search = knee(&place.read("out/knee.json"));
    assert!(search.state != KneeState::Searching && !search.probes.is_empty(), "{search:?}");
    assert_eq!(search.probes[0].pace, 1_000);
    // The load that follows has it, or it stands alone where none does.
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    let within = if search.sizing.is_some() { &printed["knee"] } else { &printed };
    assert_eq!(within["probes"].as_array().unwrap().len(), search.probes.len());
    if let Some(sizing) = search.sizing {
        check_schema(&place.read("out/results.json"));
        assert_eq!(sizing.extrapolated, sizing.devices > search.devices);
    }
    let without = ["--null", "--knee", "--probe", "1s", "--set", "expect=[]"];
    check_refused(&load(&place, &without), 2, "--knee takes a scenario with an `slo`");
}

#[test]
fn a_search_that_is_stopped_keeps_its_probes() {
    let place = place();
    let args = [
        "load", "small.yaml", "--null", "--no-calibration", "--knee", "--probe", "1s", "--report",
        "out", "--format", "json",
    ];
    let mut running = stop_at(&place, &args, "probe");
    let printed = std::io::read_to_string(running.0.stdout.take().unwrap()).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(3));
    let search = knee(&place.read("out/knee.json"));
    assert_eq!((search.state, search.sizing), (KneeState::Stopped, None));
    assert!(!search.probes.is_empty());
    assert_eq!(knee(&printed), search);
}

#[test]
fn users_are_prepared_used_and_cleaned_up_after() {
    let place = place();
    let (_server, address) = serve(&place);
    let on = ["--server", &address, "--namespace", "mine"];
    let prepared = load(&place, &[&on[..], &["--prepare"]].concat());
    assert_eq!((prepared.exit, prepared.out.trim()), (0, "registered      4 users as `mine-*`"));
    for _ in 0..2 {
        let done = load(&place, &[&on[..], &["--prepared", "--no-calibration"]].concat());
        assert_eq!(done.exit, 0, "{}{}", done.out, done.err);
    }
    let cleaned = load(&place, &[&on[..], &["--cleanup"]].concat());
    assert_eq!(cleaned.exit, 0, "{}", cleaned.err);
    assert!(cleaned.out.starts_with("dropped"), "{}", cleaned.out);
    let unknown = ["--server", &address, "--namespace", "other", "--cleanup"];
    check_refused(&load(&place, &unknown), 4, "it does not let them in");
}

#[test]
fn shards_are_merged_by_the_command_line() {
    let place = place();
    let (_server, address) = serve(&place);
    let on = ["load", "small.yaml", "--server"];
    let two = ["--namespace", "two"];
    let wait = ["--start-at", "+4s", "--shard", "1/2"];
    let waiting = place.run(&[&on[..], &[&address], &two, &wait].concat());
    check_refused(&waiting, 2, "shards begin together");
    let start = (peadsim::runtime::clock::wall().0 / 1_000 + 8).to_string();
    let shard = |server: &str, shard: &str, out: &str, more: &[&str]| {
        let own = [server, "--start-at", &start, "--shard", shard, "--report", out];
        let mut command = place.command(&[&on[..], &own, more].concat());
        Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    };
    let own = ["1/2", "2/2"].map(|it| shard(&address, it, &it.replace("/2", "of2"), &two));
    // Shards of other loads, each on a server of its own, where it is in nobody's way.
    let arrivals = "workload.chat.arrivals={constant: {rate: 9/s, per: device}}";
    let others = [
        ("the schedule", vec!["--namespace", "two", "--set", arrivals]),
        ("the namespace", vec!["--namespace", "three"]),
        ("the number of devices", vec!["--namespace", "two", "--set", "fleets.desk.count=5"]),
    ]
    .map(|(what, more)| {
        let (server, address) = serve(&place);
        (what, shard(&address, "2/2", what, &more), address, server)
    });
    for mut running in own {
        assert_eq!(running.0.wait().unwrap().code(), Some(0), "what it cannot judge alone is open");
        let told = std::io::read_to_string(running.0.stdout.take().unwrap()).unwrap();
        assert!(told.contains("clock           of shard "), "{told}");
    }
    let merged = place.run(&["merge", "2of2", "1of2", "--report", "whole", "--format", "json"]);
    let results: LoadResults = serde_json::from_str(&merged.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", merged.out, merged.err));
    assert_eq!((merged.exit, results.offer.shard.as_deref()), (0, None));
    assert!(results.mail.missing.is_empty());
    assert_eq!(results.count("done"), results.offer.operations);
    check_schema(&merged.out);
    let dry = load(&place, &["--dry-run"]);
    assert!(dry.out.contains(&results.offer.schedule), "that of the whole: {}", dry.out);
    let page = place.read("whole/load.html");
    assert!(page.contains("2 shards, which began") && page.contains("of shard 2/2"), "{page}");
    for (what, mut running, elsewhere, _server) in others {
        running.0.wait().unwrap();
        let results = place.read(&format!("{what}/results.json")).replace(&elsewhere, &address);
        std::fs::write(place.path(what).join("results.json"), results).unwrap();
        let merged = place.run(&["merge", "1of2", what, "--report", "half"]);
        check_refused(&merged, 2, &format!("the shards are of different loads: {what} differs"));
    }
    let one = place.run(&["merge", "1of2", "--report", "half"]);
    check_refused(&one, 2, "of 2 shards there are 1/2");
    std::fs::create_dir(place.path("empty")).unwrap();
    for none in ["empty", "nowhere"] {
        for pair in [["1of2", none], [none, "1of2"]] {
            let done = place.run(&[&["merge", "--report", "half"], &pair[..]].concat());
            check_refused(&done, 2, "cannot read");
        }
    }
}

#[test]
fn what_is_needed_is_told_before_it_is_tried() {
    let place = place();
    let done = load(&place, &["--dry-run"]);
    assert_eq!(done.exit, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("in the busiest second"), "{}", done.out);
    assert!(done.out.contains("open files: 68 needed"), "{}", done.out);
    let thin =
        load(&place, &["--dry-run", "--thin", "1/2", "--set", "workload.chat.to.contacts=1"]);
    assert!(thin.out.contains("open files: 66 needed"), "{}{}", thin.out, thin.err);
}

/// Each device does as much as it does in the whole population, however its rate is written.
#[test]
fn a_thinned_population_does_its_part() {
    let place = place();
    for rate in ["rate: 10/s, per: device", "rate: 40/s, per: workload"] {
        let arrivals = format!("workload.chat.arrivals={{constant: {{{rate}}}}}");
        let contacts = "workload.chat.to.contacts=1";
        let set = ["--null", "--no-calibration", "--set", &arrivals, "--set", contacts];
        let operations = |more: &[&str]| {
            let done = load(&place, &[&set[..], &["--format", "json"], more].concat());
            let results: Value = serde_json::from_str(&done.out).expect(&done.err);
            results["offer"]["operations"].as_u64().unwrap()
        };
        assert_eq!((operations(&[]), operations(&["--thin", "1/2"])), (40, 20), "{rate}");
    }
    let trace = "workload.chat.arrivals={trace: {table: [0s, 100ms], per: workload}}";
    let thin = ["--null", "--thin", "1/2", "--set", "workload.chat.to.contacts=1"];
    let shared = load(&place, &[&thin[..], &["--set", trace]].concat());
    check_refused(&shared, 2, "a trace that all devices share cannot be thinned");
}
