//! A profile: a file that says which tests together show that a device is fit for something.
//!
//! A test is a scenario with one of its devices under test. Not here: the scenarios, or running them
//! (`conformance`).

use crate::base::id::UserId;
use crate::scenario::ast::forms::Names;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{table, words};
use crate::scenario::leaf::{Name, ScenarioId};
use crate::scenario::read::read_alone;
use crate::scenario::source::{Sources, Spanned};
use crate::scenario::tree::Node;

table! {
    /// A profile: the tests that a device passes which meets it.
    Profile "profile" {
        /// The version of the language: `1`. It comes first.
        peadsim: Spanned<u64>,
        /// What the file is.
        kind: Spanned<ProfileWord>,
        /// Its name: `peadsim conform --profile core`.
        id: Spanned<Name>,
        /// What a device that meets it is fit for, in one sentence.
        title: Spanned<String>,
        /// Scenarios by ID, each with the devices of it that are under test, one at a time. An empty list: the
        /// server is.
        tests: Names<ScenarioId, Vec<Spanned<UserId>>>,
    }
}

words! {
    /// The kind of a profile's file.
    ProfileWord "kind" {
        /// A profile.
        Profile = "profile",
    }
}

/// Whether a text is meant as a profile.
#[must_use]
pub fn is_profile(tree: &Node) -> bool {
    tree.get("kind").and_then(Node::text).and_then(ProfileWord::find).is_some()
}

/// Reads a profile. What is wrong with it is in `sink`.
#[must_use]
pub fn read(
    name: &str,
    octets: &[u8],
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<Profile> {
    read_alone(name, octets, sources, sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::render::render;

    /// What comes of a text: its tests, or what is wrong.
    fn check(text: &str, expected: &str) {
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let profile = read("core.yaml", text.as_bytes(), &mut sources, &mut sink);
        let got = match profile.filter(|_| !sink.has_errors()) {
            Some(profile) => {
                let tests = profile.tests.0.iter().map(|it| {
                    let roles: Vec<_> = it.value.iter().map(|role| role.value.as_str()).collect();
                    format!("{}:{}", it.name.value.0, roles.join("+"))
                });
                tests.collect::<Vec<_>>().join(" ")
            }
            None => render(&sink, &sources, false),
        };
        assert!(got.contains(expected), "{got}");
    }

    #[test]
    fn a_profile_names_scenarios_and_roles() {
        let head = "peadsim: 1\nkind: profile\nid: core\ntitle: All\n";
        check(&format!("{head}tests: {{A-1: [bob, alice], B: []}}\n"), "A-1:bob+alice B:");
        check(&format!("{head}tests: {{A 1: [bob]}}\n"), "is no scenario ID");
        check(&format!("{head}test: {{}}\n"), "did you mean `tests`?");
        check("kind: profile\npeadsim: 1\nid: a\ntitle: t\n", "comes first");
    }
}
