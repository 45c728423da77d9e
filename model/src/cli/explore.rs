//! `model explore`.

use super::bounds::BoundsArguments;
use super::output::{hint, say};
use crate::bounds::Kind;
use crate::checkable::Checkable;
use crate::explorer::{self, Explorer};
use crate::invocation;
use crate::recipes::{self, Setting};
use crate::subject::Name;
use crate::zookeeper::ZooKeeper;
use stateright::Model;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

/// The arguments of `model explore`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model to walk through.
    name: Name,
    /// Of lock, registry and two-phase-commit: this variant, or planted mistake; `model list` names them.
    #[arg(long)]
    variant: Option<String>,
    /// Where to listen; port 0 takes any that is free.
    #[arg(long, default_value = explorer::ADDRESS)]
    address: String,
    /// A path to begin with: the initial state's place, then the actions' places, as in 0/3/1.
    #[arg(long)]
    path: Option<String>,
    /// Look for fair cycles that avoid a goal first, and mark them.
    #[arg(long)]
    liveness: bool,
    /// List what may be as well as what must be, so that "Run to completion" finds an example of each.
    #[arg(long)]
    premises: bool,
    #[command(flatten)]
    bounds: BoundsArguments,
}

/// Runs it. It comes back only when it cannot begin.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let served = match arguments.name {
        Name::Protocol(kind) => serve(arguments, kind),
        Name::Use(name) => serve_use(arguments, name),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            hint!("model explore: {sentence}");
            ExitCode::from(2)
        }
    }
}

/// A model of a use, which stateright's Explorer shows as it is: steps with what they are about, and states in words.
fn serve_use(arguments: &Arguments, name: recipes::Use) -> Result<(), String> {
    if arguments.bounds.is_any_set() || arguments.liveness || arguments.premises {
        return Err("bounds, --liveness and --premises mean nothing here, only in election, zab and ensemble".into());
    }
    let setting = Setting::of(name, arguments.variant.as_deref())?;
    recipes::each!(setting, model => serve_plainly(arguments, model))
}

fn serve_plainly<M: Checkable>(arguments: &Arguments, model: M) -> Result<(), String> {
    let path = arguments.path.as_deref().unwrap_or_default();
    if !path.is_empty() {
        explorer::path_at(&model, path)?;
    }
    let address = free(&arguments.address)?;
    say!("{} ({})", model.name(), model.bounds());
    say!("Open http://{address}/#/steps{}{}", if path.is_empty() { "" } else { "/" }, path.trim_matches('/'));
    say!("Click through the actions on the left, or walk the path with j and k. Ctrl-C ends it.");
    model.checker().threads(2).serve(address);
    Ok(())
}

fn serve(arguments: &Arguments, kind: Kind) -> Result<(), String> {
    if arguments.variant.is_some() {
        return Err("--variant means nothing here, only in lock, registry and two-phase-commit".into());
    }
    let switches = arguments.bounds.meant_for(kind)?;
    let bounds = switches.apply_to(invocation::explorer_bounds(kind));
    let model = ZooKeeper::new(bounds);
    let path = match &arguments.path {
        Some(path) => {
            explorer::path_at(&model, path)?;
            path.trim_matches('/')
        }
        None => "",
    };
    let address = free(&arguments.address)?;
    let mut view = Explorer::new(model.clone());
    if arguments.premises {
        view = view.with_premises();
    }
    if arguments.liveness {
        say!("Looking for fair cycles …");
        view = view.with_lassos().map_err(|error| error.to_string())?;
    }
    if std::path::Path::new("ui").exists() {
        hint!("The Explorer takes its page from ./ui/ here, as there is such a folder, and not its own.");
    }
    say!("{} ({bounds})", invocation::explorer_command(&bounds, arguments.liveness));
    let separator = if path.is_empty() { "" } else { "/" };
    say!("Open http://{address}/#/steps{separator}{path}");
    say!("Click through the actions on the left, or walk the path with j and k. Ctrl-C ends it.");
    for lasso in view.lassos() {
        let host = address.to_string();
        if let Some(address) = explorer::address_of(&host, &model, lasso.initial, &lasso.stem) {
            say!("{}, which begins at {address}", lasso.name.replacen("no fair", "A fair", 1));
        }
    }
    view.checker().threads(2).serve(address);
    Ok(())
}

/// The address, if one can listen there.
fn free(address: &str) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use already; end what listens there, or choose another with --address")
        }
        _ => format!("cannot listen at `{address}`: {error}; an address looks like {}", explorer::ADDRESS),
    })?;
    listener.local_addr().map_err(|error| error.to_string())
}
