//! What nodes need for a turn and not between two, and when there is no end of turns or of what comes of one.
//!
//! Not here: what a turn is (`node`, `turn`).

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::proto::sheet::Sheet;
use crate::sim::outbox::Outbox;

/// What a node has for its turn and then gives back: one is enough for a world.
#[derive(Clone, Debug)]
pub struct Loan<W> {
    /// What a machine writes its outputs on.
    pub sheet: Sheet<W>,
    /// Where they wait until they leave.
    pub outbox: Outbox<W>,
    turns: Turns,
    /// How many outputs the turn under way has had.
    outputs: u32,
}

/// How many turns each node had at this instant.
#[derive(Clone, Debug, Default)]
struct Turns {
    at: Instant,
    /// In the order of nodes, which is that of the events of an instant.
    counts: Vec<(NodeId, u32)>,
}

impl<W> Loan<W> {
    /// A node has another turn at this instant.
    ///
    /// # Errors
    /// When it has had too many.
    pub fn begin_turn(&mut self, at: Instant, node: NodeId) -> Result<(), Storm> {
        self.outputs = 0;
        let Turns { at: last, counts } = &mut self.turns;
        if *last != at {
            *last = at;
            counts.clear();
            // An instant of a whole fleet is rare.
            counts.shrink_to(COUNTS_KEPT);
        }
        let comes_last = counts.last().is_none_or(|(last, _)| *last < node);
        let search = |counts: &[(NodeId, u32)]| counts.partition_point(|(other, _)| *other < node);
        let place = if comes_last { counts.len() } else { search(counts) };
        match counts.get_mut(place) {
            Some((other, count)) if *other == node => {
                *count += 1;
                if *count > TURNS_MAX { Err(Storm::Turns) } else { Ok(()) }
            }
            Some(_) | None => {
                counts.insert(place, (node, 1));
                Ok(())
            }
        }
    }

    /// The turn under way has another output.
    ///
    /// # Errors
    /// When it has had too many.
    pub fn count_output(&mut self) -> Result<(), Storm> {
        self.outputs += 1;
        if self.outputs > OUTPUTS_MAX { Err(Storm::Outputs) } else { Ok(()) }
    }
}

impl<W> Default for Loan<W> {
    fn default() -> Self {
        let (sheet, outbox) = (Sheet::default(), Outbox::default());
        Self { sheet, outbox, turns: Turns::default(), outputs: 0 }
    }
}

/// Turns of a node at one instant. A machine answers an input with a few turns; one that never comes to
/// rest would stop time.
pub const TURNS_MAX: u32 = 100_000;

/// Nodes of an instant for whose numbers of turns memory is kept.
const COUNTS_KEPT: usize = 1 << 10;

/// Outputs of one turn. The largest turns go over a whole mailbox, a list of watchers or a table and say a
/// few things of each entry; one that never ends would fill the memory.
const OUTPUTS_MAX: u32 = 1_000_000;

/// A machine does not come to rest at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Storm {
    /// One turn follows another.
    #[error("{TURNS_MAX} turns at one instant")]
    Turns,
    /// One turn does not end.
    #[error("{OUTPUTS_MAX} outputs of one turn")]
    Outputs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Duration;

    #[test]
    fn an_instant_without_end_is_given_up() {
        let (mut loan, at) = (Loan::<()>::default(), |n| Instant::START + Duration::from_nanos(n));
        let [one, other] = [NodeId::device(1), NodeId::device(0)];
        for _ in 0..TURNS_MAX {
            assert_eq!(loan.begin_turn(at(3), one), Ok(()));
        }
        assert_eq!(loan.begin_turn(at(3), other), Ok(()), "each node has its own");
        assert_eq!(loan.begin_turn(at(3), one), Err(Storm::Turns));
        assert_eq!(loan.begin_turn(at(4), one), Ok(()));
    }
}
