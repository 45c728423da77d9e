//! Values as Java reads them: decimal numbers, decoded numbers, booleans, words.

use super::error::Wrong;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The text after the `=`, trimmed.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a>(pub &'a str);

impl Value<'_> {
    /// A decimal number (`Integer.parseInt`) within a range.
    pub(super) fn number<N>(self, range: RangeInclusive<N>) -> Result<N, Wrong>
    where
        N: FromStr + PartialOrd + Display,
    {
        self.0.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| out_of(&range))
    }

    /// A number as `Integer.getInteger` decodes system properties: `0x…` and `#…` are hexadecimal, a leading `0` is
    /// octal. Java silently takes the default where this refuses.
    pub(super) fn decoded<N>(self, range: RangeInclusive<N>) -> Result<N, Wrong>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let (negative, digits) = match self.0.as_bytes().first() {
            Some(b'-') => (true, &self.0[1..]),
            Some(b'+') => (false, &self.0[1..]),
            _ => (false, self.0),
        };
        let hexadecimal = ["0x", "0X", "#"].iter().find_map(|prefix| digits.strip_prefix(prefix));
        let octal = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
        let (digits, radix) = match (hexadecimal, octal) {
            (Some(rest), _) => (rest, 16),
            (None, Some(rest)) => (rest, 8),
            (None, None) => (digits, 10),
        };
        let unsigned = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let number = i64::from_str_radix(digits, radix).ok().filter(|_| unsigned);
        let number = number.map(|number| if negative { -number } else { number });
        number.and_then(|number| N::try_from(number).ok()).filter(|n| range.contains(n)).ok_or_else(|| out_of(&range))
    }

    /// `true` or `false` in any case (`QuorumPeerConfig.parseBoolean`). For system properties Java takes every other
    /// word as one of them; a person who writes `yes` is better told.
    pub(super) fn boolean(self) -> Result<bool, Wrong> {
        match self.0.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Wrong::new("it takes true or false")),
        }
    }

    /// `yes` or `no`: a few old settings (`forceSync`, `skipACL`, `leaderServes`) are spelt so.
    pub(super) fn yes_or_no(self) -> Result<bool, Wrong> {
        match self.0 {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(Wrong::new("it takes yes or no")),
        }
    }

    /// Milliseconds, as a number within a range.
    pub(super) fn milliseconds(self, range: RangeInclusive<u32>) -> Result<Duration, Wrong> {
        Ok(Duration::from_millis(self.number(range)?.into()))
    }

    /// A port. 0 lets the system choose one.
    pub(super) fn port(self) -> Result<u16, Wrong> {
        self.number(0..=u16::MAX)
    }
}

fn out_of<N: Display>(range: &RangeInclusive<N>) -> Wrong {
    Wrong::new(format!("it takes a number from {} to {}", range.start(), range.end()))
}
