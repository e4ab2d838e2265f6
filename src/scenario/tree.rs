//! The tree of a text: maps, lists and scalars that keep their source text, each with its place.
//!
//! Not here: what any key means (`fields`, `ast`), or how text becomes a tree (`syntax`).

use crate::scenario::source::{Span, Spanned};

/// A value of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Where it is written.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// Nothing: an absent value, `~` or `null`, unquoted.
    Null,
    /// Something that was reported already: reading it is no second finding.
    Broken,
    /// A piece of text, kept as it is written: `no`, `1_000` and `5%` are text here.
    Scalar {
        /// The text, unescaped where it was quoted.
        text: String,
        /// Was it quoted or a block? Then it is text and nothing else.
        quoted: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// Keys with values, in the order of the text; keys are unique.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A plain scalar.
    #[must_use]
    pub fn scalar(text: impl Into<String>, span: Span) -> Self {
        Self { span, kind: NodeKind::Scalar { text: text.into(), quoted: false } }
    }

    /// Was it reported already?
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.kind == NodeKind::Broken
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            NodeKind::Null | NodeKind::Broken | NodeKind::Seq(_) | NodeKind::Map(_) => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } | NodeKind::Seq(_) => None,
        }
    }

    /// The entries of a map, to change them.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.kind {
            NodeKind::Map(entries) => Some(entries),
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } | NodeKind::Seq(_) => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            NodeKind::Seq(items) => Some(items),
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } | NodeKind::Map(_) => None,
        }
    }

    /// The items of a list, to change them.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.kind {
            NodeKind::Seq(items) => Some(items),
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } | NodeKind::Map(_) => None,
        }
    }

    /// The value of a map's key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    /// The value of a map's key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let entries = self.entries_mut()?;
        entries.iter_mut().find(|entry| entry.key.value == key).map(|entry| &mut entry.value)
    }

    /// Removes a map's key and gives its value.
    pub fn remove(&mut self, key: &str) -> Option<Self> {
        let entries = self.entries_mut()?;
        let at = entries.iter().position(|entry| entry.key.value == key)?;
        Some(entries.remove(at).value)
    }

    /// Puts a value under a map's key, in place of the old value or at the end.
    pub fn put(&mut self, key: Spanned<String>, value: Self) {
        match self.get_mut(&key.value) {
            Some(old) => *old = value,
            None => {
                if let Some(entries) = self.entries_mut() {
                    entries.push(Entry { key, value });
                }
            }
        }
    }

    /// How many nodes it is made of, keys not counted.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.kind {
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } => 1,
            NodeKind::Seq(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            NodeKind::Map(entries) => 1 + entries.iter().map(|e| e.value.size()).sum::<usize>(),
        }
    }

    /// What it is, for messages: `a list`, `` `20s` ``.
    #[must_use]
    pub fn describe(&self) -> String {
        const SHOWN_MAX: usize = 40;
        match &self.kind {
            NodeKind::Null | NodeKind::Broken => "nothing".to_owned(),
            NodeKind::Seq(_) => "a list".to_owned(),
            NodeKind::Map(_) => "a map".to_owned(),
            NodeKind::Scalar { text, .. } if text.chars().count() > SHOWN_MAX => {
                let short: String = text.chars().take(SHOWN_MAX).collect();
                format!("`{}…`", short.escape_debug())
            }
            NodeKind::Scalar { text, .. } => format!("`{}`", text.escape_debug()),
        }
    }
}
