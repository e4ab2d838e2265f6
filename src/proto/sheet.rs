//! What a machine writes its outputs on, and its work: a driver may lend one for a turn, so that machines at
//! rest need none.
//!
//! Not here: what an output is (`port`), or what a driver does with it.

use std::collections::VecDeque;
use std::fmt;

use crate::proto::port::Output;
use crate::proto::work::Work;

/// Outputs that the driver has not taken yet, writes that are not yet one of them, and the work behind both.
#[derive(Clone, Debug)]
pub struct Page<W> {
    outputs: VecDeque<Output<W>>,
    batch: Vec<W>,
    work: Work,
}

impl<W> Default for Page<W> {
    fn default() -> Self {
        Self { outputs: VecDeque::new(), batch: Vec::new(), work: Work::default() }
    }
}

/// A page, or none while nothing is written on it. A machine without one makes its own.
#[derive(Clone)]
pub struct Sheet<W>(Option<Box<Page<W>>>);

impl<W> Default for Sheet<W> {
    fn default() -> Self {
        Self(None)
    }
}

impl<W: fmt::Debug> fmt::Debug for Sheet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = self.0.as_deref();
        f.debug_list().entries(page.iter().flat_map(|page| &page.outputs)).finish()?;
        f.debug_list().entries(page.iter().flat_map(|page| &page.batch)).finish()?;
        page.map(|page| page.work).unwrap_or_default().fmt(f)
    }
}

impl<W> Sheet<W> {
    /// Takes the page of another sheet, if this one has none.
    pub fn borrow_from(&mut self, other: &mut Self) {
        if self.0.is_none() {
            self.0 = other.0.take();
        }
    }

    /// Gives the page to another sheet, if everything on it was taken.
    pub fn give_back_to(&mut self, other: &mut Self) {
        if self.is_empty() {
            other.0 = self.0.take();
        }
    }

    fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|page| {
            page.outputs.is_empty() && page.batch.is_empty() && page.work.is_none()
        })
    }

    /// Adds an output.
    pub fn push(&mut self, output: Output<W>) {
        self.page().outputs.push_back(output);
    }

    /// Takes the first output.
    pub fn pop(&mut self) -> Option<Output<W>> {
        self.0.as_mut()?.outputs.pop_front()
    }

    /// Notes a write.
    pub(super) fn note(&mut self, write: W) {
        self.page().batch.push(write);
    }

    /// Takes the writes noted so far, if there are any.
    pub(super) fn take_batch(&mut self) -> Option<Vec<W>> {
        let page = self.0.as_mut()?;
        (!page.batch.is_empty()).then(|| std::mem::take(&mut page.batch))
    }

    /// Where cryptographic work is counted.
    pub(super) fn work(&mut self) -> &mut Work {
        &mut self.page().work
    }

    /// The work since the last call.
    pub fn take_work(&mut self) -> Work {
        self.0.as_mut().map(|page| std::mem::take(&mut page.work)).unwrap_or_default()
    }

    fn page(&mut self) -> &mut Page<W> {
        self.0.get_or_insert_default()
    }
}
