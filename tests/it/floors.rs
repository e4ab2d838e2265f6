//! The floor plan holds: every room imports only what the table allows.
//!
//! If a wall is in the wrong place, change the table here and the plan in `src/lib.rs` together. Not here:
//! imports of other crates, which `Cargo.toml` and `.clippy.toml` govern.

use std::collections::BTreeSet;

use crate::sources::{Source, sources, tokens};

/// Rooms from the ground up, and what each may import beside itself: rooms, or single modules of rooms.
const TABLE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("crypto", &["base"]),
    ("engine", &["base"]),
    ("network", &["base"]),
    ("trace", &["base"]),
    ("verdict", &["base"]),
    ("proto", &["base", "wire", "crypto", "trace::fact"]),
    ("oracle", &["base", "wire", "crypto", "trace", "verdict"]),
    ("report", &["base", "trace", "verdict"]),
    (
        "scenario",
        &[
            "base", "network", "verdict", "trace::fact", "proto::barrier", "proto::config",
            "proto::deviation", "proto::port", "proto::swarm", "oracle::spec",
        ],
    ),
    (
        "sim",
        &[
            "base", "wire", "crypto", "engine", "network", "proto", "trace", "verdict", "oracle",
            "scenario::permutation", "scenario::plan", "scenario::traffic",
        ],
    ),
    ("runtime", &["base", "wire", "crypto", "proto", "trace"]),
    (
        "explore",
        &[
            "base", "trace", "verdict", "proto::config", "proto::deviation", "oracle", "scenario",
            "sim",
        ],
    ),
    (
        "conformance",
        &[
            "base", "wire", "crypto", "proto", "trace", "verdict", "oracle", "scenario", "sim",
            "runtime",
        ],
    ),
    (
        "load",
        &["base", "wire", "crypto", "proto", "trace", "verdict", "oracle", "scenario", "runtime"],
    ),
    ("cli", &["*"]),
];

#[test]
fn rooms_import_only_what_the_table_allows() {
    let complaints: Vec<String> = sources(&["src"], &[".rs"]).iter().flat_map(check).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn check(source: &Source) -> Vec<String> {
    let complain = |what: String| format!("{}: {what}", source.path);
    let tokens = tokens(&source.text);
    let Some((room, file)) = source.path.strip_prefix("src/").and_then(|path| path.split_once('/'))
    else {
        let shell = source.path == "src/main.rs" || source.path == "src/lib.rs";
        return if shell { Vec::new() } else { vec![complain("belongs to no room".to_owned())] };
    };
    let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == room) else {
        return vec![complain(format!("the table has no room `{room}`"))];
    };
    let mut complaints = Vec::new();
    for path in imports(&tokens) {
        let mut parts = path.splitn(3, "::");
        let (to, module) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let own = to == room || *allowed == ["*"] || !TABLE.iter().any(|(name, _)| *name == to);
        if !own && !allowed.iter().any(|it| *it == to || *it == format!("{to}::{module}")) {
            complaints.push(complain(format!("`{room}` may not import `{path}`")));
        }
    }
    for path in reexports(&tokens) {
        if path.split("::").next() != Some(room) {
            complaints.push(complain(format!("`{path}` is re-exported out of its room")));
        }
    }
    if has(&tokens, &["super", "::", "super"]) || (file == "mod.rs" && reaches_up(&tokens)) {
        complaints.push(complain("`super` leads out of the module: write `crate::`".to_owned()));
    }
    complaints
}

/// Globs hide what is imported; tests may take all of their parent and of a tool made for it.
#[test]
fn nothing_is_imported_by_a_star() {
    const ALLOWED: [&[&str]; 2] = [&["super", "::", "*"], &["prelude", "::", "*"]];
    let complaints: Vec<String> = sources(&["src", "tests", "benches"], &[".rs"])
        .iter()
        .filter(|source| {
            let tokens = tokens(&source.text);
            let count = |words: &[&str]| {
                tokens.windows(words.len()).filter(|window| *window == words).count()
            };
            count(&["::", "*"]) != ALLOWED.into_iter().map(count).sum::<usize>()
        })
        .map(|source| source.path.clone())
        .collect();
    assert!(complaints.is_empty(), "globs in {complaints:?}");
}

