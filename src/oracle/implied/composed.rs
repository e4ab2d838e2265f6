//! Which message of an opaque device is which draft: nothing but their order says so.
//!
//! A device sends its messages to one receiver for the first time in the order of composing. Not here:
//! devices that tell what they encrypt.

use std::collections::{BTreeMap, VecDeque};

use crate::base::id::{DraftId, UserId};

/// What opaque devices have to send, oldest first, for each receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Composed {
    waiting: BTreeMap<(u32, UserId), VecDeque<DraftId>>,
    /// What left last for each receiver: it leaves again under another number if that was taken.
    last: BTreeMap<(u32, UserId), DraftId>,
}

impl Composed {
    /// A draft is composed.
    pub fn add(&mut self, user: u32, to: &UserId, draft: DraftId) {
        self.waiting.entry((user, to.clone())).or_default().push_back(draft);
    }

    /// The draft that leaves under a number that was not seen before.
    pub fn take(&mut self, user: u32, to: &UserId) -> Option<DraftId> {
        let ends = (user, to.clone());
        let next = self.waiting.get_mut(&ends).and_then(VecDeque::pop_front);
        let draft = next.or_else(|| self.last.get(&ends).copied())?;
        self.last.insert(ends, draft);
        Some(draft)
    }

    /// This one never leaves, or has left.
    pub fn forget(&mut self, user: u32, draft: DraftId) {
        for (_, waiting) in self.waiting.iter_mut().filter(|((by, _), _)| *by == user) {
            waiting.retain(|other| *other != draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_in_the_order_of_composing_for_each_receiver() {
        let [bob, carol] = ["bob", "carol"].map(|name| UserId::new(name).unwrap());
        let mut composed = Composed::default();
        for (draft, to) in [(1, &bob), (2, &carol), (3, &bob), (4, &bob)] {
            composed.add(0, to, DraftId(draft));
        }
        composed.forget(0, DraftId(3));
        composed.forget(1, DraftId(1));
        let left = [&bob, &bob, &carol, &bob].map(|to| composed.take(0, to));
        assert_eq!(left, [1, 4, 2, 4].map(|draft| Some(DraftId(draft))));
        assert_eq!(composed.take(1, &bob), None);
    }
}
