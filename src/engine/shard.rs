//! How users are dealt out to the shards of a world, and what a shard holds of each of its own.
//!
//! Not here: what shards do, or how long on their own (`sim`).

use std::ops::{Index, IndexMut};

use crate::base::id::NodeId;

/// One of several parts of a world: every so-manieth user, device and account together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    number: u32,
    count: u32,
}

impl Shard {
    /// The only one.
    pub const WHOLE: Self = Self { number: 0, count: 1 };

    /// All of so many.
    ///
    /// # Panics
    /// If there are none.
    pub fn all(count: u32) -> impl Iterator<Item = Self> {
        assert!(count > 0, "a world has at least one shard");
        (0..count).map(move |number| Self { number, count })
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The number of the shard, of as many as this is of, that has this user.
    #[must_use]
    pub const fn of(self, user: u32) -> u32 {
        user % self.count
    }

    /// Whether a node's events happen here. Those of the harness belong to the whole world.
    #[must_use]
    pub fn owns(self, node: NodeId) -> bool {
        node.user().map_or(self.count == 1, |user| self.of(user) == self.number)
    }

    /// The place of one of its users among them.
    #[must_use]
    pub const fn place(self, user: usize) -> usize {
        user / self.count as usize
    }
}

/// A thing for each user of a shard, by the user's number in the world.
#[derive(Clone, Debug)]
pub struct PerUser<T> {
    shard: Shard,
    things: Vec<T>,
}

impl<T> Default for PerUser<T> {
    fn default() -> Self {
        Self::of(Shard::WHOLE, 0)
    }
}

impl<T> PerUser<T> {
    /// None yet, for a shard of a world of so many users.
    #[must_use]
    pub fn of(shard: Shard, users: usize) -> Self {
        Self { shard, things: Vec::with_capacity(users.div_ceil(shard.count as usize)) }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Whose thing is pushed next.
    #[must_use]
    pub const fn next_user(&self) -> usize {
        self.things.len() * self.shard.count as usize + self.shard.number as usize
    }

    /// That of the next user.
    pub fn push(&mut self, thing: T) {
        self.things.push(thing);
    }

    /// All of them, in the order of users.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.iter()
    }
}

impl<T> Index<usize> for PerUser<T> {
    type Output = T;

    fn index(&self, user: usize) -> &T {
        &self.things[self.shard.place(user)]
    }
}

impl<T> IndexMut<usize> for PerUser<T> {
    fn index_mut(&mut self, user: usize) -> &mut T {
        &mut self.things[self.shard.place(user)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_one_shard_and_found_there() {
        for count in 1..5 {
            let mut parts: Vec<_> = Shard::all(count).map(|shard| PerUser::of(shard, 7)).collect();
            for part in &mut parts {
                while part.next_user() < 7 {
                    part.push(part.next_user());
                }
            }
            for user in 0..7 {
                let owners: Vec<Shard> =
                    Shard::all(count).filter(|shard| shard.owns(NodeId::account(user))).collect();
                assert_eq!(owners.len(), 1);
                assert_eq!(parts[owners[0].number() as usize][user as usize], user as usize);
            }
        }
    }

    #[test]
    fn only_a_whole_world_has_the_harness() {
        assert!(Shard::WHOLE.owns(NodeId::HARNESS));
        assert!(!Shard::all(2).any(|shard| shard.owns(NodeId::HARNESS)));
    }
}
