//! The harness as the server that a device connects to by itself: a port, and the one connection that it takes.
//!
//! The device speaks frames there; all else goes over the line. Not here: the sockets and the frames themselves
//! (`runtime`, `wire`), or what is asked over the line (`paced`).

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::base::time::Duration;
use crate::conformance::fault::LinkFault;
use crate::runtime::clock::{Stamp, Stopwatch};
use crate::runtime::framed::{Cut, Framed};
use crate::runtime::sockets::{Listener, Stream};

/// How long an old connection may take to be seen to end once there is another.
const PARTING: Duration = Duration::from_millis(100);
/// Frames that wait for a device to connect.
const WAITING_MAX: usize = 1_024;

/// A port for a device.
#[derive(Debug)]
pub struct Port {
    listener: Listener,
    connection: Option<(Framed, Option<IpAddr>)>,
    /// Since when the device has power without a connection; none: it has no power, or is connected.
    alone: Option<Stopwatch>,
    powered: bool,
    /// What is for a device that has not connected yet.
    waiting: VecDeque<Vec<u8>>,
    /// What has come and was not asked for yet.
    heard: VecDeque<(Vec<u8>, Stamp)>,
    /// How long it may take to connect.
    within: Duration,
    strangers: u64,
}

/// A port that tests use one after another.
pub type SharedPort = Arc<Mutex<Port>>;

impl Port {
    /// Listens at `HOST:PORT` for a device that connects within that time once it has power.
    ///
    /// # Errors
    /// When that is not possible, or not on the loopback interface unless `remote`.
    pub fn open(address: &str, remote: bool, within: Duration) -> io::Result<Self> {
        let listener = Listener::bind_tcp(address, remote)?;
        Ok(Self {
            listener,
            connection: None,
            alone: None,
            powered: false,
            waiting: VecDeque::new(),
            heard: VecDeque::new(),
            within,
            strangers: 0,
        })
    }

    /// Where it is, as a device is told.
    #[must_use]
    pub fn address(&self) -> String {
        self.listener.to_string()
    }

    /// The device is about to get power: whoever has dialed before is somebody else.
    ///
    /// # Errors
    /// When the operating system does not let one look.
    pub fn power_on(&mut self) -> Result<(), LinkFault> {
        self.power_off();
        while let Some(stream) = self.dialed()? {
            self.turn_away(&stream, "the device had no power");
        }
        self.powered = true;
        self.alone = Some(Stopwatch::start());
        Ok(())
    }

    /// The device has no power any more: its connection is gone, with all that was on its way.
    pub fn power_off(&mut self) {
        (self.powered, self.alone, self.connection) = (false, None, None);
        self.waiting.clear();
        self.heard.clear();
    }

    /// A frame for the device. One that is not connected gets it when it is.
    ///
    /// # Errors
    /// When it does not read.
    pub fn deliver(&mut self, octets: Vec<u8>) -> Result<(), LinkFault> {
        self.look()?;
        match &self.connection {
            // One that has just closed it connects again, or is told to be gone.
            Some((framed, _)) => match framed.send(&octets) {
                Ok(()) | Err(Cut::Closed) => Ok(()),
                Err(cut) => Err(fault(cut)),
            },
            None if self.waiting.len() == WAITING_MAX => Err(fault(Cut::Unread)),
            None => {
                self.waiting.push_back(octets);
                Ok(())
            }
        }
    }

    /// The next frame of the device, if there is one.
    ///
    /// # Errors
    /// What is wrong with the connection, or that there is none.
    pub fn hear(&mut self) -> Result<Option<(Vec<u8>, Stamp)>, LinkFault> {
        self.look()?;
        if let Some(heard) = self.heard.pop_front() {
            return Ok(Some(heard));
        }
        let Some((framed, _)) = &self.connection else { return Ok(None) };
        match framed.receive(Duration::ZERO) {
            Ok(heard) => Ok(heard),
            Err(Cut::Closed) => {
                self.lose();
                Ok(None)
            }
            Err(cut) => {
                self.lose();
                Err(fault(cut))
            }
        }
    }

    /// The connection is gone; the device may come back.
    fn lose(&mut self) {
        self.connection = None;
        self.alone = Some(Stopwatch::start());
    }

    fn dialed(&self) -> Result<Option<Stream>, LinkFault> {
        let failed = |error: io::Error| LinkFault::Port(error.to_string());
        self.listener.accept().map_err(failed)
    }

    fn turn_away(&mut self, stream: &Stream, why: &str) {
        tracing::warn!("somebody who connected to the native port is turned away: {why}");
        self.strangers += 1;
        stream.close();
    }

