//! A world at the pace of a clock outside: it waits for what is due, and hears what bodies outside say.
//!
//! Without a pace the world's time goes from event to event, and bodies outside are moved along with it. Not
//! here: the clock itself (`runtime`), or how one listens to a body (`conformance`).

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::base::id::NodeId;
use crate::base::lock::lock;
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::sim::body::{Body, Broken, Said};
use crate::sim::node::Stimulus;
use crate::sim::service::Word;
use crate::sim::turn::turn;
use crate::sim::world::{Event, World};
use crate::verdict::finding::Severity;

/// Something that a body outside has said by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whose device it is.
    pub user: u32,
    /// What, and when it came by the time of the world.
    pub said: Said,
}

/// Why a wait is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It is that time.
    Due,
    /// A body outside has said something before.
    Heard(Heard),
    /// The server outside has.
    Spoken(Word),
    /// Nobody waits any longer; this is why.
    Over(String),
}

/// What keeps a world at the pace of a clock outside.
pub trait Pace: fmt::Debug + Send {
    /// Waits until it is that time, or until a body outside has said something before.
    ///
    /// # Errors
    /// When a body can be heard no more.
    fn wait(&mut self, until: Instant) -> Result<Waited, Broken>;
}

/// A pace, shared by the copies of a world: they are no worlds of their own.
pub type Pacer = Arc<Mutex<dyn Pace>>;

impl<S: Suite> World<S> {
    /// Keeps the world to a pace from now on; before the first step.
    pub fn keep_to(&mut self, pace: Pacer) {
        self.pace = Some(pace);
    }

    /// Waits for the next event; what is heard before it comes first.
    pub(super) fn wait(&mut self) {
        let Some(pace) = self.pace.clone() else { return };
        let due = self.scheduler.next_at().unwrap_or(Instant::NEVER);
        // A thread that panicked while it listened ends the run by that.
        let waited = lock(&pace).wait(due);
        match waited {
            Ok(Waited::Due) => {}
            Ok(Waited::Over(why)) => self.limit(Severity::Inconclusive, why),
            Ok(Waited::Heard(Heard { user, said })) => {
                // What came while the world was busy happens now: time does not go back.
                let at = said.at.clamp(self.now(), due);
                self.acting = NodeId::device(user);
                self.schedule(at, NodeId::device(user), Event::Heard(Box::new(said)));
            }
            Ok(Waited::Spoken(word)) => {
                let at = word.at.clamp(self.now(), due);
                self.acting = NodeId::HARNESS;
                self.schedule(at, NodeId::HARNESS, Event::Spoken(Box::new(word)));
            }
            Err(broken) => self.limit(Severity::Error, broken.to_string()),
        }
    }

    /// A device outside has said something; nobody hears one that is off.
    pub(super) fn hear(&mut self, user: u32, said: Said) {
        let Some(Body::Outside(it)) = &mut self.devices[user as usize].machine else { return };
        it.say(said);
        turn::<_, Body<S>>(self, user, Stimulus::Timeout, None, None);
    }

    /// Asks devices and a server outside whether they have something to bring to an end, unless they have said
    /// so already: what keeps its own time comes to rest without a word.
    pub(super) fn ask_around(&mut self) {
        if self.pace.is_none() {
            return;
        }
        self.ask_server();
        for user in self.outside.keys().copied().collect::<Vec<_>>() {
            let node = &mut self.devices[user as usize];
            let at = self.scheduler.now();
            let now: Now = node.clock.now(at);
            let Some(Body::Outside(it)) = &mut node.machine else { continue };
            it.ask(now);
            let broken = it.broken().cloned();
            if let Some(broken) = broken {
                self.limit(Severity::Error, broken.to_string());
            }
            self.list(NodeId::device(user));
        }
    }
}
