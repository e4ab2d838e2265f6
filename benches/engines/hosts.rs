//! Hosts of `turmoil` that poll a server with a datagram and get it back.
//!
//! Not here: what `turmoil` is for, which is running real code over simulated sockets. This is what that
//! costs while nothing happens.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use turmoil::Builder;
use turmoil::net::UdpSocket;

use crate::idle::{LATENCY, PERIOD, SPAN, first_poll};
use crate::{Ran, Seen, secs};

const PORT: u16 = 9_000;
/// Looks of a host at a link in a run: some ten seconds.
const LOOKS_MAX: u64 = 10_000_000_000;

/// For how long to simulate: at each tick every host looks at every link between two hosts, so that a
/// few hundred hosts would take hours for what the others do in milliseconds.
pub fn span(devices: u32, tick: Duration) -> Duration {
    let ticks = LOOKS_MAX / u64::from(devices).pow(3);
    SPAN.min(tick * u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// So many devices for so long, in a world that looks at every host once a tick. Its events are a poll,
/// a question and an answer each, as in the bare model; its ticks are not counted.
pub fn run(devices: u32, tick: Duration, span: Duration) -> Ran {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut sim = Builder::new()
        .tick_duration(tick)
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .simulation_duration(span)
        .rng_seed(1)
        .build();
    let counted = Rc::clone(&seen);
    sim.host("server", move || answer(Rc::clone(&counted)));
    for device in 0..devices {
        let counted = Rc::clone(&seen);
        sim.host(format!("device-{device}"), move || poll(device, Rc::clone(&counted)));
    }
    let secs = secs(|| {
        while sim.elapsed() < span {
            sim.step().expect("no host fails");
        }
    });
    Ran::new(*seen.borrow(), secs)
}

async fn answer(seen: Rc<RefCell<Seen>>) -> turmoil::Result {
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    let mut octets = [0; 8];
    loop {
        let (len, from) = socket.recv_from(&mut octets).await?;
        seen.borrow_mut().count();
        socket.send_to(&octets[..len], from).await?;
    }
}

async fn poll(device: u32, seen: Rc<RefCell<Seen>>) -> turmoil::Result {
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), 0)).await?;
    let start = tokio::time::Instant::now();
    let mut due = start + first_poll(device);
    let mut octets = [0; 8];
    loop {
        tokio::time::sleep_until(due).await;
        seen.borrow_mut().count();
        socket.send_to(&[0; 8], ("server", PORT)).await?;
        socket.recv_from(&mut octets).await?;
        let at = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        seen.borrow_mut().see(at, device);
        due += PERIOD;
    }
}
