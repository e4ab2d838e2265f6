//! A serial line with noise: two pseudo terminals, and between them somebody who damages what passes.
//!
//! Not here: who talks over it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// Frames of the device of which one is damaged, and requests of which one is.
const OF_EVENTS: usize = 41;
const OF_REQUESTS: usize = 53;

/// A line with two ends.
#[derive(Debug)]
pub struct Lab {
    ends: [String; 2],
    /// Kept, so that the line is there before anybody opens it.
    _held: [File; 2],
    damaged: Arc<AtomicUsize>,
    logged: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

/// A pseudo terminal: who copies, the other side's name, and that side held open.
fn terminal() -> (File, String, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let mut settings = tcgetattr(&slave).unwrap();
    settings.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &settings).unwrap();
    (File::from(master), name, slave)
}

impl Lab {
    /// A noisy line.
    pub fn new() -> Self {
        let ((near, near_name, near_held), (far, far_name, far_held)) = (terminal(), terminal());
        let lab = Self {
            ends: [near_name, far_name],
            _held: [near_held, far_held],
            damaged: Arc::default(),
            logged: Arc::default(),
            over: Arc::default(),
        };
        let copy = |from: &File, to: &File, of: usize, talks: bool| {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let (damaged, logged) = (Arc::clone(&lab.damaged), Arc::clone(&lab.logged));
            let over = Arc::clone(&lab.over);
            std::thread::spawn(move || {
                Noise { of, talks, frames: 0, hit: false, damaged, logged, over }.copy(from, to)
            });
        };
        copy(&far, &near, OF_EVENTS, true);
        copy(&near, &far, OF_REQUESTS, false);
        lab
    }

    /// The harness's end.
    pub fn near(&self) -> &str {
        &self.ends[0]
    }

    /// The device's end.
    pub fn far(&self) -> &str {
        &self.ends[1]
    }

    /// How many frames were damaged, and how many lines were logged.
    pub fn made(&self) -> (usize, usize) {
        (self.damaged.load(Ordering::Relaxed), self.logged.load(Ordering::Relaxed))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What happens to one direction.
struct Noise {
    of: usize,
    /// Whether this end prints logs between its frames.
    talks: bool,
    frames: usize,
    /// Whether the present frame is damaged already.
    hit: bool,
    damaged: Arc<AtomicUsize>,
    logged: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Noise {
    fn copy(mut self, mut from: File, mut to: File) {
        let mut octets = [0; 4096];
        while !self.over.load(Ordering::Relaxed) {
            let Ok(count) = from.read(&mut octets) else { return };
            let mut passed = Vec::new();
            for octet in &octets[..count] {
                self.pass(*octet, &mut passed);
            }
            if to.write_all(&passed).is_err() {
                return;
            }
        }
    }

    fn pass(&mut self, octet: u8, passed: &mut Vec<u8>) {
        match octet {
            b'\n' => {
                (self.frames, self.hit) = (self.frames + 1, false);
                passed.push(octet);
                if self.talks && self.frames.is_multiple_of(7) {
                    self.logged.fetch_add(1, Ordering::Relaxed);
                    passed.extend(b"\0\xff[12.5] radio: calibrated\r\n");
                }
            }
            b'{' if self.frames % self.of == self.of / 2 && !self.hit => {
                self.hit = true;
                // In turn the first brace is changed, or lost; noise that belongs nowhere does no harm.
                let worse = (self.frames / self.of).is_multiple_of(2);
                self.damaged.fetch_add(1, Ordering::Relaxed);
                passed.extend(if worse { &b"\0("[..] } else { &b"\xff"[..] });
            }
            b':' if self.frames.is_multiple_of(5) => passed.extend(b":\0\xff"),
            other => passed.push(other),
        }
    }
}
