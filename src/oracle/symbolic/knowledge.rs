//! What somebody can compute from what was seen: the closure of a set of terms.
//!
//! The rules: take a pair apart, take content off a signature, open what was sealed under a key that can be
//! made; put pairs together, sign and seal, derive keys, compute agreements with a private and a public half.
//! Whoever can make a term at all can do so by way of parts of what was seen and of the term itself, so it is
//! enough to look at those, each once: the time is near linear in their number. Not here: where terms come
//! from.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::oracle::symbolic::terms::{Shape, Term, Terms};

/// An attacker's knowledge.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// Where terms are made; goals too, before [`Self::saturate`].
    pub terms: Terms,
    given: BTreeSet<Term>,
    /// What can be made, and how.
    closed: BTreeMap<Term, Known>,
    /// Terms there were at the last closure; `None`: something was learned since.
    fresh: Option<usize>,
}

/// How a term became known.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Its place in the order of coming.
    rank: usize,
    /// What it was made of or taken out of.
    from: [Option<Term>; 2],
}

/// Something that can be concluded: the term, and what from.
type Step = (Term, [Option<Term>; 2]);

impl Knowledge {
    /// The attacker sees this, or has it.
    pub fn learn(&mut self, term: Term) {
        self.fresh = None;
        self.given.insert(term);
    }

    /// Computes everything that follows.
    pub fn saturate(&mut self) {
        let parents = parents(&self.terms);
        self.closed.clear();
        let known = |term: Term| (term, [None, None]);
        let mut queue: VecDeque<Step> = self.given.iter().copied().map(known).collect();
        let octets = |(_, shape): &(Term, &Shape)| matches!(shape, Shape::Octets(_));
        queue.extend(self.terms.all().filter(octets).map(|(term, _)| known(term)));
        while let Some((term, from)) = queue.pop_front() {
            let rank = self.closed.len();
            if self.closed.contains_key(&term) {
                continue;
            }
            self.closed.insert(term, Known { rank, from });
            self.take_apart(term, &mut queue);
            for parent in parents.get(term.place()).into_iter().flatten() {
                if self.closed.contains_key(parent) {
                    // Its key may have come just now.
                    self.take_apart(*parent, &mut queue);
                } else if let Some(from) = self.makes(*parent) {
                    queue.push_back((*parent, from.map(Some)));
                }
            }
        }
        self.fresh = Some(self.terms.len());
    }

    /// Whether the attacker can make this term.
    pub fn derives(&mut self, goal: Term) -> bool {
        if self.fresh != Some(self.terms.len()) {
            self.saturate();
        }
        self.closed.contains_key(&goal)
    }

    /// What the attacker makes on the way to a goal, in this order, from what is given to the goal; nothing
    /// when it cannot be made.
    pub fn steps(&mut self, goal: Term) -> Vec<Term> {
        if !self.derives(goal) {
            return Vec::new();
        }
        let mut steps = BTreeMap::new();
        let mut open = vec![goal];
        while let Some(term) = open.pop() {
            let Some(known) = self.closed.get(&term) else { continue };
            if steps.insert(known.rank, term).is_none() {
                open.extend(known.from.into_iter().flatten());
            }
        }
        steps.into_values().collect()
    }

    fn has(&self, term: Term) -> bool {
        self.closed.contains_key(&term)
    }

    /// What comes out of a term that is known.
    fn take_apart(&self, term: Term, queue: &mut VecDeque<Step>) {
        match self.terms.shape(term) {
            Some(Shape::Pair(one, other)) => {
                queue.extend([*one, *other].map(|part| (part, [Some(term), None])));
            }
            Some(Shape::Signed { content, .. }) => {
                queue.push_back((*content, [Some(term), None]));
            }
            Some(Shape::Aead { key, text }) if self.has(*key) => {
                queue.push_back((*text, [Some(term), Some(*key)]));
            }
            Some(
                Shape::Aead { .. }
                | Shape::Octets(_)
                | Shape::Name(_)
                | Shape::Private(_)
                | Shape::Public(_)
                | Shape::Dh(..)
                | Shape::Kdf { .. },
            )
            | None => {}
        }
    }

