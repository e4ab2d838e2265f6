//! Text to tree: one pass over the events of the YAML parser, in bounded time and memory.
//!
//! Not here: what keys mean. Scalars keep their source text; nothing is a number or a boolean yet.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle};

use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::source::{FileId, Sources, Span, Spanned, clamp};
use crate::scenario::tree::{Entry, Node, NodeKind};

/// Most octets of a file: four times one with 50 000 devices and steps written one by one.
pub const FILE_OCTETS_MAX: usize = 16 << 20;
/// Most values of a tree, aliases written out: what honest files need, and some 100 MiB of memory.
pub const NODES_MAX: usize = 1_000_000;
/// Deepest nesting of lists and maps: five times what the language uses.
pub const DEPTH_MAX: usize = 64;

/// Stands for a key that was reported already; YAML has no such character.
pub(super) const BROKEN_KEY: &str = "\0";

/// Reads the octets of a file into a tree; what is wrong goes to `sink`.
///
/// The text is added to `sources` in any case. `None` means that nothing could be read.
pub fn read(
    name: &str,
    octets: &[u8],
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<Node> {
    if octets.len() > FILE_OCTETS_MAX {
        let file = sources.add(name, "");
        sink.file_too_large(Span { file, ..Span::NOWHERE }, name, octets.len());
        return None;
    }
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text,
        Err(error) => {
            let file = sources.add(name, String::from_utf8_lossy(octets));
            let from = error.valid_up_to();
            sink.not_utf8(sources.span(file, from, from + 1), octets);
            return None;
        }
    };
    let file = sources.add(name, text);
    parse(text, file, sources, sink)
}

pub(super) fn parse(
    text: &str,
    file: FileId,
    sources: &Sources,
    sink: &mut Diagnostics,
) -> Option<Node> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut builder =
        Builder { file, sink, open: Vec::new(), root: None, anchors: BTreeMap::new(), nodes: 0 };
    let mut documents = 0;
    for item in Parser::new_from_str_with_options(text, options) {
        match item {
            Err(error) => {
                let from = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                let span = sources.span(file, text.floor_char_boundary(from), from);
                builder.sink.not_yaml(span, error.kind());
                return None;
            }
            Ok((Event::DocumentStart(..), span)) => {
                documents += 1;
                if documents > 1 {
                    builder.sink.several_documents(place(file, &span));
                    return None;
                }
            }
            Ok((event, span)) => {
                builder.take(event, &span)?;
            }
        }
    }
    match builder.root {
        Some(Node { kind: NodeKind::Null, .. }) | None => {
            sink.empty_file(Span { file, ..Span::NOWHERE });
            None
        }
        root => root,
    }
}

/// A list or map that is not closed yet.
struct Open {
    span: Span,
    anchor: usize,
    items: Vec<Node>,
    /// In a map: the entries, and the key that waits for its value.
    map: Option<(Vec<Entry>, Option<Spanned<String>>)>,
}

struct Builder<'a> {
    file: FileId,
    sink: &'a mut Diagnostics,
    open: Vec<Open>,
    root: Option<Node>,
    /// What anchors mark; `None` while the marked value is not complete.
    anchors: BTreeMap<usize, Option<Node>>,
    nodes: usize,
}

impl Builder<'_> {
    /// Takes one event; `None` ends the reading.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the parser's list of events is open")]
    fn take(&mut self, event: Event<'_>, at: &granit_parser::Span) -> Option<()> {
        let span = place(self.file, at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let kind =
                    if tag.is_some() { NodeKind::Broken } else { scalar(text.into_owned(), style) };
                self.close(Node { span, kind }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.begin(span, anchor, false)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.begin(span, anchor, true)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => {
                if let Some(Some(node)) = self.anchors.get(&id) {
                    let node = node.clone();
                    self.count(node.size(), span)?;
                    self.place_node(node)
                } else {
                    self.sink.unknown_alias(span);
                    self.place_node(Node { span, kind: NodeKind::Broken })
                }
            }
            Event::UnresolvedAlias(_) => {
                self.sink.unknown_alias(span);
                self.place_node(Node { span, kind: NodeKind::Broken })
            }
            // Ends of the stream and of the document; comments are not asked for.
            _ => Some(()),
        }
    }

    fn refuse_tag(&mut self, present: bool, at: &granit_parser::Span) {
        if present {
            let span =
                at.tag_span().map_or_else(|| place(self.file, at), |tag| place(self.file, &tag));
            self.sink.tag(span);
        }
    }

    fn count(&mut self, more: usize, span: Span) -> Option<()> {
        self.nodes += more;
        if self.nodes > NODES_MAX {
            self.sink.too_many_nodes(span);
            return None;
        }
        Some(())
    }

    fn begin(&mut self, span: Span, anchor: usize, map: bool) -> Option<()> {
        if self.open.len() >= DEPTH_MAX {
            self.sink.too_deep(span);
            return None;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let map = map.then(|| (Vec::new(), None));
        self.open.push(Open { span, anchor, items: Vec::new(), map });
        Some(())
    }

    fn end(&mut self, at: Span) -> Option<()> {
        let open = self.open.pop()?;
        // A block ends where its last value ends; brackets end at the closing one.
        let last = match (&open.map, at.byte_len) {
            (_, 1..) => Some(at),
            (Some((entries, _)), 0) => {
                entries.last().map(|entry| entry.value.span.max(entry.key.span))
            }
            (None, 0) => open.items.last().map(|item| item.span),
        };
        let span = last.map_or(open.span, |last| open.span.to(last));
        let kind = match open.map {
            None => NodeKind::Seq(open.items),
            Some((entries, _)) => NodeKind::Map(self.without_duplicates(entries)),
        };
        self.close(Node { span, kind }, open.anchor)
    }

    /// Counts a complete value, remembers it under its anchor, and puts it where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> Option<()> {
        self.count(1, node.span)?;
        if anchor > 0 {
            self.count(node.size(), node.span)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        self.place_node(node)
    }

    fn place_node(&mut self, node: Node) -> Option<()> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { map: None, items, .. }) => items.push(node),
            Some(Open { map: Some((entries, waiting)), .. }) => match waiting.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => *waiting = Some(self.sink.key_of(node)),
            },
        }
        Some(())
    }

    fn without_duplicates(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.key.value == BROKEN_KEY {
                // Reported already.
            } else if entry.key.value == "<<" {
                self.sink.merge_key(entry.key.span);
            } else if let Some(first) = seen.get(&entry.key.value) {
                self.sink.duplicate_key(&entry.key, *first);
            } else {
                seen.insert(entry.key.value.clone(), entry.key.span);
                kept.push(entry);
            }
        }
        kept
    }
}

fn scalar(text: String, style: ScalarStyle) -> NodeKind {
    let quoted = match style {
        ScalarStyle::Plain => false,
        ScalarStyle::SingleQuoted
        | ScalarStyle::DoubleQuoted
        | ScalarStyle::Literal
        | ScalarStyle::Folded => true,
    };
    if !quoted && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        NodeKind::Null
    } else {
        NodeKind::Scalar { text, quoted }
    }
}

fn place(file: FileId, at: &granit_parser::Span) -> Span {
    let range = at.byte_range().unwrap_or(0..0);
    Span {
        file,
        line: clamp(at.start.line()),
        column: clamp(at.start.col() + 1),
        byte_offset: clamp(range.start),
        byte_len: clamp(range.len()),
    }
}
