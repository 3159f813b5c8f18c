//! The promises of a log as checks; every adapter runs them on itself. Not a benchmark.
