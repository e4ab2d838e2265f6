//! Commands: a child process whose standard streams carry lines, or one that is only waited for. Whatever they
//! start ends with them.
//!
//! Not here: what the lines say.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child as Process, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::base::lock::lock;
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
    log: Log,
}

/// The last lines of a log.
type Log = Arc<Mutex<VecDeque<String>>>;

/// How a command ended that was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code and this last line of its log.
    Exit(i32, String),
    /// By a signal, as it is called.
    Signal(String),
    /// Not in time: it was ended, with all that it had started.
    Late,
}

/// Runs a command by the shell, with these variables beside its own, and waits for its end.
///
/// # Errors
/// When it cannot be started.
pub fn run(command: &str, variables: &[(&str, String)], within: Duration) -> io::Result<Ended> {
    let mut shell = shell(command);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    shell.envs(variables.iter().map(|(name, value)| (*name, value)));
    let mut process = shell.spawn()?;
    let log = process.stderr.take().map(log_of);
    let watch = Stopwatch::start();
    loop {
        if let Some(status) = process.try_wait()? {
            // Its last words may still be on their way.
            thread::park_timeout(std::time::Duration::from_millis(5));
            let last = log.as_ref().and_then(|log| lines_of(log).pop()).unwrap_or_default();
            let by_signal = || Ended::Signal(status.to_string());
            return Ok(status.code().map_or_else(by_signal, |code| Ended::Exit(code, last)));
        }
        if watch.elapsed() >= within {
            end_group(&mut process);
            return Ok(Ended::Late);
        }
        thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

/// A command of the shell, in a process group of its own.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    shell
}

/// Ends a process with all that it has started.
fn end_group(process: &mut Process) {
    #[cfg(unix)]
    if let Ok(id) = i32::try_from(process.id())
        && let Some(group) = rustix::process::Pid::from_raw(id)
    {
        // It may be gone already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = process.kill();
    let _ = process.wait();
}

impl Child {
    /// Starts a command by the shell, in a process group of its own; lines are of up to so many octets.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &str, line_max: usize) -> io::Result<Self> {
        let mut shell = shell(command);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = shell.spawn()?;
        let missing = || io::Error::other("a stream of the child is missing");
        let output = process.stdout.take().ok_or_else(missing)?;
        let input = process.stdin.take().ok_or_else(missing)?;
        let errors = process.stderr.take().ok_or_else(missing)?;
        let log = log_of(errors);
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
        lines_of(&self.log)
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
        end_group(&mut self.process);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps the last lines of a log, on a thread of its own.
fn log_of(from: impl Read + Send + 'static) -> Log {
    let log = Log::default();
    let kept = Arc::clone(&log);
    thread::spawn(move || keep_log(from, &kept));
    log
}

fn lines_of(log: &Log) -> Vec<String> {
    lock(log).iter().cloned().collect()
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
        let mut log = lock(log);
        if log.len() == LOG_MAX {
            log.pop_front();
        }
        log.push_back(text);
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: &Ended) {
        let ended = run(command, &[("WORD", "seven".to_owned())], Duration::from_millis(500));
        assert_eq!(ended.unwrap(), *expected, "{command}");
    }

    #[test]
    fn a_command_ends_by_itself_or_is_ended() {
        check("test $WORD = seven", &Ended::Exit(0, String::new()));
        check("echo why >&2; exit 75", &Ended::Exit(75, "why".to_owned()));
        check("kill -KILL $$", &Ended::Signal("signal: 9 (SIGKILL)".to_owned()));
        let watch = Stopwatch::start();
        check("sleep 60 & sleep 60", &Ended::Late);
        assert!(watch.elapsed() < Duration::from_secs(30));
    }
}