#[test]
fn the_table_goes_upwards_and_names_every_room() {
    for (index, (room, allowed)) in TABLE.iter().enumerate() {
        for to in allowed.iter().filter(|to| **to != "*") {
            let name = to.split("::").next();
            let below = TABLE[..index].iter().any(|(other, _)| Some(*other) == name);
            assert!(below, "`{room}` imports `{to}` from above");
        }
    }
    let lib = &sources(&["src/lib.rs"], &[".rs"])[0];
    let rooms: BTreeSet<String> = sources(&["src"], &["mod.rs"])
        .iter()
        .filter_map(|source| source.path.split('/').nth(1).map(str::to_owned))
        .collect();
    for room in rooms {
        assert!(TABLE.iter().any(|(name, _)| *name == room), "the table has no room `{room}`");
        assert!(lib.text.contains(&format!("pub mod {room};")), "lib.rs does not name `{room}`");
    }
}

/// Every path that starts with `crate`, with groups taken apart.
fn imports(tokens: &[String]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for at in 0..tokens.len() {
        let own_macro = at > 0 && tokens[at - 1] == "$";
        if tokens[at] == "crate" && !own_macro && is(tokens, at + 1, "::") {
            flatten(tokens, at + 2, "", &mut paths);
        }
    }
    paths
}

/// Reads a use tree from `at` on; returns where it ends.
fn flatten(tokens: &[String], at: usize, prefix: &str, paths: &mut BTreeSet<String>) -> usize {
    if is(tokens, at, "{") {
        let mut at = at + 1;
        while at < tokens.len() && !is(tokens, at, "}") {
            at = flatten(tokens, at, prefix, paths);
            while at < tokens.len() && !is(tokens, at, ",") && !is(tokens, at, "}") {
                at += 1;
            }
            at += usize::from(is(tokens, at, ","));
        }
        return at + 1;
    }
    let Some(word) = tokens.get(at) else { return at };
    let path = if prefix.is_empty() { word.clone() } else { format!("{prefix}::{word}") };
    if is(tokens, at + 1, "::") && !is(tokens, at + 2, "<") {
        return flatten(tokens, at + 2, &path, paths);
    }
    paths.insert(path);
    at + 1
}

/// Paths behind `pub use crate::`.
fn reexports(tokens: &[String]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for at in 1..tokens.len() {
        let is_pub = is(tokens, at - 1, "pub") || is(tokens, at - 1, ")");
        if is_pub && has(&tokens[at..tokens.len().min(at + 3)], &["use", "crate", "::"]) {
            flatten(tokens, at + 3, "", &mut paths);
        }
    }
    paths
}

/// In a room's `mod.rs`, `super` outside of test modules is the crate's root.
fn reaches_up(tokens: &[String]) -> bool {
    let end = tokens.windows(2).position(|pair| pair[0] == "mod" && pair[1] == "tests");
    has(&tokens[..end.unwrap_or(tokens.len())], &["super", "::"])
}

fn has(tokens: &[String], words: &[&str]) -> bool {
    tokens.windows(words.len()).any(|window| window == words)
}

fn is(tokens: &[String], at: usize, word: &str) -> bool {
    tokens.get(at).is_some_and(|token| token == word)
}

#[test]
fn what_breaks_the_plan_is_seen() {
    let complaints = |path: &str, text: &str| {
        check(&Source { path: path.to_owned(), text: text.to_owned() }).len()
    };
    for (path, text, count) in [
        ("src/wire/a.rs", "use crate::base::{id::UserId, time::{self, Now}};", 0),
        ("src/wire/a.rs", "use crate::{base, crypto::suite, wire::b, trace as t};", 2),
        ("src/wire/a.rs", "fn f() -> crate::proto::Device {}", 1),
        ("src/wire/a.rs", "// crate::proto\nconst A: &str = \"crate::sim\";", 0),
        ("src/proto/a/b.rs", "use crate::trace::fact::Fact;", 0),
        ("src/proto/a/b.rs", "use crate::trace::{fact::Fact, sink::Sink};", 1),
        ("src/scenario/a.rs", "use crate::oracle::{self, spec::Spec};", 1),
        ("src/report/a.rs", "pub use crate::verdict::outcome::Outcome;", 1),
        ("src/report/a.rs", "pub(crate) use crate::report::human::Layout;", 0),
        ("src/report/mod.rs", "use super::proto;", 1),
        ("src/report/a/b.rs", "use super::super::c;", 1),
        ("src/report/a/b.rs", "mod tests { use super::*; }", 0),
        ("src/cellar/a.rs", "", 1),
        ("src/extra.rs", "", 1),
    ] {
        assert_eq!(complaints(path, text), count, "{path}: {text}");
    }
}
