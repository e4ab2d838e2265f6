//! How a server starts, lets connections in, and ends.
//!
//! Not here: what its parts do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, mpsc};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::base::id::UserId;
use crate::crypto::suite::{Secret, Suite};
use crate::runtime::clock::WorldClock;
use crate::runtime::entropy;
use crate::runtime::server::config::{Config, Limits};
use crate::runtime::server::connection;
use crate::runtime::server::error::{ServerError, StoreError};
use crate::runtime::server::gate::Gate;
use crate::runtime::server::history::Start;
use crate::runtime::server::link::Link;
use crate::runtime::server::listen::bind;
use crate::runtime::server::metrics::Metrics;
use crate::runtime::server::partition::{Partition, Told};
use crate::runtime::server::scribe::{self, Scribe};
use crate::runtime::server::shared::{Partitions, Shared, place};
use crate::runtime::server::store::{Batch, Contents, Kept, Store};
use crate::runtime::server::{Server, Stopper, Wish};
use crate::runtime::tls::Identity;
use crate::runtime::watched;
use crate::wire::limits::FRAME_MAX;

/// How long a listener that cannot accept rests: it is out of files, say.
const REST: std::time::Duration = std::time::Duration::from_millis(50);

impl Server {
    /// Starts a server with this suite; when it returns, whoever connects is served.
    ///
    /// # Errors
    /// [`ServerError`]: the address or the store is in use, the store is damaged or of a later version, the
    /// operating system refuses what is needed.
    pub fn start<S: Suite>(config: Config) -> Result<Self, ServerError> {
        let partitions = config.partitions.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(partitions)
            .thread_name("server")
            .enable_all()
            .build()
            .map_err(ServerError::System)?;
        let sockets = {
            let _reactor = runtime.enter();
            Sockets::bind(&config)?
        };
        let (address, metrics_address) = (sockets.address, sockets.metrics_address);
        let (stopper, stop) = watch::channel(Wish::Serve);
        let (ready, is_ready) = mpsc::channel();
        let main = move || {
            let result = runtime.block_on(run::<S>(config, sockets, stop, ready));
            // Connections that did not end in time end here.
            runtime.shutdown_background();
            result
        };
        let main = std::thread::Builder::new().name("server".to_owned()).spawn(main);
        let main = main.map_err(ServerError::System)?;
        let (stopper, partitions) = (Stopper(stopper), is_ready.recv());
        let main = Some(main);
        match partitions {
            Ok(partitions) => {
                Ok(Self { address, metrics: metrics_address, stopper, partitions, main })
            }
            // It has ended, and says why.
            Err(_) => {
                let partitions = Partitions::new();
                Self { address, metrics: metrics_address, stopper, partitions, main }.wait()?;
                Err(ServerError::Fault("its start".to_owned()))
            }
        }
    }
}

/// Sockets that are bound already.
struct Sockets {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<TcpListener>,
    metrics_address: Option<SocketAddr>,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, ServerError> {
        let bind = |address| bind(address, config.allow_remote);
        let (listener, address) = bind(config.listen)?;
        let (metrics, metrics_address) = config.metrics.map(bind).transpose()?.unzip();
        Ok(Self { listener, address, metrics, metrics_address })
    }
}

/// The parts of a server that runs.
struct Parts {
    shared: Arc<Shared>,
    partitions: JoinSet<()>,
    scribe: Option<Scribe>,
}

