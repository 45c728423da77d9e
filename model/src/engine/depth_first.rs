//! Stateright's depth-first search behind guard rails: the second opinion, and the leanest in memory.
//!
//! The model is wrapped, because the search left alone would stop early, overwrite its counterexamples and take a panic
//! for the end of the work:
//!
//! - one property more, which always holds, keeps the search going when all others are decided;
//! - a decided property is not evaluated again, so that its path is the first found (still not the shortest);
//! - a panic of the model is caught, recorded, and ends the search;
//! - to end a search, the wrapper offers no more actions: stateright knows no stop, and its caps look like success;
//! - the threads are joined one by one: `report()` does not notice a dead one.

use super::graph::unseen;
use super::{Completion, EngineError, Kind, NO_PANIC, Progress, Report, Settings, Verdict};
use super::{premises, quiet};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path, Property};
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Explores every state reachable in `model` with stateright's depth-first search, and checks its properties on each.
///
/// The counts are those of [`explore`](super::explore()); `depth` is that of the search, not the largest distance.
/// Paths are not shortest, and a panic comes without one.
///
/// # Errors
///
/// If the model cannot be checked soundly, or if liveness is asked for; see [`EngineError`].
pub fn explore_depth_first<M>(
    model: Arc<M>,
    settings: &Settings,
    progress: &Progress,
) -> Result<Report<M::Action>, EngineError>
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq + Send + Sync + 'static,
{
    let started = Instant::now();
    quiet::install();
    if settings.liveness {
        return Err(EngineError::LivenessNeedsGraph);
    }
    let guarded = Guarded(Arc::new(Guard::new(model, settings)?));
    let guard = Arc::clone(&guarded.0);
    let builder = guarded.checker().threads(premises::threads(settings));
    let mut checker = builder.finish_when(HasDiscoveries::All).spawn_dfs();
    watch(&mut checker, &guard, settings, progress)?;
    let completion = match guard.halt.get() {
        None => Completion::Exhausted,
        Some(Ok(completion)) => *completion,
        Some(Err(error)) => return Err(error.clone()),
    };
    guard.replaying.store(true, Relaxed);
    let verdicts = guard.verdicts(&checker, completion == Completion::Exhausted);
    let (distinct, generated, depth) = (progress.distinct(), progress.generated(), progress.depth());
    Ok(Report { distinct, generated, depth, elapsed: started.elapsed(), completion, verdicts })
}

