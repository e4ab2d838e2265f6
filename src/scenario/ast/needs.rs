//! `needs`: which capabilities a device must declare for a case to apply to it.
//!
//! Not here: the vocabulary (`verdict::capability`), or what a device declares.

use std::collections::BTreeMap;

use crate::scenario::diagnostics::suggest;
use crate::scenario::fields::leaf;
use crate::verdict::capability::CAPABILITIES;

/// An expression over capabilities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Needs {
    /// A capability.
    Capability(String),
    /// Not this.
    Not(Box<Self>),
    /// All of these.
    All(Vec<Self>),
    /// Any of these.
    Any(Vec<Self>),
}

impl Needs {
    /// Is it true for these capabilities? `None` names one that is not declared either way.
    ///
    /// # Errors
    /// The first capability without a value.
    pub fn holds(&self, declared: &BTreeMap<String, bool>) -> Result<bool, String> {
        match self {
            Self::Capability(name) => declared.get(name).copied().ok_or_else(|| name.clone()),
            Self::Not(inner) => inner.holds(declared).map(|held| !held),
            Self::All(list) => list.iter().try_fold(true, |held, e| Ok(held & e.holds(declared)?)),
            Self::Any(list) => list.iter().try_fold(false, |held, e| Ok(held | e.holds(declared)?)),
        }
    }

    /// All capabilities in it, in the order of the text.
    #[must_use]
    pub fn capabilities(&self) -> Vec<&str> {
        match self {
            Self::Capability(name) => vec![name],
            Self::Not(inner) => inner.capabilities(),
            Self::All(list) | Self::Any(list) => list.iter().flat_map(Self::capabilities).collect(),
        }
    }
}

leaf!(
    Needs,
    "expression",
    "capabilities with `and`, `or`, `not` and brackets, such as `approve and not push`",
    r"^[a-z0-9_() -]+$",
    [],
    parse
);

/// Most words of an expression: far more than there are capabilities.
const WORDS_MAX: usize = 64;

fn parse(text: &str) -> Result<Needs, String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    if words.len() > WORDS_MAX {
        return Err(format!("at most {WORDS_MAX} words"));
    }
    let mut parser = Parser { words: &words, at: 0 };
    let expression = parser.any()?;
    match parser.next() {
        None => Ok(expression),
        Some(word) => Err(format!("`{word}` cannot stand here; join with `and` or `or`")),
    }
}

/// Binds `not` tightest, then `and`, then `or`.
struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn skip(&mut self, word: &str) -> bool {
        let here = self.words.get(self.at) == Some(&word);
        self.at += usize::from(here);
        here
    }

    fn any(&mut self) -> Result<Needs, String> {
        let mut list = vec![self.all()?];
        while self.skip("or") {
            list.push(self.all()?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Needs::Any(list) })
    }

    fn all(&mut self) -> Result<Needs, String> {
        let mut list = vec![self.one()?];
        while self.skip("and") {
            list.push(self.one()?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Needs::All(list) })
    }

    fn one(&mut self) -> Result<Needs, String> {
        match self.next() {
            None => Err("a capability is missing at the end".to_owned()),
            Some("not") => Ok(Needs::Not(Box::new(self.one()?))),
            Some("(") => {
                let inner = self.any()?;
                if self.skip(")") { Ok(inner) } else { Err("a `)` is missing".to_owned()) }
            }
            Some(word @ ("and" | "or" | ")")) => {
                Err(format!("a capability is missing before `{word}`"))
            }
            Some(word) if CAPABILITIES.iter().any(|known| known.name == word) => {
                Ok(Needs::Capability(word.to_owned()))
            }
            Some(word) => Err(unknown(word)),
        }
    }
}

/// What to say of a word that is no capability: the nearest one, or all of them.
fn unknown(word: &str) -> String {
    let names = || CAPABILITIES.iter().map(|known| known.name);
    match suggest(word, names()) {
        Some(near) => format!("there is no capability `{word}`; did you mean `{near}`?"),
        None => {
            let names: Vec<_> = names().collect();
            format!("there is no capability `{word}`; they are: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fields::Scalar as _;

    #[test]
    fn not_binds_tightest_then_and_then_or() {
        let declared = [("push", true), ("poll", false), ("sync", true)];
        let declared = declared.map(|(name, value)| (name.to_owned(), value)).into();
        for (text, held) in [
            ("push", true),
            ("not poll", true),
            ("not push or sync", true),
            ("poll and poll or sync", true),
            ("push or poll and poll", true),
            ("(push or poll) and poll", false),
            ("not (push and sync)", false),
        ] {
            assert_eq!(Needs::parse(text).unwrap().holds(&declared), Ok(held), "{text}");
        }
        for bad in ["", "and push", "push and", "push sync", "(push", "push)", "not"] {
            assert!(Needs::parse(bad).is_err(), "{bad}");
        }
        let undeclared = Needs::parse("push and kat").unwrap().holds(&declared);
        assert_eq!(undeclared, Err("kat".to_owned()));
    }

    #[test]
    fn what_is_no_capability_is_told_with_the_nearest_one() {
        for (text, why) in [
            ("aprove", "there is no capability `aprove`; did you mean `approve`?"),
            (
                "sync and prompt_event",
                "there is no capability `prompt_event`; did you mean `prompt_events`?",
            ),
        ] {
            assert_eq!(Needs::parse(text), Err(why.to_owned()));
        }
        assert!(Needs::parse("zebra").unwrap_err().contains("they are: approve, compose"));
    }
}
