//! The conformance suite of the log contract on the embedded log: with everything in memory, with nothing
//! in memory, and with checkpoints taken all the time.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::Log;
use log::conformance::{Rig, TOPICS};
use log_embedded::{EmbeddedLog, Options};
use tempfile::TempDir;

struct Embedded {
    /// Every log and copy of one.
    dirs: Vec<TempDir>,
    cache_bytes_max: usize,
    checkpoint_bytes: u64,
}

impl Embedded {
    fn new(cache_bytes_max: usize, checkpoint_bytes: u64) -> Self {
        Self { dirs: Vec::new(), cache_bytes_max, checkpoint_bytes }
    }

    fn place(&mut self) -> PathBuf {
        self.dirs.push(tempfile::tempdir().unwrap());
        self.last()
    }

    fn last(&self) -> PathBuf {
        self.dirs.last().unwrap().path().join("log")
    }

    fn start(&self) -> Arc<dyn Log> {
        let mut options = Options::new(self.last());
        for (name, lanes) in TOPICS {
            options = options.topic(name, lanes);
        }
        options.cache_bytes_max = self.cache_bytes_max;
        options.checkpoint_bytes = self.checkpoint_bytes;
        // Small, so that the suite crosses from segment to segment.
        (options.first_segment_bytes, options.segment_bytes) = (32 << 10, 64 << 10);
        Arc::new(EmbeddedLog::open(&options).unwrap().0)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        // Comes and goes.
        if entry.file_name() == "checkpoint.new" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Rig for Embedded {
    fn open(&mut self) -> Arc<dyn Log> {
        self.place();
        self.start()
    }

    fn reopen(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
        assert_eq!(Arc::strong_count(&log), 1);
        drop(log);
        Some(self.start())
    }

    /// What is on the medium while the first owner is still there is what a killed one leaves.
    fn crash(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
        let from = self.last();
        let to = self.place();
        copy(&from, &to);
        drop(log);
        Some(self.start())
    }
}

mod from_memory {
    log::conformance_tests!(super::Embedded::new(8 << 20, 16 << 20));
}

mod from_the_store {
    log::conformance_tests!(super::Embedded::new(0, 16 << 20));
}

mod from_a_cache_that_forgets {
    log::conformance_tests!(super::Embedded::new(4 << 10, 16 << 20));
}

mod from_checkpoints {
    log::conformance_tests!(super::Embedded::new(4 << 10, 1));
}
