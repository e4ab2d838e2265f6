//! Which message of an opaque device is which draft: nothing but their order says so.
//!
//! A device sends its messages to one receiver for the first time in the order of composing. Not here:
//! devices that tell what they encrypt.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::id::{DraftId, UserId};
use crate::oracle::spec::NameId;

/// What opaque devices have to send, oldest first, for each receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Composed {
    opaque: BTreeSet<u32>,
    waiting: BTreeMap<(u32, UserId), VecDeque<Waiting>>,
}

/// A draft that has not left, with its name if it is followed.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    draft: DraftId,
    name: Option<NameId>,
}

impl Composed {
    /// For these opaque devices.
    pub fn of(opaque: &BTreeSet<u32>) -> Self {
        Self { opaque: opaque.clone(), waiting: BTreeMap::new() }
    }

    /// A draft is composed.
    pub fn add(&mut self, user: u32, to: &UserId, draft: DraftId, name: Option<NameId>) {
        if self.opaque.contains(&user) {
            let waiting = self.waiting.entry((user, to.clone())).or_default();
            waiting.push_back(Waiting { draft, name });
        }
    }

    /// The name of the message that leaves for the first time now.
    pub fn take(&mut self, user: u32, to: &UserId) -> Option<NameId> {
        self.waiting.get_mut(&(user, to.clone()))?.pop_front()?.name
    }

    /// This one never leaves, or has left.
    pub fn forget(&mut self, user: u32, draft: DraftId) {
        for (_, waiting) in self.waiting.iter_mut().filter(|((by, _), _)| *by == user) {
            waiting.retain(|other| other.draft != draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_in_the_order_of_composing_for_each_receiver() {
        let [bob, carol] = ["bob", "carol"].map(|name| UserId::new(name).unwrap());
        let mut composed = Composed::of(&BTreeSet::from([0]));
        for (draft, to) in [(1, &bob), (2, &carol), (3, &bob), (4, &bob)] {
            let name = Some(NameId(u32::try_from(draft).unwrap()));
            composed.add(0, to, DraftId(draft), name);
            composed.add(1, to, DraftId(draft), name);
        }
        composed.forget(0, DraftId(3));
        let left: Vec<_> = [&bob, &bob, &carol, &bob].map(|to| composed.take(0, to)).into();
        assert_eq!(left, [Some(NameId(1)), Some(NameId(4)), Some(NameId(2)), None]);
        assert_eq!(composed.take(1, &bob), None, "that device tells what it encrypts");
    }
}
