//! A server by itself, with all its accounts and their driver, on somebody else's clock.
//!
//! It runs turns as accounts of a world do, and carries what they tell each other, so that a server inside and
//! the same server outside do the same at the same time. Not here: one device by itself (`seat`), or how one
//! talks to either from another process (`conformance`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::base::id::{NodeId, UserId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::suite::{Secret, Suite};
use crate::engine::clock::NodeClock;
use crate::proto::config::ServerConfig;
use crate::proto::port::{AccountInput, Origin, Output, To};
use crate::proto::server::account::Account;
use crate::proto::server::durable::{AccountDurable, AccountWrite};
use crate::proto::server::route;
use crate::scenario::plan::{Cpu, Plan, SuiteName};
use crate::sim::body::Broken;
use crate::sim::internal::{Mail, Post};
use crate::sim::keys::server_secret;
use crate::sim::loan::Loan;
use crate::sim::node::{Node, Stimulus};
use crate::sim::outbox::{Context, Item};
use crate::sim::power::tenants_of;
use crate::sim::service::{
    OutsideServer, RemoteServer, ServerAnswer, ServerHappening, Speech, Spot, Word,
};
use crate::sim::turn::{Own, Resident, Stage, done, put_in, synced, turn, wake};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;
use crate::wire::message::{Envelope, Ticket};
use crate::wire::record::KeyRecord;

/// What a server is when it is made.
#[derive(Clone, Debug)]
pub struct ServerMake {
    /// What it is told of itself.
    pub config: Arc<ServerConfig>,
    /// How long accounts take to tell each other something.
    pub internal: Duration,
    /// How long durable writes take.
    pub sync: Duration,
    /// Of all luck, and of the server's own key.
    pub seed: u64,
    /// Who has an account.
    pub users: Vec<Tenant>,
}

/// A user who has an account.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Who.
    pub user: UserId,
    /// The connection of the user's device.
    pub conn: u32,
    /// The chain in the directory, oldest record first; empty: not registered.
    pub records: Vec<KeyRecord>,
}

/// Something that happens in a server by itself.
#[derive(Debug)]
enum Due {
    Own(Own),
    Mail(Box<Mail>),
}

/// A server with its driver.
#[derive(Debug)]
pub struct House<S: Suite> {
    make: ServerMake,
    key: Arc<Secret>,
    by_name: BTreeMap<UserId, u32>,
    by_conn: BTreeMap<u32, u32>,
    nodes: Vec<Node<Account<S>>>,
    limited: BTreeMap<u32, Arc<ServerConfig>>,
    loan: Loan<AccountWrite>,
    on: bool,
    now: Instant,
    /// What is pending, by when, at whose account, from which and in the order of coming: as a world has it.
    due: BTreeMap<(Instant, u32, u32, u64), Due>,
    scheduled: u64,
    post: Post,
    said: Vec<Word>,
    broken: Option<Broken>,
}

/// A server by itself.
#[must_use]
pub fn housed(suite: SuiteName, make: ServerMake) -> RemoteServer {
    match suite {
        SuiteName::Model => Arc::new(Mutex::new(House::<Model>::new(make))),
        SuiteName::P256 => Arc::new(Mutex::new(House::<P256>::new(make))),
    }
}

/// Who has an account at the start of a plan's world, and with which records.
#[must_use]
pub fn tenants(plan: &Plan) -> Vec<Tenant> {
    match plan.suite {
        SuiteName::Model => tenants_of::<Model>(plan),
        SuiteName::P256 => tenants_of::<P256>(plan),
    }
}

/// The server of a plan outside of its world, in this very process.
#[must_use]
pub fn house(plan: &Plan) -> RemoteServer {
    let (config, users) = (Arc::clone(&plan.server), tenants(plan));
    let (internal, sync, seed) = (plan.internal, plan.sync, plan.seed);
    housed(plan.suite, ServerMake { config, internal, sync, seed, users })
}

impl<S: Suite> House<S> {
    /// A server that is off.
    #[must_use]
    pub fn new(make: ServerMake) -> Self {
        let node = |it: &Tenant| {
            let durable = if it.records.is_empty() {
                AccountDurable::default()
            } else {
                AccountDurable::registered::<S>(it.records.clone())
            };
            Node::new(durable, NodeClock::default())
        };
        let numbers = || (0..).zip(&make.users);
        Self {
            key: server_secret(make.seed),
            by_name: numbers().map(|(n, it)| (it.user.clone(), n)).collect(),
            by_conn: numbers().map(|(n, it)| (it.conn, n)).collect(),
            nodes: make.users.iter().map(node).collect(),
            make,
            limited: BTreeMap::new(),
            loan: Loan::default(),
            on: false,
            now: Instant::START,
            due: BTreeMap::new(),
            scheduled: 0,
            post: Post::default(),
            said: Vec::new(),
            broken: None,
        }
    }

