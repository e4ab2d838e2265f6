//! A device at the end of a link that lives in real time, and the pace at which its world goes along.
//!
//! What it says is stamped when it comes; a request waits for its reply and for nothing else. Not here: a
//! device whose clock the harness moves (`attached`).

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::PoisonError;

use crate::base::time::{Duration, Instant, Now};
use crate::conformance::attached::{Reasons, SharedLink, method, moment, provision};
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Called, Heard as Line};
use crate::conformance::message::{Method, Settled};
use crate::runtime::clock::{Metronome, Stamp};
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside, Said};
use crate::sim::pace::{Heard, Pace, Waited};

/// Round trips that are measured before the first case.
const TRIES: usize = 100;

/// One device of one case, with the clock that its world keeps to.
#[derive(Debug)]
pub struct Paced {
    link: SharedLink,
    clock: Metronome,
    user: u32,
    /// Real time that the run may take, and when, by the world's time, it has taken twice as much.
    budget: Duration,
    end: Instant,
    reasons: Reasons,
    /// What has come and not been heard, oldest first.
    said: VecDeque<Said>,
}

impl Paced {
    /// Makes the device of a plan's user at the end of the link. Its time, and that of its world, begin with
    /// the reply; `budget` is the real time that the run may take, and it is given up after twice that.
    ///
    /// # Errors
    /// When it cannot become that device.
    pub fn provision(
        link: SharedLink,
        plan: &Plan,
        user: u32,
        scale: NonZeroU32,
        budget: Duration,
    ) -> Result<Self, LinkFault> {
        provision(&link, plan, user)?;
        let clock = Metronome::start(scale);
        let end = Instant::START + budget.times(2 * u64::from(scale.get()));
        let (reasons, said) = (Reasons::default(), VecDeque::new());
        Ok(Self { link, clock, user, budget, end, reasons, said })
    }

    fn keep(&mut self, Line { line, came }: Line) {
        let at = self.clock.at(came);
        self.said.push_back(self.reasons.said(line, at));
    }

    fn call(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, LinkFault> {
        // Nobody moves its clock: that time has passed is a question.
        let asks = matches!(what, Happening::Timeout);
        let method = if asks { Method::Sync(moment(now)) } else { method(now, what) };
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let Called { reply, id, events } = link.call::<Settled>(&method, u64::MAX)?;
        link.fence(reply.seq)?;
        drop(link);
        self.reasons.note(id, of);
        events.into_iter().for_each(|event| self.keep(event));
        Ok(Answer { said: Vec::new(), next: None, pending: reply.pending })
    }
}

impl Outside for Paced {
    fn happen(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, Broken> {
        self.call(now, of, what).map_err(|fault| Broken(fault.to_string()))
    }
}

impl Pace for Paced {
    fn wait(&mut self, until: Instant) -> Result<Waited, Broken> {
        loop {
            if until > self.end {
                let budget = self.budget;
                let why = format!("the run takes more than twice the {budget} of real time it has");
                return Ok(Waited::Over(why));
            }
            // It was said before the world goes on, even if that is late for what is due.
            if let Some(said) = self.said.pop_front() {
                return Ok(Waited::Heard(Heard { user: self.user, said }));
            }
            // What came while the world was busy is there even if that time is over.
            let left = self.clock.until(until);
            let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            let heard = link.listen(left).map_err(|fault| Broken(fault.to_string()))?;
            drop(link);
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
    let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
    let mut times = Vec::with_capacity(TRIES);
    for _ in 0..TRIES {
        let start = Stamp::now();
        link.call::<serde_json::Value>(&Method::Ping {}, u64::MAX)?;
        times.push(Stamp::now().since(start));
    }
    times.sort_unstable();
    Ok(times[TRIES - 1 - TRIES / 100])
}
