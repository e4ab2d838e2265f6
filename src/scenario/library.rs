//! Other files of a scenario: libraries that it uses, and tables of measured durations.
//!
//! Not here: what templates do (`expand`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::source::{Sources, Span, Spanned, clamp};
use crate::scenario::syntax;
use crate::scenario::tree::{Entry, Node, NodeKind};

/// Most libraries of one scenario.
const LIBRARIES_MAX: usize = 64;

/// Where the libraries of a scenario may lie.
#[derive(Clone, Debug)]
pub enum Shelf {
    /// On the disk.
    Disk {
        /// The folder that paths are taken from.
        here: PathBuf,
        /// The folder that nothing may lie outside of.
        root: PathBuf,
    },
    /// Nowhere: their texts were kept by the names that they had when the scenario was read.
    Kept {
        /// The folder that paths were taken from.
        here: PathBuf,
        /// Texts by name.
        texts: BTreeMap<String, String>,
    },
}

impl Shelf {
    /// The shelf of a scenario file: its root is the nearest folder above called `scenarios`, else its own.
    #[must_use]
    pub fn of(file: &Path, root: Option<&Path>) -> Self {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let here = parent.unwrap_or_else(|| Path::new(".")).to_owned();
        let named = here.ancestors().find(|folder| folder.ends_with("scenarios"));
        let root = root.or(named).unwrap_or(&here).to_owned();
        Self::Disk { here, root }
    }

    /// The same texts again, for a scenario file of this name.
    #[must_use]
    pub fn kept(file: &Path, texts: BTreeMap<String, String>) -> Self {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self::Kept { here: parent.unwrap_or_else(|| Path::new(".")).to_owned(), texts }
    }
}

/// Keys whose `table` may be a file.
const WITH_TABLES: [&str; 3] = ["latency", "after", "trace"];

/// Works the tables of durations that a scenario names, one a line, into its tree.
pub fn apply_tables(
    node: &mut Node,
    shelf: Option<&Shelf>,
    sources: &mut Sources,
    sink: &mut Diagnostics,
) {
    for item in node.items_mut().into_iter().flatten() {
        apply_tables(item, shelf, sources, sink);
    }
    for entry in node.entries_mut().into_iter().flatten() {
        let may = WITH_TABLES.contains(&entry.key.value.as_str());
        let table = entry.value.get_mut("table").filter(|_| may);
        match table.map(|table| (table.text().map(str::to_owned), table)) {
            Some((Some(path), table)) => {
                let place = Spanned::new(path, table.span);
                let text = open(&place, shelf, sink).and_then(|(name, octets)| {
                    let text = String::from_utf8(octets).ok();
                    if text.is_none() {
                        sink.unreadable(&place, "the file is not UTF-8 text");
                    }
                    Some((name, text?))
                });
                table.kind = text.map_or(NodeKind::Broken, |(name, text)| {
                    NodeKind::Seq(lines(&name, &text, sources))
                });
            }
            Some((None, _)) | None => apply_tables(&mut entry.value, shelf, sources, sink),
        }
    }
}

/// The lines of a table of values; what follows a `#` is a comment.
fn lines(name: &str, text: &str, sources: &mut Sources) -> Vec<Node> {
    let file = sources.add(name, text);
    let mut offset = 0;
    let mut nodes = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let value = line.split('#').next().unwrap_or("");
        let skip = value.len() - value.trim_start().len();
        if !value.trim().is_empty() {
            let span = Span {
                file,
                line: clamp(number + 1),
                column: clamp(skip + 1),
                byte_offset: clamp(offset + skip),
                byte_len: clamp(value.trim().len()),
            };
            nodes.push(Node::scalar(value.trim(), span));
        }
        offset += line.len();
    }
    nodes
}

/// Works the libraries that a scenario uses into its tree.
pub fn apply(
    tree: &mut Node,
    shelf: Option<&Shelf>,
    sources: &mut Sources,
    sink: &mut Diagnostics,
) {
    let paths = tree.get("use").and_then(Node::items).unwrap_or(&[]).to_vec();
    for (number, item) in paths.iter().enumerate() {
        // What is no text is reported when the scenario is read.
        let Some(path) = item.text() else { continue };
        let place = Spanned::new(path.to_owned(), item.span);
        if number >= LIBRARIES_MAX {
            sink.unreadable(&place, "too many libraries");
            return;
        }
        let Some((name, octets)) = open(&place, shelf, sink) else { continue };
        if let Some(library) = syntax::read(&name, &octets, sources, sink) {
            add(tree, library, sink);
        }
    }
}

