//! Power: how nodes come up with what is durable, go down without it, and are set back to a copy.
//!
//! Not here: what a machine does at its start (`proto`), or when power fails (`agenda`, `barrier`).

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::base::id::{Epoch, NodeId};
use crate::base::rng::{Luck, Purpose};
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
use crate::engine::clock::NodeClock;
use crate::oracle::spec::NameId;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, OwnKey};
use crate::proto::device::keys::Keyring;
use crate::proto::genesis::{Identity, Terms, identity, luck_of, pairs};
use crate::proto::issue::{Issue, Issuer};
use crate::proto::port::Origin;
use crate::proto::server::account::Account;
use crate::proto::server::durable::AccountDurable;
use crate::scenario::plan::{DevicePlan, Plan, Start};
use crate::sim::body::{Body, Happening, Outsider, tell};
use crate::sim::house::Tenant;
use crate::sim::links::Links;
use crate::sim::node::{Node, Stimulus};
use crate::sim::seat::{Given, Make};
use crate::sim::turn::turn;
use crate::sim::world::{Snapshot, World};
use crate::trace::fact::{Fact, StopCause};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;
use crate::wire::message::Ticket;
use crate::wire::record::KeyRecord;

impl<S: Suite> World<S> {
    /// Makes the nodes of the next users, up to this one, with what the plan says they start with, and starts
    /// those that are on.
    pub(super) fn make_nodes(&mut self, end: usize) {
        let plan = Arc::clone(&self.plan);
        let rotated: BTreeMap<u32, u64> = plan.given.rotated.iter().copied().collect();
        let end = end.min(plan.devices.len());
        while self.devices.next_user() < end {
            let place = self.devices.next_user();
            let (user, device) = (u32::try_from(place).unwrap_or(u32::MAX), &plan.devices[place]);
            let epoch = Epoch(rotated.get(&user).copied().unwrap_or(1).max(1));
            let (own, account) = durable::<S>(&plan, &self.issuer, user, epoch);
            let epochs = own.keyring.epochs();
            let clock = NodeClock::ahead_by(plan.ahead);
            self.devices.push(Node::new(own, clock));
            self.accounts.push(Node::new(account, clock));
            self.links.push(Links::default());
            epochs.into_iter().for_each(|epoch| self.entrust(user, epoch));
            self.start_both(user, device.start);
        }
        self.acting = NodeId::HARNESS;
    }

    fn start_both(&mut self, user: u32, start: Start) {
        self.acting = NodeId::account(user);
        self.start_account(user, None);
        let now = self.accounts[user as usize].clock.now(self.now());
        let ticket = if start != Start::Ready {
            None
        } else if self.service.is_some() {
            self.open_session(user)
        } else {
            let account = self.accounts[user as usize].machine.as_mut();
            account.map(|account| account.pre_attach(now, Origin(u64::from(user))))
        };
        let account = &mut self.accounts[user as usize];
        if let Some(machine) = &account.machine {
            account.durable = machine.durable().clone();
        }
        self.acting = NodeId::device(user);
        if start != Start::Off {
            self.start_device(user, ticket, None);
        }
        self.list(NodeId::device(user));
    }

    /// Starts a device that is off, unless the plan has none come up.
    pub(super) fn start_device(
        &mut self,
        user: u32,
        ticket: Option<Ticket>,
        cause: Option<RecordId>,
    ) {
        let plan = &self.plan.devices[user as usize];
        let config = Arc::clone(&self.plan.profiles[plan.profile as usize].config);
        let luck = Luck::new(self.plan.seed, Purpose::Device, u64::from(user));
        let node = &mut self.devices[user as usize];
        if node.machine.is_some() || self.plan.null_devices {
            return;
        }
        node.boot += 1;
        node.machine = Some(match self.outside.get(&user) {
            Some(remote) => {
                let paced = self.pace.is_some();
                Body::Outside(Outsider::new(NodeId::device(user), Arc::clone(remote), paced))
            }
            None => {
                let (name, durable) = (plan.user.clone(), node.durable.clone());
                Body::Inside(Device::new(config, name, durable, luck, node.boot))
            }
        });
        turn::<_, Body<S>>(self, user, Stimulus::Start(ticket), cause, None);
    }

