//! The server of an example: one in its own process, unless an address is given.

use std::error::Error;
use tempfile::TempDir;
use zabkeeper::{Server, ServerOptions};

/// Does `work` with the server at this address, or with one that lives as long. Not within a tokio runtime.
pub fn with_server(
    address: Option<String>,
    work: impl AsyncFnOnce(&str) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let place = Place::new(address)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(work(&place.address))?;
    // Sessions are closed behind it.
    drop(runtime);
    place.stop()
}

/// Where clients connect. The server ends with it.
struct Place {
    address: String,
    server: Option<(Server, TempDir)>,
}

impl Place {
    fn new(address: Option<String>) -> Result<Place, Box<dyn Error>> {
        if let Some(address) = address {
            return Ok(Place { address, server: None });
        }
        let directory = tempfile::tempdir()?;
        let mut options = ServerOptions::new(directory.path());
        // Sessions may be short, so that nobody waits long for their end; and all come from one address.
        (options.tick, options.min_session_timeout) = (250, 500);
        options.clients.max_per_address = 0;
        let server = Server::start(options)?;
        let address = server.address().to_string();
        println!("a server has started at {address}");
        Ok(Place { address, server: Some((server, directory)) })
    }

    /// Stops the server, if it is ours.
    fn stop(self) -> Result<(), Box<dyn Error>> {
        if let Some((server, _directory)) = self.server {
            server.stop()?;
        }
        Ok(())
    }
}
