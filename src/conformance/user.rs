//! The user of a device at a real rig: who presses its buttons, if that is not the adapter.
//!
//! An act is done when whoever does it says so; then the device is asked what came of it. Not here: how
//! somebody is told to act (`actuator`), or what acts there are (`act`).

use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::json;
use strum::IntoStaticStr;

use crate::base::id::{TxnId, UserId};
use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::conformance::act::Act;
use crate::conformance::attached::SharedLink;
use crate::conformance::fault::LinkFault;
use crate::conformance::message::{Event, EventLine, Method, UserAct};
use crate::conformance::transcript::{SharedWriter, Way};
use crate::runtime::clock::{Stopwatch, rest};
use crate::trace::fact::{Button, Fact};

/// How long one waits for somebody who is busy and does not say how long, and at the least.
const BUSY: Duration = Duration::from_secs(1);
const BUSY_MIN: Duration = Duration::from_millis(50);

/// What somebody is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// The act, in the words of `user.act`.
    #[serde(flatten)]
    pub what: What,
    /// What the screen shows, if it shows a request.
    pub prompt: Option<Prompt>,
}

/// An act of the user, or of the power supply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum What {
    /// Of the user.
    Act(Act),
    /// Of the power supply.
    Power {
        /// Which way it goes.
        act: Power,
    },
}

/// What a power supply can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Power {
    /// Goes on.
    PowerOn,
    /// Is cut.
    PowerCut,
}

/// A request on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prompt {
    /// Counts those of a test, from 1.
    pub number: u64,
    /// The transaction.
    pub txn: TxnId,
    /// Who asks.
    pub requester: UserId,
    /// The lines.
    pub lines: Vec<String>,
}

impl What {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Act(act) => act.into(),
            Self::Power { act } => act.into(),
        }
    }

    /// Which button, of a press.
    #[must_use]
    pub const fn button(&self) -> Option<Button> {
        match self {
            Self::Act(Act::Press { button }) => Some(*button),
            Self::Act(_) | Self::Power { .. } => None,
        }
    }

    /// Whether it takes no more than a finger: what has texts or keys in it is for the adapter.
    const fn is_handy(&self) -> bool {
        !matches!(
            self,
            Self::Act(Act::Send { .. } | Act::Request(_) | Act::Approve(_) | Act::Download { .. })
        )
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Done,
    /// That cannot be done here: the adapter may be able to.
    Cannot,
    /// Not now, perhaps later; in how long, if that is known.
    Busy(Option<Duration>),
    /// Nobody did it in time.
    Late,
    /// The rig is at fault.
    Failed(String),
}

/// Somebody who acts.
pub trait Hand: std::fmt::Debug + Send {
    /// Does something within that time. It is done when this says so, and not before.
    fn act(&mut self, deed: &Deed, within: Duration) -> Done;
}

/// A user, with what that user sees.
#[derive(Debug)]
pub struct User {
    hand: Box<dyn Hand>,
    within: Duration,
    prompts: u64,
    prompt: Option<Prompt>,
    /// The longest that an act took since the test began.
    longest: Duration,
    transcript: Option<SharedWriter>,
}

/// A user of one test after another.
pub type SharedUser = Arc<Mutex<User>>;

impl User {
    /// Somebody who has that long for each act.
    #[must_use]
    pub fn new(hand: Box<dyn Hand>, within: Duration) -> Self {
        Self { hand, within, prompts: 0, prompt: None, longest: Duration::ZERO, transcript: None }
    }

    /// Another test begins; what is done in it is written down there.
    pub fn begin(&mut self, transcript: Option<SharedWriter>) {
        (self.prompts, self.prompt, self.longest) = (0, None, Duration::ZERO);
        self.transcript = transcript;
    }

    /// The test is over: nothing is written down any more.
    pub fn end(&mut self) {
        self.transcript = None;
    }

    /// The longest that an act took since the test began.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// The device says something that the user may see.
    fn see(&mut self, line: &EventLine) {
        let Event::Fact(fact) = &line.event else { return };
        if let Fact::Prompt(shown) = fact {
            self.prompts += 1;
            self.prompt = Some(Prompt {
                number: self.prompts,
                txn: shown.txn,
                requester: shown.requester.clone(),
                lines: shown.lines.clone(),
            });
        }
        let gone = matches!(fact, Fact::PowerOn { .. } | Fact::Button { taken: true, .. });
        if gone {
            self.prompt = None;
        }
    }

    fn note(&self, line: &serde_json::Value) {
        if let Some(transcript) = &self.transcript {
            let mut writer = lock(transcript);
            writer.said(Way::User, line.to_string().as_bytes());
        }
    }

