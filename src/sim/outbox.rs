//! The outputs of one node in order, held back behind writes that are not yet durable.
//!
//! This is the driver's half of the law of `Persist` (`proto`): what comes after a batch of writes waits
//! for it, and a crash loses both together. Not here: how long a write takes, or what an output does.

use std::collections::VecDeque;

use crate::proto::port::{Output, Token};
use crate::sim::frame::Label;
use crate::trace::record::RecordId;

/// An output with its context.
#[derive(Clone, Debug)]
pub struct Item<W> {
    /// What to do.
    pub output: Output<W>,
    /// What it has from the turn that it was made in.
    pub context: Context,
}

/// What an output has from the turn that it was made in.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The record that led to it.
    pub cause: Option<RecordId>,
    /// Of a frame: what it says it is.
    pub label: Option<Label>,
}

/// Outputs that have not left yet, oldest first.
#[derive(Clone, Debug)]
pub struct Outbox<W>(Option<Box<Tray<W>>>);

/// What an outbox holds, if it holds anything.
#[derive(Clone, Debug)]
struct Tray<W> {
    items: VecDeque<Item<W>>,
    /// The last token of the batch that is being written.
    syncing: Option<Token>,
}

impl<W> Default for Outbox<W> {
    fn default() -> Self {
        Self(None)
    }
}

/// What the driver does next.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once, never stored")]
#[derive(Clone, Debug)]
pub enum Next<W> {
    /// Carry this out.
    Carry(Item<W>),
    /// Start writing; `Outbox::synced` when it is durable.
    Sync,
    /// Nothing may leave now.
    Wait,
}

impl<W> Outbox<W> {
    /// Takes the memory of another outbox that is empty, if this one has none.
    pub fn borrow_from(&mut self, other: &mut Self) {
        if self.0.is_none() {
            self.0 = other.0.take();
        }
    }

    /// Gives the memory to another outbox, if everything has left.
    pub fn give_back_to(&mut self, other: &mut Self) {
        if self.0.as_ref().is_some_and(|tray| tray.items.is_empty() && tray.syncing.is_none()) {
            other.0 = self.0.take();
        }
    }

    /// Adds an output behind all others.
    pub fn push(&mut self, item: Item<W>) {
        let tray = || Box::new(Tray { items: VecDeque::new(), syncing: None });
        self.0.get_or_insert_with(tray).items.push_back(item);
    }

    /// Has everything left?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|tray| tray.items.is_empty())
    }

    /// The outputs in order, whether they may leave or not.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Item<W>> {
        self.0.iter().flat_map(|tray| &tray.items)
    }

    /// The outputs that no write holds back.
    pub fn released(&self) -> impl Iterator<Item = &Item<W>> {
        self.iter().take_while(|item| batch(&item.output).is_none())
    }

    /// The number of the last batch of writes in it.
    #[must_use]
    pub fn last_token(&self) -> Option<Token> {
        self.iter().rev().find_map(|item| batch(&item.output))
    }

    /// Whether a batch of writes has not become durable.
    #[must_use]
    pub fn holds(&self, token: Token) -> bool {
        self.iter().any(|item| batch(&item.output) == Some(token))
    }

    /// The next thing to do. A batch of writes at the front is started together with those right behind
    /// it (group commit) and stays at the front until it is durable. What is behind another output waits
    /// like that output: it may take for granted that the other one has left.
    pub fn next(&mut self) -> Next<W> {
        let Some(Tray { items, syncing }) = self.0.as_deref_mut() else { return Next::Wait };
        match items.front() {
            None => Next::Wait,
            Some(Item { output: Output::Persist(..), .. }) => {
                if syncing.is_some() {
                    return Next::Wait;
                }
                *syncing = items.iter().map_while(|item| batch(&item.output)).last();
                Next::Sync
            }
            Some(_) => items.pop_front().map_or(Next::Wait, Next::Carry),
        }
    }

    /// The batch under way is durable: applies its writes in order and returns its last token with its
    /// cause. Its writes are at the front still, since nothing leaves before they are durable.
    pub fn synced(&mut self, mut apply: impl FnMut(&W)) -> Option<(Token, Option<RecordId>)> {
        let Tray { items, syncing } = self.0.as_deref_mut()?;
        let last = syncing.take()?;
        let mut last_cause = None;
        while let Some(Item { output: Output::Persist(token, writes), context }) = items.front()
            && *token <= last
        {
            writes.iter().for_each(&mut apply);
            last_cause = context.cause;
            items.pop_front();
        }
        Some((last, last_cause))
    }

    /// Power is gone: everything that had not left is lost.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// The token of a batch of writes.
