//! The one mechanism behind the language: tables of keys, from which text is read and described.
//!
//! Not here: the keys themselves (`ast`). The same tables give the reader, the JSON Schema and the
//! reference page, so that none of them can know a key that another does not.

mod findings;
mod macros;
mod read;

pub(super) use macros::{leaf, one_of, table, words};
pub use read::{
    MapReader, Read, ReadBeside, ReadMap, Scalar, read_beside, read_scalar, read_table,
    single_entry,
};

/// What a place of the text takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A single value.
    Leaf(&'static Leaf),
    /// One of a closed list of words.
    Word(&'static Words),
    /// A list of values of one kind.
    List(&'static Self),
    /// A map from names (of what, says the text) to values of one kind.
    Names(&'static str, &'static Self),
    /// A map with the keys of a table.
    Table(fn() -> &'static Table),
    /// A map with the keys of two tables.
    Tables(fn() -> &'static Table, fn() -> &'static Table),
    /// A map with exactly one key out of several, each with its own kind.
    OneOf(fn() -> &'static Choices),
    /// A value of either kind.
    Either(&'static Self, &'static Self),
    /// Anything: another rule reads it.
    Any,
}

/// A kind of single value.
#[derive(Debug)]
pub struct Leaf {
    /// Its name: `duration`.
    pub name: &'static str,
    /// What stands there, with an example: `` a duration such as `40ms` ``.
    pub expected: &'static str,
    /// The form as a regular expression; `""` takes any text.
    pub pattern: &'static str,
    /// The JSON types that may stand there beside a string: `integer`, `boolean`.
    pub json: &'static [&'static str],
}

/// A closed list of words.
#[derive(Debug)]
pub struct Words {
    /// What they name: `point`.
    pub name: &'static str,
    /// Each word with its meaning.
    pub words: &'static [(&'static str, &'static [&'static str])],
}

/// A closed list of keys of which exactly one stands in the map.
#[derive(Debug)]
pub struct Choices {
    /// What they name: `step`.
    pub name: &'static str,
    /// Its meaning.
    pub doc: &'static [&'static str],
    /// Each key with its kind and its meaning.
    pub choices: &'static [(&'static str, Kind, &'static [&'static str])],
    /// Keys that may stand beside those of the chosen table.
    pub common: Option<fn() -> &'static Table>,
}

/// The keys of a map.
#[derive(Debug)]
pub struct Table {
    /// The name of the map: `send`.
    pub name: &'static str,
    /// Its meaning.
    pub doc: &'static [&'static str],
    /// The key that a single value in place of the map stands for.
    pub short: Option<&'static str>,
    /// Its keys.
    pub fields: &'static [Field],
    /// How keys exclude and need each other.
    pub rules: &'static [Rule],
}

/// One key of a map.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Must it be there?
    pub required: bool,
    /// The value when it is absent, as it would be written.
    pub default: Option<&'static str>,
    /// Its meaning.
    pub doc: &'static [&'static str],
}

/// How the keys of one map exclude or need each other.
#[derive(Debug)]
pub enum Rule {
    /// At most one of these keys.
    AtMostOne(&'static [&'static str]),
    /// Exactly one of these keys.
    ExactlyOne(&'static [&'static str]),
    /// The first key makes sense only beside the second.
    Needs(&'static str, &'static str),
}

/// The first of at most one text, for tables whose macro may leave it out.
#[must_use]
pub const fn first(texts: &[&'static str]) -> Option<&'static str> {
    if texts.is_empty() { None } else { Some(texts[0]) }
}

/// The key of a field: its own name unless another one is given.
#[must_use]
pub const fn key(texts: &[&'static str], name: &'static str) -> &'static str {
    if texts.is_empty() { name } else { texts[0] }
}

/// The first of at most one table.
#[must_use]
pub const fn first_table(tables: &[fn() -> &'static Table]) -> Option<fn() -> &'static Table> {
    if tables.is_empty() { None } else { Some(tables[0]) }
}

/// The lines of a doc comment as one text.
#[must_use]
pub fn prose(doc: &[&str]) -> String {
    let lines: Vec<_> = doc.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}
