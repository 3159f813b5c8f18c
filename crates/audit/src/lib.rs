//! Audits from the log alone: history, time travel, chain verification.
