//! Numbers, spans of time and foreign texts the way people read them. Not here: exact forms, which `base` has.

use crate::base::time::Duration;

/// `1,234,567`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 run`, `20 runs`, `no runs`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    match n {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        n => format!("{} {noun}s", grouped(n)),
    }
}

/// Two units at most: `12d 4h`, `5h 3m`, `4m 12s`, `12.35s`, `3.2ms`.
pub(super) fn span(span: Duration) -> String {
    let nanos = span.as_nanos();
    let seconds = nanos / 1_000_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if days > 0 {
        format!("{}d {}h", grouped(days), hours % 24)
    } else if hours > 0 {
        format!("{hours}h {}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m {}s", seconds % 60)
    } else if seconds > 0 {
        format!("{seconds}.{:02}s", nanos / 10_000_000 % 100)
    } else if nanos >= 1_000_000 {
        format!("{}.{}ms", nanos / 1_000_000, nanos / 100_000 % 10)
    } else {
        format!("{}us", nanos / 1_000)
    }
}

/// To a billionth, without a sign at zero; written with `{}` it is the same text everywhere.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9 + 0.0
}

/// Without control characters: no scenario and no device writes to a terminal what it likes.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), text);
        }
        assert_eq!(counted(1, "run"), "1 run");
        assert_eq!(counted(0, "run"), "no runs");
        assert_eq!(counted(2_000, "run"), "2,000 runs");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (nanos, text) in [
            (0, "0us"),
            (999_999, "999us"),
            (3_250_000, "3.2ms"),
            (12_345_678_901, "12.34s"),
            (252_000_000_000, "4m 12s"),
            (18_180_000_000_000, "5h 3m"),
            (1_051_200_000_000_000, "12d 4h"),
        ] {
            assert_eq!(span(Duration::from_nanos(nanos)), text);
        }
    }
}
