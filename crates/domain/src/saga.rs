//! Saga plans: what is asked of whom, and what takes it back, as data. Not the orchestrator.
