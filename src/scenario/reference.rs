//! The language as a reference page in Markdown.
//!
//! Not here: any knowledge of keys or words; all of it comes from the tables. The page is committed as
//! `reference.md`, and a test holds it equal to what this makes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::base::id::DraftId;
use crate::oracle::spec::{NamedThing, Traffic, marks};
use crate::proto::barrier::Barrier;
use crate::scenario::address::{Owner, owner_of};
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::fields::{Choices, Field, Kind, Leaf, ReadMap as _, Rule, Table, prose};
use crate::scenario::leaf::{BARRIERS, BARRIERS_OF_DEVICES};
use crate::scenario::resolve::names::points_of;
use crate::trace::fact::FrameKind;
use crate::verdict::capability::CAPABILITIES;

const HEAD: &str = "# The scenario language

One YAML file is one scenario. Quantities carry their unit (`40ms`, `1KiB`, `5%`, `4/d`), a range is
written `10ms..80ms`, and a range in a setting is one draw per seed and device. Where a map has a
*short* key, a single value in its place means that key.

";

const SEEN: &str = "
`at: seen#3` of a `crash` is the end of the turn in which the third thing is seen of the device, counted from
the step's `after` on: a frame that reaches it or leaves it, a text, a request, a notice, an alarm or a question
on its screen, a button that is pressed. Where fewer are seen until the end of `active`, power is not cut, and
the run says so; every device has these points, whatever it tells of its inside.";

/// The reference page.
#[must_use]
pub fn reference() -> String {
    let mut page = Page {
        text: HEAD.to_owned(),
        seen: BTreeSet::new(),
        queue: Vec::new(),
        leaves: Vec::new(),
    };
    page.table(Scenario::table());
    while !page.queue.is_empty() {
        let next = page.queue.remove(0);
        match next {
            Section::Table(table) => page.table(table),
            Section::Choices(choices) => page.choices(choices),
        }
    }
    page.values();
    page.lists();
    page.text
}

