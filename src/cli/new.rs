//! `peadsim new`: a commented skeleton to start from.
//!
//! Not here: the skeletons, which are files beside this one.

use std::path::Path;

use crate::cli::args::New;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::words::Skeleton;

/// Writes it, with an ID made from the file's name.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn run(args: &New) -> Result<Exit, CliError> {
    let file = &args.file;
    let text = skeleton(args.like).replace("ID-OF-THE-FILE", &id(file));
    if file == Path::new("-") {
        output::print(&text)?;
        return Ok(Exit::Success);
    }
    if file.exists() {
        let message = format!("`{}` exists already and is left alone", file.display());
        return Err(CliError::Usage(message));
    }
    output::write(file, &text)?;
    let file = file.display();
    output::print(&format!("wrote {file}; try `peadsim check {file}`\n"))?;
    Ok(Exit::Success)
}

/// `rot-r1.yaml` is about `rot-r1`; what an ID cannot hold becomes a dash.
fn id(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let id: String = stem.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    match id.trim_start_matches(|c: char| !c.is_ascii_alphabetic()) {
        "" => "MY-SCENARIO".to_owned(),
        id => id.to_owned(),
    }
}

const fn skeleton(like: Skeleton) -> &'static str {
    match like {
        Skeleton::Rotation => include_str!("skeletons/rotation.yaml"),
        Skeleton::Delivery => include_str!("skeletons/delivery.yaml"),
        Skeleton::Approval => include_str!("skeletons/approval.yaml"),
        Skeleton::Fleet => include_str!("skeletons/fleet.yaml"),
        Skeleton::Conform => include_str!("skeletons/conform.yaml"),
        Skeleton::Load => include_str!("skeletons/load.yaml"),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::scenario::read::{Extras, read_text};

    #[test]
    fn skeletons_pass_the_check() {
        for like in Skeleton::value_variants() {
            let text = skeleton(*like).replace("ID-OF-THE-FILE", "TRY");
            let mut reading = read_text("skeleton.yaml", &text, &Extras::default());
            reading.check();
            assert!(reading.diagnostics.is_empty(), "{like:?}\n{}", reading.render(false));
            assert!(!reading.cases.is_empty());
        }
    }

    #[test]
    fn an_id_is_made_from_the_name_of_the_file() {
        for (file, expected) in [
            ("rot-r1.yaml", "rot-r1"),
            ("dir/a b.yaml", "a-b"),
            ("-", "MY-SCENARIO"),
            ("1st.yaml", "st"),
        ] {
            assert_eq!(id(Path::new(file)), expected);
        }
    }
}
