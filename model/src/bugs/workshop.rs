//! Where a mutated specification is built and run.
//!
//! The copy stands always at the same place below the target directory, and only files that differ are written: so
//! Cargo and the compiler keep what a mutation does not touch, and a mutant costs seconds.

use super::exhibit::{Exhibit, Question};
use super::{Bug, BugError, patch};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The profile of mutants: fast to build again after a change of a line, and still fast to run.
const PROFILE: &str = "\n[profile.mutant]\ninherits = \"release\"\ndebug = false\nopt-level = 2\nincremental = true\n\
                       codegen-units = 64\n";

/// What the copy holds.
const MIRRORED: [&str; 4] = ["Cargo.toml", "Cargo.lock", "specs", "model"];

/// A copy of the workspace with a bug in it, or without.
#[derive(Debug)]
pub struct Workshop {
    /// The sources.
    root: PathBuf,
    /// The copy.
    copy: PathBuf,
    /// Where Cargo builds it.
    target: PathBuf,
    /// Held as long as the workshop is in use: two at once would build each other's bugs.
    _lock: File,
}

/// What becomes of a file, by its name, when it is copied.
type Mutate<'a> = dyn Fn(&str, Vec<u8>) -> Result<Vec<u8>, BugError> + 'a;

impl Workshop {
    /// Opens the workshop of the workspace at `root`; waits until nobody else uses it.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn open(root: &Path) -> Result<Workshop, BugError> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let home = root.join(target).join("bugs");
        let copy = home.join("workspace");
        fs::create_dir_all(&copy).map_err(BugError::file(&copy))?;
        let path = home.join("lock");
        let lock = File::create(&path).map_err(BugError::file(&path))?;
        lock.lock().map_err(BugError::file(&path))?;
        Ok(Workshop { root: root.to_owned(), copy, target: home.join("target"), _lock: lock })
    }

    /// Plants the bug into a fresh copy of the sources.
    ///
    /// # Errors
    /// When a file cannot be copied, or the diff does not apply.
    pub fn plant(&self, bug: &Bug) -> Result<(), BugError> {
        let parts = patch::parts(bug)?;
        let mutate = |file: &str, text: Vec<u8>| match parts.iter().find(|part| part.file == file) {
            Some(part) => patch::apply(bug, part, &String::from_utf8_lossy(&text)).map(String::into_bytes),
            None if file == "Cargo.toml" => Ok(manifest(&String::from_utf8_lossy(&text)).into_bytes()),
            None => Ok(text),
        };
        if let Some(part) = parts.iter().find(|part| !self.root.join(part.file).is_file()) {
            let (id, file) = (bug.id.clone(), part.file.to_owned());
            return Err(BugError::Hunk { id, file, hunk: 1, why: "there is no such file" });
        }
        MIRRORED.iter().try_for_each(|name| self.mirror(name, &mutate))
    }

    /// Plants these texts in place of the files of these names, relative to the workspace, into a fresh copy.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn replace(&self, texts: &BTreeMap<String, String>) -> Result<(), BugError> {
        let mutate = |file: &str, text: Vec<u8>| match texts.get(file) {
            Some(other) => Ok(other.clone().into_bytes()),
            None if file == "Cargo.toml" => Ok(manifest(&String::from_utf8_lossy(&text)).into_bytes()),
            None => Ok(text),
        };
        MIRRORED.iter().try_for_each(|name| self.mirror(name, &mutate))
    }

    /// Makes the copy of a file or directory what the original is, writing only what differs.
    fn mirror(&self, name: &str, mutate: &Mutate<'_>) -> Result<(), BugError> {
        let (from, to) = (self.root.join(name), self.copy.join(name));
        if !from.is_dir() {
            let wanted = mutate(name, fs::read(&from).map_err(BugError::file(&from))?)?;
            if fs::read(&to).ok().as_ref() != Some(&wanted) {
                fs::write(&to, wanted).map_err(BugError::file(&to))?;
            }
            return Ok(());
        }
        fs::create_dir_all(&to).map_err(BugError::file(&to))?;
        let names = names(&from)?;
        for gone in names_of_copy(&to)?.iter().filter(|name| !names.contains(name)) {
            let path = to.join(gone);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(BugError::file(&path))?;
        }
        names.iter().try_for_each(|inner| self.mirror(&format!("{name}/{inner}"), mutate))
    }

    /// Builds what was planted.
    ///
    /// # Errors
    /// When Cargo is missing, or the compiler says no.
    pub fn build(&self, bug: &Bug) -> Result<(), BugError> {
        // What the workspace was built with is there already; the network is asked only if it is not.
        let words = ["build", "--quiet", "--package", "model", "--bin", "model"];
        let mut output = self.cargo(&words).arg("--offline").output().map_err(no_cargo)?;
        if !output.status.success() && !compiles(&output) {
            output = self.cargo(&words).output().map_err(no_cargo)?;
        }
        if output.status.success() {
            return Ok(());
        }
        Err(BugError::Build { id: bug.id.clone(), errors: String::from_utf8_lossy(&output.stderr).into_owned() })
    }

    /// Cargo with these words, in the copy.
    #[must_use]
    pub fn cargo(&self, words: &[&str]) -> Command {
        let mut command = Command::new(cargo());
        command.args(words).args(["--profile", "mutant", "--target-dir"]).arg(&self.target).current_dir(&self.copy);
        // Flags and wrappers of the outer build (coverage, warnings as errors) are not for mutants.
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_MANIFEST_DIR"] {
            command.env_remove(variable);
        }
        command
    }

    /// The mutated model, as [`Workshop::build`] leaves it.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.target.join("mutant").join(format!("model{}", std::env::consts::EXE_SUFFIX))
    }

    /// Lets the mutated model explore the bug's bounds.
    ///
    /// # Errors
    /// When it ends without an answer.
    pub fn run(&self, bug: &Bug) -> Result<Exhibit, BugError> {
        let program = self.program();
        let question = Question { bounds: bug.bounds, expected: bug.properties.clone() };
        let question = serde_json::to_string(&question).expect("a question is plain data");
        let output = Command::new(&program).args(["bugs", "--exhibit", &question]).output();
        let output = output.map_err(BugError::file(&program))?;
        let answer = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&answer).map_err(|_| {
            let why = format!("{}, {answer}{}", output.status, String::from_utf8_lossy(&output.stderr));
            BugError::NoAnswer { id: bug.id.clone(), why }
        })
    }

    /// Copies the mutated sources to a directory, for reading.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, bug: &Bug, directory: &Path) -> Result<(), BugError> {
        for part in patch::parts(bug)? {
            let to = directory.join(&bug.id).join(part.file);
            let parent = to.parent().unwrap_or(directory);
            fs::create_dir_all(parent).map_err(BugError::file(parent))?;
            fs::copy(self.copy.join(part.file), &to).map_err(BugError::file(&to))?;
        }
        Ok(())
    }
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

fn no_cargo(error: std::io::Error) -> BugError {
    BugError::NoCargo { program: cargo(), error }
}

/// Whether Cargo got as far as compiling, so that the network would not help.
fn compiles(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("could not compile")
}

/// The workspace's manifest with the two members that a mutant needs, and the mutants' profile.
fn manifest(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(start) = text.find("members = [")
        && let Some(length) = text[start..].find(']')
    {
        text.replace_range(start..=start + length, "members = [\"specs\", \"model\"]");
    }
    text + PROFILE
}

/// The names in a directory of the sources, in order; what editors and builds leave there aside.
fn names(directory: &Path) -> Result<Vec<String>, BugError> {
    let mut names = names_of_copy(directory)?;
    names.retain(|name| !name.starts_with('.') && name != "target");
    Ok(names)
}

fn names_of_copy(directory: &Path) -> Result<Vec<String>, BugError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(BugError::file(directory))? {
        names.push(entry.map_err(BugError::file(directory))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
