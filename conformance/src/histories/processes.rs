//! Real servers, as processes that are killed, and clients that remember.
