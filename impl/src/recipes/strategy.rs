//! Which of the providers gets a call.
//!
//! *Java:* Curator's `ProviderStrategy`; least active and consistent hash are Dubbo's.

use super::registry::Instance;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Chooses one of the providers.
pub trait ProviderStrategy {
    /// The index of one of them; `None` if there are none. They are ordered by their identifiers.
    fn choose(&self, instances: &[Instance], key: &[u8]) -> Option<usize>;
}

/// One after the other.
#[derive(Debug, Default)]
pub struct RoundRobinStrategy(AtomicUsize);

impl ProviderStrategy for RoundRobinStrategy {
    fn choose(&self, instances: &[Instance], _: &[u8]) -> Option<usize> {
        let turn = self.0.fetch_add(1, Ordering::Relaxed);
        turn.checked_rem(instances.len())
    }
}

/// Any, all alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomStrategy;

impl ProviderStrategy for RandomStrategy {
    fn choose(&self, instances: &[Instance], _: &[u8]) -> Option<usize> {
        (!instances.is_empty()).then(|| fastrand::usize(..instances.len()))
    }
}

/// Any, those of greater weight more often.
#[derive(Clone, Copy, Debug, Default)]
pub struct WeightedStrategy;

impl ProviderStrategy for WeightedStrategy {
    fn choose(&self, instances: &[Instance], key: &[u8]) -> Option<usize> {
        let total: u64 = instances.iter().map(|one| u64::from(one.registration.weight)).sum();
        if total == 0 {
            return RandomStrategy.choose(instances, key);
        }
        let mut left = fastrand::u64(..total);
        instances.iter().position(|one| {
            let weight = u64::from(one.registration.weight);
            let falls_here = left < weight;
            left = left.saturating_sub(weight);
            falls_here
        })
    }
}

/// One of those with the fewest calls of this consumer under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastActiveStrategy;

impl ProviderStrategy for LeastActiveStrategy {
    fn choose(&self, instances: &[Instance], _: &[u8]) -> Option<usize> {
        // Counts go on meanwhile: each is read once.
        let counts: Vec<usize> = instances.iter().map(Instance::active).collect();
        let fewest = *counts.iter().min()?;
        let least: Vec<usize> = (0..counts.len()).filter(|index| counts[*index] == fewest).collect();
        Some(least[fastrand::usize(..least.len())])
    }
}

/// Always the same one for the same key, on every consumer. When a provider goes, only its keys move; when one comes,
/// only to it. By the highest of the hashes of key and identifier (rendezvous), which needs no ring.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConsistentHashStrategy;

impl ProviderStrategy for ConsistentHashStrategy {
    fn choose(&self, instances: &[Instance], key: &[u8]) -> Option<usize> {
        let scores = instances.iter().map(|one| hash(&[key, b"\0", one.id.as_bytes()]));
        scores.enumerate().max_by_key(|(_, score)| *score).map(|(index, _)| index)
    }
}

/// FNV-1a, then mixed as by SplitMix64: the same on every machine, which `std`'s hashes do not promise.
fn hash(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().copied().flatten();
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances(weights: &[u32]) -> Vec<Instance> {
        weights.iter().enumerate().map(|(id, weight)| Instance::of(&id.to_string(), *weight)).collect()
    }

    /// How often each of them is chosen in a thousand.
    fn shares(strategy: &impl ProviderStrategy, instances: &[Instance]) -> Vec<usize> {
        let mut shares = vec![0; instances.len()];
        for key in 0..1_000_u32 {
            shares[strategy.choose(instances, &key.to_be_bytes()).expect("one of them")] += 1;
        }
        shares
    }

    #[test]
    fn shares_are_as_promised() {
        let (even, uneven) = (instances(&[1, 1, 1, 1]), instances(&[0, 1, 3]));
        assert_eq!(shares(&RoundRobinStrategy::default(), &even), [250; 4]);
        let fair = |shares: Vec<usize>| shares.iter().all(|share| (170..330).contains(share));
        assert!(fair(shares(&RandomStrategy, &even)) && fair(shares(&ConsistentHashStrategy, &even)));
        assert!(fair(shares(&LeastActiveStrategy, &even)));
        let weighted = shares(&WeightedStrategy, &uneven);
        assert!(weighted[0] == 0 && (170..330).contains(&weighted[1]), "{weighted:?}");
        assert_eq!(WeightedStrategy.choose(&instances(&[0]), b""), Some(0), "better than none");
        assert_eq!(RoundRobinStrategy::default().choose(&[], b""), None);
        assert_eq!(RandomStrategy.choose(&[], b""), None);
        assert_eq!(WeightedStrategy.choose(&[], b""), None);
        assert_eq!(LeastActiveStrategy.choose(&[], b""), None);
        assert_eq!(ConsistentHashStrategy.choose(&[], b""), None);
    }

    #[test]
    fn only_the_keys_of_the_one_that_goes_move() {
        let all = instances(&[1; 5]);
        let without: Vec<Instance> = all.iter().filter(|one| one.id != "2").cloned().collect();
        for key in 0..1_000_u32 {
            let key = key.to_be_bytes();
            let choose = |of: &[Instance]| of[ConsistentHashStrategy.choose(of, &key).expect("one")].id.clone();
            let before = choose(&all);
            assert!(before == "2" || choose(&without) == before);
        }
    }
}
