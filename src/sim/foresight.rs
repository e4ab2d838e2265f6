//! Looking ahead: what the next events need is fetched from memory together, where each would wait for it.
//!
//! A fleet is larger than any cache, and its events are at another node each. A processor that reads of many
//! nodes in a row, and does nothing else, waits for all of them at once: by measurement a twelfth of the time.
//! What is read changes nothing. Not here: what happens (`world`).

use std::hint::black_box;

use crate::base::id::FLEET;
use crate::crypto::suite::Suite;
use crate::sim::frame::Frame;
use crate::sim::node::{Machine, Node};
use crate::sim::world::{Event, World};

impl<S: Suite> World<S> {
    /// Reads of everything that the events need that were sorted last, unless that was done.
    pub(super) fn foresee(&mut self) {
        if self.plan.devices.len() < FLEET {
            return;
        }
        let Self { scheduler, devices, accounts, links, plan, .. } = self;
        let Some(coming) = scheduler.coming() else { return };
        let coming = coming.filter_map(|(to, next, event)| {
            let user = to.user()? as usize;
            Some((user, to.is_device(), next, frame_of(event)))
        });
        let mut seen = 0;
        for (user, is_device, next, frame) in coming.clone() {
            seen ^= next ^ frame.map_or(0, |frame| frame.number);
            seen ^= u64::from(plan.devices[user].up);
            seen ^= if is_device {
                let durable = u64::from(devices[user].durable.has_work());
                links[user].glance() ^ durable ^ glance(&devices[user])
            } else {
                let mailbox = accounts[user].durable.mailbox();
                u64::from(mailbox.is_some()) ^ glance(&accounts[user])
            };
        }
        // Behind what was just read.
        for (user, is_device, _, frame) in coming {
            seen ^= u64::from(frame.and_then(|frame| frame.octets.first().copied()).unwrap_or(0));
            seen ^= if is_device { behind(&devices[user]) } else { behind(&accounts[user]) };
        }
        black_box(seen);
    }
}

const fn frame_of(event: &Event) -> Option<&Frame> {
    if let Event::Arrive(frame) | Event::Ingress(frame) | Event::Deliver(frame) = event {
        Some(frame)
    } else {
        None
    }
}

fn glance<M: Machine>(node: &Node<M>) -> u64 {
    let driver = node.records ^ u64::from(node.life) ^ u64::from(node.is_busy());
    driver ^ node.machine.as_ref().map_or(0, Machine::glance)
}

fn behind<M: Machine>(node: &Node<M>) -> u64 {
    node.machine.as_ref().map_or(0, Machine::glance_behind)
}
