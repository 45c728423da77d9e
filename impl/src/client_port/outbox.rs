//! What waits to be sent to a client: replies and events, in the order in which they must arrive.

use parking_lot::Mutex;
use std::sync::Arc;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

/// Bytes on the way to one client. The node and the connection's own task both append; the task sends, and while it has
/// nothing to do the node may ([`Outbox::send`]).
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    end: End,
    /// Where they go, as long as the connection's task runs.
    socket: Option<Arc<OwnedWriteHalf>>,
    /// Whether the task has sent all that it took, and waits for nothing that the node does.
    resting: bool,
}

/// Whether more can be appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// What waits is the last.
    Closing,
    /// Nothing is sent any more.
    Aborted,
}

/// What [`Outbox::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There may be more, later.
    Open,
    /// This was the last: close the connection behind it.
    Last,
    /// Close the connection now.
    Aborted,
}

impl Outbox {
    /// So many bytes of what nobody asked for may wait for one client. (Replies have their own bound: a client with
    /// [`Outbox::ENOUGH`] to read is not listened to.)
    pub const LIMIT: usize = 64 << 20;

    /// With so many bytes waiting, a client has enough to read before it asks for more.
    pub const ENOUGH: usize = 1 << 20;

    /// Appends what `write` writes and wakes the connection's task. After [`Outbox::close`] nothing is appended any
    /// more.
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.push_quietly(write) {
            self.wake();
        }
    }

    /// As [`Outbox::push`], but wakes nobody. The answer is whether nothing waited before: then the caller must
    /// [`Outbox::wake`] the task, when it has nothing more to append.
    #[must_use]
    pub fn push_quietly(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.end != End::Open {
            return false;
        }
        let was_empty = waiting.bytes.is_empty();
        write(&mut waiting.bytes);
        was_empty
    }

    /// As [`Outbox::push_quietly`], everything that is in `bytes`, which is empty behind it.
    pub fn append_quietly(&self, bytes: &mut Vec<u8>) {
        let mut waiting = self.waiting.lock();
        if waiting.end == End::Open && waiting.bytes.is_empty() {
            std::mem::swap(&mut waiting.bytes, bytes);
        } else if waiting.end == End::Open {
            waiting.bytes.append(bytes);
        }
        bytes.clear();
    }

    /// Appends an event, as [`Outbox::push`]. A client that lets [`Outbox::LIMIT`] bytes wait does not read: its
    /// connection is aborted.
    pub fn push_event(&self, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(write);
        if self.len() > Outbox::LIMIT {
            self.abort();
        }
    }

    /// Lets the connection be closed when what waits has been sent.
    pub fn close(&self) {
        let mut waiting = self.waiting.lock();
        if waiting.end == End::Open {
            waiting.end = End::Closing;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Lets the connection be closed now. What waits is forgotten.
    pub fn abort(&self) {
        let mut waiting = self.waiting.lock();
        (waiting.bytes, waiting.end) = (Vec::new(), End::Aborted);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Whether nothing is appended any more: then there is no use in doing what the client asks.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.waiting.lock().end != End::Open
    }

    /// Whether the connection is to be closed now.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.waiting.lock().end == End::Aborted
    }

    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.lock().bytes.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets the connection's task look again at what it waits for.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// What waits may be sent here, until the answer is dropped.
    pub fn attach(&self, socket: Arc<OwnedWriteHalf>) -> Attached<'_> {
        self.waiting.lock().socket = Some(socket);
        Attached(self)
    }

    /// The task has sent what it [took](Outbox::take), and waits for its client, not for the node: until it takes
    /// again, [`Outbox::send`] need not wake it.
    pub fn rest(&self) {
        self.waiting.lock().resting = true;
    }

    /// As [`Outbox::wake`]; but what waits is sent here and now if the task rests, and if the socket takes all of it
    /// the task sleeps on. So a reply need not wait until another thread has its turn; but the caller spends the time
    /// that sending takes.
    pub fn send(&self) {
        let mut waiting = self.waiting.lock();
        if waiting.resting && waiting.end == End::Open {
            if waiting.bytes.is_empty() {
                return;
            }
            // What goes wrong here goes wrong once more when the task sends: it ends the connection.
            let sent = waiting.socket.as_ref().and_then(|socket| socket.try_write(&waiting.bytes).ok());
            waiting.bytes.drain(..sent.unwrap_or_default());
            if waiting.bytes.is_empty() {
                // An idle connection keeps no memory for what it may send some day.
                waiting.bytes = Vec::new();
                return;
            }
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Moves everything that waits behind `bytes`.
    pub fn take(&self, bytes: &mut Vec<u8>) -> Taken {
        let mut waiting = self.waiting.lock();
        waiting.resting = false;
        if bytes.is_empty() {
            // An idle connection keeps no memory for what it may send some day.
            *bytes = std::mem::take(&mut waiting.bytes);
        } else {
            bytes.append(&mut waiting.bytes);
        }
        match waiting.end {
            End::Open => Taken::Open,
            End::Closing => Taken::Last,
            End::Aborted => Taken::Aborted,
        }
    }

    /// Waits until something was appended, the outbox was closed, or somebody wakes the task.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// As long as it lives, an outbox knows its socket.
#[derive(Debug)]
#[must_use = "dropped, it takes the socket back"]
pub struct Attached<'a>(&'a Outbox);

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().socket = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    /// A socket for the outbox, and its other end.
    async fn sockets() -> (Arc<OwnedWriteHalf>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (reader, writer) = listener.accept().await.unwrap().0.into_split();
        // Dropped alone, it ends nothing.
        drop(reader);
        writer.writable().await.unwrap();
        (Arc::new(writer), client)
    }

    /// Whether the task would wake; forgets that it should.
    async fn is_woken(outbox: &Outbox) -> bool {
        tokio::select! {
            biased;
            () = outbox.changed() => true,
            () = std::future::ready(()) => false,
        }
    }

    fn put(outbox: &Outbox, bytes: &[u8]) {
        assert!(outbox.push_quietly(|out| out.extend_from_slice(bytes)));
    }

    #[tokio::test]
    async fn a_resting_task_sleeps_while_others_send() {
        let (outbox, (socket, mut client)) = (Outbox::default(), sockets().await);
        let attached = outbox.attach(socket);
        outbox.rest();
        put(&outbox, b"reply");
        outbox.send();
        let mut read = [0; 5];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!((&read, outbox.len()), (b"reply", 0));
        outbox.send();
        assert!(!is_woken(&outbox).await);
        drop(attached);
        put(&outbox, b"late");
        outbox.send();
        assert!(is_woken(&outbox).await, "without a socket, the task is to see what is wrong");
    }

    #[tokio::test]
    async fn what_a_task_has_taken_is_not_overtaken() {
        let (outbox, (socket, _client)) = (Outbox::default(), sockets().await);
        let _attached = outbox.attach(socket);
        outbox.rest();
        put(&outbox, b"first");
        let mut taken = Vec::new();
        outbox.take(&mut taken);
        put(&outbox, b"second");
        outbox.send();
        assert_eq!((taken.as_slice(), outbox.len()), (b"first".as_slice(), 6));
        assert!(is_woken(&outbox).await);
    }

    #[tokio::test]
    async fn a_task_sends_what_the_socket_does_not_take_and_the_last() {
        let (outbox, (socket, _client)) = (Outbox::default(), sockets().await);
        let _attached = outbox.attach(socket);
        outbox.rest();
        let all = 64 << 20;
        put(&outbox, &vec![7; all]);
        outbox.send();
        assert!(is_woken(&outbox).await && (1..all).contains(&outbox.len()), "{} of {all}", outbox.len());
        outbox.take(&mut Vec::new());
        outbox.rest();
        put(&outbox, b"last");
        outbox.close();
        assert!(is_woken(&outbox).await);
        outbox.send();
        assert!(is_woken(&outbox).await && outbox.len() == 4);
    }
}
