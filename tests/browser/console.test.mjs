// Drives the console of a running product with a real browser, as a person would: by keyboard, by
// pointer, without a script, in the dark, on a phone. RECOUNT_URL names a running product, or
// RECOUNT_BIN the binary that is started on new data; with SHOTS set every page is photographed into
// that folder. RECOUNT_DEMO=1 starts the demo of crates/console instead. CHROMIUM names another browser
// than /usr/bin/chromium.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const TOP = join(dirname(fileURLToPath(import.meta.url)), "../..");
const SHOTS = process.env.SHOTS;
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const WIDE = { width: 1440, height: 1000 };
const NARROW = { width: 320, height: 800 };

let base = process.env.RECOUNT_URL?.replace(/\/$/, "");
let browser;
let demo;
let data;
let post;

// --- the product

async function startDemo() {
  const port = 7100 + (process.pid % 800);
  demo = spawn(join(TOP, "target/release/examples/demo"), { env: { ...process.env, PORT: String(port) }, stdio: "ignore" });
  return `http://127.0.0.1:${port}`;
}

/** The built product on new data and a free port; its banner names the address. */
async function startProduct() {
  data = mkdtempSync(join(tmpdir(), "recount-browser-"));
  const args = ["up", "--data", join(data, "data"), "--listen", "127.0.0.1:0"];
  demo = spawn(process.env.RECOUNT_BIN, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: demo.stdout })) {
    const api = line.match(/^\s+API\s+(\S+)\/api$/);
    if (api) return api[1];
  }
  assert.fail("the product ended without a banner");
}

async function answers(url) {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`nothing answers at ${url}`);
}

/** One command over the API; the answer's JSON. */
async function command(method, path, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

/** The id of a stream, whichever way the answer names it. */
const idOf = (answer) => answer.id ?? answer.stream.slice(answer.stream.indexOf("-") + 1);

const draft = async (title) =>
  idOf(await command("POST", "/api/content/posts", { title, body: "The first words." }));

before(async () => {
  if (!base) {
    const named = process.env.RECOUNT_BIN || process.env.RECOUNT_DEMO;
    assert.ok(named, "set RECOUNT_URL to a running product, RECOUNT_BIN to the binary, or RECOUNT_DEMO=1");
    base = await (process.env.RECOUNT_BIN ? startProduct() : startDemo());
  }
  await answers(`${base}/console`);
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
  post = await draft("Autumn sale, day 4");
  await command("PUT", `/api/content/posts/${post}`, { title: "Autumn sale, last day", body: "Everything must go." });
  const at = new Date(Date.now() + 86_400_000).toISOString();
  await command("POST", `/api/content/posts/${post}/schedule`, {
    publish_at: at,
    platforms: ["bluesky", "mastodon"],
  });
  await draft("<img src=x onerror=document.title='owned'><script>document.title='owned'</script>");
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
});

after(async () => {
  await browser?.close();
  if (demo?.exitCode === null) {
    const ended = new Promise((done) => demo.once("exit", done));
    demo.kill();
    await ended;
  }
  if (data) rmSync(data, { recursive: true, force: true });
});

// --- pages

const stream = () => `/console/streams/post-${post}`;
const pages = () => ({
  overview: "/console",
  streams: "/console/streams",
  stream: `${stream()}`,
  "stream-past": `${stream()}?at=2`,
  "stream-before": `${stream()}?at=0&vs=now`,
  log: "/console/log",
  "log-filtered": `/console/log?q=${encodeURIComponent("type:content.post.* nonsense:1 0")}`,
  projections: "/console/projections",
  rebuild: `/console/projections/posts/rebuild`,
  audit: "/console/audit",
  "not-found": "/console/go?id=nothing-like-this",
  help: "/console/help",
});

/** A page in a context of its own, watched for errors of scripts and of the content policy. */
async function open(path, options = {}) {
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

async function done(page) {
  assert.deepEqual(page.wrong, []);
  await page.context().close();
}

const sentence = (page) => page.locator("#lede").innerText();
const field = (page, name) => page.locator("#state tr", { has: page.locator(`th code:text-is("${name}")`) }).locator("td");

for (const theme of ["light", "dark"]) {
  for (const [width, viewport] of [["1440", WIDE], ["320", NARROW]]) {
    test(`every page passes axe and fits, ${theme}, ${width} px`, async () => {
      const page = await open("/console/help", { viewport, colorScheme: theme });
      for (const [name, path] of Object.entries(pages())) {
        await page.goto(base + path);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${name} scrolls sideways by ${over} px`);
        const { violations } = await new AxeBuilder({ page }).analyze();
        const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
        const found = bad.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
        assert.deepEqual(found, [], `axe on ${name}`);
        if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}-${theme}-${width}.png`), fullPage: width === "320" });
      }
      await done(page);
    });
  }
}

