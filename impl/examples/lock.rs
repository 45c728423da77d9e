//! Contenders for one lock: who has it, with which token, and how many handoffs a second.
//!
//! ```text
//! cargo run --release -p zabkeeper --example lock [-- --contenders 16 --turns 100 --address 127.0.0.1:2181]
//! ```

mod embedded;

use clap::Parser;
use embedded::with_server;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use zabkeeper::client::Client;
use zabkeeper::recipes::{Mutex, MutexGuard};

/// So many turns are shown one by one.
const SHOWN: usize = 40;

/// A lock at work.
#[derive(Parser)]
struct Options {
    /// A running server; without it, the example starts one.
    #[arg(long)]
    address: Option<String>,
    /// How many sessions want the lock.
    #[arg(long, default_value_t = 4)]
    contenders: usize,
    /// How often each of them.
    #[arg(long, default_value_t = 4)]
    turns: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    with_server(options.address.clone(), async |address| run(&options, address).await)
}

async fn run(options: &Options, address: &str) -> Result<(), Box<dyn Error>> {
    let all = options.contenders * options.turns;
    let inside = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..options.contenders {
        clients.push(Client::connect(address).await?);
    }
    let started = Instant::now();
    let mut contenders = Vec::new();
    for (number, client) in clients.into_iter().enumerate() {
        let (turns, inside) = (options.turns, inside.clone());
        contenders.push(tokio::spawn(async move {
            let mutex = Mutex::new(&client, "/locks/example");
            for _ in 0..turns {
                let guard = mutex.lock().await?;
                work(number, &guard, &inside, all <= SHOWN);
                guard.release().await?;
            }
            Ok::<(), zabkeeper::client::Error>(())
        }));
    }
    for contender in contenders {
        contender.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let rate = all as f64 / seconds;
    println!("{all} turns of {} contenders in {seconds:.2} s: {rate:.0} handoffs/s", options.contenders);
    Ok(())
}

/// What only one at a time may do.
fn work(number: usize, guard: &MutexGuard, inside: &AtomicUsize, show: bool) {
    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "somebody else is inside");
    if show {
        println!("  contender {number} has the lock; token 0x{:x}", guard.fencing_token().0);
    }
    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1, "somebody else came in");
}
