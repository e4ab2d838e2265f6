//! How findings are shown: drawn over the source lines, or as JSON.
//!
//! Not here: printing. These are pure functions of findings and texts.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use crate::scenario::codes::Severity;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::source::{Source, Sources, Span};

/// Draws all findings, each with its source line and the place underlined.
#[must_use]
pub fn render(diagnostics: &Diagnostics, sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in diagnostics.sorted() {
        text.push_str(&renderer.render(&[group(diagnostic, sources)]));
        text.push_str("\n\n");
    }
    if diagnostics.beyond() > 0 {
        text.push_str(&format!("and {} more findings\n", diagnostics.beyond()));
    }
    text
}

/// All findings as a JSON array: code, name, severity, message, place and help of each.
#[must_use]
pub fn to_json(diagnostics: &Diagnostics, sources: &Sources) -> Value {
    let place = |span: Span| {
        json!({
            "file": sources.get(span.file).map(|source| source.name.as_str()),
            "line": span.line,
            "column": span.column,
            "byte_offset": span.byte_offset,
            "byte_len": span.byte_len,
        })
    };
    let one = |d: &Diagnostic| {
        let related = d.related.iter().map(|(span, why)| json!({"at": place(*span), "why": why}));
        json!({
            "code": d.code.id(),
            "name": d.code.name(),
            "severity": d.code.severity().name(),
            "message": d.message,
            "at": place(d.span),
            "label": d.label,
            "help": d.help,
            "related": related.collect::<Vec<_>>(),
        })
    };
    diagnostics.sorted().into_iter().map(one).collect()
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(
        level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.title()),
    );
    let main = diagnostic.span;
    if let Some(source) = source_of(main, sources) {
        let mut excerpt = Excerpt::of(source, main);
        for (span, _) in diagnostic.related.iter().filter(|(span, _)| span.file == main.file) {
            excerpt = excerpt.and(source, *span);
        }
        let label = diagnostic.label.as_deref();
        let mut annotations = vec![AnnotationKind::Primary.span(excerpt.range(main)).label(label)];
        for (span, why) in diagnostic.related.iter().filter(|(span, _)| span.file == main.file) {
            annotations.push(AnnotationKind::Context.span(excerpt.range(*span)).label(why));
        }
        group = group.element(
            Snippet::source(excerpt.text)
                .line_start(excerpt.line)
                .path(source.name.as_str())
                .annotations(annotations),
        );
    }
    if let (false, Some(source)) = (main.is_written(), sources.get(main.file)) {
        group = group.element(Origin::path(source.name.as_str()));
    }
    for (span, why) in diagnostic.related.iter().filter(|(span, _)| span.file != main.file) {
        let Some(source) = source_of(*span, sources) else { continue };
        let excerpt = Excerpt::of(source, *span);
        group = group.element(
            Snippet::source(excerpt.text)
                .line_start(excerpt.line)
                .path(source.name.as_str())
                .annotation(AnnotationKind::Context.span(excerpt.range(*span)).label(why)),
        );
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    group
}

fn source_of(span: Span, sources: &Sources) -> Option<&Source> {
    if span.is_written() { sources.get(span.file) } else { None }
}

/// Whole lines of a text around some places: a huge file is not drawn to show one line.
struct Excerpt<'a> {
    text: &'a str,
    line: usize,
    start: usize,
}

impl<'a> Excerpt<'a> {
    /// Octets kept on either side of a place in a line that has no end.
    const LINE_MAX: usize = 4096;

    fn of(source: &'a Source, span: Span) -> Self {
        Self { text: "", line: span.line as usize, start: usize::MAX }.and(source, span)
    }

    fn and(self, source: &'a Source, span: Span) -> Self {
        let from = (span.byte_offset as usize).min(source.text.len());
        let line_start = source.text[..from].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source.text[from..].find('\n').map_or(source.text.len(), |at| from + at);
        let shown_end = source.text.floor_char_boundary(line_end.min(from + Self::LINE_MAX));
        let cut_start = if from - line_start > Self::LINE_MAX {
            source.text.floor_char_boundary(from - Self::LINE_MAX)
        } else {
            line_start
        };
        let start = self.start.min(cut_start);
        let end = if self.text.is_empty() {
            shown_end
        } else {
            shown_end.max(self.start + self.text.len())
        };
        let line = self.line.min(span.line as usize);
        Self { text: &source.text[start..end], line, start }
    }

    /// The octets of a place within the excerpt, cut at the end of its line.
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let from = (span.byte_offset as usize).saturating_sub(self.start).min(self.text.len());
        let line_end = self.text[from..].find('\n').map_or(self.text.len(), |at| from + at);
        let to = (from + (span.byte_len as usize).max(1)).min(line_end.max(from));
        from..self.text.ceil_char_boundary(to)
    }
}
