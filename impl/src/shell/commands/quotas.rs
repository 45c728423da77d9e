//! `setquota`, `listquota`, `delquota`: quotas are znodes below `/zookeeper/quota`, which servers read.
//!
//! *Java:* `SetQuotaCommand`, `ListQuotaCommand`, `DelQuotaCommand`, `StatsTrack`.

use super::Notes;
use super::tree::depth_first;
use crate::client::CreateMode;
use crate::shell::grammar::{Amount, Choice, Grammar, Parsed, flag, valued};
use crate::shell::refusal::{Refusal, check_path};
use crate::shell::session::{About, Session};
use bytes::Bytes;
use zab::tree::path;
use zab::tree::quota::{LIMITS, ROOT, StatsTrack, limits_path, stats_path};
use zab::tree::{Acl, Code};

/// The options, and the key of each in the text of limits.
const KEYS: [(&str, &str); 4] = [("n", "count"), ("b", "bytes"), ("N", "countHardLimit"), ("B", "byteHardLimit")];

/// Limits in which nothing is limited.
const NOTHING: &str = "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1";

/// The same limits with some set anew; of a key that stands twice in the text the last counts.
fn changed(limits: &StatsTrack, values: &[(&str, i64)]) -> Result<StatsTrack, Refusal> {
    let values: String = values.iter().map(|(key, value)| format!(";{key}={value}")).collect();
    read(Some(format!("{limits}{values}").as_bytes()))
}

fn read(data: Option<&[u8]>) -> Result<StatsTrack, Refusal> {
    StatsTrack::parse(data).map_err(|unreadable| Refusal::new(format!("there is {unreadable}")))
}

/// `setquota`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetQuota {
    path: String,
    /// Option and value as given.
    option: &'static str,
    value: String,
}

const SET_CHOICES: &[Choice] = &[
    valued("n", "num soft quota"),
    valued("b", "bytes soft quota"),
    valued("N", "num hard quota"),
    valued("B", "bytes hard quota"),
];

impl SetQuota {
    pub const GRAMMAR: Grammar =
        Grammar { amount: Amount::One, ..Grammar::new("setquota", "-n|-b|-N|-B val path", SET_CHOICES, 1) };

    pub fn parse(words: &[String], _: &mut Notes) -> Result<SetQuota, Refusal> {
        let parsed = SetQuota::GRAMMAR.parse(words)?;
        let given = SET_CHOICES.iter().find_map(|choice| Some((choice.name, parsed.value(choice.name)?)));
        let (option, value) = given.ok_or_else(|| Refusal::new(SetQuota::GRAMMAR.usage()))?;
        Ok(SetQuota { path: parsed.argument(0).to_owned(), option, value: value.to_owned() })
    }

    /// The number, if it may be a limit; a sentence otherwise.
    fn limit(&self) -> Result<i64, &'static str> {
        const NO_NUMBER: &str = "NumberFormatException happens when parsing the option value";
        match self.option {
            "n" | "N" => match self.value.parse::<i32>() {
                Ok(count) if count > 0 => Ok(count.into()),
                Ok(_) => Err("the num quota must be greater than zero"),
                Err(_) => Err(NO_NUMBER),
            },
            _ => match self.value.parse::<i64>() {
                Ok(bytes) if bytes >= 0 => Ok(bytes),
                Ok(_) => Err("the bytes quota must be greater than or equal to zero"),
                Err(_) => Err(NO_NUMBER),
            },
        }
    }

    /// A limit that cannot be is said, but, as in Java, no failure.
    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        if self.path.starts_with(ROOT) {
            session.screen.note(format!("cannot set a quota under the path: {ROOT}"));
            return Ok(());
        }
        let limit = match self.limit() {
            Ok(limit) => limit,
            Err(sentence) => {
                session.screen.note(sentence);
                return Ok(());
            }
        };
        let Some((_, key)) = KEYS.into_iter().find(|(option, _)| *option == self.option) else { return Ok(()) };
        set_quota(session, &self.path, (key, limit)).await
    }
}