async fn run<S: Suite>(
    config: Config,
    sockets: Sockets,
    stop: watch::Receiver<Wish>,
    ready: Sender<Partitions>,
) -> Result<(), ServerError> {
    let acceptor = config.tls.as_ref().map(Identity::acceptor);
    let Sockets { listener, address, metrics: health, .. } = sockets;
    let mut parts = assemble::<S>(config)?;
    let healthy = Arc::new(AtomicBool::new(true));
    if let Some(health) = health {
        let metrics = Arc::clone(&parts.shared.metrics);
        let text = Arc::new(move || metrics.text());
        tokio::spawn(watched::serve(health, text, Arc::clone(&healthy)));
    }
    tracing::info!(%address, users = parts.shared.users.load(Ordering::Relaxed), "listening");
    // Who waits for it may have given up.
    let _ = ready.send(parts.shared.partitions.clone());
    // Connections end when the user says so, and when a part fails.
    let (ender, end) = watch::channel(false);
    let mut front =
        Front { shared: Arc::clone(&parts.shared), acceptor, end, guests: JoinSet::new() };
    let fault = tokio::select! {
        fault = parts.until_it_fails() => Some(fault),
        () = front.admit::<S>(&listener, stop.clone()) => None,
    };
    if *stop.borrow() == Wish::Cut {
        // What was taken in becomes durable and is told; nobody waits for its answer.
        drop((listener, front));
        return parts.end().await;
    }
    if fault.is_some() {
        // What waits for it would wait for ever.
        parts.tell_all(|| Told::Failed);
    }
    healthy.store(false, Ordering::Relaxed);
    ender.send_replace(true);
    drop(listener);
    let limits = &parts.shared.limits;
    tracing::info!(connections = front.guests.len(), "ending");
    let goodbye = std::time::Duration::from(limits.goodbye) * 2;
    let all_gone = async { while front.guests.join_next().await.is_some() {} };
    if timeout(goodbye, all_gone).await.is_err() {
        tracing::warn!(connections = front.guests.len(), "connections did not end in time");
    }
    let result = parts.end().await;
    tracing::info!("ended");
    match fault {
        Some(fault) => Err(result.err().unwrap_or(fault)),
        None => result,
    }
}

/// Reads the store and starts the parts.
fn assemble<S: Suite>(config: Config) -> Result<Parts, ServerError> {
    let Config { server, storage, partitions, limits, facts, history, .. } = config;
    let Config { timeline, residents, .. } = config;
    let (store, mut contents) = Store::open(storage)?;
    contents.accommodate(residents, store.as_ref())?;
    let clock = WorldClock::start(timeline, contents.last);
    if let Some(store) = &store {
        let start = Start::new(contents.boots, clock.now(), &server);
        store.count_start(&mut contents, history.then_some(start))?;
    }
    let Contents { accounts, post, free, boots, .. } = contents;
    let metrics = Arc::new(Metrics::new());
    metrics.users(accounts.len());
    let (senders, inboxes): (Vec<_>, Vec<_>) =
        (0..partitions.max(1)).map(|_| unbounded_channel()).unzip();
    let octets = usize::try_from(limits.in_flight_octets).unwrap_or(FRAME_MAX).max(FRAME_MAX);
    let shared = Arc::new(Shared {
        config: Arc::new(server),
        limits,
        clock,
        key: Arc::new(Secret::new(entropy::octets().map_err(ServerError::System)?)),
        seed: u64::from_be_bytes(entropy::octets().map_err(ServerError::System)?),
        boots,
        numbers: AtomicU64::new(free),
        users: AtomicUsize::new(accounts.len()),
        partitions: senders,
        metrics,
        facts,
        history: history && store.is_some(),
        octets: Arc::new(Semaphore::new(octets)),
        unread: Arc::new(AtomicUsize::new(0)),
        origins: AtomicU64::new(0),
    });
    let (scribe, sender) = match store {
        Some(store) => {
            let partitions = shared.partitions.clone();
            let (sender, scribe) = scribe::start(store, partitions, Arc::clone(&shared.metrics))?;
            (Some(scribe), Some(sender))
        }
        None => (None, None),
    };
    let mut shares: Vec<Vec<_>> = inboxes.iter().map(|_| Vec::new()).collect();
    for (user, kept) in accounts {
        shares[place(&user, inboxes.len())].push((user, kept));
    }
    let partitions = start_partitions::<S>(&shared, inboxes, sender.as_ref(), shares);
    for (number, to, message) in post {
        shared.tell(shared.partition(&to), Told::News(Some(number), to, message));
    }
    Ok(Parts { shared, partitions, scribe })
}

