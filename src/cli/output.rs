//! Files and streams that the program writes: whole or not at all, and tried before the work begins.
//!
//! Not here: what is written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cli::exit::CliError;

/// How many drafts this process has made.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// A file being written beside its place; it moves there when it is whole.
#[derive(Debug)]
pub struct Draft {
    file: Option<BufWriter<File>>,
    temporary: PathBuf,
    place: PathBuf,
}

impl Draft {
    /// Opens the temporary file, which shows whether the folder can be written to.
    ///
    /// # Errors
    /// When it cannot, or the place is a folder.
    pub fn create(place: &Path) -> Result<Self, CliError> {
        let failed = || CliError::io(format!("cannot write `{}`", place.display()));
        let name = place.file_name().filter(|_| !place.is_dir());
        let name = name.ok_or_else(|| io::ErrorKind::IsADirectory.into()).map_err(failed())?;
        // The number keeps two drafts of one place apart.
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let hidden = format!(".{}.{}.{number}.tmp", name.to_string_lossy(), std::process::id());
        let temporary = place.with_file_name(hidden);
        let file = File::create(&temporary).map_err(failed())?;
        Ok(Self { file: Some(BufWriter::new(file)), temporary, place: place.to_owned() })
    }

    /// Writes the whole text and moves it to its place.
    ///
    /// # Errors
    /// When the disk is full, or the file cannot be moved.
    pub fn finish(mut self, text: &str) -> Result<(), CliError> {
        self.write_all(text.as_bytes())
            .map_err(CliError::io(format!("cannot write `{}`", self.place.display())))?;
        self.publish()
    }

    /// Moves what was written to its place.
    ///
    /// # Errors
    /// When the disk is full, or the file cannot be moved.
    pub fn publish(mut self) -> Result<(), CliError> {
        self.move_to_place()
            .map_err(CliError::io(format!("cannot write `{}`", self.place.display())))
    }

    fn move_to_place(&mut self) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&self.temporary, &self.place)?;
        }
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Draft {
    /// Leaves nothing behind; after publishing there is nothing to remove.
    fn drop(&mut self) {
        self.file.take();
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(place: &Path, text: &str) -> Result<(), CliError> {
    Draft::create(place)?.finish(text)
}

/// Makes a folder for reports and tries to write these files there.
///
/// # Errors
/// When it cannot be made, or one of them not be written.
pub fn folder(path: &Path, names: &[&str]) -> Result<(), CliError> {
    fs::create_dir_all(path)
        .map_err(CliError::io(format!("cannot make the folder `{}`", path.display())))?;
    names.iter().try_for_each(|name| Draft::create(&path.join(name)).map(drop))
}

/// Writes to stdout. A reader that went away (`| head`) is no error.
///
/// # Errors
/// When stdout cannot be written to.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(CliError::io("cannot write to stdout")),
    }
}

/// Writes to stderr, where nobody may be listening.
pub fn note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether stdout shows colors: a terminal, and nobody said otherwise (`NO_COLOR`).
#[must_use]
pub fn stdout_has_color() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Whether stderr shows colors.
#[must_use]
pub fn stderr_has_color() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("results.json");
        write(&place, "old").unwrap();
        let mut draft = Draft::create(&place).unwrap();
        draft.write_all(b"ne").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "old");
        drop(draft);
        assert_eq!(names(folder.path()), ["results.json"]);
        write(&place, "new").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "new");
        assert_eq!(names(folder.path()), ["results.json"]);
    }

    #[test]
    fn what_cannot_be_written_is_found_at_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(folder(&dir.path().join("file/reports"), &[]).is_err());
        assert!(Draft::create(&dir.path().join("none/trace.jsonl")).is_err());
        assert!(Draft::create(dir.path()).is_err());
        folder(&dir.path().join("a/b"), &["a.json"]).unwrap();
        fs::create_dir(dir.path().join("b.json")).unwrap();
        assert!(folder(dir.path(), &["a.json", "b.json"]).is_err());
        assert_eq!(names(&dir.path().join("a/b")), [""; 0]);
    }
}
