//! The front end of the scenario language, from files to cases.
//!
//! Not here: files with errors (`scenario_bad`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use peadsim::scenario::ast::expect::Expected;
use peadsim::scenario::ast::scenario::WorldKind;
use peadsim::scenario::ast::step::Verb;
use peadsim::scenario::ast::workload::Recurring;
use peadsim::scenario::diagnostics::Diagnostics;
use peadsim::scenario::expand::single;
use peadsim::scenario::fields::Choices;
use peadsim::scenario::read::{Extras, Reading, read_file, read_text};
use peadsim::scenario::reference::reference;
use peadsim::scenario::schema::schema;
use peadsim::scenario::source::Sources;
use peadsim::scenario::syntax;
use peadsim::scenario::tree::{Node, NodeKind};
use peadsim::scenario::write::write;
use serde_json::Value;

fn read(name: &str, set: &[&str]) -> Reading {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let file = root.join("good").join(name);
    read_file(&file, Some(&root), &Extras { set, ..Extras::default() })
}

#[test]
fn good_files_read_without_a_finding() {
    for (name, cases) in
        [("race.yaml", 8), ("fleet.yaml", 1), ("conform.yaml", 1), ("every-verb.yaml", 1)]
    {
        let mut reading = read(name, &[]);
        reading.check();
        assert_eq!(reading.render(false), "", "{name}");
        assert_eq!(reading.cases.len(), cases, "{name}");
    }
}

#[test]
fn cases_have_ids_with_their_parameters() {
    let reading = read("race.yaml", &["params.lead={each: [20ms]}"]);
    let ids: Vec<_> = reading.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["ROT-R1-inflight[lead=20ms,loss=0%]", "ROT-R1-inflight[lead=20ms,loss=5%]"]);
}

/// Holds a committed file equal to what the code makes; `UPDATE=1` rewrites it.
fn check_committed(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == made, "{file} is out of date: run the tests with UPDATE=1");
}

#[test]
fn the_reference_page_is_what_the_tables_say() {
    check_committed("src/scenario/reference.md", &reference());
}

/// All scenario files of the repository.
fn all_scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests/good"), root.join("scenarios")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() >= 3, "the examples are there");
    files
}

/// Is it a library, which other files use, or a profile, which names others?
fn is_library(text: &str) -> bool {
    !text.lines().any(|line| line.starts_with("id:")) || text.contains("\nkind: profile\n")
}

#[test]
fn every_scenario_resolves_without_a_finding() {
    let mut findings = String::new();
    for file in all_scenarios() {
        let text = std::fs::read_to_string(&file).unwrap();
        if !is_library(&text) {
            let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
            let root = Some(tests.as_path()).filter(|tests| file.starts_with(tests));
            let mut reading = read_file(&file, root, &Extras::default());
            reading.check();
            findings.push_str(&reading.render(false));
        }
    }
    assert!(findings.is_empty(), "{findings}");
}

#[test]
fn every_scenario_is_valid_by_the_schema() {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for file in all_scenarios() {
        let text = std::fs::read_to_string(&file).unwrap();
        if is_library(&text) {
            continue;
        }
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let base = "peadsim: 1\nid: A\ntitle: t\n";
    for bad in [
        "shade: red",
        "seeds: many",
        "steps: [{send: {from: a}}]",
        "steps: [{send: {from: a, to: b}, poll: {by: a}}]",
        "steps: [{send: {from: a, to: b, text: x, size: 1B}}]",
        "steps: [{rotate: {by: a, at: 5}}]",
        "time: {active: 5}",
    ] {
        let text = format!("{base}{bad}\n");
        let value: Value = serde_yaml::from_str(&text).unwrap();
        assert!(!validator.is_valid(&value), "{bad}");
        assert!(read_text("bad.yaml", &text, &Extras::default()).diagnostics.has_errors(), "{bad}");
    }
}

/// A tree as a plain value, its unquoted scalars as YAML 1.2 (core) takes them.
fn plain(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null | NodeKind::Broken => Value::Null,
        NodeKind::Scalar { text, quoted: true } => Value::String(text.clone()),
        NodeKind::Scalar { text, quoted: false } => {
            serde_yaml::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        NodeKind::Seq(items) => items.iter().map(plain).collect(),
        NodeKind::Map(entries) => {
            entries.iter().map(|entry| (entry.key.value.clone(), plain(&entry.value))).collect()
        }
    }
}

#[test]
fn an_independent_yaml_reader_sees_the_same_values() {
    for file in all_scenarios() {
        let octets = std::fs::read(&file).unwrap();
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let tree = syntax::read("t", &octets, &mut sources, &mut sink).unwrap();
        let other: Value = serde_yaml::from_slice(&octets).unwrap();
        assert_eq!(plain(&tree), other, "{}", file.display());
    }
}

#[test]
fn an_expanded_case_is_a_file_of_its_own_that_reads_to_the_same() {
    for file in ["race.yaml", "fleet.yaml", "conform.yaml"] {
        for case in read(file, &[]).cases {
            let text = write(&single(&case.tree));
            let again = read_text("again.yaml", &text, &Extras::default());
            assert_eq!(again.render(false), "", "{text}");
            assert_eq!(again.cases.len(), 1);
            assert_eq!(write(&again.cases[0].tree), text);
        }
    }
}

/// Asserts that a list of the language is used up by the file with every verb.
#[track_caller]
fn check_complete<'a>(choices: &Choices, used: impl Iterator<Item = &'a str>) {
    let used: BTreeSet<_> = used.collect();
    let known: BTreeSet<_> = choices.choices.iter().map(|(key, ..)| *key).collect();
    assert_eq!(known.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_file_with_every_verb_has_every_verb() {
    let reading = read("every-verb.yaml", &[]);
    let scenario = &reading.cases[0].scenario;
    check_complete(Verb::choices(), scenario.steps.iter().map(|step| step.verb.key()));
    check_complete(Expected::choices(), scenario.expect.iter().map(|it| it.what.key()));
    check_complete(Recurring::choices(), scenario.workload.iter().map(|it| it.what.key()));
}

#[test]
fn a_world_puts_its_own_keys_on_top() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let active = |world| {
        let extras = Extras { world, ..Extras::default() };
        let reading = read_file(&root.join("good/every-verb.yaml"), Some(&root), &extras);
        reading.cases[0].scenario.time.as_ref().unwrap().active.value.to_string()
    };
    assert_eq!(active(None), "1d");
    assert_eq!(active(Some(WorldKind::Load)), "1h");
    assert_eq!(active(Some(WorldKind::Run)), "1d");
}
