//! Overrides from the command line: `--set PATH=VALUE` and `--sweep PATH=A,B,C` on the tree.
//!
//! Not here: parameters of the scenario itself (`expand`).

use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::expand::{Axis, Target};
use crate::scenario::source::{Sources, Span, Spanned};
use crate::scenario::syntax;
use crate::scenario::tree::{Entry, Node, NodeKind};

/// The name of texts that `--set` gave.
pub const SET: &str = "--set";
/// The name of texts that `--sweep` gave.
pub const SWEEP: &str = "--sweep";

/// A path to a place of the tree, as it was written: `devices.bob.refresh`, `steps.m1.delay`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path(pub Spanned<String>);

/// Changes the tree as `--set PATH=VALUE` says.
pub fn set(tree: &mut Node, text: &str, sources: &mut Sources, sink: &mut Diagnostics) {
    let Some((path, value)) = read(text, SET, sources, sink) else { return };
    if has_parameter(&path, tree, sink) {
        put(tree, &path, &value, sink);
    }
}

/// Whether the scenario has the parameter that a path speaks of, if it speaks of one: with another nothing
/// would change, and a fleet would run at its full size.
fn has_parameter(path: &Path, tree: &Node, sink: &mut Diagnostics) -> bool {
    let Some(name) = path.0.value.strip_prefix("params.") else { return true };
    let declared = tree.get("params").and_then(Node::entries).unwrap_or(&[]);
    let names =
        |key: &str| name.strip_prefix(key).is_some_and(|it| it.is_empty() || it.starts_with('.'));
    let known = declared.iter().any(|entry| names(&entry.key.value));
    if !known {
        sink.no_such_parameter(&path.0, declared);
    }
    known
}