    /// Starts an account that is off, and gives it the mail that has waited.
    pub(super) fn start_account(&mut self, user: u32, cause: Option<RecordId>) {
        let config = self.limited.get(&user).unwrap_or(&self.plan.server);
        let config = Arc::clone(config);
        let luck = Luck::new(self.plan.seed, Purpose::Account, u64::from(user));
        let (name, key) = (self.user(user), Arc::clone(&self.server_key));
        let served = self.service.as_ref().map(|it| it.has(user));
        let node = &mut self.accounts[user as usize];
        if served.unwrap_or_else(|| node.machine.is_some()) {
            return;
        }
        node.boot += 1;
        if served.is_some() {
            let boot = node.boot;
            self.record(NodeId::account(user), Fact::PowerOn { boot }, cause);
            return self.serve_from(user, boot);
        }
        let (durable, boot) = (node.durable.clone(), node.boot);
        node.machine = Some(Account::restore(config, name, key, durable, luck, boot));
        let cause = self.record(NodeId::account(user), Fact::PowerOn { boot }, cause);
        turn::<_, Account<S>>(self, user, Stimulus::Start(None), Some(cause), None);
        self.tell_again(user);
    }

    /// Stops a node, if it is on. What was not durable is lost.
    pub(super) fn stop(&mut self, node: NodeId, why: StopCause, cause: Option<RecordId>) {
        let Some(user) = node.user().map(|user| user as usize) else { return };
        let on = if node.is_device() {
            self.devices[user].machine.is_some()
        } else if let Some(service) = &self.service {
            service.has(u32::try_from(user).unwrap_or(u32::MAX))
        } else {
            self.accounts[user].machine.is_some()
        };
        if !on {
            return;
        }
        self.record(node, Fact::PowerOff { why }, cause);
        if node.is_device() {
            self.devices[user].stop();
            self.happens_outside(u32::try_from(user).unwrap_or(u32::MAX), Happening::Stop);
            self.close_screen(node);
        } else if self.service.is_some() {
            self.serve_no_more(u32::try_from(user).unwrap_or(u32::MAX));
        } else {
            self.secure_mail(u32::try_from(user).unwrap_or(u32::MAX));
            self.accounts[user].stop();
        }
        self.reach_fences(node);
    }

    /// Keeps a copy of a device's durable state.
    pub(super) fn snapshot(&mut self, user: u32, name: NameId) {
        let written = self.plan.spec.names[name.0 as usize].name.clone();
        self.happens_outside(user, Happening::Snapshot(written));
        let node = &self.devices[user as usize];
        let snapshot = Snapshot { durable: node.durable.clone(), boot: node.boot };
        self.snapshots.insert(name, snapshot);
    }

    /// Sets a device back to a copy and starts it.
    pub(super) fn restore(&mut self, user: u32, name: NameId, rng: bool, cause: Option<RecordId>) {
        let written = self.plan.spec.names[name.0 as usize].name.clone();
        let Some(snapshot) = self.snapshots.get(&name).cloned() else {
            let message = format!("there is no snapshot `{written}` to restore");
            return self.find(Severity::Inconclusive, "step", message);
        };
        self.stop(NodeId::device(user), StopCause::Restore, cause);
        self.happens_outside(user, Happening::Restore(written.clone(), rng));
        let node = &mut self.devices[user as usize];
        node.durable = snapshot.durable;
        if rng {
            // The start that follows has the number of that in which the copy was made, and its luck.
            node.boot = snapshot.boot.saturating_sub(1);
        }
        let fact = Fact::Rolledback { snapshot: written };
        let cause = self.record(NodeId::device(user), fact, cause);
        self.start_device(user, None, Some(cause));
    }
}

impl<S: Suite> World<S> {
    /// What happens to a device whose body is outside, and needs no turn: nothing comes of it.
    fn happens_outside(&mut self, user: u32, what: Happening) {
        let Some(remote) = self.outside.get(&user) else { return };
        let now = self.devices[user as usize].clock.now(self.scheduler.now());
        if let Err(broken) = tell(remote, now, None, what) {
            self.limit(Severity::Error, broken.to_string());
        }
    }
}

