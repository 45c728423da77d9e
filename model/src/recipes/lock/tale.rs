//! What a contender asks, hears and is, in words.

use zab::recipes::lock::{Ask, Stage, Tell};

/// What it asks.
pub fn asked(ask: &Ask) -> String {
    match ask {
        Ask::Create(prefix) => format!("create {prefix}"),
        Ask::List => "who is there?".to_owned(),
        Ask::Token(name) => format!("which token has {name}?"),
        Ask::Watch(name) => format!("watch {name}"),
        Ask::Delete(name) => format!("delete {name}"),
    }
}

/// What it hears.
pub fn told(tell: &Tell) -> String {
    match tell {
        Tell::Acquire => "its owner wants the lock".to_owned(),
        Tell::Release => "its owner gives it back".to_owned(),
        Tell::Created(ticket) => format!("{} is created", ticket.name),
        Tell::Listed(names) => format!("there are {}", names.join(", ")),
        Tell::Token(Some(token)) => format!("the token is {token}"),
        Tell::Token(None) => "there is no such znode".to_owned(),
        Tell::Watched(true) => "it is watched".to_owned(),
        Tell::Watched(false) => "there is nothing to watch any more".to_owned(),
        Tell::Deleted => "it is deleted".to_owned(),
        Tell::Woken => "what you watched is gone".to_owned(),
        Tell::Interrupted => "the connection broke".to_owned(),
        Tell::Expired => "the session is over".to_owned(),
    }
}

/// How far it is.
pub fn standing(stage: &Stage) -> String {
    match stage {
        Stage::Idle => "does not want the lock".to_owned(),
        Stage::Creating => "asks for its znode".to_owned(),
        Stage::Recovering => "asks whether its znode was created".to_owned(),
        Stage::Listing(_) => "asks who is before it".to_owned(),
        Stage::Numbering(_) => "is first, and asks for its token".to_owned(),
        Stage::Watching(_) => "asks for a watch on another".to_owned(),
        Stage::Waiting(_) => "waits".to_owned(),
        Stage::Holding(_, token) => format!("believes to hold the lock, with the token {token}"),
        Stage::Releasing(_) => "asks that its znode be deleted".to_owned(),
        Stage::Released => "has given the lock back".to_owned(),
        Stage::Lost => "has lost its session".to_owned(),
    }
}
