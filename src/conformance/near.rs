//! The reference device at the end of a line that needs no process: what kill matrices and tests attach.
//!
//! It talks as any other device does, so that what catches it would catch a real one. Not here: its answers
//! (`adapter`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::base::time::Duration;
use crate::conformance::adapter::{Adapter, Nature};
use crate::conformance::attached::{Attached, Clock, greet};
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Line, Link};
use crate::scenario::plan::Plan;
use crate::sim::body::Remote;

/// A line to an adapter in the same process.
#[derive(Debug)]
pub struct Near {
    adapter: Adapter,
    /// What it has said and nobody has heard.
    said: VecDeque<String>,
}

impl Near {
    /// To a device of this kind.
    #[must_use]
    pub const fn new(nature: Nature) -> Self {
        Self { adapter: Adapter::new(nature), said: VecDeque::new() }
    }

    /// A device of this kind in the part of a plan's user.
    ///
    /// # Errors
    /// What is wrong with the link.
    pub fn attach(nature: Nature, plan: &Plan, user: u32) -> Result<Remote, LinkFault> {
        // Every answer is there at once.
        let mut link = Link::new(Box::new(Self::new(nature)), Duration::ZERO);
        greet(&mut link, "near", Clock::Virtual)?;
        let attached = Attached::provision(Arc::new(Mutex::new(link)), plan, user)?;
        Ok(Arc::new(Mutex::new(attached)))
    }
}

impl Line for Near {
    fn send(&mut self, line: &str) -> Result<(), LinkFault> {
        self.said.extend(self.adapter.answer(line.as_bytes()).0);
        Ok(())
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        let line = self.said.pop_front().map(String::into_bytes);
        line.ok_or(LinkFault::Mute { method: String::new(), within })
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}
