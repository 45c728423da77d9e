//! Traces whose last lines are missing, as those of killed servers are: what is left is as specified all the same.

use conformance::judge::validate;
use conformance::recording::{Entry, Recording};
use conformance::simulation::command::{FAULTS, schedule};
use conformance::simulation::run;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zab::trace::Event;

/// The last lines of every run, some or none, are lost; that it stopped is lost always. A recorder that is killed loses
/// two milliseconds: few lines of these servers. (Where they lose a whole election, the judge knows too little.)
fn cut(entries: &[Entry], random: &mut ChaCha8Rng) -> Vec<Entry> {
    let begins = |entry: &Entry| matches!(entry.event, Event::Recovered { .. });
    let mut left = Vec::new();
    for run in entries.chunk_by(|_, next| !begins(next)) {
        let lines = run.iter().filter(|entry| entry.event != Event::Crashed).count();
        let most = [1, 3, 5, 9][random.next_u32() as usize % 4];
        let lost = random.next_u32() as usize % most;
        left.extend_from_slice(&run[..lines.saturating_sub(lost).max(1)]);
    }
    left
}

#[test]
fn what_killed_servers_did_not_record_is_not_held_against_them() {
    let mut lost = 0;
    for seed in 1..=60 {
        let whole = run(&schedule(seed, None, None, FAULTS), None).expect("a run").recording;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..4 {
            let servers = whole.servers.iter().map(|(id, entries)| (*id, cut(entries, &mut random))).collect();
            let recording = Recording { ensemble: whole.ensemble.clone(), servers };
            lost += validate(&recording).unwrap_or_else(|violation| panic!("seed {seed}: {violation}")).lost;
        }
    }
    assert!(lost > 1000, "{lost}");
}
