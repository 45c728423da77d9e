//! scratch
#![allow(missing_docs)]
use model::bounds::*;
use model::world::Budget;
use model::zookeeper::ZooKeeper;
use stateright::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n = |i: usize| a.get(i).map_or(0, |x| x.parse::<u8>().unwrap());
    let kind = match a[1].as_str() {
        "e" => Kind::Election,
        "z" => Kind::Zab,
        _ => Kind::Ensemble,
    };
    let grain = match a[2].as_str() {
        "w" => Grain::Write,
        "b" => Grain::Batch,
        _ => Grain::Atomic,
    };
    let oracle = if a[3] == "any" { Oracle::Any } else { Oracle::Best };
    let timing = if a[4] == "t" { Timing::Timely } else { Timing::Asynchronous };
    let b = Bounds {
        histories: if a[1] == "e" { 2 } else { 1 },
        kind,
        servers: n(5),
        observers: 0,
        budget: Budget { transactions: n(6), crashes: n(7), breaks: n(8), elections: n(9), ..Budget::default() },
        last_counter: 0,
        forward: false,
        grain,
        oracle,
        timing,
    };
    let t = std::time::Instant::now();
    let c = ZooKeeper::new(b).checker().threads(2).spawn_dfs().join();
    let d = c.unique_state_count();
    println!(
        "{b:?}\ndistinct {d} generated {} depth {} {:?} {:.0}/s",
        c.state_count(),
        c.max_depth(),
        t.elapsed(),
        d as f64 / t.elapsed().as_secs_f64()
    );
    for (name, path) in c.discoveries() {
        println!(
            "{name}: {} {}",
            if matches!(c.discovery_classification(name), DiscoveryClassification::Counterexample) {
                "VIOLATED"
            } else {
                "reached"
            },
            path.clone().into_actions().len()
        );
        if matches!(c.discovery_classification(name), DiscoveryClassification::Counterexample) {
            for (w, x) in path.into_vec() {
                if let Some(x) = x {
                    println!("    {x}");
                } else {
                    for s in &w.servers {
                        println!(
                            "{:?} acc {} cur {} hist {:?} del {:?} q {:?}",
                            s.peer.as_ref().map(|p| &p.role),
                            s.disk.accepted_epoch,
                            s.disk.current_epoch,
                            s.disk.history,
                            s.delivered,
                            s.queue
                        );
                    }
                    println!("{:?}", w.past);
                    println!("{:?}", w.connections);
                }
            }
        }
    }
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmHWM")).unwrap()
    );
}