    /// What a term can be put together from, if all of it is known.
    fn makes(&self, term: Term) -> Option<[Term; 2]> {
        let parts = match self.terms.shape(term)? {
            Shape::Octets(_) | Shape::Name(_) | Shape::Private(_) => return None,
            Shape::Public(private) => [*private, *private],
            Shape::Dh(one, other) => {
                let ways = [(*one, *other), (*other, *one)];
                let way = |(own, peer)| Some([own, self.terms.public(peer)?]);
                let known = |way: &[Term; 2]| way.iter().all(|part| self.has(*part));
                return ways.into_iter().filter_map(way).find(known);
            }
            Shape::Kdf { secret, info } => [*secret, *info],
            Shape::Aead { key, text } => [*key, *text],
            Shape::Pair(one, other) => [*one, *other],
            Shape::Signed { key, content } => [*key, *content],
        };
        parts.iter().all(|part| self.has(*part)).then_some(parts)
    }
}

/// For each term those that can be made or opened with it, directly.
fn parents(terms: &Terms) -> Vec<Vec<Term>> {
    let mut parents = vec![Vec::new(); terms.len()];
    for (term, shape) in terms.all() {
        let parts = match shape {
            Shape::Octets(_) | Shape::Name(_) | Shape::Private(_) => [None; 4],
            Shape::Public(private) => [Some(*private), None, None, None],
            Shape::Dh(one, other) => {
                [Some(*one), Some(*other), terms.public(*one), terms.public(*other)]
            }
            Shape::Kdf { secret: one, info: other }
            | Shape::Aead { key: one, text: other }
            | Shape::Pair(one, other)
            | Shape::Signed { key: one, content: other } => [Some(*one), Some(*other), None, None],
        };
        for part in parts.into_iter().flatten() {
            if let Some(parents) = parents.get_mut(part.place()) {
                parents.push(term);
            }
        }
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Hash32;

    /// A protocol run on paper: alice (1), bob (2), carol (3) and mallory (9), whose key the attacker has.
    struct Paper(Knowledge);

    impl Paper {
        fn new() -> Self {
            let mut paper = Self(Knowledge::default());
            for user in [1, 2, 3, 9] {
                let private = paper.private(user);
                let public = paper.0.terms.make(Shape::Public(private));
                let signed = Shape::Signed { key: private, content: public };
                let record = paper.0.terms.make(signed);
                paper.0.learn(record);
            }
            let mallory = paper.private(9);
            paper.0.learn(mallory);
            paper
        }

        fn private(&mut self, user: u8) -> Term {
            self.0.terms.make(Shape::Private(Hash32([user; 32])))
        }

        fn name(&mut self, text: &str) -> Term {
            self.0.terms.make(Shape::Name(text.to_owned()))
        }

        fn kdf(&mut self, secret: Term) -> Term {
            let info = self.0.terms.make(Shape::Octets("info".to_owned()));
            self.0.terms.make(Shape::Kdf { secret, info })
        }

        /// The key that one derives with what it takes for the other's public key.
        fn key(&mut self, one: u8, other: u8) -> Term {
            let (one, other) = (self.private(one), self.private(other));
            let z = self.0.terms.dh(one, other);
            let pair = self.kdf(z);
            self.kdf(pair)
        }

        /// The network carries a text under a key, beside a header.
        fn sends(&mut self, key: Term, text: &str) -> Term {
            let text = self.name(text);
            let sealed = self.0.terms.make(Shape::Aead { key, text });
            let header = self.0.terms.make(Shape::Octets("header".to_owned()));
            let frame = self.0.terms.make(Shape::Pair(header, sealed));
            self.0.learn(frame);
            text
        }
    }

    #[test]
    fn who_only_listens_reads_nothing() {
        let mut paper = Paper::new();
        let key = paper.key(1, 2);
        let text = paper.sends(key, "text");
        assert!(!paper.0.derives(text) && !paper.0.derives(key));
        let public = paper.private(1);
        let public = paper.0.terms.make(Shape::Public(public));
        assert!(paper.0.derives(public), "signatures hide nothing");
        assert!(paper.0.steps(text).is_empty());
    }

    #[test]
    fn a_leaked_private_key_opens_all_of_its_user_and_nothing_else() {
        let mut paper = Paper::new();
        let sent = [(1, 2), (2, 3), (3, 1)].map(|(one, other)| {
            let key = paper.key(one, other);
            paper.sends(key, &format!("{one} to {other}"))
        });
        assert!(!sent.map(|text| paper.0.derives(text)).contains(&true));
        // Later than everything that was sent: forward secrecy is not claimed.
        let bob = paper.private(2);
        paper.0.learn(bob);
        assert_eq!(sent.map(|text| paper.0.derives(text)), [true, true, false]);
    }

    #[test]
    fn a_key_in_clear_opens_what_it_seals_whenever_it_comes() {
        let mut paper = Paper::new();
        let [one, other] = [paper.key(1, 2), paper.key(1, 3)];
        let [open, closed] = [paper.sends(one, "open"), paper.sends(other, "closed")];
        let wrapped = paper.name("wrapping key");
        let box_of_key = paper.0.terms.make(Shape::Aead { key: wrapped, text: one });
        paper.0.learn(box_of_key);
        assert!(!paper.0.derives(open));
        paper.0.learn(wrapped);
        assert!(paper.0.derives(open) && !paper.0.derives(closed));
        assert_eq!(paper.0.steps(open).last(), Some(&open));
    }

    #[test]
    fn a_secret_of_public_things_is_none() {
        let mut paper = Paper::new();
        let zeros = paper.0.terms.make(Shape::Octets("zeros".to_owned()));
        let alice = paper.private(1);
        let public = paper.0.terms.make(Shape::Public(alice));
        for seed in [zeros, public] {
            let pair = paper.kdf(seed);
            let key = paper.kdf(pair);
            let text = paper.sends(key, &format!("{seed:?}"));
            assert!(paper.0.derives(text));
            let steps = paper.0.steps(text);
            let place = |term| steps.iter().position(|step| *step == term).unwrap();
            assert!(place(seed) < place(pair) && place(pair) < place(key), "{steps:?}");
            assert!(place(key) < place(text));
        }
    }

    #[test]
    fn a_man_in_the_middle_reads_what_is_sealed_for_his_key() {
        let mut paper = Paper::new();
        // Alice takes mallory's key for bob's, and bob has hers: one of two directions is lost.
        let [lost, safe] = [paper.key(1, 9), paper.key(2, 1)];
        let [lost, safe] = [paper.sends(lost, "to bob"), paper.sends(safe, "to alice")];
        assert!(paper.0.derives(lost) && !paper.0.derives(safe));
    }

    #[test]
    fn what_is_known_can_be_put_together() {
        let mut paper = Paper::new();
        let [one, other] = [paper.name("one"), paper.name("other")];
        let pair = paper.0.terms.make(Shape::Pair(one, other));
        paper.0.learn(one);
        assert!(!paper.0.derives(pair));
        paper.0.learn(other);
        assert!(paper.0.derives(pair));
        let mallory = paper.private(9);
        let own = paper.0.terms.make(Shape::Signed { key: mallory, content: pair });
        let key = paper.key(9, 1);
        let sealed = paper.0.terms.make(Shape::Aead { key, text: own });
        assert!(paper.0.derives(sealed), "goals may come after what is known");
        let alice = paper.private(1);
        let forged = paper.0.terms.make(Shape::Signed { key: alice, content: pair });
        assert!(!paper.0.derives(forged));
    }

    #[test]
    fn no_order_of_learning_changes_what_follows() {
        let closure = |order: &[u8]| {
            let mut paper = Paper::new();
            let texts = [(1, 2), (2, 3), (1, 3)].map(|(one, other)| {
                let key = paper.key(one, other);
                paper.sends(key, &format!("{one}{other}"))
            });
            for user in order {
                let private = paper.private(*user);
                paper.0.learn(private);
            }
            texts.map(|text| paper.0.derives(text))
        };
        assert_eq!(closure(&[]), [false; 3]);
        assert_eq!(closure(&[1]), [true, false, true]);
        assert_eq!(closure(&[1, 2]), closure(&[2, 1]));
    }
}
