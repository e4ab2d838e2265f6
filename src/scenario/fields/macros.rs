//! The macros that declare the language: maps, words, single values and one-key maps.
//!
//! Not here: any declaration (`ast`, `leaf`).

/// Declares a map: the struct, its table of keys and its reader, in one place.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $name:ident $title:literal $(short $short:literal)? {
            $($(#[doc = $fdoc:literal])+
            $field:ident $(as $key:literal)? : $type:ty $(= $default:literal)?,)*
        }
        $(rules [$($rule:expr),* $(,)?])?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name {
            $($(#[doc = $fdoc])+ pub $field: $type,)*
        }

        impl crate::scenario::fields::ReadMap for $name {
            fn table() -> &'static crate::scenario::fields::Table {
                static TABLE: crate::scenario::fields::Table = crate::scenario::fields::Table {
                    name: $title,
                    doc: &[$($doc),+],
                    short: crate::scenario::fields::first(&[$($short)?]),
                    fields: &[$(crate::scenario::fields::Field {
                        key: crate::scenario::fields::key(&[$($key)?], stringify!($field)),
                        kind: <$type as crate::scenario::fields::Read>::KIND,
                        required: <$type as crate::scenario::fields::Read>::REQUIRED
                            && crate::scenario::fields::first(&[$($default)?]).is_none(),
                        default: crate::scenario::fields::first(&[$($default)?]),
                        doc: &[$($fdoc),+],
                    },)*],
                    rules: {
                        #[allow(unused_imports, reason = "not every table has rules")]
                        use crate::scenario::fields::Rule::{AtMostOne, ExactlyOne, Needs};
                        &[$($($rule),*)?]
                    },
                };
                &TABLE
            }

            #[allow(unused_mut, unused_variables, reason = "a table may have no keys")]
            fn read_map(
                map: &mut crate::scenario::fields::MapReader<'_>,
                sink: &mut crate::scenario::diagnostics::Diagnostics,
            ) -> Option<Self> {
                let mut fields = Self::table().fields.iter();
                $(let $field = fields.next().and_then(|field| map.take(field, sink));)*
                Some(Self { $($field: $field?,)* })
            }
        }

        impl crate::scenario::fields::Read for $name {
            const KIND: crate::scenario::fields::Kind = crate::scenario::fields::Kind::Table(
                <Self as crate::scenario::fields::ReadMap>::table,
            );

            fn read(
                node: &crate::scenario::tree::Node,
                sink: &mut crate::scenario::diagnostics::Diagnostics,
            ) -> Option<Self> {
                crate::scenario::fields::read_table(node, sink)
            }
        }
    };
}

/// Declares a closed list of words.
macro_rules! words {
    (
        $(#[doc = $doc:literal])+
        $name:ident $title:literal {
            $($(#[doc = $wdoc:literal])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum $name {
            $($(#[doc = $wdoc])+ $variant,)+
        }

        impl $name {
            /// All words with their values.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];

            /// The word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value of a word.
            #[must_use]
            pub fn find(word: &str) -> Option<Self> {
                Self::ALL.iter().find(|(text, _)| *text == word).map(|(_, value)| *value)
            }
        }

        impl crate::scenario::fields::Read for $name {
            const KIND: crate::scenario::fields::Kind =
                crate::scenario::fields::Kind::Word(&crate::scenario::fields::Words {
                    name: $title,
                    words: &[$(($word, &[$($wdoc),+]),)+],
                });

            fn read(
                node: &crate::scenario::tree::Node,
                sink: &mut crate::scenario::diagnostics::Diagnostics,
            ) -> Option<Self> {
                let found = node.text().and_then(Self::find);
                if found.is_none() {
                    sink.unknown_word(node, $title, &[$($word),+]);
                }
                found
            }
        }
    };
}

/// Declares an enum that is read from a map with exactly one key.
macro_rules! one_of {
    (
        $(#[doc = $doc:literal])+
        $name:ident $title:literal $(beside $common:ty)? {
            $($(#[doc = $cdoc:literal])+ $variant:ident($type:ty) = $key:literal,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum $name {
            $($(#[doc = $cdoc])+ $variant($type),)+
        }

        impl $name {
            /// The keys, each with what it takes.
            #[must_use]
            pub fn choices() -> &'static crate::scenario::fields::Choices {
                static CHOICES: crate::scenario::fields::Choices =
                    crate::scenario::fields::Choices {
                        name: $title,
                        doc: &[$($doc),+],
                        choices: &[$((
                            $key,
                            <$type as crate::scenario::fields::Read>::KIND,
                            &[$($cdoc),+],
                        ),)+],
                        common: crate::scenario::fields::first_table(&[
                            $(<$common as crate::scenario::fields::ReadMap>::table)?
                        ]),
                    };
                &CHOICES
            }

            /// The key under which it stands.
            #[must_use]
            pub const fn key(&self) -> &'static str {
                match self { $(Self::$variant(_) => $key,)+ }
            }
        }

        one_of!(@read $name $($common)? ; $($variant($type) = $key,)+);
    };
    (@read $name:ident ; $($variant:ident($type:ty) = $key:literal,)+) => {
        impl crate::scenario::fields::Read for $name {
            const KIND: crate::scenario::fields::Kind =
                crate::scenario::fields::Kind::OneOf(Self::choices);

            fn read(
                node: &crate::scenario::tree::Node,
                sink: &mut crate::scenario::diagnostics::Diagnostics,
            ) -> Option<Self> {
                let entry = crate::scenario::fields::single_entry(node, Self::choices(), sink)?;
                match entry.key.value.as_str() {
                    $($key => <$type as crate::scenario::fields::Read>::read(&entry.value, sink)
                        .map(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
    (@read $name:ident $common:ty ; $($variant:ident($type:ty) = $key:literal,)+) => {
        impl crate::scenario::fields::ReadBeside for $name {
            type Common = $common;

            fn choices() -> &'static crate::scenario::fields::Choices {
                Self::choices()
            }

            fn read_beside(
                key: &str,
                map: &mut crate::scenario::fields::MapReader<'_>,
                sink: &mut crate::scenario::diagnostics::Diagnostics,
            ) -> Option<Self> {
                match key {
                    $($key => <$type as crate::scenario::fields::ReadMap>::read_map(map, sink)
                        .map(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

/// Declares how a type is read from a single value.
macro_rules! leaf {
    (
        $type:ty, $name:literal, $expected:literal, $pattern:literal, [$($json:literal),*],
        $parse:expr
    ) => {
        impl crate::scenario::fields::Scalar for $type {
            const LEAF: &'static crate::scenario::fields::Leaf = &crate::scenario::fields::Leaf {
                name: $name,
                expected: $expected,
                pattern: $pattern,
                json: &[$($json),*],
            };

            fn parse(text: &str) -> Result<Self, String> {
                $parse(text)
            }
        }

        impl crate::scenario::fields::Read for $type {
            const KIND: crate::scenario::fields::Kind = crate::scenario::fields::Kind::Leaf(
                <Self as crate::scenario::fields::Scalar>::LEAF,
            );

            fn read(
                node: &crate::scenario::tree::Node,
                sink: &mut crate::scenario::diagnostics::Diagnostics,
            ) -> Option<Self> {
                crate::scenario::fields::read_scalar(node, sink)
            }
        }
    };
}

pub(in crate::scenario) use {leaf, one_of, table, words};
