//! The command `model`.

use std::process::ExitCode;

fn main() -> ExitCode {
    model::cli::run()
}
