//! What can be wrong with the text itself, in the words of people who write scenarios.
//!
//! Not here: when it is wrong (`syntax`).

use serde_saphyr::granit_parser::ErrorKind;

use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::source::{Span, Spanned};
use crate::scenario::syntax::{BROKEN_KEY, DEPTH_MAX, FILE_OCTETS_MAX, NODES_MAX};
use crate::scenario::tree::{Node, NodeKind};

impl Diagnostics {
    pub(super) fn key_of(&mut self, node: Node) -> Spanned<String> {
        let span = node.span;
        match node.kind {
            NodeKind::Scalar { text, .. } => Spanned::new(text, span),
            NodeKind::Broken => Spanned::new(BROKEN_KEY.to_owned(), span),
            NodeKind::Null | NodeKind::Seq(_) | NodeKind::Map(_) => {
                let what = node.describe();
                self.add(
                    Diagnostic::new(Code::BadKey, span, format!("a key is text, not {what}"))
                        .help("`key: value` needs a blank after the colon and a word before it"),
                );
                Spanned::new(BROKEN_KEY.to_owned(), span)
            }
        }
    }

    pub(super) fn file_too_large(&mut self, span: Span, name: &str, octets: usize) {
        let (got, most) = (octets >> 20, FILE_OCTETS_MAX >> 20);
        let message = format!("`{name}` has {got} MiB, a scenario file has at most {most} MiB");
        self.add(
            Diagnostic::new(Code::FileTooLarge, span, message)
                .help("write large populations as `fleets`"),
        );
    }

    pub(super) fn not_utf8(&mut self, span: Span, octets: &[u8]) {
        let utf16 = octets.starts_with(&[0xff, 0xfe]) || octets.starts_with(&[0xfe, 0xff]);
        let message = if utf16 { "the file is UTF-16" } else { "the file is not UTF-8 text" };
        self.add(
            Diagnostic::new(Code::NotUtf8, span, message)
                .label("this octet starts no character")
                .help("save the file as UTF-8"),
        );
    }

    pub(super) fn several_documents(&mut self, span: Span) {
        self.add(
            Diagnostic::new(Code::SeveralDocuments, span, "a second document starts here")
                .help("a file holds one scenario"),
        );
    }

    pub(super) fn empty_file(&mut self, span: Span) {
        self.add(
            Diagnostic::new(Code::EmptyFile, span, "the file holds no scenario")
                .help("`peadsim new FILE` writes a commented skeleton"),
        );
    }

    pub(super) fn too_deep(&mut self, span: Span) {
        let message = format!("nested deeper than {DEPTH_MAX} levels");
        self.add(Diagnostic::new(Code::TooDeep, span, message));
    }

    pub(super) fn too_many_nodes(&mut self, span: Span) {
        let message = format!("more than {NODES_MAX} values, counting what aliases stand for");
        self.add(Diagnostic::new(Code::TooManyNodes, span, message).help(
            "anchors that repeat each other grow without bound; use `templates` and `fleets`",
        ));
    }

    pub(super) fn unknown_alias(&mut self, span: Span) {
        self.add(
            Diagnostic::new(
                Code::UnknownAlias,
                span,
                "no complete anchor of this name before here",
            )
            .help("text that starts with `*` needs quotes"),
        );
    }

    pub(super) fn tag(&mut self, span: Span) {
        self.add(
            Diagnostic::new(Code::Tag, span, "tags are not part of the language")
                .help("text that starts with `!` needs quotes; `needs` is written with `not`"),
        );
    }

    pub(super) fn merge_key(&mut self, span: Span) {
        self.add(
            Diagnostic::new(Code::MergeKey, span, "the merge key `<<` is not part of the language")
                .help("put the common part under `templates` and refer to it by `like: name`"),
        );
    }

    pub(super) fn duplicate_key(&mut self, key: &Spanned<String>, first: Span) {
        self.add(
            Diagnostic::new(Code::DuplicateKey, key.span, format!("`{key}` stands here twice"))
                .label("the second one")
                .related(first, "the first one"),
        );
    }

    pub(super) fn not_yaml(&mut self, span: Span, kind: &ErrorKind) {
        if *kind == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(span);
        }
        let (message, help) = in_our_words(kind);
        let diagnostic = Diagnostic::new(Code::NotYaml, span, message);
        self.add(match help {
            "" => diagnostic,
            help => diagnostic.help(help),
        });
    }
}

/// The parser's complaint in the words of people who write scenarios.
#[allow(clippy::wildcard_enum_match_arm, reason = "the parser's list of errors is open")]
fn in_our_words(kind: &ErrorKind) -> (String, &'static str) {
    use ErrorKind as K;
    let (message, help) = match kind {
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabAtBlockScalarStart
        | K::TabInIndentation
        | K::TabInPlainScalar => ("a tab where only blanks may stand", "indent with blanks"),
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::UnclosedFlowCollection { .. } => {
            ("a bracket is opened and never closed", "close it with `]` or `}`")
        }
        K::ExpectedFlowMappingSeparator => {
            ("a `,` or `}` is missing in this map", "text with `, : { } [ ]` in it needs quotes")
        }
        K::ExpectedFlowSequenceSeparator => {
            ("a `,` or `]` is missing in this list", "text with `, : { } [ ]` in it needs quotes")
        }
        K::MismatchedFlowCollectionEnd { .. } | K::MisplacedFlowCollectionEnd => {
            ("a closing bracket that closes nothing", "text with brackets in it needs quotes")
        }
        K::UnclosedQuotedScalar
        | K::DocumentIndicatorInQuotedScalar
        | K::InvalidQuotedScalarIndent => ("a quote is opened and never closed", ""),
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            ("text goes on after its closing quote", "put all of it inside the quotes")
        }
        K::UnknownQuotedScalarEscape | K::InvalidQuotedScalarHexEscape => {
            ("an unknown escape in double quotes", "single quotes take `\\` as it is")
        }
        K::ExpectedBlockMappingKey | K::InvalidIndentation | K::ExpectedBlockSequenceEntry => (
            "this line does not fit the lines above",
            "items of one list and keys of one map start in the same column",
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey => {
            ("a `:` is missing after the key", "a key is followed by `:` and a blank")
        }
        K::MappingValueNotAllowed
        | K::MappingKeyNotAllowed
        | K::InvalidColonPlacement
        | K::InvalidMappingValueWhitespace
        | K::FlowMappingValueAdjacentCollection => (
            "a `:` where no key can stand",
            "keys of one map start in the same column; text with `: ` in it needs quotes",
        ),
        K::UnexpectedCharacter { .. } => {
            ("a character that cannot stand here", "text that starts with it needs quotes")
        }
        K::DirectiveDisallowed => ("directives (`%`) are not part of the language", ""),
        K::CommentNotSeparated | K::CommentInterceptedScalar => {
            ("a comment needs a blank before its `#`", "")
        }
        K::BlockSequenceEntryNotAllowed | K::BlockEntryInFlowCollection => {
            ("a list item `- ` cannot stand here", "put the list on lines of its own below its key")
        }
        K::ExpectedNodeContent => ("a value is missing here", ""),
        K::MissingAnchorOrAliasName => {
            ("`*` or `&` without a name", "text that starts with it needs quotes")
        }
        other => return (format!("this is not YAML: {other}"), ""),
    };
    (message.to_owned(), help)
}
