//! scratch
#![allow(missing_docs)]
use model::bounds::*;
use model::world::*;
use model::zookeeper::ZooKeeper;
use stateright::Model;
use std::collections::{HashMap, VecDeque, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};
fn main() {
    let b = Bounds {
        timing: Timing::Timely,
        oracle: Oracle::Best,
        grain: Grain::Atomic,
        budget: Budget { crashes: 1, ..Budget::default() },
        ..Bounds::default_of(Kind::Ensemble)
    };
    let m = ZooKeeper::new(b);
    let h = |w: &World| {
        let mut d = DefaultHasher::new();
        w.hash(&mut d);
        d.finish()
    };
    let mut seen: HashMap<u64, (u64, Action)> = HashMap::new();
    let mut q: VecDeque<World> = m.init_states().into();
    let root = h(&q[0]);
    while let Some(w) = q.pop_front() {
        let hw = h(&w);
        let mut a = vec![];
        m.actions(&w, &mut a);
        for x in a {
            let n = m.next_state(&w, x).unwrap();
            let hn = h(&n);
            if seen.contains_key(&hn) || hn == root {
                continue;
            }
            seen.insert(hn, (hw, x));
            let r = n.servers.iter().filter_map(|s| s.peer.as_ref()).map(|p| p.round.0).max().unwrap_or(0);
            if r > 7 {
                let mut p = vec![x];
                let mut c = hw;
                while let Some((pr, ax)) = seen.get(&c) {
                    p.push(*ax);
                    c = *pr;
                }
                p.reverse();
                for (i, x) in p.iter().enumerate() {
                    println!("{} {x}", i + 1);
                }
                return;
            }
            q.push_back(n);
        }
    }
    println!("finite {}", seen.len());
}
