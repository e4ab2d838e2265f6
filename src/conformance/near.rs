//! The reference device or server at the end of a line that needs no process: what kill matrices and tests
//! attach.
//!
//! It talks as any other does, so that what catches it would catch a real one. Not here: its answers
//! (`adapter`, `server_adapter`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::base::time::Duration;
use crate::conformance::adapter::Adapter;
use crate::conformance::attached::{Attached, Clock, SharedLink, greet};
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Line, Link};
use crate::conformance::reference::Nature;
use crate::conformance::serve::Serve;
use crate::conformance::server_adapter::ServerAdapter;
use crate::conformance::server_attached::AttachedServer;
use crate::scenario::plan::Plan;
use crate::sim::body::Remote;
use crate::sim::service::RemoteServer;

/// A line to an adapter in the same process.
#[derive(Debug)]
pub struct Near {
    adapter: Box<dyn Serve>,
    /// What it has said and nobody has heard.
    said: VecDeque<String>,
}

impl Near {
    /// To this.
    #[must_use]
    pub const fn new(adapter: Box<dyn Serve>) -> Self {
        Self { adapter, said: VecDeque::new() }
    }

    fn link(adapter: Box<dyn Serve>) -> Result<SharedLink, LinkFault> {
        // Every answer is there at once.
        let mut link = Link::new(Box::new(Self::new(adapter)), Duration::ZERO);
        greet(&mut link, "near", Clock::Virtual)?;
        Ok(Arc::new(Mutex::new(link)))
    }

    /// A device of this kind in the part of a plan's user.
    ///
    /// # Errors
    /// What is wrong with the link.
    pub fn attach(nature: Nature, plan: &Plan, user: u32) -> Result<Remote, LinkFault> {
        let link = Self::link(Box::new(Adapter::new(nature)))?;
        Ok(Arc::new(Mutex::new(Attached::provision(link, plan, user)?)))
    }

    /// A server of this kind in the place of all accounts of a plan.
    ///
    /// # Errors
    /// What is wrong with the link.
    pub fn attach_server(nature: Nature, plan: &Plan) -> Result<RemoteServer, LinkFault> {
        let link = Self::link(Box::new(ServerAdapter::new(nature)))?;
        Ok(Arc::new(Mutex::new(AttachedServer::provision(link, plan)?)))
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
