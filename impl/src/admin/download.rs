//! A file as the body of an answer, which is never in memory as a whole.

use bytes::Bytes;
use futures_core::Stream;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So much is read at once.
const CHUNK: usize = 64 << 10;

/// So many chunks wait for a reader that takes its time.
const AHEAD: usize = 4;

/// A file's bytes, read by a thread that ends with them or with its reader.
pub(super) struct Download(Receiver<io::Result<Bytes>>);

/// Opens a file. What it holds is read even if it is removed meanwhile. Called on a thread of the runtime.
pub(super) fn of_file(path: &Path) -> io::Result<Download> {
    let file = File::open(path)?;
    let (sender, receiver) = channel(AHEAD);
    tokio::task::spawn_blocking(move || send(file, &sender));
    Ok(Download(receiver))
}

fn send(mut file: File, chunks: &Sender<io::Result<Bytes>>) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        let next = match read {
            Ok(0) => return,
            Ok(_) => Ok(chunk.into()),
            Err(error) => Err(error),
        };
        let ends = next.is_err();
        if chunks.blocking_send(next).is_err() || ends {
            return;
        }
    }
}

impl Stream for Download {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.0.poll_recv(context)
    }
}