/// Reads every `--sweep PATH=A,B,C` as something that differs between cases.
pub fn sweeps(
    texts: &[String],
    tree: &Node,
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Vec<Axis> {
    let mut axes: Vec<(Span, Axis)> = Vec::new();
    for text in texts {
        let Some((span, axis)) = sweep(text, tree, sources, sink) else { continue };
        match axes.iter().find(|(_, other)| other.label == axis.label) {
            Some((first, _)) => sink.swept_twice(&axis.label, span, *first),
            None => axes.push((span, axis)),
        }
    }
    axes.into_iter().map(|(_, axis)| axis).collect()
}

/// Reads one, with the place of its path.
fn sweep(
    text: &str,
    tree: &Node,
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<(Span, Axis)> {
    let (path, values) = text.split_once('=').unwrap_or((text, ""));
    let listed = format!("{path}=[{values}]");
    let (path, values) = read(&listed, SWEEP, sources, sink)?;
    if !has_parameter(&path, tree, sink) {
        return None;
    }
    let Path(path) = path;
    let NodeKind::Seq(items) = values.kind else {
        sink.no_list(values.span);
        return None;
    };
    if items.is_empty() {
        sink.no_values(values.span);
        return None;
    }
    let (label, span) = (path.value.clone(), path.span);
    let target = match path.value.strip_prefix("params.") {
        Some(name) => Target::Param(Spanned::new(name.to_owned(), span)),
        None => Target::Path(Path(path)),
    };
    Some((span, Axis { label, target, values: items }))
}

/// Puts a value at a path; maps on the way are made, lists and single values are not.
pub fn put(tree: &mut Node, path: &Path, value: &Node, sink: &mut Diagnostics) {
    let segments: Vec<&str> = path.0.value.split('.').collect();
    if place(tree, &segments, path.0.span, value).is_none() {
        sink.no_such_path(&path.0);
    }
}

fn place(node: &mut Node, segments: &[&str], span: Span, value: &Node) -> Option<()> {
    if segments.is_empty() {
        *node = value.clone();
        return Some(());
    }
    match &mut node.kind {
        NodeKind::Scalar { .. } | NodeKind::Broken => None,
        NodeKind::Null => {
            node.kind = NodeKind::Map(Vec::new());
            place(node, segments, span, value)
        }
        NodeKind::Seq(items) => {
            let named = items.iter().position(|item| body_is_named(item, segments[0]));
            if let Some(at) = named {
                let [entry] = items[at].entries_mut()?.as_mut_slice() else { return None };
                return place(&mut entry.value, &segments[1..], span, value);
            }
            let at: usize = segments[0].parse().ok()?;
            place(items.get_mut(at)?, &segments[1..], span, value)
        }
        NodeKind::Map(entries) => {
            // Keys may have dots in them (`bo.b`): the longest key that fits is meant.
            for take in (1..=segments.len()).rev() {
                let key = segments[..take].join(".");
                if let Some(entry) = entries.iter_mut().find(|entry| entry.key.value == key) {
                    return place(&mut entry.value, &segments[take..], span, value);
                }
            }
            let key = Spanned::new(segments[0].to_owned(), span);
            let mut fresh = Node { span, kind: NodeKind::Null };
            place(&mut fresh, &segments[1..], span, value)?;
            entries.push(Entry { key, value: fresh });
            Some(())
        }
    }
}

/// Is this an item with one verb whose body has this name?
fn body_is_named(item: &Node, name: &str) -> bool {
    let Some([entry]) = item.entries() else { return false };
    entry.value.get("as").and_then(Node::text) == Some(name)
}

fn read(
    text: &str,
    flag: &str,
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<(Path, Node)> {
    let Some((path, value)) = text.split_once('=').filter(|(path, _)| !path.is_empty()) else {
        let file = sources.add(flag, text);
        sink.no_equals_sign(sources.span(file, 0, text.len()), flag);
        return None;
    };
    // The value is read behind blanks as long as the path, so that places point into the argument.
    let skip = path.len() + 1;
    let file = sources.add(flag, text);
    let padded = format!("{}{value}", " ".repeat(skip));
    let node = if value.trim().is_empty() {
        Node { span: sources.span(file, skip, text.len()), kind: NodeKind::Null }
    } else {
        syntax::parse(&padded, file, sources, sink)?
    };
    Some((Path(Spanned::new(path.to_owned(), sources.span(file, 0, path.len()))), node))
}

impl Diagnostics {
    fn no_such_path(&mut self, path: &Spanned<String>) {
        self.add(
            Diagnostic::new(Code::NoSuchPath, path.span, format!("`{path}` leads to no place"))
                .help("a path is made of keys, and of names (`as`) or numbers of steps"),
        );
    }

    fn no_such_parameter(&mut self, path: &Spanned<String>, declared: &[Entry]) {
        let names: Vec<&str> = declared.iter().map(|entry| entry.key.value.as_str()).collect();
        let help = match &names[..] {
            [] => "the scenario has no parameters".to_owned(),
            names => format!("its parameters: {}", names.join(", ")),
        };
        let message = format!("`{path}` is no parameter of this scenario");
        self.add(Diagnostic::new(Code::NoSuchPath, path.span, message).help(help));
    }

    fn swept_twice(&mut self, path: &str, span: Span, first: Span) {
        let message = format!("`{path}` is swept twice");
        self.add(
            Diagnostic::new(Code::DefinedTwice, span, message)
                .related(first, "already here")
                .help("write all values into one list: `--sweep PATH=A,B,C`"),
        );
    }

    fn no_values(&mut self, span: Span) {
        let message = "a sweep takes at least one value";
        self.add(Diagnostic::new(Code::BadValue, span, message).help("`--sweep PATH=A,B,C`"));
    }

    fn no_list(&mut self, span: Span) {
        let message = "this is no list of values";
        self.add(Diagnostic::new(Code::BadValue, span, message).help("`--sweep PATH=A,B,C`"));
    }

    fn no_equals_sign(&mut self, span: Span, flag: &str) {
        let message = format!("`{flag}` takes PATH=VALUE");
        self.add(Diagnostic::new(Code::NoSuchPath, span, message));
    }
}
