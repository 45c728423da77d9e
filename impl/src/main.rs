//! `zabkeeper`: see [`zabkeeper::cli`].

use std::process::ExitCode;
use zabkeeper::cli::{self, Failure};
use zabkeeper::config::Config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), run_server)
}

/// The node loop is not part of this program yet; everything in front of it is.
fn run_server(config: Config) -> Result<(), Failure> {
    let data = config.data_dir.display();
    Err(Failure::unexpected(format!("this build reads its configuration, but cannot serve {data} yet")))
}
