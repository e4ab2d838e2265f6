//! The steps of a generated scenario: mail between hot and cold peers, and what its families do to it.
//!
//! Steps stand at times or after points of messages that nearly always come. Not here: settings of the world.

use crate::base::rng::Draw;
use crate::proto::swarm::{BUTTONS, Family, chance, pick};
use crate::scenario::generate::Frame;
use crate::scenario::leaf::{BARRIERS, BARRIERS_OF_DEVICES};

/// Most messages of a story.
const MESSAGES_MAX: u64 = 10;
/// Points of messages at which other things may happen.
const POINTS: [&str; 6] = ["sent", "encrypted", "submitted", "stored", "accepted", "forwarded"];
/// Kinds of frames of a message that single-frame trouble is about.
const FRAMES: [&str; 5] = ["submit", "submit-ack", "deliver", "deliver-ack", "report"];
/// What is wrong with forged records.
const FORGERIES: [&str; 7] = [
    "unchained", "off-curve", "identity", "other-encoding", "bad-signature", "other-user",
    "other-request",
];
/// What a request shows first. Nobody can show the last two as they are: too many lines, and a character
/// that turns the others around.
const LINES: [&str; 5] = [
    "Pay 1.00 EUR",
    "Pay 1.00 EUR, to the shop",
    "Pay 20.00 EUR",
    "Pay 1.00 EUR, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, z",
    r#""Pay 1.00 EUR \u202E00.0001""#,
];
/// A reply to a user's question about a new identity comes this much later, in milliseconds.
const ANSWER: u64 = 20_000;

/// What is being told.
struct Story<'a> {
    frame: &'a Frame,
    draw: &'a mut Draw,
    steps: Vec<String>,
    messages: Vec<String>,
    rotations: Vec<String>,
}

/// The steps, one line each.
pub(super) fn steps(frame: &Frame, draw: &mut Draw) -> Vec<String> {
    let mut story =
        Story { frame, draw, steps: Vec::new(), messages: Vec::new(), rotations: Vec::new() };
    story.mail();
    story.keys();
    story.approvals();
    story.links();
    story.nodes();
    story.frames();
    story.adversary();
    story.steps
}

