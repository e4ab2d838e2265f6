//! What this machine has for a program that opens many connections, where the operating system tells.
//!
//! Not here: what is needed of it.

use std::io;
use std::net::IpAddr;

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Files that a process may have open, once its limit is raised.
    pub files: Option<u64>,
    /// Ports that connections from one address to one server can come from.
    pub ports: Option<u64>,
    /// Octets of memory that are free.
    pub memory: Option<u64>,
}

impl Host {
    /// Looks.
    #[must_use]
    pub fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let ports = read("/proc/sys/net/ipv4/ip_local_port_range");
        let memory = read("/proc/meminfo");
        Self {
            files: files(),
            ports: ports.as_deref().and_then(ports_of),
            memory: memory.as_deref().and_then(available),
        }
    }
}

/// Whether connections can come from this address: it is one of this machine's.
#[must_use]
pub fn has_address(address: IpAddr) -> bool {
    std::net::TcpListener::bind((address, 0)).is_ok()
}

/// Whether a connection failed for want of files on this side.
#[cfg(unix)]
#[must_use]
pub fn is_out_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let limits = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
    limits.contains(&error.raw_os_error())
}

/// There is no such limit here.
#[cfg(not(unix))]
#[must_use]
pub const fn is_out_of_files(_: &io::Error) -> bool {
    false
}

/// The machine in words, for reports: its kind, its system, its processor and how many cores of it there are
/// for this program. Its name is nobody's business.
#[must_use]
pub fn words() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = model(&processor).map(|it| format!(" {it},")).unwrap_or_default();
    let (kind, system) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{kind} {system},{processor} {cores} cores")
}

/// The name of the first processor.
fn model(processors: &str) -> Option<&str> {
    let line = processors.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// Lets this process, and those that it starts, open as many files as they may; each connection is one.
#[cfg(unix)]
pub fn raise_limit_of_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Where the limit stays as it is, connections say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum.or(current), maximum });
}

/// There is no such limit here.
#[cfg(not(unix))]
pub const fn raise_limit_of_files() {}

#[cfg(unix)]
fn files() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    let limits = getrlimit(Resource::Nofile);
    limits.maximum.or(limits.current)
}

#[cfg(not(unix))]
const fn files() -> Option<u64> {
    None
}

/// The first and the last, with a tab between them.
fn ports_of(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (last + 1).checked_sub(first)
}

fn available(memory: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        assert_eq!(ports_of("32768\t60999\n"), Some(28_232));
        assert_eq!(ports_of("9 1"), None);
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2 kB\n"), Some(2_048));
        assert_eq!(available("MemAvailable: much"), None);
        assert_eq!(model("processor\t: 0\nmodel name\t: Some 3000\n"), Some("Some 3000"));
        assert_eq!(model(""), None);
        assert!(Host::look().files.is_none_or(|files| files > 0));
        let addresses = ["127.0.0.1", "192.0.2.1"].map(|it| has_address(it.parse().unwrap()));
        assert_eq!(addresses, [true, false]);
    }
}