const fn batch<W>(output: &Output<W>) -> Option<Token> {
    match output {
        Output::Persist(token, _) => Some(*token),
        Output::Transmit(..) | Output::Garbage(_) | Output::Internal(..) | Output::Fact(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::fact::Fact;

    fn fact(name: &str) -> Output<u8> {
        Output::Fact(Fact::Fence { name: name.to_owned() })
    }

    fn item(output: Output<u8>) -> Item<u8> {
        Item { output, context: Context::default() }
    }

    fn carried(outbox: &mut Outbox<u8>) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            match outbox.next() {
                Next::Carry(Item { output: Output::Fact(Fact::Fence { name }), .. }) => {
                    names.push(name);
                }
                Next::Carry(other) => panic!("unexpected {other:?}"),
                Next::Sync => names.push("sync".to_owned()),
                Next::Wait => return names,
            }
        }
    }

    #[test]
    fn outputs_wait_for_the_writes_before_them() {
        let mut outbox = Outbox::default();
        outbox.push(item(fact("a")));
        outbox.push(item(Output::Persist(Token(1), vec![1])));
        outbox.push(item(fact("b")));
        outbox.push(item(Output::Persist(Token(2), vec![2, 3])));
        outbox.push(item(fact("c")));
        outbox.push(item(Output::Persist(Token(3), vec![4])));
        assert_eq!(carried(&mut outbox), ["a", "sync"]);
        let mut written = Vec::new();
        let done = outbox.synced(|write| written.push(*write));
        assert_eq!((done, &written[..]), (Some((Token(1), None)), &[1][..]));
        assert_eq!(carried(&mut outbox), ["b", "sync"]);
        assert_eq!(carried(&mut outbox), Vec::<String>::new());
        let done = outbox.synced(|write| written.push(*write));
        assert_eq!((done, &written[..]), (Some((Token(2), None)), &[1, 2, 3][..]));
        assert_eq!(carried(&mut outbox), ["c", "sync"]);
        outbox.synced(|write| written.push(*write));
        assert_eq!(written, [1, 2, 3, 4]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_no_write_holds_back_is_released() {
        let mut outbox = Outbox::default();
        assert_eq!((outbox.released().count(), outbox.last_token()), (0, None));
        outbox.push(item(fact("a")));
        outbox.push(item(Output::Persist(Token(1), vec![1])));
        outbox.push(item(fact("b")));
        assert_eq!((outbox.released().count(), outbox.last_token()), (1, Some(Token(1))));
        assert_eq!(carried(&mut outbox), ["a", "sync"]);
        assert!(outbox.holds(Token(1)));
        outbox.synced(|_| ());
        assert!(!outbox.holds(Token(1)));
        assert_eq!((outbox.released().count(), outbox.last_token()), (1, None));
    }

    #[test]
    fn writes_side_by_side_are_one_batch() {
        let mut outbox = Outbox::default();
        outbox.push(item(Output::Persist(Token(1), vec![1])));
        outbox.push(item(Output::Persist(Token(2), vec![2])));
        assert_eq!(carried(&mut outbox), ["sync"]);
        outbox.push(item(Output::Persist(Token(3), vec![3])));
        let mut written = Vec::new();
        assert_eq!(outbox.synced(|write| written.push(*write)), Some((Token(2), None)));
        assert_eq!(written, [1, 2]);
        assert_eq!(carried(&mut outbox), ["sync"]);
    }

    #[test]
    fn a_crash_loses_writes_and_outputs_together() {
        let mut outbox = Outbox::default();
        outbox.push(item(Output::Persist(Token(1), vec![1])));
        outbox.push(item(fact("a")));
        assert_eq!(carried(&mut outbox), ["sync"]);
        outbox.clear();
        assert_eq!(outbox.synced(|_| panic!("nothing was written")), None);
        assert_eq!(carried(&mut outbox), Vec::<String>::new());
    }
}
