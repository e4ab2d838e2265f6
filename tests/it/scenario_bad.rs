//! Scenario files with errors, and exactly what is said about them.
//!
//! Not here: files that are right (`scenario_read`). `tests/bad/expected.txt` holds the findings of
//! every file of that folder; `UPDATE=1` rewrites it, and a reader of the difference judges it.
#![allow(clippy::disallowed_methods, reason = "a test that time is bounded reads a clock")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use peadsim::scenario::read::{Case, Extras, Reading, read, read_file, read_text};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use proptest::sample::Index;

/// What is found in a file, the machine's own paths taken out.
fn findings(reading: &Reading) -> String {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    reading.render(false).replace(here, "")
}

#[test]
fn every_bad_file_gets_its_findings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<_> = std::fs::read_dir(root.join("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let mut text = String::new();
    for file in &files {
        let mut reading = read_file(file, Some(&root), &Extras::default());
        reading.check();
        let found = findings(&reading);
        let name = file.file_name().unwrap().to_string_lossy();
        assert!(!reading.diagnostics.is_empty(), "nothing was found in {name}");
        writeln!(text, "==> {name} <==\n{found}").unwrap();
    }
    let expected = root.join("bad/expected.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&expected).unwrap();
    for (made, known) in text.split("==> ").zip(committed.split("==> ")) {
        assert_eq!(made, known);
    }
    assert_eq!(text.len(), committed.len(), "files were added or removed: run with UPDATE=1");
    assert!(files.len() >= 50, "only {} bad files", files.len());
}

/// Checks that octets are refused with this code in a time that only linear work can keep to, without
/// optimization and on a busy machine.
#[track_caller]
fn check_refused(octets: &[u8], code: &str) {
    let start = Instant::now();
    let mut reading = read("generated.yaml", octets, None, &Extras::default());
    reading.check();
    let text = findings(&reading);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?} for {code}", start.elapsed());
    assert!(text.starts_with(&format!("error[{code}")), "{text}");
    assert!(text.len() < 50_000, "{} octets of findings", text.len());
}

#[test]
fn hostile_texts_are_refused_in_bounded_time_and_memory() {
    let mut bomb = String::from("peadsim: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let row = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{row}]").unwrap();
    }
    check_refused(bomb.as_bytes(), "E006");
    check_refused("[".repeat(100_000).as_bytes(), "E005");
    check_refused("{a: ".repeat(100_000).as_bytes(), "E005");
    check_refused("- ".repeat(100_000).as_bytes(), "E005");
    let stairs: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    check_refused(stairs.as_bytes(), "E005");
    check_refused(&vec![b'x'; (16 << 20) + 1], "E003");
    check_refused("a: 1\n".repeat(200_000).as_bytes(), "E009");
    check_refused(format!("peadsim: 1\n{}", "b: 1\n".repeat(200_000)).as_bytes(), "E009");
    check_refused(format!("- [{}]\n", "1,".repeat(1_100_000)).as_bytes(), "E006");
    check_refused("\u{0}".repeat(1_000).as_bytes(), "E004");
}

