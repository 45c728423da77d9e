//! Writes, and reads behind a sync, as if each happened at one moment between question and answer.

use super::{Answer, Broken, History, Operation, Questions};
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use zab::Zxid;

/// So many steps may the search of one key take.
pub const BUDGET: u64 = 200_000;

/// Something that happened to a key between two entries of the history.
#[derive(Clone, Debug)]
struct Operated {
    value: u64,
    writes: bool,
    from: usize,
    /// `usize::MAX` of a write of which it is not known when it happened.
    until: usize,
    /// Where its transaction is in the order of all; `None` where nobody said.
    witness: Option<Zxid>,
}

/// Looks at every key. How many operations are linearizable, and of how many keys it could not be decided.
///
/// # Errors
/// With a key of which they are not.
pub fn check(history: &History, questions: &Questions, budget: u64) -> Result<(usize, usize), Broken> {
    let (mut linearized, mut undecided) = (0, 0);
    for (key, operated) in keys(questions) {
        if is_witnessed(&operated) {
            linearized += operated.len();
            continue;
        }
        match search(&operated, budget) {
            Some(true) => linearized += operated.len(),
            Some(false) => {
                let entry = history.entries.len().saturating_sub(1);
                let sentence = format!("no order of the {} operations on {key} explains them", operated.len());
                return Err(Broken { promise: "linearizable", sentence, entry });
            }
            None => undecided += 1,
        }
    }
    Ok((linearized, undecided))
}

/// What happened to each key. A write that was not answered counts if anybody saw its value; else it changes nothing
/// that could be found out.
fn keys(questions: &Questions) -> BTreeMap<String, Vec<Operated>> {
    let mut keys: BTreeMap<String, Vec<Operated>> = BTreeMap::new();
    let mut seen: BTreeMap<u64, Zxid> = BTreeMap::new();
    for question in &questions.all {
        if let (Operation::Get(..), Some((_, _, Answer::Value(value, mzxid)))) = (&question.operation, &question.answer)
        {
            seen.insert(*value, *mzxid);
        }
    }
    for question in &questions.all {
        let (key, operated) = match (&question.operation, &question.answer) {
            (Operation::Set(key, value), Some((until, zxid, Answer::Done))) => {
                let (writes, from, until) = (true, question.asked, *until);
                (key, Operated { value: *value, writes, from, until, witness: Some(*zxid) })
            }
            (Operation::Set(key, value), None) if seen.contains_key(value) => {
                let (writes, from, until) = (true, question.asked, usize::MAX);
                (key, Operated { value: *value, writes, from, until, witness: seen.get(value).copied() })
            }
            (Operation::Get(key, _), Some((until, _, Answer::Value(value, mzxid)))) => {
                // Both are one operation: what is read happened after the sync was asked.
                let Some(from) = question.behind_sync else { continue };
                let (writes, until) = (false, *until);
                (key, Operated { value: *value, writes, from, until, witness: Some(*mzxid) })
            }
            _ => continue,
        };
        keys.entry(key.clone()).or_default().push(operated);
    }
    keys
}

/// Whether the transactions' own order explains everything: each read shows the newest write, and nothing comes before
/// what was done before it was asked.
fn is_witnessed(operated: &[Operated]) -> bool {
    let mut order: Vec<&Operated> = operated.iter().collect();
    order.sort_by_key(|operated| (operated.witness, !operated.writes, operated.from));
    let (mut value, mut newest) = (0, 0);
    for operated in order {
        if operated.witness.is_none() || operated.until < newest {
            return false;
        }
        newest = newest.max(operated.from);
        if operated.writes {
            value = operated.value;
        } else if value != operated.value {
            return false;
        }
    }
    true
}

/// Stateright's register, which gives up after so many steps.
#[derive(Clone)]
struct Bounded {
    register: Register<u64>,
    steps: Rc<Cell<u64>>,
}

/// Carried out of a search that takes too long.
struct Exhausted;

impl SequentialSpec for Bounded {
    type Op = RegisterOp<u64>;
    type Ret = RegisterRet<u64>;

    fn invoke(&mut self, op: &Self::Op) -> Self::Ret {
        self.register.invoke(op)
    }

    fn is_valid_step(&mut self, op: &Self::Op, ret: &Self::Ret) -> bool {
        let left = self.steps.get();
        if left == 0 {
            // The search has no other way out.
            resume_unwind(Box::new(Exhausted));
        }
        self.steps.set(left - 1);
        self.register.is_valid_step(op, ret)
    }
}

/// Looks for any order; `None` if there are too many.
fn search(operated: &[Operated], budget: u64) -> Option<bool> {
    let steps = Rc::new(Cell::new(budget));
    let mut tester = LinearizabilityTester::new(Bounded { register: Register(0), steps });
    // What happens at one moment, and who is free for it: no thread does two things at a time.
    let mut moments: BTreeMap<(usize, usize), (usize, bool)> = BTreeMap::new();
    for (number, operated) in operated.iter().enumerate() {
        moments.insert((operated.from, number), (number, true));
        moments.insert((operated.until, number), (number, false));
    }
    let (mut free, mut threads): (BTreeSet<usize>, BTreeMap<usize, usize>) = Default::default();
    for (number, begins) in moments.into_values() {
        let Operated { value, writes, .. } = operated[number];
        let told = if begins {
            let thread = free.pop_first().unwrap_or(threads.len() + 1);
            threads.insert(number, thread);
            tester.on_invoke(thread, if writes { RegisterOp::Write(value) } else { RegisterOp::Read }).map(drop)
        } else {
            let thread = threads.get(&number).copied()?;
            free.insert(thread);
            tester.on_return(thread, if writes { RegisterRet::WriteOk } else { RegisterRet::ReadOk(value) }).map(drop)
        };
        told.ok()?;
    }
    catch_unwind(AssertUnwindSafe(|| tester.is_consistent())).ok()
}
