//! Sentences of a broken link, one for each mistake in what a device writes.
//!
//! Not here: devices that are processes (`tests/it/cli_conform.rs`).

use std::collections::VecDeque;

use super::*;
use crate::conformance::message::{Moment, Settled};

/// Answers every request with the same lines.
#[derive(Debug)]
struct Script {
    answers: VecDeque<String>,
    asked: bool,
}

impl Line for Script {
    fn send(&mut self, _: &str) -> Result<(), LinkFault> {
        self.asked = true;
        Ok(())
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        let line = if self.asked { self.answers.pop_front() } else { None };
        line.map(String::into_bytes).ok_or(LinkFault::Mute { method: String::new(), within })
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What comes of a `sync` at 5 ns that is answered by these lines.
fn check(lines: &[&str], expected: &str) {
    let answers = lines.iter().map(|it| (*it).to_owned()).collect();
    let script = Script { answers, asked: false };
    let mut link = Link::new(Box::new(script), Duration::from_secs(2));
    let moment = Moment { now_ns: 5, wall_ms: 0 };
    let got = match link.call::<Settled>(&Method::Sync(moment), 5) {
        Ok(called) => match link.fence(called.reply.seq) {
            Ok(()) => format!("{} events", called.events.len()),
            Err(fault) => fault.to_string(),
        },
        Err(fault) => fault.to_string(),
    };
    assert_eq!(got, expected, "{lines:?}", lines = expected);
}

const OK: &str = r#"{"v":1,"re":1,"ok":{"seq":0,"next_ns":null,"pending":false}}"#;

/// Answers each request by the next of its lines.
#[derive(Debug)]
struct InTurn {
    answers: VecDeque<String>,
    said: Option<String>,
}

impl Line for InTurn {
    fn send(&mut self, _: &str) -> Result<(), LinkFault> {
        self.said = self.answers.pop_front();
        Ok(())
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        let line = self.said.take().map(String::into_bytes);
        line.ok_or(LinkFault::Mute { method: String::new(), within })
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What comes of a `sync` to which a device that is busy with these says when it is to be asked again.
fn check_busy(etas: &[Option<u64>], expected: Result<u64, &str>) {
    let busy = |(id, eta): (usize, &Option<u64>)| {
        let eta = eta.map_or_else(String::new, |eta| format!(r#","eta_ms":{eta}"#));
        let text = r#""code":"busy","definite":true,"text":"later""#;
        format!(r#"{{"v":1,"re":{},"err":{{{text}{eta}}}}}"#, id + 1)
    };
    let mut answers: VecDeque<String> = etas.iter().enumerate().map(busy).collect();
    answers.push_back(OK.replace("\"re\":1", &format!("\"re\":{}", etas.len() + 1)));
    let line = InTurn { answers, said: None };
    let mut link = Link::new(Box::new(line), Duration::from_secs(2));
    let got = link.call::<Settled>(&Method::Sync(Moment { now_ns: 5, wall_ms: 0 }), 5);
    let got = got.map(|it| it.id).map_err(|it| it.to_string());
    assert_eq!(got.as_ref().map_err(String::as_str), expected.as_ref().map_err(|it| *it));
}

#[test]
fn a_device_that_is_busy_is_asked_again() {
    check_busy(&[], Ok(1));
    check_busy(&[Some(1), Some(0)], Ok(3));
    let refused = Err("`sync` is refused: later");
    check_busy(&[None], refused);
    check_busy(&[Some(15_001)], refused);
    check_busy(&[Some(1), Some(15_000)], refused);
    check_busy(&[Some(1 << 53)], refused);
}

#[test]
fn what_is_wrong_with_a_link_is_named() {
    let event = |seq: u64, at: u64| {
        format!(r#"{{"v":1,"ev":"net.send","p":{{"octets":"00"}},"seq":{seq},"at_ns":{at}}}"#)
    };
    check(&[OK], "0 events");
    let two = OK.replace("\"seq\":0", "\"seq\":2");
    check(&[&event(1, 3), &event(2, 5), &two], "2 events");
    check(
        &[&event(1, 3), &two],
        "it says that event 2 was its last, but 1 came: an event is lost, or comes late",
    );
    check(&[], "no answer to `sync` within 2s: it hangs, or its output is not flushed");
    check(&[&event(2, 3)], "event 2 follows event 0: numbers count from 1 without gaps");
    check(&[&event(1, 6)], "event 1 says that it happened at 6 ns, which is not within 0 to 5 ns");
    check(
        &["ready."],
        "a line is no message: expected value at line 1 column 1; it begins with `ready.`; does \
         the device log to its standard output? Logs go to standard error",
    );
    check(
        &[&format!("{OK}{OK}")],
        "a line is no message: trailing characters at line 1 column 61; it begins with \
         `{\"v\":1,\"re\":1,\"ok\":{\"seq\":0,\"next_ns\":null,\"pending\":false}}`; two objects on \
         one line: each needs its own",
    );
    check(&[r#"{"v":2,"re":1,"ok":{}}"#], "it speaks version 2, this is version 1");
    check(&[r#"{"v":1,"re":7,"ok":{}}"#], "a reply to request 7, while 1 is open");
    check(&[r#"{"v":1,"re":1}"#], "the reply to `sync` says neither `ok` nor `err`, or both");
    check(
        &[r#"{"v":1,"re":1,"ok":{"seq":0}}"#],
        "the reply to `sync` cannot be read: missing field `pending`",
    );
    check(
        &[r#"{"v":1,"re":1,"err":{"code":"internal","definite":true,"text":"no"}}"#],
        "`sync` is refused: no",
    );
}