#[test]
fn an_honest_large_file_reads() {
    let mut text = String::from("peadsim: 1\nid: LARGE\ntitle: t\nsuite: model\ndevices:\n");
    for number in 0..50_000 {
        writeln!(text, "  d{number}: {{refresh: 30s, table: {{capacity: 16}}}}").unwrap();
    }
    text.push_str("steps:\n");
    for number in 0..50_000 {
        writeln!(text, "  - send: {{as: m{number}, from: d{number}, to: d0, at: 1s}}").unwrap();
    }
    let start = Instant::now();
    let mut reading = read_text("large.yaml", &text, &Extras::default());
    reading.check();
    assert_eq!(findings(&reading), "");
    assert_eq!(reading.cases.len(), 1);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn overrides_are_checked_like_the_file() {
    let base = "peadsim: 1\nid: A\ntitle: t\ndevices: {bob: {refresh: 30s}}\n\
                steps:\n  - send: {as: m1, from: alice, to: bob}\n";
    let with = |set: &str| {
        let extras = Extras { set: vec![set.to_owned()], ..Extras::default() };
        read_text("a.yaml", base, &extras)
    };
    let good = with("devices.bob.refresh=1h");
    assert_eq!(findings(&good), "");
    let refresh = good.cases[0].scenario.devices.0[0].value.refresh.as_ref().unwrap();
    assert_eq!(refresh.value.low.to_string(), "1h");
    assert_eq!(findings(&with("steps.m1.text=hi there")), "");
    assert_eq!(findings(&with("server.mailbox.ttl=1h")), "");
    insta::assert_snapshot!(findings(&with("devices.bob.refresh=3")), @r"
    error[E104 bad-value]: `3` is no duration or range of durations
     --> --set:1:21
      |
    1 | devices.bob.refresh=3
      |                     ^ expected a duration or a range such as `40ms` or `20s..40s`
    ");
    insta::assert_snapshot!(findings(&with("steps.m7.text=x")), @r"
    error[E207 no-such-path]: `steps.m7.text` leads to no place
     --> --set:1:1
      |
    1 | steps.m7.text=x
      | ^^^^^^^^^^^^^
      |
      = help: a path is made of keys, and of names (`as`) or numbers of steps
    ");
    insta::assert_snapshot!(findings(&with("params.n=3")), @r"
    error[E207 no-such-path]: `params.n` is no parameter of this scenario
     --> --set:1:1
      |
    1 | params.n=3
      | ^^^^^^^^
      |
      = help: the scenario has no parameters
    ");
    insta::assert_snapshot!(findings(&with("title")), @r"
    error[E207 no-such-path]: `--set` takes PATH=VALUE
     --> --set:1:1
      |
    1 | title
      | ^^^^^
    ");
}

/// A scenario with two parameters, of which one has values of its own, and these sweeps.
#[test]
fn what_does_not_read_is_the_only_error() {
    let base = "peadsim: 1\nid: A\ntitle: t\nparams: {n: {default: 10}, rate: {default: 1/h}}\n\
                fleets: {one: {count: $n}, two: {count: 2}}\nworkload:\n  - send:\n      as: chat\n      \
                from: {fleet: one}\n      to: {contacts: 3, among: [one, two]}\n      \
                arrivals: {poisson: {rate: $rate, per: device}}\n\
                expect:\n  - slo: {metric: chat.delivery, quantile: 99%, below: 1s}\n";
    let errors = |set: &str| {
        let extras = Extras { set: vec![set.to_owned()], ..Extras::default() };
        let mut reading = read_text("a.yaml", base, &extras);
        reading.check();
        let sorted = reading.diagnostics.sorted();
        let codes = sorted.iter().map(|it| it.code.id()).filter(|id| id.starts_with('E'));
        codes.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(errors("params.n=10"), [""; 0]);
    for (set, code) in [
        ("params.n=lots", "E104"),
        ("params.n=0", "E110"),
        ("params.n=1", "E110"),
        ("params.rate=often", "E104"),
        ("workload.chat.to.among=[one, tow]", "E301"),
    ] {
        assert_eq!(errors(set), [code], "{set}");
    }
}

fn swept(sweeps: &[&str]) -> Reading {
    let text = "peadsim: 1\nid: A\ntitle: t\n\
                params: {lead: {each: [1s, 2s]}, gap: {default: 3s}}\n\
                exclude: [{lead: 5s, gap: 4s}]\n\
                time: {active: $lead, settle: $gap}\n";
    let sweep = sweeps.iter().map(|text| (*text).to_owned()).collect();
    read_text("a.yaml", text, &Extras { sweep, ..Extras::default() })
}

#[test]
fn a_sweep_makes_cases() {
    let text = "peadsim: 1\nid: A\ntitle: t\n";
    let sweep = vec!["time.active=1m,2m".to_owned()];
    let reading = read_text("a.yaml", text, &Extras { sweep, ..Extras::default() });
    let ids: Vec<_> = reading.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["A[time.active=1m]", "A[time.active=2m]"]);
}

#[test]
fn a_sweep_of_a_parameter_takes_the_place_of_its_values() {
    let reading = swept(&["params.gap=3s,4s", "params.lead=5s,6s"]);
    assert_eq!(findings(&reading), "");
    let of = |case: &Case| {
        let time = case.scenario.time.as_ref().unwrap();
        let settings: Vec<_> = case.settings.iter().map(|it| it.value.as_str()).collect();
        let ends = [&time.settle, &time.active].map(|it| it.value.to_string());
        assert_eq!(ends.to_vec(), settings, "what is told is what is run");
        case.id.clone()
    };
    let ids: Vec<_> = reading.cases.iter().map(of).collect();
    assert_eq!(
        ids,
        [
            "A[params.gap=3s,params.lead=5s]",
            "A[params.gap=3s,params.lead=6s]",
            "A[params.gap=4s,params.lead=6s]",
        ],
        "one case is excluded"
    );
}

#[test]
fn sweeps_are_checked_like_the_file() {
    let code = |sweeps: &[&str]| {
        let text = findings(&swept(sweeps));
        text.lines().filter(|line| line.starts_with("error")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(code(&["params.gap=3s"]), "");
    for (sweeps, message) in [
        (&["params.gap="][..], "error[E104 bad-value]: a sweep takes at least one value"),
        (&["params.gap=3"], "error[E104 bad-value]: `3` is no duration"),
        (&["params.gap=3s,3s"], "error[E211 defined-twice]: `params.gap` has the value `3s` twice"),
        (&["params.gap=3s", "params.gap=4s"], "error[E211 defined-twice]: `params.gap` is swept"),
        (&["params.gap=1s]: [2s"], "error[E011 bad-key]"),
        (&["params.gap"], "error[E104 bad-value]: a sweep takes at least one value"),
        (&["id.b=1s"], "error[E207 no-such-path]: `id.b` leads to no place"),
        (&["params.gop=3s"], "error[E207 no-such-path]: `params.gop` is no parameter"),
    ] {
        let found = code(sweeps);
        assert!(found.starts_with(message), "{sweeps:?}: {found}");
    }
    let many: Vec<String> = (1..=501).map(|n| format!("{n}s")).collect();
    let many = format!("params.gap={}", many.join(","));
    assert!(code(&[&many]).starts_with("error[E206 too-many-cases]"), "two leads for each gap");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is done to a file: findings, never a panic, and places that lie in the text.
    #[test]
    fn a_damaged_file_gets_findings_and_no_panic(
        cuts in proptest::collection::vec((any::<Index>(), 0..12_usize, ".{0,6}"), 1..6),
        line in any::<Index>(),
    ) {
        let mut text = include_str!("../good/every-verb.yaml").to_owned();
        for (at, length, put) in cuts {
            let from = text.floor_char_boundary(at.index(text.len()));
            let to = text.ceil_char_boundary((from + length).min(text.len()));
            text.replace_range(from..to, &put);
        }
        let mut lines: Vec<&str> = text.lines().collect();
        lines.remove(line.index(lines.len()));
        for text in [text.clone(), lines.join("\n")] {
            let mut reading = read_text("damaged.yaml", &text, &Extras::default());
            reading.check();
            let _ = findings(&reading);
            for finding in reading.diagnostics.sorted() {
                let end = finding.span.byte_offset as usize + finding.span.byte_len as usize;
                prop_assert!(end <= text.len() + 1, "{finding:?}");
            }
        }
    }
}
