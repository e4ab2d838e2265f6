//! A child process whose standard streams carry lines; whatever it starts ends with it.
//!
//! Not here: what the lines say.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child as Process, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::base::time::Duration;
use crate::runtime::clock::Stopwatch;
use crate::runtime::lines::Lines;

/// Lines of its log that are kept.
const LOG_MAX: usize = 32;
/// Octets of one of them.
const LOG_LINE_MAX: u64 = 1 << 10;
/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// A child process.
#[derive(Debug)]
pub struct Child {
    process: Process,
    /// None when it is to end.
    lines: Option<Lines>,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Child {
    /// Starts a command by the shell, in a process group of its own; lines are of up to so many octets.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &str, line_max: usize) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut process = shell.spawn()?;
        let missing = || io::Error::other("a stream of the child is missing");
        let output = process.stdout.take().ok_or_else(missing)?;
        let input = process.stdin.take().ok_or_else(missing)?;
        let errors = process.stderr.take().ok_or_else(missing)?;
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&log);
        thread::spawn(move || keep_log(errors, &kept));
        Ok(Self { process, lines: Some(Lines::over(output, input, line_max)), log })
    }

    /// Its standard streams.
    ///
    /// # Panics
    /// Never: they are there until it is dropped.
    #[must_use]
    pub const fn lines(&self) -> &Lines {
        self.lines.as_ref().expect("they are there until it is dropped")
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How it ended, if it does so within this time.
    pub fn ending(&mut self, within: Duration) -> Option<String> {
        let watch = Stopwatch::start();
        loop {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Some(status.to_string());
            }
            if watch.elapsed() >= within {
                return None;
            }
            thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.ending(Duration::ZERO)
    }

    /// Ends its input, waits a while for it to end by itself, and ends it with all that it has started.
    fn end(&mut self) {
        self.lines = None;
        let _ = self.ending(PATIENCE);
        #[cfg(unix)]
        if let Ok(id) = i32::try_from(self.process.id())
            && let Some(group) = rustix::process::Pid::from_raw(id)
        {
            // It may be gone already.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep_log(from: impl Read, log: &Mutex<VecDeque<String>>) {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match (&mut from).take(LOG_LINE_MAX).read_until(b'\n', &mut line) {
            Ok(octets) if octets > 0 => {}
            Ok(_) | Err(_) => return,
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG_MAX {
            log.pop_front();
        }
        log.push_back(text);
    }
}
