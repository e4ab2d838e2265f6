//! What presses buttons for the harness: a small HTTP server with a finger, or a command.
//!
//! Not here: when something is done (`user`), or people (`cli`).

use std::io;

use crate::base::time::Duration;
use crate::conformance::act::Act;
use crate::conformance::user::{Deed, Done, Hand, What};
use crate::runtime::child::{Ended, run};
use crate::runtime::http::{Client, Response};
use crate::trace::fact::Button;

/// An actuator that is asked by HTTP. Its first endpoints are those of the FIDO conformance tools.
#[derive(Debug)]
pub struct Http(Client);

impl Http {
    /// At `http://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// When it is no such URL, or on another machine unless `remote`.
    pub fn new(base: &str, remote: bool) -> io::Result<Self> {
        Client::new(base, remote).map(Self)
    }
}

/// Where an act is asked for.
fn path(what: &What) -> String {
    match (what.button(), what) {
        (Some(Button::Approve), _) => "/conformance/userpresence".to_owned(),
        (Some(Button::Reject), _) => "/conformance/deny".to_owned(),
        (None, What::Power { .. }) => "/conformance/powercycle".to_owned(),
        (None, What::Act(_)) => format!("/conformance/{}", what.word()),
    }
}

impl Hand for Http {
    fn act(&mut self, deed: &Deed, within: Duration) -> Done {
        let body = serde_json::to_string(deed).unwrap_or_default();
        match self.0.post(&path(&deed.what), &body, within) {
            Ok(response) => meaning(&response),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Done::Late,
            Err(error) => Done::Failed(error.to_string()),
        }
    }
}

/// What an answer of an actuator means.
fn meaning(Response { status, retry_after, text }: &Response) -> Done {
    match status {
        200..300 => Done::Done,
        404 | 405 | 501 => Done::Cannot,
        429 | 503 => Done::Busy(retry_after.map(Duration::from_secs)),
        _ => Done::Failed(format!("the actuator answers {status}: {}", text.trim())),
    }
}

/// A command that is run for each act.
#[derive(Debug)]
pub struct Script(pub String);

/// The exit codes of `sysexits.h` that have a meaning here.
const EX_UNAVAILABLE: i32 = 69;
const EX_TEMPFAIL: i32 = 75;

impl Hand for Script {
    fn act(&mut self, deed: &Deed, within: Duration) -> Done {
        match run(&self.0, &variables(deed), within) {
            Ok(Ended::Exit(0, _)) => Done::Done,
            Ok(Ended::Exit(EX_UNAVAILABLE, _)) => Done::Cannot,
            Ok(Ended::Exit(EX_TEMPFAIL, _)) => Done::Busy(None),
            Ok(Ended::Exit(code, last)) => {
                Done::Failed(format!("`{}` ends with {code}: {last}", self.0))
            }
            Ok(Ended::Signal(signal)) => Done::Failed(format!("`{}`: {signal}", self.0)),
            Ok(Ended::Late) => Done::Late,
            Err(error) => Done::Failed(format!("cannot run `{}`: {error}", self.0)),
        }
    }
}

/// What a command is told.
fn variables(deed: &Deed) -> Vec<(&'static str, String)> {
    let prompt = deed.prompt.as_ref();
    let told = |it: Option<String>| it.unwrap_or_default();
    let (mut peer, mut accept, mut revoke) = (None, None, None);
    if let What::Act(Act::Confirm { peer: of, accept: it }) = &deed.what {
        (peer, accept) = (Some(of.to_string()), Some(it.to_string()));
    }
    if let What::Act(Act::Rotate { revoke: it }) = &deed.what {
        revoke = Some(it.to_string());
    }
    vec![
        ("PEAD_ACT", deed.what.word().to_owned()),
        ("PEAD_BUTTON", told(deed.what.button().map(|it| it.to_string()))),
        ("PEAD_PROMPT", told(prompt.map(|it| it.number.to_string()))),
        ("PEAD_DISPLAY", told(prompt.map(|it| it.lines.join("\n")))),
        ("PEAD_PEER", told(peer)),
        ("PEAD_ACCEPT", told(accept)),
        ("PEAD_REVOKE", told(revoke)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::user::Power;

    fn check(status: u16, expected: &Done) {
        let response = Response { status, retry_after: Some(2), text: "no\n".to_owned() };
        assert_eq!(meaning(&response), *expected, "{status}");
    }

    #[test]
    fn an_answer_means_one_thing() {
        check(200, &Done::Done);
        check(204, &Done::Done);
        check(404, &Done::Cannot);
        check(503, &Done::Busy(Some(Duration::from_secs(2))));
        check(302, &Done::Failed("the actuator answers 302: no".to_owned()));
        check(500, &Done::Failed("the actuator answers 500: no".to_owned()));
    }

    #[test]
    fn each_act_has_its_endpoint() {
        let press = |button| What::Act(Act::Press { button });
        assert_eq!(path(&press(Button::Approve)), "/conformance/userpresence");
        assert_eq!(path(&press(Button::Reject)), "/conformance/deny");
        assert_eq!(path(&What::Power { act: Power::PowerCut }), "/conformance/powercycle");
        assert_eq!(path(&What::Act(Act::Scroll)), "/conformance/scroll");
    }
}
