//! `peadsim load` as its user sees it: what it refuses, and how it ends when something fails or is stopped.
//!
//! Not here: what it prints and writes otherwise (`load_cli`).

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use peadsim::base::time::Duration;
use peadsim::runtime::clock::{Stopwatch, rest};
use peadsim::verdict::load::LoadResults;
use serde_json::Value;

use crate::cli::Running;
use crate::load_cli::{
    begun, check_refused, check_schema, load, place, serve, serve_with, stop_at,
};

#[test]
fn bad_input_is_refused_with_its_reason() {
    let place = place()
        .with("story.yaml", "peadsim: 1\nid: S\ntitle: t\ndevices: {a: {}, b: {}}\nsteps: [{send: {from: a, to: b}}, {crash: a}]\nexpect: [{lookups: {by: a}}]\n")
        .with("ca.pem", "nonsense")
        .with("base.json", "{}")
        .with("old.json", "{\"peadsim-load\": 1}");
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let at =
        |more: &[&str]| load(&place, &[&["--server", &nobody, "--no-calibration"], more].concat());
    check_refused(&at(&[]), 4, "cannot reach the server at 127.0.0.1:");
    check_refused(&at(&["--tls-ca", "ca.pem"]), 2, "TLS");
    check_refused(&at(&["--tls-ca", "none.pem"]), 2, "none.pem");
    check_refused(&at(&["--baseline", "base.json"]), 2, "it is no result of a load");
    check_refused(&at(&["--baseline", "old.json"]), 2, "it has format 1");
    check_refused(&at(&["--baseline", "old.json", "--knee"]), 2, "cannot be used with");
    check_refused(&at(&["--baseline", "none.json"]), 2, "cannot read `none.json`");
    check_refused(&at(&["--start-at", "yesterday"]), 2, "seconds since 1970");
    check_refused(&at(&["--thin", "2/3"]), 2, "expected 1/N");
    check_refused(&at(&["--set", "time.active=1ms"]), 2, "the schedule is empty");
    check_refused(&at(&["--case", "other"]), 2, "--case takes LOAD-small");
    check_refused(&at(&["--namespace", "Ä"]), 2, "the namespace `Ä-` makes no user names");
    check_refused(&load(&place, &[]), 2, "--server");
    for needs_a_server in
        [&["--shard", "1/2", "--start-at", "+1s"][..], &["--prepare"], &["--cleanup"]]
    {
        let own = [&["--spawn", "--namespace", "a"][..], needs_a_server].concat();
        check_refused(&load(&place, &own), 2, "cannot be used with");
    }
    let tls = load(&place, &["--null", "--tls-ca", "ca.pem"]);
    check_refused(&tls, 2, "cannot be used with");
    check_refused(&load(&place, &["--null", "--knee", "--probe", "0s"]), 2, "cannot be zero");
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

/// Whoever is killed has no time to end the server that it has started.
#[cfg(target_os = "linux")]
#[test]
fn a_server_does_not_outlive_the_load_that_started_it() {
    let place = place();
    std::fs::create_dir(place.path("temporary")).unwrap();
    let mut command =
        place.command(&["load", "small.yaml", "--spawn", "--no-calibration", "--set"]);
    command.arg("time.active=10m").env("TMPDIR", place.path("temporary"));
    let mut load = begun(command, "due");
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
    let mut running = stop_at(&place, &args, "due");
    let stdout = running.0.stdout.take().unwrap();
    let results: LoadResults = serde_json::from_reader(stdout).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(3));
    assert!(results.count("done") > 0);
    assert_eq!(place.names("out"), ["load.hlog", "load.html", "results.json", "seconds.csv"]);

    // Whoever stops a load that was to be compared ends it as any other.
    let mut base: Value = serde_json::from_str(&place.read("out/results.json")).unwrap();
    base["ending"] = "drained".into();
    base["void"] = Value::Array(Vec::new());
    std::fs::write(place.path("base.json"), base.to_string()).unwrap();
    let compared = [&args[..], &["--baseline", "base.json"]].concat();
    let mut running = stop_at(&place, &compared, "due");
    assert_eq!(running.0.wait().unwrap().code(), Some(3));
}
