//! `conformance histories`: are promises kept, under faults, by simulated servers and by real ones?
