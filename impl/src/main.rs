//! `zabkeeper`: see [`zabkeeper::cli`].

use std::process::ExitCode;

/// Tasks and trees take and return small pieces of memory all the time; the system's allocator is slower at that, and
/// keeps more of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    zabkeeper::cli::run(std::env::args_os(), zabkeeper::foreground::run)
}
