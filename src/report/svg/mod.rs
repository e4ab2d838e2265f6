//! Pictures in SVG: one file, no scripts, nothing to load, the same octets for the same values.
//!
//! Not here: what is drawn (`trace::slice`, `verdict::study`).

pub mod chart;
mod scale;
pub mod slice;

/// Width of a character of the texts, roughly.
const CHARACTER: usize = 7;
/// Characters in a line of text above a picture.
const COLUMNS: usize = 120;
/// How every picture ends.
const CLOSED: &str = "</svg>\n";

/// How a picture of this size begins: its title, its style, a white ground.
fn opened(width: usize, height: usize, title: &str, style: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n<style>{style}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        safe(title)
    )
}

/// As XML takes it for text.
fn safe(text: &str) -> String {
    let safe = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c if c.is_control() => "\u{fffd}".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(safe).collect()
}

/// Lines of at most [`COLUMNS`] characters, broken between words.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.len() - 1;
        let length = lines[line].chars().count() + 1 + word.chars().count();
        if lines[line].is_empty() {
            lines[line].push_str(word);
        } else if length <= COLUMNS {
            lines[line] += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use quick_xml::events::Event;
    use quick_xml::reader::Reader;

    use super::*;

    /// The names of all elements, in order; a text that is no XML fails.
    pub(super) fn elements(svg: &str) -> Vec<String> {
        let mut reader = Reader::from_str(svg);
        let mut names = Vec::new();
        loop {
            let event = reader.read_event().unwrap();
            if let Event::Start(tag) | Event::Empty(tag) = &event {
                tag.attributes().for_each(|attribute| drop(attribute.unwrap()));
                names.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
            } else if matches!(event, Event::Eof) {
                return names;
            }
        }
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        assert_eq!(wrapped("a b"), ["a b"]);
        let lines = wrapped(&"word ".repeat(50));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= COLUMNS));
        assert_eq!(wrapped(&"x".repeat(500)).len(), 1);
    }
}
