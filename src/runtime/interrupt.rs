//! Ctrl-C, or a request to terminate: the first asks for an orderly end, the second ends at once.
//!
//! Not here: what an orderly end is, or what is told to the user.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user wants an end; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches from now on, on a thread of its own. `first` and `second` are called there.
    ///
    /// # Errors
    /// When the operating system gives no thread or no signals.
    pub fn watch(
        first: impl FnOnce() + Send + 'static,
        second: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let interrupt = Self::default();
        let raised = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // From here on nobody is ended by a signal that comes before the thread runs.
        let mut signals = {
            let _reactor = runtime.enter();
            Signals::new()?
        };
        let watch = async move {
            if signals.asked().await.is_ok() {
                raised.raise();
                first();
            }
            if signals.asked().await.is_ok() {
                second();
            }
        };
        std::thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || runtime.block_on(watch))?;
        Ok(interrupt)
    }

    /// Asks for an end, as Ctrl-C does.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Was an end asked for?
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What asks for an end.
#[cfg(unix)]
struct Signals {
    int: tokio::signal::unix::Signal,
    term: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { int: signal(SignalKind::interrupt())?, term: signal(SignalKind::terminate())? })
    }

    /// Waits until somebody asks for an end.
    async fn asked(&mut self) -> io::Result<()> {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
        }
        Ok(())
    }
}

/// What asks for an end.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits until somebody asks for an end.
    async fn asked(&mut self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}
