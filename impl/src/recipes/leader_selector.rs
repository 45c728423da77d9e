//! Leadership that is given to a piece of work, again and again.
//!
//! *Java:* Curator's `LeaderSelector`.

use super::leader_latch::PAUSE;
use super::line::Place;
use super::mutex::participants;
use super::retry::{child, data_of, settled};
use super::sessions::{Sessions, Task};
use crate::client::{Client, Error, SessionState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{Notify, watch};
use zab::Zxid;

/// What one who leads has at hand.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// The session in which it leads.
    pub client: Client,
    /// The leadership's number, greater than that of every leader before: what it does should carry it, and be refused
    /// where a greater one was seen.
    pub number: Zxid,
}

/// A candidate that leads by doing something: it leads while the work lasts, and steps back when that is done.
///
/// The work's future is dropped at its next `await` when the leadership may be gone, with the connection, the session
/// or the znode; so the work should not compute for long without one. It is dropped as well by
/// [`interrupt_leadership`](LeaderSelector::interrupt_leadership), and when the selector is. Work that panics is done.
#[derive(Debug)]
pub struct LeaderSelector {
    sessions: Sessions,
    path: String,
    leading: watch::Receiver<Option<Zxid>>,
    /// The leadership that is to end: not the next one, if that has begun meanwhile.
    interrupted: watch::Sender<Option<Zxid>>,
    requeue: Arc<Notify>,
    _task: Task,
}

/// What happens when the leadership has ended, one way or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// The candidate takes a place at the end of the line again (`autoRequeue`).
    Always,
    /// It does so when [`LeaderSelector::requeue`] says so.
    WhenAsked,
}

impl LeaderSelector {
    /// Becomes a candidate, in the background. `id` is what others know it by; `work` is done (`takeLeadership`)
    /// whenever the leadership comes.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start<W, F>(sessions: &Sessions, path: &str, id: &str, requeue: Requeue, work: W) -> LeaderSelector
    where
        W: FnMut(Leadership) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, leading) = watch::channel(None);
        let (interrupted, _) = watch::channel(None);
        let asked = Arc::<Notify>::default();
        let again = if requeue == Requeue::WhenAsked { Some(asked.clone()) } else { None };
        let candidate = Candidate {
            sessions: sessions.clone(),
            path: path.to_owned(),
            id: id.to_owned(),
            leading: sender,
            interrupted: interrupted.subscribe(),
        };
        let task = Task(tokio::spawn(candidate.stand(again, work)));
        let (sessions, path) = (sessions.clone(), path.to_owned());
        LeaderSelector { sessions, path, leading, interrupted, requeue: asked, _task: task }
    }

    /// Whether its work is being done now (`hasLeadership`).
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leading.borrow().is_some()
    }

    /// The number of its leadership while it leads; changes are told.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Option<Zxid>> {
        self.leading.clone()
    }

    /// Takes the leadership from the work, if it has it.
    pub fn interrupt_leadership(&self) {
        self.interrupted.send_replace(*self.leading.borrow());
    }

    /// Lets it be a candidate once more, with [`Requeue::WhenAsked`]; if it still is one, after that.
    pub fn requeue(&self) {
        self.requeue.notify_one();
    }

    /// The identifier of the one who leads, or is about to (`getLeader`).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn leader(&self) -> Result<Option<String>, Error> {
        first(&self.sessions.client().await?, &self.path).await
    }

    /// The names of the candidates' znodes, the leader's first (`getParticipants`).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn participants(&self) -> Result<Vec<String>, Error> {
        participants(&self.sessions.client().await?, &self.path).await
    }
}

/// The identifier of the first in the line.
pub(super) async fn first(client: &Client, path: &str) -> Result<Option<String>, Error> {
    loop {
        let names = participants(client, path).await?;
        let Some(first) = names.first() else { return Ok(None) };
        // It may go between the two requests.
        if let Some(id) = data_of(client, &child(path, first)).await? {
            return Ok(Some(String::from_utf8_lossy(&id).into_owned()));
        }
    }
}

struct Candidate {
    sessions: Sessions,
    path: String,
    id: String,
    leading: watch::Sender<Option<Zxid>>,
    interrupted: watch::Receiver<Option<Zxid>>,
}

impl Candidate {
    /// The life of a candidate, which after it has led waits for `again`, if there is such. Ended, its place goes.
    async fn stand<W, F>(self, again: Option<Arc<Notify>>, mut work: W)
    where
        W: FnMut(Leadership) -> F,
        F: Future<Output = ()>,
    {
        while let Ok(client) = self.sessions.client().await {
            match (self.serve(&client, &mut work).await, &again) {
                (Ok(true), Some(again)) => again.notified().await,
                (Ok(_) | Err(Error::SessionExpired | Error::Closed), _) => {}
                (Err(error), _) => {
                    tracing::warn!(%error, path = self.path, "cannot be a candidate");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// One place in the line, until it has led or is lost. Whether it has led.
    async fn serve<W, F>(&self, client: &Client, work: &mut W) -> Result<bool, Error>
    where
        W: FnMut(Leadership) -> F,
        F: Future<Output = ()>,
    {
        let place = Place::take(client, &self.path, "latch-", self.id.as_bytes()).await?;
        let mut state = client.state();
        while place.turn(|_| true).await? {
            // A connection that was lost since the turn came is looked at here, before anything is begun.
            if *state.borrow_and_update() == SessionState::Connected {
                let leadership = Leadership { client: client.clone(), number: place.created };
                let mut interrupted = self.interrupted.clone();
                let leads = Leads::begin(&self.leading, place.created);
                tokio::select! {
                    () = unless_it_panics(&self.path, || work(leadership)) => {}
                    () = place.lost() => {}
                    _ = interrupted.wait_for(|number| *number == Some(place.created)) => {}
                    _ = state.wait_for(|state| *state != SessionState::Connected) => {}
                }
                drop(leads);
                place.leave().await?;
                return Ok(true);
            }
            settled(client).await;
        }
        Ok(false)
    }
}

/// Leading ends with this, whatever ends it.
struct Leads<'a>(&'a watch::Sender<Option<Zxid>>);

impl Leads<'_> {
    fn begin(leading: &watch::Sender<Option<Zxid>>, number: Zxid) -> Leads<'_> {
        leading.send_replace(Some(number));
        Leads(leading)
    }
}

impl Drop for Leads<'_> {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

/// Does the work. A panic ends it, and nothing else: others shall lead then, and later perhaps this one again.
async fn unless_it_panics<F: Future<Output = ()>>(path: &str, work: impl FnOnce() -> F) {
    let mut work = std::pin::pin!(async move { work().await });
    let done = std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or_else(|_| Poll::Ready(Err(())), |polled| polled.map(Ok))
    });
    if done.await.is_err() {
        tracing::error!(path, "the leader's work has panicked");
    }
}
