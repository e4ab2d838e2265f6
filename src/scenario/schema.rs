//! The language as JSON Schema (draft 2020-12), for editors and other programs.
//!
//! Not here: any knowledge of keys; all of it comes from the tables.

use serde_json::{Map, Value, json};

use crate::scenario::ast::scenario::Scenario;
use crate::scenario::device::DeviceFile;
use crate::scenario::fields::{Choices, Field, Kind, Leaf, ReadMap as _, Rule, Table, prose};

/// The schema of scenario files.
#[must_use]
pub fn schema() -> Value {
    of_table("peadsim scenario", Scenario::table())
}

/// The schema of device files.
#[must_use]
pub fn device() -> Value {
    of_table("peadsim device", DeviceFile::table())
}

fn of_table(title: &str, table: &Table) -> Value {
    let mut builder = Builder { defs: Map::new() };
    let root = builder.table(table, None);
    builder.defs.insert(
        "parameter".to_owned(),
        json!({
            "description": "stands for the value of a parameter",
            "type": "string",
            "pattern": r"^\$[A-Za-z][A-Za-z0-9_-]*$",
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": root,
        "$defs": builder.defs,
    })
}

struct Builder {
    defs: Map<String, Value>,
}

impl Builder {
    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Any => json!(true),
            Kind::Leaf(leaf) => or_parameter(leaf_forms(leaf)),
            Kind::Word(words) => {
                let list: Vec<_> = words.words.iter().map(|(word, _)| *word).collect();
                or_parameter(vec![json!({"enum": list})])
            }
            Kind::List(item) => json!({"type": "array", "items": self.kind(item)}),
            Kind::Names(_, value) => {
                json!({"type": "object", "additionalProperties": self.kind(value)})
            }
            Kind::Table(table) => {
                let table = table();
                let reference = json!({"$ref": self.table(table, None)});
                self.with_short(table, reference)
            }
            Kind::Tables(own, rest) => {
                let reference = self.table(own(), Some(rest()));
                json!({"$ref": reference})
            }
            Kind::OneOf(choices) => json!({"$ref": self.choices(choices())}),
            Kind::Either(one, other) => json!({"anyOf": [self.kind(one), self.kind(other)]}),
        }
    }

    fn with_short(&mut self, table: &Table, reference: Value) -> Value {
        let short = table.short.and_then(|key| table.fields.iter().find(|field| field.key == key));
        match short {
            Some(field) => json!({"anyOf": [reference, self.kind(&field.kind)]}),
            None => or_parameter(vec![reference]),
        }
    }

    /// Defines the map with the keys of a table, and of another beside it; gives its address.
    fn table(&mut self, table: &Table, beside: Option<&Table>) -> String {
        let name = match beside {
            Some(beside) => format!("{} + {}", table.name, beside.name),
            None => table.name.to_owned(),
        };
        let address = address(&name);
        if let Some(known) = self.defs.get(&name) {
            let same = known.is_null() || known["description"] == prose(table.doc);
            assert!(same, "two tables are called `{name}`");
            return address;
        }
        // The place is taken first, since tables may contain each other.
        self.defs.insert(name.clone(), Value::Null);
        let tables = [Some(table), beside];
        let fields = || tables.iter().flatten().flat_map(|table| table.fields);
        let properties: Map<String, Value> =
            fields().map(|field| (field.key.to_owned(), self.field(field))).collect();
        let required: Vec<_> = fields()
            .filter(|field| field.required && !is_alternative(field, &tables))
            .map(|field| field.key)
            .collect();
        let mut object = json!({
            "description": prose(table.doc),
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        let rules: Vec<_> =
            tables.iter().flatten().flat_map(|table| table.rules).flat_map(rule).collect();
        if !rules.is_empty() {
            object["allOf"] = rules.into();
        }
        self.defs.insert(name, object);
        address
    }

    fn field(&mut self, field: &Field) -> Value {
        let mut value = self.kind(&field.kind);
        if let Value::Bool(_) = value {
            value = json!({});
        }
        value["description"] = prose(field.doc).into();
        if let Some(default) = field.default {
            value["default"] = default.into();
        }
        value
    }

    fn choices(&mut self, choices: &Choices) -> String {
        let name = format!("one {}", choices.name);
        let address = address(&name);
        if self.defs.contains_key(&name) {
            return address;
        }
        self.defs.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for (key, kind, doc) in choices.choices {
            let mut value = match (kind, choices.common) {
                (Kind::Table(table), Some(common)) => {
                    let reference = json!({"$ref": self.table(table(), Some(common()))});
                    self.with_short(table(), reference)
                }
                (kind, _) => self.kind(kind),
            };
            value["description"] = prose(doc).into();
            properties.insert((*key).to_owned(), value);
        }
        let object = json!({
            "description": prose(choices.doc),
            "type": "object",
            "properties": properties,
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
        });
        self.defs.insert(name, object);
        address
    }
}

fn address(name: &str) -> String {
    format!("#/$defs/{}", name.replace(' ', "%20"))
}

fn or_parameter(mut forms: Vec<Value>) -> Value {
    forms.push(json!({"$ref": "#/$defs/parameter"}));
    json!({"anyOf": forms})
}

fn leaf_forms(leaf: &Leaf) -> Vec<Value> {
    let mut forms = vec![if leaf.pattern.is_empty() {
        json!({"type": "string"})
    } else {
        json!({"type": "string", "pattern": leaf.pattern})
    }];
    if !leaf.json.is_empty() {
        forms.push(json!({"type": leaf.json}));
    }
    forms
}

fn is_alternative(field: &Field, tables: &[Option<&Table>]) -> bool {
    tables.iter().flatten().flat_map(|table| table.rules).any(|rule| match rule {
        Rule::ExactlyOne(keys) => keys.contains(&field.key),
        Rule::AtMostOne(_) | Rule::Needs(..) => false,
    })
}

fn rule(rule: &Rule) -> Vec<Value> {
    let pairs = |keys: &[&str]| {
        let mut list = Vec::new();
        for (at, first) in keys.iter().enumerate() {
            for second in &keys[at + 1..] {
                list.push(json!({"not": {"required": [first, second]}}));
            }
        }
        list
    };
    match rule {
        Rule::AtMostOne(keys) => pairs(keys),
        Rule::ExactlyOne(keys) => {
            let one: Vec<_> = keys.iter().map(|key| json!({"required": [key]})).collect();
            vec![json!({"oneOf": one})]
        }
        Rule::Needs(key, other) => {
            let mut needs = Map::new();
            needs.insert((*key).to_owned(), json!([other]));
            vec![json!({"dependentRequired": needs})]
        }
    }
}
