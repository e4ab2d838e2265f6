//! What people of a plan do with their devices: the requests they write, and how they answer.
//!
//! Not here: when they write (`workload`), or who carries it out.

use crate::base::rng::Luck;
use crate::base::time::{Duration, Millis};
use crate::base::units::Ratio;
use crate::network::latency::Latency;
use crate::proto::port::RequestForm;
use crate::trace::fact::Button;

/// A request form whose times are relative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPlan {
    /// The lines to show.
    pub lines: Vec<String>,
    /// Amount in minor units.
    pub amount: Option<u64>,
    /// Currency code.
    pub currency: Option<String>,
    /// Who is paid.
    pub payee: Option<String>,
    /// How long it may be approved.
    pub expires: Duration,
}

impl RequestPlan {
    /// The form that is handed in at this time by the device's own clock.
    #[must_use]
    pub fn form(&self, wall: Millis) -> RequestForm {
        RequestForm {
            lines: self.lines.clone(),
            amount: self.amount,
            currency: self.currency.clone(),
            payee: self.payee.clone(),
            expires: wall + self.expires,
        }
    }
}

/// A user who answers everything that the screen asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Answering {
    /// How long after the buttons count.
    pub after: Latency,
    /// The share that is approved; the rest is rejected.
    pub approves: Ratio,
}

impl Answering {
    /// How long after the buttons count this user presses one, when the screen asks the `n`-th time.
    #[must_use]
    pub fn delay(&self, mood: Luck, n: u32) -> Duration {
        self.after.sample(&mut mood.at(u64::from(n) * 2))
    }

    /// Which one.
    #[must_use]
    pub fn button(&self, mood: Luck, n: u32) -> Button {
        let luck = mood.at(u64::from(n) * 2 + 1).below(Ratio::ONE.as_ppb());
        if luck < self.approves.as_ppb() { Button::Approve } else { Button::Reject }
    }
}
