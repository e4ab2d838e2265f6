//! The memory that the operating system says a process has taken.
//!
//! Not here: what of it belongs to what; a test counts that (`tests/memory.rs`).

use std::fs;

/// Octets resident at the worst so far, where the system tells (Linux).
#[must_use]
pub fn peak() -> Option<u64> {
    peak_of(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The same of another process.
#[must_use]
pub fn peak_of_process(id: u32) -> Option<u64> {
    peak_of(&fs::read_to_string(format!("/proc/{id}/status")).ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_octets() {
        assert_eq!(peak_of("VmPeak:\t 9 kB\nVmHWM:\t    1234 kB\n"), Some(1_263_616));
        assert_eq!(peak_of("VmHWM: much\n"), None);
        assert_eq!(peak_of(""), None);
    }
}
