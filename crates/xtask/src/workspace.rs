//! Where things are: the top of the repository, the target directory, cargo.
//!
//! Knows paths only; runs nothing by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout that this run works on.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) top: PathBuf,
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Self {
        // At run time, so that a checkout may be moved; cargo sets it for `cargo xtask`.
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let top = here.ancestors().nth(2).unwrap_or(&here).to_path_buf();
        // Relative to where the user stands, as cargo takes it.
        let target = std::env::var_os("CARGO_TARGET_DIR").filter(|it| !it.is_empty());
        let target = target.and_then(|it| std::path::absolute(it).ok());
        Self { target: target.unwrap_or_else(|| top.join("target")), top }
    }

    /// The product's binary, once it is built.
    pub(crate) fn binary(&self) -> PathBuf {
        self.target.join("release").join("recount")
    }

    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.top.join(path).exists()
    }

    /// A command that runs at the top of the repository.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.top).env("CARGO_TARGET_DIR", &self.target);
        // What cargo set for us describes this crate; passed on it would only spoil fingerprints.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        if std::env::var_os("CI").is_some_and(|it| it == "true") {
            // A machine that is thrown away has no use for what helps the next build.
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = self.command(&cargo);
        command.args(args).env("CARGO_NET_RETRY", "5");
        command
    }
}
