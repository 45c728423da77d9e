//! The embedded server, through real sockets.

#[path = "../harness/mod.rs"]
mod harness;

mod hostile;
mod order;
mod restart;
mod sessions;
mod settings;
mod watches;

use harness::Client;
use std::net::SocketAddr;
use tempfile::TempDir;
use zabkeeper::{Server, ServerError, ServerOptions};

/// A data directory, and the server on it.
struct Place {
    directory: TempDir,
    server: Option<Server>,
}

impl Place {
    fn new() -> Place {
        Place::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ServerOptions)) -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        let mut place = Place { directory, server: None };
        place.start(change).expect("it starts");
        place
    }

    /// Time runs fast here: sessions from 100 milliseconds on.
    fn hasty() -> Place {
        Place::with(hasten)
    }

    fn start(&mut self, change: impl FnOnce(&mut ServerOptions)) -> Result<(), ServerError> {
        let mut options = ServerOptions::new(self.directory.path());
        // Tests write little.
        options.log.preallocation = 1 << 20;
        change(&mut options);
        self.server = Some(Server::start(options)?);
        Ok(())
    }

    fn stop(&mut self) {
        self.server.take().expect("it runs").stop().expect("it stops in good order");
    }

    fn restart(&mut self, change: impl FnOnce(&mut ServerOptions)) {
        self.stop();
        self.start(change).expect("it starts again");
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn address(&self) -> SocketAddr {
        self.server().address()
    }

    fn client(&self) -> Client {
        Client::open(self.address())
    }
}

fn hasten(options: &mut ServerOptions) {
    (options.tick, options.min_session_timeout) = (50, 100);
}
