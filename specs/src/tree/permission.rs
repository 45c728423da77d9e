//! Who may: access control lists against what a client has proved to be.

use super::acl::{Acl, Id, Perms};

/// Whether someone with these identities has one of the permissions `perms` (`ZooKeeperServer.checkACL`). Rules
/// EmptyAclIsOpen and SuperMayAll.
///
/// Where access control is switched off (`zookeeper.skipACL`), the caller does not ask.
#[must_use]
pub fn allows(acl: &[Acl], perms: Perms, ids: &[Id]) -> bool {
    if acl.is_empty() || ids.iter().any(|id| id.scheme == "super") {
        return true;
    }
    let entries = acl.iter().filter(|entry| entry.perms.intersects(perms));
    entries.into_iter().any(|entry| {
        let is_anyone = entry.id.scheme == "world" && entry.id.id == "anyone";
        is_anyone || ids.iter().any(|id| is_meant(id, &entry.id))
    })
}

/// Whether an identity is the one that an entry names (`AuthenticationProvider.matches`). A scheme that proves
/// something gives its identity in the words that entries use; addresses are proved by connecting.
fn is_meant(proved: &Id, named: &Id) -> bool {
    proved.scheme == named.scheme
        && match named.scheme.as_str() {
            "digest" | "sasl" | "x509" => proved.id == named.id,
            "ip" => is_within(&proved.id, &named.id),
            _ => false,
        }
}

/// Whether this address is within the `network`: an address, or one with the number of leading bits that count, as in
/// `10.0.0.0/8` (`IPAuthenticationProvider.matches`).
fn is_within(address: &str, network: &str) -> bool {
    let Some((network, bits)) = parse_network(network) else {
        return false;
    };
    parse_address(address).is_some_and(|address| {
        address.len() == network.len() && first_bits(&address, bits).eq(first_bits(&network, bits))
    })
}

/// Whether an entry of scheme `ip` may name this: an address of either kind, with or without a number of bits
/// (`IPAuthenticationProvider.isValid`).
#[must_use]
pub fn is_network(text: &str) -> bool {
    parse_network(text).is_some()
}

/// An address and how many of its leading bits count.
fn parse_network(text: &str) -> Option<(Vec<u8>, usize)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address = parse_address(address)?;
    let all = address.len() * 8;
    let bits = bits.map_or(Some(all), |bits| usize::try_from(bits.parse::<i32>().ok()?).ok())?;
    (bits <= all).then_some((address, bits))
}

fn first_bits(address: &[u8], bits: usize) -> impl Iterator<Item = u8> {
    address.iter().enumerate().map(move |(index, byte)| match bits.saturating_sub(index * 8) {
        0 => 0,
        counting @ 1..=7 => byte & !(0xff >> counting),
        _ => *byte,
    })
}

/// The 4 or 16 bytes of an address.
fn parse_address(text: &str) -> Option<Vec<u8>> {
    if text.contains(':') { parse_version_6(text) } else { parse_version_4(text) }
}

fn parse_version_4(text: &str) -> Option<Vec<u8>> {
    let numbers = text.split('.').map(|part| u8::try_from(part.parse::<i32>().ok()?).ok());
    numbers.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == 4)
}

fn parse_version_6(text: &str) -> Option<Vec<u8>> {
    let groups = |text: &str| match text {
        "" => Some(Vec::new()),
        _ => text.split(':').map(parse_group).collect::<Option<Vec<[u8; 2]>>>(),
    };
    let Some((before, after)) = text.split_once("::") else {
        return groups(text).filter(|groups| groups.len() == 8).map(|groups| groups.concat());
    };
    if after.contains("::") {
        return None;
    }
    let (before, after) = (groups(before)?, groups(after)?);
    // The two colons stand for one group of zeros at least.
    let zeros = 8_usize.checked_sub(before.len() + after.len()).filter(|zeros| *zeros > 0)?;
    Some([before, vec![[0, 0]; zeros], after].concat().concat())
}

fn parse_group(text: &str) -> Option<[u8; 2]> {
    let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits && !text.is_empty()).then(|| u16::from_str_radix(text, 16).ok())?.map(u16::to_be_bytes)
}
