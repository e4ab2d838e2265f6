//! Runs the program as a user does, in a folder of its own. Not here: what it should say.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A folder to run the program in.
#[derive(Debug)]
pub struct Place(TempDir);

/// What the program did.
#[derive(Debug)]
pub struct Done {
    /// The exit code.
    pub exit: i32,
    /// On stdout.
    pub out: String,
    /// On stderr.
    pub err: String,
}

impl Place {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a file in it; folders on the way are made.
    pub fn with(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The text of a file in it.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of its files.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The first transcript of a report.
    pub fn transcript(&self, report: &str) -> String {
        let folder = format!("{report}/transcripts");
        let name = self.names(&folder).into_iter().find(|it| it.ends_with(".jsonl")).unwrap();
        self.read(&format!("{folder}/{name}"))
    }

    /// The program with these arguments, not started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Done {
        let output = self.command(args).output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        Done {
            exit: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// A program that runs; it does not outlive a test that fails.
#[derive(Debug)]
pub struct Running(pub Child);

#[cfg(unix)]
impl Running {
    /// Asks it to end.
    pub fn ask_to_end(&self) {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program under test.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_peadsim"))
}