    /// Lets in who has dialed, and looks whether the device stays away.
    fn look(&mut self) -> Result<(), LinkFault> {
        if !self.powered {
            return Ok(());
        }
        if let Some(stream) = self.dialed()? {
            self.admit(stream)?;
        }
        match &self.alone {
            Some(alone) if alone.elapsed() >= self.within => {
                self.alone = None;
                Err(LinkFault::Away { address: self.address(), within: self.within })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits a while for the end of the connection; what comes before it counts.
    fn parting(&mut self) -> Result<(), Cut> {
        while let Some((framed, _)) = &self.connection
            && self.heard.len() < WAITING_MAX
            && let Some(heard) = framed.receive(PARTING)?
        {
            self.heard.push_back(heard);
        }
        Ok(())
    }

    fn admit(&mut self, stream: Stream) -> Result<(), LinkFault> {
        let from = stream.peer();
        if let Some(before) = self.connection.as_ref().map(|it| it.1) {
            match self.parting() {
                // It has come back.
                Err(Cut::Closed) => self.lose(),
                Err(cut) => {
                    self.lose();
                    return Err(fault(cut));
                }
                Ok(()) if before != from => {
                    self.turn_away(&stream, "the device is connected, from another address");
                    return Ok(());
                }
                Ok(()) => {
                    stream.close();
                    return Err(LinkFault::Twice);
                }
            }
        }
        let framed = Framed::over(stream).map_err(|error| LinkFault::Port(error.to_string()))?;
        for octets in std::mem::take(&mut self.waiting) {
            framed.send(&octets).map_err(fault)?;
        }
        (self.connection, self.alone) = (Some((framed, from)), None);
        Ok(())
    }
}

fn fault(cut: Cut) -> LinkFault {
    LinkFault::Frames(cut.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;
    use crate::runtime::clock::rest;

    const SOON: Duration = Duration::from_millis(50);

    fn port() -> Port {
        Port::open("127.0.0.1:0", false, Duration::from_secs(5)).unwrap()
    }

    fn dial(port: &Port, octets: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(port.address()).unwrap();
        stream.write_all(octets).unwrap();
        stream
    }

    /// What is heard within a while.
    fn hear(port: &mut Port) -> Result<Option<Vec<u8>>, String> {
        let watch = Stopwatch::start();
        while watch.elapsed() < Duration::from_secs(5) {
            match port.hear() {
                Ok(Some((octets, _))) => return Ok(Some(octets)),
                Ok(None) if watch.elapsed() > SOON.times(4) => return Ok(None),
                Ok(None) => rest(Duration::from_millis(1)),
                Err(fault) => return Err(fault.to_string()),
            }
        }
        Ok(None)
    }

    #[test]
    fn frames_come_whole_over_one_connection_after_another() {
        let mut port = port();
        port.power_on().unwrap();
        port.deliver(vec![7, 8]).unwrap();
        let mut first = dial(&port, &[0, 0, 0, 1, 9, 0, 0, 0]);
        assert_eq!(hear(&mut port), Ok(Some(vec![9])));
        let mut frame = [0; 6];
        first.read_exact(&mut frame).unwrap();
        assert_eq!(frame, [0, 0, 0, 2, 7, 8]);
        first.write_all(&[1, 5]).unwrap();
        assert_eq!(hear(&mut port), Ok(Some(vec![5])));
        first.write_all(&[0, 0, 0, 1, 4]).unwrap();
        drop(first);
        let _second = dial(&port, &[0, 0, 0, 1, 6]);
        assert_eq!(hear(&mut port), Ok(Some(vec![4])));
        assert_eq!(hear(&mut port), Ok(Some(vec![6])));
    }

    /// What is wrong with a device that writes this and ends.
    fn check(octets: &[u8], part: &str) {
        let mut port = port();
        port.power_on().unwrap();
        drop(dial(&port, octets));
        let got = hear(&mut port).unwrap_err();
        assert!(got.contains(part), "{got}");
    }

    #[test]
    fn what_is_wrong_with_a_connection_is_named() {
        check(&[0, 0], "closed in the middle of a frame");
        check(&[0, 0, 0, 5, 1], "closed in the middle of a frame");
        check(
            b"GET / HTTP/1.1\r\n\r\n",
            "a frame has 1 to 65536 octets, its length says 1195725856",
        );
        check(&[0, 0, 0, 0], "its length says 0");
    }

    #[test]
    fn there_is_one_connection_and_it_begins_with_power() {
        let mut port = port();
        let early = dial(&port, &[0, 0, 0, 1, 9]);
        rest(SOON);
        port.power_on().unwrap();
        assert_eq!((hear(&mut port), port.strangers), (Ok(None), 1));
        let _first = dial(&port, &[0, 0, 0, 1, 1]);
        assert_eq!(hear(&mut port), Ok(Some(vec![1])));
        let _second = dial(&port, &[]);
        assert!(hear(&mut port).unwrap_err().contains("two connections at once"));
        drop(early);
        let mut away = Port::open("127.0.0.1:0", false, SOON).unwrap();
        away.power_on().unwrap();
        assert!(hear(&mut away).unwrap_err().contains("has not connected to 127.0.0.1:"));
    }
}
