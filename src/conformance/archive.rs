//! The folder that keeps the transcripts of a run: a file a test, written beside its place until it is whole.
//!
//! Not here: what stands in them (`transcript`), or the reports beside them (`cli`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::base::units::hex;
use crate::conformance::judge::{Judged, NoVerdict, judge};
use crate::conformance::keyring::{KeyError, Keyring};
use crate::conformance::transcript::Writer;

/// Where transcripts lie in the folder of a report.
const PLACE: &str = "transcripts";
/// What a whole transcript's name ends with.
const ENDING: &str = "jsonl";
/// What is added to it for the keys beside it.
const KEYS: &str = "keys";

/// The transcripts in the folder of a report.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// A transcript being written.
#[derive(Debug)]
pub struct Open {
    /// Its name, from the folder of the report.
    pub name: String,
    part: PathBuf,
    place: PathBuf,
}

/// Why a transcript gives no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It cannot be opened.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// It gives none.
    #[error(transparent)]
    NoVerdict(#[from] NoVerdict),
}

impl Archive {
    /// In this folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn of(report: &Path) -> io::Result<Self> {
        fs::create_dir_all(report.join(PLACE))?;
        Ok(Self { folder: report.to_owned() })
    }

    /// Begins the transcript of a test's n-th making, from 0.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn begin(&self, id: &str, making: u32) -> io::Result<(Open, Writer)> {
        let name = file_name(id, making);
        let place = self.folder.join(&name);
        let part = place.with_extension("part");
        let lines = BufWriter::new(File::create(&part)?);
        let keys = BufWriter::new(private(&keys_of(&place))?);
        let writer = Writer::new(Box::new(lines), Box::new(keys));
        Ok((Open { name, part, place }, writer))
    }

    /// The names of whole transcripts, in order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder.join(PLACE))? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == ENDING) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                names.push(format!("{PLACE}/{name}"));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether this is the name of a transcript in a folder of reports, and leads nowhere else.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let own = name.strip_prefix(PLACE).and_then(|it| it.strip_prefix('/'));
        own.is_some_and(|own| !own.contains(['/', '\\']) && own.ends_with(ENDING))
    }

    /// The name of the keys beside a transcript of this name.
    #[must_use]
    pub fn keys_of(name: &str) -> String {
        format!("{name}.{KEYS}")
    }

    /// Judges a transcript again.
    ///
    /// # Errors
    /// Why it gives no verdict.
    pub fn judge(&self, name: &str) -> Result<Judged, Unread> {
        if !Self::is_name(name) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        }
        judge_file(&self.folder.join(name), name)
    }
}

/// Judges a transcript that lies anywhere, with its keys beside it.
///
/// # Errors
/// Why it gives no verdict.
pub fn judge_file(place: &Path, name: &str) -> Result<Judged, Unread> {
    let lines = BufReader::new(File::open(place)?);
    let keys = match File::open(keys_of(place)) {
        Ok(file) => Keyring::read(BufReader::new(file))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Keyring::default(),
        Err(error) => return Err(error.into()),
    };
    Ok(judge(lines, &keys, name)?)
}

impl Open {
    /// The transcript is whole: it goes to its place.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn publish(self) -> io::Result<()> {
        fs::rename(&self.part, &self.place)
    }
}

fn keys_of(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".");
    name.push(KEYS);
    name.into()
}

/// A new file that only its owner reads.
fn private(place: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(place)
}

/// Characters of a test's ID that every file system takes.
const NAME_MAX: usize = 100;

/// The name of a transcript: what can be read of the ID, and enough of its hash to be nobody else's.
fn file_name(id: &str, making: u32) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.=@".contains(c) { c } else { '_' };
    let readable: String = id.chars().take(NAME_MAX).map(plain).collect();
    let hash = hex(&Sha256::digest(id)[..4]);
    let again = if making == 0 { String::new() } else { format!("-{}", making + 1) };
    format!("{PLACE}/{readable}-{hash}{again}.{ENDING}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_has_a_file_of_its_own_with_a_plain_name() {
        let one = file_name("A[n=1/2 s]@bob#1", 0);
        assert_eq!(one.matches('/').count(), 1);
        assert!(
            one.starts_with("transcripts/A_n=1_2_s_@bob_1-") && one.ends_with(".jsonl"),
            "{one}"
        );
        assert_ne!(one, file_name("A[n=1_2 s]@bob#1", 0));
        assert_ne!(one, file_name("A[n=1/2 s]@bob#1", 1));
        assert!(file_name(&"../".repeat(900), 0).len() < 140);
        assert!(Archive::is_name(&one) && !Archive::is_name("transcripts/../a.jsonl"));
        assert!(!Archive::is_name("/etc/a.jsonl") && !Archive::is_name("transcripts/a.html"));
    }

    #[test]
    fn a_transcript_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::of(folder.path()).unwrap();
        let (open, mut writer) = archive.begin("A@bob#1", 0).unwrap();
        assert_eq!(archive.names().unwrap(), [""; 0]);
        writer.finish().unwrap();
        let name = open.name.clone();
        open.publish().unwrap();
        assert_eq!(archive.names().unwrap(), std::slice::from_ref(&name));
        assert!(matches!(archive.judge(&name), Err(Unread::NoVerdict(NoVerdict::NoHead))));
    }
}
