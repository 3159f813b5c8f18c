// What the browser tests share: a product to drive, pages that are watched for errors, axe. Not a test.
//
// RECOUNT_URL names a running product, RECOUNT_BIN the binary that is started on new data,
// RECOUNT_DEMO=1 starts the demo of crates/console instead. With SHOTS set, pages are photographed into
// that folder. CHROMIUM names another browser than /usr/bin/chromium.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const TOP = join(dirname(fileURLToPath(import.meta.url)), "../..");
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
export const SHOTS = process.env.SHOTS;
export const WIDE = { width: 1440, height: 1000 };
export const NARROW = { width: 320, height: 800 };
/** Whether it is the demo, which has sagas in every state from the start. */
export const DEMO = !process.env.RECOUNT_URL && !process.env.RECOUNT_BIN;

export let base = process.env.RECOUNT_URL?.replace(/\/$/, "");
let browser;
let product;
let data;

async function startDemo() {
  const port = 7100 + (process.pid % 800);
  const binary = join(process.env.CARGO_TARGET_DIR ?? join(TOP, "target"), "release/examples/demo");
  product = spawn(binary, { env: { ...process.env, PORT: String(port) }, stdio: "ignore" });
  return `http://127.0.0.1:${port}`;
}

/** The built product on new data and a free port; its banner names the address. */
async function startProduct(flags) {
  data = mkdtempSync(join(tmpdir(), "recount-browser-"));
  const args = ["up", "--data", join(data, "data"), "--listen", "127.0.0.1:0", ...flags];
  product = spawn(process.env.RECOUNT_BIN, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: product.stdout })) {
    const api = line.match(/^\s+API\s+(\S+)\/api$/);
    if (api) return api[1];
  }
  assert.fail("the product ended without a banner");
}

/** Asks until it holds, at most so long; gives what held. */
export async function until(says, holds, ms = 30_000) {
  const begun = Date.now();
  for (;;) {
    const found = await holds();
    if (found) return found;
    assert.ok(Date.now() - begun < ms, `${says}: not within ${ms} ms`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Starts what is to be driven, and a browser. */
export async function start(flags = []) {
  if (!base) {
    const named = process.env.RECOUNT_BIN || process.env.RECOUNT_DEMO;
    assert.ok(named, "set RECOUNT_URL to a running product, RECOUNT_BIN to the binary, or RECOUNT_DEMO=1");
    base = await (process.env.RECOUNT_BIN ? startProduct(flags) : startDemo());
  }
  await until(`an answer of ${base}`, async () => (await fetch(`${base}/console`).catch(() => undefined))?.ok);
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** Stops them and drops the data. */
export async function stop() {
  await browser?.close();
  if (product?.exitCode === null) {
    const ended = new Promise((done) => product.once("exit", done));
    product.kill();
    await ended;
  }
  if (data) rmSync(data, { recursive: true, force: true });
}

/** One command over the API; the answer's JSON. */
export async function command(method, path, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

/** A page in a context of its own, watched for errors of scripts and of the content policy. */
export async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push(error.message));
  page.on("console", (line) => {
    if (/Content Security Policy|Uncaught|Refused to/.test(line.text())) page.wrong.push(line.text());
  });
  await page.goto(base + path);
  return page;
}

/** Closes a page that had no errors. */
export async function done(page) {
  assert.deepEqual(page.wrong, []);
  await page.context().close();
}

/** The page does not scroll sideways, and axe finds nothing serious. */
export async function fits(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${name} scrolls sideways by ${over} px`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const found = bad.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
  assert.deepEqual(found, [], `axe on ${name}`);
}

export async function shot(page, name, fullPage = false) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}