/// What a user's device and account have at the start of the world.
fn durable<S: Suite>(
    plan: &Plan,
    issuer: &Arc<dyn Issuer>,
    user: u32,
    epoch: Epoch,
) -> (DeviceDurable, AccountDurable) {
    match plan.devices[user as usize].start {
        Start::Ready | Start::Off => {
            let Identity { pairs, records } = identity_of::<S>(plan, user, epoch);
            let record = records.last().expect("a chain has a record");
            let hash = record_hash::<S>(&record.encode());
            if S::IS_CHEAP && epoch == Epoch::FIRST {
                let issue = Issue::of(Arc::clone(issuer), user, hash);
                let own = DeviceDurable::with(Keyring::Issued(issue.clone()));
                return (own, AccountDurable::issued(issue));
            }
            let own = DeviceDurable::registered(pairs.own::<S>(), record, hash);
            (own, AccountDurable::registered::<S>(records))
        }
        Start::Keyed => {
            let key = pairs::<S>(luck_of(plan.seed, user), 1).own::<S>();
            (DeviceDurable::keyed(key), AccountDurable::default())
        }
        Start::Blank => (DeviceDurable::default(), AccountDurable::default()),
    }
}

/// Who has an account at the start of a plan's world, and with which records.
#[must_use]
pub(super) fn tenants_of<S: Suite>(plan: &Plan) -> Vec<Tenant> {
    let epoch_of = |user: u32| {
        let rotated = plan.given.rotated.iter().find(|(rotated, _)| *rotated == user);
        Epoch(rotated.map_or(1, |(_, epoch)| *epoch).max(1))
    };
    let tenant = |(user, device): (u32, &DevicePlan)| {
        let records = match device.start {
            Start::Ready | Start::Off => identity_of::<S>(plan, user, epoch_of(user)).records,
            Start::Keyed | Start::Blank => Vec::new(),
        };
        Tenant { user: device.user.clone(), conn: user, records }
    };
    (0..).zip(&plan.devices).map(tenant).collect()
}

/// What the device of a user is made of when it stands outside of the plan's world.
pub(super) fn made<S: Suite>(plan: &Plan, user: u32) -> Make {
    let device = &plan.devices[user as usize];
    let profile = &plan.profiles[device.profile as usize];
    let rotated = plan.given.rotated.iter().find(|(rotated, _)| *rotated == user);
    let epoch = Epoch(rotated.map_or(1, |(_, epoch)| *epoch).max(1));
    let given = match device.start {
        Start::Ready | Start::Off => {
            let Identity { pairs, mut records } = identity_of::<S>(plan, user, epoch);
            let record = Box::new(records.pop().expect("a chain has a record"));
            Given::Registered(pairs.own::<S>(), record)
        }
        Start::Keyed => Given::Keyed(pairs::<S>(luck_of(plan.seed, user), 1).own::<S>()),
        Start::Blank => Given::Blank,
    };
    Make {
        user: device.user.clone(),
        config: Arc::clone(&profile.config),
        cpu: profile.cpu,
        sync: profile.sync,
        given,
        luck: Luck::new(plan.seed, Purpose::Device, u64::from(user)),
    }
}

fn identity_of<S: Suite>(plan: &Plan, user: u32, epoch: Epoch) -> Identity {
    let device = &plan.devices[user as usize];
    let config = &plan.profiles[device.profile as usize].config;
    let terms = Terms { key_life: config.key_life, grace: config.grace };
    identity::<S>(luck_of(plan.seed, user), &device.user, epoch, terms)
}

/// Makes what users start with, again.
#[derive(Debug)]
struct Issuing<S> {
    plan: Arc<Plan>,
    suite: PhantomData<S>,
}

/// What makes the first identities of a plan's users.
pub(super) fn issuer<S: Suite>(plan: &Arc<Plan>) -> Arc<dyn Issuer> {
    Arc::new(Issuing::<S> { plan: Arc::clone(plan), suite: PhantomData })
}

impl<S: Suite> Issuer for Issuing<S> {
    fn key(&self, user: u32) -> OwnKey {
        pairs::<S>(luck_of(self.plan.seed, user), 1).own::<S>()
    }

    fn record(&self, user: u32) -> KeyRecord {
        let identity = identity_of::<S>(&self.plan, user, Epoch::FIRST);
        identity.records.into_iter().next().expect("a chain has a record")
    }
}
