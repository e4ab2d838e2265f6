//! A device at the end of a link that lives in real time, and the pace at which its world goes along.
//!
//! What it says is stamped when it comes; a request waits for its reply and for nothing else. Its frames may
//! come by a connection of its own. Not here: that connection (`native`), or a device whose clock the harness
//! moves (`attached`).

use std::collections::VecDeque;

use crate::base::lock::lock;
use crate::base::time::{Duration, Instant, Now};
use crate::conformance::attached::{Reasons, SharedLink, method, moment, provision};
use crate::conformance::campaign::Real;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Called, Heard as Line};
use crate::conformance::message::{Method, Settled};
use crate::conformance::native::SharedPort;
use crate::conformance::user::{SharedUser, instead, see};
use crate::conformance::world_time::WorldTime;
use crate::proto::port::DeviceInput;
use crate::runtime::clock::Stamp;
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside, Said, Saying};
use crate::sim::pace::{Heard, Pace, Waited};

/// Round trips that are measured before the first case.
const TRIES: usize = 100;
/// How often one looks at a connection beside the line.
const LOOK: Duration = Duration::from_millis(1);
/// How long what was said before a frame may take on the line, of a device that has no fence.
const GRACE: Duration = Duration::from_millis(20);
/// How long, by its own clock, a device without a fence has to be silent before it is taken to be at rest.
const QUIET: Duration = Duration::from_millis(500);

/// One device of one case, with the clock that its world keeps to.
#[derive(Debug)]
pub struct Paced {
    link: SharedLink,
    time: WorldTime,
    number: u32,
    reasons: Reasons,
    /// What has come and not been heard, oldest first.
    said: VecDeque<Said>,
    /// When something came last.
    last: Stamp,
    /// Whether it answers a fence.
    can_sync: bool,
    /// Who acts for the user, if not the adapter.
    user: Option<SharedUser>,
    /// Where it connects by itself, if it does.
    native: Option<SharedPort>,
}

impl Paced {
    /// Makes the device of a plan's user at the end of the link. Its time, and that of its world, begin with
    /// the reply, and the run is given up after twice its budget.
    ///
    /// # Errors
    /// When it cannot become that device.
    pub fn provision(
        link: SharedLink,
        plan: &Plan,
        user: u32,
        real: Real,
        native: Option<SharedPort>,
    ) -> Result<Self, LinkFault> {
        let address = native.as_ref().map(|native| {
            let mut port = lock(native);
            port.power_off();
            port.address()
        });
        provision(&link, plan, user, address)?;
        Ok(Self {
            link,
            time: WorldTime::start(real),
            number: user,
            reasons: Reasons::default(),
            said: VecDeque::new(),
            last: Stamp::now(),
            can_sync: true,
            user: None,
            native,
        })
    }

    /// With somebody who acts for the user, and with a fence or not.
    #[must_use]
    pub fn with_user(self, user: Option<SharedUser>, can_sync: bool) -> Self {
        Self { user, can_sync, ..self }
    }

    fn keep(&mut self, Line { line, came }: Line) {
        see(self.user.as_ref(), &line);
        let at = self.time.at(came);
        self.last = came;
        self.said.push_back(self.reasons.said(line, at));
    }

