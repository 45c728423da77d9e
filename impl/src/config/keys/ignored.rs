//! The keys that are known and have no effect, each with its reason.

use super::Ignored;

const JAVA: &str = "it tunes Java's threads, buffers or virtual machine";
const CACHE: &str = "replies are not cached";
const WATCHES: &str = "there is one way to keep watches, without a cleaner";
const CONNECTIONS: &str = "new connections are not throttled by tokens";
const REQUESTS: &str = "requests are bounded by globalOutstandingLimit only";
const TLS: &str = "TLS is not offered yet";
const SASL: &str = "SASL is not offered yet";
const PROVIDERS: &str = "the schemes are world, auth, digest and ip; others cannot be added";
const LOCAL: &str = "all sessions are global, but for those of clients that only read while there is no leader";
const AUDIT: &str = "there is no audit log";
const SOCKETS: &str = "peers' sockets are never waited for";

const fn ignored(name: &'static str, why: &'static str) -> Ignored {
    Ignored { name, why }
}

/// In the order of the administrator's guide.
pub const IGNORED: &[Ignored] = &[
    ignored("maxResponseCacheSize", CACHE),
    ignored("maxGetChildrenResponseCacheSize", CACHE),
    ignored("watchManagerName", WATCHES),
    ignored("watcherCleanThreadsNum", WATCHES),
    ignored("watcherCleanThreshold", WATCHES),
    ignored("watcherCleanIntervalInSeconds", WATCHES),
    ignored("maxInProcessingDeadWatchers", WATCHES),
    ignored("bitHashCacheSize", WATCHES),
    ignored("connectionMaxTokens", CONNECTIONS),
    ignored("connectionTokenFillTime", CONNECTIONS),
    ignored("connectionTokenFillCount", CONNECTIONS),
    ignored("connectionFreezeTime", CONNECTIONS),
    ignored("connectionDropIncrease", CONNECTIONS),
    ignored("connectionDropDecrease", CONNECTIONS),
    ignored("connectionDecreaseRatio", CONNECTIONS),
    ignored("connection_throttle_*", CONNECTIONS),
    ignored("emulate353TTLNodes", "times to live as 3.5.3 wrote them are not known"),
    ignored("enableEagerACLCheck", "ACLs are checked where transactions are made"),
    ignored("serializeLastProcessedZxid.enabled", "snapshots always end in it; older releases read on without it"),
    ignored("jute.maxbuffer.extrasize", "records of files and peers are read up to 64 MiB"),
    ignored("serverCnxnFactory", JAVA),
    ignored("maxWriteQueuePollTime", "flushDelay alone says how long writes wait for each other"),
    ignored("requestThrottleLimit", REQUESTS),
    ignored("requestThrottleStallTime", REQUESTS),
    ignored("requestThrottleDropStale", REQUESTS),
    ignored("requestStaleLatencyCheck", REQUESTS),
    ignored("requestStaleConnectionCheck", REQUESTS),
    ignored("request_throttle_*", REQUESTS),
    ignored("request_throttler.*", REQUESTS),
    ignored("request_stale_*", REQUESTS),
    ignored("throttledOpWaitTime", REQUESTS),
    ignored("throttled_op_wait_time", REQUESTS),
    ignored("advancedFlowControlEnabled", JAVA),
    ignored("netty.*", JAVA),
    ignored("nio.*", JAVA),
    ignored("outstandingHandshake.limit", TLS),
    ignored("maxConcurrentDiffSyncs", "differences are sent to as many learners as there are"),
    ignored("leader.maxConcurrentDiffSyncs", "differences are sent to as many learners as there are"),
    ignored("audit.enable", AUDIT),
    ignored("audit.impl.class", AUDIT),
    ignored("largeRequestMaxBytes", REQUESTS),
    ignored("largeRequestThreshold", REQUESTS),
    ignored("learner.closeSocketAsync", SOCKETS),
    ignored("leader.closeSocketAsync", SOCKETS),
    ignored("learner.asyncSending", SOCKETS),
    ignored("forward_learner_requests_to_commit_processor_disabled", JAVA),
    ignored("follower.skipLearnerRequestToNextProcessor", JAVA),
    ignored("maxTimeToWaitForEpoch", "initLimit bounds that wait"),
    ignored("leader.maxTimeToWaitForEpoch", "initLimit bounds that wait"),
    ignored("quorumCnxnTimeoutMs", "syncLimit bounds the silence of a peer"),
    ignored("reconfigEnabled", "the ensemble is not reconfigured while it runs; reconfig answers ReconfigDisabled"),
    ignored("tcpKeepAlive", "peers are pinged every tick"),
    ignored("clientTcpKeepAlive", "sessions are pinged by their clients"),
    ignored("observer.reconnectDelayMs", "an observer reconnects at once"),
    ignored("observer.election.DelayMs", "an observer asks for the leader at once"),
    ignored("localSessionsEnabled", LOCAL),
    ignored("localSessionsUpgradingEnabled", LOCAL),
    ignored(
        "IPAuthenticationProvider.usexforwardedfor",
        "a client of the admin server is where its connection comes from",
    ),
    ignored("X509AuthenticationProvider.*", TLS),
    ignored("superUser", SASL),
    ignored("letAnySaslUserDoX", SASL),
    ignored("ensembleAuthName", PROVIDERS),
    ignored("enforce.auth.schemes", "it means something only with enforce.auth.enabled"),
    ignored("enforce.auth.enabled", "it is off"),
    ignored("ssl.*", TLS),
    ignored("sslQuorumReloadCertFiles", TLS),
    ignored("client.certReload", TLS),
    ignored("fips-mode", TLS),
    ignored("authProvider*", PROVIDERS),
    ignored("kerberos.*", SASL),
    ignored("sasl.*", SASL),
    ignored("quorum.auth.*", SASL),
    ignored("quorum.cnxn.threads.size", SASL),
    ignored("allowSaslFailedClients", SASL),
    ignored("multiAddress.reachabilityCheckEnabled", "every address of a peer is tried in turn"),
    ignored("multiAddress.reachabilityCheckTimeoutMs", "every address of a peer is tried in turn"),
    ignored("commitProcessor.*", JAVA),
    ignored("messageTracker.*", "messages between peers are logged at level trace instead"),
    ignored("admin.idleTimeout", "connections to the admin server may stay open"),
    ignored("admin.httpVersion", "the admin server speaks HTTP/1.1"),
    ignored("metricsProvider.exportJvmInfo", JAVA),
    ignored("metricsProvider.numWorkerThreads", JAVA),
    ignored("metricsProvider.maxQueueSize", JAVA),
    ignored("metricsProvider.workerShutdownTimeoutMs", JAVA),
    ignored("metricsProvider.*", "it is a setting of another provider of metrics"),
    ignored("jvm.pause.*", JAVA),
    ignored("jmx.*", JAVA),
    ignored("leader.nodelay", "sockets never delay"),
    ignored("follower.nodelay", "sockets never delay"),
    ignored("pathStats.*", "requests are not counted by path"),
    ignored("intBufferStartingSizeBytes", JAVA),
];
