//! A reference device in real time: the machine of [`crate::proto::device`] behind a connection to a server.
//!
//! It connects by itself, again after each loss, and attaches anew then, since tickets are bound to
//! connections. Not here: how many there are, or what their users do.

use std::sync::Arc;
use std::time::Duration as Span;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use crate::base::id::UserId;
use crate::base::rng::Luck;
use crate::base::time::Now;
use crate::crypto::suite::Suite;
use crate::proto::config::DeviceConfig;
use crate::proto::device::Device;
use crate::proto::device::durable::DeviceDurable;
use crate::proto::port::{DeviceInput, Output, UserAction};
use crate::runtime::client::channel::{Channel, Endpoint};
use crate::runtime::clock::WorldClock;
use crate::trace::fact::Fact;
use crate::wire::message::Envelope;

/// How long one waits before one dials again: at first, and at most.
const REDIAL: (Span, Span) = (Span::from_millis(50), Span::from_secs(2));
/// How long a server may take to answer a dial, or to take a frame.
const PATIENCE: Span = Span::from_secs(10);

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

/// A device and its way to the server.
pub struct LiveDevice<S: Suite> {
    device: Device<S>,
    durable: DeviceDurable,
    clock: WorldClock,
    endpoint: Endpoint,
    way: Way,
    /// Frames to be sent.
    outgoing: Vec<Envelope>,
}

/// The way to the server.
enum Way {
    Open(Channel),
    /// It is tried again then, and if that fails after so long.
    Gone(Instant, Span),
}

/// What comes next.
enum Next {
    Input(Option<DeviceInput>),
    Frame(Envelope),
    Lost,
    Dialed(Option<Channel>),
    Time,
}

impl<S: Suite> LiveDevice<S> {
    /// A device that is switched off.
    #[must_use]
    pub fn new(owner: Owner, clock: WorldClock, endpoint: Endpoint) -> Self {
        let Owner { config, user, luck, durable, boot } = owner;
        let device = Device::new(config, user, durable.clone(), luck, boot);
        let way = Way::Gone(Instant::now(), REDIAL.0);
        Self { device, durable, clock, endpoint, way, outgoing: Vec::new() }
    }

    /// Switches it on, until its inputs end; returns what it remembers. `tell` hears all facts.
    pub async fn run(
        mut self,
        mut inputs: UnboundedReceiver<DeviceInput>,
        mut tell: impl FnMut(Now, Fact),
    ) -> DeviceDurable {
        // With a way there, what it says first is not lost.
        if let Ok(Ok(channel)) = timeout(PATIENCE, Channel::dial(&self.endpoint)).await {
            self.way = Way::Open(channel);
        }
        self.device.power_on(self.clock.now(), None);
        loop {
            self.drain(&mut tell);
            self.send().await;
            match self.next(&mut inputs).await {
                Next::Input(None) => return self.durable,
                Next::Input(Some(input)) => self.device.handle_input(self.clock.now(), input),
                Next::Frame(envelope) => {
                    self.device.handle_input(self.clock.now(), DeviceInput::Frame(envelope));
                }
                Next::Time => self.device.handle_timeout(self.clock.now()),
                Next::Lost => self.way = Way::Gone(Instant::now() + REDIAL.0, REDIAL.0),
                Next::Dialed(channel) => self.dialed(channel),
            }
        }
    }

    /// Does what the device asks for; what it remembers is safe for as long as this is.
    fn drain(&mut self, tell: &mut impl FnMut(Now, Fact)) {
        while let Some(output) = self.device.poll_output() {
            match output {
                Output::Transmit(_, envelope) => self.outgoing.push(*envelope),
                Output::Persist(token, writes) => {
                    writes.iter().for_each(|write| self.durable.apply(write));
                    let now = self.clock.now();
                    self.device.handle_input(now, DeviceInput::Persisted(token));
                }
                Output::Fact(fact) => tell(self.clock.now(), fact),
                // No device of ours says these.
                Output::Internal(..) | Output::Garbage(_) => {}
            }
        }
    }

    /// Sends what is to be sent. What has no way is lost, and the device repeats it.
    async fn send(&mut self) {
        let frames = std::mem::take(&mut self.outgoing);
        let Way::Open(channel) = &mut self.way else { return };
        if frames.is_empty() {
            return;
        }
        match timeout(PATIENCE, channel.send(&frames)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => self.way = Way::Gone(Instant::now() + REDIAL.0, REDIAL.0),
        }
    }

    async fn next(&mut self, inputs: &mut UnboundedReceiver<DeviceInput>) -> Next {
        let alarm = self.device.poll_timeout().map(|(at, _)| self.clock.moment(at).into());
        let time = async {
            match alarm {
                Some(alarm) => sleep_until(alarm).await,
                None => std::future::pending().await,
            }
        };
        let Self { way, endpoint, .. } = self;
        let from_server = async {
            match way {
                Way::Open(channel) => channel.receive().await.map_or(Next::Lost, Next::Frame),
                Way::Gone(at, _) => {
                    sleep_until(*at).await;
                    let dialed = timeout(PATIENCE, Channel::dial(endpoint)).await;
                    Next::Dialed(dialed.ok().and_then(Result::ok))
                }
            }
        };
        tokio::select! {
            input = inputs.recv() => Next::Input(input),
            next = from_server => next,
            () = time => Next::Time,
        }
    }

    /// A new connection: asking for mail shows the device that its ticket is of the old one.
    fn dialed(&mut self, channel: Option<Channel>) {
        match (channel, &self.way) {
            (Some(channel), _) => {
                self.way = Way::Open(channel);
                let poll = DeviceInput::User(UserAction::Poll);
                self.device.handle_input(self.clock.now(), poll);
            }
            (None, Way::Gone(_, wait)) => {
                let wait = (*wait * 2).min(REDIAL.1);
                self.way = Way::Gone(Instant::now() + wait, wait);
            }
            (None, Way::Open(_)) => {}
        }
    }
}
