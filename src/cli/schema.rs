//! `peadsim schema`: JSON Schemas, for editors and for people who write a device or a server, or read results.
//!
//! Not here: the schemas (`scenario::schema`, `conformance::message`, `conformance::server_message`, `report`).

use clap::{Args, ValueEnum};

use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::conformance::{message, server_message};
use crate::report::{conformance, json, load};
use crate::scenario::schema;

/// Arguments of `schema`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Schema {
    /// Of what.
    #[arg(value_name = "WHAT", default_value = "scenario")]
    pub what: What,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// A scenario file.
    Scenario,
    /// A file that says where a device is: `conform --device FILE`.
    Device,
    /// A line between the harness and a device, in either direction.
    Attachment,
    /// The same with a server: `conform --server`.
    AttachmentServer,
    /// What comes of `run --format json`, also as results.json.
    Results,
    /// What comes of `conform --format json`, also as results.json.
    Conformance,
    /// What comes of `load --format json`, also as results.json.
    Load,
    /// What comes of `load --knee`: knee.json.
    Knee,
}

/// Prints it.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run(args: Schema) -> Result<Exit, CliError> {
    output::print(&match args.what {
        What::Scenario => format!("{:#}\n", schema::schema()),
        What::Device => format!("{:#}\n", schema::device()),
        What::Attachment => message::SCHEMA.to_owned(),
        What::AttachmentServer => server_message::SERVER_SCHEMA.to_owned(),
        What::Results => json::SCHEMA.to_owned(),
        What::Conformance => conformance::json::SCHEMA.to_owned(),
        What::Load => load::SCHEMA.to_owned(),
        What::Knee => load::KNEE_SCHEMA.to_owned(),
    })?;
    Ok(Exit::Success)
}
