//! A mail server that keeps what it takes, and fails on demand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};

use super::install;
use super::process::Process;

/// A running mail server.
#[derive(Debug)]
pub struct Mailbox {
    process: Process,
    http: Client,
}

/// A mail that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Its `Message-ID`.
    pub message_id: String,
    /// To whom, as the envelope says.
    pub to: Vec<String>,
    /// From whom, as the envelope says.
    pub from: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// A way to fail.
#[derive(Debug, Clone, Copy)]
pub enum MailFault {
    /// Answers the greeting with this code.
    Greeting(u16),
    /// Answers the recipient with this code.
    Recipient(u16),
    /// Answers the text with this code, and stores nothing.
    Data(u16),
    /// Stores the mail, then answers with this code.
    AfterData(u16),
    /// Cuts the connection at the recipient, before the text.
    CutBefore,
    /// Stores the mail, then cuts the connection without a word.
    CutAfter,
}

impl Mailbox {
    /// Starts one.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one that speaks TLS and takes mail only from this user; gives the certificate that vouches
    /// for it, in this directory.
    pub fn start_secure(dir: &Path, user: &str, password: &str) -> (Self, PathBuf) {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        openssl.args(["-subj", "/CN=mailbox", "-addext", "subjectAltName=IP:127.0.0.1"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.args(["-keyout", "key.pem", "-out", "ca.pem"]).current_dir(dir);
        let output = openssl.stdin(Stdio::null()).output().expect("openssl is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("it was written");
        let both = dir.join("mailbox.pem");
        std::fs::write(&both, read("key.pem") + &read("ca.pem")).expect("it can be written");
        (Self::with(&[&both.display().to_string(), user, password]), dir.join("ca.pem"))
    }

    fn with(args: &[&str]) -> Self {
        let mut command = Command::new(install::python());
        command.args(["-c", include_str!("../../counterparts/python/mailbox.py")]).args(args);
        Self { process: Process::start("mailbox", command), http: Client::new() }
    }

    /// Its address, as `smtp://127.0.0.1:2525`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.process.told["smtp"])
    }

    fn api(&self, path: &str) -> String {
        format!("{}{path}", self.process.url())
    }

    /// All mails it took, the oldest first.
    pub async fn mails(&self) -> Vec<ReceivedMail> {
        let answer = self.http.get(self.api("/messages")).send().await.expect("it answers");
        let all: Vec<Value> = answer.json().await.expect("it answers JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().trim_end().to_owned();
        let all = all.iter().map(|it| ReceivedMail {
            message_id: text(&it["message_id"]),
            to: it["to"].as_array().into_iter().flatten().map(text).collect(),
            from: text(&it["from"]),
            subject: text(&it["subject"]),
            text: text(&it["text"]),
        });
        all.collect()
    }

    /// Fails in this way for the next so many mails.
    pub async fn fail(&self, how: MailFault, times: u32) {
        let (phase, code) = match how {
            MailFault::Greeting(code) => ("greet", code),
            MailFault::Recipient(code) => ("rcpt", code),
            MailFault::Data(code) => ("data", code),
            MailFault::AfterData(code) => ("after-data", code),
            MailFault::CutBefore => ("cut", 0),
            MailFault::CutAfter => ("drop", 0),
        };
        let rule = json!({ "phase": phase, "code": code, "times": times });
        let answer = self.http.post(self.api("/fail")).json(&rule).send().await;
        assert!(answer.is_ok_and(|it| it.status().is_success()), "the mailbox takes {rule}");
    }
}