fn start_partitions<S: Suite>(
    shared: &Arc<Shared>,
    inboxes: Vec<UnboundedReceiver<Told>>,
    scribe: Option<&Sender<Batch>>,
    mut shares: Vec<Vec<(UserId, Kept)>>,
) -> JoinSet<()> {
    let mut partitions = JoinSet::new();
    for (number, inbox) in inboxes.into_iter().enumerate() {
        let (shared, accounts) = (Arc::clone(shared), std::mem::take(&mut shares[number]));
        let scribe = scribe.cloned();
        partitions.spawn(Partition::<S>::new(number, shared, inbox, scribe, accounts).run());
    }
    partitions
}

impl Parts {
    /// Waits for what must not happen.
    async fn until_it_fails(&mut self) -> ServerError {
        let scribe = self.scribe.as_ref();
        let store_fails = async {
            match scribe {
                Some(scribe) => {
                    while !scribe.is_finished() {
                        tokio::time::sleep(REST).await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = store_fails => ServerError::Fault("its store".to_owned()),
            _ = self.partitions.join_next() => ServerError::Fault("a partition".to_owned()),
        }
    }

    fn tell_all(&self, told: impl Fn() -> Told) {
        for partition in 0..self.shared.partitions.len() {
            self.shared.tell(partition, told());
        }
    }

    /// Waits until everything is durable, or cannot be.
    async fn end(self) -> Result<(), ServerError> {
        self.tell_all(|| Told::Stop);
        let Self { mut partitions, scribe, .. } = self;
        while let Some(ended) = partitions.join_next().await {
            ended.map_err(|error| ServerError::Fault(error.to_string()))?;
        }
        let Some(scribe) = scribe else { return Ok(()) };
        let ended: Result<Result<(), StoreError>, _> =
            tokio::task::spawn_blocking(|| scribe.join())
                .await
                .unwrap_or_else(|error| Ok(Err(StoreError::Damaged(error.to_string()))));
        match ended {
            Ok(result) => Ok(result?),
            Err(_) => Err(ServerError::Fault("its store".to_owned())),
        }
    }
}

/// Lets connections in.
struct Front {
    shared: Arc<Shared>,
    acceptor: Option<TlsAcceptor>,
    end: watch::Receiver<bool>,
    guests: JoinSet<()>,
}

impl Front {
    /// Until it is asked to end.
    async fn admit<S: Suite>(&mut self, listener: &TcpListener, mut stop: watch::Receiver<Wish>) {
        let gate = Arc::new(Gate::new(&self.shared.limits, Arc::clone(&self.shared.metrics)));
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(Wish::is_over) => return,
                Some(_) = self.guests.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.let_in::<S>(&gate, stream),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    fn let_in<S: Suite>(&mut self, gate: &Arc<Gate>, stream: TcpStream) {
        let shared = Arc::clone(&self.shared);
        let (link, outgoing) = Link::new(shared.origin(), Arc::clone(&shared.unread));
        let Some(pass) = gate.admit(&link) else { return };
        shared.metrics.accepted_connection();
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let Limits { attach_within, .. } = shared.limits;
        let patience = Instant::now() + std::time::Duration::from(attach_within);
        let (acceptor, end) = (self.acceptor.clone(), self.end.clone());
        self.guests.spawn(async move {
            match acceptor {
                None => {
                    connection::serve::<S, _>(stream, link, outgoing, shared, end, patience).await
                }
                Some(acceptor) => {
                    let greeting = timeout_at(patience, acceptor.accept(stream));
                    let greeted = tokio::select! {
                        () = link.until_cut() => return,
                        greeted = greeting => greeted,
                    };
                    match greeted {
                        Ok(Ok(stream)) => {
                            connection::serve::<S, _>(
                                stream, link, outgoing, shared, end, patience,
                            )
                            .await;
                        }
                        Ok(Err(_)) | Err(_) => shared.metrics.refused_connection("tls"),
                    }
                }
            }
            drop(pass);
        });
    }
}
