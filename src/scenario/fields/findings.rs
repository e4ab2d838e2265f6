//! What reading by tables can find wrong, in words.
//!
//! Not here: when it is wrong (`read`).

use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::fields::{Choices, Field, Leaf, prose};
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::Node;

impl Diagnostics {
    /// The value is a list where a map should be, or the like.
    pub fn wrong_type(&mut self, node: &Node, expected: &str) {
        if node.is_broken() {
            return;
        }
        let message = format!("expected {expected}, got {}", node.describe());
        self.add(Diagnostic::new(Code::WrongType, node.span, message));
    }

    /// A single value that does not read.
    pub fn bad_value(&mut self, node: &Node, leaf: &Leaf, why: &str) {
        if node.is_broken() {
            return;
        }
        let message = format!("{} is no {}", node.describe(), leaf.name);
        let diagnostic = Diagnostic::new(Code::BadValue, node.span, message)
            .label(format!("expected {}", leaf.expected));
        self.add(if why.is_empty() { diagnostic } else { diagnostic.help(why) });
    }

    /// A word outside a closed list.
    pub fn unknown_word(&mut self, node: &Node, name: &str, words: &[&str]) {
        if node.is_broken() {
            return;
        }
        let message = format!("{} is no {name}", node.describe());
        self.add(
            Diagnostic::new(Code::UnknownWord, node.span, message)
                .suggest(node.text().unwrap_or(""), words.iter().copied())
                .help(format!("one of: {}", words.join(", "))),
        );
    }

    pub(super) fn unknown_key<'k>(
        &mut self,
        key: &Spanned<String>,
        map: &str,
        keys: impl Iterator<Item = &'k str> + Clone,
    ) {
        let list: Vec<_> = keys.clone().collect();
        self.add(
            Diagnostic::new(Code::UnknownKey, key.span, format!("`{map}` takes no key `{key}`"))
                .suggest(&key.value, keys)
                .help(format!("its keys are: {}", list.join(", "))),
        );
    }

    pub(super) fn missing_key(&mut self, span: Span, map: &str, field: &Field) {
        let message = format!("`{map}` needs the key `{}`", field.key);
        self.add(Diagnostic::new(Code::MissingKey, span, message).help(prose(field.doc)));
    }

    pub(super) fn one_of_missing(&mut self, span: Span, map: &str, keys: &[&str]) {
        let message = format!("`{map}` needs one of the keys `{}`", keys.join("`, `"));
        self.add(Diagnostic::new(Code::MissingKey, span, message));
    }

    pub(super) fn exclude_each_other(&mut self, first: &Spanned<String>, second: &Spanned<String>) {
        let message = format!("`{first}` and `{second}` exclude each other");
        self.add(
            Diagnostic::new(Code::Contradiction, second.span, message)
                .related(first.span, "the other one"),
        );
    }

    pub(super) fn needs_other(&mut self, key: &Spanned<String>, other: &str) {
        let message = format!("`{key}` says nothing without `{other}`");
        self.add(Diagnostic::new(Code::Contradiction, key.span, message));
    }

    pub(super) fn unknown_choice(&mut self, key: &Spanned<String>, choices: &Choices) {
        let names = choices.choices.iter().map(|(key, ..)| *key);
        let list: Vec<_> = names.clone().collect();
        self.add(
            Diagnostic::new(Code::UnknownVerb, key.span, format!("`{key}` is no {}", choices.name))
                .suggest(&key.value, names)
                .help(format!("one of: {}", list.join(", "))),
        );
    }

    pub(super) fn not_one_choice(&mut self, node: &Node, choices: &Choices) {
        if node.is_broken() {
            return;
        }
        let message = format!("expected a {}, got {}", choices.name, node.describe());
        let (key, ..) = choices.choices[0];
        self.add(
            Diagnostic::new(Code::NotOneVerb, node.span, message)
                .help(format!("it is a map with one key, such as `{key}: ..`")),
        );
    }

    pub(super) fn two_choices(&mut self, second: &Spanned<String>, choices: &Choices) {
        let message =
            format!("a {} has exactly one key, here is a second: `{second}`", choices.name);
        self.add(
            Diagnostic::new(Code::NotOneVerb, second.span, message)
                .help("indent what belongs to the first key, or start a new item with `- `"),
        );
    }
}