test("time travel by keyboard changes the state that is shown, and the address keeps the place", async () => {
  const page = await open(stream());
  assert.match(await sentence(page), /now, after 3 events/);
  assert.equal(await field(page, "title").innerText(), "Autumn sale, last day");
  await page.keyboard.press("[");
  await page.waitForURL(/at=2/);
  await page.keyboard.press("[");
  await page.waitForURL(/at=1/);
  assert.match(await field(page, "title").innerText(), /^Autumn sale, day 4/);
  assert.match(await sentence(page), /after event 1 of 3/);
  await page.keyboard.press("]");
  await page.waitForURL(/at=2/);
  assert.match(await field(page, "title").innerText(), /last day\s*changed/);
  assert.match(await page.locator("#compared del").first().innerText(), /Everything|first words|day 4/);
  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.activeElement.id), "scrub");
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL(/at=1/);
  await page.reload();
  assert.match(await sentence(page), /after event 1 of 3/);
  await page.goBack();
  await done(page);
});

test("an instant is a place too, and nonsense is answered with a sentence", async () => {
  const page = await open(`${stream()}?at=2001-01-01T00:00:00Z`);
  assert.match(await sentence(page), /before its first event/);
  await page.goto(`${base}${stream()}?at=yesterday`);
  assert.match(await sentence(page), /neither a version, as 7, nor a time/);
  await done(page);
});

test("a new event waits behind a bar, without reload, until it is asked for", async () => {
  const page = await open("/console/log");
  await page.evaluate(() => { window.same = true; });
  await page.waitForTimeout(300);
  const rows = await page.locator("#list tbody tr").count();
  const title = `Fresh ${Date.now()}`;
  const begun = Date.now();
  const id = await draft(title);
  await page.locator("#newbar a").waitFor({ timeout: 5_000 });
  const took = Date.now() - begun;
  assert.ok(took < 1_500, `event to screen took ${took} ms`);
  assert.match(await page.locator("#newbar").innerText(), /\+1 new event/);
  assert.equal(await page.locator("#list tbody tr").count(), rows, "nothing moves before it is asked for");
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "log-new-rows-light-1440.png") });
  await page.keyboard.press("n");
  await page.locator(`#list a[href*="${id}"]`).first().waitFor();
  assert.equal(await page.locator("#newbar a").count(), 0);
  assert.ok(await page.evaluate(() => window.same), "the page was not loaded again");
  await done(page);
});

test("rows are walked with j and k and opened with enter; g goes, slash filters", async () => {
  const page = await open("/console/streams");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  const focused = await page.evaluate(() => document.activeElement.closest("[data-row]")?.id);
  assert.equal(focused, await page.locator("[data-row]").first().getAttribute("id"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/console\/streams\/\w+-/);
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.waitForURL(/\/console\/log$/);
  await page.keyboard.press("/");
  await page.keyboard.type("actor:nobody");
  await page.keyboard.press("Enter");
  await page.waitForURL(/actor/);
  assert.match(await sentence(page), /No event passes this filter/);
  await page.locator(".pill a").click();
  await page.waitForURL(/\/console\/log$/);
  await page.keyboard.press("?");
  assert.ok(await page.locator("#help").isVisible());
  await page.keyboard.press("Escape");
  await done(page);
});

test("any id that is pasted after Ctrl K lands on what it means", async () => {
  const page = await open("/console");
  for (const id of [`post-${post}`, post]) {
    await page.keyboard.press("Control+k");
    await page.keyboard.type(id);
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`/console/streams/post-${post}`));
    await page.goto(`${base}/console`);
  }
  await done(page);
});

