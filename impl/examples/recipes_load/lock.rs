//! A lock that goes from one to the next.

use super::cost::{Cost, Meter, histogram, micros};
use super::{Failure, close, connect};
use hdrhistogram::Histogram;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tokio::task::JoinHandle;
use zab::Zxid;
use zabkeeper::client::Client;
use zabkeeper::recipes::Mutex;

const LOCK: &str = "/recipes-load-lock";

pub async fn lock(address: &str, server: Option<u32>, contenders: u64, handoffs: u64) -> Result<(), Failure> {
    let clients = connect(address, usize::try_from(contenders)?).await?;
    let ledger = Ledger {
        server,
        first: contenders,
        last: contenders + handoffs,
        had: 0,
        held: false,
        token: Zxid::ZERO,
        released: Instant::now(),
        times: histogram()?,
        meter: None,
        cost: None,
    };
    let ledger = Arc::new(std::sync::Mutex::new(ledger));
    let contend = |client: &Client| tokio::spawn(contend(client.clone(), ledger.clone()));
    for task in clients.iter().map(contend).collect::<Vec<JoinHandle<_>>>() {
        task.await??;
    }
    let woken = clients.iter().map(|client| client.metrics().events.load(Relaxed)).sum();
    println!("{}", ledger.lock().unwrap_or_else(PoisonError::into_inner).told(woken)?);
    close(clients).await
}

/// Takes the lock and gives it back, until it was had often enough.
async fn contend(client: Client, ledger: Arc<std::sync::Mutex<Ledger>>) -> Result<(), Failure> {
    let mutex = Mutex::new(&client, LOCK);
    loop {
        let guard = mutex.lock().await?;
        let more = ledger.lock().unwrap_or_else(PoisonError::into_inner).enter(guard.fencing_token())?;
        // The others have their turn: if one of them had the lock as well, it would show.
        tokio::task::yield_now().await;
        ledger.lock().unwrap_or_else(PoisonError::into_inner).leave();
        guard.release().await?;
        if !more {
            return Ok(());
        }
    }
}

/// Who had the lock, and when.
struct Ledger {
    server: Option<u32>,
    /// With this holder, counted from 1, the measurement begins: all have come by then.
    first: u64,
    /// With this one it ends. Those who still wait are let in once.
    last: u64,
    had: u64,
    held: bool,
    token: Zxid,
    released: Instant,
    /// From the beginning of a release to the next holder.
    times: Histogram<u64>,
    meter: Option<Meter>,
    cost: Option<Cost>,
}

impl Ledger {
    /// A holder comes. Whether more are wanted.
    fn enter(&mut self, token: Zxid) -> Result<bool, Failure> {
        if self.held {
            return Err("two have the lock".into());
        }
        if token <= self.token {
            return Err(format!("the token {token:?} comes after {:?}", self.token).into());
        }
        (self.held, self.token, self.had) = (true, token, self.had + 1);
        if self.meter.is_some() {
            self.times.record(micros(self.released.elapsed()))?;
        }
        if self.had == self.first {
            self.meter = Some(Meter::start(self.server)?);
        } else if self.had == self.last {
            self.cost = self.meter.take().map(Meter::stop).transpose()?;
        }
        Ok(self.had < self.last)
    }

    fn leave(&mut self) {
        (self.held, self.released) = (false, Instant::now());
    }

    /// The line of the whole, after the last holder; so many notifications came.
    fn told(&self, woken: u64) -> Result<String, Failure> {
        if woken > self.had {
            return Err(format!("{} releases woke {woken} waiters", self.had).into());
        }
        let cost = self.cost.as_ref().ok_or("the lock was not taken as often as asked")?;
        Ok(cost.told(self.last - self.first, &self.times))
    }
}
