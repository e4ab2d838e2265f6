//! Devices and accounts in their world: where their nodes are, and what becomes of what they say.
//!
//! Not here: turns (`turn`), or what a frame meets on its way (`path`).

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::proto::port::{Origin, Output, To};
use crate::proto::server::account::Account;
use crate::scenario::plan::Cpu;
use crate::sim::barrier::Side;
use crate::sim::body::Body;
use crate::sim::cpu::Price;
use crate::sim::internal::Mail;
use crate::sim::loan::Loan;
use crate::sim::node::Node;
use crate::sim::outbox::Context;
use crate::sim::turn::{Own, Resident, Stage};
use crate::sim::world::{Event, World};
use crate::trace::fact::Fact;
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;

impl<S: Suite> Stage for World<S> {
    fn now(&self) -> Instant {
        Self::now(self)
    }

    fn schedule_own(&mut self, at: Instant, node: NodeId, own: Own) {
        let event = match own {
            Own::Wake(generation) => Event::Wake(generation),
            Own::Synced(life) => Event::Synced(life),
            Own::Done(life) => Event::Done(life),
        };
        self.schedule(at, node, event);
    }

    fn spend(&mut self, price: Price) {
        self.spent.0 += price.time;
        self.spent.1 = self.spent.1.saturating_add(price.energy);
    }

    fn give_up(&mut self, severity: Severity, what: String) {
        self.limit(severity, what);
    }

    fn is_due(&mut self, node: NodeId, reason: &'static str) -> Option<RecordId> {
        Some(self.record(node, Fact::Timer { reason: reason.into() }, None))
    }

    fn trip(&mut self, node: NodeId) {
        Self::trip(self, node);
    }

    fn rested(&mut self, node: NodeId) {
        self.reach_fences(node);
    }

    fn slowness(&self, node: NodeId) -> Duration {
        Self::slowness(self, node)
    }

    fn is_stalled(&mut self, node: NodeId, life: u32) -> bool {
        Self::is_stalled(self, node, life)
    }

    fn fails(&self, node: NodeId) -> bool {
        Self::fails(self, node)
    }
}

impl<S: Suite> Resident<World<S>> for Body<S> {
    fn id(user: u32) -> NodeId {
        NodeId::device(user)
    }

    fn node(world: &mut World<S>, user: u32) -> &mut Node<Self> {
        &mut world.devices[user as usize]
    }

    fn loan(world: &mut World<S>) -> &mut Loan<Self::Write> {
        &mut world.device_loan
    }

    fn cpu(world: &World<S>, user: u32) -> Cpu {
        world.profile(user).cpu
    }

    fn sync(world: &World<S>, user: u32) -> Duration {
        world.profile(user).sync
    }

    fn carry(world: &mut World<S>, user: u32, output: Output<Self::Write>, context: Context) {
        let Context { cause, label } = context;
        match output {
            Output::Fact(fact) => {
                if let Fact::Provisioned { epoch, .. } = &fact {
                    world.entrust(user, *epoch);
                }
                let sight = world.sight(user, &fact);
                let record = world.record(NodeId::device(user), fact, cause);
                if let Some(sight) = sight {
                    world.see(user, sight, record);
                }
            }
            Output::Transmit(_, envelope) => world.send_up(user, &envelope, label, cause),
            Output::Garbage(octets) => world.send_garbage(user, octets, cause),
            // A device knows no accounts, and writes stay in the outbox.
            Output::Internal(..) | Output::Persist(..) => {}
        }
    }

    fn side(world: &World<S>, user: u32, output: Option<&Output<Self::Write>>) -> Side {
        world.device_side(user, output)
    }
}

impl<S: Suite> Resident<World<S>> for Account<S> {
    fn id(user: u32) -> NodeId {
        NodeId::account(user)
    }

    fn node(world: &mut World<S>, user: u32) -> &mut Node<Self> {
        &mut world.accounts[user as usize]
    }

    fn loan(world: &mut World<S>) -> &mut Loan<Self::Write> {
        &mut world.account_loan
    }

    fn cpu(_: &World<S>, _: u32) -> Cpu {
        Cpu::Free
    }

    fn sync(world: &World<S>, _: u32) -> Duration {
        world.plan.sync
    }

    fn carry(world: &mut World<S>, user: u32, output: Output<Self::Write>, context: Context) {
        let Context { cause, label } = context;
        match output {
            Output::Fact(fact) => {
                world.record(NodeId::account(user), fact, cause);
            }
            Output::Transmit(To::Origin(Origin(origin)), envelope) => {
                world.send_down(user, origin, &envelope, label, cause);
            }
            Output::Internal(to, message) => {
                if let Some(to) = world.index(&to) {
                    let at = world.now() + world.plan.internal;
                    let mail = Box::new(Mail { message, cause });
                    world.schedule(at, NodeId::account(to), Event::Mail(mail));
                }
            }
            // An account sends frames to origins only, and writes stay in the outbox.
            Output::Transmit(To::Server, _) | Output::Garbage(_) | Output::Persist(..) => {}
        }
    }

    fn side(world: &World<S>, user: u32, output: Option<&Output<Self::Write>>) -> Side {
        world.account_side(user, output)
    }
}