async fn set_quota(session: &Session, of: &str, limit: (&str, i64)) -> Result<(), Refusal> {
    if session.exists(of, false).await?.is_none() {
        return Err(Refusal::new(format!("{of} does not exist.")));
    }
    no_quota_below(session, of).await?;
    no_quota_above(session, of).await?;
    for ancestor in ancestors(&format!("{ROOT}{of}")) {
        create_unless_there(session, ancestor, None).await?;
    }
    let (limits_path, stats_path) = (limits_path(of), stats_path(of));
    let there = match session.data_or_error(&limits_path, false).await {
        Ok((data, _)) => Some(data),
        Err(error) if error.code() == Some(Code::NoNode) => None,
        Err(error) => return Err(error).about(&limits_path),
    };
    let Some(data) = there else {
        let limits = changed(&read(Some(NOTHING.as_bytes()))?, &[limit])?;
        create_unless_there(session, &limits_path, Some(limits.to_string())).await?;
        // The server counts when this znode is created.
        create_unless_there(session, &stats_path, Some("count=0,bytes=0".to_owned())).await?;
        return warn(session, &limits, &stats_path).await;
    };
    let limits = changed(&read(data.as_deref())?, &[limit])?;
    warn(session, &limits, &stats_path).await?;
    let text = Bytes::from(limits.to_string());
    session.client.set_data(&limits_path, text, None).await.about(&limits_path)?;
    Ok(())
}

/// The paths from the first name to the whole: `/a`, `/a/b`.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().skip(1).filter(|(_, character)| *character == '/').map(|(at, _)| at);
    ends.chain((path.len() > 1).then_some(path.len())).map(|end| &path[..end])
}

async fn create_unless_there(session: &Session, path: &str, data: Option<String>) -> Result<(), Refusal> {
    let created = session.create(path, data.map(Bytes::from), CreateMode::Persistent, &Acl::open()).await;
    match created {
        Err(error) if error.code() != Some(Code::NodeExists) => Err(error).about(path),
        _ => Ok(()),
    }
}

/// Quotas do not nest.
async fn no_quota_below(session: &Session, of: &str) -> Result<(), Refusal> {
    let quotas = format!("{ROOT}{of}");
    if session.exists(&quotas, false).await?.is_none() {
        return Ok(());
    }
    depth_first(session, &quotas, false, async |path| {
        let limited = path::parent(path);
        if path::name(path) == LIMITS && limited != quotas {
            let child = &limited[ROOT.len()..];
            return Err(Refusal::new(format!("{of} has a child {child} which has a quota")));
        }
        Ok(())
    })
    .await
}

async fn no_quota_above(session: &Session, of: &str) -> Result<(), Refusal> {
    for ancestor in ancestors(of).filter(|ancestor| *ancestor != of) {
        if session.exists(&limits_path(ancestor), false).await?.is_some() {
            return Err(Refusal::new(format!("{of} has a parent {ancestor} which has a quota")));
        }
    }
    Ok(())
}

/// Says so when there is already more than these limits allow.
async fn warn(session: &Session, limits: &StatsTrack, stats_path: &str) -> Result<(), Refusal> {
    let (data, _) = session.data(stats_path, false).await?;
    let used = read(data.as_deref())?;
    let passed = |limits: [i64; 2], used: i64| limits.iter().any(|limit| *limit > -1 && *limit < used);
    if passed([limits.count(), limits.count_hard_limit()], used.count()) {
        let count = used.count();
        let line = format!("[Warning]: the count quota you create is less than the existing count:{count}");
        session.screen.line(line);
    }
    if passed([limits.bytes(), limits.byte_hard_limit()], used.bytes()) {
        let bytes = used.bytes();
        let line = format!("[Warning]: the bytes quota you create is less than the existing bytes:{bytes}");
        session.screen.line(line);
    }
    Ok(())
}

/// `listquota`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuota {
    path: String,
}

impl ListQuota {
    pub const GRAMMAR: Grammar = Grammar::plain("listquota", "path", 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<ListQuota, Refusal> {
        let parsed = ListQuota::GRAMMAR.parse(words)?;
        Ok(ListQuota { path: parsed.argument(0).to_owned() })
    }

    /// A quota that is not there is said, but, as in Java, no failure.
    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let path = &self.path;
        session.screen.note(format!("absolute path is {}", limits_path(path)));
        for (what, at) in [("quota", limits_path(path)), ("stat", stats_path(path))] {
            check_path(&at)?;
            match session.data_or_error(&at, false).await {
                Ok((data, _)) => {
                    let track = read(data.as_deref())?;
                    session.screen.line(format!("Output {what} for {path} {track}"));
                }
                Err(error) if error.code() == Some(Code::NoNode) => {
                    session.screen.note(format!("quota for {path} does not exist."));
                    return Ok(());
                }
                Err(error) => return Err(error).about(&at),
            }
        }
        Ok(())
    }
}