    /// Has something done. False: the adapter is to do it.
    fn act(&mut self, what: What) -> Result<bool, LinkFault> {
        if !what.is_handy() {
            return Ok(false);
        }
        let deed = Deed { what, prompt: self.prompt.clone() };
        self.note(&json!({"begin": deed}));
        let watch = Stopwatch::start();
        let result = self.insist(&deed, &watch);
        let took = watch.elapsed();
        self.longest = self.longest.max(took);
        let told = match &result {
            Ok(true) => "done".to_owned(),
            Ok(false) => "left to the adapter".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.note(&json!({"end": deed.what.word(), "took_ns": took.as_nanos(), "result": told}));
        result
    }

    /// Asks again while somebody is busy.
    fn insist(&mut self, deed: &Deed, watch: &Stopwatch) -> Result<bool, LinkFault> {
        let act = deed.what.word();
        let unattended = |why: String| LinkFault::Unattended { act, why };
        let late = format!("it is not done within {}", self.within);
        loop {
            let left = self.within.saturating_sub(watch.elapsed());
            match self.hand.act(deed, left) {
                Done::Done => return Ok(true),
                Done::Cannot => return Ok(false),
                Done::Failed(why) => return Err(LinkFault::Actuator { act, why }),
                Done::Late => return Err(unattended(late)),
                Done::Busy(wait) => {
                    let wait = wait.unwrap_or(BUSY).max(BUSY_MIN);
                    if watch.elapsed() + wait >= self.within {
                        return Err(unattended(format!("{late}: whoever does it is busy")));
                    }
                    rest(wait);
                }
            }
        }
    }
}

/// The user sees what a device says.
pub(super) fn see(user: Option<&SharedUser>, line: &EventLine) {
    if let Some(user) = user {
        lock(user).see(line);
    }
}

/// Whether a request is for a user who acts beside the adapter.
pub(super) fn is_for(user: Option<&SharedUser>, method: &Method) -> bool {
    let handy = matches!(method, Method::Act(it) if What::Act(it.act.clone()).is_handy());
    user.is_some() && handy
}

/// Has the user do what a request asks for, if there is one who can. Then `then` is what is left to be asked,
/// and the request itself otherwise; power is told to the adapter in any case.
///
/// # Errors
/// When nobody does it, which says nothing of the device.
pub(super) fn instead(
    user: Option<&SharedUser>,
    link: &SharedLink,
    method: Method,
    then: Method,
) -> Result<Method, LinkFault> {
    let Some(user) = user else { return Ok(method) };
    let what = match &method {
        Method::Act(UserAct { act, .. }) => What::Act(act.clone()),
        Method::PowerOn(_) => What::Power { act: Power::PowerOn },
        Method::PowerCut(_) => What::Power { act: Power::PowerCut },
        Method::Hello(_)
        | Method::Provision(_)
        | Method::Deliver(_)
        | Method::Advance(_)
        | Method::Sync(_)
        | Method::Snapshot(_)
        | Method::Restore(_)
        | Method::Ping {}
        | Method::Shutdown {} => return Ok(method),
    };
    let is_act = matches!(what, What::Act(_));
    let done = lock(user).act(what);
    let done = done.inspect_err(|fault| {
        lock(link).blame(fault.clone());
    })?;
    Ok(if done && is_act { then } else { method })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers by a list.
    #[derive(Debug)]
    struct Script(Vec<Done>);

    impl Hand for Script {
        fn act(&mut self, _: &Deed, _: Duration) -> Done {
            self.0.remove(0)
        }
    }

    fn check(answers: Vec<Done>, act: Act, expected: Result<bool, &str>) {
        let mut user = User::new(Box::new(Script(answers)), Duration::from_millis(500));
        let got = user.act(What::Act(act)).map_err(|it| it.to_string());
        assert_eq!(got.as_ref().map_err(String::as_str), expected.as_ref().map_err(|it| *it));
    }

    #[test]
    fn an_act_is_done_left_or_named() {
        let press = Act::Press { button: Button::Approve };
        check(vec![Done::Done], press.clone(), Ok(true));
        check(vec![Done::Cannot], press.clone(), Ok(false));
        let soon = Done::Busy(Some(Duration::from_millis(1)));
        check(vec![soon.clone(), soon, Done::Done], press.clone(), Ok(true));
        let busy = "nobody did `press`: it is not done within 500ms: whoever does it is busy";
        check(vec![Done::Busy(None)], press.clone(), Err(busy));
        check(
            vec![Done::Late],
            press.clone(),
            Err("nobody did `press`: it is not done within 500ms"),
        );
        let broken = Done::Failed("no finger".to_owned());
        check(vec![broken], press, Err("the rig cannot do `press`: no finger"));
        let text = Act::Send {
            draft: crate::base::id::DraftId(1),
            to: UserId::new("bob").unwrap(),
            text: String::new(),
        };
        check(Vec::new(), text, Ok(false));
    }
}
