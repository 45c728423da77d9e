//! What a release costs: the lock that watches one znode, of which all waiters are told, beside the line of sequential
//! znodes, in which each waiter watches the one before.
//!
//! ```text
//! cargo run --release -p zabkeeper --example herd [-- --waiters 1000 --releases 5 --address 127.0.0.1:2181]
//! ```

mod embedded;

use clap::Parser;
use embedded::with_server;
use std::error::Error;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use zabkeeper::client::{Acl, Client, Code, CreateMode, Error as ClientError};
use zabkeeper::recipes::Mutex;

const HERD: &str = "/herd";
const LINE: &str = "/line";

/// So long nothing may happen before it counts as all.
const QUIET: Duration = Duration::from_millis(300);

/// The herd and the line.
#[derive(Parser)]
struct Options {
    /// A running server; without it, the example starts one. It must bear as many connections as there are waiters.
    #[arg(long)]
    address: Option<String>,
    /// How many wait for the lock, each with a session of its own.
    #[arg(long, default_value_t = 1000)]
    waiters: usize,
    /// How many releases are measured.
    #[arg(long, default_value_t = 5)]
    releases: usize,
}

/// The word by which a holder is told to release.
type Holder = oneshot::Sender<()>;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    with_server(options.address.clone(), async |address| run(&options, address).await)
}

async fn run(options: &Options, address: &str) -> Result<(), Box<dyn Error>> {
    let mut clients = Vec::new();
    for _ in 0..=options.waiters {
        clients.push(Client::connect(address).await?);
    }
    println!("{} waiters, {} releases", options.waiters, options.releases);
    println!("{:34} {:>22} {:>19} {:>17}", "", "notifications/release", "requests/release", "handoff, median");
    measure("the lock that watches one znode", &clients, options.releases, |client, holders| {
        tokio::spawn(herd(client, holders))
    })
    .await?;
    measure("Mutex, each watches the one before", &clients, options.releases, |client, holders| {
        tokio::spawn(line(client, holders))
    })
    .await
}

// ---- The two locks --------------------------------------------------------------------------------------------------

/// All watch one znode, and run for it when it goes. An example of how not to do it.
async fn herd(client: Client, holders: mpsc::UnboundedSender<Holder>) -> Result<(), ClientError> {
    loop {
        match client.create(HERD, b"", CreateMode::Ephemeral, &Acl::open()).await {
            Ok(_) => break,
            Err(ClientError::Server(Code::NodeExists)) => {}
            Err(error) => return Err(error),
        }
        if let (Some(_), watch) = client.exists_and_watch(HERD).await? {
            drop(watch.await);
        }
    }
    hold(&holders).await;
    client.delete(HERD, None).await
}

async fn line(client: Client, holders: mpsc::UnboundedSender<Holder>) -> Result<(), ClientError> {
    let guard = Mutex::new(&client, LINE).lock().await?;
    hold(&holders).await;
    guard.release().await
}

/// Tells that it has the lock, and waits for the word to release it.
async fn hold(holders: &mpsc::UnboundedSender<Holder>) {
    let (holder, word) = oneshot::channel();
    if holders.send(holder).is_ok() {
        let _ = word.await;
    }
}

// ---- The measurement ------------------------------------------------------------------------------------------------

async fn measure(
    name: &str,
    clients: &[Client],
    releases: usize,
    start: impl Fn(Client, mpsc::UnboundedSender<Holder>) -> JoinHandle<Result<(), ClientError>>,
) -> Result<(), Box<dyn Error>> {
    let (sender, mut holders) = mpsc::unbounded_channel();
    let tasks: Vec<_> = clients.iter().map(|client| start(client.clone(), sender.clone())).collect();
    drop(sender);
    let mut holder = holders.recv().await.ok_or("nobody has the lock")?;
    settle(clients).await;
    let (events, requests) = count(clients);
    let mut handoffs = Vec::new();
    for _ in 0..releases {
        let released = Instant::now();
        let _ = holder.send(());
        holder = holders.recv().await.ok_or("nobody has the lock")?;
        handoffs.push(released.elapsed());
        settle(clients).await;
    }
    let per_release = |now: u64, before: u64| (now - before) as f64 / releases as f64;
    let (events_now, requests_now) = count(clients);
    handoffs.sort_unstable();
    let median = handoffs.get(handoffs.len() / 2).copied().unwrap_or_default();
    println!(
        "{name:34} {:>22.1} {:>19.1} {:>14.2} ms",
        per_release(events_now, events),
        per_release(requests_now, requests),
        median.as_secs_f64() * 1e3,
    );
    // The others give up, before they would all be let in one by one.
    tasks.iter().for_each(JoinHandle::abort);
    drop(holder);
    settle(clients).await;
    Ok(())
}

/// Notifications and requests of all.
fn count(clients: &[Client]) -> (u64, u64) {
    let counts = clients.iter().map(|client| {
        let metrics = client.metrics();
        (metrics.events.load(Relaxed), metrics.requests.load(Relaxed))
    });
    counts.fold((0, 0), |(events, requests), (more_events, more)| (events + more_events, requests + more))
}

/// Waits until nothing happens any more.
async fn settle(clients: &[Client]) {
    let mut last = count(clients);
    loop {
        tokio::time::sleep(QUIET).await;
        let now = count(clients);
        if now == last {
            return;
        }
        last = now;
    }
}
