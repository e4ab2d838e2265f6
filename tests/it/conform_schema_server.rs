//! The schema of lines to and from a server says what the program reads and writes, and nothing else.
//!
//! Not here: a device's (`conform_schema`), or what the messages lead to (`outside`, `conform_server`).

use std::path::Path;
use std::sync::{Arc, Mutex};

use peadsim::conformance::applies::applies_to_server;
use peadsim::conformance::door::opening;
use peadsim::conformance::message::SCHEMA;
use peadsim::conformance::reference::Nature;
use peadsim::conformance::server_adapter::ServerAdapter;
use peadsim::conformance::server_attached::AttachedServer;
use peadsim::conformance::server_message::{SERVER_SCHEMA, ServerMethod, ServerSettled};
use peadsim::explore::subject::plan;
use peadsim::scenario::read::{Extras, read_file};
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::service::RemoteServer;
use peadsim::verdict::conformity::Role;
use serde_json::Value;
use strum::VariantNames as _;

use crate::schema_lines::{Grammar, Lines, Tapped, all_facts, reads, set};

fn grammar() -> Grammar {
    Grammar::new(SERVER_SCHEMA, |method, line| {
        reads::<ServerMethod, ServerSettled>(Role::Server, method, line)
    })
}

/// What is said in the run of a scenario's first case with the server attached.
fn listen(file: &Path, lines: &Lines) {
    let reading = read_file(file, None, &Extras::default());
    let Some(case) = reading.cases.first() else { return };
    let plan = Arc::new(plan(&reading, case, &case.id, 1).unwrap());
    let fits = applies_to_server(&plan, &ServerAdapter::default().declaration());
    if plan.devices.len() > 8 || fits.is_err() {
        return;
    }
    let link = Tapped::link(Box::new(ServerAdapter::new(Nature::default())), lines);
    let attached = AttachedServer::provision(Arc::clone(&link), &plan).unwrap();
    let server: RemoteServer = Arc::new(Mutex::new(attached));
    run(&plan, RunOptions { server: Some(server), ..RunOptions::default() });
    link.lock().unwrap().shut_down().unwrap_err();
}

/// Folders in whose scenarios, together, everything is said that can be.
const FOLDERS: [&str; 4] = ["claims", "delivery", "provisioning", "rotation"];

#[test]
fn every_line_of_a_session_keeps_to_the_schema_and_no_other_does() {
    let (grammar, lines) = (grammar(), Lines::default());
    for folder in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(folder);
        for file in std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if file.extension().is_some_and(|it| it == "yaml") {
                listen(&file, &lines);
            }
        }
    }
    let samples = grammar.samples(&lines);
    for (kind, path) in [
        ("ok net.deliver", "/ok/next_from"),
        ("ok net.deliver", "/ok/next_user"),
        ("ok session.open", "/ok/ticket/mac"),
        ("net.send", "/of"),
        ("account refuse", "/p/fact/refuse/mid/seq"),
    ] {
        let line = &samples[kind].1;
        assert!(line.pointer(path).is_some(), "never said: {path} of {kind}: {line}");
    }
    let facts = grammar.facts().into_iter().map(|it| format!("account {it}"));
    let methods = ServerMethod::VARIANTS.iter().map(|it| (*it).to_owned());
    let replies = ServerMethod::VARIANTS.iter().map(|it| format!("ok {it}"));
    let events = ["net.send", "err"].map(str::to_owned);
    grammar.agree(&samples, facts.chain(methods).chain(replies).chain(events));
}