fn open(
    path: &Spanned<String>,
    shelf: Option<&Shelf>,
    sink: &mut Diagnostics,
) -> Option<(String, Vec<u8>)> {
    let Some(shelf) = shelf else {
        sink.unreadable(path, "a text without a file has no other files");
        return None;
    };
    let (here, root) = match shelf {
        Shelf::Disk { here, root } => (here, root),
        Shelf::Kept { here, texts } => {
            let name = here.join(&path.value).display().to_string();
            let text = texts.get(&name).map(|text| text.clone().into_bytes());
            if text.is_none() {
                sink.unreadable(path, "its text was not kept");
            }
            return Some((name, text?));
        }
    };
    let shown = here.join(&path.value);
    let real = match (shown.canonicalize(), root.canonicalize()) {
        (Ok(real), Ok(root)) if real.starts_with(&root) => real,
        (Ok(_), Ok(_)) => {
            sink.use_outside(path, root);
            return None;
        }
        (Err(error), _) | (_, Err(error)) => {
            sink.unreadable(path, &error.to_string());
            return None;
        }
    };
    match std::fs::metadata(&real).map(|data| data.len()) {
        Ok(length) if length > syntax::FILE_OCTETS_MAX as u64 => {
            sink.unreadable(path, "the file is too large");
            return None;
        }
        Ok(_) | Err(_) => {}
    }
    match std::fs::read(&real) {
        Ok(octets) => Some((shown.display().to_string(), octets)),
        Err(error) => {
            sink.unreadable(path, &error.to_string());
            None
        }
    }
}

fn add(tree: &mut Node, mut library: Node, sink: &mut Diagnostics) {
    sink.only_keys(&library, "library", &["peadsim", "title", "templates", "network"]);
    if let Some(network) = library.get("network") {
        sink.only_keys(network, "library's network", &["profiles"]);
    }
    let templates = library.remove("templates");
    let profiles = library.get_mut("network").and_then(|network| network.remove("profiles"));
    if let Some(templates) = templates {
        union(child(tree, "templates", templates.span), templates, sink);
    }
    if let Some(profiles) = profiles {
        let network = child(tree, "network", profiles.span);
        union(child(network, "profiles", profiles.span), profiles, sink);
    }
}

/// The value of a key, which is made if it is not there.
fn child<'a>(tree: &'a mut Node, key: &str, span: Span) -> &'a mut Node {
    if tree.entries().is_none() {
        tree.kind = NodeKind::Map(Vec::new());
    }
    if tree.get(key).is_none() {
        let value = Node { span, kind: NodeKind::Map(Vec::new()) };
        tree.put(Spanned::new(key.to_owned(), span), value);
    }
    tree.get_mut(key).expect("the key was put there")
}

fn union(into: &mut Node, from: Node, sink: &mut Diagnostics) {
    let NodeKind::Map(entries) = from.kind else { return };
    for Entry { key, value } in entries {
        let old = into.entries().unwrap_or(&[]).iter().find(|entry| entry.key.value == key.value);
        match old {
            Some(old) => sink.defined_twice(&old.key, key.span),
            None => into.put(key, value),
        }
    }
}

impl Diagnostics {
    fn unreadable(&mut self, path: &Spanned<String>, why: &str) {
        self.add(
            Diagnostic::new(Code::NotReadable, path.span, format!("cannot read `{path}`"))
                .label(why),
        );
    }

    fn use_outside(&mut self, path: &Spanned<String>, root: &Path) {
        let message = format!("`{path}` lies outside of `{}`", root.display());
        self.add(Diagnostic::new(Code::UseOutside, path.span, message));
    }

    fn only_keys(&mut self, node: &Node, what: &str, keys: &[&str]) {
        for entry in node.entries().unwrap_or(&[]) {
            if !keys.contains(&entry.key.value.as_str()) {
                let message = format!("a {what} has no key `{}`", entry.key);
                self.add(
                    Diagnostic::new(Code::NotALibrary, entry.key.span, message)
                        .help(format!("its keys are: {}", keys.join(", "))),
                );
            }
        }
    }

    fn defined_twice(&mut self, first: &Spanned<String>, second: Span) {
        self.add(
            Diagnostic::new(Code::DefinedTwice, first.span, format!("`{first}` is defined twice"))
                .related(second, "also defined here"),
        );
    }
}
