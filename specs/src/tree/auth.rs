//! Schemes of authentication: which names may stand in an ACL, whom they mean, and who a client is (Java's
//! `AuthenticationProvider`s). Where a rule looks odd, it is Java's `String.split`, which drops empty pieces at the
//! end.

use super::acl::Id;
use super::permission;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// The schemes that a server knows (`ProviderRegistry`). `world` and `auth` are not among them: they are words of the
/// ACL itself. All servers of an ensemble must know the same, since the leader decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schemes {
    /// `digest`: a user and a password.
    pub digest: bool,
    /// `ip`: the client's address; always known in Java.
    pub ip: bool,
    /// `sasl`: a name proved by SASL.
    pub sasl: bool,
    /// `x509`: the subject of a certificate.
    pub x509: bool,
}

impl Default for Schemes {
    /// Java's: `digest` and `ip`. The others come with their `zookeeper.authProvider.*`.
    fn default() -> Schemes {
        Schemes { digest: true, ip: true, sasl: false, x509: false }
    }
}

impl Schemes {
    /// Whether this scheme is known.
    #[must_use]
    pub fn know(self, scheme: &str) -> bool {
        match scheme {
            "digest" => self.digest,
            "ip" => self.ip,
            "sasl" => self.sasl,
            "x509" => self.x509,
            _ => false,
        }
    }

    /// Whether this identity may stand in an ACL: its scheme is known and its name has the scheme's form
    /// (`isValid`).
    #[must_use]
    pub fn may_name(self, id: &Id) -> bool {
        self.know(&id.scheme)
            && match id.scheme.as_str() {
                "digest" => java_split_length(&id.id, ':') == 2,
                "ip" => permission::is_network(&id.id),
                "sasl" => is_kerberos_name(&id.id),
                _ => is_distinguished_name(&id.id),
            }
    }

    /// Whether this identity of a client says who it is, and not only where it is (`isAuthenticated`). Only such
    /// stand in for `auth` in an ACL.
    #[must_use]
    pub fn authenticate(self, scheme: &str) -> bool {
        scheme != "ip" && self.know(scheme)
    }
}

/// `user:password` as it stands in an ACL of the scheme `digest`: `user:` and the password's hash, which is the base64
/// of the SHA-1 of both (`DigestAuthenticationProvider.generateDigest`). Without a colon all of it is both.
#[must_use]
pub fn digest(user_and_password: &str) -> String {
    let user = user_and_password.split(':').next().unwrap_or_default();
    format!("{user}:{}", STANDARD.encode(Sha1::digest(user_and_password.as_bytes())))
}

/// Who a client is that proves itself with these bytes to the scheme `digest`. Any bytes will do; they become text with
/// replacement characters where they are none. `super_digest` is the server's `superDigest`: who has it is also
/// [`super_user`].
#[must_use]
pub fn digest_identities(proof: &[u8], super_digest: Option<&str>) -> Vec<Id> {
    let digest = digest(&String::from_utf8_lossy(proof));
    let is_super = super_digest == Some(digest.as_str());
    is_super.then(super_user).into_iter().chain([Id::new("digest", &digest)]).collect()
}

/// Who may do everything.
#[must_use]
pub fn super_user() -> Id {
    Id::new("super", "")
}

/// How many pieces Java's `split` makes: empty ones at the end are dropped, unless the separator does not occur.
fn java_split_length(text: &str, separator: char) -> usize {
    if text.contains(separator) { text.trim_end_matches(separator).split_terminator(separator).count() } else { 1 }
}

/// `service`, `service@REALM` or `service/host@REALM` (Java's `KerberosName`): anything without an `@` will do.
fn is_kerberos_name(name: &str) -> bool {
    name.split_once('@').is_none_or(|(service, realm)| {
        !realm.contains(['@', '/']) && service.chars().filter(|character| *character == '/').count() <= 1
    })
}

/// A name such as `CN=client,O=Example` (RFC 2253), as Java's `X500Principal` takes it: pieces `keyword=value` or
/// `1.2.3=value`, with the keywords that Java knows. An escaped or quoted separator is part of the value. Less is
/// checked than in Java inside a value: escapes by digits and values by `#` are taken as they are.
fn is_distinguished_name(name: &str) -> bool {
    name.trim().is_empty()
        || pieces(name).is_some_and(|pieces| {
            pieces.iter().all(|piece| {
                piece.split_once('=').is_some_and(|(keyword, _)| {
                    is_keyword(keyword.trim()) || is_object_identifier(keyword.trim().trim_start_matches("OID."))
                })
            })
        })
}

