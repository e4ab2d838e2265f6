//! Whether the directory is out of reach for everybody.
//!
//! Not here: what devices do about it.

use std::collections::BTreeSet;

use crate::trace::fact::Fact;
use crate::trace::record::Record;

/// The faults that keep the directory from answering now.
#[derive(Debug, Default)]
pub struct Dark {
    faults: BTreeSet<String>,
}

impl Dark {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record) {
        if let Fact::FaultStart { name, kind } = &record.fact {
            if kind == "directory-offline" {
                self.faults.insert(name.clone());
            }
        } else if let Fact::FaultEnd { name } = &record.fact {
            self.faults.remove(name);
        }
    }

    /// Whether no lookup can be answered.
    #[must_use]
    pub fn is_dark(&self) -> bool {
        !self.faults.is_empty()
    }
}
