//! Forms that several parts of the language share: maps by name, one value or a list, either of two.
//!
//! Not here: any key.

use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, MapReader, Read, ReadMap, Scalar};
use crate::scenario::source::Spanned;
use crate::scenario::tree::{Node, NodeKind};

/// Values by name, in the order of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names<K, T>(pub Vec<Named<K, T>>);

/// A name and its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named<K, T> {
    /// The name.
    pub name: Spanned<K>,
    /// The value.
    pub value: T,
}

impl<K, T> Default for Names<K, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Scalar, T: Read> Read for Names<K, T> {
    const KIND: Kind = Kind::Names(K::LEAF.name, &T::KIND);
    const REQUIRED: bool = false;

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        let Some(entries) = node.entries() else {
            sink.wrong_type(node, &format!("a map whose keys are each a {}", K::LEAF.name));
            return None;
        };
        let mut list = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = Node::scalar(entry.key.value.as_str(), entry.key.span);
            let name = match K::parse(&entry.key.value) {
                Ok(name) => Some(Spanned::new(name, entry.key.span)),
                Err(why) => {
                    sink.bad_value(&key, K::LEAF, &why);
                    None
                }
            };
            // The value is read whatever its name is: its errors count too.
            match (name, T::read(&entry.value, sink)) {
                (Some(name), Some(value)) => list.push(Named { name, value }),
                (None, _) | (_, None) => sink.declare_broken(&entry.key.value),
            }
        }
        Some(Self(list))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// One value, or a list of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Some1<T>(pub Vec<T>);

impl<T: Read> Read for Some1<T> {
    const KIND: Kind = Kind::Either(&T::KIND, &Kind::List(&T::KIND));

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            NodeKind::Seq(_) => Vec::read(node, sink).map(Self),
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } | NodeKind::Map(_) => {
                T::read(node, sink).map(|one| Self(vec![one]))
            }
        }
    }
}

/// A single value, or a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Or<A, B> {
    /// The single value.
    Single(A),
    /// The map.
    Map(B),
}

impl<A: Read, B: Read> Read for Or<A, B> {
    const KIND: Kind = Kind::Either(&A::KIND, &B::KIND);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            NodeKind::Map(_) => B::read(node, sink).map(Self::Map),
            NodeKind::Null | NodeKind::Broken | NodeKind::Scalar { .. } | NodeKind::Seq(_) => {
                A::read(node, sink).map(Self::Single)
            }
        }
    }
}

/// A map with the keys of two tables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beside<A, B> {
    /// The keys of the first table.
    pub own: A,
    /// The keys of the second table.
    pub rest: B,
}

impl<A: ReadMap, B: ReadMap> Read for Beside<A, B> {
    const KIND: Kind = Kind::Tables(A::table, B::table);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        let mut map = MapReader::open(node, node.span, A::table(), sink)?;
        map.also(B::table());
        let own = A::read_map(&mut map, sink);
        let rest = B::read_map(&mut map, sink);
        map.finish(sink);
        Some(Self { own: own?, rest: rest? })
    }
}

/// Something that an earlier rule has used already, kept with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raw(pub Node);

impl Read for Raw {
    const KIND: Kind = Kind::Any;

    fn read(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(Self(node.clone()))
    }
}