#[test]
fn the_lists_of_the_schema_are_those_of_the_program() {
    let grammar = grammar();
    assert_eq!(grammar.choices("/$defs/request/oneOf", "m"), set(ServerMethod::VARIANTS));
    assert_eq!(grammar.choices("/$defs/event/oneOf", "ev"), set(&["account", "net.send"]));
    assert_eq!(grammar.listed("/$defs/fact/propertyNames/enum"), all_facts());
    // What the text tells of a server's facts is what the schema knows of them.
    let text = include_str!("../../src/conformance/attach.md");
    let (_, table) =
        text.split_once("| fact | fields | when |\n| --- | --- | --- |\n| `recorded`").unwrap();
    let rows = table.lines().skip(1).take_while(|it| it.starts_with('|'));
    let told = rows.map(|it| it.split('`').nth(1).unwrap().to_owned());
    assert_eq!(grammar.facts(), told.chain(["recorded".to_owned()]).collect());
}

#[test]
fn what_both_sides_have_is_described_alike() {
    let (server, device) = (grammar().schema, serde_json::from_str::<Value>(SCHEMA).unwrap());
    for name in [
        "number", "wide", "word", "octets", "octets16", "octets32", "user", "done", "refusal",
        "hello", "mid",
    ] {
        assert_eq!(server["$defs"][name], device["$defs"][name], "{name}");
    }
    for path in [
        "/$defs/welcome/properties/capabilities",
        "/$defs/welcome/properties/product",
        "/$defs/reply/properties",
        "/$defs/event/properties",
        "/$defs/fact/propertyNames",
    ] {
        assert_eq!(server.pointer(path), device.pointer(path), "{path}");
        assert!(server.pointer(path).is_some(), "{path}");
    }
}

#[test]
fn lines_that_are_none_are_refused() {
    let grammar = grammar();
    assert!(grammar.takes(&opening("sesame")));
    let listens =
        r#"{"v":1,"re":7,"ok":{"seq":0,"next_ns":null,"pending":false,"native":"127.0.0.1:7"}}"#;
    assert!(grammar.takes(listens));
    let tells = r#"{"v":1,"ev":"account","p":{"user":"a","fact":{"reset":{"user":"a"}},"req":"00000000000000ff"},
                   "seq":1,"at_ns":0}"#;
    assert!(grammar.takes(tells) && !grammar.takes(&tells.replace("00ff", "ff")));
    assert!(!grammar.takes(&listens.replace(r#""127.0.0.1:7""#, "7")));
    for bad in [
        r#"{}"#,
        r#"{"v":2,"id":1,"m":"ping"}"#,
        r#"{"v":1,"id":1,"m":"power.cut"}"#,
        r#"{"v":1,"id":1,"m":"sync","p":{"now_ns":0,"wall_ms":0}}"#,
        r#"{"v":1,"id":1,"m":"directory.put","p":{"user":"alice","conn":0,"records":["0"]}}"#,
        r#"{"v":1,"id":1,"m":"directory.put","p":{"user":"Alice","conn":0,"records":[]}}"#,
        r#"{"v":1,"id":1,"m":"session.open","p":{"now_ns":0,"wall_ms":0,"conn":4294967296,"user":"a"}}"#,
        r#"{"v":1,"id":1,"m":"net.deliver","p":{"now_ns":0,"wall_ms":0,"octets":""}}"#,
        r#"{"v":1,"id":1,"m":"mailbox.limit","p":{"now_ns":0,"wall_ms":0,"user":"a","messages":-1}}"#,
        r#"{"v":1,"re":1}"#,
        r#"{"v":1,"re":1,"ok":{"seq":0,"pending":false}}"#,
        r#"{"v":1,"re":1,"ok":{"seq":0,"next_ns":null,"pending":false,"ticket":{"user":"a"}}}"#,
        r#"{"v":1,"ev":"net.send","p":{"octets":""},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"fact","p":{"reset":{"user":"a"}},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"account","p":{"fact":{"reset":{"user":"a"}}},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"account","p":{"user":"a","fact":{"reset":{}}},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"account","p":{"user":"a","fact":{}},"seq":1,"at_ns":0}"#,
    ] {
        assert!(!grammar.takes(bad), "{bad}");
    }
}