    fn call(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, LinkFault> {
        self.time.tell(now);
        let what = match self.over_its_own(what) {
            Ok(Some(what)) => what,
            Ok(None) => return Ok(self.at_rest()),
            Err(fault) => return Err(self.blame(fault)),
        };
        let is_over = matches!(what, Happening::Stop);
        // Nobody moves its clock: that time has passed is a question.
        let asks = matches!(what, Happening::Timeout);
        let sync = Method::Sync(moment(now));
        let method = if asks { sync.clone() } else { method(now, what) };
        let method = instead(self.user.as_ref(), &self.link, method, sync)?;
        if matches!(method, Method::Sync(_)) && !self.can_sync {
            return Ok(self.at_rest());
        }
        let pending = self.ask(&method, of)?;
        if is_over && let Some(native) = &self.native {
            lock(native).power_off();
        }
        Ok(Answer { said: Vec::new(), next: None, pending })
    }

    /// Asks, and tells whether it has something to bring to an end.
    fn ask(&mut self, method: &Method, of: Option<u64>) -> Result<bool, LinkFault> {
        let mut link = lock(&self.link);
        let Called { reply, id, events } = link.call::<Settled>(method, u64::MAX)?;
        link.fence(reply.seq)?;
        drop(link);
        self.reasons.note(id, of);
        events.into_iter().for_each(|event| self.keep(event));
        Ok(reply.pending)
    }

    /// What can be said of one that is not asked: it is at rest when it is silent.
    fn at_rest(&self) -> Answer {
        let quiet = self.time.real(QUIET).max(GRACE);
        let pending = Stamp::now().since(self.last) < quiet;
        Answer { said: Vec::new(), next: None, pending }
    }

    /// Lets a frame go over its own connection, which comes and goes with its power; the rest is left.
    fn over_its_own(&mut self, what: Happening) -> Result<Option<Happening>, LinkFault> {
        let Some(native) = &self.native else { return Ok(Some(what)) };
        let octets = match what {
            Happening::Input(DeviceInput::Frame(envelope)) => envelope.encode(),
            Happening::Input(DeviceInput::Garbage(octets)) => octets,
            Happening::Start(_) => {
                lock(native).power_on()?;
                return Ok(Some(what));
            }
            Happening::Input(_)
            | Happening::Timeout
            | Happening::Fence
            | Happening::Stop
            | Happening::Snapshot(_)
            | Happening::Restore(..) => return Ok(Some(what)),
        };
        lock(native).deliver(octets)?;
        Ok(None)
    }

    /// Takes the next frame of its own connection, if there is one.
    fn take_frame(&mut self) -> Result<bool, LinkFault> {
        let Some(native) = &self.native else { return Ok(false) };
        let heard = lock(native).hear().map_err(|fault| self.blame(fault))?;
        let Some((octets, came)) = heard else { return Ok(false) };
        // What it has said before the frame is to be heard before it, and comes another way.
        if self.can_sync {
            self.ask(&Method::Sync(moment(self.time.both_at(came))), None)?;
        } else {
            let watch = Stamp::now();
            loop {
                let left = GRACE.saturating_sub(Stamp::now().since(watch));
                let heard = lock(&self.link).listen(left)?;
                let Some(heard) = heard else { break };
                self.keep(heard);
            }
        }
        self.last = came;
        let at = self.time.at(came);
        self.said.push_back(Said { what: Saying::Frame(octets), at, of: None });
        Ok(true)
    }

    /// Tells the link what was wrong beside it.
    fn blame(&self, fault: LinkFault) -> LinkFault {
        lock(&self.link).blame(fault.clone());
        fault
    }
}

impl Outside for Paced {
    fn happen(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, Broken> {
        self.call(now, of, what).map_err(|fault| Broken(fault.to_string()))
    }
}

impl Pace for Paced {
    fn wait(&mut self, until: Instant) -> Result<Waited, Broken> {
        let broken = |fault: LinkFault| Broken(fault.to_string());
        loop {
            if let Some(over) = self.time.over(until) {
                return Ok(over);
            }
            // It was said before the world goes on, even if that is late for what is due.
            if let Some(said) = self.said.pop_front() {
                return Ok(Waited::Heard(Heard { user: self.number, said }));
            }
            if self.take_frame().map_err(broken)? {
                continue;
            }
            // What came while the world was busy is there even if that time is over.
            let left = self.time.until(until);
            let look = if self.native.is_some() { left.min(LOOK) } else { left };
            let heard = lock(&self.link).listen(look).map_err(broken)?;
            match heard {
                Some(heard) => self.keep(heard),
                None if left == Duration::ZERO => return Ok(Waited::Due),
                None => {}
            }
        }
    }
}

/// How long a request and its reply take: 99 of 100 are as fast as this.
///
/// # Errors
/// What is wrong with the link.
pub fn round_trip(link: &SharedLink) -> Result<Duration, LinkFault> {
    let mut link = lock(link);
    let mut times = Vec::with_capacity(TRIES);
    for _ in 0..TRIES {
        let start = Stamp::now();
        link.call::<serde_json::Value>(&Method::Ping {}, u64::MAX)?;
        times.push(Stamp::now().since(start));
    }
    times.sort_unstable();
    Ok(times[TRIES - 1 - TRIES / 100])
}
