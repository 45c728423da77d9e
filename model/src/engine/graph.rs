//! The breadth-first engine.
//!
//! Level by level, so that the first state that decides a property is as shallow as any: counterexamples and witnesses
//! are shortest, with any number of threads. With one thread a run is deterministic in every detail.

use super::expand::Worker;
use super::findings::{Claim, Finding, Halt, Search};
use super::frontier::Level;
use super::retrace::Retrace;
use super::table::NO_PARENT;
use super::{Completion, EngineError, Fair, Kind, NO_PANIC, Progress, Report, Settings, Verdict};
use super::{edges::Graph, lasso, liveness, premises, quiet};
use stateright::{Expectation, Model, Property};
use std::hash::Hash;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Explores every state reachable in `model` and checks its properties on each, and its goals if `settings` say so.
///
/// # Errors
///
/// If the model cannot be checked soundly; see [`EngineError`].
pub fn explore<M>(model: &M, settings: &Settings, progress: &Progress) -> Result<Report<M::Action>, EngineError>
where
    M: Fair + Sync,
    M::State: Hash + Clone + PartialEq + Send + Sync,
    M::Action: Clone + PartialEq + Send + Sync,
{
    let started = Instant::now();
    quiet::install();
    let search = Search::new(model, settings, progress)?;
    let mut workers: Vec<Worker<M>> = (0..premises::threads(settings)).map(Worker::new).collect();
    match premises::initial_states(model)? {
        Ok(states) => workers[0].begin(&search, states),
        Err(note) => {
            search.findings.lock().expect("no worker yet").push(Finding::at_birth(note));
            search.stop(Halt::Violated);
        }
    }
    run_levels(&search, &mut workers);
    drop(workers);
    let completion = match search.halt.get() {
        None => Completion::Exhausted,
        Some(Halt::Violated) => Completion::Violated,
        Some(Halt::Capped) => Completion::Capped,
        Some(Halt::Interrupted) => Completion::Interrupted,
        Some(Halt::Refused(error)) => return Err(error.clone()),
    };
    let verdicts = verdicts(search, completion)?;
    let (distinct, generated, depth) = (progress.distinct(), progress.generated(), progress.depth());
    Ok(Report { distinct, generated, depth, elapsed: started.elapsed(), completion, verdicts })
}

/// Expands one level after the other until nothing new is found.
fn run_levels<M>(search: &Search<'_, M>, workers: &mut [Worker<M>])
where
    M: Fair + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Send + Sync,
{
    for depth in 0.. {
        let level = Level::gather(workers.iter_mut().map(|worker| &mut worker.found));
        if level.len() == 0 {
            return;
        }
        search.progress.depth.store(depth, Relaxed);
        if search.halted() {
            return;
        }
        // A level of one chunk is not worth waking a second thread.
        let busy = level.len().min(workers.len());
        let (first, others) = workers[..busy].split_first_mut().expect("at least one worker");
        std::thread::scope(|scope| {
            for worker in others {
                scope.spawn(|| worker.run(search, &level));
            }
            first.run(search, &level);
        });
    }
}

/// Turns findings into verdicts with their evidence.
fn verdicts<M>(search: Search<'_, M>, completion: Completion) -> Result<Vec<Verdict<M::Action>>, EngineError>
where
    M: Fair,
    M::State: Hash,
    M::Action: Clone,
{
    let Search { model, properties, goals, table, edges, findings, .. } = search;
    let origins = table.into_origins();
    let retrace = Retrace { model, origins: &origins };
    let exhausted = completion == Completion::Exhausted;
    let mut verdicts = Vec::new();
    verdicts.extend(properties.iter().map(|property| unseen(property, exhausted)));
    verdicts.push(Verdict::new(NO_PANIC, Kind::Always, true, exhausted));
    for finding in findings.into_inner().expect("no worker panicked") {
        let at = match finding.claim {
            Claim::Property(at) => at,
            Claim::NoPanic => properties.len(),
        };
        decide(&mut verdicts[at], &retrace, finding)?;
    }
    let complete = exhausted && verdicts[properties.len()].holds;
    if goals.is_empty() {
        return Ok(verdicts);
    }
    if !complete {
        // A graph that lacks edges decides nothing.
        verdicts.extend(goals.iter().map(|goal| Verdict::new(goal.name, Kind::Live, false, false)));
        return Ok(verdicts);
    }
    let graph = edges.into_inner().expect("no worker panicked").into_graph(origins.id_bound());
    for (at, goal) in goals.iter().enumerate() {
        let mut verdict = Verdict::new(goal.name, Kind::Live, true, true);
        if let Some(states) = liveness::nearest_violation(&graph, at) {
            refute(&mut verdict, &retrace, &graph, &states)?;
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// The verdict about a property that no state decided.
pub(super) fn unseen<M: Model, A>(property: &Property<M>, exhausted: bool) -> Verdict<A> {
    match property.expectation {
        Expectation::Sometimes => Verdict::new(property.name, Kind::Sometimes, false, exhausted),
        _ => Verdict::new(property.name, Kind::Always, true, exhausted),
    }
}

/// Decides a verdict by a finding.
fn decide<M>(verdict: &mut Verdict<M::Action>, retrace: &Retrace<'_, M>, finding: Finding) -> Result<(), EngineError>
where
    M: Fair,
    M::State: Hash,
    M::Action: Clone,
{
    verdict.holds = verdict.kind == Kind::Sometimes;
    verdict.decided = true;
    verdict.note = finding.note;
    if finding.state == NO_PARENT {
        verdict.path = Some(Vec::new());
        return Ok(());
    }
    let mut trace = retrace.path(finding.state)?;
    if let Some(index) = finding.then {
        trace.actions.push(retrace.action(&trace.last, usize::from(index))?);
    }
    (verdict.initial, verdict.path) = (trace.initial, Some(trace.actions));
    Ok(())
}

/// Refutes a goal by a stem and a fair cycle in this (sorted) component.
fn refute<M>(
    verdict: &mut Verdict<M::Action>,
    retrace: &Retrace<'_, M>,
    graph: &Graph,
    states: &[u32],
) -> Result<(), EngineError>
where
    M: Fair,
    M::State: Hash,
    M::Action: Clone,
{
    let trace = retrace.path(graph.id(states[0]))?;
    let mut at = trace.last;
    let mut cycle = Vec::new();
    for edge in lasso::fair_cycle(graph, states) {
        let class = Some(graph.class(edge)).filter(|&class| class != super::edges::NO_CLASS);
        let id = graph.id(graph.target(edge));
        let (action, next) = retrace.follow(&at, id, |action| retrace.model.class(&at, action) == class)?;
        cycle.push(action);
        at = next;
    }
    verdict.holds = false;
    (verdict.initial, verdict.path, verdict.cycle) = (trace.initial, Some(trace.actions), Some(cycle));
    Ok(())
}
