//! Lines of the attachment protocol, and whether schema and program agree on them, whoever is attached.
//!
//! Not here: what a device and a server say (`conform_schema`, `conform_schema_server`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use jsonschema::Validator;
use peadsim::base::time::Duration;
use peadsim::conformance::attached::{Clock, SharedLink, greet};
use peadsim::conformance::fault::LinkFault;
use peadsim::conformance::link::{Line, Link};
use peadsim::conformance::message::{Event, EventLine, ReplyLine, RequestLine, Welcome};
use peadsim::conformance::near::Near;
use peadsim::conformance::serve::Serve;
use peadsim::conformance::strict;
use peadsim::trace::fact::FactKind;
use peadsim::verdict::conformity::Role;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strum::{IntoEnumIterator as _, VariantNames};

/// Lines with the method that they belong to, in the order in which they were said.
pub type Lines = Arc<Mutex<Vec<(String, Value)>>>;

/// A line on which everything is written down.
#[derive(Debug)]
pub struct Tapped {
    near: Near,
    method: String,
    lines: Lines,
}

impl Tapped {
    /// A link over a line to this, greeted.
    pub fn link(adapter: Box<dyn Serve>, lines: &Lines) -> SharedLink {
        let (near, lines) = (Near::new(adapter), Arc::clone(lines));
        let tapped = Self { near, method: String::new(), lines };
        let mut link = Link::new(Box::new(tapped), Duration::ZERO);
        greet(&mut link, "tapped", Clock::Virtual).unwrap();
        Arc::new(Mutex::new(link))
    }
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

/// What kind of line it is, in as many kinds as the schemas tell apart.
fn kind(method: &str, line: &Value) -> String {
    let p = &line["p"];
    if line.get("ok").is_some() {
        return format!("ok {method}");
    }
    let first = |it: &Value| it.as_object().and_then(|it| it.keys().next().cloned());
    let more = match line["ev"].as_str().or_else(|| line["m"].as_str()) {
        Some("fact") => first(p).unwrap(),
        Some("account") => first(&p["fact"]).unwrap(),
        Some("user.act") => p["act"].as_str().unwrap().to_owned(),
        Some("provision") => p["start"]["state"].as_str().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let name = ["ev", "m"].iter().find_map(|it| line[it].as_str()).unwrap_or("err");
    let name = if name.starts_with("harness.probe") { "probe" } else { name };
    format!("{name} {more}").trim().to_owned()
}

/// Requests after which nothing is to be said but that they are done.
const BARE: [&str; 4] = ["directory.put", "ping", "provision", "shutdown"];

/// Whether the program can do something with a line to or from this side, with these methods and that answer.
pub fn reads<M, S>(role: Role, method: &str, line: &Value) -> bool
where
    M: DeserializeOwned + VariantNames,
    S: DeserializeOwned,
{
    let text = line.to_string();
    if line.get("m").is_some() {
        let request = serde_json::from_str::<RequestLine>(&text);
        return request.is_ok_and(|it| it.method::<M>().is_ok());
    }
    let Ok(value) = strict::parse(&text) else { return false };
    if line.get("ev").is_some() {
        return serde_json::from_value::<EventLine>(value).is_ok_and(|it| match it.event {
            Event::Send { to, .. } => to.is_some() == (role == Role::Server),
            Event::Fact(_) => role == Role::Device,
            Event::Account { .. } => role == Role::Server,
        });
    }
    let Ok(reply) = serde_json::from_value::<ReplyLine>(value) else { return false };
    match (reply.ok, reply.err) {
        (None, Some(_)) => true,
        (Some(ok), None) => match method {
            "hello" => serde_json::from_value::<Welcome>(ok).is_ok_and(|it| {
                it.capabilities.check().is_ok() && (role == Role::Device || it.role == role)
            }),
            bare if BARE.contains(&bare) => true,
            _ => serde_json::from_value::<S>(ok).is_ok(),
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
    let bare = kind.strip_prefix("ok ").is_some_and(|it| BARE.contains(&it));
    ["/v", "/ok"].contains(&path) || bare && path.starts_with("/ok")
}

/// A schema, and what the program does with the lines that it is of.
pub struct Grammar {
    pub schema: Value,
    validator: Validator,
    reads: fn(&str, &Value) -> bool,
    /// All names of properties.
    names: BTreeSet<String>,
}

/// Lines by their kind, with the method that they belong to.
pub type Samples = BTreeMap<String, (String, Value)>;

impl Grammar {
    pub fn new(text: &str, reads: fn(&str, &Value) -> bool) -> Self {
        let schema: Value = serde_json::from_str(text).unwrap();
        jsonschema::meta::validate(&schema).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let mut all = BTreeSet::new();
        names(&schema, &mut all);
        Self { schema, validator, reads, names: all }
    }

    /// Every line keeps to the schema; of each kind the first of those with most members.
    pub fn samples(&self, lines: &Lines) -> Samples {
        let mut samples = Samples::new();
        let size = |line: &Value| {
            let mut paths = Vec::new();
            members(line, "", &mut paths);
            paths.len()
        };
        for (method, line) in std::mem::take(&mut *lines.lock().unwrap()) {
            let kind = kind(&method, &line);
            if let Err(error) = self.validator.validate(&line) {
                panic!("{kind}: {error}: {line}");
            }
            if samples.get(&kind).is_none_or(|(_, it)| size(it) < size(&line)) {
                samples.insert(kind, (method, line));
            }
        }
        samples
    }

    /// The facts whose fields the schema knows.
    pub fn facts(&self) -> BTreeSet<String> {
        self.listed("/$defs/fact/properties")
    }

    /// The schema and the program are to agree on whatever becomes of these; all kinds are to be there.
    pub fn agree(&self, samples: &Samples, expected: impl Iterator<Item = String>) {
        let missing: Vec<String> = expected.filter(|it| !samples.contains_key(it)).collect();
        assert!(missing.is_empty(), "never said: {missing:?}");
        let facts = self.facts();
        for (kind, (method, line)) in samples {
            let fact = kind.strip_prefix("fact ").or_else(|| kind.strip_prefix("account "));
            if kind != "probe" && fact.is_none_or(|it| facts.contains(it)) {
                assert!((self.reads)(method, line), "{line}");
                self.compare(kind, method, line);
            }
        }
    }

    fn judge(&self, method: &str, line: &Value) -> (bool, bool) {
        (self.validator.is_valid(line), (self.reads)(method, line))
    }

    /// They are to agree on whatever becomes of a line at one place.
    fn compare(&self, kind: &str, method: &str, line: &Value) {
        let judge = |line: &Value| self.judge(method, line);
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
        let is_object = |path: &&String| line.pointer(path).is_some_and(Value::is_object);
        for path in paths.iter().filter(is_object).filter(|path| !is_lax(kind, path)) {
            let map = line.pointer(path).unwrap().as_object().unwrap();
            for name in self.names.iter().filter(|name| !map.contains_key(*name)) {
                let path = format!("{path}/{name}");
                let by = judge(&with(line, &path, Some(&json!({"?": 1}))));
                if by.0 != by.1 {
                    differs("added", &path, by);
                }
            }
        }
    }

    /// The names that stand in a list of the schema.
    pub fn listed(&self, pointer: &str) -> BTreeSet<String> {
        match self.schema.pointer(pointer).unwrap() {
            Value::Object(map) => map.keys().cloned().collect(),
            other => serde_json::from_value(other.clone()).unwrap(),
        }
    }

    /// The words by which the choices of the schema are told apart.
    pub fn choices(&self, pointer: &str, name: &str) -> BTreeSet<String> {
        let choices = self.schema.pointer(pointer).unwrap().as_array().unwrap();
        let named = |it: &Value| it["properties"][name]["const"].as_str().map(str::to_owned);
        choices.iter().filter_map(named).collect()
    }

    pub fn takes(&self, line: &str) -> bool {
        self.validator.is_valid(&serde_json::from_str(line).unwrap())
    }
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

/// The names of all facts that the program reads.
pub fn all_facts() -> BTreeSet<String> {
    FactKind::iter().map(|it| kebab(&format!("{it:?}"))).collect()
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
