//! One part of the accounts: brings frames, news and time to them, and holds what they put out until the store
//! has what they wrote.
//!
//! A turn is one unit: its writes and the news that follow from them become durable together. Not here:
//! sockets (`connection`), the store (`scribe`), or what an account does (`proto`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout_at;

use crate::base::id::UserId;
use crate::base::time::Instant;
use crate::crypto::suite::Suite;
use crate::proto::config::ServerConfig;
use crate::proto::port::{AccountInput, AccountMessage, Origin};
use crate::runtime::server::config::Statement;
use crate::runtime::server::link::{Link, Load};
use crate::runtime::server::seat::{Effect, Held, Request, Seat, Turn, Waiting};
use crate::runtime::server::shared::{Shared, refusal};
use crate::runtime::server::store::{Batch, Kept};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message};

/// What a partition is told.
#[derive(Debug)]
pub enum Told {
    /// A frame for the account of a user.
    Frame {
        /// Whose account.
        user: UserId,
        /// Whether it claims to be of this user on a connection of another.
        is_foreign: bool,
        /// From where.
        link: Arc<Link>,
        /// The frame.
        envelope: Box<Envelope>,
        /// What it takes.
        load: Load,
    },
    /// News from another account, with their number in the store.
    News(Option<u64>, UserId, AccountMessage),
    /// Batches up to this one are durable.
    Durable(u64),
    /// The store fails.
    Failed,
    /// The operator does something at the account of a user.
    Operate(UserId, Operation),
    /// A connection of this user's is over.
    Closed(Origin, UserId),
    /// Nobody will tell it any more: it ends when everything is durable.
    Stop,
}

/// What an operator does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Ends the user's identity.
    Reset,
    /// Lets the mailbox take so many messages; none: as many as all.
    Limit(Option<usize>),
}

/// How far a partition is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Serving,
    /// It ends when everything is durable.
    Ending,
    /// Nothing can be made durable any more.
    Failed,
}

/// One part of the accounts.
pub struct Partition<S: Suite> {
    place: usize,
    shared: Arc<Shared>,
    inbox: UnboundedReceiver<Told>,
    /// None: everything is durable at once.
    scribe: Option<Sender<Batch>>,
    seats: BTreeMap<UserId, Seat<S>>,
    alarms: BTreeSet<(Instant, UserId)>,
    /// Connections whose users attach here.
    links: BTreeMap<Origin, Arc<Link>>,
    held: Held,
    /// Settings of accounts whose mailboxes take another number of messages.
    limited: BTreeMap<UserId, Arc<ServerConfig>>,
    /// The last batch made, and the last that is durable.
    last: u64,
    durable: u64,
    state: State,
    /// What is to be done before anything else is heard.
    jobs: VecDeque<Job>,
}

/// A turn to be made.
struct Job {
    user: UserId,
    input: Option<AccountInput>,
    request: Option<Request>,
    heard: Option<u64>,
}

impl Job {
    const fn of(user: UserId, input: AccountInput) -> Self {
        Self { user, input: Some(input), request: None, heard: None }
    }
}

impl<S: Suite> Partition<S> {
    /// A partition with these accounts.
    #[must_use]
    pub fn new(
        place: usize,
        shared: Arc<Shared>,
        inbox: UnboundedReceiver<Told>,
        scribe: Option<Sender<Batch>>,
        accounts: Vec<(UserId, Kept)>,
    ) -> Self {
        let mut partition = Self {
            place,
            shared,
            inbox,
            scribe,
            seats: BTreeMap::new(),
            alarms: BTreeSet::new(),
            links: BTreeMap::new(),
            held: Held::new(),
            limited: BTreeMap::new(),
            last: 0,
            durable: 0,
            state: State::Serving,
            jobs: VecDeque::new(),
        };
        for (user, kept) in accounts {
            // The connections of an earlier start are over.
            let gone = kept.durable.session().map(|session| session.origin);
            let mut seat = Seat::restore(&partition.shared, &user, kept);
            seat.alarm = seat.account.poll_timeout().map(|(at, _)| at);
            partition.alarms.extend(seat.alarm.map(|at| (at, user.clone())));
            let closed = gone.map(|origin| Job::of(user.clone(), AccountInput::Closed(origin)));
            partition.seats.insert(user, seat);
            partition.jobs.extend(closed);
        }
        partition
    }