/// `delquota`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelQuota {
    path: String,
    /// The key of the limit to take away; none for the whole quota.
    key: Option<&'static str>,
}

impl DelQuota {
    pub const GRAMMAR: Grammar = Grammar {
        amount: Amount::AtMostOne,
        ..Grammar::new(
            "delquota",
            "[-n|-b|-N|-B] path",
            &[
                flag("n", "num soft quota"),
                flag("b", "bytes soft quota"),
                flag("N", "num hard quota"),
                flag("B", "bytes hard quota"),
            ],
            1,
        )
    };

    pub fn parse(words: &[String], _: &mut Notes) -> Result<DelQuota, Refusal> {
        let parsed: Parsed = DelQuota::GRAMMAR.parse(words)?;
        let key = KEYS.into_iter().find(|(option, _)| parsed.has(option)).map(|(_, key)| key);
        Ok(DelQuota { path: parsed.argument(0).to_owned(), key })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let at = limits_path(&self.path);
        check_path(&at)?;
        let data = match session.data_or_error(&at, false).await {
            Ok((data, _)) => data,
            Err(error) if error.code() == Some(Code::NoNode) => {
                session.screen.line(format!("Quota does not exist for {}", self.path));
                return Ok(());
            }
            Err(error) => return Err(error).about(&at),
        };
        match self.key {
            Some(key) => {
                let limits = changed(&read(data.as_deref())?, &[(key, -1)])?;
                session.client.set_data(&at, Bytes::from(limits.to_string()), None).await.about(&at)?;
                Ok(())
            }
            None => delete_quota(session, &format!("{ROOT}{}", self.path)).await,
        }
    }
}

/// Deletes what is directly below this znode of quotas, and then it and those above it as long as they are empty.
async fn delete_quota(session: &Session, quota: &str) -> Result<(), Refusal> {
    for name in session.client.get_children(quota).await.about(quota)? {
        let child = path::child(quota, &name);
        session.client.delete(&child, None).await.about(&child)?;
    }
    let mut empty = quota;
    while empty != ROOT && session.client.get_children(empty).await.about(empty)?.is_empty() {
        session.client.delete(empty, None).await.about(empty)?;
        empty = path::parent(empty);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(line: &str) -> Result<i64, &'static str> {
        let words = crate::shell::words::split(line);
        SetQuota::parse(&words, &mut Notes::new()).expect("understood").limit()
    }

    #[test]
    fn limits_are_checked_as_in_java() {
        assert_eq!(limits("-n 3 /a"), Ok(3));
        assert_eq!(limits("-B 0 /a"), Ok(0));
        assert_eq!(limits("-N 0 /a"), Err("the num quota must be greater than zero"));
        assert_eq!(limits("-b -1 /a"), Err("the bytes quota must be greater than or equal to zero"));
        assert_eq!(limits("-n 2147483648 /a"), Err("NumberFormatException happens when parsing the option value"));
    }

    #[test]
    fn one_limit_is_set_and_the_others_stay() {
        let text = |track: &StatsTrack| track.to_string();
        let first = changed(&read(Some(NOTHING.as_bytes())).unwrap(), &[("count", 3)]).unwrap();
        assert_eq!(text(&first), "count=3,bytes=-1=;byteHardLimit=-1;countHardLimit=-1");
        let second = changed(&first, &[("byteHardLimit", 9)]).unwrap();
        assert_eq!(text(&second), "count=3,bytes=-1=;byteHardLimit=9;countHardLimit=-1");
        let old = read(Some(b"count=5")).unwrap();
        assert_eq!(text(&changed(&old, &[("bytes", 7)]).unwrap()), "count=5,bytes=7");
    }

    #[test]
    fn every_znode_on_the_way_is_named() {
        assert_eq!(ancestors("/a/bc/d").collect::<Vec<_>>(), ["/a", "/a/bc", "/a/bc/d"]);
        assert_eq!(ancestors("/é").collect::<Vec<_>>(), ["/é"]);
        assert_eq!(ancestors("/").count(), 0);
    }
}
