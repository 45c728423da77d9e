//! Worlds around the algorithms of [`zab::recipes`]: what people do with a ZooKeeper, explored as the protocol is.
//!
//! | module | holds |
//! |---|---|
//! | [`lock`], [`registry`], [`two_phase_commit`] | the models, each with its mistakes to plant |
//! | [`served`] | an ensemble as its clients see it: the tree's own functions, sessions and watches |
//! | [`tale`] | their paths, told |

pub mod lock;
pub mod registry;
pub mod served;
pub mod tale;
pub mod two_phase_commit;

use clap::ValueEnum;

/// The models of uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Use {
    /// Contenders for a lock on the real tree; sessions expire, replies are lost.
    Lock,
    /// Providers that come and go, and a consumer's cache.
    Registry,
    /// Two-phase commit, classic or in Zab's form, on disks that crash.
    TwoPhaseCommit,
}

impl Use {
    /// All of them.
    pub const ALL: [Use; 3] = [Use::Lock, Use::Registry, Use::TwoPhaseCommit];
}

/// A model of a use within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// [`Use::Lock`].
    Lock(lock::Lock),
    /// [`Use::Registry`].
    Registry(registry::Registry),
    /// [`Use::TwoPhaseCommit`].
    TwoPhaseCommit(two_phase_commit::TwoPhaseCommit),
}

/// Runs the same words on the model, whichever it is.
macro_rules! each {
    ($setting:expr, $model:ident => $words:expr) => {
        match $setting {
            $crate::recipes::Setting::Lock($model) => $words,
            $crate::recipes::Setting::Registry($model) => $words,
            $crate::recipes::Setting::TwoPhaseCommit($model) => $words,
        }
    };
}
pub(crate) use each;

impl Setting {
    /// The model of a use in small bounds; of a variant, in those that show it.
    ///
    /// # Errors
    /// With a sentence, when there is no such variant.
    pub fn of(name: Use, variant: Option<&str>) -> Result<Setting, String> {
        Ok(match name {
            Use::Lock => Setting::Lock(lock::Lock::of(named(variant)?)),
            Use::Registry => Setting::Registry(registry::Registry::of(named(variant)?)),
            Use::TwoPhaseCommit => Setting::TwoPhaseCommit(two_phase_commit::TwoPhaseCommit::of(named(variant)?)),
        })
    }

    /// The variants of a use: their names, and what each is.
    #[must_use]
    pub fn variants(name: Use) -> Vec<(String, String)> {
        fn of<V: ValueEnum>() -> Vec<(String, String)> {
            let help = |value: &V| value.to_possible_value()?.get_help().map(ToString::to_string);
            V::value_variants().iter().map(|value| (name_of(value), help(value).unwrap_or_default())).collect()
        }
        match name {
            Use::Lock => of::<lock::Variant>(),
            Use::Registry => of::<registry::Variant>(),
            Use::TwoPhaseCommit => of::<two_phase_commit::Variant>(),
        }
    }
}

fn named<V: ValueEnum + Default>(variant: Option<&str>) -> Result<V, String> {
    let Some(wanted) = variant else { return Ok(V::default()) };
    <V as ValueEnum>::from_str(wanted, false).map_err(|_| {
        let names: Vec<String> = V::value_variants().iter().map(name_of).collect();
        format!("there is no variant `{wanted}` of this model, only {}", names.join(", "))
    })
}

/// The name of a value on the command line.
pub(crate) fn name_of<V: ValueEnum>(value: &V) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
