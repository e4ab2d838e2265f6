//! The schema of lines to and from a device says what the program reads and writes, and nothing else.
//!
//! Not here: a server's (`conform_schema_server`), or what the messages lead to (`outside`, `conform_flaws`).

use std::path::Path;
use std::sync::{Arc, Mutex};

use peadsim::conformance::act::Act;
use peadsim::conformance::adapter::Adapter;
use peadsim::conformance::attached::Attached;
use peadsim::conformance::door::opening;
use peadsim::conformance::message::{Method, SCHEMA, Settled};
use peadsim::conformance::reference::Nature;
use peadsim::explore::subject::plan;
use peadsim::scenario::read::{Extras, read_file};
use peadsim::sim::body::Remote;
use peadsim::sim::run::{RunOptions, run};
use peadsim::verdict::capability::CAPABILITIES;
use peadsim::verdict::conformity::Role;
use serde_json::json;
use strum::VariantNames as _;

use crate::schema_lines::{Grammar, Lines, Tapped, all_facts, reads, set};

fn grammar() -> Grammar {
    Grammar::new(SCHEMA, |method, line| reads::<Method, Settled>(Role::Device, method, line))
}

/// What is said in the runs of a scenario with each of its first two devices attached.
fn listen(path: &str, lines: &Lines) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(path);
    let reading = read_file(&file, None, &Extras::default());
    for case in &reading.cases {
        let plan = Arc::new(plan(&reading, case, &case.id, 1).unwrap());
        for user in 0..u32::try_from(plan.devices.len().min(2)).unwrap() {
            let link = Tapped::link(Box::new(Adapter::new(Nature::default())), lines);
            let attached = Attached::provision(Arc::clone(&link), &plan, user).unwrap();
            let body: Remote = Arc::new(Mutex::new(attached));
            run(&plan, RunOptions { outside: vec![(user, body)], ..RunOptions::default() });
            link.lock().unwrap().shut_down().unwrap_err();
        }
    }
}

/// Scenarios in which, together, everything is said that can be.
const SCENARIOS: [&str; 13] = [
    "approval/own-data-hit.yaml",
    "approval/reject.yaml",
    "approval/scroll.yaml",
    "claims/claim-03-approve.yaml",
    "claims/claim-10-poll.yaml",
    "delivery/in-order.yaml",
    "faults/restore-receiver.yaml",
    "provisioning/downloaded.yaml",
    "provisioning/factory-reset.yaml",
    "provisioning/generated.yaml",
    "provisioning/reprovisioning.yaml",
    "regressions/confirmed-mail.yaml",
    "rotation/rot-r11-revoked.yaml",
];

#[test]
fn every_line_of_a_session_keeps_to_the_schema_and_no_other_does() {
    let (grammar, lines) = (grammar(), Lines::default());
    SCENARIOS.iter().for_each(|path| listen(path, &lines));
    let mut samples = grammar.samples(&lines);
    // No case starts with keys that nobody has recorded.
    let mut keyed = samples["provision registered"].clone();
    keyed.1["p"]["start"]["state"] = json!("keyed");
    keyed.1["p"]["start"].as_object_mut().unwrap().remove("record");
    samples.insert("provision keyed".to_owned(), keyed);
    let facts = grammar.facts().into_iter().map(|it| format!("fact {it}"));
    let acts = Act::VARIANTS.iter().map(|it| format!("user.act {it}"));
    let starts = ["blank", "keyed", "registered"].map(|it| format!("provision {it}"));
    let others = Method::VARIANTS.iter().filter(|it| !["user.act", "provision"].contains(it));
    let others = others.map(|it| (*it).to_owned());
    grammar.agree(&samples, facts.chain(acts).chain(starts).chain(others));
}

#[test]
fn the_lists_of_the_schema_are_those_of_the_program() {
    let grammar = grammar();
    assert_eq!(grammar.choices("/$defs/request/oneOf", "m"), set(Method::VARIANTS));
    assert_eq!(grammar.choices("/$defs/act/oneOf", "act"), set(Act::VARIANTS));
    let capabilities = CAPABILITIES.iter().map(|it| it.name.to_owned()).collect();
    let pointer = "/$defs/welcome/properties/capabilities/properties";
    assert_eq!(grammar.listed(pointer), capabilities);
    assert_eq!(grammar.listed("/$defs/fact/propertyNames/enum"), all_facts());
}

#[test]
fn lines_that_are_none_are_refused() {
    let grammar = grammar();
    assert!(grammar.takes(&opening("sesame")));
    for bad in [
        r#"{}"#,
        r#"[]"#,
        r#"{"v":2,"id":1,"m":"ping"}"#,
        r#"{"v":1,"id":1,"m":"pong"}"#,
        r#"{"v":1,"id":-1,"m":"ping"}"#,
        r#"{"v":1,"m":"ping"}"#,
        r#"{"v":1,"id":1,"m":"power.cut"}"#,
        r#"{"v":1,"id":1,"m":"user.act","p":{"act":"kick","now_ns":0,"wall_ms":0}}"#,
        r#"{"v":1,"id":1,"m":"net.deliver","p":{"octets":"0","now_ns":0,"wall_ms":0}}"#,
        r#"{"v":1,"id":1,"m":"net.deliver","p":{"octets":"0G","now_ns":0,"wall_ms":0}}"#,
        r#"{"v":1,"re":1}"#,
        r#"{"v":1,"re":1,"ok":{},"err":{"code":"busy","definite":true,"text":""}}"#,
        r#"{"v":1,"re":1,"err":{"code":"tired","definite":true,"text":""}}"#,
        r#"{"v":1,"re":9007199254740993,"ok":{}}"#,
        r#"{"v":1,"re":1,"ok":{"seq":0,"pending":false}}"#,
        r#"{"v":1,"ev":"net.receive","p":{"octets":""},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"net.send","p":{"to":1,"octets":""},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"fact","p":{},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"fact","p":{"power-on":{"boot":1},"attached":{}},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"fact","p":{"power-on":{"boot":1}},"at_ns":0}"#,
        r#"{"v":1,"session":7}"#,
    ] {
        assert!(!grammar.takes(bad), "{bad}");
    }
}
