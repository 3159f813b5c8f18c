//! The log contract: record format, reader rule, Log trait, conformance suite.
