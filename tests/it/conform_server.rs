//! A server in the place of all accounts: the reference passes, servers that break rules are caught.
//!
//! Not here: that it does what it does inside of the world (`outside`), or places other than a child process.

use std::collections::BTreeMap;

use peadsim::verdict::capability::CAPABILITIES;
use serde_json::Value;

use crate::cli::Place;

/// The scenarios, with the profile of servers among them.
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

fn program(args: &str) -> String {
    format!("{} device --server {args}", env!("CARGO_BIN_EXE_peadsim"))
}

/// The exit code, and the marks by the names of tests.
fn conform(place: &Place, server: &str, more: &[&str]) -> (i32, BTreeMap<String, String>) {
    let args = ["conform", "--server", "--exec", server, "--format", "json", SCENARIOS];
    let done = place.run(&[&args[..], more].concat());
    let results: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
    let word = |it: &Value| it.as_str().unwrap().to_owned();
    let trials = results["trials"].as_array().unwrap().iter();
    (done.exit, trials.map(|it| (word(&it["id"]), word(&it["mark"]))).collect())
}

fn count(marks: &BTreeMap<String, String>, mark: &str) -> usize {
    marks.values().filter(|it| *it == mark).count()
}

#[test]
fn the_reference_server_meets_its_profile_and_is_judged_again() {
    let place = Place::new();
    let (exit, marks) = conform(&place, &program(""), &["--report", "out"]);
    assert_eq!((exit, count(&marks, "pass") + count(&marks, "not_applicable")), (0, marks.len()));
    assert!(count(&marks, "pass") >= 60, "{marks:?}");
    let again = place.run(&["judge", "out", "--format", "json"]);
    assert_eq!(again.out, place.read("out/results.json"), "octet for octet");
}

#[test]
fn servers_that_break_rules_are_caught() {
    let place = Place::new();
    for (deviation, case) in [
        ("M69", "CLAIM-09-full-mailbox"),
        ("M72", "CLAIM-08-resubmit-identical"),
        ("M74", "PROV-second-registration"),
        ("M76", "CLAIM-09-expiry"),
        ("M85", "CLAIM-14-retired-record"),
        ("M92", "ROT-R11-late-nack"),
        ("M94", "ROT-R9-known-octets"),
        ("M96", "ROT-R9-late-submit"),
    ] {
        let server = program(&format!("--deviation {deviation}"));
        let (exit, marks) = conform(&place, &server, &["--only", case]);
        assert_eq!((exit, count(&marks, "fail")), (1, 1), "{deviation}");
    }
}

#[test]
fn a_server_without_facts_is_told_what_is_missing() {
    let place = Place::new();
    let server = program("--opaque");
    let args = ["conform", "--server", "--exec", &server, "--only", "CLAIM-05-base", SCENARIOS];
    let done = place.run(&args);
    assert_eq!(done.exit, 5, "{}", done.out);
    assert!(done.out.contains("it needs `facts`, which is declared otherwise"), "{}", done.out);
}

/// Says yes to everything that takes no time, and settles what does at once.
const NULL: &str = r#"
product='{"vendor":"none","model":"null","version":"0"}'
while read -r line; do
    id=${line#*'"id":'}
    id=${id%%,*}
    case "$line" in
    *'"m":"hello"'*) ok='{"proto":1,"role":"server","product":'$product',"capabilities":CAN}' ;;
    *'"m":"harness.'*)
        echo '{"v":1,"re":'$id',"err":{"code":"unimplemented","definite":true,"text":"no"}}'
        continue
        ;;
    *now_ns*) ok='{"seq":0,"next_ns":null,"pending":false}' ;;
    *) ok='{}' ;;
    esac
    echo '{"v":1,"re":'$id',"ok":'"$ok"'}'
    case "$line" in *'"m":"shutdown"'*) exit ;; esac
done
"#;

#[test]
fn a_server_that_does_nothing_never_passes() {
    let can: BTreeMap<&str, bool> = CAPABILITIES.iter().map(|it| (it.name, true)).collect();
    let script = NULL.replace("CAN", &serde_json::to_string(&can).unwrap());
    let place = Place::new().with("null.sh", &script);
    let (exit, marks) = conform(&place, "sh null.sh", &[]);
    assert!([1, 3].contains(&exit), "exit {exit}");
    assert_eq!((count(&marks, "pass"), count(&marks, "error")), (0, 0), "{marks:?}");
    assert!(count(&marks, "fail") + count(&marks, "inconclusive") >= 60, "{marks:?}");
}
