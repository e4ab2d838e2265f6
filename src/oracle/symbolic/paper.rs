//! A run on paper: messages in frames and the keys behind them as terms, with words for people.
//!
//! Not here: which messages there are, and who should be able to read them (`safety`).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, Hash32, Mid, UserId};
use crate::crypto::schedule::Party;
use crate::oracle::escrow::{Origin, Seed};
use crate::oracle::symbolic::knowledge::Knowledge;
use crate::oracle::symbolic::terms::{Shape, Term};

/// Steps of a derivation that are told, the last ones.
const STEPS_MAX: usize = 6;

/// A key pair with its owner.
#[derive(Clone, Debug)]
pub struct End {
    /// Who it is, or is taken for.
    pub user: UserId,
    /// The number of the key pair.
    pub epoch: Epoch,
    /// The key ID of its public half.
    pub kid: Hash32,
}

impl End {
    /// As the key schedule binds it.
    #[must_use]
    pub const fn party(&self) -> Party<'_> {
        Party { user: &self.user, epoch: self.epoch, kid: &self.kid }
    }
}

/// How a key was made.
#[derive(Debug)]
pub struct Making {
    /// The sender's key pair and the receiver's.
    pub ends: [End; 2],
    /// What it was made of, if that can be told.
    pub origin: Option<Origin>,
    /// The receiver's key is one that the adversary brought.
    pub is_foreign: bool,
}

/// What the network has, and what follows.
#[derive(Debug, Default)]
pub struct Paper {
    knowledge: Knowledge,
    /// Terms that are worth telling.
    words: BTreeMap<Term, String>,
    carried: usize,
}

impl Paper {
    fn make(&mut self, shape: Shape, word: String) -> Term {
        let term = self.knowledge.terms.make(shape);
        self.words.entry(term).or_insert(word);
        term
    }

    /// The network carries a message under a key made so, or in clear. A text that is nowhere else; `None`
    /// when nobody knows what the key is made of.
    pub fn carry(&mut self, mid: &Mid, making: Option<&Making>) -> Option<Term> {
        let key = match making {
            Some(making) => Some(self.key(making)?),
            None => None,
        };
        self.carried += 1;
        let name = format!("{mid}, {}", self.carried);
        let text = self.make(Shape::Name(name), "the text".to_owned());
        let terms = &mut self.knowledge.terms;
        let content = key.map_or(text, |key| terms.make(Shape::Aead { key, text }));
        let header = terms.make(Shape::Octets(format!("the header of {mid}")));
        let frame = terms.make(Shape::Pair(header, content));
        self.knowledge.learn(frame);
        Some(text)
    }

    fn key(&mut self, making: &Making) -> Option<Term> {
        let Origin { seed, pair, direction } = making.origin?;
        let [ours, theirs] = &making.ends;
        let mut key = match seed {
            Seed::Agreement => {
                let ends = [self.private(ours, false), self.private(theirs, making.is_foreign)];
                let names = ends.map(|end| self.words.get(&end).cloned().unwrap_or_default());
                let agreement = self.knowledge.terms.dh(ends[0], ends[1]);
                let word = format!("dh({})", names.join(", "));
                self.words.entry(agreement).or_insert(word);
                agreement
            }
            Seed::Known(what) => self.make(Shape::Octets(what.to_owned()), what.to_owned()),
        };
        let of_pair = format!("{} {}, {} {}", ours.user, ours.epoch, theirs.user, theirs.epoch);
        let of_direction = format!("{}>{}", ours.user, theirs.user);
        for (is_made, info) in [(pair, of_pair), (direction, of_direction)] {
            if is_made {
                let word = format!("kdf({info})");
                let info = self.knowledge.terms.make(Shape::Octets(info));
                key = self.make(Shape::Kdf { secret: key, info }, word);
            }
        }
        Some(key)
    }

