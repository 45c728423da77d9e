//! One leader of many candidates.
//!
//! *Java:* Curator's `LeaderLatch`.

use super::leader_selector::first;
use super::line::Place;
use super::retry::settled;
use super::sessions::{Sessions, Task};
use crate::client::{Client, Error, SessionState};
use std::time::Duration;
use tokio::sync::watch;
use zab::Zxid;

/// Between two attempts, where the server refuses.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// A candidate. The first in the line leads until it goes, or until its session ends; without connection it lays the
/// leadership down at once, as another may have it soon, and takes it up again if its place is still the first.
///
/// As with a lock, leading is no proof: what leaders do carries the leadership's number, and is refused when a greater
/// one was seen.
#[derive(Debug)]
pub struct LeaderLatch {
    sessions: Sessions,
    path: String,
    leading: watch::Receiver<Option<Zxid>>,
    /// Why it could not be a candidate, the last time that it could not.
    refused: watch::Receiver<Option<Error>>,
    _task: Task,
}

impl LeaderLatch {
    /// Becomes a candidate, in the background; with every new session again, at the end of the line. `id` is what
    /// others know it by. Dropped, it steps back.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(sessions: &Sessions, path: &str, id: &str) -> LeaderLatch {
        let (sender, leading) = watch::channel(None);
        let (refusing, refused) = watch::channel(None);
        let standing = stand(sessions.clone(), path.to_owned(), id.to_owned(), sender, refusing);
        let task = Task(tokio::spawn(standing));
        LeaderLatch { sessions: sessions.clone(), path: path.to_owned(), leading, refused, _task: task }
    }

    /// Whether it leads now (`hasLeadership`).
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leading.borrow().is_some()
    }

    /// The number of its leadership while it leads, greater than that of every leader before; changes are told.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Option<Zxid>> {
        self.leading.clone()
    }

    /// Waits until it leads (`await`), and gives the leadership's number.
    ///
    /// # Errors
    /// What keeps it from being a candidate: a path that is none, permissions; it goes on trying meanwhile.
    /// [`Error::Closed`] when its task was ended from outside, with its runtime, or its sessions are closed.
    pub async fn until_leader(&self) -> Result<Zxid, Error> {
        let (mut leading, mut refused) = (self.leading.clone(), self.refused.clone());
        tokio::select! {
            biased;
            leads = leading.wait_for(Option::is_some) => leads.ok().and_then(|number| *number).ok_or(Error::Closed),
            why = refused.wait_for(Option::is_some) => {
                Err(why.ok().and_then(|why| why.clone()).unwrap_or(Error::Closed))
            }
        }
    }

    /// The identifier of the one who leads, or is about to.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn leader(&self) -> Result<Option<String>, Error> {
        first(&self.sessions.client().await?, &self.path).await
    }
}

/// The life of a candidate. Ended, its place goes.
async fn stand(
    sessions: Sessions,
    path: String,
    id: String,
    leading: watch::Sender<Option<Zxid>>,
    refusing: watch::Sender<Option<Error>>,
) {
    while let Ok(client) = sessions.client().await {
        let served = serve(&client, &path, &id, &leading, &refusing).await;
        leading.send_replace(None);
        match served {
            Ok(()) | Err(Error::SessionExpired | Error::Closed) => drop(refusing.send_replace(None)),
            Err(error) => {
                tracing::warn!(%error, path, "cannot be a candidate");
                refusing.send_replace(Some(error));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Until its place in the line is lost.
async fn serve(
    client: &Client,
    path: &str,
    id: &str,
    leading: &watch::Sender<Option<Zxid>>,
    refusing: &watch::Sender<Option<Error>>,
) -> Result<(), Error> {
    let place = Place::take(client, path, "latch-", id.as_bytes()).await?;
    let mut state = client.state();
    refusing.send_replace(None);
    while place.turn(|_| true).await? {
        // A connection that was lost since the turn came is looked at here, before anything is said.
        if *state.borrow_and_update() == SessionState::Connected {
            leading.send_replace(Some(place.created));
            tokio::select! {
                () = place.lost() => {}
                _ = state.wait_for(|state| *state != SessionState::Connected) => {}
            }
            leading.send_replace(None);
        }
        settled(client).await;
    }
    Ok(())
}
