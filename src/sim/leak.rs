//! A fault of the simulator itself, built for tests only: what no plan knows decides when frames arrive.
//!
//! Not here: faults that scenarios ask for (`network`).

use std::cell::Cell;

use crate::base::time::Duration;

/// Cases whose frames arrive a little later each time this thread has moved so many.
pub const CASE: &str = "LEAKY";

/// Frames of one delay.
const FRAMES: u64 = 7;

thread_local! {
    static MOVED: Cell<u64> = const { Cell::new(0) };
}

/// How much later the next frame of a case arrives; nothing unless the case asks for it by its name.
pub fn delay(case: &str) -> Duration {
    if !case.starts_with(CASE) {
        return Duration::ZERO;
    }
    MOVED.set(MOVED.get() + 1);
    Duration::from_nanos(MOVED.get() / FRAMES)
}
