//! `peadsim load` as its user sees it: what it prints and writes, what it refuses, how it ends.
//!
//! Not here: what is measured (`load`).

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use peadsim::base::time::Duration;
use peadsim::runtime::clock::{Stopwatch, rest};
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

fn place() -> Place {
    Place::new().with("small.yaml", SCENARIO)
}

fn load(place: &Place, more: &[&str]) -> Done {
    place.run(&[&["load", "small.yaml"], more].concat())
}

/// A server process, and where it listens.
fn serve(place: &Place) -> (Running, String) {
    serve_with(place, &[])
}

/// The same with these arguments, too.
fn serve_with(place: &Place, more: &[&str]) -> (Running, String) {
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

/// Whether results are as their schema says, and nothing else would be.
#[track_caller]
fn check_schema(text: &str) {
    let schema = serde_json::from_str(peadsim::report::load::SCHEMA).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let mut results: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&results)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    results["metrics"]["response"]["p99"] = "fast".into();
    assert!(!schema.is_valid(&results));
}

#[track_caller]
fn check_refused(done: &Done, exit: i32, words: &str) {
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

    // Compared with itself nothing is worse, and with another schedule nothing is compared.
    let more = [
        "--spawn", "--ephemeral", "--no-calibration", "--set", "time.active=3s", "--baseline",
        "out",
    ];
    let again = load(&place, &[&more[..], &["--noise", "1000000"]].concat());
    assert_eq!(again.exit, 0, "{}{}", again.out, again.err);
    assert!(again.out.contains("response p99"), "{}", again.out);
    let other = load(&place, &[&more[..], &["--seed", "2"]].concat());
    check_refused(&other, 2, "the baseline is of another load: the schedule is");
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
    let done = load(&place, &[&more[..], &tolerance].concat());
    assert!(done.err.contains("probe   1000 %"), "{}", done.err);
    assert!(done.err.contains("knee: "), "{}", done.err);
    let without = ["--null", "--knee", "--probe", "1s", "--set", "expect=[]"];
    check_refused(&load(&place, &without), 2, "--knee takes a scenario with an `slo`");
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
    let start = (peadsim::runtime::clock::wall().0 / 1_000 + 5).to_string();
    let on = ["load", "small.yaml", "--server", &address, "--namespace", "two", "--start-at"];
    let waiting = place.run(&[&on[..], &["+4s", "--shard", "1/2"]].concat());
    check_refused(&waiting, 2, "shards begin together");
    let on = [&on[..], &[&start]].concat();
    let shard = |number: &str| {
        let (shard, out) = (format!("{number}/2"), format!("out{number}"));
        let args = [&on[..], &["--shard", &shard, "--report", &out]].concat();
        let child = place.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Running(child.unwrap())
    };
    for mut running in [shard("1"), shard("2")] {
        assert_eq!(running.0.wait().unwrap().code(), Some(0), "what it cannot judge alone is open");
    }
    let merged = place.run(&["merge", "out1", "out2", "--report", "whole", "--format", "json"]);
    let results: LoadResults = serde_json::from_str(&merged.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", merged.out, merged.err));
    assert_eq!((merged.exit, results.offer.shard.as_deref()), (0, None));
    assert!(results.mail.missing.is_empty());
    assert_eq!(results.count("done"), results.offer.operations);
    let one = place.run(&["merge", "out1", "--report", "half"]);
    check_refused(&one, 2, "of 2 shards there are 1/2");
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

#[test]
fn bad_input_is_refused_with_its_reason() {
    let place = place()
        .with("story.yaml", "peadsim: 1\nid: S\ntitle: t\ndevices: {a: {}, b: {}}\nsteps: [{send: {from: a, to: b}}, {crash: a}]\nexpect: [{lookups: {by: a}}]\n")
        .with("ca.pem", "nonsense")
        .with("base.json", "{}");
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let at =
        |more: &[&str]| load(&place, &[&["--server", &nobody, "--no-calibration"], more].concat());
    check_refused(&at(&[]), 4, "cannot reach the server at 127.0.0.1:");
    check_refused(&at(&["--tls-ca", "ca.pem"]), 2, "TLS");
    check_refused(&at(&["--tls-ca", "none.pem"]), 2, "none.pem");
    check_refused(&at(&["--baseline", "base.json"]), 2, "it is no result of a load");
    check_refused(&at(&["--baseline", "none.json"]), 4, "cannot read `none.json`");
    check_refused(&at(&["--start-at", "yesterday"]), 2, "seconds since 1970");
    check_refused(&at(&["--thin", "2/3"]), 2, "expected 1/N");
    check_refused(&at(&["--set", "time.active=1ms"]), 2, "the schedule is empty");
    check_refused(&at(&["--case", "other"]), 2, "--case takes LOAD-small");
    check_refused(&at(&["--namespace", "Ä"]), 2, "the namespace `Ä-` makes no user names");
    check_refused(&load(&place, &[]), 2, "--server");
    check_refused(&load(&place, &["--server", "198.51.100.1:1"]), 2, "--allow-remote is needed");
    check_refused(&load(&place, &["--server", "nowhere"]), 2, "is no HOST:PORT");
    let story = place.run(&["load", "story.yaml", "--null"]);
    check_refused(&story, 2, "E314");
    assert!(
        story.err.contains("a crowd of devices") && story.err.contains("are judged"),
        "{}",
        story.err
    );
    let check = place.run(&["check", "story.yaml", "--world", "load"]);
    check_refused(&check, 2, "E314");
    let few = load(&place, &["--null", "--thin", "1/4"]);
    check_refused(&few, 2, "makes no plan with this seed and thinning");
    assert!(few.err.contains("small.yaml:10:22"), "{}", few.err);
    let many = load(&place, &["--null", "--set", "load.flight=300"]);
    check_refused(&many, 2, "a device keeps 256 drafts, and `flight` is 300");
    check_refused(&place.run(&["load", "none.yaml", "--null"]), 2, "none.yaml");
    let file = place.run(&["load", "small.yaml", "--null", "--report", "small.yaml"]);
    check_refused(&file, 4, "small.yaml");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = taken.local_addr().unwrap().to_string();
    check_refused(&load(&place, &["--null", "--metrics", &metrics]), 4, "cannot listen at");
    let elsewhere = load(&place, &["--null", "--metrics", "192.0.2.1:0"]);
    check_refused(
        &elsewhere,
        2,
        "192.0.2.1:0 is not on the loopback interface: --allow-remote is needed",
    );
}

/// What was measured until a server's disk was full is kept, and both ends say what happened.
#[cfg(unix)]
#[test]
fn a_server_whose_disk_is_full_ends_the_load() {
    let place = place();
    let server = format!(
        "trap '' XFSZ; ulimit -f 400; exec {} serve --data data --listen 127.0.0.1:0 --push",
        env!("CARGO_BIN_EXE_peadsim")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &server]).current_dir(place.path(""));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Running(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening at ").unwrap().to_owned();
    let rate = "workload.chat.arrivals={constant: {rate: 50/s, per: device}}";
    let more = ["--set", "time.active=10s", "--set", rate, "--report", "out", "--no-calibration"];
    let done = load(&place, &[&["--server", &address], &more[..]].concat());
    assert_eq!(done.exit, 4, "{}{}", done.out, done.err);
    assert!(done.out.contains("the server was gone before the end"), "{}", done.out);
    let text = place.read("out/results.json");
    let results: LoadResults = serde_json::from_str(&text).unwrap();
    assert!(results.count("done") > 0 && results.mail.accepted > 0);
    check_schema(&text);
    assert_eq!(child.0.wait().unwrap().code(), Some(4));
    let told = std::io::read_to_string(child.0.stderr.take().unwrap()).unwrap();
    assert!(told.contains("the store fails: File too large"), "{told}");
}

#[test]
fn a_server_that_speaks_another_way_is_told() {
    let place = place();
    let (_server, address) = serve(&place);
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(place.path("ca.pem"), authority.cert.pem()).unwrap();
    let more = ["--server", &address, "--tls-ca", "ca.pem", "--no-calibration"];
    check_refused(&load(&place, &more), 4, "cannot reach the server");
    // And the other way about.
    std::fs::write(place.path("key.pem"), authority.signing_key.serialize_pem()).unwrap();
    let tls = ["--tls-cert", "ca.pem", "--tls-key", "key.pem"];
    let (_server, address) = serve_with(&place, &tls);
    let plain = load(&place, &["--server", &address, "--no-calibration"]);
    check_refused(&plain, 4, "the server speaks TLS");
}

#[test]
fn addresses_of_others_are_not_taken_for_a_fault_of_the_server() {
    let place = place();
    let sources = ["--set", "load.sources=192.0.2.0/31", "--null", "--no-calibration"];
    check_refused(&load(&place, &sources), 4, "this machine has no address 192.0.2.");
    let dry = load(&place, &[&sources[..], &["--dry-run"]].concat());
    assert!(dry.out.contains("own addresses: 2 needed, 0 here"), "{}{}", dry.out, dry.err);
}

/// A load that lasts, once it has begun; the rest of what it says is read, and passed over.
fn begun(mut command: Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let mut line = String::new();
    while !line.contains("due") {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it lasts");
    }
    std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
    running
}

/// Whoever is killed has no time to end the server that it has started.
#[cfg(target_os = "linux")]
#[test]
fn a_server_does_not_outlive_the_load_that_started_it() {
    let place = place();
    std::fs::create_dir(place.path("temporary")).unwrap();
    let mut command =
        place.command(&["load", "small.yaml", "--spawn", "--no-calibration", "--set"]);
    command.arg("time.active=10m").env("TMPDIR", place.path("temporary"));
    let mut load = begun(command);
    let id = load.0.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let server = format!("/proc/{}/cmdline", children.trim());
    // Of one that has ended there is nothing to read, though nobody may have taken notice of it.
    let runs = || std::fs::read(&server).is_ok_and(|it| !it.is_empty());
    assert!(runs(), "{children}");
    load.0.kill().unwrap();
    load.0.wait().unwrap();
    let watch = Stopwatch::start();
    while runs() {
        assert!(watch.elapsed() < Duration::from_secs(60), "the server runs on");
        rest(Duration::from_millis(20));
    }
    assert_eq!(place.names("temporary"), [""; 0]);
}

#[test]
fn a_load_that_is_stopped_reports_what_it_has() {
    let place = place();
    let args = [
        "load", "small.yaml", "--null", "--set", "time.active=10m", "--report", "out", "--format",
        "json",
    ];
    let mut running = begun(place.command(&args));
    running.ask_to_end();
    let stdout = running.0.stdout.take().unwrap();
    let results: LoadResults = serde_json::from_reader(stdout).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(3));
    assert!(results.count("done") > 0);
    assert_eq!(place.names("out"), ["load.hlog", "load.html", "results.json", "seconds.csv"]);
}