/// Follows the search until its last thread has ended.
fn watch<M>(
    checker: &mut impl Checker<Guarded<M>>,
    guard: &Guard<M>,
    settings: &Settings,
    progress: &Progress,
) -> Result<(), EngineError>
where
    M: Model,
    M::State: Hash + Clone,
{
    let handles = checker.handles();
    let mut pause = Duration::from_micros(100);
    loop {
        let done = handles.iter().all(|handle| handle.is_finished());
        let distinct = checker.unique_state_count() as u64;
        progress.distinct.store(distinct, Relaxed);
        // Stateright counts the initial states among the generated, and as depth one.
        progress.generated.store((checker.state_count() - guard.initial.len()) as u64, Relaxed);
        progress.depth.store(checker.max_depth().saturating_sub(1) as u64, Relaxed);
        if done {
            break;
        }
        if progress.stop_requested() {
            guard.stop(Ok(Completion::Interrupted));
        }
        if settings.max_states.is_some_and(|limit| distinct > limit) {
            guard.stop(Ok(Completion::Capped));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    for handle in handles {
        if let Err(payload) = handle.join() {
            let message = quiet::words(&*payload).unwrap_or("no message").to_owned();
            return Err(EngineError::CheckerPanicked(message));
        }
    }
    // A limit crossed just before the end leaves no state unseen, but does leave the promise broken.
    if settings.max_states.is_some_and(|limit| progress.distinct() > limit) {
        guard.stop(Ok(Completion::Capped));
    }
    Ok(())
}

/// What the wrapper knows beside the model.
struct Guard<M: Model> {
    model: Arc<M>,
    properties: Vec<Property<M>>,
    initial: Vec<M::State>,
    stop_at_first: bool,
    /// Why no more actions are offered; the first reason stands.
    halt: OnceLock<Result<Completion, EngineError>>,
    /// Paths are being rebuilt after the search: offer actions again.
    replaying: AtomicBool,
    /// One bit for each property decided.
    decided: AtomicU64,
    panic: Mutex<Option<String>>,
}

/// The wrapped model; a handle, since the checker takes its model away.
struct Guarded<M: Model>(Arc<Guard<M>>);

impl<M: Model> Guard<M>
where
    M::State: PartialEq,
{
    fn new(model: Arc<M>, settings: &Settings) -> Result<Self, EngineError> {
        let properties = model.properties();
        premises::check_claims(&properties, &[])?;
        let (states, panic) = match premises::initial_states(&*model)? {
            Ok(states) => (states, None),
            Err(note) => (Vec::new(), Some(note)),
        };
        // Stateright would expand an initial state twice that is listed twice.
        let mut initial = Vec::with_capacity(states.len());
        for state in states {
            if !initial.contains(&state) {
                initial.push(state);
            }
        }
        let halt = OnceLock::new();
        if panic.is_some() {
            let _ = halt.set(Ok(Completion::Violated));
        }
        Ok(Guard {
            model,
            properties,
            initial,
            stop_at_first: settings.stop_at_first,
            halt,
            replaying: AtomicBool::new(false),
            decided: AtomicU64::new(0),
            panic: Mutex::new(panic),
        })
    }
}

impl<M: Model> Guard<M> {
    fn stop(&self, reason: Result<Completion, EngineError>) {
        let _ = self.halt.set(reason);
    }

    fn panicked(&self, note: String) {
        self.panic.lock().expect("nothing panics while holding this").get_or_insert(note);
        if self.stop_at_first {
            self.stop(Ok(Completion::Violated));
        }
    }

    /// The value of a property, or, once it is decided, the value that decides nothing.
    fn evaluate(&self, at: usize, state: &M::State) -> bool {
        let property = &self.properties[at];
        let sought = property.expectation == Expectation::Sometimes;
        if self.decided.load(Relaxed) >> at & 1 == 1 {
            return !sought;
        }
        match quiet::catch(|| (property.condition)(&self.model, state)) {
            Ok(value) if value == sought && self.decided.fetch_or(1 << at, Relaxed) >> at & 1 == 0 => {
                if self.stop_at_first && !sought {
                    self.stop(Ok(Completion::Violated));
                }
                sought
            }
            Ok(_) => !sought,
            Err(note) => {
                self.panicked(note);
                !sought
            }
        }
    }

    fn verdicts(&self, checker: &impl Checker<Guarded<M>>, exhausted: bool) -> Vec<Verdict<M::Action>>
    where
        M::State: Clone + PartialEq,
        M::Action: Clone + PartialEq,
    {
        let mut paths = quiet::catch(|| checker.discoveries()).unwrap_or_default();
        let decided = self.decided.load(Relaxed);
        let mut verdicts = Vec::with_capacity(self.properties.len() + 1);
        for (at, property) in self.properties.iter().enumerate() {
            let mut verdict = unseen(property, exhausted);
            if decided >> at & 1 == 1 {
                verdict.holds = !verdict.holds;
                verdict.decided = true;
                if let Some(path) = paths.remove(property.name) {
                    (verdict.initial, verdict.path) = self.unpack(path);
                }
            }
            verdicts.push(verdict);
        }
        let note = self.panic.lock().expect("nothing panics while holding this").take();
        let holds = note.is_none();
        verdicts.push(Verdict { note, ..Verdict::new(NO_PANIC, Kind::Always, holds, exhausted || !holds) });
        verdicts
    }

    fn unpack(&self, path: Path<M::State, M::Action>) -> (usize, Option<Vec<M::Action>>)
    where
        M::State: PartialEq,
    {
        let steps = path.into_vec();
        let first = steps.first().map(|(state, _)| state);
        let states = quiet::catch(|| self.model.init_states()).unwrap_or_default();
        let initial = states.iter().position(|state| Some(state) == first).unwrap_or(0);
        (initial, Some(steps.into_iter().filter_map(|(_, action)| action).collect()))
    }
}

/// Conditions are plain function pointers, which capture nothing: so there is one function for each index.
fn condition<M: Model, const AT: usize>(guarded: &Guarded<M>, state: &M::State) -> bool {
    guarded.0.evaluate(AT, state)
}

macro_rules! conditions {
    ($($at:literal)*) => { [$(condition::<M, $at>),*] };
}

type Condition<M> = fn(&Guarded<M>, &<M as Model>::State) -> bool;

impl<M: Model> Guarded<M> {
    const CONDITIONS: [Condition<M>; 64] = conditions! {
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
        32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
    };
}

impl<M: Model> Model for Guarded<M>
where
    M::State: Clone,
{
    type State = M::State;
    type Action = M::Action;

    fn init_states(&self) -> Vec<M::State> {
        self.0.initial.clone()
    }

    fn actions(&self, state: &M::State, actions: &mut Vec<M::Action>) {
        if self.0.halt.get().is_some() && !self.0.replaying.load(Relaxed) {
            return;
        }
        if let Err(note) = quiet::catch(|| self.0.model.actions(state, actions)) {
            actions.clear();
            self.0.panicked(note);
        }
    }

    fn next_state(&self, state: &M::State, action: M::Action) -> Option<M::State> {
        quiet::catch(|| self.0.model.next_state(state, action)).unwrap_or_else(|note| {
            self.0.panicked(note);
            None
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let inner = self.0.properties.iter().zip(Self::CONDITIONS);
        let inner = inner.map(|(property, condition)| Property {
            expectation: property.expectation.clone(),
            name: property.name,
            condition,
        });
        inner.chain([Property::always("explores everything", |_, _| true)]).collect()
    }

    fn within_boundary(&self, state: &M::State) -> bool {
        match quiet::catch(|| self.0.model.within_boundary(state)) {
            Ok(true) => {}
            Ok(false) => self.0.stop(Err(EngineError::BoundaryRefused)),
            Err(note) => self.0.panicked(note),
        }
        true
    }
}
