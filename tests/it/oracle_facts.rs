//! Every oracle says that it looks at each fact that its source, or a helper that it uses, names: one that does
//! not would be blind to it. Not here: whether it judges rightly; that is the kill matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules that everybody uses for other things than the facts they name, and the rooms of the oracles.
const ROOMS: [&str; 6] = ["judge", "spec", "panel", "safety", "liveness", "requirement"];

/// Sources below `src/oracle` by their module, without their tests.
fn modules(folder: &Path, prefix: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let name = if prefix.is_empty() { stem.to_owned() } else { format!("{prefix}::{stem}") };
        if path.is_dir() {
            modules(&path, &name, into);
        } else if !stem.contains("tests") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            let name = if stem == "mod" { prefix.to_owned() } else { name };
            into.insert(name, text);
        }
    }
}

/// The words that follow `before`, each up to the first character that belongs to no name.
fn words<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    let end =
        |rest: &str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    text.split(before).skip(1).map(|rest| &rest[..end(rest)]).collect()
}

/// The facts that a module names, and those that the helpers name which it uses.
fn named<'a>(
    module: &str,
    sources: &'a BTreeMap<String, String>,
    seen: &mut BTreeSet<String>,
) -> BTreeSet<&'a str> {
    let Some(text) = sources.get(module).filter(|_| seen.insert(module.to_owned())) else {
        return BTreeSet::new();
    };
    let mut facts = words(text, "Fact::");
    facts.retain(|name| name.starts_with(|c: char| c.is_uppercase()));
    let parts = module.split_once("::").map_or("", |(room, _)| room);
    let helpers = words(text, "crate::oracle::").into_iter().map(str::to_owned);
    let beside = words(text, &format!("crate::oracle::{parts}::"));
    let children = sources.keys().filter(|name| name.starts_with(&format!("{module}::"))).cloned();
    let beside = beside.into_iter().map(|name| format!("{parts}::{name}"));
    for helper in helpers.chain(beside).chain(children) {
        if !ROOMS.contains(&&*helper) {
            facts.extend(named(&helper, sources, seen));
        }
    }
    facts
}

#[test]
fn every_oracle_looks_at_the_facts_that_it_names() {
    let mut sources = BTreeMap::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/oracle"), "", &mut sources);
    let (mut judges, mut blind) = (0, Vec::new());
    for (module, text) in &sources {
        if !text.contains("\nimpl Oracle for ") {
            continue;
        }
        judges += 1;
        let declared = text.split("facts![").nth(1).and_then(|rest| rest.split(']').next());
        let Some(declared) = declared else {
            assert!(text.contains("Facts::ALL"), "{module} says nothing of the facts it looks at");
            continue;
        };
        let declared: BTreeSet<&str> = declared.split(',').map(str::trim).collect();
        let missing: Vec<_> = named(module, &sources, &mut BTreeSet::new())
            .into_iter()
            .filter(|name| !declared.contains(name))
            .collect();
        if !missing.is_empty() {
            blind.push(format!("{module}: {missing:?}"));
        }
    }
    assert!(judges > 70, "{judges} oracles were looked at");
    assert!(blind.is_empty(), "{}", blind.join("\n"));
}
