//! Overrides from the command line: `--set PATH=VALUE` and `--sweep PATH=A,B,C` on the tree.
//!
//! Not here: parameters of the scenario itself (`expand`).

use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::expand::{Axis, Target};
use crate::scenario::source::{Sources, Span, Spanned};
use crate::scenario::syntax;
use crate::scenario::tree::{Entry, Node, NodeKind};

/// A path to a place of the tree, as it was written: `devices.bob.refresh`, `steps.m1.delay`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path(pub Spanned<String>);

/// Changes the tree as `--set PATH=VALUE` says.
pub fn set(tree: &mut Node, text: &str, sources: &mut Sources, sink: &mut Diagnostics) {
    if let Some((path, value)) = read(text, "--set", sources, sink) {
        put(tree, &path, &value, sink);
    }
}

/// Reads `--sweep PATH=A,B,C` as something that differs between cases.
pub fn sweep(text: &str, sources: &mut Sources, sink: &mut Diagnostics) -> Option<Axis> {
    let (path, values) = text.split_once('=')?;
    let listed = format!("{path}=[{values}]");
    let (path, values) = read(&listed, "--sweep", sources, sink)?;
    let NodeKind::Seq(values) = values.kind else { return None };
    Some(Axis { label: path.0.value.clone(), target: Target::Path(path), values })
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

    fn no_equals_sign(&mut self, span: Span, flag: &str) {
        let message = format!("`{flag}` takes PATH=VALUE");
        self.add(Diagnostic::new(Code::NoSuchPath, span, message));
    }
}