/// What stands between separators that are neither escaped nor quoted; nothing where a quote stays open.
fn pieces(name: &str) -> Option<Vec<String>> {
    let (mut pieces, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for character in name.chars() {
        let separates = matches!(character, ',' | ';' | '+') && !quoted && !escaped;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        match pieces.last_mut() {
            Some(piece) if !separates => piece.push(character),
            _ => pieces.push(String::new()),
        }
    }
    (!quoted && !escaped).then_some(pieces)
}

fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "CN",
        "C",
        "L",
        "S",
        "ST",
        "O",
        "OU",
        "T",
        "IP",
        "STREET",
        "DC",
        "DNQUALIFIER",
        "DNQ",
        "SURNAME",
        "GIVENNAME",
        "INITIALS",
        "GENERATION",
        "EMAIL",
        "EMAILADDRESS",
        "UID",
        "SERIALNUMBER",
    ];
    KEYWORDS.contains(&word.to_ascii_uppercase().as_str())
}

fn is_object_identifier(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() >= 2 && text.split('.').all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_name(scheme: &str, id: &str) -> bool {
        Schemes { digest: true, ip: true, sasl: true, x509: true }.may_name(&Id::new(scheme, id))
    }

    #[test]
    fn a_password_becomes_a_hash() {
        // The example of ZooKeeper's own documentation.
        assert_eq!(digest("super:test"), "super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
        assert_eq!(digest("nobody").split(':').next(), Some("nobody"));
        assert_eq!(digest("user:with:colons").split(':').next(), Some("user"));
    }

    #[test]
    fn the_super_user_is_also_a_user() {
        let super_digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
        let names = |proof: &str| {
            digest_identities(proof.as_bytes(), Some(super_digest)).into_iter().map(|id| id.scheme).collect::<Vec<_>>()
        };
        assert_eq!(names("super:test"), ["super", "digest"]);
        assert_eq!(names("super:tess"), ["digest"]);
        assert_eq!(digest_identities(b"super:test", None), [Id::new("digest", super_digest)]);
        assert_eq!(digest_identities(b"\xff", None).len(), 1, "bytes that are no text");
    }

    #[test]
    fn digest_names_are_two_words_by_javas_split() {
        for good in ["user:hash", ":hash", "user:hash:", "a:b::"] {
            assert!(may_name("digest", good), "{good}");
        }
        for bad in ["", ":", "user", "user:", "a::b", "a:b:c"] {
            assert!(!may_name("digest", bad), "{bad}");
        }
    }

    #[test]
    fn addresses_and_networks() {
        for good in ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::1", "fe80::/10", "1:2:3:4:5:6:7:8", "::"] {
            assert!(may_name("ip", good), "{good}");
        }
        let bad = "|10.0.0|10.0.0.256|10.0.0.-1|10.0.0.1/33|10.0.0.1/-1|10.0.0.1/|10.0.0.1/x|1.2.3.4.5|localhost\
            |1:2:3|00001::|+1::|::1::|1:2:3:4:5:6:7::8|12345::|:::|::1%eth0|::ffff:1.2.3.4|::1/129";
        for bad in bad.split('|') {
            assert!(!may_name("ip", bad), "{bad}");
        }
    }

    #[test]
    fn names_of_sasl_and_of_certificates() {
        for good in ["alice", "a/b/c", "zk/host@REALM", "zk@REALM", "@"] {
            assert!(may_name("sasl", good), "{good}");
        }
        for bad in ["a/b/c@REALM", "a@b@c", "a@b/c"] {
            assert!(!may_name("sasl", bad), "{bad}");
        }
        for good in ["CN=client,O=Example", "cn = x ; 1.2.3=y", r#"CN="a,b"+UID=z"#, r"CN=a\,b", ""] {
            assert!(may_name("x509", good), "{good}");
        }
        for bad in ["client", "XX=y", "CN=a,", r#"CN="a"#, "1=x", "1.a=x", "1..2=x"] {
            assert!(!may_name("x509", bad), "{bad}");
        }
    }

    #[test]
    fn unknown_schemes_name_nobody() {
        assert!(!may_name("world", "anyone"));
        assert!(!may_name("super", ""));
        let only_default = Schemes::default();
        assert!(!only_default.may_name(&Id::new("sasl", "alice")));
        assert!(only_default.authenticate("digest") && !only_default.authenticate("ip"));
        assert!(!only_default.authenticate("super") && !only_default.authenticate("x509"));
    }
}
