//! Which end of a connection belongs to which.

use super::{Causes, End, Links, NotSent, Sent};
use crate::merge::At;
use zab::{Message, ServerId};

/// Finds for each end at the leader the one at the learner, in order: the first that both directions fit. Of what is
/// found at one side alone, the other was cut in the meantime.
pub(super) fn connections(
    (leader, of_leader): (ServerId, &Links<'_>),
    (learner, of_learner): (ServerId, Option<&Links<'_>>),
    causes: &mut Causes,
) -> Result<(), NotSent> {
    let at_leader = of_leader.ends.get(&(learner, false)).map_or(&[][..], Vec::as_slice);
    let at_learner = of_learner.and_then(|links| links.ends.get(&(leader, true))).map_or(&[][..], Vec::as_slice);
    let (mut upper, mut lower) = (Side::new(leader, of_leader), of_learner.map(|links| Side::new(learner, links)));
    let mut next = 0;
    for end in at_leader {
        let mut misfit = None;
        let found = (next..at_learner.len()).find_map(|place| {
            let other = &at_learner[place];
            let up = received(&end.received, other).map_err(|(line, next)| NotSent { server: leader, line, next });
            let down = received(&other.received, end).map_err(|(line, next)| NotSent { server: learner, line, next });
            match (up, down) {
                (Ok(up), Ok(down)) => return Some((place, up, down)),
                (Err(fault), _) | (_, Err(fault)) => drop(misfit.get_or_insert(fault)),
            }
            None
        });
        let Some((place, up, down)) = found else {
            upper.missed.push((end, misfit));
            continue;
        };
        let other = &at_learner[place];
        if let Some(lower) = &mut lower {
            lower.missed.extend(at_learner[next..place].iter().map(|end| (end, None)));
        }
        missed((&mut upper, end.opened), (lower.as_mut(), other.opened), causes)?;
        next = place + 1;
        causes.explain_all((leader, end), (learner, other), up);
        causes.explain_all((learner, other), (leader, end), down);
    }
    if let Some(lower) = &mut lower {
        lower.missed.extend(at_learner[next..].iter().map(|end| (end, None)));
    }
    missed((&mut upper, usize::MAX), (lower.as_mut(), usize::MAX), causes)
}

/// Of what only one of two servers has recorded, up to where both have, the other was cut. It cannot be that each has
/// recorded something else.
fn missed(
    (upper, at_leader): (&mut Side<'_>, usize),
    (lower, at_learner): (Option<&mut Side<'_>>, usize),
    causes: &mut Causes,
) -> Result<(), NotSent> {
    let Some(lower) = lower else { return upper.missed_by(None, at_learner, causes) };
    if lower.missed.iter().any(|(end, _)| !end.received.is_empty())
        && let Some(misfit) = upper.missed.iter_mut().find_map(|(_, misfit)| misfit.take())
    {
        return Err(misfit);
    }
    upper.missed_by(Some(lower), at_learner, causes)?;
    lower.missed_by(Some(upper), at_leader, causes)?;
    (upper.since, lower.since) = (at_leader, at_learner);
    Ok(())
}

/// One server of two, while their connections are looked at.
struct Side<'a> {
    id: ServerId,
    links: &'a Links<'a>,
    /// Where the last connection that both have recorded was opened.
    since: usize,
    /// What this server has recorded since, and the other has not; and why it is not what the other has.
    missed: Vec<(&'a End<'a>, Option<NotSent>)>,
}

impl<'a> Side<'a> {
    fn new(id: ServerId, links: &'a Links<'a>) -> Side<'a> {
        Side { id, links, since: 0, missed: Vec::new() }
    }

    /// Where the run of this server ended that was cut before it opened, in this line, what both have recorded.
    fn cut_before(&self, line: usize) -> Option<At> {
        self.links.cuts.iter().find(|last| (self.since..line).contains(last)).map(|last| (self.id, *last))
    }

    /// The other has recorded nothing of some connections, if it records at all: it was cut before `line`.
    fn missed_by(&mut self, other: Option<&Side<'_>>, line: usize, causes: &mut Causes) -> Result<(), NotSent> {
        for (end, misfit) in self.missed.drain(..) {
            let after = other.and_then(|other| other.cut_before(line));
            for (line, _) in &end.received {
                if other.is_some() && after.is_none() {
                    return Err(misfit.unwrap_or(NotSent { server: self.id, line: *line, next: None }));
                }
                causes.explain_lost((self.id, *line), after);
            }
        }
        Ok(())
    }
}

type Fault = (usize, Option<Message>);

/// The lines that sent these, if the other end sent them in this order.
fn received(received: &[(usize, &Message)], other: &End<'_>) -> Result<Vec<Option<usize>>, Fault> {
    let of = |waits: bool| (0..other.sent.len()).filter(move |place| other.sent[*place].waits == waits).peekable();
    let (mut at_once, mut waited) = (of(false), of(true));
    let mut lines = Vec::with_capacity(received.len());
    for (line, message) in received {
        let (first, second) = (at_once.peek().copied(), waited.peek().copied());
        let sent = |place: usize| &other.sent[place];
        if let Some(place) = first.filter(|place| sent(*place).message == *message) {
            at_once.next();
            lines.push(Some(sent(place).line));
            continue;
        }
        let in_order = |place: &usize| first.is_none_or(|first| first > *place);
        match second.filter(|place| in_order(place) && sent(*place).message == *message).map(sent) {
            Some(Sent { released: Some(released), .. }) => lines.push(Some(*released)),
            Some(Sent { line, .. }) if other.cut.is_some() => lines.push(Some(*line)),
            None if first.is_none()
                && other.cut.is_some()
                && (second.is_none() || !matches!(message, Message::Ack(_))) =>
            {
                // Sent at once by a line that is lost: it may overtake what waits, which no acknowledgement does.
                lines.push(None);
                continue;
            }
            _ => return Err((*line, first.or(second).map(|place| sent(place).message.clone()))),
        }
        waited.next();
    }
    Ok(lines)
}
