//! The repository keeps its own rules of form. Not here: what rustfmt and clippy see.

use crate::sources::{Source, lines_of_strings, root, sources};

/// Longest file in lines.
const LINES_MAX: usize = 500;
/// Longest line of code in characters, where it can be broken; rustfmt holds the same.
const COLUMNS_MAX: usize = 100;
/// Longest line of prose.
const PROSE_COLUMNS_MAX: usize = 112;

/// What no text of the repository may hold, taken apart so that this list does not hold it either.
const BANNED: &[([&str; 2], &str)] = &[
    (["TO", "DO"], "do it, or write an issue"),
    (["FIX", "ME"], "fix it"),
    (["XX", "X"], "say what is meant"),
    (["HA", "CK"], "say why it is right"),
    (["todo", "!"], "nothing is left open"),
    (["unimplemented", "!"], "nothing is left open"),
    (["#[ign", "ore"], "a test that does not run is no test"),
    (["db", "g!"], "records are for that"),
    (["fn te", "st_"], "a test is named after the behavior it shows"),
    (["/ho", "me/"], "paths of one machine"),
    (["/ro", "ot/"], "paths of one machine"),
    (["/wo", "rk/"], "paths of one machine"),
    (["behav", "iour"], "American spelling"),
    (["col", "our"], "American spelling"),
    (["neigh", "bour"], "American spelling"),
    (["author", "is"], "American spelling"),
    (["recogn", "is"], "American spelling"),
    (["initial", "is"], "American spelling"),
    (["serial", "is"], "American spelling"),
    (["material", "is"], "American spelling"),
    (["normal", "is"], "American spelling"),
    (["synchron", "is"], "American spelling"),
];

#[test]
fn every_rust_file_is_tidy() {
    let complaints: Vec<String> =
        sources(&["src", "tests", "benches"], &[".rs"]).iter().flat_map(check).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn no_text_holds_banned_words() {
    let places = ["src", "tests", "benches", "scenarios", "reports", ".ci", "README.md"];
    let endings = [".rs", ".md", ".yaml", ".json", ".toml", ".txt", ".cddl", ".ci/run"];
    let complaints: Vec<String> = sources(&places, &endings).iter().flat_map(words).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn check(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: String| {
        complaints.push(format!("{}:{line}: {what}", source.path));
    };
    if !source.text.starts_with("//! ") {
        complain(1, "a file opens with `//!`: what it is, and what it is not".to_owned());
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        complain(lines, format!("a file has at most {LINES_MAX} lines"));
    }
    // A string cannot be broken without changing what is searched for.
    let strings = lines_of_strings(&source.text);
    for (text, number) in source.text.lines().zip(1..) {
        let prose = text.trim_start().starts_with("//");
        let limit = if prose { PROSE_COLUMNS_MAX } else { COLUMNS_MAX };
        if text.chars().count() > limit && !strings.contains(&number) {
            complain(number, format!("a line has at most {limit} columns"));
        }
    }
    complaints
}

fn words(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for (text, number) in source.text.lines().zip(1..) {
        for (parts, reason) in BANNED {
            let word = parts.concat();
            if text.contains(&word) {
                complaints.push(format!("{}:{number}: `{word}`: {reason}", source.path));
            }
        }
    }
    complaints
}

#[test]
fn main_is_a_table_of_contents() {
    let main = &sources(&["src/main.rs"], &[".rs"])[0];
    assert!(main.text.lines().count() <= 60, "main.rs has at most 60 lines");
}

#[test]
fn the_licenses_are_those_of_the_manifest() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    assert!(read("LICENSE-MIT").contains("Permission is hereby granted, free of charge"));
    assert!(read("LICENSE-APACHE").contains("Apache License"));
}

#[test]
fn what_is_untidy_is_seen() {
    let count = |text: String| {
        let source = Source { path: "src/a.rs".to_owned(), text };
        check(&source).len() + words(&source).len()
    };
    assert_eq!(count("//! A file.\n".to_owned()), 0);
    assert_eq!(count("use std::fmt;\n".to_owned()), 1);
    assert_eq!(count(format!("//! A file.\n// {}\n", "x".repeat(110))), 1);
    assert_eq!(count(format!("//! A file.\nlet s = \"{}\";\n", "x".repeat(100))), 0);
    assert_eq!(count("//! A file.\n".repeat(501)), 1);
    for (parts, _) in BANNED {
        assert_eq!(count(format!("//! A file.\n{}\n", parts.concat())), 1, "{parts:?}");
    }
}
