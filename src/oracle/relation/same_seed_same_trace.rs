//! S-31: the same plan gives the same records, octet by octet.
//!
//! Not here: the first record that differs (`trace::diff`), or that signatures are deterministic, which one
//! run shows.

use crate::oracle::relation::finding;
use crate::oracle::relation::seen::Difference;
use crate::verdict::finding::Finding;

/// Its number.
pub const ID: &str = "S-31";

/// Judges the digests of two runs of one plan.
#[must_use]
pub fn judge(first: &str, second: &str) -> Vec<Finding> {
    if first == second {
        return Vec::new();
    }
    let text = format!("the same run again has another digest: {first}, then {second}");
    vec![finding(ID, &[], Difference { record: None, text })]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_digest_is_found() {
        assert!(judge("0a", "0a").is_empty());
        let found = judge("0a", "0b");
        assert_eq!(found[0].message, "the same run again has another digest: 0a, then 0b");
    }
}