enum Section {
    Table(&'static Table),
    Choices(&'static Choices),
}

struct Page {
    text: String,
    seen: BTreeSet<String>,
    queue: Vec<Section>,
    leaves: Vec<&'static Leaf>,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn table(&mut self, table: &'static Table) {
        self.line(&format!("## `{}`\n\n{}\n", table.name, prose(table.doc)));
        if let Some(short) = table.short {
            self.line(&format!("Short: `{short}`.\n"));
        }
        self.keys(table);
    }

    fn keys(&mut self, table: &'static Table) {
        if table.fields.is_empty() {
            return;
        }
        self.line("| key | takes | default | meaning |\n| --- | --- | --- | --- |");
        for field in table.fields {
            let takes = self.takes(&field.kind);
            let row = format!(
                "| `{}` | {takes} | {} | {} |",
                field.key,
                default(field, table),
                prose(field.doc)
            );
            self.line(&row);
        }
        self.line("");
        for rule in table.rules {
            self.line(&format!("{}\n", rule_text(rule)));
        }
    }

    fn choices(&mut self, choices: &'static Choices) {
        self.line(&format!("## One `{}`\n\n{}\n", choices.name, prose(choices.doc)));
        if let Some(common) = choices.common {
            self.keys(common());
        }
        for (key, kind, doc) in choices.choices {
            let takes = self.takes(kind);
            self.line(&format!("* `{key}`: {} Takes {takes}.", prose(doc)));
        }
        self.line("");
    }

    fn values(&mut self) {
        self.line("## Single values\n\n| name | form |\n| --- | --- |");
        for leaf in std::mem::take(&mut self.leaves) {
            self.line(&format!("| {} | {} |", leaf.name, leaf.expected));
        }
    }

    /// Closed lists that values are made of.
    fn lists(&mut self) {
        self.line("\n## Points\n\n| of | points |\n| --- | --- |");
        let workload = |of| NamedThing::Workload { first: DraftId(0), count: 0, of };
        for (of, thing) in [
            ("a message, or a workload of texts", workload(Traffic::Texts)),
            ("a request or own data, or a workload of them", workload(Traffic::Requests)),
            ("a rotation", NamedThing::Rotation { by: 0 }),
            ("a press", NamedThing::Press { by: 0 }),
            ("a fence", NamedThing::Fence { by: 0 }),
            ("another step (`end`: of what lasts)", NamedThing::Step),
        ] {
            let points = points_of(&thing).iter().map(|point| point.name().to_owned());
            self.line(&format!("| {of} | {} |", quoted(points)));
        }
        self.line("\n## Frames\n\n| address | frames |\n| --- | --- |");
        for (owner, address) in [
            (Owner::Message, "a message: `m1.submit`"),
            (Owner::Rotation, "a rotation: `r1.ack`"),
            (Owner::Device, "a device: `bob.poll`"),
        ] {
            let kinds = FrameKind::ALL.iter().filter(|kind| owner_of(**kind).0 == owner);
            let frames = kinds.map(|kind| {
                let user = if owner_of(*kind).1 { "(USER)" } else { "" };
                format!("{}{user}", kind.name())
            });
            self.line(&format!("| {address} | {} |", quoted(frames)));
        }
        self.line("\n`#2` behind an address means the second copy only, in the order of sending.");
        let (devices, server) = BARRIERS.split_at(BARRIERS_OF_DEVICES);
        let words = |list: &[(&str, Barrier)]| quoted(list.iter().map(|(it, _)| (*it).to_owned()));
        self.line(&format!("\n## Barriers\n\nOf a `crash`: {}.", words(devices)));
        self.line(&format!("Of a `server-crash`: {}.", words(server)));
        self.line(SEEN);
        self.line(&format!(
            "\n## Coverage marks\n\nA search of the table, and whether for mail out or in: {}.",
            quoted(marks())
        ));
        self.line("\n## Capabilities\n\n| name | a device that has it |\n| --- | --- |");
        for capability in CAPABILITIES {
            self.line(&format!("| `{}` | {} |", capability.name, capability.text));
        }
    }

    /// What a place takes, in words; sections that it needs come later on the page.
    fn takes(&mut self, kind: &Kind) -> String {
        match kind {
            Kind::Any => "any value".to_owned(),
            Kind::Leaf(leaf) => {
                if self.seen.insert(leaf.name.to_owned()) {
                    self.leaves.push(leaf);
                }
                leaf.name.to_owned()
            }
            Kind::Word(words) => {
                let list: Vec<_> =
                    words.words.iter().map(|(word, _)| format!("`{word}`")).collect();
                list.join(", ")
            }
            Kind::List(item) => format!("list of: {}", self.takes(item)),
            Kind::Names(names, value) => format!("map from {names} to: {}", self.takes(value)),
            Kind::Table(table) => self.section(Section::Table(table())),
            Kind::Tables(own, rest) => {
                let own = self.section(Section::Table(own()));
                format!("{own} with the keys of {}", self.section(Section::Table(rest())))
            }
            Kind::OneOf(choices) => self.section(Section::Choices(choices())),
            Kind::Either(one, other) => {
                let one = self.takes(one);
                format!("{one}; or {}", self.takes(other))
            }
        }
    }

    fn section(&mut self, section: Section) -> String {
        let title = match &section {
            Section::Table(table) => format!("map `{}`", table.name),
            Section::Choices(choices) => format!("one `{}`", choices.name),
        };
        if self.seen.insert(title.clone()) {
            self.queue.push(section);
        }
        title
    }
}

fn quoted(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn default(field: &Field, table: &Table) -> String {
    let alternative = table.rules.iter().any(|rule| match rule {
        Rule::ExactlyOne(keys) => keys.contains(&field.key),
        Rule::AtMostOne(_) | Rule::Needs(..) => false,
    });
    match field.default {
        Some(default) => format!("`{default}`"),
        None if field.required && !alternative => "required".to_owned(),
        None => String::new(),
    }
}

fn rule_text(rule: &Rule) -> String {
    let list = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        keys.join(", ")
    };
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = match rule {
        Rule::AtMostOne(keys) => write!(text, "At most one of {}.", list(keys)),
        Rule::ExactlyOne(keys) => write!(text, "Exactly one of {}.", list(keys)),
        Rule::Needs(key, other) => write!(text, "`{key}` only beside `{other}`."),
    };
    text
}
