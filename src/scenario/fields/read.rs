//! Reading a tree by tables: the traits, the readers of lists and options, and the map reader.
//!
//! Not here: the words of findings (`findings`).

use std::borrow::Cow;

use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Choices, Field, Kind, Leaf, Rule, Table};
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::{Entry, Node, NodeKind};

/// A type that a place of the text can be read into.
pub trait Read: Sized {
    /// What the place takes.
    const KIND: Kind;
    /// Must the key be there?
    const REQUIRED: bool = true;

    /// Reads a value; `None` says that `sink` was told why not.
    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self>;

    /// The value of an absent key, if it may be absent.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// A type that is read from the keys of a table.
pub trait ReadMap: Sized {
    /// The keys.
    fn table() -> &'static Table;

    /// Takes the table's keys out of a map.
    fn read_map(map: &mut MapReader<'_>, sink: &mut Diagnostics) -> Option<Self>;
}

/// A type that is read from a single value.
pub trait Scalar: Sized {
    /// Its form, for people and for the schema.
    const LEAF: &'static Leaf;

    /// Reads the text.
    ///
    /// # Errors
    /// What is wrong beyond the expected form; often nothing, since the form says it all.
    fn parse(text: &str) -> Result<Self, String>;
}

/// A type of which exactly one key stands in a map whose body also has common keys.
pub trait ReadBeside: Sized {
    /// The common keys.
    type Common: ReadMap;

    /// All keys, of which one stands in the map.
    fn choices() -> &'static Choices;

    /// Takes the body of the chosen key out of its map.
    fn read_beside(key: &str, map: &mut MapReader<'_>, sink: &mut Diagnostics) -> Option<Self>;
}

impl<T: Read> Read for Option<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    /// A value that does not read counts as absent: `sink` has the error, and reading goes on.
    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        Some(T::read(node, sink))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Spanned<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = T::REQUIRED;

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        T::read(node, sink).map(|value| Self::new(value, node.span))
    }
}

impl<T: Read> Read for Box<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = T::REQUIRED;

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        T::read(node, sink).map(Self::new)
    }
}

/// A list; items that do not read are left out, and `sink` knows them.
impl<T: Read> Read for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
    const REQUIRED: bool = false;

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        let Some(items) = node.items() else {
            sink.wrong_type(node, "a list");
            return None;
        };
        Some(items.iter().filter_map(|item| T::read(item, sink)).collect())
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Takes the keys of a map one by one, and knows at the end which were not asked for.
pub struct MapReader<'a> {
    entries: Cow<'a, [Entry]>,
    /// The place to point at when a key is missing.
    span: Span,
    name: &'a str,
    tables: Vec<&'static Table>,
}

impl<'a> MapReader<'a> {
    /// Opens a map for a table; a single value stands for the table's short key.
    pub fn open(
        node: &'a Node,
        span: Span,
        table: &'static Table,
        sink: &mut Diagnostics,
    ) -> Option<Self> {
        let entries = match (&node.kind, table.short) {
            (NodeKind::Map(entries), _) => Cow::Borrowed(entries.as_slice()),
            (NodeKind::Null, _) => Cow::Borrowed(&[][..]),
            (NodeKind::Broken, _) => return None,
            (NodeKind::Scalar { .. } | NodeKind::Seq(_), Some(short)) => {
                let key = Spanned::new(short.to_owned(), node.span);
                Cow::Owned(vec![Entry { key, value: node.clone() }])
            }
            (NodeKind::Scalar { .. } | NodeKind::Seq(_), None) => {
                let keys: Vec<_> = table.fields.iter().take(4).map(|f| f.key).collect();
                sink.wrong_type(node, &format!("a map with keys such as `{}`", keys.join("`, `")));
                return None;
            }
        };
        Some(Self { entries, span, name: table.name, tables: vec![table] })
    }

    /// Lets the keys of another table stand beside those of the first.
    pub fn also(&mut self, table: &'static Table) {
        self.tables.push(table);
    }

