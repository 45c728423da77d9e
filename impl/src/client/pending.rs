//! The future of a reply.

use super::error::Error;
use crate::wire::Reply;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// A request under way: a future of its result.
///
/// **The request is sent when it is made, not when it is awaited**, so a task's requests reach the server in the order
/// in which they stand in the program, and several can be under way: make them first, await them afterwards. To drop
/// it is not to take the request back, only not to hear of it; the replies of others are not disturbed.
#[must_use = "what becomes of the request is known only to who awaits it"]
pub struct Pending<T> {
    state: State<T>,
}

type Finish<T> = Box<dyn FnOnce(Result<Reply, Error>) -> Result<T, Error> + Send>;

enum State<T> {
    Waiting(oneshot::Receiver<Result<Reply, Error>>, Finish<T>),
    Refused(Error),
    Done,
}

impl<T> Pending<T> {
    pub(super) fn new(
        reply: oneshot::Receiver<Result<Reply, Error>>,
        finish: impl FnOnce(Result<Reply, Error>) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        Pending { state: State::Waiting(reply, Box::new(finish)) }
    }

    /// Not sent at all.
    pub(super) fn refused(error: Error) -> Pending<T> {
        Pending { state: State::Refused(error) }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    /// # Panics
    /// When polled after its end.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Waiting(mut reply, finish) => match Pin::new(&mut reply).poll(context) {
                // Without reply only where the client's task was ended from outside, with its runtime.
                Poll::Ready(reply) => Poll::Ready(finish(reply.unwrap_or(Err(Error::Closed)))),
                Poll::Pending => {
                    self.state = State::Waiting(reply, finish);
                    Poll::Pending
                }
            },
            State::Refused(error) => Poll::Ready(Err(error)),
            State::Done => panic!("polled after its end"),
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Waiting(..) => "under way",
            State::Refused(_) => "refused",
            State::Done => "done",
        };
        write!(f, "Pending({state})")
    }
}
