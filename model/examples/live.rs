//! scratch
#![allow(missing_docs)]
use model::bounds::{Bounds, Grain, Kind, Oracle, Timing};
use model::engine::{Progress, Settings, explore, peak_resident_bytes};
use model::world::Budget;
use model::zookeeper::ZooKeeper;
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
        observers: n(10),
        budget: Budget {
            transactions: n(6),
            crashes: n(7),
            breaks: n(8),
            elections: n(9),
            timeouts: n(11),
            snapshots: n(12),
            syncs: n(13),
            ..Budget::default()
        },
        last_counter: n(14),
        forward: false,
        grain,
        oracle,
        timing,
    };
    let r = explore(
        &ZooKeeper::new(b),
        &Settings { liveness: timing == Timing::Timely, stop_at_first: false, ..Settings::default() },
        &Progress::new(),
    )
    .unwrap();
    println!(
        "{a:?} distinct {} generated {} depth {} {:?} {:.0}/s {:?} peak {}MB",
        r.distinct,
        r.generated,
        r.depth,
        r.elapsed,
        r.distinct as f64 / r.elapsed.as_secs_f64(),
        r.completion,
        peak_resident_bytes().unwrap() >> 20
    );
    for v in &r.verdicts {
        if !v.holds && v.kind == Kind2::Sometimes {
            println!("unreached {}", v.name);
            continue;
        }
        if !v.holds {
            println!("{:?} {} {} {:?}", v.kind, v.name, v.holds, v.note);
            for x in v.path.iter().flatten() {
                println!("    {x}");
            }
            println!("  cycle");
            for x in v.cycle.iter().flatten() {
                println!("    {x}");
            }
        }
    }
}
use model::engine::Kind as Kind2;
