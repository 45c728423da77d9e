//! The states found so far, by fingerprint: some 30 bytes each.
//!
//! 64 shards, each behind its own lock, share the states by the low bits of their fingerprints. A shard numbers its
//! states in the order of arrival and keeps, by number, the fingerprint (16 bytes), the parent (4) and the index of the
//! action that led here (2), beside an open-addressing table of the numbers (5 to 10 bytes). Full states are not kept.
//!
//! ```text
//! fingerprint  hhhhhhhh hhhhhhhh tt...... .....sss     h home slot   t tag   s shard
//! state id     nnnnnnnn nnnnnnnn nnnnnnnn nnssssss     n number within the shard s
//! table slot   ttttttnn nnnnnnnn nnnnnnnn nnnnnnnn     the tag spares most looks at other states' fingerprints
//! ```

use super::segments::Segments;
use std::hint::black_box;
use std::sync::Mutex;

const SHARD_BITS: u32 = 6;
/// How many shards there are.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;
const NUMBER_BITS: u32 = 32 - SHARD_BITS;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;
const EMPTY: u32 = u32::MAX;
/// The parent of an initial state.
pub(super) const NO_PARENT: u32 = u32::MAX;
/// Shards fill evenly to well within one percent, so that no number overflows below this many states.
pub(super) const MAX_STATES: u64 = 4_000_000_000;

/// The shard in which a fingerprint lives.
#[inline]
pub(super) fn shard_of(fingerprint: u128) -> usize {
    fingerprint as usize & (SHARDS - 1)
}

/// One shard of the table.
pub(super) struct Shard {
    slots: Vec<u32>,
    fingerprints: Segments<u128>,
    parents: Segments<u32>,
    actions: Segments<u16>,
}

impl Shard {
    fn new() -> Self {
        Shard {
            slots: vec![EMPTY; 64],
            fingerprints: Segments::new(),
            parents: Segments::new(),
            actions: Segments::new(),
        }
    }

    #[inline]
    fn home(&self, fingerprint: u128) -> usize {
        (fingerprint >> 64) as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn tag(fingerprint: u128) -> u32 {
        ((fingerprint >> 58) as u32) << NUMBER_BITS
    }

    /// Reads what [`insert`](Self::insert) will need, so that the cache misses of a batch overlap instead of queueing.
    pub(super) fn touch(&self, fingerprints: impl Iterator<Item = u128> + Clone) {
        let mut sum = 0;
        for fingerprint in fingerprints.clone() {
            sum ^= self.slots[self.home(fingerprint)];
        }
        black_box(sum);
        let mut sum = 0;
        for fingerprint in fingerprints {
            let slot = self.slots[self.home(fingerprint)];
            if slot != EMPTY {
                sum ^= self.fingerprints.get((slot & NUMBER_MASK) as usize);
            }
        }
        black_box(sum);
    }

    /// The id of this state, and whether it is new; only then are the parent and the action remembered.
    #[inline]
    pub(super) fn insert(&mut self, fingerprint: u128, parent: u32, action: u16) -> (u32, bool) {
        let shard = shard_of(fingerprint) as u32;
        let tag = Self::tag(fingerprint);
        let mut at = self.home(fingerprint);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                break;
            }
            let number = slot & NUMBER_MASK;
            if slot & !NUMBER_MASK == tag && self.fingerprints.get(number as usize) == fingerprint {
                return (number << SHARD_BITS | shard, false);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        let number = self.fingerprints.len() as u32;
        assert!(number < NUMBER_MASK, "a shard of the state table is full");
        self.slots[at] = tag | number;
        self.fingerprints.push(fingerprint);
        self.parents.push(parent);
        self.actions.push(action);
        if self.fingerprints.len() * 5 > self.slots.len() * 4 {
            self.grow();
        }
        (number << SHARD_BITS | shard, true)
    }

    /// Doubles the slots of this one shard: a sixty-fourth of the whole at a time.
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots = Vec::new();
        self.slots = vec![EMPTY; size];
        for (number, fingerprint) in self.fingerprints.iter().enumerate() {
            let mut at = (fingerprint >> 64) as usize & (size - 1);
            while self.slots[at] != EMPTY {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = Self::tag(fingerprint) | number as u32;
        }
    }
}

/// All shards, to be shared between workers.
pub(super) struct Table {
    pub(super) shards: Vec<Mutex<Shard>>,
}

impl Table {
    pub(super) fn new() -> Self {
        Table { shards: (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect() }
    }

    /// Ends the search: what remains is each state's origin.
    pub(super) fn into_origins(self) -> Origins {
        let shards = self.shards.into_iter().map(|shard| {
            let mut shard = shard.into_inner().expect("no worker panicked");
            shard.slots = Vec::new();
            shard
        });
        Origins { shards: shards.collect() }
    }
}

/// Where each state came from, once no more states arrive.
pub(super) struct Origins {
    shards: Vec<Shard>,
}

impl Origins {
    fn place(id: u32) -> (usize, usize) {
        ((id & (SHARDS as u32 - 1)) as usize, (id >> SHARD_BITS) as usize)
    }

    /// The fingerprint of a state.
    pub(super) fn fingerprint(&self, id: u32) -> u128 {
        let (shard, number) = Self::place(id);
        self.shards[shard].fingerprints.get(number)
    }

    /// The parent of a state, or [`NO_PARENT`], and the index of the action (or of the initial state).
    pub(super) fn origin(&self, id: u32) -> (u32, u16) {
        let (shard, number) = Self::place(id);
        (self.shards[shard].parents.get(number), self.shards[shard].actions.get(number))
    }

    /// A bound above every id.
    pub(super) fn id_bound(&self) -> usize {
        self.shards.iter().map(|shard| shard.fingerprints.len()).max().unwrap_or(0) << SHARD_BITS
    }
}
