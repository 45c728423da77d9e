//! A server in the test's own process, and what tests of clients say all the time.

use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;
use zabkeeper::client::{Client, ClientOptions, SessionState};
use zabkeeper::{Server, ServerOptions};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A data directory, and the server on it, which stays on its port over restarts.
pub struct Place {
    pub directory: TempDir,
    pub server: Option<Server>,
    pub address: SocketAddr,
    pub change: fn(&mut ServerOptions),
}

impl Place {
    pub fn new() -> Place {
        Place::with(|_| {})
    }

    /// Time runs fast here: sessions from 100 milliseconds on.
    pub fn hasty() -> Place {
        Place::with(|options| (options.tick, options.min_session_timeout) = (50, 100))
    }

    pub fn with(change: fn(&mut ServerOptions)) -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        let address = "127.0.0.1:0".parse().expect("an address");
        let mut place = Place { directory, server: None, address, change };
        place.start();
        place
    }

    pub fn start(&mut self) {
        let mut options = ServerOptions::new(self.directory.path());
        options.log.preallocation = 1 << 20;
        options.address = self.address;
        (self.change)(&mut options);
        let server = blocking(|| Server::start(options).expect("it starts"));
        self.address = server.address();
        self.server = Some(server);
    }

    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            blocking(|| server.stop().expect("it stops in good order"));
        }
    }

    pub fn options(&self) -> ClientOptions {
        ClientOptions::new(self.address.to_string())
    }

    pub async fn client(&self) -> Client {
        self.options().connect().await.expect("a session")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server has a runtime of its own, which may not be started or stopped within another.
pub fn blocking<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("no panic"))
}

/// What must come, and soon.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("never: {what}"))
}

pub async fn until(client: &Client, wanted: SessionState) {
    let mut state = client.state();
    let settled = soon("the state", state.wait_for(|state| *state == wanted)).await;
    assert!(settled.is_ok(), "{wanted:?} is not reached any more");
}

/// Takes the session over and closes it. The first client comes back whenever it is driven out, and may be faster.
pub async fn close_by_another(options: &ClientOptions, client: &Client) {
    let closing = async {
        while !client.state().borrow().is_over() {
            if let Ok(second) = options.clone().session(client.credentials()).connect().await {
                second.close().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the end of the session", closing).await;
    until(client, SessionState::Expired).await;
}

/// Asks again as long as there is no connection.
macro_rules! persist {
    ($ask:expr) => {
        crate::place::soon("an answer", async {
            loop {
                match $ask.await {
                    Err(zabkeeper::client::Error::ConnectionLoss) => {
                        tokio::time::sleep(std::time::Duration::from_millis(5)).await
                    }
                    result => break result,
                }
            }
        })
        .await
    };
}
pub(crate) use persist;
