//! Settings: one table of what can be set; flag, environment, file and default all follow from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Name of the flag and of the key in the file, kebab-case.
    pub(crate) name: &'static str,
    /// Environment variables, the first that is set counts.
    pub(crate) env: &'static [&'static str],
    /// What holds when nothing is said.
    pub(crate) default: &'static str,
    /// A line of help.
    pub(crate) help: &'static str,
}

/// All of them. Secrets are no settings: they stand in files that settings name.
pub(crate) const ALL: &[Setting] = &[
    Setting {
        name: "data",
        env: &["RECOUNT_DATA"],
        default: "data",
        help: "Directory of all data: log, keys, private PostgreSQL",
    },
    Setting {
        name: "listen",
        env: &["RECOUNT_LISTEN"],
        default: "127.0.0.1:7070",
        help: "Address of API and console; another than loopback needs --tokens",
    },
    Setting {
        name: "database-url",
        env: &["RECOUNT_DATABASE_URL", "DATABASE_URL"],
        default: "",
        help: "PostgreSQL for the read models; without it a private server is run in the data directory",
    },
    Setting {
        name: "tokens",
        env: &["RECOUNT_TOKENS"],
        default: "",
        help: "File of hashed bearer tokens; without it whoever reaches the loopback address is the owner",
    },
    Setting {
        name: "cluster-secret-file",
        env: &["RECOUNT_CLUSTER_SECRET_FILE"],
        default: "",
        help: "File with the secret that nodes of one installation share",
    },
    Setting {
        name: "master-key-file",
        env: &["RECOUNT_MASTER_KEY_FILE"],
        default: "",
        help: "File of the master key; without it keys/master.key in the data directory",
    },
    Setting {
        name: "keys",
        env: &["RECOUNT_KEYS"],
        default: "",
        help: "Directory of the keys; without it keys in the data directory. Nodes of one log on Kafka share it",
    },
    Setting {
        name: "log",
        env: &["RECOUNT_LOG"],
        default: "embedded",
        help: "embedded: in the data directory; kafka: in topics of the cluster of --brokers",
    },
    Setting {
        name: "brokers",
        env: &["RECOUNT_BROKERS", "KAFKA_BOOTSTRAP_SERVERS"],
        default: "",
        help: "Some brokers of the Kafka cluster, as a:9092,b:9092",
    },
    Setting {
        name: "kafka-settings",
        env: &["RECOUNT_KAFKA_SETTINGS"],
        default: "",
        help: "File with settings of the Kafka client, name=value a line, as security.protocol=SASL_SSL",
    },
    Setting {
        name: "kafka-durability",
        env: &["RECOUNT_KAFKA_DURABILITY"],
        default: "one-broker",
        help: "one-broker: 3 replicas, 2 in sync, any one broker may be lost; none: 1 replica, for development",
    },
    Setting {
        name: "topic-prefix",
        env: &["RECOUNT_TOPIC_PREFIX"],
        default: "",
        help: "Before the name of every topic and of the group, so that several logs share a cluster",
    },
    Setting {
        name: "advertise",
        env: &["RECOUNT_ADVERTISE"],
        default: "",
        help: "Where other nodes reach this one, as http://10.0.0.1:7070; without it the address of --listen",
    },
    Setting {
        name: "roles",
        env: &["RECOUNT_ROLES"],
        default: "gateway,commands,projections,sagas",
        help: "What this node of several does",
    },
    Setting {
        name: "contexts",
        env: &["RECOUNT_CONTEXTS"],
        default: "",
        help: "Contexts whose lanes this node of several stands for; all, when none is named",
    },
    Setting {
        name: "node",
        env: &["RECOUNT_NODE"],
        default: "node-1",
        help: "Name of this node, as its claims in the log tell it",
    },
    Setting {
        name: "lanes",
        env: &["RECOUNT_LANES"],
        default: "16",
        help: "Lanes of each topic; fixed when the log is created",
    },
    Setting {
        name: "sandbox",
        env: &["RECOUNT_SANDBOX"],
        default: "off",
        help: "on: a platform, bank and mailbox of our own stand for what no provider is set up for; `up` has it on; or the loopback address of one that runs already",
    },
    Setting {
        name: "bluesky-url",
        env: &["RECOUNT_BLUESKY_URL"],
        default: "",
        help: "Publish on Bluesky by this server, as https://bsky.social",
    },
    Setting {
        name: "stripe-key-file",
        env: &["RECOUNT_STRIPE_KEY_FILE"],
        default: "",
        help: "Charge boosts by Stripe with the secret key in this file",
    },
    Setting {
        name: "stripe-url",
        env: &["RECOUNT_STRIPE_URL"],
        default: "https://api.stripe.com",
        help: "Where Stripe's API is",
    },
    Setting {
        name: "stripe-customers",
        env: &["RECOUNT_STRIPE_CUSTOMERS"],
        default: "",
        help: "TOML file that says which customer of Stripe's pays: tenant = \"cus_...\", \"tenant/user\" = \"cus_...\"",
    },
    Setting {
        name: "stripe-webhook-secret-file",
        env: &["RECOUNT_STRIPE_WEBHOOK_SECRET_FILE"],
        default: "",
        help: "Take Stripe's webhooks, signed with a secret in this file (one a line)",
    },
    Setting {
        name: "smtp-url",
        env: &["RECOUNT_SMTP_URL"],
        default: "",
        help: "Mail notifications by this server, as smtps://user@mail.example.org",
    },
    Setting {
        name: "smtp-password-file",
        env: &["RECOUNT_SMTP_PASSWORD_FILE"],
        default: "",
        help: "File with the password of the mail server's user",
    },
    Setting {
        name: "smtp-ca-file",
        env: &["RECOUNT_SMTP_CA_FILE"],
        default: "",
        help: "Certificates (PEM) that vouch for the mail server, beside the system's",
    },
    Setting {
        name: "mail-from",
        env: &["RECOUNT_MAIL_FROM"],
        default: "",
        help: "Who mails come from, as Recount <recount@example.org>",
    },
    Setting {
        name: "log-format",
        env: &["RECOUNT_LOG_FORMAT"],
        default: "auto",
        help: "Format of the program's own log: pretty, json, or auto (pretty on a terminal)",
    },
];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Env(&'static str),
    File(PathBuf),
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The values in force, each with its origin.
#[derive(Debug, Clone)]
pub(crate) struct Settings(BTreeMap<&'static str, (String, Origin)>);

impl Settings {
    /// Flags before environment before file before defaults. The file is the one named, or
    /// `recount.toml` here; unknown keys in it are errors.
    pub(crate) fn resolve(flags: &BTreeMap<String, String>, file: Option<&Path>) -> Result<Self> {
        let here = Path::new("recount.toml");
        let file = file.or_else(|| here.exists().then_some(here));
        let written = file.map(read_file).transpose()?.unwrap_or_default();
        let mut all = BTreeMap::new();
        for setting in ALL {
            let env = setting.env.iter().find_map(|name| Some((*name, std::env::var(name).ok()?)));
            let value = if let Some(value) = flags.get(setting.name) {
                (value.clone(), Origin::Flag)
            } else if let Some((name, value)) = env {
                (value, Origin::Env(name))
            } else if let (Some(value), Some(path)) = (written.get(setting.name), file) {
                (value.clone(), Origin::File(path.to_owned()))
            } else {
                (setting.default.to_owned(), Origin::Default)
            };
            all.insert(setting.name, value);
        }
        Ok(Self(all))
    }

    /// Takes another default, where nothing is said.
    #[must_use]
    pub(crate) fn with_default(mut self, name: &'static str, value: &str) -> Self {
        if let Some(known) = self.0.get_mut(name).filter(|(_, origin)| *origin == Origin::Default) {
            value.clone_into(&mut known.0);
        }
        self
    }

    /// A value; empty: not set.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(value, _)| value)
    }

    /// A value, when it is set.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        PathBuf::from(self.get("data"))
    }

    /// Every value with its origin; URLs without their password.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static str, String, &Origin)> {
        self.0.iter().map(|(name, (value, origin))| (*name, without_password(value), origin))
    }
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("settings file {}", path.display()))?;
    let table: toml::Table =
        text.parse().with_context(|| format!("settings file {}", path.display()))?;
    let mut all = BTreeMap::new();
    for (name, value) in table {
        if !ALL.iter().any(|setting| setting.name == name) {
            let known: Vec<_> = ALL.iter().map(|setting| setting.name).collect();
            bail!(
                "settings file {}: `{name}` is unknown; known are {}",
                path.display(),
                known.join(", ")
            );
        }
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            other => bail!("settings file {}: `{name}` must be text, not {other}", path.display()),
        };
        all.insert(name, value);
    }
    Ok(all)
}

/// `scheme://user:password@host` -> `scheme://user:***@host`.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.split_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:***@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("r.toml");
        std::fs::write(&file, "node = \"n7\"\nlanes = 4\n").unwrap();
        let flags = BTreeMap::from([("lanes".to_owned(), "8".to_owned())]);
        let settings = Settings::resolve(&flags, Some(&file)).unwrap();
        assert_eq!(
            (settings.get("node"), settings.get("lanes"), settings.get("log-format")),
            ("n7", "8", "auto")
        );
    }

    #[test]
    fn an_unknown_key_names_the_known_ones() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("r.toml");
        std::fs::write(&file, "nodes = \"n7\"\n").unwrap();
        let error = Settings::resolve(&BTreeMap::new(), Some(&file)).unwrap_err().to_string();
        assert!(error.contains("`nodes` is unknown; known are data, listen"), "{error}");
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("postgres://me:secret@db/x"), "postgres://me:***@db/x");
    }
}
