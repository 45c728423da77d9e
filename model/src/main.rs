//! The command `model`.

use std::process::ExitCode;

/// A search takes and returns small pieces of memory millions of times a second, on several threads; the system's
/// allocator spends a third of the whole time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    model::cli::run()
}
