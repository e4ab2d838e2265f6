//! A tree back to text: YAML that reads to the same tree.
//!
//! Not here: comments and layout of the file it came from.

use crate::scenario::tree::{Entry, Node, NodeKind};

/// Longest list or map that is written on one line.
const LINE_MAX: usize = 96;

/// Writes a tree as YAML.
#[must_use]
pub fn write(tree: &Node) -> String {
    let mut text = String::new();
    block(tree, 0, &mut text);
    text
}

/// Writes a tree on one line; a map with one key, as verbs are, without its brackets.
#[must_use]
pub fn line(tree: &Node) -> String {
    match tree.entries() {
        Some([entry]) => format!("{}: {}", key(&entry.key.value), flow(&entry.value)),
        Some(_) | None => flow(tree),
    }
}

fn block(node: &Node, indent: usize, out: &mut String) {
    match &node.kind {
        NodeKind::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                pad(indent, out);
                out.push_str(&key(&entry.key.value));
                out.push(':');
                below(&entry.value, indent, out);
            }
        }
        NodeKind::Seq(items) if !items.is_empty() => {
            for item in items {
                pad(indent, out);
                out.push('-');
                item_of_list(item, indent, out);
            }
        }
        NodeKind::Map(_)
        | NodeKind::Seq(_)
        | NodeKind::Scalar { .. }
        | NodeKind::Null
        | NodeKind::Broken => {
            pad(indent, out);
            out.push_str(&flow(node));
            out.push('\n');
        }
    }
}

/// What follows a key: on its line if it fits, else on the lines below.
fn below(node: &Node, indent: usize, out: &mut String) {
    let line = flow(node);
    if is_single(node) || (indent > 0 && line.len() + indent < LINE_MAX) {
        out.push(' ');
        out.push_str(&line);
        out.push('\n');
    } else {
        out.push('\n');
        block(node, indent + 2, out);
    }
}

fn item_of_list(node: &Node, indent: usize, out: &mut String) {
    if let NodeKind::Map(entries) = &node.kind
        && let [Entry { key: name, value }] = entries.as_slice()
    {
        out.push(' ');
        out.push_str(&key(&name.value));
        out.push(':');
        below(value, indent + 2, out);
        return;
    }
    let line = flow(node);
    if is_single(node) || line.len() + indent < LINE_MAX {
        out.push(' ');
        out.push_str(&line);
        out.push('\n');
    } else {
        out.push('\n');
        block(node, indent + 2, out);
    }
}

fn is_single(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } => true,
        NodeKind::Seq(items) => items.is_empty(),
        NodeKind::Map(entries) => entries.is_empty(),
    }
}

fn flow(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null | NodeKind::Broken => "null".to_owned(),
        NodeKind::Scalar { text, quoted } => scalar(text, *quoted),
        NodeKind::Seq(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        NodeKind::Map(entries) => {
            let one = |entry: &Entry| format!("{}: {}", key(&entry.key.value), flow(&entry.value));
            let entries: Vec<String> = entries.iter().map(one).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn key(text: &str) -> String {
    scalar(text, !is_plain(text))
}

/// A single value; what was quoted stays quoted unless no reader can take it for anything else.
fn scalar(text: &str, quoted: bool) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_reserved(text);
    if is_plain(text) && (!quoted || word) { text.to_owned() } else { in_quotes(text) }
}

/// Can it stand unquoted in a list or map on one line?
fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphanumeric() || matches!(c, '$' | '.' | '_' | '/' | '('))
        && text.chars().all(|c| {
            c.is_alphanumeric()
                || matches!(c, ' ' | '.' | '_' | '-' | '/' | '%' | '+' | '$' | '(' | ')' | '=')
                || (c == '#' && !text.contains(" #"))
        })
        && !text.ends_with(' ')
        && !text.starts_with("...")
}

/// Words that some readers of YAML take for something else than text.
fn is_reserved(text: &str) -> bool {
    let lower = text.to_lowercase();
    matches!(lower.as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n")
}

fn in_quotes(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing into a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::diagnostics::Diagnostics;
    use crate::scenario::source::Sources;
    use crate::scenario::syntax;
    use proptest::prelude::*;

    /// The tree without places and without the question whether text was quoted.
    fn plain(node: &Node) -> String {
        match &node.kind {
            NodeKind::Null | NodeKind::Broken => "~".to_owned(),
            NodeKind::Scalar { text, .. } => format!("{text:?}"),
            NodeKind::Seq(items) => format!("{:?}", items.iter().map(plain).collect::<Vec<_>>()),
            NodeKind::Map(entries) => {
                let entries = entries.iter().map(|e| (e.key.value.clone(), plain(&e.value)));
                format!("{:?}", entries.collect::<Vec<_>>())
            }
        }
    }

    fn read(text: &str) -> Node {
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let tree = syntax::read("t", text.as_bytes(), &mut sources, &mut sink);
        tree.unwrap_or_else(|| {
            panic!("{}\n{text}", crate::scenario::render::render(&sink, &sources, false))
        })
    }

    #[test]
    fn what_is_written_is_short_and_reads_to_the_same_tree() {
        let text = "id: X\nsteps:\n  - send: {from: a, text: \"no\"}\n  - press: {by: a}\n";
        let tree = read(text);
        assert_eq!(write(&tree), text);
    }

    proptest! {
        #[test]
        fn any_text_survives(texts in proptest::collection::vec(any::<String>(), 1..6)) {
            use crate::scenario::source::{Span, Spanned};
            let entries = texts.iter().enumerate().map(|(n, text)| Entry {
                key: Spanned::new(format!("{text}{n}"), Span::NOWHERE),
                value: Node {
                    span: Span::NOWHERE,
                    kind: NodeKind::Scalar { text: text.clone(), quoted: true },
                },
            });
            let inner = Node { span: Span::NOWHERE, kind: NodeKind::Map(entries.collect()) };
            let key = Spanned::new("k".to_owned(), Span::NOWHERE);
            let tree = Node {
                span: Span::NOWHERE,
                kind: NodeKind::Map(vec![Entry { key, value: inner }]),
            };
            prop_assert_eq!(plain(&read(&write(&tree))), plain(&tree));
        }
    }
}
