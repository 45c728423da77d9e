//! The names of settings, as facts: those of the administrator's guide of 3.9 and of `QuorumPeerConfig`.

/// With white space between. Where a system property has the name of its key with `zookeeper.` before it, only the key.
pub const KEYS: &str = "\
    clientPort secureClientPort observerMasterPort dataDir tickTime dataLogDir globalOutstandingLimit preAllocSize \
    snapCount commitLogCount snapSizeLimitInKb txnLogSizeLimitInKb maxCnxns maxClientCnxns clientPortAddress \
    minSessionTimeout maxSessionTimeout fsync.warningthresholdms maxResponseCacheSize \
    maxGetChildrenResponseCacheSize autopurge.snapRetainCount autopurge.purgeInterval syncEnabled \
    zookeeper.observer.syncEnabled extendedTypesEnabled emulate353TTLNodes watchManagerName watcherCleanThreadsNum \
    watcherCleanThreshold watcherCleanIntervalInSeconds maxInProcessingDeadWatchers bitHashCacheSize \
    fastleader.minNotificationInterval fastleader.maxNotificationInterval connectionMaxTokens \
    zookeeper.connection_throttle_tokens connectionTokenFillTime zookeeper.connection_throttle_fill_time \
    connectionTokenFillCount zookeeper.connection_throttle_fill_count connectionFreezeTime \
    zookeeper.connection_throttle_freeze_time connectionDropIncrease zookeeper.connection_throttle_drop_increase \
    connectionDropDecrease zookeeper.connection_throttle_drop_decrease connectionDecreaseRatio \
    zookeeper.connection_throttle_decrease_ratio zookeeper.connection_throttle_weight_enabled \
    zookeeper.connection_throttle_global_session_weight zookeeper.connection_throttle_local_session_weight \
    zookeeper.connection_throttle_renew_session_weight clientPortListenBacklog serverCnxnFactory flushDelay \
    maxWriteQueuePollTime maxBatchSize enforceQuota requestThrottleLimit zookeeper.request_throttle_max_requests \
    requestThrottleStallTime zookeeper.request_throttle_stall_time requestThrottleDropStale \
    request_throttle_drop_stale requestStaleLatencyCheck zookeeper.request_stale_latency_check \
    requestStaleConnectionCheck zookeeper.request_stale_connection_check zookeeper.request_throttler.shutdownTimeout \
    advancedFlowControlEnabled zookeeper.netty.advancedFlowControl.enabled enableEagerACLCheck \
    maxConcurrentSnapSyncs zookeeper.leader.maxConcurrentSnapSyncs maxConcurrentDiffSyncs \
    zookeeper.leader.maxConcurrentDiffSyncs digest.enabled snapshot.compression.method snapshot.trust.empty \
    audit.enable audit.impl.class largeRequestMaxBytes largeRequestThreshold outstandingHandshake.limit \
    zookeeper.netty.server.outstandingHandshake.limit netty.server.earlyDropSecureConnectionHandshakes \
    throttledOpWaitTime zookeeper.throttled_op_wait_time learner.closeSocketAsync leader.closeSocketAsync \
    learner.asyncSending forward_learner_requests_to_commit_processor_disabled serializeLastProcessedZxid.enabled \
    electionAlg maxTimeToWaitForEpoch zookeeper.leader.maxTimeToWaitForEpoch initLimit connectToLearnerMasterLimit \
    leaderServes syncLimit group.1 weight.1 cnxTimeout quorumCnxnTimeoutMs standaloneEnabled reconfigEnabled \
    4lw.commands.whitelist readonlymode.enabled tcpKeepAlive clientTcpKeepAlive electionPortBindRetry \
    observer.reconnectDelayMs observer.election.DelayMs localSessionsEnabled localSessionsUpgradingEnabled \
    DigestAuthenticationProvider.enabled DigestAuthenticationProvider.superDigest \
    DigestAuthenticationProvider.digestAlg IPAuthenticationProvider.usexforwardedfor \
    X509AuthenticationProvider.superUser zookeeper.superUser ssl.authProvider zookeeper.ensembleAuthName \
    sessionRequireClientSASLAuth enforce.auth.enabled enforce.auth.schemes sslQuorum ssl.quorum.keyStore.location \
    ssl.quorum.keyStore.password zookeeper.ssl.keyStore.location zookeeper.ssl.keyStore.password \
    ssl.keyStore.passwordPath ssl.quorum.keyStore.passwordPath ssl.keyStore.type ssl.quorum.keyStore.type \
    ssl.trustStore.location ssl.trustStore.password ssl.quorum.trustStore.location ssl.quorum.trustStore.password \
    ssl.trustStore.passwordPath ssl.quorum.trustStore.passwordPath ssl.trustStore.type ssl.quorum.trustStore.type \
    ssl.protocol ssl.quorum.protocol ssl.enabledProtocols ssl.quorum.enabledProtocols ssl.ciphersuites \
    ssl.quorum.ciphersuites ssl.context.supplier.class ssl.quorum.context.supplier.class ssl.hostnameVerification \
    ssl.quorum.hostnameVerification ssl.clientHostnameVerification ssl.quorum.clientHostnameVerification \
    ssl.allowReverseDnsLookup ssl.quorum.allowReverseDnsLookup ssl.crl ssl.quorum.crl ssl.ocsp ssl.quorum.ocsp \
    ssl.clientAuth ssl.quorum.clientAuth ssl.handshakeDetectionTimeoutMillis \
    ssl.quorum.handshakeDetectionTimeoutMillis ssl.sslProvider sslQuorumReloadCertFiles client.certReload \
    client.portUnification authProvider kerberos.removeHostFromPrincipal kerberos.removeRealmFromPrincipal \
    kerberos.canonicalizeHostNames multiAddress.enabled multiAddress.reachabilityCheckTimeoutMs fips-mode \
    zookeeper.follower.skipLearnerRequestToNextProcessor forceSync jute.maxbuffer jute.maxbuffer.extrasize skipACL \
    quorumListenOnAllIPs multiAddress.reachabilityCheckEnabled zookeeper.nio.numSelectorThreads \
    zookeeper.nio.numWorkerThreads zookeeper.commitProcessor.numWorkerThreads \
    zookeeper.commitProcessor.maxReadBatchSize zookeeper.commitProcessor.maxCommitBatchSize \
    znode.container.checkIntervalMs znode.container.maxPerMinute znode.container.maxNeverUsedIntervalMs \
    zookeeper.messageTracker.BufferSize zookeeper.messageTracker.Enabled admin.rateLimiterIntervalInMS \
    admin.snapshot.enabled admin.restore.enabled admin.needClientAuth admin.forceHttps admin.portUnification \
    admin.enableServer admin.serverAddress admin.serverPort admin.idleTimeout admin.commandURL \
    metricsProvider.className metricsProvider.httpHost metricsProvider.httpPort metricsProvider.exportJvmInfo \
    metricsProvider.numWorkerThreads metricsProvider.maxQueueSize metricsProvider.workerShutdownTimeoutMs server.1 \
    ssl.keyStore.location ssl.keyStore.password dynamicConfigFile peerType portUnification oraclePath \
    quorum.auth.enableSasl quorum.auth.serverRequireSasl quorum.auth.learnerRequireSasl \
    quorum.auth.learner.saslLoginContext quorum.auth.server.saslLoginContext quorum.auth.kerberos.servicePrincipal \
    quorum.cnxn.threads.size jvm.pause.monitor jvm.pause.sleep.time.ms jvm.pause.warn-threshold.ms \
    jvm.pause.info-threshold.ms zookeeper.datadir.autocreate zookeeper.db.autocreate \
    zookeeper.closeSessionTxn.enabled zookeeper.snapshotSizeFactor zookeeper.pathStats.enabled";