    /// Takes the value of one key of the table.
    pub fn take<T: Read>(&mut self, field: &Field, sink: &mut Diagnostics) -> Option<T> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.key.value == field.key) {
            return T::read(&entry.value, sink);
        }
        if let Some(default) = field.default {
            return T::read(&Node::scalar(default, Span::NOWHERE), sink);
        }
        let absent = T::absent();
        let one_of_several = || {
            self.tables
                .iter()
                .flat_map(|table| table.rules)
                .any(|rule| matches!(rule, Rule::ExactlyOne(keys) if keys.contains(&field.key)))
        };
        if absent.is_none() && !one_of_several() {
            sink.missing_key(self.span, self.name, field);
        }
        absent
    }

    /// Reports keys that no table has, and keys that exclude or need each other.
    pub fn finish(self, sink: &mut Diagnostics) {
        let fields = || self.tables.iter().flat_map(|table| table.fields);
        for entry in self.entries.iter() {
            if !fields().any(|field| field.key == entry.key.value) {
                sink.unknown_key(&entry.key, self.name, fields().map(|field| field.key));
            }
        }
        for rule in self.tables.iter().flat_map(|table| table.rules) {
            self.check(rule, sink);
        }
    }

    fn check(&self, rule: &Rule, sink: &mut Diagnostics) {
        let find = |key: &str| self.entries.iter().find(|entry| entry.key.value == key);
        match rule {
            Rule::AtMostOne(keys) | Rule::ExactlyOne(keys) => {
                let mut present = keys.iter().filter_map(|key| find(key));
                match (present.next(), present.next()) {
                    (Some(first), Some(second)) => sink.exclude_each_other(&first.key, &second.key),
                    (None, _) if matches!(rule, Rule::ExactlyOne(_)) => {
                        sink.one_of_missing(self.span, self.name, keys);
                    }
                    (Some(_) | None, _) => {}
                }
            }
            Rule::Needs(key, other) => {
                if let (Some(entry), None) = (find(key), find(other)) {
                    sink.needs_other(&entry.key, other);
                }
            }
        }
    }
}

/// Reads a map with the keys of one table.
pub fn read_table<T: ReadMap>(node: &Node, sink: &mut Diagnostics) -> Option<T> {
    let mut map = MapReader::open(node, node.span, T::table(), sink)?;
    let value = T::read_map(&mut map, sink);
    map.finish(sink);
    value
}

/// Reads a single value.
pub fn read_scalar<T: Scalar>(node: &Node, sink: &mut Diagnostics) -> Option<T> {
    let Some(text) = node.text() else {
        sink.wrong_type(node, T::LEAF.expected);
        return None;
    };
    T::parse(text).map_err(|why| sink.bad_value(node, T::LEAF, &why)).ok()
}

/// Reads a map with exactly one key, whose body also has common keys.
///
/// The name that a body with errors would have declared is noted, so that its uses are no finding.
pub fn read_beside<T: ReadBeside>(
    node: &Node,
    sink: &mut Diagnostics,
) -> Option<(Span, T::Common, T)> {
    let entry = single_entry(node, T::choices(), sink)?;
    let key = entry.key.value.as_str();
    let (_, kind, _) = T::choices().choices.iter().find(|(name, ..)| *name == key)?;
    let Kind::Table(table) = kind else { return None };
    let name = entry.value.get("as").and_then(Node::text);
    let value = MapReader::open(&entry.value, entry.key.span, table(), sink).and_then(|mut map| {
        map.name = key;
        map.also(T::Common::table());
        let common = T::Common::read_map(&mut map, sink);
        let body = T::read_beside(key, &mut map, sink);
        map.finish(sink);
        Some((entry.key.span, common?, body?))
    });
    if let (None, Some(name)) = (&value, name) {
        sink.declare_broken(name);
    }
    value
}

/// The single entry of a map that holds exactly one of some keys.
pub fn single_entry<'a>(
    node: &'a Node,
    choices: &Choices,
    sink: &mut Diagnostics,
) -> Option<&'a Entry> {
    match node.entries() {
        Some([entry]) if choices.choices.iter().any(|(key, ..)| *key == entry.key.value) => {
            Some(entry)
        }
        Some([entry]) => {
            sink.unknown_choice(&entry.key, choices);
            None
        }
        Some([]) | None => {
            sink.not_one_choice(node, choices);
            None
        }
        Some([_, second, ..]) => {
            sink.two_choices(&second.key, choices);
            None
        }
    }
}
