//! What an engine refuses: every way in which a run could look complete and not be.

/// Why a model was not checked, or a run cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Stateright's `eventually` misses cycles and joins; ours are goals under fairness.
    #[error("property `{0}` is an `eventually`: no engine checks it soundly, state it as a goal of `Fair` instead")]
    EventuallyRefused(&'static str),
    /// A boundary hides states and breaks liveness; a budget inside the state does neither.
    #[error("`within_boundary` refused a state: boundaries hide states, keep budgets inside the state instead")]
    BoundaryRefused,
    /// Verdicts are told apart by their names.
    #[error("the name `{0}` is used by two properties or goals")]
    DuplicateName(&'static str),
    /// Every `always` holds of no states at all; that is no success.
    #[error("the model has no initial state")]
    NoInitialState,
    /// Open properties are one bit each in a 64-bit mask.
    #[error("{0} properties, but at most 64 can be checked at once")]
    TooManyProperties(usize),
    /// Reached goals are one bit each in a 32-bit mask.
    #[error("{0} goals, but at most 32 can be checked at once")]
    TooManyGoals(usize),
    /// An action is remembered by its 16-bit index.
    #[error("{0} actions (or initial states) side by side, but at most 65535 can be told apart")]
    TooManyActions(usize),
    /// Enabled classes are one bit each in a 64-bit mask.
    #[error("fairness class {0} is not below 64")]
    ClassOutOfRange(u8),
    /// A replay arrived elsewhere than the exploration did.
    #[error("the model is not deterministic: replaying a path did not lead to the same state again")]
    NotDeterministic,
    /// This engine records no edges.
    #[error("this engine cannot check liveness: ask the graph engine")]
    LivenessNeedsGraph,
    /// A thread of the checker died outside the model's guarded calls.
    #[error("a checker thread panicked: {0}")]
    CheckerPanicked(String),
}