    fn private(&mut self, end: &End, is_foreign: bool) -> Term {
        let whose = if is_foreign { "the adversary's " } else { "" };
        let word = format!("{whose}{} {}", end.user, end.epoch);
        let private = self.make(Shape::Private(end.kid), word.clone());
        // Its registration is seen by everybody: name and public half, with a proof of possession.
        let terms = &mut self.knowledge.terms;
        let [name, public] = [Shape::Octets(word), Shape::Public(private)].map(|it| terms.make(it));
        let content = terms.make(Shape::Pair(name, public));
        let registration = terms.make(Shape::Signed { key: private, content });
        self.knowledge.learn(registration);
        private
    }

    /// The server, the network or whoever works with them has the private half of this key.
    pub fn give_away(&mut self, kid: Hash32) {
        let private = self.make(Shape::Private(kid), "a key".to_owned());
        let word = self.words.entry(private).or_default();
        *word = format!("the private key of {word}");
        self.knowledge.learn(private);
    }

    /// How a text comes out, in a few words; `None` when it does not.
    pub fn opens(&mut self, text: Term) -> Option<String> {
        let steps = self.knowledge.steps(text);
        let told: Vec<&str> =
            steps.iter().filter_map(|step| self.words.get(step)).map(String::as_str).collect();
        let from = told.len().saturating_sub(STEPS_MAX);
        match told.get(from..)? {
            [] => None,
            [_] => Some("it stands in a frame".to_owned()),
            told => Some(told.join(" -> ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Seq;

    fn end(user: &str, epoch: u64) -> End {
        let user = UserId::new(user).unwrap();
        let mut kid = [0; 32];
        kid[..user.as_str().len()].copy_from_slice(user.as_str().as_bytes());
        kid[31] = u8::try_from(epoch).unwrap();
        End { user, epoch: Epoch(epoch), kid: Hash32(kid) }
    }

    fn making(sender: End, receiver: End) -> Making {
        let origin = Some(Origin { seed: Seed::Agreement, pair: true, direction: true });
        Making { ends: [sender, receiver], origin, is_foreign: false }
    }

    fn mid(making: &Making) -> Mid {
        let [sender, receiver] = making.ends.each_ref().map(|end| end.user.clone());
        Mid { sender, receiver, seq: Seq(making.ends[1].epoch.0) }
    }

    #[test]
    fn a_key_of_one_epoch_opens_what_it_had_a_part_in() {
        let lost = end("bob", 2).kid;
        let makings = [
            (making(end("alice", 1), end("bob", 1)), false),
            (making(end("alice", 1), end("bob", 2)), true),
            (making(end("bob", 2), end("carol", 1)), true),
            (making(end("carol", 1), end("alice", 1)), false),
        ];
        let mut paper = Paper::default();
        let texts: Vec<_> =
            makings.iter().map(|(it, _)| paper.carry(&mid(it), Some(it)).unwrap()).collect();
        assert!(texts.iter().all(|text| paper.opens(*text).is_none()));
        paper.give_away(lost);
        for (text, (_, opens)) in texts.iter().zip(&makings) {
            assert_eq!(paper.opens(*text).is_some(), *opens);
        }
        let how = "the private key of bob e2 -> dh(alice e1, bob e2) -> kdf(alice e1, bob e2) -> \
                   kdf(alice>bob) -> the text";
        assert_eq!(paper.opens(texts[1]).unwrap(), how);
    }

    #[test]
    fn what_is_in_clear_opens_and_what_nobody_can_tell_is_left_out() {
        let mut paper = Paper::default();
        let mut it = making(end("alice", 1), end("bob", 1));
        it.origin = None;
        assert_eq!(paper.carry(&mid(&it), Some(&it)), None);
        let text = paper.carry(&mid(&it), None).unwrap();
        assert_eq!(paper.opens(text).as_deref(), Some("it stands in a frame"));
        let again = making(end("alice", 1), end("bob", 1));
        let again = paper.carry(&mid(&again), Some(&again)).unwrap();
        assert_eq!(paper.opens(again), None, "each key is judged by itself");
    }
}
