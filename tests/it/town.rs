//! A server on loopback sockets and people with reference devices, for the tests of the server.
//!
//! Not here: what they do, or strangers (`stranger`).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration as Span;

use peadsim::base::id::{DraftId, UserId};
use peadsim::base::rng::{Luck, Purpose};
use peadsim::base::time::{Duration, Instant, Now};
use peadsim::crypto::p256::P256;
use peadsim::proto::config::{DeviceConfig, ServerConfig};
use peadsim::proto::device::durable::DeviceDurable;
use peadsim::proto::port::{DeviceInput, Provision, UserAction};
use peadsim::runtime::client::channel::Endpoint;
use peadsim::runtime::client::device::{Command, Heard, LiveDevice, Owner};
use peadsim::runtime::clock::{Timeline, WorldClock};
use peadsim::runtime::server::Server;
use peadsim::runtime::server::config::Config;
use peadsim::trace::fact::{DraftStatus, Fact};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// How long anything may take that will happen; only what will not waits for so long.
pub const PATIENCE: Span = Span::from_secs(60);

/// A name.
pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Settings of a server in these tests: short leases, so that what was offered in vain comes again.
pub fn settings() -> ServerConfig {
    let lease = Duration::from_millis(500);
    ServerConfig { lease, ..ServerConfig::new(user("server")) }
}

/// A server in memory.
pub fn config() -> Config {
    Config { partitions: 2, ..Config::new(settings()) }
}

/// Starts a server.
pub fn start(config: Config) -> Server {
    Server::start::<P256>(config).unwrap()
}

/// Where devices run.
pub fn world() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Somebody with a device.
pub struct Person {
    /// Their name.
    pub name: UserId,
    inputs: UnboundedSender<Command>,
    seen: Arc<Seen>,
    device: JoinHandle<DeviceDurable>,
}

/// What a device has stated so far.
#[derive(Default)]
struct Seen {
    facts: Mutex<Vec<Fact>>,
    /// When, and in which order among all that is stated in this process.
    stamps: Mutex<Vec<(u64, Now)>>,
    more: Condvar,
}

/// The next place in the order of all that is stated in this process.
pub fn stamp() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Settings of devices in these tests: they poll often and repeat soon.
pub fn device() -> DeviceConfig {
    DeviceConfig {
        poll: Some(Duration::from_millis(100)),
        rto: Duration::from_millis(250),
        rto_max: Duration::from_secs(1),
        negative: Duration::from_secs(1),
        lookup_try: Duration::from_millis(500),
        lookups_per_minute: 6_000,
        arm: Duration::from_millis(1),
        ..DeviceConfig::new(user("server"))
    }
}

impl Person {
    /// A new device, switched on and told to make keys.
    pub fn new(
        world: &tokio::runtime::Runtime,
        name: &str,
        endpoint: Endpoint,
        config: DeviceConfig,
    ) -> Self {
        let person = Self::with(world, name, endpoint, config, DeviceDurable::default(), 1);
        person.tell(DeviceInput::Provision(Provision::Generate));
        person
    }

    /// A device that remembers this.
    pub fn with(
        world: &tokio::runtime::Runtime,
        name: &str,
        endpoint: Endpoint,
        config: DeviceConfig,
        durable: DeviceDurable,
        boot: u64,
    ) -> Self {
        let (inputs, receiver) = unbounded_channel();
        let entity = u64::from(name.as_bytes()[0]);
        let luck = Luck::new(7, Purpose::Device, entity);
        let name = user(name);
        let owner = Owner { config: Arc::new(config), user: name.clone(), luck, durable, boot };
        let device = {
            let _guard = world.enter();
            let clock = WorldClock::start(Timeline::System, Instant::START);
            LiveDevice::<P256>::new(owner, clock, endpoint)
        };
        let seen = Arc::new(Seen::default());
        let hear = Arc::clone(&seen);
        let device = world.spawn(device.run(receiver, move |now, heard| {
            let Heard::States(fact) = heard else { return };
            hear.stamps.lock().unwrap().push((stamp(), now));
            hear.facts.lock().unwrap().push(fact);
            hear.more.notify_all();
        }));
        Self { name, inputs, seen, device }
    }

    /// Puts something into the device.
    pub fn tell(&self, input: DeviceInput) {
        self.inputs.send(Command::Input(Box::new(input))).unwrap();
    }

    /// Does something with it.
    pub fn act(&self, action: UserAction) {
        self.tell(DeviceInput::User(action));
    }

    /// Sends a text.
    pub fn say(&self, draft: u64, to: &str, text: &str) {
        let (draft, to, text) = (DraftId(draft), user(to), text.to_owned());
        self.act(UserAction::Send { draft, to, text });
    }

    /// Waits until the facts so far are as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&[Fact]) -> bool) {
        let facts = self.seen.facts.lock().unwrap();
        let missing = |facts: &mut Vec<Fact>| !wanted(facts);
        let (facts, waited) = self.seen.more.wait_timeout_while(facts, PATIENCE, missing).unwrap();
        assert!(!waited.timed_out(), "{} waits for {what}: {facts:#?}", self.name);
    }

    /// Waits until the server has recorded the keys.
    pub fn wait_until_ready(&self) {
        self.wait("a session", |facts| facts.iter().any(|it| matches!(it, Fact::Attached { .. })));
    }

    /// Waits until this text was shown.
    pub fn wait_for(&self, wanted: &str) {
        self.wait(wanted, |facts| shown(facts).contains(&wanted));
    }

    /// Waits until this many drafts are known to be delivered.
    pub fn wait_until_delivered(&self, count: usize) {
        self.wait("reports", |facts| with_status(facts, DraftStatus::Delivered) >= count);
    }

    /// The texts shown so far.
    pub fn shown(&self) -> Vec<String> {
        shown(&self.seen.facts.lock().unwrap()).into_iter().map(str::to_owned).collect()
    }

    /// What the device has stated so far.
    pub fn facts(&self) -> Vec<Fact> {
        self.seen.facts.lock().unwrap().clone()
    }

    /// The same, each with its place and time.
    pub fn stamped(&self) -> Vec<(u64, Now, Fact)> {
        let stamps = self.seen.stamps.lock().unwrap().clone();
        stamps.into_iter().zip(self.facts()).map(|((n, now), fact)| (n, now, fact)).collect()
    }

    /// Switches the device off; what it remembers is left.
    pub fn off(self, world: &tokio::runtime::Runtime) -> DeviceDurable {
        drop(self.inputs);
        world.block_on(self.device).unwrap()
    }
}

/// The texts among these facts.
fn shown(facts: &[Fact]) -> Vec<&str> {
    let texts = facts.iter().filter_map(|fact| match fact {
        Fact::Display { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// How many drafts were told to be in this state.
pub fn with_status(facts: &[Fact], wanted: DraftStatus) -> usize {
    let told = |fact: &&Fact| matches!(fact, Fact::Notice { status, .. } if *status == wanted);
    facts.iter().filter(told).count()
}

/// A server that is reached without TLS.
pub fn plain(address: SocketAddr) -> Endpoint {
    Endpoint::plain(address)
}