    fn users(&self) -> impl Iterator<Item = u32> + use<S> {
        0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    fn later(&mut self, at: Instant, user: u32, from: u32, due: Due) {
        self.scheduled += 1;
        self.due.insert((at, user, from, self.scheduled), due);
    }

    /// Lets everything happen that is due before `now`, in order; if `turn`, at `now` what is due at the first
    /// account that has something, from the first that has led to it.
    fn advance(&mut self, now: Now, turn: bool) {
        let mut whose = None;
        while let Some(entry) = self.due.first_entry() {
            let (at, user, from, _) = *entry.key();
            let spot = (user, from);
            let its_turn = turn && at == now.at && *whose.get_or_insert(spot) == spot;
            if at >= now.at && !its_turn {
                break;
            }
            let due = entry.remove();
            self.now = at;
            match due {
                Due::Own(Own::Wake(generation)) => wake::<_, Account<S>>(self, user, generation),
                Due::Own(Own::Synced(life)) => synced::<_, Account<S>>(self, user, life),
                Due::Own(Own::Done(life)) => done::<_, Account<S>>(self, user, life),
                Due::Mail(mail) => self.mail(user, *mail),
            }
        }
        self.now = now.at;
        for node in &mut self.nodes {
            let ahead = i128::from(now.wall.0) - i128::from(node.clock.wall(now.at).0);
            if ahead != 0 {
                node.clock.step(now.at, i64::try_from(ahead).unwrap_or(i64::MAX));
            }
        }
    }

    fn start(&mut self) {
        if std::mem::replace(&mut self.on, true) {
            return;
        }
        for user in self.users() {
            let config = self.config(user);
            let Tenant { user: name, conn, .. } = self.make.users[user as usize].clone();
            let luck = Luck::new(self.make.seed, Purpose::Account, u64::from(conn));
            let (key, node) = (Arc::clone(&self.key), &mut self.nodes[user as usize]);
            node.boot += 1;
            let (durable, boot) = (node.durable.clone(), node.boot);
            node.machine = Some(Account::restore(config, name, key, durable, luck, boot));
            turn::<_, Account<S>>(self, user, Stimulus::Start(None), None, None);
            for mail in self.post.take(user) {
                self.mail(user, mail);
            }
        }
    }

    fn stop(&mut self) {
        if !std::mem::take(&mut self.on) {
            return;
        }
        for user in self.users() {
            let bound = self.post.secure(user, &self.nodes[user as usize].outbox);
            for Item { output, context } in bound {
                Account::<S>::carry(self, user, output, context);
            }
            self.nodes[user as usize].stop();
        }
    }

    /// A message from another account; what comes to a stopped one waits for its restart.
    fn mail(&mut self, user: u32, mail: Mail) {
        let node = &self.nodes[user as usize];
        if node.machine.is_none() {
            return self.post.keep(user, mail);
        }
        let before = node.outbox.last_token();
        let input = AccountInput::Internal(mail.message.clone());
        put_in::<_, Account<S>>(self, user, input, mail.cause, None);
        let node = &self.nodes[user as usize];
        self.post.heard(user, mail, before, &node.outbox, node.machine.is_some());
    }

    fn config(&self, user: u32) -> Arc<ServerConfig> {
        Arc::clone(self.limited.get(&user).unwrap_or(&self.make.config))
    }

    fn find(&self, user: &UserId) -> Result<u32, Broken> {
        let found = self.by_name.get(user).copied();
        found.ok_or_else(|| Broken(format!("{user} has no account here")))
    }

    /// A frame goes to the account that it is about.
    fn take_in(&mut self, conn: u32, octets: &[u8], cause: Option<RecordId>) {
        let Some(own) = self.by_conn.get(&conn).copied() else { return };
        let Ok(envelope) = Envelope::decode(octets) else { return };
        let name = &self.make.users[own as usize].user;
        let account = self.by_name.get(route(&envelope, name)).copied().unwrap_or(own);
        let input = AccountInput::Frame(Origin(u64::from(conn)), envelope);
        put_in::<_, Account<S>>(self, account, input, cause, None);
    }

    fn limit(&mut self, user: u32, messages: Option<usize>) {
        match messages.map(|messages| self.make.config.limited(messages)) {
            Some(config) => self.limited.insert(user, Arc::new(config)),
            None => self.limited.remove(&user),
        };
        let config = self.config(user);
        if let Some(account) = &mut self.nodes[user as usize].machine {
            account.configure(config);
        }
    }

    /// A session without an exchange, for a device that starts attached.
    fn open(&mut self, user: u32, conn: u32) -> Option<Ticket> {
        let node = &mut self.nodes[user as usize];
        node.durable.directory().generation()?;
        let now = node.clock.now(self.now);
        let account = node.machine.as_mut()?;
        let ticket = account.pre_attach(now, Origin(u64::from(conn)));
        node.durable = account.durable().clone();
        Some(ticket)
    }

    fn answer(&mut self, ticket: Option<Ticket>) -> Result<ServerAnswer, Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let holds = |it: &Node<Account<S>>| {
            let mail = it.durable.mailbox().is_some_and(|mailbox| mailbox.items().next().is_some());
            mail || !it.is_idle()
        };
        let next = self.due.keys().next();
        let name = |user: u32| self.make.users[user as usize].user.clone();
        Ok(ServerAnswer {
            said: std::mem::take(&mut self.said),
            next: next.map(|(at, ..)| *at),
            at: next.map(|(_, user, from, _)| Spot { user: name(*user), from: name(*from) }),
            pending: self.nodes.iter().any(holds),
            ticket,
        })
    }
}

