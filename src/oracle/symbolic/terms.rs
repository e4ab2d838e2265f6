//! Terms: values by how they are made, each stored once.
//!
//! Not here: who can make them (`knowledge`).

use std::collections::BTreeMap;

use crate::base::id::Hash32;

/// A term, by its place among all [`Terms`]; what it is made of comes before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Term(usize);

/// How a term is made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shape {
    /// Octets that everybody knows or can write down.
    Octets(String),
    /// Something that nobody can guess: a text, a nonce.
    Name(String),
    /// The private half of the key pair with this key ID.
    Private(Hash32),
    /// The public half of a private key.
    Public(Term),
    /// The agreement of two key pairs, by their private halves, the lesser first.
    Dh(Term, Term),
    /// A key derived from a secret.
    Kdf { secret: Term, info: Term },
    /// A text sealed under a key.
    Aead { key: Term, text: Term },
    /// Two things side by side, as in a frame.
    Pair(Term, Term),
    /// Content with a signature by a private key; a signature hides nothing.
    Signed { key: Term, content: Term },
}

/// All terms that were ever made.
#[derive(Debug, Default)]
pub struct Terms {
    shapes: Vec<Shape>,
    by_shape: BTreeMap<Shape, Term>,
}

impl Terms {
    /// The term of this shape. An agreement comes from [`Self::dh`], which knows that it has two makers.
    pub fn make(&mut self, shape: Shape) -> Term {
        if let Some(known) = self.by_shape.get(&shape) {
            return *known;
        }
        let term = Term(self.shapes.len());
        self.shapes.push(shape.clone());
        self.by_shape.insert(shape, term);
        term
    }

    /// What the key pairs of two private keys agree on, whichever end computes it.
    pub fn dh(&mut self, one: Term, other: Term) -> Term {
        for private in [one, other] {
            self.make(Shape::Public(private));
        }
        self.make(Shape::Dh(one.min(other), one.max(other)))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.shapes.len()
    }

    /// How a term is made.
    #[must_use]
    pub fn shape(&self, term: Term) -> Option<&Shape> {
        self.shapes.get(term.0)
    }

    /// Every term, those first that others are made of.
    pub fn all(&self) -> impl Iterator<Item = (Term, &Shape)> {
        self.shapes.iter().enumerate().map(|(place, shape)| (Term(place), shape))
    }

    /// The public half of a private key, if it was ever made.
    #[must_use]
    pub fn public(&self, private: Term) -> Option<Term> {
        self.by_shape.get(&Shape::Public(private)).copied()
    }
}

impl Term {
    /// Its place among all terms.
    #[must_use]
    pub const fn place(self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_terms_are_one_and_an_agreement_has_two_makers() {
        let mut terms = Terms::default();
        let [a, b] = [1, 2].map(|n| terms.make(Shape::Private(Hash32([n; 32]))));
        assert_eq!(terms.make(Shape::Private(Hash32([1; 32]))), a);
        assert_eq!(terms.dh(a, b), terms.dh(b, a));
        assert_ne!(terms.dh(a, a), terms.dh(a, b));
        let count = terms.len();
        terms.dh(b, a);
        assert_eq!(terms.len(), count);
        for (term, shape) in terms.all() {
            assert_eq!(terms.shape(term), Some(shape));
        }
    }
}
