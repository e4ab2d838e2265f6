//! The repository's own text, for the tests that hold its rules. Not here: the rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
#[derive(Debug)]
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below these folders (or these files) whose names end in one of `endings`, in order of path.
pub fn sources(places: &[&str], endings: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    places.iter().for_each(|place| collect(&root().join(place), &mut paths));
    paths.sort();
    paths
        .into_iter()
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .map(|path| {
            let octets = fs::read(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            let text = String::from_utf8_lossy(&octets).into_owned();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            Source { path, text }
        })
        .collect()
}

fn collect(place: &Path, paths: &mut Vec<PathBuf>) {
    if place.is_file() {
        paths.push(place.to_owned());
    }
    for entry in fs::read_dir(place).into_iter().flatten() {
        collect(&entry.unwrap().path(), paths);
    }
}

/// Rust source as words and marks, without comments, strings and characters.
pub fn tokens(text: &str) -> Vec<String> {
    pieces(text).into_iter().filter(|(kind, _)| *kind == Kind::Code).map(|(_, text)| text).collect()
}

/// Numbers of the lines, from 1, that hold a part of a string.
pub fn lines_of_strings(text: &str) -> BTreeSet<usize> {
    let mut line = 1;
    let mut lines = BTreeSet::new();
    for (kind, text) in pieces(text) {
        let end = line + text.matches('\n').count();
        if kind == Kind::Literal {
            lines.extend(line..=end);
        }
        line = end;
    }
    lines
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Code,
    Literal,
    /// Comments and blanks.
    Rest,
}

/// All of the source, in pieces.
fn pieces(text: &str) -> Vec<(Kind, String)> {
    let chars: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let word = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
        let (kind, len) = match rest {
            ['/', '/', ..] => (Kind::Rest, rest.iter().take_while(|c| **c != '\n').count()),
            ['/', '*', ..] => (Kind::Rest, comment_len(rest)),
            ['"', ..] => (Kind::Literal, string_len(rest)),
            ['b', '"', ..] => (Kind::Literal, 1 + string_len(&rest[1..])),
            ['r', '"' | '#', ..] if raw_len(rest) > 0 => (Kind::Literal, raw_len(rest)),
            ['b', 'r', '"' | '#', ..] if raw_len(&rest[1..]) > 0 => {
                (Kind::Literal, 1 + raw_len(&rest[1..]))
            }
            ['\'', '\\', _, tail @ ..] => {
                (Kind::Literal, 4 + tail.iter().take_while(|c| **c != '\'').count())
            }
            ['\'', _, '\'', ..] => (Kind::Literal, 3),
            [':', ':', ..] => (Kind::Code, 2),
            [c, ..] if c.is_whitespace() => (Kind::Rest, 1),
            _ => (Kind::Code, word.max(1)),
        };
        let end = (at + len).min(chars.len());
        pieces.push((kind, chars[at..end].iter().collect()));
        at = end;
    }
    pieces
}

fn comment_len(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_len(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Length of a raw string that starts here, or 0.
fn raw_len(chars: &[char]) -> usize {
    let marks = chars[1..].iter().take_while(|c| **c == '#').count();
    if chars.get(1 + marks) != Some(&'"') {
        return 0;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
    let body = &chars[marks + 2..];
    let len = body.windows(end.len()).position(|window| window == end).unwrap_or(body.len());
    (marks + 2 + len + end.len()).min(chars.len())
}

#[test]
fn comments_and_strings_are_no_code() {
    let text = r####"
        // crate::one
        /* crate::two /* nested */ crate::three */
        let s = "crate::four \" crate::five"; let r = r#"crate::"six""#; let c = '"'; let n = '\'';
        fn f<'a>(x: &'a str) -> crate::seven::Eight { b'x' }
    "####;
    let found = tokens(text).join(" ");
    assert_eq!(
        found,
        "let s = ; let r = ; let c = ; let n = ; fn f < ' a > ( x : & ' a str ) - > crate :: seven \
         :: Eight { b }"
    );
}

#[test]
fn strings_are_found_on_all_of_their_lines() {
    let text = "let a = 1;\nlet b = \"x\ny\";\n// \"z\"\nlet c = r#\"\n\"\n\"#;\n";
    assert_eq!(lines_of_strings(text).into_iter().collect::<Vec<_>>(), [2, 3, 5, 6, 7]);
}
