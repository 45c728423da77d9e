//! Is every order in the core needed? For every kind of step that emits outputs in an order that the world could tell
//! from another, every other order is planted and checked. An order that no property needs is a missing property or a
//! needless wait: it is caught, or it stands in [`HARMLESS`] with its reason.

use crate::bounds::{Bounds, Grain, Kind, Oracle};
use crate::engine::{EngineError, Progress, Settings, explore};
use crate::mutation::{Example, Mutation, Signature, depend};
use crate::world::Budget;
use crate::zookeeper::ZooKeeper;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Steps with more outputs than this that depend on each other are tried with neighbours exchanged only.
const ALL_ORDERS: usize = 4;

/// An order that is not the core's.
#[derive(Clone, Debug)]
pub struct Other {
    /// The kind of step.
    pub signature: Signature,
    /// A step of that kind.
    pub example: Example,
    /// The order in which its outputs come instead.
    pub order: Vec<usize>,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This property broke, after so many steps.
    Caught {
        /// Which.
        property: String,
        /// The length of the shortest way there.
        steps: usize,
    },
    /// It breaks nothing, for this reason.
    Harmless(&'static str),
    /// It breaks nothing within the bounds, and nobody said why.
    Unexplained,
}

/// Why some orders may be otherwise: the input's name, the first two outputs that change places (as they are printed,
/// with `*` for numbers and servers), and the reason.
pub const HARMLESS: &[(&str, &str, &str, &str)] = &[
    (
        "ACKEPOCH",
        "NEWLEADER",
        "COMMIT",
        "DIFF has said already what is committed. Java's learners make durable before they acknowledge only what was \
         also committed one by one (ZOOKEEPER-3911), so the order stays",
    ),
    (
        "ACKEPOCH",
        "PROPOSAL",
        "NEWLEADER",
        "an open proposal is no part of the initial history; before NEWLEADER, where Java's leaders send it, it is \
         logged and acknowledged alike. Learners of 3.8.0 bear it only behind (ZOOKEEPER-4394), so the order stays",
    ),
    (
        "UPTODATE",
        "ACK",
        "ACK",
        "the second acknowledgement of the epoch says nothing new; it is first because Java's learners send it first",
    ),
];

/// The bounds in which orders are looked for, and tried, the small ones first.
#[must_use]
pub fn bounds() -> Vec<Bounds> {
    let zab = Bounds { grain: Grain::Write, oracle: Oracle::Any, ..Bounds::default_of(Kind::Zab) };
    let budget = zab.budget;
    vec![
        zab,
        Bounds { servers: 2, observers: 1, budget: Budget { breaks: 1, ..budget }, ..zab },
        Bounds { servers: 2, budget: Budget { transactions: 2, snapshots: 1, elections: 3, ..budget }, ..zab },
        Bounds { last_counter: 1, budget: Budget { transactions: 2, crashes: 0, ..budget }, ..zab },
        Bounds { oracle: Oracle::Best, budget: Budget { transactions: 1, crashes: 2, elections: 3, ..budget }, ..zab },
    ]
}

/// Every kind of step that the bounds show, with an example.
///
/// # Errors
/// When the engine refuses the model.
pub fn kinds_of_steps(progress: &Progress) -> Result<BTreeMap<Signature, Example>, EngineError> {
    let examples = Arc::new(Mutex::new(BTreeMap::new()));
    for bounds in &bounds()[..4] {
        let model = ZooKeeper { mutation: Mutation::Collect(examples.clone()), ..ZooKeeper::new(*bounds) };
        explore(&model, &Settings { max_states: Some(1_000_000), ..Settings::default() }, progress)?;
    }
    let examples = examples.lock().expect("nobody panicked with it").clone();
    Ok(examples)
}

/// Every other order to try: all orders of short steps, and of long ones those exchanges of two outputs that no short
/// step with the same input has.
#[must_use]
pub fn orders_to_try(kinds: &BTreeMap<Signature, Example>) -> Vec<Other> {
    let (short, long): (Vec<_>, Vec<_>) = kinds.iter().partition(|(_, example)| is_short(&example.outputs));
    let of = |(signature, example): &(&Signature, &Example)| pairs(signature, &example.outputs);
    let tried: BTreeSet<_> = short.iter().flat_map(of).collect();
    let of_short = short.iter().flat_map(|(signature, example)| other_orders(signature, example));
    let of_long = long.iter().flat_map(|(signature, example)| other_orders(signature, example));
    let new = of_long.filter(|other| !tried.contains(&other.exchanged_kinds()));
    of_short.chain(new).collect()
}

/// The input's kind and the kinds of two outputs that depend on each other.
type Pair = (crate::mutation::Kind, crate::mutation::Kind, crate::mutation::Kind);

fn pairs(signature: &Signature, outputs: &[zab::Output]) -> Vec<Pair> {
    let all = (0..outputs.len()).flat_map(|a| (a + 1..outputs.len()).map(move |b| (a, b)));
    let depending = all.filter(|(a, b)| depend(&outputs[*a], &outputs[*b]));
    depending.map(|(a, b)| (signature[0], signature[a + 1], signature[b + 1])).collect()
}

fn involved(outputs: &[zab::Output]) -> Vec<usize> {
    let depends = |at: &usize| (0..outputs.len()).any(|other| other != *at && depend(&outputs[*at], &outputs[other]));
    (0..outputs.len()).filter(depends).collect()
}

fn is_short(outputs: &[zab::Output]) -> bool {
    involved(outputs).len() <= ALL_ORDERS
}

/// The other orders of a step that the world could tell from the core's.
#[must_use]
pub fn other_orders(signature: &Signature, example: &Example) -> Vec<Other> {
    let outputs = &example.outputs;
    let (length, places) = (outputs.len(), involved(outputs));
    let identity: Vec<usize> = (0..length).collect();
    let orders =
        if places.len() <= ALL_ORDERS { all_orders(&identity, &places) } else { exchanges(&identity, outputs) };
    let mut seen = BTreeSet::from([visible(outputs, &identity)]);
    let new = orders.into_iter().filter(|order| seen.insert(visible(outputs, order)));
    new.map(|order| Other { signature: signature.clone(), example: example.clone(), order }).collect()
}

fn all_orders(identity: &[usize], places: &[usize]) -> Vec<Vec<usize>> {
    permutations(places)
        .into_iter()
        .map(|permuted| {
            let mut order = identity.to_vec();
            for (place, at) in places.iter().zip(permuted) {
                order[*place] = at;
            }
            order
        })
        .collect()
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    let Some((first, rest)) = items.split_first() else { return vec![Vec::new()] };
    let insert = |shorter: Vec<usize>| {
        (0..=shorter.len()).map(move |place| {
            let mut longer = shorter.clone();
            longer.insert(place, *first);
            longer
        })
    };
    permutations(rest).into_iter().flat_map(insert).collect()
}

fn exchanges(identity: &[usize], outputs: &[zab::Output]) -> Vec<Vec<usize>> {
    let pairs = (0..outputs.len()).flat_map(|a| (a + 1..outputs.len()).map(move |b| (a, b)));
    // Neighbours among those that depend on each other: nothing between them depends on both.
    let near = |(a, b): &(usize, usize)| {
        depend(&outputs[*a], &outputs[*b])
            && !(a + 1..*b).any(|c| depend(&outputs[*a], &outputs[c]) && depend(&outputs[c], &outputs[*b]))
    };
    pairs
        .filter(near)
        .map(|(a, b)| {
            let mut order = identity.to_vec();
            order.swap(a, b);
            order
        })
        .collect()
}

/// What the world can see of an order: which of two dependent outputs comes first. Equal outputs are one.
fn visible(outputs: &[zab::Output], order: &[usize]) -> Vec<(usize, usize)> {
    let same = |at: usize| outputs.iter().position(|output| *output == outputs[at]).unwrap_or(at);
    let mut pairs = Vec::new();
    for (index, a) in order.iter().enumerate() {
        for b in &order[index + 1..] {
            if depend(&outputs[*a], &outputs[*b]) {
                pairs.push((same(*a), same(*b)));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

impl Other {
    /// The outputs in the planted order, in words.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        self.order.iter().map(|at| self.example.outputs[*at].to_string()).collect()
    }

    /// The input's kind and those of the two outputs that changed places.
    fn exchanged_kinds(&self) -> Pair {
        let first = self.order.iter().enumerate().find(|(place, at)| place != *at).map_or(0, |(place, _)| place);
        (self.signature[0], self.signature[first + 1], self.signature[self.order[first] + 1])
    }

    /// The first output that comes too early, and the one that it overtakes.
    #[must_use]
    pub fn exchanged(&self) -> (String, String) {
        let first = self.order.iter().enumerate().find(|(place, at)| place != *at).map_or(0, |(place, _)| place);
        (self.example.outputs[self.order[first]].to_string(), self.example.outputs[first].to_string())
    }

    /// Plants the order and looks for the property that breaks.
    ///
    /// # Errors
    /// When the engine refuses the model.
    pub fn fate(&self, max_states: u64, progress: &Progress) -> Result<Fate, EngineError> {
        let mutation = Mutation::Order { signature: self.signature.clone(), order: self.order.clone() };
        for bounds in bounds() {
            let model = ZooKeeper { mutation: mutation.clone(), ..ZooKeeper::new(bounds) };
            let settings = Settings { max_states: Some(max_states), ..Settings::default() };
            let report = explore(&model, &settings, progress)?;
            let broken = |verdict: &&crate::engine::Verdict<_>| {
                !verdict.holds && verdict.decided && verdict.kind == crate::engine::Kind::Always
            };
            if let Some(verdict) = report.verdicts.iter().find(broken) {
                let steps = verdict.path.as_ref().map_or(0, Vec::len);
                return Ok(Fate::Caught { property: verdict.name.clone(), steps });
            }
        }
        Ok(self.reason().map_or(Fate::Unexplained, Fate::Harmless))
    }

    fn reason(&self) -> Option<&'static str> {
        let (early, late) = self.exchanged();
        let input = self.example.input.to_string();
        let known = HARMLESS
            .iter()
            .find(|(step, first, second, _)| input.contains(step) && early.contains(first) && late.contains(second));
        known.map(|(.., reason)| *reason)
    }
}
