//! Tells the version its date: that of the commit, where this is built from a checkout of the repository.
//!
//! It is asked when this script is built, not at every commit: a release is built from a fresh checkout, and to build
//! everything anew for a date would be dear.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ZABKEEPER_BUILT");
    if std::env::var_os("ZABKEEPER_BUILT").is_none()
        && let Some(date) = date_of_commit()
    {
        println!("cargo::rustc-env=ZABKEEPER_BUILT={date}");
    }
}

/// The day of the commit, in UTC; `None` outside of a checkout of this repository, as in an unpacked archive.
fn date_of_commit() -> Option<String> {
    // The archive may lie in a checkout of something else.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    git(&["log", "-1", "--date=format-local:%Y-%m-%d", "--format=%cd"]).filter(|date| !date.is_empty())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).env("TZ", "UTC").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
