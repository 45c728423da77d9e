//! Building with counters, running, and reading what they counted.

use super::CoverageError;
use super::lines::{Lines, read};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the workspace is built with counters, what was built, and what it counted.
#[derive(Debug)]
pub struct Laboratory {
    root: PathBuf,
    /// Holds the wrapper of the compiler, and the counts.
    directory: PathBuf,
    programs: Vec<PathBuf>,
}

impl Laboratory {
    /// An empty one, below the target directory.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn open(root: &Path, name: &str) -> Result<Laboratory, CoverageError> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let directory = root.join(target).join("coverage");
        let counts = directory.join(name);
        if counts.exists() {
            std::fs::remove_dir_all(&counts).map_err(CoverageError::file(&counts))?;
        }
        std::fs::create_dir_all(&counts).map_err(CoverageError::file(&counts))?;
        let laboratory = Laboratory { root: root.to_owned(), directory: counts, programs: Vec::new() };
        // Only the members of the workspace count: what they depend on is not compiled anew.
        let wrapper = directory.join("rustc");
        std::fs::write(&wrapper, "#!/bin/sh\nexec \"$@\" -C instrument-coverage\n")
            .map_err(CoverageError::file(&wrapper))?;
        make_executable(&wrapper)?;
        Ok(laboratory)
    }

    /// Builds with counters, by `cargo` with these words; the programs that came of it.
    ///
    /// # Errors
    /// When Cargo fails.
    pub fn build(&mut self, words: &[&str]) -> Result<Vec<(String, PathBuf)>, CoverageError> {
        let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let mut command = Command::new(program);
        command.args(words).arg("--message-format=json").current_dir(&self.root).stderr(Stdio::inherit());
        command.env("RUSTC_WORKSPACE_WRAPPER", self.directory.with_file_name("rustc"));
        // What the build's own programs count is not of interest.
        command.env("LLVM_PROFILE_FILE", self.directory.join("build-%p.ignored"));
        let output = command.output().map_err(|error| CoverageError::Failed("cargo".into(), error.to_string()))?;
        if !output.status.success() {
            return Err(CoverageError::Failed(format!("cargo {}", words.join(" ")), output.status.to_string()));
        }
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let program = |message: Value| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        };
        let built: Vec<(String, PathBuf)> = messages.filter_map(program).collect();
        self.programs.extend(built.iter().map(|(_, path)| path.clone()));
        Ok(built)
    }

    /// Runs a program that was built here, and counts; whether it ended well.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, program: &Path, words: &[String], directory: &Path) -> Result<bool, CoverageError> {
        let mut command = Command::new(program);
        command.args(words).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
        // Two files a process would be too many where tests start hundreds of servers: %m merges them as they come.
        command.env("LLVM_PROFILE_FILE", self.directory.join("%4m.profraw"));
        let status = command.status().map_err(CoverageError::file(program))?;
        Ok(status.success())
    }

    /// What was counted of the specification.
    ///
    /// # Errors
    /// When LLVM's tools are missing, or fail.
    pub fn counted(&self) -> Result<Lines, CoverageError> {
        let entries = std::fs::read_dir(&self.directory).map_err(CoverageError::file(&self.directory))?;
        let raw = entries.flatten().map(|entry| entry.path());
        let raw: Vec<PathBuf> = raw.filter(|path| path.extension().is_some_and(|name| name == "profraw")).collect();
        let merged = self.directory.join("merged.profdata");
        let mut merge = Command::new(tool("llvm-profdata")?);
        // A process that was killed leaves a file that was not finished.
        merge.args(["merge", "--sparse", "--failure-mode=all", "-o"]).arg(&merged).args(&raw);
        output(merge, "llvm-profdata")?;
        let mut export = Command::new(tool("llvm-cov")?);
        export.args(["export", "--format=lcov", "--instr-profile"]).arg(&merged);
        for (place, program) in self.programs.iter().enumerate() {
            export.args((place > 0).then_some("--object")).arg(program);
        }
        export.arg("--sources").arg(self.root.join("specs/src"));
        Ok(read(&String::from_utf8_lossy(&output(export, "llvm-cov")?), &self.root))
    }
}

fn output(mut command: Command, name: &str) -> Result<Vec<u8>, CoverageError> {
    let output = command.output().map_err(|error| CoverageError::Failed(name.into(), error.to_string()))?;
    if !output.status.success() {
        let _ = std::io::stderr().write_all(&output.stderr);
        return Err(CoverageError::Failed(name.into(), output.status.to_string()));
    }
    Ok(output.stdout)
}

/// One of the tools that come with the compiler (`rustup component add llvm-tools`).
fn tool(name: &str) -> Result<PathBuf, CoverageError> {
    let rustc = |words: &[&str]| {
        let output = Command::new("rustc").args(words).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let missing = || CoverageError::Tools(name.to_owned());
    let sysroot = rustc(&["--print", "sysroot"]).ok_or_else(missing)?;
    let host = rustc(&["--print", "host-tuple"]).ok_or_else(missing)?;
    let path = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin").join(name);
    if path.is_file() { Ok(path) } else { Err(missing()) }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<(), CoverageError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(CoverageError::file(path))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<(), CoverageError> {
    Ok(())
}
