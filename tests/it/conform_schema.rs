//! The schema of the attachment protocol says what the program reads and writes, and nothing else.
//!
//! Not here: what the messages lead to (`outside`, `conform_flaws`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use jsonschema::Validator;
use peadsim::base::time::Duration;
use peadsim::conformance::act::Act;
use peadsim::conformance::adapter::{Adapter, Nature};
use peadsim::conformance::attached::{Attached, Clock, greet};
use peadsim::conformance::door::opening;
use peadsim::conformance::fault::LinkFault;
use peadsim::conformance::link::{Line, Link};
use peadsim::conformance::message::{
    EventLine, Method, ReplyLine, RequestLine, SCHEMA, Settled, Welcome,
};
use peadsim::conformance::near::Near;
use peadsim::conformance::strict;
use peadsim::explore::subject::plan;
use peadsim::scenario::read::{Extras, read_file};
use peadsim::sim::body::Remote;
use peadsim::sim::run::{RunOptions, run};
use peadsim::trace::fact::FactKind;
use peadsim::verdict::capability::CAPABILITIES;
use serde_json::{Value, json};
use strum::{IntoEnumIterator as _, VariantNames as _};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn validator() -> Validator {
    jsonschema::meta::validate(&schema()).unwrap();
    jsonschema::draft202012::new(&schema()).unwrap()
}

/// Lines with the method that they belong to, in the order in which they were said.
type Lines = Arc<Mutex<Vec<(String, Value)>>>;

/// A line on which everything is written down.
#[derive(Debug)]
struct Tapped {
    near: Near,
    method: String,
    lines: Lines,
}

