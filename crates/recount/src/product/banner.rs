//! What a user sees when the product is up.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Prints where everything is, with one call and one command to try.
#[expect(clippy::print_stdout, reason = "the banner is what `up` prints")]
pub(crate) fn print(address: SocketAddr, data: &Path, sandbox: bool, took: Duration) {
    let base = format!("http://{address}");
    let data = data.display();
    println!("Recount {} is up ({} ms)", env!("CARGO_PKG_VERSION"), took.as_millis());
    println!("  API      {base}/api");
    println!("  Docs     {base}/docs");
    println!("  Console  {base}/console");
    println!("  Metrics  {base}/metrics");
    if sandbox {
        println!("  Sandbox  {base}/sandbox (stands for what no provider is set up for)");
    }
    println!("  Data     {data}");
    println!();
    println!("  curl -s -X POST {base}/api/content/posts -H 'Content-Type: application/json' \\");
    println!(
        "    -H 'Idempotency-Key: my-first-post' -d '{{\"title\":\"Hello\",\"body\":\"The first of many\"}}'"
    );
    println!("  {} events tail --data {data}", program());
}

fn program() -> String {
    let named = std::env::current_exe().ok().map(|path| path.display().to_string());
    named.unwrap_or_else(|| "recount".to_owned())
}
