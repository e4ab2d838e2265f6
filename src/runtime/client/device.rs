//! A reference device in real time: the machine of [`crate::proto::device`] behind a connection to a server.
//!
//! It connects by itself, again after each loss, and attaches anew then, since tickets are bound to
//! connections. Not here: how many there are, or what their users do.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration as Span;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::base::id::UserId;
use crate::base::rng::Luck;
use crate::base::time::{Duration, Now};
use crate::crypto::suite::Suite;
use crate::proto::config::DeviceConfig;
use crate::proto::device::Device;
use crate::proto::device::durable::DeviceDurable;
use crate::proto::port::{DeviceInput, Output, UserAction};
use crate::runtime::client::channel::{Channel, ChannelError, Endpoint};
use crate::runtime::clock::WorldClock;
use crate::trace::fact::Fact;
use crate::wire::message::Envelope;

/// How long one waits before one dials again: at first, and at most.
const REDIAL: (Span, Span) = (Span::from_millis(50), Span::from_secs(2));
/// How long a server may take to answer a dial, or to take a frame.
const PATIENCE: Span = Span::from_secs(10);
/// Commands, and frames, that are answered with one write at most.
const AT_ONCE: usize = 64;

/// Who a device is.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its settings.
    pub config: Arc<DeviceConfig>,
    /// Its user.
    pub user: UserId,
    /// What it draws from; secret, unless for a test.
    pub luck: Luck,
    /// What it remembers.
    pub durable: DeviceDurable,
    /// How often it was switched on, this time included.
    pub boot: u64,
}

/// What a device is told.
#[derive(Debug)]
pub enum Command {
    /// Something for the machine.
    Input(Box<DeviceInput>),
    /// Its connection is lost, and another one is dialed at once.
    Reconnect,
    /// It is out of reach: its connection is lost, and none is dialed.
    Leave,
    /// It is within reach again.
    Return,
}

impl From<UserAction> for Command {
    fn from(action: UserAction) -> Self {
        Self::Input(Box::new(DeviceInput::User(action)))
    }
}

