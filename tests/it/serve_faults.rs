//! A medium that fails under the server: syncs that fail, no room, power lost with writes half done.
//!
//! What was acknowledged is there afterwards, what was not is refused or there, and the error is told.
//! Not here: processes that are killed (`serve_kill`).

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration as Span;

use peadsim::base::rng::{Draw, Luck, Purpose};
use peadsim::proto::config::ServerConfig;
use peadsim::runtime::server::Server;
use peadsim::runtime::server::config::{Config, Storage};
use peadsim::runtime::server::error::{ServerError, StoreError};
use redb::{Builder, StorageBackend};

use crate::ledger::{Ledger, Sender, receive};
use crate::stranger::Keys;
use crate::town::{config, settings, start, world};

/// What is written at once, or not.
const SECTOR: usize = 512;

/// A disk that can fail and lose power.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What a loss of power leaves for sure.
    synced: Vec<u8>,
    /// What is read.
    current: Vec<u8>,
    /// Sectors that were written since the last sync: their place, and what was written each time.
    written: Vec<(usize, Vec<u8>)>,
    /// Syncs from now on until one fails, and all that follow.
    syncs_left: Option<u64>,
    /// Octets at most.
    room: usize,
}

impl Disk {
    fn new(octets: Vec<u8>) -> Self {
        let state = State {
            synced: octets.clone(),
            current: octets,
            written: Vec::new(),
            syncs_left: None,
            room: usize::MAX,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn storage(&self) -> Storage {
        let database = Builder::new().create_with_backend(self.clone()).unwrap();
        Storage::Database(Box::new(database))
    }

    /// The next sync but so many fails.
    fn fail_after(&self, syncs: u64) {
        self.0.lock().unwrap().syncs_left = Some(syncs);
    }

    /// So many octets more may be written than there are.
    fn leave_room(&self, octets: usize) {
        let mut state = self.0.lock().unwrap();
        state.room = state.current.len() + octets;
    }

    /// What is on it after power is lost now: what was synced, and of the sectors written since any, in any
    /// of their states. Nothing is synced any more.
    fn lose_power(&self, draw: &mut Draw) -> Vec<u8> {
        let mut state = self.0.lock().unwrap();
        state.syncs_left = Some(0);
        let mut left = state.synced.clone();
        left.resize(left.len().max(state.current.len()), 0);
        for (at, sector) in &state.written {
            if draw.below(2) == 0 && at + sector.len() <= left.len() {
                left[*at..at + sector.len()].copy_from_slice(sector);
            }
        }
        left
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().unwrap().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let (state, at) = (self.0.lock().unwrap(), usize::try_from(offset).unwrap());
        out.copy_from_slice(&state.current[at..at + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let (mut state, len) = (self.0.lock().unwrap(), usize::try_from(len).unwrap());
        if len > state.room.max(state.current.len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.current.resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.0.lock().unwrap();
        match &mut state.syncs_left {
            Some(0) => return Err(io::Error::other("the cable is loose")),
            Some(left) => *left -= 1,
            None => {}
        }
        state.synced = state.current.clone();
        state.written.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let (mut state, mut at) = (self.0.lock().unwrap(), usize::try_from(offset).unwrap());
        state.current[at..at + data.len()].copy_from_slice(data);
        let mut rest = data;
        while !rest.is_empty() {
            let (sector, later) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            state.written.push((at, sector.to_vec()));
            (rest, at) = (later, at + sector.len());
        }
        Ok(())
    }
}

/// A server on this disk whose mailboxes are never full.
fn roomy(disk: &Disk) -> Server {
    let server = ServerConfig { mailbox_messages: 1_000_000, ..settings() };
    start(Config { storage: disk.storage(), server, ..config() })
}

/// A server on this disk, senders that flood it, and how it ends when `trouble` is made.
fn under_load(
    disk: &Disk,
    senders: &mut [Sender],
    ledger: &mut Ledger,
    trouble: impl FnOnce(&Disk) + Send,
) -> Result<(), ServerError> {
    let server = roomy(disk);
    let address = server.address();
    world().block_on(async {
        let mut none = Vec::new();
        receive(address, &mut none, false).await.unwrap();
        assert!(none.is_empty());
        let floods = senders.iter_mut().map(|sender| sender.flood(address, u64::MAX));
        let floods: Vec<_> = floods.map(Box::pin).collect();
        let floods = async {
            for flood in join(floods).await {
                assert!(flood.is_err(), "the server ends, and with it the connection");
            }
        };
        let trouble = async {
            tokio::time::sleep(Span::from_millis(150)).await;
            trouble(disk);
        };
        let both = async { tokio::join!(floods, trouble) };
        tokio::time::timeout(crate::town::PATIENCE, both).await.expect("the server ends");
    });
    senders.iter_mut().for_each(|sender| ledger.note(sender));
    server.wait()
}

/// Waits for all of them.
async fn join<F: Future + Unpin>(mut all: Vec<F>) -> Vec<F::Output> {
    let mut done = Vec::new();
    while !all.is_empty() {
        let (at, output) = std::future::poll_fn(|context| {
            for (at, future) in all.iter_mut().enumerate() {
                if let std::task::Poll::Ready(output) = std::pin::Pin::new(future).poll(context) {
                    return std::task::Poll::Ready((at, output));
                }
            }
            std::task::Poll::Pending
        })
        .await;
        drop(all.swap_remove(at));
        done.push(output);
    }
    done
}

/// A server on what is left: everything that was acknowledged is there, once, and is reported.
fn check_what_is_left(octets: Vec<u8>, mut senders: Vec<Sender>, mut ledger: Ledger) {
    let disk = Disk::new(octets);
    let server = roomy(&disk);
    let address = server.address();
    let before = ledger.acknowledged.len();
    assert!(before > 0, "something was acknowledged");
    world().block_on(async {
        for sender in &mut senders {
            sender.flood(address, 0).await.unwrap();
            assert!(sender.is_done(), "what was not acknowledged was sent again");
        }
        let mut found = Vec::new();
        receive(address, &mut found, false).await.unwrap();
        ledger.note_life(found);
        senders.iter_mut().for_each(|sender| ledger.note(sender));
        ledger.check_mail();
        ledger.read_reports(&mut senders, address).await;
        ledger.check_reports();
    });
    server.stop().unwrap();
}

fn senders() -> Vec<Sender> {
    ["anna", "berta", "cleo"].map(|name| Sender::new(Keys::of(name))).into()
}

#[test]
fn a_sync_that_fails_ends_the_server_and_loses_nothing_acknowledged() {
    for syncs in [0, 1, 2] {
        let (disk, mut senders, mut ledger) = (Disk::new(Vec::new()), senders(), Ledger::default());
        let trouble = |disk: &Disk| disk.fail_after(syncs);
        let ended = under_load(&disk, &mut senders, &mut ledger, trouble);
        let Err(ServerError::Store(StoreError::Io(error))) = ended else { panic!("{ended:?}") };
        assert!(error.to_string().contains("the cable is loose"), "{error}");
        assert!(ledger.refused > 0, "what was under way is refused");
        let left = disk.lose_power(&mut Luck::new(syncs, Purpose::Fault, 0).at(0));
        check_what_is_left(left, senders, ledger);
    }
}

#[test]
fn a_full_disk_ends_the_server_and_loses_nothing_acknowledged() {
    let (disk, mut senders, mut ledger) = (Disk::new(Vec::new()), senders(), Ledger::default());
    let trouble = |disk: &Disk| disk.leave_room(64 << 10);
    let ended = under_load(&disk, &mut senders, &mut ledger, trouble);
    assert!(matches!(ended, Err(ServerError::Store(StoreError::Full(_)))), "{ended:?}");
    assert!(ledger.refused > 0, "what was under way is refused");
    let left = disk.lose_power(&mut Luck::new(1, Purpose::Fault, 1).at(0));
    check_what_is_left(left, senders, ledger);
}

#[test]
fn power_lost_with_writes_half_done_loses_nothing_acknowledged() {
    for seed in 0..4 {
        let (disk, mut senders, mut ledger) = (Disk::new(Vec::new()), senders(), Ledger::default());
        let mut left = Vec::new();
        let trouble = |disk: &Disk| {
            left = disk.lose_power(&mut Luck::new(seed, Purpose::Fault, 2).at(0));
        };
        let ended = under_load(&disk, &mut senders, &mut ledger, trouble);
        assert!(ended.is_err());
        check_what_is_left(left, senders, ledger);
    }
}
