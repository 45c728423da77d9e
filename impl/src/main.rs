//! The command `zabkeeper`.

use std::process::ExitCode;

/// Tasks and trees take and return small pieces of memory all the time; the system's allocator is slower at that, and
/// keeps more of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(data), Some(port)) = (arguments.next(), arguments.next()) else { return ExitCode::from(2) };
    let mut options = zabkeeper::ServerOptions::new(data);
    options.address.set_port(port.parse().unwrap_or(0));
    options.clients.max_per_address = 0;
    match zabkeeper::Server::start(options).and_then(zabkeeper::Server::join) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}
