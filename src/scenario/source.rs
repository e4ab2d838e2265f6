//! Where things are written: the texts of one reading, and spans that point into them.
//!
//! Not here: what the texts mean, or how a finding is drawn (`render`).

use std::fmt;

/// One text among those of a [`Sources`]: the scenario, a library, or a `--set`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FileId(u16);

/// A place in a text: where it starts, for people and for programs, and how long it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// The line, from 1; 0 for what stands in no text (a default).
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Octets before it in the text.
    pub byte_offset: u32,
    /// Its length in octets.
    pub byte_len: u32,
}

impl Span {
    /// The place of what nobody wrote: a default value.
    pub const NOWHERE: Self =
        Self { file: FileId(0), line: 0, column: 0, byte_offset: 0, byte_len: 0 };

    /// Is this a place in a text?
    #[must_use]
    pub const fn is_written(self) -> bool {
        self.line > 0
    }

    /// From the start of this place to the end of `last` in the same text.
    #[must_use]
    pub const fn to(self, last: Self) -> Self {
        let end = last.byte_offset + last.byte_len;
        Self { byte_len: end.saturating_sub(self.byte_offset), ..self }
    }
}

/// A value and where it is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// One text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name shown to people: a path, or `--set` and what follows it.
    pub name: String,
    /// The whole text; octets that are not UTF-8 are replaced.
    pub text: String,
}

/// The texts of one reading, in the order in which they were opened.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text.
    ///
    /// # Panics
    /// With more than 65 535 texts, which the limit on libraries and overrides excludes.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = u16::try_from(self.0.len()).expect("limits keep the number of texts small");
        self.0.push(Source { name: name.into(), text: text.into() });
        FileId(id)
    }

    /// The text with this ID.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.0.get(usize::from(id.0))
    }

    /// All texts.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// The place of the octets `from..to` of a text: counts lines and characters.
    #[must_use]
    pub fn span(&self, file: FileId, from: usize, to: usize) -> Span {
        let before = self.get(file).map_or("", |source| &source.text[..from]);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Span {
            file,
            line: clamp(before.matches('\n').count() + 1),
            column: clamp(before[line_start..].chars().count() + 1),
            byte_offset: clamp(from),
            byte_len: clamp(to.saturating_sub(from)),
        }
    }
}

/// A position as u32; the limit on a file's size keeps every position below.
pub(super) fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