impl Story<'_> {
    fn has(&self, family: Family) -> bool {
        self.frame.has(family)
    }

    fn user(&mut self) -> &'static str {
        self.frame.devices.one(self.draw)
    }

    fn pair(&mut self) -> (&'static str, &'static str) {
        let from = self.user();
        (from, self.frame.devices.other(from, self.draw))
    }

    /// One to `most` times.
    fn times(&mut self, most: u64) -> u64 {
        self.draw.between(1, most)
    }

    /// A moment in the first part of the active phase, in milliseconds.
    fn moment(&mut self) -> u64 {
        // Some things happen together: a third of all moments is one of a few.
        let last = self.frame.active * 600;
        if chance(self.draw, 3) {
            pick(self.draw, &[0, 1_000, last / 2])
        } else {
            self.draw.between(0, last)
        }
    }

    /// When something happens: at a time, or soon after a point of a message.
    fn when(&mut self) -> String {
        if self.messages.is_empty() || chance(self.draw, 2) {
            return format!("at: {}ms", self.moment());
        }
        let point = pick(self.draw, &POINTS);
        let message = pick(self.draw, &self.messages);
        let delay = pick(self.draw, &[0, 50, 500, 5_000]);
        format!("after: {message}.{point}, delay: {delay}ms")
    }

    /// How long something lasts.
    fn lasting(&mut self) -> String {
        format!("for: {}ms", self.draw.between(500, self.frame.active * 250))
    }

    fn direction(&mut self) -> &'static str {
        pick(self.draw, &["both", "up", "down"])
    }

    fn add(&mut self, step: String) {
        self.steps.push(step);
    }

    fn mail(&mut self) {
        for n in 1..=self.draw.between(2, MESSAGES_MAX) {
            let (from, to) = self.pair();
            let at = self.moment();
            self.add(format!("send: {{as: m{n}, from: {from}, to: {to}, at: {at}ms}}"));
            self.messages.push(format!("m{n}"));
        }
    }

    fn keys(&mut self) {
        if self.has(Family::Rotation) {
            for n in 1..=self.times(4) {
                let (by, when) = (self.user(), self.when());
                self.add(format!("rotate: {{as: r{n}, by: {by}, {when}}}"));
                self.rotations.push(format!("r{n}"));
            }
        }
        if self.has(Family::Revoke) {
            let (by, when) = (self.user(), self.when());
            self.add(format!("rotate: {{as: v1, by: {by}, revoke: true, {when}}}"));
        }
        if self.has(Family::Identity) {
            let (by, at) = (self.user(), self.moment());
            self.add(format!("wipe: {{by: {by}, at: {at}ms}}"));
            self.add(format!("reset-user: {{of: {by}, at: {}ms}}", at + 1_000));
            self.add(format!("provision: {{by: {by}, keys: generate, at: {}ms}}", at + 2_000));
            let others = self.frame.devices.names.iter().filter(|it| **it != by);
            for other in others.copied().collect::<Vec<_>>() {
                let accept = !chance(self.draw, 4);
                let at = at + ANSWER;
                self.add(format!(
                    "confirm: {{by: {other}, of: {by}, accept: {accept}, at: {at}ms}}"
                ));
            }
        }
    }

    fn approvals(&mut self) {
        if self.has(Family::Approval) {
            let mut before = None;
            for n in 1..=self.times(3) {
                let ((from, to), at) = (self.pair(), self.moment());
                // Half of the requests queue behind the one before.
                let queued = before.filter(|_| chance(self.draw, 2));
                let (from, to, at) = queued.unwrap_or((from, to, at));
                let expires = pick(self.draw, &[10, 60, 120]);
                let lines = pick(self.draw, &LINES);
                self.add(format!(
                    "request: {{as: q{n}, from: {from}, to: {to}, lines: [{lines}, No. {n}], \
                     expires: {expires}s, at: {at}ms}}"
                ));
                if queued.is_none() || chance(self.draw, 2) {
                    self.press(to, at);
                }
                before = Some((from, to, at));
            }
        }
        if self.has(Family::OwnData) {
            let ((from, to), at) = (self.pair(), self.moment());
            self.add(format!(
                "compose: {{as: o1, from: {from}, to: {to}, lines: [Transfer 5.00 EUR], at: {at}ms}}"
            ));
            self.press(from, at);
        }
    }

    /// Presses that may come too early, in time, or too late.
    fn press(&mut self, by: &str, since: u64) {
        for _ in 0..self.times(2) {
            let button = pick(self.draw, &BUTTONS);
            let at = since + pick(self.draw, &[200, 2_000, 12_000, 30_000]);
            self.add(format!("press: {{by: {by}, button: {button}, at: {at}ms}}"));
        }
    }

    fn links(&mut self) {
        if self.has(Family::Clog) {
            let (links, way, when, lasting) =
                (self.user(), self.direction(), self.when(), self.lasting());
            self.add(format!("clog: {{links: {links}, direction: {way}, {when}, {lasting}}}"));
            if chance(self.draw, 3) {
                // Long enough for every link to be clogged before the first is released.
                let (when, last) = (self.when(), self.frame.active * 250);
                let lasting = self.draw.between(10_000, last);
                let all = self.frame.devices.names.join(", ");
                self.add(format!(
                    "swizzle: {{links: [{all}], every: 2s, {when}, for: {lasting}ms}}"
                ));
            }
        }
        if self.has(Family::Partition) {
            for _ in 0..self.times(2) {
                let (who, way, when, lasting) =
                    (self.user(), self.direction(), self.when(), self.lasting());
                self.add(format!(
                    "partition: {{between: [{who}, server], direction: {way}, {when}, {lasting}}}"
                ));
            }
        }
        if self.has(Family::Offline) {
            // From the beginning, as a partition is: the prelude's own `offline` says the same.
            let (who, until) = (self.user(), self.frame.active * 300);
            self.add(format!("partition: {{between: [{who}, server], at: 0s, for: {until}ms}}"));
        }
        if self.has(Family::Loss) && chance(self.draw, 2) {
            let (links, when, lasting) = (self.user(), self.when(), self.lasting());
            self.add(format!("loss: {{links: {links}, rate: 60%, {when}, {lasting}}}"));
        }
    }

    fn nodes(&mut self) {
        if self.has(Family::Crash) {
            for _ in 0..self.times(2) {
                let (who, when, lasting) = (self.user(), self.when(), self.lasting());
                self.add(format!("crash: {{device: {who}, {when}, {lasting}}}"));
            }
        }
        if self.has(Family::Barrier) {
            let barrier = pick(self.draw, &BARRIERS[..BARRIERS_OF_DEVICES]).0;
            let (who, lasting) = (self.user(), self.lasting());
            self.add(format!("crash: {{device: {who}, at: {barrier}, {lasting}}}"));
        }
        if self.has(Family::ServerCrash) {
            let (when, lasting) = (self.when(), self.lasting());
            if chance(self.draw, 2) {
                self.add(format!("server-crash: {{{when}, {lasting}}}"));
            } else {
                let barrier = pick(self.draw, &BARRIERS[BARRIERS_OF_DEVICES..]).0;
                let of = self.user();
                self.add(format!("server-crash: {{of: {of}, at: {barrier}, {lasting}}}"));
            }
        }
        if self.has(Family::Directory) {
            let (when, lasting) = (self.when(), self.lasting());
            self.add(format!("directory-offline: {{{when}, {lasting}}}"));
        }
        if self.has(Family::Mailbox) {
            let (of, most) = (self.user(), self.draw.below(3));
            let (when, lasting) = (self.when(), self.lasting());
            self.add(format!("mailbox-full: {{of: {of}, messages: {most}, {when}, {lasting}}}"));
        }
        if self.has(Family::Restore) {
            let (who, at) = (self.user(), self.moment());
            let back = at + self.draw.between(1_000, self.frame.active * 300);
            self.add(format!("snapshot: {{as: s1, device: {who}, at: {at}ms}}"));
            self.add(format!("restore: {{device: {who}, snapshot: s1, at: {back}ms}}"));
        }
        if self.has(Family::Clock) {
            let (who, when) = (self.user(), self.when());
            let how =
                pick(self.draw, &["step: 5m", "step: -5m", "drift: 500ppm", "drift: -500ppm"]);
            self.add(format!("clock: {{device: {who}, {how}, {when}}}"));
        }
    }

    fn frames(&mut self) {
        if !self.has(Family::Frames) {
            return;
        }
        for _ in 0..self.times(3) {
            let frame = self.address();
            let first = format!("frame: \"{frame}\", at: 0s");
            let lasting = self.lasting();
            let step = match self.draw.below(4) {
                0 => format!("drop: {{{first}}}"),
                1 => format!("duplicate: {{{first}}}"),
                2 => format!("delay: {{{first}, {lasting}}}"),
                _ => format!("hold: {{{first}, {lasting}}}"),
            };
            self.add(step);
        }
    }

    /// The first or second frame of some kind: of a message, of a rotation, or a lookup.
    fn address(&mut self) -> String {
        let copy = self.draw.between(1, 2);
        match self.draw.below(4) {
            0 if !self.rotations.is_empty() => {
                let rotation = pick(self.draw, &self.rotations);
                format!("{rotation}.{}#{copy}", pick(self.draw, &["request", "ack"]))
            }
            1 => {
                let (by, of) = self.pair();
                format!("{by}.{}({of})#{copy}", pick(self.draw, &["lookup", "key-reply"]))
            }
            _ => {
                let message = pick(self.draw, &self.messages);
                format!("{message}.{}#{copy}", pick(self.draw, &FRAMES))
            }
        }
    }

    fn adversary(&mut self) {
        if self.has(Family::Replay) {
            let message = pick(self.draw, &self.messages);
            let delay = pick(self.draw, &[1, 20]);
            let when = format!("after: {message}.forwarded, delay: {delay}s");
            let step = match self.draw.below(3) {
                0 => format!("replay: {{frame: {message}.deliver, {when}}}"),
                1 => format!("reflect: {{message: {message}, {when}}}"),
                _ => {
                    let part = pick(self.draw, &["header", "ciphertext", "tag"]);
                    format!("flip: {{frame: {message}.deliver, part: {part}, {when}}}")
                }
            };
            self.add(step);
        }
        if self.has(Family::Forgery) {
            for _ in 0..self.times(2) {
                let ((to, of), when) = (self.pair(), self.when());
                let step = match self.draw.below(4) {
                    0 | 3 => {
                        let how = pick(self.draw, &FORGERIES);
                        format!("forge-key-reply: {{to: {to}, of: {of}, how: {how}, {when}}}")
                    }
                    1 => {
                        let epoch = self.draw.between(1, 5);
                        format!("forge-notice: {{to: {to}, of: {of}, epoch: {epoch}, {when}}}")
                    }
                    _ => format!("serve-old-record: {{to: {to}, of: {of}, {when}}}"),
                };
                self.add(step);
            }
        }
        if self.has(Family::Flood) {
            let ((to, of), when) = (self.pair(), self.when());
            let step = match self.draw.below(3) {
                0 => format!("spray: {{to: {to}, count: 20, {when}}}"),
                1 => format!("spray: {{to: {to}, count: 5, epochs: true, {when}}}"),
                _ => format!("reregister: {{from: {to}, of: {of}, {when}}}"),
            };
            self.add(step);
        }
    }
}
