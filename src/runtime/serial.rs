//! A serial port: raw octets both ways, one user at a time, given up as soon as nobody wants it.
//!
//! Not here: frames (`conformance::serial`), or which port.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};

/// How long one waits for octets before one looks whether the port is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The name in a folder of links that stays with the port at `path`, if one of them leads there: what is at
/// `/dev/ttyACM0` may be another device once it has been away, `/dev/serial/by-id/..` is always the same.
#[must_use]
pub fn by_id(folder: &Path, path: &Path) -> Option<PathBuf> {
    let port = path.canonicalize().ok()?;
    let links = std::fs::read_dir(folder).ok()?.filter_map(|it| Some(it.ok()?.path()));
    let mut links: Vec<PathBuf> =
        links.filter(|link| link.canonicalize().is_ok_and(|it| it == port)).collect();
    // Of several names the first, whatever order a folder is read in.
    links.sort();
    links.into_iter().next()
}

/// A port in use; it is free again soon after this is dropped.
#[derive(Debug)]
pub struct Port(Arc<AtomicBool>);

/// One direction of a port.
#[derive(Debug)]
pub struct Half {
    file: File,
    over: Arc<AtomicBool>,
}

impl Port {
    /// Opens a port: its owner, what is read from, what is written to.
    ///
    /// # Errors
    /// When it is not there, is no terminal, does not know the speed, or another program uses it.
    pub fn open(path: &Path, baud: u32) -> io::Result<(Self, Half, Half)> {
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            if error == rustix::io::Errno::WOULDBLOCK {
                io::Error::new(io::ErrorKind::ResourceBusy, "another program uses it")
            } else {
                error.into()
            }
        })?;
        let mut settings = tcgetattr(&file)?;
        settings.make_raw();
        settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        settings.control_modes -= ControlModes::HUPCL;
        settings.set_speed(baud)?;
        tcsetattr(&file, OptionalActions::Now, &settings)?;
        let over = Arc::new(AtomicBool::new(false));
        let half = |file| Half { file, over: Arc::clone(&over) };
        let (from, to) = (half(file.try_clone()?), half(file));
        Ok((Self(over), from, to))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Half {
    /// Waits until it is ready; false when nobody wants it any more, or nobody is at the other end.
    fn ready(&self, what: PollFlags) -> io::Result<bool> {
        while !self.over.load(Ordering::Relaxed) {
            let mut fds = [PollFd::new(&self.file, what)];
            match poll(&mut fds, Some(&LOOK)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let found = fds[0].revents();
            if found.contains(what) {
                return Ok(true);
            }
            if found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

impl Read for Half {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        while self.ready(PollFlags::IN)? {
            match self.file.read(octets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
        Ok(0)
    }
}

impl Write for Half {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        while self.ready(PollFlags::OUT)? {
            match self.file.write(octets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