impl Line for Tapped {
    fn send(&mut self, line: &str) -> Result<(), LinkFault> {
        let value: Value = serde_json::from_str(line).unwrap();
        self.method = value["m"].as_str().unwrap().to_owned();
        self.lines.lock().unwrap().push((self.method.clone(), value));
        self.near.send(line)
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        let line = self.near.receive(within)?;
        let value = serde_json::from_slice(&line).unwrap();
        self.lines.lock().unwrap().push((self.method.clone(), value));
        Ok(line)
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is said in the runs of a scenario with each of its first two devices attached.
fn listen(path: &str, lines: &Lines) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(path);
    let reading = read_file(&file, None, &Extras::default());
    for case in &reading.cases {
        let plan = Arc::new(plan(&reading, case, &case.id, 1).unwrap());
        for user in 0..u32::try_from(plan.devices.len().min(2)).unwrap() {
            let near = Near::new(Box::new(Adapter::new(Nature::default())));
            let tapped = Tapped { near, method: String::new(), lines: Arc::clone(lines) };
            let mut link = Link::new(Box::new(tapped), Duration::ZERO);
            greet(&mut link, "tapped", Clock::Virtual).unwrap();
            let link = Arc::new(Mutex::new(link));
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

fn said() -> Vec<(String, Value)> {
    let lines = Lines::default();
    SCENARIOS.iter().for_each(|path| listen(path, &lines));
    std::mem::take(&mut *lines.lock().unwrap())
}

/// What kind of line it is, in as many kinds as the schema tells apart.
fn kind(method: &str, line: &Value) -> String {
    let p = &line["p"];
    if line.get("ok").is_some() {
        return format!("ok {method}");
    }
    let first = |it: &Value| it.as_object().and_then(|it| it.keys().next().cloned());
    let more = match line["ev"].as_str().or_else(|| line["m"].as_str()) {
        Some("fact") => first(p).unwrap(),
        Some("user.act") => p["act"].as_str().unwrap().to_owned(),
        Some("provision") => p["start"]["state"].as_str().unwrap().to_owned(),
        _ => String::new(),
    };
    let name = ["ev", "m"].iter().find_map(|it| line[it].as_str()).unwrap_or("err");
    let name = if name.starts_with("harness.probe") { "probe" } else { name };
    format!("{name} {more}").trim().to_owned()
}

/// Whether the program can do something with a line.
fn reads(method: &str, line: &Value) -> bool {
    let text = line.to_string();
    if line.get("m").is_some() {
        let request = serde_json::from_str::<RequestLine>(&text);
        return request.is_ok_and(|it| it.method::<Method>().is_ok());
    }
    let Ok(value) = strict::parse(&text) else { return false };
    if line.get("ev").is_some() {
        return serde_json::from_value::<EventLine>(value).is_ok();
    }
    let Ok(reply) = serde_json::from_value::<ReplyLine>(value) else { return false };
    match (reply.ok, reply.err) {
        (None, Some(_)) => true,
        (Some(ok), None) => match method {
            "hello" => serde_json::from_value::<Welcome>(ok)
                .is_ok_and(|it| it.capabilities.check().is_ok()),
            "ping" | "provision" | "shutdown" => true,
            _ => serde_json::from_value::<Settled>(ok).is_ok(),
        },
        _ => false,
    }
}

/// Paths of all members of a value.
fn members(value: &Value, path: &str, all: &mut Vec<String>) {
    if let Value::Object(map) = value {
        for (name, inside) in map {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            members(inside, &path, all);
            all.push(path);
        }
    }
}

/// The line with another value there, or none.
fn with(line: &Value, path: &str, other: Option<&Value>) -> Value {
    let mut line = line.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let map = line.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match other {
        Some(other) => map.insert(name.to_owned(), other.clone()),
        None => map.remove(name),
    };
    line
}

/// All names of properties in the schema.
fn names(schema: &Value, all: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                all.extend(properties.keys().cloned());
            }
            map.values().for_each(|it| names(it, all));
        }
        Value::Array(items) => items.iter().for_each(|it| names(it, all)),
        _ => {}
    }
}

/// Where the program reads less strictly than it writes, or the schema cannot know: versions are looked at
/// before, of replies that say nothing nothing is read, and a reply does not say what it answers.
fn is_lax(kind: &str, path: &str) -> bool {
    let nothing = ["ok ping", "ok provision", "ok shutdown"].contains(&kind);
    ["/v", "/ok"].contains(&path) || nothing && path.starts_with("/ok")
}

/// The schema and the program are to agree on whatever becomes of a line at one place.
fn compare(validator: &Validator, kind: &str, method: &str, line: &Value) {
    let judge = |line: &Value| (validator.is_valid(line), reads(method, line));
    let differs = |what: &str, path: &str, by: (bool, bool)| {
        panic!("{kind}: {path} {what}: the schema says {}, the program {}: {line}", by.0, by.1)
    };
    let mut paths = Vec::new();
    members(line, "", &mut paths);
    for path in paths.iter().filter(|path| !is_lax(kind, path)) {
        let (null, none) =
            (judge(&with(line, path, Some(&Value::Null))), judge(&with(line, path, None)));
        // Where the program takes both for the same, the schema may ask for one of them.
        let alike = null.1 && none.1 && (null.0 || none.0);
        if let Some(by) = [null, none].into_iter().find(|by| by.0 != by.1).filter(|_| !alike) {
            differs("absent or null", path, by);
        }
        for other in [json!(true), json!("?"), json!(-1), json!(1.5), json!({"?": 1})] {
            let by = judge(&with(line, path, Some(&other)));
            if by.0 != by.1 {
                differs(&format!("as {other}"), path, by);
            }
        }
    }
    // A field of another message is known to neither, or to both.
    let mut all = BTreeSet::new();
    names(&schema(), &mut all);
    let is_object = |path: &&String| line.pointer(path).is_some_and(Value::is_object);
    for path in paths.iter().filter(is_object).filter(|path| !is_lax(kind, path)) {
        let map = line.pointer(path).unwrap().as_object().unwrap();
        for name in all.iter().filter(|name| !map.contains_key(*name)) {
            let path = format!("{path}/{name}");
            let by = judge(&with(line, &path, Some(&json!({"?": 1}))));
            if by.0 != by.1 {
                differs("added", &path, by);
            }
        }
    }
}

#[test]
fn every_line_of_a_session_keeps_to_the_schema_and_no_other_does() {
    let (validator, said) = (validator(), said());
    let mut samples: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for (method, line) in said {
        let kind = kind(&method, &line);
        if let Err(error) = validator.validate(&line) {
            panic!("{kind}: {error}: {line}");
        }
        samples.entry(kind).or_insert((method, line));
    }
    // No case starts with keys that nobody has recorded.
    let mut keyed = samples["provision registered"].clone();
    keyed.1["p"]["start"]["state"] = json!("keyed");
    keyed.1["p"]["start"].as_object_mut().unwrap().remove("record");
    samples.insert("provision keyed".to_owned(), keyed);
    let schema = schema();
    let defined = schema["$defs"]["fact"]["properties"].as_object().unwrap();
    let facts = defined.keys().map(|it| format!("fact {it}"));
    let acts = Act::VARIANTS.iter().map(|it| format!("user.act {it}"));
    let starts = ["blank", "keyed", "registered"].map(|it| format!("provision {it}"));
    let others = Method::VARIANTS.iter().filter(|it| !["user.act", "provision"].contains(it));
    let others = others.map(|it| (*it).to_owned());
    let expected = facts.chain(acts).chain(starts).chain(others);
    let missing: Vec<String> = expected.filter(|it| !samples.contains_key(it)).collect();
    assert!(missing.is_empty(), "never said: {missing:?}");
    for (kind, (method, line)) in &samples {
        let inside = kind.strip_prefix("fact ").is_some_and(|it| !defined.contains_key(it));
        if kind != "probe" && !inside {
            assert!(reads(method, line), "{line}");
            compare(&validator, kind, method, line);
        }
    }
}

/// The names that stand in a list of the schema.
fn listed(pointer: &str) -> BTreeSet<String> {
    let schema = schema();
    let list = schema.pointer(pointer).unwrap();
    match list {
        Value::Object(map) => map.keys().cloned().collect(),
        other => serde_json::from_value(other.clone()).unwrap(),
    }
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[test]
fn the_lists_of_the_schema_are_those_of_the_program() {
    let schema = schema();
    let consts = |pointer: &str, name: &str| -> BTreeSet<String> {
        let choices = schema.pointer(pointer).unwrap().as_array().unwrap();
        let named = |it: &Value| it["properties"][name]["const"].as_str().map(str::to_owned);
        choices.iter().filter_map(named).collect()
    };
    let set = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(consts("/$defs/request/oneOf", "m"), set(Method::VARIANTS));
    assert_eq!(consts("/$defs/act/oneOf", "act"), set(Act::VARIANTS));
    let capabilities = CAPABILITIES.iter().map(|it| it.name.to_owned()).collect();
    let pointer = "/$defs/welcome/properties/capabilities/properties";
    assert_eq!(listed(pointer), capabilities);
    let facts = FactKind::iter().map(|it| kebab(&format!("{it:?}"))).collect();
    assert_eq!(listed("/$defs/fact/propertyNames/enum"), facts);
}

#[test]
fn lines_that_are_none_are_refused() {
    let validator = validator();
    let opening: Value = serde_json::from_str(&opening("sesame")).unwrap();
    assert!(validator.is_valid(&opening));
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
        r#"{"v":1,"ev":"fact","p":{},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"fact","p":{"power-on":{"boot":1},"attached":{}},"seq":1,"at_ns":0}"#,
        r#"{"v":1,"ev":"fact","p":{"power-on":{"boot":1}},"at_ns":0}"#,
        r#"{"v":1,"session":7}"#,
    ] {
        assert!(!validator.is_valid(&serde_json::from_str(bad).unwrap()), "{bad}");
    }
}
