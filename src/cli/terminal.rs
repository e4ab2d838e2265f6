//! The person at the terminal as the user of a device: asked for each act, with the time that is left.
//!
//! Not here: when somebody is asked, or what it means that nobody answers (`conformance::user`).

use std::io;

use crate::base::time::Duration;
use crate::cli::output;
use crate::conformance::act::Act;
use crate::conformance::user::{Deed, Done, Hand, What};
use crate::runtime::clock::Stopwatch;
use crate::runtime::lines::{LineError, Lines};

/// Octets of an answer.
const ANSWER_MAX: usize = 1 << 10;
/// How often the time that is left is told.
const STEP: Duration = Duration::from_secs(10);

/// The person who started this program.
#[derive(Debug)]
pub struct Person {
    /// What is typed, from the first question on.
    answers: Option<Lines>,
}

impl Person {
    /// Nobody is asked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { answers: None }
    }
}

impl Hand for Person {
    fn act(&mut self, deed: &Deed, within: Duration) -> Done {
        let Some(words) = words(&deed.what) else { return Done::Cannot };
        let answers =
            self.answers.get_or_insert_with(|| Lines::over(io::stdin(), io::sink(), ANSWER_MAX));
        // What was typed before the question is no answer to it.
        while answers.receive(Duration::ZERO).is_ok() {}
        output::note(&question(deed, &words, within));
        let watch = Stopwatch::start();
        loop {
            let left = within.saturating_sub(watch.elapsed());
            match answers.receive(left.min(STEP)) {
                Ok(_) => return Done::Done,
                Err(LineError::Silent | LineError::Slow(_)) if left <= STEP => return Done::Late,
                Err(LineError::Silent | LineError::Slow(_)) => {
                    let left = within.saturating_sub(watch.elapsed());
                    output::note(&format!("  {} left\n", seconds(left)));
                }
                Err(LineError::Closed | LineError::TooLong | LineError::Unread) => {
                    return Done::Failed("nobody is at the terminal".to_owned());
                }
            }
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_millis().div_ceil(1_000))
}

fn question(deed: &Deed, words: &str, within: Duration) -> String {
    let mut text = String::new();
    if let Some(prompt) = &deed.prompt {
        text.push_str(&format!("request {} of {}:\n", prompt.number, prompt.requester));
        prompt.lines.iter().for_each(|line| text.push_str(&format!("  | {line}\n")));
    }
    text.push_str(&format!("{words} on the device, then Enter: {} left\n", seconds(within)));
    text
}

/// What to do, in words; none for what a person at a terminal does not do.
fn words(what: &What) -> Option<String> {
    Some(match what {
        What::Act(Act::Press { button }) => format!("press {button}"),
        What::Act(Act::Scroll) => "page to the end of what is shown".to_owned(),
        What::Act(Act::Confirm { peer, accept: true }) => {
            format!("accept the new identity of {peer}")
        }
        What::Act(Act::Confirm { peer, accept: false }) => {
            format!("refuse the new identity of {peer}")
        }
        What::Act(Act::Rotate { revoke: false }) => "have a new key pair made".to_owned(),
        What::Act(Act::Rotate { revoke: true }) => {
            "have a new key pair made, without grace for the old one,".to_owned()
        }
        What::Act(Act::Register) => "register".to_owned(),
        What::Act(Act::Wipe) => "do a factory reset".to_owned(),
        What::Act(Act::Generate) => "have keys made".to_owned(),
        // A user who looks for mail does so every second, and nobody wants to be asked that often.
        What::Act(
            Act::Poll | Act::Send { .. } | Act::Request(_) | Act::Approve(_) | Act::Download { .. },
        )
        | What::Power { .. } => return None,
    })
}
