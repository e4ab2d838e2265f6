//! `peadsim vectors`: known answers of the protocol as JSON or as a C header.
//!
//! Not here: the answers (`crypto::vectors`).

use std::fmt::Write as _;

use serde_json::json;

use crate::base::units::hex;
use crate::cli::args::Vectors;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::words::VectorFormat;
use crate::crypto::suite::Point;
use crate::crypto::vectors::{InvalidPoint, KnownAnswer, invalid_points, known_answers};

/// Prints them.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run(args: &Vectors) -> Result<Exit, CliError> {
    let answers = known_answers();
    let points = points_to_refuse(&answers);
    output::print(&match args.format {
        VectorFormat::Json => as_json(&answers, &points),
        VectorFormat::C => as_c(&answers, &points),
    })?;
    Ok(Exit::Success)
}

/// Made from bob's public key, so that they can stand in its place.
fn points_to_refuse(answers: &[KnownAnswer]) -> Vec<InvalidPoint> {
    answers
        .iter()
        .find(|answer| answer.name == "pkB")
        .and_then(|answer| Point::try_from(answer.octets.as_slice()).ok())
        .map_or_else(Vec::new, |point| invalid_points(&point))
}

fn as_json(answers: &[KnownAnswer], points: &[InvalidPoint]) -> String {
    let answers = answers.iter().map(|KnownAnswer { name, meaning, octets }| {
        json!({"name": name, "meaning": meaning, "octets": hex(octets)})
    });
    let points = points
        .iter()
        .map(|InvalidPoint { name, octets }| json!({"name": name, "octets": hex(octets)}));
    let document = json!({
        "peadsim-vectors": 1,
        "profile": "PEAD-P256-1",
        "known_answers": answers.collect::<Vec<_>>(),
        "invalid_points": points.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn as_c(answers: &[KnownAnswer], points: &[InvalidPoint]) -> String {
    let mut text = String::from(
        "/* Known answers of PEAD-P256-1, printed by `peadsim vectors --format c`. */\n\
         #ifndef PEAD_VECTORS_H\n#define PEAD_VECTORS_H\n\n#include <stddef.h>\n\n",
    );
    for KnownAnswer { name, meaning, octets } in answers {
        array(&mut text, &format!("pead_{name}"), meaning, octets);
    }
    text += "/* Points to refuse in the place of pkB (C05-R8). */\n";
    for (n, InvalidPoint { name, octets }) in points.iter().enumerate() {
        array(&mut text, &format!("pead_invalid_{n}"), name, octets);
    }
    text += "struct pead_point { const unsigned char *octets; size_t len; };\n\n\
             static const struct pead_point pead_invalid_points[] = {\n";
    for (n, point) in points.iter().enumerate() {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "    {{pead_invalid_{n}, {}}},", point.octets.len());
    }
    text + "};\n\n#endif\n"
}

/// An empty array is no C: it gets one octet that its length leaves out.
fn array(text: &mut String, name: &str, meaning: &str, octets: &[u8]) {
    let shown: &[u8] = if octets.is_empty() { &[0] } else { octets };
    let _ = writeln!(text, "/* {meaning}: {} octets */", octets.len());
    let _ = writeln!(text, "static const unsigned char {name}[{}] = {{", shown.len());
    for line in shown.chunks(12) {
        let line: Vec<String> = line.iter().map(|octet| format!("0x{octet:02x}")).collect();
        let _ = writeln!(text, "    {},", line.join(", "));
    }
    text.push_str("};\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_hold_every_value() {
        let answers = known_answers();
        let points = points_to_refuse(&answers);
        assert!(points.len() > 10, "points to refuse are made of pkB");
        let (json, c) = (as_json(&answers, &points), as_c(&answers, &points));
        for answer in &answers {
            assert!(json.contains(&hex(&answer.octets)), "{}", answer.name);
            assert!(c.contains(&format!(" pead_{}[{}] ", answer.name, answer.octets.len())));
        }
        let arrays = c.matches("static const unsigned char").count();
        assert_eq!(arrays, answers.len() + points.len());
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }
}