impl<S: Suite> OutsideServer for House<S> {
    fn happen(
        &mut self,
        now: Now,
        of: Option<u64>,
        what: ServerHappening,
    ) -> Result<ServerAnswer, Broken> {
        // What is due now comes in its turn: the world says when that is.
        self.advance(now, matches!(what, ServerHappening::Timeout));
        let cause = of.map(|seq| RecordId { node: NodeId::HARNESS, seq });
        let mut ticket = None;
        match what {
            ServerHappening::Start => self.start(),
            ServerHappening::Stop => self.stop(),
            ServerHappening::Open { conn, user } => ticket = self.open(self.find(&user)?, conn),
            ServerHappening::Frame { conn, octets } => self.take_in(conn, &octets, cause),
            ServerHappening::Reset(user) => {
                let user = self.find(&user)?;
                put_in::<_, Account<S>>(self, user, AccountInput::Reset, cause, None);
            }
            ServerHappening::Limit(user, messages) => self.limit(self.find(&user)?, messages),
            ServerHappening::Timeout => {}
        }
        self.answer(ticket)
    }
}

impl<S: Suite> Stage for House<S> {
    fn now(&self) -> Instant {
        self.now
    }

    fn schedule_own(&mut self, at: Instant, node: NodeId, own: Own) {
        if let Some(user) = node.user() {
            self.later(at, user, user, Due::Own(own));
        }
    }

    fn give_up(&mut self, _: Severity, what: String) {
        self.broken.get_or_insert(Broken(what));
    }
}

impl<S: Suite> Resident<House<S>> for Account<S> {
    fn id(user: u32) -> NodeId {
        NodeId::account(user)
    }

    fn node(house: &mut House<S>, user: u32) -> &mut Node<Self> {
        &mut house.nodes[user as usize]
    }

    fn cpu(_: &House<S>, _: u32) -> Cpu {
        Cpu::Free
    }

    fn sync(house: &House<S>, _: u32) -> Duration {
        house.make.sync
    }

    fn loan(house: &mut House<S>) -> &mut Loan<AccountWrite> {
        &mut house.loan
    }

    fn carry(house: &mut House<S>, user: u32, output: Output<AccountWrite>, context: Context) {
        let cause = context.cause;
        let what = match output {
            Output::Fact(fact) => Speech::Fact(house.make.users[user as usize].user.clone(), fact),
            Output::Transmit(To::Origin(Origin(origin)), envelope) => {
                let Ok(conn) = u32::try_from(origin) else { return };
                Speech::Frame(conn, envelope.encode())
            }
            Output::Internal(to, message) => {
                if let Some(to) = house.by_name.get(&to).copied() {
                    let at = house.now + house.make.internal;
                    house.later(at, to, user, Due::Mail(Box::new(Mail { message, cause })));
                }
                return;
            }
            // An account sends frames to origins only, and writes stay in the outbox.
            Output::Transmit(To::Server, _) | Output::Garbage(_) | Output::Persist(..) => return,
        };
        let of = cause.map(|cause| cause.seq);
        house.said.push(Word { what, at: house.now, of });
    }
}
