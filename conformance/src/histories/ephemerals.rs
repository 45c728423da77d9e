//! Ephemeral znodes are there as long as their session, and gone afterwards once and for all.

use super::{Answer, Broken, History, Operation, Question, Questions, What};
use std::collections::{BTreeMap, BTreeSet};
use zab::Zxid;
use zab::tree::SessionId;

/// What is known of one znode.
#[derive(Default)]
struct Known {
    session: SessionId,
    /// The transaction that created it, if it was told.
    created: Option<Zxid>,
    /// Whether its own session asked for its end.
    deleted: bool,
    /// The last state in which it was there.
    there: Option<Zxid>,
    /// The first state, after it was known to be there, in which it was not.
    gone: Option<Zxid>,
}

/// Looks at every ephemeral znode; how many were seen.
///
/// # Errors
/// With one that comes again, that goes while its session goes on, or that is there in the end without its session.
pub fn check(history: &History, questions: &Questions) -> Result<usize, Broken> {
    let mut known: BTreeMap<&str, Known> = BTreeMap::new();
    // Until which state each session was surely open.
    let mut open: BTreeMap<SessionId, Zxid> = BTreeMap::new();
    for question in &questions.all {
        note(question, &mut known);
        if let Some((_, zxid, _)) = &question.answer
            && question.operation != Operation::Close
        {
            open.entry(question.session).and_modify(|open| *open = (*open).max(*zxid)).or_insert(*zxid);
        }
    }
    let mut listed: Vec<(Zxid, usize, BTreeSet<&str>)> = questions.all.iter().filter_map(listing).collect();
    listed.sort_by_key(|(zxid, entry, _)| (*zxid, *entry));
    for (zxid, entry, names) in &listed {
        for (name, known) in &mut known {
            known.seen(name, *zxid, names.contains(name), &open).map_err(|sentence| Broken {
                promise: "ephemeral",
                sentence,
                entry: *entry,
            })?;
        }
    }
    survivors(history, &listed, &known)?;
    Ok(known.values().filter(|known| known.there.is_some()).count())
}

fn note<'a>(question: &'a Question, known: &mut BTreeMap<&'a str, Known>) {
    match &question.operation {
        Operation::Create(name) => {
            let created = match &question.answer {
                Some((_, zxid, Answer::Done)) => Some(*zxid),
                _ => None,
            };
            known.insert(name, Known { session: question.session, created, ..Known::default() });
        }
        Operation::Delete(name) => drop(known.entry(name).and_modify(|known| known.deleted = true)),
        _ => {}
    }
}

fn listing(question: &Question) -> Option<(Zxid, usize, BTreeSet<&str>)> {
    match &question.answer {
        Some((entry, zxid, Answer::Names(names))) => Some((*zxid, *entry, names.iter().map(String::as_str).collect())),
        _ => None,
    }
}

impl Known {
    fn seen(&mut self, name: &str, zxid: Zxid, there: bool, open: &BTreeMap<SessionId, Zxid>) -> Result<(), String> {
        let was_there = self.created.is_some_and(|created| created <= zxid) || self.there.is_some();
        match (there, self.gone) {
            (true, Some(gone)) => return Err(format!("{name} was gone by {gone}, and is there again at {zxid}")),
            (true, None) => self.there = Some(zxid),
            (false, None) if was_there => self.gone = Some(zxid),
            (false, _) => {}
        }
        let open = open.get(&self.session).copied().unwrap_or_default();
        if self.gone == Some(zxid) && !self.deleted && open > zxid {
            return Err(format!("{name} is gone at {zxid}, and its session goes on until {open}"));
        }
        Ok(())
    }
}

/// In the last state that anybody saw, nothing is left of sessions that are over. (Between, the leader may have to wait
/// for their time to be over.)
fn survivors(
    history: &History,
    listed: &[(Zxid, usize, BTreeSet<&str>)],
    known: &BTreeMap<&str, Known>,
) -> Result<(), Broken> {
    let over: BTreeSet<SessionId> = history
        .entries
        .iter()
        .filter_map(|entry| match entry.what {
            What::Over(session) => Some(session),
            _ => None,
        })
        .collect();
    let Some((zxid, entry, names)) = listed.last() else { return Ok(()) };
    let left = names.iter().find(|name| known.get(**name).is_some_and(|known| over.contains(&known.session)));
    match left {
        Some(name) => {
            let sentence = format!("{name} is still there at {zxid}, in the end, and its session is over");
            Err(Broken { promise: "ephemeral", sentence, entry: *entry })
        }
        None => Ok(()),
    }
}
