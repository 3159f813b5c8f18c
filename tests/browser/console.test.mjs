// Drives the console of a running product with a real browser, as a person would: by keyboard, by
// pointer, without a script, in the dark, on a phone. How it is started: see product.mjs.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NARROW, SHOTS, WIDE, base, command, done, fits, open, start, stop } from "./product.mjs";

let post;

/** The id of a stream, whichever way the answer names it. */
const idOf = (answer) => answer.id ?? answer.stream.slice(answer.stream.indexOf("-") + 1);

const draft = async (title) =>
  idOf(await command("POST", "/api/content/posts", { title, body: "The first words." }));

before(async () => {
  await start();
  post = await draft("Autumn sale, day 4");
  await command("PUT", `/api/content/posts/${post}`, { title: "Autumn sale, last day", body: "Everything must go." });
  const at = new Date(Date.now() + 86_400_000).toISOString();
  await command("POST", `/api/content/posts/${post}/schedule`, {
    publish_at: at,
    platforms: ["bluesky", "mastodon"],
  });
  await draft("<img src=x onerror=document.title='owned'><script>document.title='owned'</script>");
});

after(stop);

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

const sentence = (page) => page.locator("#lede").innerText();
const field = (page, name) => page.locator("#state tr", { has: page.locator(`th code:text-is("${name}")`) }).locator("td");

for (const theme of ["light", "dark"]) {
  for (const [width, viewport] of [["1440", WIDE], ["320", NARROW]]) {
    test(`every page passes axe and fits, ${theme}, ${width} px`, async () => {
      const page = await open("/console/help", { viewport, colorScheme: theme });
      for (const [name, path] of Object.entries(pages())) {
        await page.goto(base + path);
        await fits(page, name);
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
  const id = await draft(title);
  const begun = Date.now();
  await page.locator("#newbar a").waitFor({ timeout: 15_000 });
  console.log(`from the answer to the bar: ${Date.now() - begun} ms`);
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
