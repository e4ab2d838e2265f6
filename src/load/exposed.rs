//! How far a load is, for whoever watches the generator: an OpenMetrics text at an address of its own.
//!
//! Not here: HTTP (`runtime::watched`), or what came of the load.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use crate::base::lock::lock;
use crate::load::progress::Snapshot;
use crate::runtime::server::error::ServerError;
use crate::runtime::server::listen::bind;
use crate::runtime::watched;

/// Tells how far a load is, until this is dropped.
#[derive(Debug)]
pub struct Exposed {
    /// Where it tells it.
    pub address: SocketAddr,
    last: Arc<Mutex<Snapshot>>,
    _runtime: tokio::runtime::Runtime,
}

impl Exposed {
    /// Begins to tell it there.
    ///
    /// # Errors
    /// When the address is in use, or others would be told that are not allowed to be.
    pub fn start(address: SocketAddr, allow_remote: bool) -> Result<Self, ServerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("metrics")
            .enable_all()
            .build()
            .map_err(ServerError::System)?;
        let (listener, address) = {
            let _reactor = runtime.enter();
            bind(address, allow_remote)?
        };
        let last = Arc::new(Mutex::new(Snapshot::default()));
        let told = Arc::clone(&last);
        let text = Arc::new(move || text(&lock(&told)));
        runtime.spawn(watched::serve(listener, text, Arc::new(AtomicBool::new(true))));
        Ok(Self { address, last, _runtime: runtime })
    }

    /// From now on it is so far.
    pub fn update(&self, snapshot: &Snapshot) {
        lock(&self.last).clone_from(snapshot);
    }
}

fn text(snapshot: &Snapshot) -> String {
    let p99 = snapshot.responses.quantile(990_000_000).as_secs_f64();
    let Snapshot { due, over, accepted, through, connected, .. } = snapshot;
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("operations_due", "counter", "Operations whose intended instants have come", *due),
        ("operations_over", "counter", "Operations that are over", *over),
        ("messages_accepted", "counter", "Messages that the server has taken", *accepted),
        ("messages_through", "counter", "Messages that were seen or given up", *through),
        ("connections", "gauge", "Connections that stand", u64::try_from(*connected).unwrap_or(0)),
    ] {
        let total = if kind == "counter" { "_total" } else { "" };
        text += &format!(
            "# HELP peadsim_load_{name} {help}.\n# TYPE peadsim_load_{name} {kind}\n\
             peadsim_load_{name}{total} {value}\n"
        );
    }
    text += &format!(
        "# HELP peadsim_load_response_p99_seconds Responses of the last second.\n\
         # TYPE peadsim_load_response_p99_seconds gauge\n# UNIT peadsim_load_response_p99_seconds seconds\n\
         peadsim_load_response_p99_seconds {p99}\n# EOF\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Duration;
    use crate::runtime::http::Client;

    #[test]
    fn whoever_asks_is_told_how_far_the_load_is() {
        let exposed = Exposed::start(SocketAddr::from(([127, 0, 0, 1], 0)), false).unwrap();
        exposed.update(&Snapshot { due: 7, over: 5, connected: 3, ..Snapshot::default() });
        let client = Client::new(&format!("http://{}/metrics", exposed.address), false).unwrap();
        let text = client.get(1 << 20, Duration::from_secs(20)).unwrap();
        for line in ["peadsim_load_operations_due_total 7", "peadsim_load_connections 3", "# EOF"] {
            assert!(text.lines().any(|it| it == line), "{line} is not in {text}");
        }
    }
}
