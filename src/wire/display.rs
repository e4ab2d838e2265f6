//! What a request puts on the display: its octets, and which text may be put there (protocol 3.6,
//! C03).
//!
//! Not here: whether it fits a certain display (the device's declared size), or prompts and
//! presses (`proto`).

/// The octets sent to the display for the lines of a request: each line, ended by LF.
///
/// Different displayable lines give different octets, since no line may contain LF itself; the
/// digest of these octets is what an approval signs as `disp_digest`.
#[must_use]
pub fn display_octets(lines: &[String]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        octets.extend_from_slice(line.as_bytes());
        octets.push(b'\n');
    }
    octets
}

/// The requester's text could show something else than what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text contains a {kind} character, U+{:04X}, at octet {offset}", u32::from(*.character))]
pub struct NotDisplayable {
    /// Offset of the character in its line.
    pub offset: usize,
    /// The character.
    pub character: char,
    /// What is wrong with it.
    pub kind: Hidden,
}

/// Kinds of characters that act without being seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Controls the device: C0, C1, line and paragraph separators.
    Control,
    /// Reorders what is around it.
    Bidirectional,
    /// Takes no room: joiners, fillers, selectors, tags, byte order marks.
    ZeroWidth,
}

impl std::fmt::Display for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Bidirectional => "bidirectional",
            Self::ZeroWidth => "zero-width",
        })
    }
}

/// Checks that every character of a line is one that the user can see where it stands.
///
/// # Errors
/// The first character that is not.
pub fn check_displayable(line: &str) -> Result<(), NotDisplayable> {
    // Nearly all text is printable ASCII, where nothing hides.
    if line.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Ok(());
    }
    let hidden = |(offset, character)| {
        hidden(character).map(|kind| NotDisplayable { offset, character, kind })
    };
    line.char_indices().find_map(hidden).map_or(Ok(()), Err)
}

/// Unicode's controls, bidirectional formatting, and the code points that it says to ignore in
/// display (`Default_Ignorable_Code_Point`, Unicode 16).
const fn hidden(character: char) -> Option<Hidden> {
    match character {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => Some(Hidden::Control),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(Hidden::Bidirectional)
        }
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Some(Hidden::ZeroWidth),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_ends_where_it_ends() {
        let octets = |lines: &[&str]| {
            display_octets(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(octets(&["pay 10 EUR", "to bob"]), b"pay 10 EUR\nto bob\n");
        assert_eq!(octets(&[]), b"");
        assert_ne!(octets(&["ab", "c"]), octets(&["a", "bc"]));
        assert_ne!(octets(&["a"]), octets(&["a", ""]));
    }

    #[test]
    fn visible_text_of_any_script_is_displayable() {
        for line in ["", "pay 10 EUR to bob", "Überweisung: 10 €", "送金 10 ユーロ", "שלם 10", "😀"]
        {
            assert_eq!(check_displayable(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn hidden_characters_are_refused_with_their_kind_and_place() {
        for (line, offset, kind) in [
            ("10\t", 2, Hidden::Control),
            ("10\n000", 2, Hidden::Control),
            ("\u{1b}[2J", 0, Hidden::Control),
            ("é\u{85}", 2, Hidden::Control),
            ("a\u{2028}b", 1, Hidden::Control),
            ("to \u{202e}bob", 3, Hidden::Bidirectional),
            ("\u{2067}x", 0, Hidden::Bidirectional),
            ("\u{200f}", 0, Hidden::Bidirectional),
            ("1\u{200b}0", 1, Hidden::ZeroWidth),
            ("\u{feff}10", 0, Hidden::ZeroWidth),
            ("bo\u{ad}b", 2, Hidden::ZeroWidth),
            ("bob\u{e0041}", 3, Hidden::ZeroWidth),
        ] {
            let found = check_displayable(line).map_err(|error| (error.offset, error.kind));
            assert_eq!(found, Err((offset, kind)), "{line:?}");
        }
        let error = check_displayable("to \u{202e}bob").map_err(|error| error.to_string());
        let text = "the text contains a bidirectional character, U+202E, at octet 3";
        assert_eq!(error, Err(text.to_owned()));
    }
}
