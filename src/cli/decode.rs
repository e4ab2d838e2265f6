//! `peadsim decode`: a frame field by field, or the octet where it breaks the format.
//!
//! Not here: the format (`wire`).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::base::units::parse_hex;
use crate::cli::args::Decode;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::wire::describe::describe;

/// Most octets read: a frame in hex with room for blanks.
const INPUT_MAX: u64 = 1 << 20;

/// Prints the frame. One that breaks the format is invalid input.
///
/// # Errors
/// When there is no frame to be read.
pub fn run(args: &Decode) -> Result<Exit, CliError> {
    let description = describe(&octets(&args.frame)?);
    output::print(&description.to_string())?;
    Ok(if description.error.is_some() { Exit::Usage } else { Exit::Success })
}

fn octets(frame: &str) -> Result<Vec<u8>, CliError> {
    let hex = parse_hex(frame);
    let (name, content) = match (frame, hex) {
        ("-", _) => ("stdin", read(io::stdin().lock())),
        (_, Ok(octets)) if !octets.is_empty() => return Ok(octets),
        (path, _) if Path::new(path).exists() => (path, File::open(path).and_then(read)),
        (text, _) => {
            return Err(CliError::Usage(format!(
                "`{text}` is neither a frame in hex nor a file\n  \
                 hex has an even number of digits 0-9 and a-f"
            )));
        }
    };
    let content = content.map_err(CliError::io(format!("cannot read `{name}`")))?;
    if content.is_empty() || content.len() as u64 > INPUT_MAX {
        let got = content.len();
        return Err(CliError::Usage(format!("`{name}` should hold one frame, got {got} octets")));
    }
    let text = std::str::from_utf8(&content).ok().and_then(|text| parse_hex(text).ok());
    Ok(text.unwrap_or(content))
}

fn read(input: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    input.take(INPUT_MAX + 1).read_to_end(&mut content)?;
    Ok(content)
}
