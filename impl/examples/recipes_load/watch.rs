//! A write, and all who watch for it.

use super::cost::{Meter, histogram, micros};
use super::{Failure, LENGTH, close, connect, create_or_find};
use clap::ValueEnum;
use std::time::{Duration, Instant};
use zabkeeper::client::{
    AddWatchMode, Client, Error as ClientError, EventType, OneShotWatch, Pending, Watch, WatchedEvent,
};

const WATCHED: &str = "/recipes-load-watched";

/// Whether a watch must be set again after each event, or stays.
#[derive(Clone, Copy, ValueEnum)]
pub enum WatchKind {
    OneShot,
    Persistent,
}

pub async fn watch(
    address: &str,
    server: Option<u32>,
    kind: WatchKind,
    watchers: usize,
    writes: u64,
) -> Result<(), Failure> {
    let writer = Client::connect(address).await?;
    create_or_find(&writer, WATCHED).await?;
    let clients = connect(address, watchers).await?;
    let mut watches = Watches::set(kind, &clients).await?;
    let (mut submitted_to_last, mut reply_to_last) = (histogram()?, histogram()?);
    let mut spread = Duration::ZERO;
    let meter = Meter::start(server)?;
    for write in 0..writes {
        if write > 0 && matches!(kind, WatchKind::OneShot) {
            watches = Watches::set(kind, &clients).await?;
        }
        let submitted = Instant::now();
        let reply = async { writer.set_data(WATCHED, [b'x'; LENGTH], None).await.map(|_| Instant::now()) };
        let (replied, told) = tokio::join!(reply, watches.all_told());
        let (replied, told) = (replied?, told?);
        submitted_to_last.record(micros(told - submitted))?;
        reply_to_last.record(micros(told.saturating_duration_since(replied)))?;
        spread += told - submitted;
    }
    // The time in which watches are set again is not that of the events; their CPU time is counted.
    let mut cost = meter.stop()?;
    cost.elapsed = spread;
    let after_reply = reply_to_last.value_at_quantile(0.5);
    println!("{} after_reply_p50_us {after_reply}", cost.told(watchers as u64 * writes, &submitted_to_last));
    close(clients).await?;
    writer.close().await;
    Ok(())
}

/// One of each client.
enum Watches {
    OneShot(Vec<OneShotWatch>),
    Persistent(Vec<Watch>),
}

impl Watches {
    async fn set(kind: WatchKind, clients: &[Client]) -> Result<Watches, ClientError> {
        Ok(match kind {
            WatchKind::OneShot => {
                let pending = clients.iter().map(|client| client.get_data_and_watch(WATCHED)).collect();
                Watches::OneShot(all(pending).await?.into_iter().map(|(_, watch)| watch).collect())
            }
            WatchKind::Persistent => {
                let pending = clients.iter().map(|client| client.watch(WATCHED, AddWatchMode::Persistent)).collect();
                Watches::Persistent(all(pending).await?)
            }
        })
    }

    /// When the last one was told.
    async fn all_told(&mut self) -> Result<Instant, Failure> {
        match self {
            Watches::OneShot(watches) => {
                for watch in watches {
                    expect(Some(watch.await))?;
                }
            }
            Watches::Persistent(watches) => {
                for watch in watches {
                    expect(watch.next().await)?;
                }
            }
        }
        Ok(Instant::now())
    }
}

fn expect(event: Option<WatchedEvent>) -> Result<(), Failure> {
    match event {
        Some(event) if event.kind == EventType::NodeDataChanged => Ok(()),
        other => Err(format!("not the event of a write: {other:?}").into()),
    }
}

/// What was asked together, in its order.
async fn all<T>(pending: Vec<Pending<T>>) -> Result<Vec<T>, ClientError> {
    let mut results = Vec::with_capacity(pending.len());
    for pending in pending {
        results.push(pending.await?);
    }
    Ok(results)
}
