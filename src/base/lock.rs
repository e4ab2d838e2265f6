//! A lock that outlives whoever panicked while holding it.
//!
//! What is behind it is whole all the same: each of its users changes it in one step, or ends the run by that
//! panic. Not here: anything that waits for more than a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for the lock.
pub fn lock<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