    /// Serves until it is told to stop and everything is durable, or the store has failed.
    pub async fn run(mut self) {
        self.work();
        while !self.is_done() {
            let told = match self.alarms.first() {
                Some((at, _)) => {
                    let moment = self.shared.clock.moment(*at).into();
                    timeout_at(moment, self.inbox.recv()).await.ok()
                }
                None => Some(self.inbox.recv().await),
            };
            match told {
                Some(Some(told)) => self.take(told),
                Some(None) => return,
                None => {}
            }
            self.ring();
            self.work();
        }
    }

    fn is_done(&self) -> bool {
        match self.state {
            State::Serving => false,
            State::Ending => self.held.is_empty() && self.durable == self.last,
            State::Failed => self.inbox.is_closed() && self.inbox.is_empty(),
        }
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Frame { user, is_foreign, link, envelope, load } => {
                self.on_frame((user, is_foreign), link, *envelope, load);
            }
            Told::News(heard, user, message) => {
                let input = AccountInput::Internal(message);
                self.jobs.push_back(Job { heard, ..Job::of(user, input) });
            }
            Told::Durable(number) => {
                self.durable = number;
                let later = self.held.split_off(&(number + 1));
                for waiting in std::mem::replace(&mut self.held, later).into_values().flatten() {
                    self.release(waiting);
                }
            }
            Told::Operate(user, operation) => self.operate(user, operation),
            Told::Failed => self.fail(),
            Told::Closed(origin, user) => {
                self.links.remove(&origin);
                if self.seats.contains_key(&user) {
                    self.jobs.push_back(Job::of(user, AccountInput::Closed(origin)));
                }
            }
            Told::Stop if self.state == State::Failed => self.inbox.close(),
            Told::Stop => self.state = State::Ending,
        }
    }

    fn on_frame(
        &mut self,
        (user, is_foreign): (UserId, bool),
        link: Arc<Link>,
        envelope: Envelope,
        load: Load,
    ) {
        self.shared.metrics.frame(envelope.body.kind());
        let registers = matches!(envelope.body, Message::Register(_));
        if registers && !self.seats.contains_key(&user) {
            if is_foreign {
                // Nobody founds an identity for somebody else.
                return self.refuse(&link, &envelope, &load, ErrorCode::BadTicket, 0);
            }
            let users = self.shared.users.load(Ordering::Relaxed);
            if users >= self.shared.limits.users {
                return self.refuse_for_now(&link, &envelope, &load);
            }
        }
        if matches!(envelope.body, Message::Attach { .. }) {
            self.links.insert(link.origin, Arc::clone(&link));
        }
        let submits = matches!(envelope.body, Message::Submit(_)) && self.scribe.is_some();
        if self.state == State::Failed {
            if submits {
                self.refuse_for_now(&link, &envelope, &load);
            }
            return;
        }
        let submit = submits.then(|| Box::new(envelope.clone()));
        let req = envelope.req;
        let input = AccountInput::Frame(link.origin, envelope);
        let request = Some(Request { link, load, req, submit });
        self.jobs.push_back(Job { request, ..Job::of(user, input) });
    }

    fn operate(&mut self, user: UserId, operation: Operation) {
        match operation {
            Operation::Reset => self.jobs.push_back(Job::of(user, AccountInput::Reset)),
            Operation::Limit(messages) => {
                let all = &self.shared.config;
                let limited = messages.map(|messages| Arc::new(all.limited(messages)));
                let config = limited.unwrap_or_else(|| Arc::clone(all));
                if let Some(seat) = self.seats.get_mut(&user) {
                    seat.account.configure(Arc::clone(&config));
                }
                self.limited.insert(user, config);
            }
        }
    }

    /// There is no room for it now.
    fn refuse_for_now(&self, link: &Link, request: &Envelope, load: &Load) {
        let wait = self.shared.config.full_retry.as_millis();
        self.refuse(link, request, load, ErrorCode::QueueFull, wait);
    }

    fn refuse(&self, link: &Link, request: &Envelope, load: &Load, code: ErrorCode, arg: u64) {
        let refusal = refusal::<S>(request, code, arg);
        self.shared.metrics.error(code);
        link.send(&refusal, Some(Arc::clone(&load.permit)), &self.shared.limits);
    }

    /// Accounts whose time has come.
    fn ring(&mut self) {
        let now = self.shared.clock.now().at;
        while self.alarms.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, user)) = self.alarms.pop_first() else { return };
            if let Some(seat) = self.seats.get_mut(&user) {
                seat.alarm = None;
            }
            self.jobs.push_back(Job { user, input: None, request: None, heard: None });
        }
    }

    fn work(&mut self) {
        while let Some(job) = self.jobs.pop_front() {
            if self.state != State::Failed {
                self.turn(job);
            }
        }
    }

    fn turn(&mut self, job: Job) {
        let Job { user, input, request, heard } = job;
        let now = self.shared.clock.now();
        let Self { seats, shared, .. } = self;
        let mut fresh = None;
        let seat = match seats.get_mut(&user) {
            Some(seat) => seat,
            None => fresh.insert(Seat::vacant(shared, &user)),
        };
        let turn = seat.turn(now, input, shared);
        let stated = turn.stated(&user, now, shared);
        let Turn { writes, token, post, effects } = turn;
        let speaks = !writes.is_empty() || !post.is_empty() || stated.is_some();
        let waiting = Waiting { now, user: user.clone(), token, effects, request };
        let Some(scribe) = self.scribe.as_ref().filter(|_| speaks || heard.is_some()) else {
            let (last, durable) = (seat.last, self.durable);
            self.settle(user, fresh);
            return if last > durable { self.hold(last, waiting) } else { self.release(waiting) };
        };
        self.last += 1;
        let (number, at) = (self.last, now.at);
        if speaks {
            seat.last = number;
        }
        let writes = seat.written(&writes, shared);
        let (partition, owner) = (self.place, user.clone());
        let batch = Batch { partition, number, user: owner, writes, post, heard, stated, at };
        // When the scribe has ended it has said why.
        let _ = scribe.send(batch);
        self.settle(user, fresh);
        self.hold(number, waiting);
    }

    /// Keeps a new account, if there is something to keep, and notes when it wants to be called.
    fn settle(&mut self, user: UserId, fresh: Option<Seat<S>>) {
        if let Some(mut seat) = fresh {
            if seat.is_vacant() {
                return;
            }
            if let Some(config) = self.limited.get(&user) {
                seat.account.configure(Arc::clone(config));
            }
            let users = self.shared.users.fetch_add(1, Ordering::Relaxed) + 1;
            self.shared.metrics.users(users);
            self.seats.insert(user.clone(), seat);
        }
        let Some(seat) = self.seats.get_mut(&user) else { return };
        let alarm = seat.account.poll_timeout().map(|(at, _)| at);
        if alarm != seat.alarm {
            let before = std::mem::replace(&mut seat.alarm, alarm);
            before.map(|at| self.alarms.remove(&(at, user.clone())));
            self.alarms.extend(alarm.map(|at| (at, user)));
        }
    }

    fn hold(&mut self, number: u64, waiting: Waiting) {
        self.held.entry(number).or_default().push(waiting);
    }

    /// Everything that it waited for is durable.
    fn release(&mut self, waiting: Waiting) {
        let Waiting { now, user, token, effects, request } = waiting;
        if let Some(token) = token {
            self.jobs.push_back(Job::of(user.clone(), AccountInput::Persisted(token)));
        }
        for effect in effects {
            match effect {
                Effect::Send(origin, envelope) => self.send(origin, &envelope, request.as_ref()),
                Effect::Tell(number, to, message) => {
                    let partition = self.shared.partition(&to);
                    self.shared.tell(partition, Told::News(number, to, message));
                }
                Effect::State(fact) => {
                    self.shared.metrics.fact(&fact);
                    if let Some(facts) = &self.shared.facts {
                        let stamp = self.shared.clock.stamp(now.at);
                        let req = request.as_ref().map(|request| request.req);
                        facts(Statement { now, stamp, user: &user, fact: &fact, req });
                    }
                }
            }
        }
    }

    fn send(&self, origin: Origin, envelope: &Envelope, request: Option<&Request>) {
        if let Message::Error { code, .. } = envelope.body {
            self.shared.metrics.error(code);
        }
        let limits = &self.shared.limits;
        match request.filter(|request| request.link.origin == origin) {
            Some(Request { link, load, .. }) => {
                link.send(envelope, Some(Arc::clone(&load.permit)), limits);
            }
            None => {
                if let Some(link) = self.links.get(&origin) {
                    link.send(envelope, None, limits);
                }
            }
        }
    }

    /// Nothing that waits will be durable: it is dropped, and messages are refused, so that their senders
    /// know that they have to keep them.
    fn fail(&mut self) {
        self.state = State::Failed;
        for waiting in std::mem::take(&mut self.held).into_values().flatten() {
            let Some(Request { link, load, submit: Some(submit), .. }) = waiting.request else {
                continue;
            };
            self.refuse_for_now(&link, &submit, &load);
        }
    }
}
