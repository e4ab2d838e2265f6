//! A causal slice: the few things of a run that led to something, ready to be drawn.
//!
//! It says where and when in the words of a person; the records stay behind. Not here: choosing what belongs
//! to it (`explore`), or drawing it (`report`).

use crate::base::id::{Epoch, NodeId, UserId};
use crate::base::time::Instant;

/// What led to something, in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// What it is about, one line.
    pub title: String,
    /// What came of it and why, a sentence each.
    pub answer: Vec<String>,
    /// Users in the order of their index: names of devices and accounts.
    pub users: Vec<UserId>,
    /// The story.
    pub lines: Vec<Line>,
    /// Lines that were left out to keep it readable.
    pub omitted: usize,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// Where; of an arrow, where it starts.
    pub node: NodeId,
    /// What.
    pub what: What,
    /// How it counts for what the slice is about.
    pub tone: Tone,
    /// How much the slice needs it.
    pub weight: Weight,
    /// Whether the finding points at it.
    pub marked: bool,
}

/// What a line shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Something at one node, in words.
    Note(String),
    /// A frame.
    Arrow(Arrow),
}

/// A frame on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Where to.
    pub to: NodeId,
    /// When it arrived, if it did.
    pub arrives: Option<Instant>,
    /// What it carries, in words.
    pub label: String,
    /// The epoch of the device that sends or receives it, where it carries a message.
    pub epoch: Option<Epoch>,
    /// Why it died, if it did.
    pub died: Option<String>,
}

/// How a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As usual.
    Plain,
    /// A point that the message should reach.
    Good,
    /// A loss, a refusal, an end before its time.
    Bad,
    /// Trouble that need not be the cause: faults, waits, warnings.
    Doubt,
}

/// How much a slice needs a line; the least needed go first when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Context.
    Detail,
    /// A step of the usual way.
    Step,
    /// A loss, a refusal, a change of epoch.
    Key,
    /// What the slice is about.
    Must,
}

/// A lane of a drawing. The accounts share one: to a person they are the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The device of a user.
    Device(u32),
    /// The server.
    Server,
    /// Steps, faults and phases.
    Harness,
}

impl Lane {
    /// The lane of a node.
    #[must_use]
    pub fn of(node: NodeId) -> Self {
        match node.user() {
            None => Self::Harness,
            Some(user) if node.is_device() => Self::Device(user),
            Some(_) => Self::Server,
        }
    }
}

impl Slice {
    /// The lanes in the order of a drawing: the device that is first to send or get a frame, the server, the
    /// other devices.
    #[must_use]
    pub fn lanes(&self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        let ends = |line: &Line| match &line.what {
            What::Arrow(arrow) => vec![line.node, arrow.to],
            What::Note(_) => Vec::new(),
        };
        let framed = self.lines.iter().flat_map(ends);
        for node in framed.chain(self.lines.iter().map(|line| line.node)) {
            let lane = Lane::of(node);
            if !lanes.contains(&lane) {
                lanes.push(lane);
            }
        }
        let has_server = lanes.contains(&Lane::Server);
        let has_harness = lanes.contains(&Lane::Harness);
        lanes.retain(|lane| matches!(lane, Lane::Device(_)));
        if has_server {
            lanes.insert(lanes.len().min(1), Lane::Server);
        }
        if has_harness {
            lanes.push(Lane::Harness);
        }
        lanes
    }

    /// The name of a lane.
    #[must_use]
    pub fn lane_name(&self, lane: Lane) -> String {
        match lane {
            Lane::Device(user) => self.user(user),
            Lane::Server => "server".to_owned(),
            Lane::Harness => "harness".to_owned(),
        }
    }

    /// The name of a node, accounts apart.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> String {
        match (Lane::of(node), node.user()) {
            (Lane::Server, Some(user)) => format!("server ({})", self.user(user)),
            (lane, _) => self.lane_name(lane),
        }
    }

    fn user(&self, index: u32) -> String {
        let user = usize::try_from(index).ok().and_then(|index| self.users.get(index));
        user.map_or_else(|| format!("d{index}"), ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_stands_beside_the_device_that_sends_first() {
        let note = |node| Line {
            at: Instant::START,
            node,
            what: What::Note(String::new()),
            tone: Tone::Plain,
            weight: Weight::Step,
            marked: false,
        };
        let nodes = [NodeId::HARNESS, NodeId::device(1), NodeId::device(0), NodeId::account(0)];
        let users = vec![UserId::new("alice").unwrap()];
        let mut slice = Slice { users, lines: nodes.map(note).to_vec(), ..Slice::default() };
        let names = |slice: &Slice| -> Vec<_> {
            slice.lanes().into_iter().map(|lane| slice.lane_name(lane)).collect()
        };
        assert_eq!(names(&slice), ["d1", "server", "alice", "harness"]);
        let (to, label) = (NodeId::account(0), String::new());
        let (arrives, epoch, died) = (None, None, None);
        slice.lines[2].what = What::Arrow(Arrow { to, arrives, label, epoch, died });
        assert_eq!(names(&slice), ["alice", "server", "d1", "harness"]);
        assert_eq!(slice.node_name(NodeId::account(0)), "server (alice)");
    }
}
