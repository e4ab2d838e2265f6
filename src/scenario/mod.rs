//! Floor 3: the scenario language: text to plan, with every finding in one go.
//!
//! Not here: running a plan. What the language is stands in the reference page below.
//!
#![doc = include_str!("reference.md")]

pub mod address;
pub mod ast;
pub mod codes;
pub mod contacts;
pub mod device;
pub mod diagnostics;
pub mod expand;
pub mod fields;
pub mod generate;
pub mod known;
pub mod leaf;
pub mod library;
pub mod lint;
pub mod native;
pub mod overrides;
pub mod permutation;
pub mod plan;
pub mod profile;
pub mod range;
pub mod read;
pub mod reference;
pub mod render;
pub mod resolve;
pub mod schema;
pub mod shrink;
pub mod source;
pub mod syntax;
pub mod traffic;
pub mod tree;
pub mod under_load;
pub mod variant;
pub mod write;
mod yaml;
