//! `model explore`.

use super::bounds::BoundsArguments;
use super::output::{hint, say};
use crate::bounds::Kind;
use crate::explorer::{self, Explorer};
use crate::invocation;
use crate::zookeeper::ZooKeeper;
use stateright::Model;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

/// The arguments of `model explore`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model to walk through.
    name: Kind,
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
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            hint!("model explore: {sentence}");
            ExitCode::from(2)
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let switches = arguments.bounds.meant_for(arguments.name)?;
    let bounds = switches.apply_to(invocation::explorer_bounds(arguments.name));
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
