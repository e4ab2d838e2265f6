//! Work that may panic, and what it said when it did.
//!
//! Not here: what a breakdown means; that differs between the reference, what is broken on purpose, and a
//! storage engine whose file is damaged.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether what panics on this thread is told by somebody else.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does it.
///
/// # Errors
/// What it said when it panicked.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Nothing that the work leaves half done is looked at again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("no message").to_owned()
    })
}

/// The same, and nothing is said on stderr: whoever is given the error tells it.
///
/// # Errors
/// As [`caught`].
pub fn caught_quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                told(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = caught(work);
    QUIET.set(before);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakdown_is_told_in_its_own_words() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let number = 7;
        assert_eq!(caught(|| panic!("with {number}")), Err::<(), _>("with 7".to_owned()));
    }

    #[test]
    fn only_what_is_done_quietly_is_quiet() {
        let inner = || caught_quietly(|| QUIET.get());
        assert_eq!(caught_quietly(|| (inner(), QUIET.get())), Ok((Ok(true), true)));
        assert_eq!(caught_quietly(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert!(!QUIET.get());
    }
}
