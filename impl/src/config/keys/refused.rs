//! The keys that would be dangerous to ignore: who sets them expects to be protected by them, or to find a port open.

use super::{Refused, When};

const TLS: &str = "TLS is not offered yet, and traffic meant to be encrypted must not travel in the clear";
const SASL: &str = "SASL is not offered yet, and clients or peers meant to prove who they are would be let in without";

const fn refused(name: &'static str, when: When, why: &'static str) -> Refused {
    Refused { name, when, why }
}

/// In the order of the administrator's guide.
pub const REFUSED: &[Refused] = &[
    refused("secureClientPort", When::Always, TLS),
    refused("secureClientPortAddress", When::Always, TLS),
    refused("observerMasterPort", When::Not("0"), "followers do not serve observers here; connect them to the leader"),
    refused(
        "DigestAuthenticationProvider.digestAlg",
        When::Not("SHA1"),
        "only SHA1 digests are known, and with another algorithm nobody's password would fit",
    ),
    refused("sessionRequireClientSASLAuth", When::True, SASL),
    refused("enforce.auth.enabled", When::True, "sessions without authentication would still be let in"),
    refused("sslQuorum", When::True, TLS),
    refused("portUnification", When::True, TLS),
    refused("client.portUnification", When::True, TLS),
    refused("admin.forceHttps", When::True, TLS),
    refused("admin.portUnification", When::True, TLS),
    refused("admin.needClientAuth", When::True, TLS),
    refused("quorum.auth.enableSasl", When::True, SASL),
    refused("quorum.auth.serverRequireSasl", When::True, SASL),
    refused("quorum.auth.learnerRequireSasl", When::True, SASL),
    refused("oraclePath", When::Always, "quorums by an oracle are not offered"),
];