test("a rebuild shows what it will do and demands a reason", async () => {
  const page = await open("/console/projections");
  const name = await page.locator("#all tbody a.rowlink").first().innerText();
  await page.locator(`a[href$="/${name}/rebuild"]`).click();
  const dialog = page.locator("#dialog");
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /A new table is built beside/);
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "rebuild-dialog-light-1440.png") });
  await dialog.locator("button.go").click();
  assert.ok(await dialog.isVisible(), "without a reason it stays");
  assert.equal(await dialog.locator("#reason").evaluate((area) => area.validity.valueMissing), true);
  await dialog.locator("#reason").fill("Columns were edited by hand");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/did=rebuild/);
  assert.match(await sentence(page), /The rebuild was started/);
  await done(page);
});

test("the history is verified with progress and leaves a receipt", async () => {
  const page = await open("/console/audit");
  await page.locator("#verify button").click();
  await page.locator("#lede", { hasText: "The history is whole." }).waitFor({ timeout: 60_000 });
  assert.match(await page.locator("#receipt").innerText(), /whole/);
  const receipt = await fetch(`${base}/console/audit/receipt.json`);
  assert.ok((await receipt.json()).lanes.every(({ verdict }) => verdict === "whole"));
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "audit-verified-light-1440.png") });
  await done(page);
});

test("theme and zone switch at once and are remembered", async () => {
  const page = await open("/console/log", { timezoneId: "Asia/Kolkata" });
  const utc = await page.locator("time.tm").first().innerText();
  await page.keyboard.press("z");
  assert.notEqual(await page.locator("time.tm").first().innerText(), utc);
  const theme = page.locator('[data-pref="theme"] button');
  await theme.click();
  await theme.click();
  const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await dark(), "rgb(14, 15, 17)");
  await page.reload();
  assert.equal(await dark(), "rgb(14, 15, 17)");
  assert.notEqual(await page.locator("time.tm").first().innerText(), utc);
  await done(page);
});

test("whatever stands in an event is text", async () => {
  const page = await open("/console/streams");
  await page.locator("a.rowlink", { hasText: "onerror" }).first().click();
  assert.match(await page.locator("h1").innerText(), /^<img src=x/);
  assert.notEqual(await page.title(), "owned");
  await done(page);
});

test("without a script one reads, filters, travels and acts", async () => {
  const page = await open(stream(), { javaScriptEnabled: false });
  await page.locator("#travel .seg a", { hasText: "Previous" }).click();
  assert.match(page.url(), /at=2/);
  await page.locator("#at").fill("1");
  await page.locator("#travel button", { hasText: "Show" }).click();
  assert.match(page.url(), /at=1/);
  await page.locator(".rail a", { hasText: "Log" }).click();
  await page.locator("#q").fill("type:content.post.drafted.v1");
  await page.locator("#q").press("Enter");
  assert.match(await page.locator("#list tbody").innerText(), /drafted/);
  await page.locator('[data-pref="theme"] button').click();
  await page.locator('[data-pref="theme"] button').click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.match(page.url(), /\/console\/log\?q=/);
  await page.goto(`${base}/console/projections`);
  await page.locator('a[href$="/pause"]').first().click();
  await page.locator("#reason").fill("Looking at the table by hand");
  await page.locator("button.go").click();
  assert.match(await sentence(page), /The projection was paused/);
  await page.locator('a[href$="/resume"]').first().click();
  await page.locator("#reason").fill("Looked at, all is well");
  await page.locator("button.go").click();
  assert.match(await sentence(page), /The projection was resumed/);
  await done(page);
});
