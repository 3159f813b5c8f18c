//! A platform, a bank and a post office of Recount's own, for trying things out: a server over HTTP on
//! the loopback, and the provider that calls it. Nothing leaves the machine. Not a fake inside of the
//! product: calls go over a socket, can be late, refused, cut and lost, and what the server has
//! acknowledged is in its file, whatever is killed.
//!
//! **Keys.** Each work is put under its step's key (`PUT /posts/<key>`, `/charges/<key>`,
//! `/mails/<key>`). The same again is the same work; another content under the key is refused. Taking
//! back (`DELETE`) always succeeds, and leaves a fence: what arrives later under the key is refused.
//!
//! What becomes of a call:
//!
//! | the server answers | doing | taking back | probe |
//! |---|---|---|---|
//! | 200 | done | done, also when nothing is there | happened |
//! | 404 never seen, 410 taken back | refused `fenced` (410) | - | not happened |
//! | 409: another content under the key | refused `key_reused` | - | - |
//! | 422 | refused, by the rule that it names | - | - |
//! | 429, 503: nothing was done | transient, with `Retry-After` | same | cannot tell |
//! | other | **unknown** | **unknown** | cannot tell |
//! | no connection, no time left | transient | transient | cannot tell |
//! | lost or cut answer | **unknown** | **unknown** | cannot tell |
//!
//! It misbehaves on demand: see [`Behaviour`].

mod behaviour;
mod client;
mod ledger;
mod page;
mod server;

pub use behaviour::{Behaviour, Rule};
pub use client::SandboxClient;
pub use ledger::{Kind, LedgerError, Work};
pub use server::{Sandbox, StartError};