/// What is heard of a device, in order.
#[derive(Debug)]
pub enum Heard<'e> {
    /// It takes up what its user does; before that it was held up so long by a server that did not read.
    Takes(&'e UserAction, Duration),
    /// The machine states something.
    States(Fact),
    /// It sends a frame.
    Sends(&'e Envelope),
    /// A frame came.
    Receives(&'e Envelope),
    /// A connection has come about: the server answered after so long.
    Connects(Duration),
    /// A connection was lost, for this reason.
    Loses(&'e str),
    /// None came about, for this reason.
    Fails(&'e str),
}

/// A device and its way to the server.
pub struct LiveDevice<S: Suite> {
    device: Device<S>,
    durable: DeviceDurable,
    clock: WorldClock,
    endpoint: Endpoint,
    way: Way,
    /// Frames to be sent.
    outgoing: Vec<Envelope>,
    /// How long the server did not take the last ones.
    held: Duration,
}

/// The way to the server.
enum Way {
    Open(Channel),
    /// It is dialed after this time, and what is under way is not begun anew by whatever else happens.
    Gone(Span, Dialing),
    /// The device is out of reach.
    None,
}

/// A connection that comes about, and after how long, or why it does not.
type Dialed = io::Result<(Channel, Duration)>;
type Dialing = Pin<Box<dyn Future<Output = Dialed> + Send>>;

/// What comes next.
enum Next {
    Command(Option<Command>),
    Frame(Envelope),
    Lost(ChannelError),
    Dialed(Dialed),
    Time,
}

impl<S: Suite> LiveDevice<S> {
    /// A device that is switched off.
    #[must_use]
    pub fn new(owner: Owner, clock: WorldClock, endpoint: Endpoint) -> Self {
        let Owner { config, user, luck, durable, boot } = owner;
        let device = Device::new(config, user, durable.clone(), luck, boot);
        let way = Way::None;
        Self { device, durable, clock, endpoint, way, outgoing: Vec::new(), held: Duration::ZERO }
    }

    /// Switches it on, until nobody commands it any more; returns what it remembers. `hear` hears everything.
    pub async fn run(
        mut self,
        mut commands: UnboundedReceiver<Command>,
        mut hear: impl FnMut(Now, Heard<'_>),
    ) -> DeviceDurable {
        // With a way there, what it says first is not lost.
        let dialed = dial(self.endpoint.clone()).await;
        self.way = self.gone(REDIAL.0);
        let now = self.clock.now();
        match dialed {
            Ok((channel, took)) => {
                self.way = Way::Open(channel);
                hear(now, Heard::Connects(took));
            }
            Err(why) => hear(now, Heard::Fails(&why.to_string())),
        }
        self.device.power_on(self.clock.now(), None);
        loop {
            self.drain(&mut hear);
            self.send(&mut hear).await;
            match self.next(&mut commands).await {
                Next::Command(None) => return self.durable,
                Next::Command(Some(command)) => self.obey(command, &mut hear),
                Next::Frame(envelope) => self.receive(envelope, &mut hear),
                Next::Time => self.device.handle_timeout(self.clock.now()),
                Next::Lost(why) => self.lose(&why.to_string(), &mut hear),
                Next::Dialed(channel) => self.dialed(channel, &mut hear),
            }
            // What has come meanwhile is answered with one write.
            for _ in 0..AT_ONCE {
                let Ok(command) = commands.try_recv() else { break };
                self.drain(&mut hear);
                self.obey(command, &mut hear);
            }
            for _ in 0..AT_ONCE {
                let Way::Open(channel) = &mut self.way else { break };
                let Some(envelope) = channel.ready() else { break };
                self.drain(&mut hear);
                self.receive(envelope, &mut hear);
            }
        }
    }

    fn obey(&mut self, command: Command, hear: &mut impl FnMut(Now, Heard<'_>)) {
        let now = self.clock.now();
        match command {
            Command::Input(input) => {
                if let DeviceInput::User(action) = &*input {
                    hear(now, Heard::Takes(action, self.held));
                }
                self.device.handle_input(now, *input);
            }
            Command::Reconnect => {
                self.lose("the device connects anew", hear);
                if !matches!(self.way, Way::None) {
                    self.way = self.gone(Span::ZERO);
                }
            }
            Command::Leave => {
                self.lose("the device is out of reach", hear);
                self.way = Way::None;
            }
            Command::Return => {
                if matches!(self.way, Way::None) {
                    self.way = self.gone(Span::ZERO);
                }
            }
        }
    }

    fn receive(&mut self, envelope: Envelope, hear: &mut impl FnMut(Now, Heard<'_>)) {
        let now = self.clock.now();
        hear(now, Heard::Receives(&envelope));
        self.device.handle_input(now, DeviceInput::Frame(envelope));
    }

    fn lose(&mut self, why: &str, hear: &mut impl FnMut(Now, Heard<'_>)) {
        if matches!(self.way, Way::Open(_)) {
            hear(self.clock.now(), Heard::Loses(why));
            self.way = self.gone(REDIAL.0);
        }
    }

    /// Does what the device asks for; what it remembers is safe for as long as this is.
    fn drain(&mut self, hear: &mut impl FnMut(Now, Heard<'_>)) {
        while let Some(output) = self.device.poll_output() {
            match output {
                Output::Transmit(_, envelope) => self.outgoing.push(*envelope),
                Output::Persist(token, writes) => {
                    writes.iter().for_each(|write| self.durable.apply(write));
                    let now = self.clock.now();
                    self.device.handle_input(now, DeviceInput::Persisted(token));
                }
                Output::Fact(fact) => hear(self.clock.now(), Heard::States(fact)),
                // No device of ours says these.
                Output::Internal(..) | Output::Garbage(_) => {}
            }
        }
    }

    /// Sends what is to be sent. What has no way is lost, and the device repeats it.
    async fn send(&mut self, hear: &mut impl FnMut(Now, Heard<'_>)) {
        let frames = std::mem::take(&mut self.outgoing);
        self.held = Duration::ZERO;
        if frames.is_empty() {
            return;
        }
        let Way::Open(channel) = &mut self.way else { return };
        let now = self.clock.now();
        frames.iter().for_each(|frame| hear(now, Heard::Sends(frame)));
        let sent = timeout(PATIENCE, channel.send(&frames)).await;
        self.held = self.clock.now().at.since(now.at);
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(why)) => self.lose(&why.to_string(), hear),
            Err(_) => self.lose("the server does not read", hear),
        }
    }

    async fn next(&mut self, commands: &mut UnboundedReceiver<Command>) -> Next {
        let alarm = self.device.poll_timeout().map(|(at, _)| self.clock.moment(at).into());
        let time = async {
            match alarm {
                Some(alarm) => sleep_until(alarm).await,
                None => std::future::pending().await,
            }
        };
        let way = &mut self.way;
        let from_server = async {
            match way {
                Way::Open(channel) => channel.receive().await.map_or_else(Next::Lost, Next::Frame),
                Way::Gone(_, dialing) => Next::Dialed(dialing.await),
                Way::None => std::future::pending().await,
            }
        };
        tokio::select! {
            command = commands.recv() => Next::Command(command),
            next = from_server => next,
            () = time => Next::Time,
        }
    }

    /// A way that is dialed after this time.
    fn gone(&self, wait: Span) -> Way {
        let endpoint = self.endpoint.clone();
        let dialing = async move {
            sleep(wait).await;
            dial(endpoint).await
        };
        Way::Gone(wait, Box::pin(dialing))
    }

    /// A new connection, or none.
    fn dialed(&mut self, dialed: Dialed, hear: &mut impl FnMut(Now, Heard<'_>)) {
        let now = self.clock.now();
        match (dialed, &self.way) {
            (Ok((channel, took)), _) => {
                self.way = Way::Open(channel);
                hear(now, Heard::Connects(took));
                self.device.reconnected(now);
            }
            (Err(why), Way::Gone(wait, _)) => {
                let wait = (*wait * 2).clamp(REDIAL.0, REDIAL.1);
                hear(now, Heard::Fails(&why.to_string()));
                self.way = self.gone(wait);
            }
            (Err(_), Way::Open(_) | Way::None) => {}
        }
    }
}

/// A connection, and how long it took to come about.
async fn dial(endpoint: Endpoint) -> Dialed {
    let start = Instant::now();
    let dialed = timeout(PATIENCE, Channel::dial(&endpoint)).await;
    let channel = dialed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Ok((channel, Duration::from_nanos(took)))
}
