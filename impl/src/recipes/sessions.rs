//! One session after another: what must outlive a session stands on this.
//!
//! *Java:* what `CuratorFramework` does when a session ends.

use crate::client::{Client, ClientOptions, ConnectError, Error};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Between two attempts at a new session, beside the time that an attempt takes.
const PAUSE: Duration = Duration::from_millis(100);

/// A client that is replaced when its session ends. Clones are cheap and share it; the session is closed with the last
/// one.
#[derive(Clone, Debug)]
pub struct Sessions {
    client: watch::Receiver<Client>,
    _open: Arc<watch::Sender<()>>,
}

impl Sessions {
    /// Opens the first session.
    ///
    /// # Errors
    /// [`ConnectError`]; later sessions are tried for until there is one.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and I/O.
    pub async fn connect(options: ClientOptions) -> Result<Sessions, ConnectError> {
        let (sender, client) = watch::channel(options.clone().connect().await?);
        let (open, closed) = watch::channel(());
        tokio::spawn(replace(options, sender, closed));
        Ok(Sessions { client, _open: Arc::new(open) })
    }

    /// A client whose session was not over a moment ago; waits for one.
    ///
    /// # Errors
    /// [`Error::Closed`] when the task that replaces clients was ended from outside, with its runtime.
    pub async fn client(&self) -> Result<Client, Error> {
        let mut client = self.client.clone();
        let live = client.wait_for(|client| !client.state().borrow().is_over()).await;
        live.map(|client| client.clone()).map_err(|_| Error::Closed)
    }
}

async fn replace(options: ClientOptions, sender: watch::Sender<Client>, mut closed: watch::Receiver<()>) {
    loop {
        let client = sender.borrow().clone();
        let over = tokio::select! {
            // Its sender sends nothing: it goes.
            _ = closed.changed() => false,
            () = over(&client) => true,
        };
        if !over {
            return client.close().await;
        }
        let next = async {
            loop {
                match options.clone().connect().await {
                    Ok(next) => return next,
                    Err(error) => tracing::warn!(%error, "no new session yet"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            _ = closed.changed() => return,
            next = next => { sender.send_replace(next); }
        }
    }
}

/// Waits until the session is over.
async fn over(client: &Client) {
    let _ = client.state().wait_for(|state| state.is_over()).await;
}

/// A task that ends when nobody holds it.
#[derive(Debug)]
pub(super) struct Task(pub tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
