//! What the commands leave for the report: each writes its figures with `--results DIR` into `DIR/NAME.json`.
//!
//! A part of the report is any file of this form, so that a new command takes part with one line in
//! `report::PARTS` and one call of [`Results::write`].

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a command found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// The part of the report: the file's name without its ending.
    pub part: String,
    /// What [`sources`] said of the specification then.
    pub sources: String,
    /// When, in seconds since 1970.
    pub seconds: u64,
    /// Whether all was as it must be.
    pub well: bool,
    /// What the report shows: a word for it, and the figure.
    pub figures: Vec<(String, String)>,
    /// What the report shows below the figures, a line each.
    pub notes: Vec<String>,
    /// What the command itself wants to find again.
    #[serde(default)]
    pub details: Value,
}

impl Results {
    /// Results of now, of these sources, without figures yet.
    #[must_use]
    pub fn new(part: &str) -> Results {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Results {
            part: part.to_owned(),
            sources: sources(),
            seconds: now.as_secs(),
            well: true,
            figures: Vec::new(),
            notes: Vec::new(),
            details: Value::Null,
        }
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, what: &str, figure: impl ToString) -> Results {
        self.figures.push((what.to_owned(), figure.to_string()));
        self
    }

    /// Writes them where the command was told to, if it was; whether all is well, as the process says it in the end.
    #[must_use]
    pub fn leave(&self, directory: Option<&Path>) -> ExitCode {
        if let Some(Err(error)) = directory.map(|directory| self.write(directory)) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        if self.well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Writes them to `directory/part.json`, in place of earlier ones; the directory is made if there is none.
    ///
    /// # Errors
    /// With the path, when it cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let path = path(directory, &self.part);
        let at_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        std::fs::create_dir_all(directory).map_err(at_path)?;
        // Whoever reads meanwhile, or after a kill, finds the earlier ones or these.
        let temporary = path.with_extension("json.tmp");
        std::fs::write(&temporary, serde_json::to_vec_pretty(self)?).map_err(at_path)?;
        std::fs::rename(&temporary, &path).map_err(at_path)
    }

    /// What was written for this part; `None` if nothing was.
    ///
    /// # Errors
    /// With the path, when there is something else.
    pub fn read(directory: &Path, part: &str) -> io::Result<Option<Results>> {
        let path = path(directory, part);
        let at_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| at_path(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at_path(error)),
        }
    }

    /// Whether they are of the specification as it is now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.sources == sources()
    }
}

fn path(directory: &Path, part: &str) -> PathBuf {
    directory.join(format!("{part}.json"))
}

/// The workspace that this command was built from.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in a workspace")
}

/// A digest of the code in `specs/src`, without what stands there in prose. Empty where it cannot be read.
#[must_use]
pub fn sources() -> String {
    digest(&root().join("specs/src")).unwrap_or_default()
}

fn digest(directory: &Path) -> io::Result<String> {
    let (mut files, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(directory).unwrap_or(&file).hash(&mut hasher);
        std::fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("results");
        assert_eq!(Results::read(&inner, "one").expect("nothing"), None);
        let results = Results::new("one").figure("seeds", 500);
        results.write(&inner).expect("written");
        assert_eq!(Results::read(&inner, "one").expect("read"), Some(results.clone()));
        assert!(results.is_current() && !Results { sources: "other".into(), ..results }.is_current());
        std::fs::write(inner.join("one.json"), "{").expect("written");
        assert!(Results::read(&inner, "one").expect_err("no results").to_string().contains("one.json"));
    }
}
