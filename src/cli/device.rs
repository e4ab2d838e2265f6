//! `peadsim device`: the reference device as something to attach.
//!
//! Not here: what it answers (`conformance::adapter`).

use std::io;

use crate::cli::args::Device;
use crate::cli::exit::{CliError, Exit};
use crate::conformance::adapter::{Adapter, Nature};
use crate::conformance::serve::serve;
use crate::proto::deviation::{Deviation, Deviations, Side};
use crate::scenario::diagnostics::suggest;

/// Answers on standard output what is asked on standard input, until that ends.
///
/// # Errors
/// When a deviation is unknown or no device's, or the streams fail.
pub fn run(args: &Device) -> Result<Exit, CliError> {
    let deviations: Result<Deviations, CliError> =
        args.deviations.iter().map(|name| deviation(name)).collect();
    let mut adapter = Adapter::new(Nature { deviations: deviations?, opaque: args.opaque });
    let served = serve(&mut adapter, io::stdin(), &mut io::stdout().lock());
    served.map_err(CliError::io("the line to the harness fails"))?;
    Ok(Exit::Success)
}

fn deviation(name: &str) -> Result<Deviation, CliError> {
    let of_devices = || Deviation::ALL.iter().filter(|it| it.side() == Side::Device);
    of_devices().find(|it| it.id() == name).copied().ok_or_else(|| {
        let near = suggest(name, of_devices().map(|it| it.id()));
        let near = near.map_or_else(String::new, |near| format!("\n  did you mean `{near}`?"));
        CliError::Usage(format!("no deviation of devices is called `{name}`{near}"))
    })
}
