//! A client of a read-only server looks for one that also writes.
//!
//! *Java:* `ClientCnxn.SendThread.pingRwServer`.

use super::address::ServerAddress;
use super::connector::Connector;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks one server after another, ever more seldom, until one answers that it writes.
pub(super) async fn find_read_write(connector: Arc<dyn Connector>, servers: Vec<ServerAddress>) -> ServerAddress {
    let mut pause = SHORTEST;
    for server in servers.iter().cycle() {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
        if let Ok(Ok(true)) = timeout(PATIENCE, writes(&*connector, server)).await {
            return server.clone();
        }
    }
    // Without servers there is nothing to be found.
    std::future::pending().await
}

async fn writes(connector: &dyn Connector, server: &ServerAddress) -> io::Result<bool> {
    let mut stream = connector.connect(server).await?;
    stream.write_all(b"isro").await?;
    let mut answer = Vec::new();
    stream.take(16).read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"rw"))
}
