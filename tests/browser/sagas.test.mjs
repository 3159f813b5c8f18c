// The pages of sagas in a real browser: what needs a human, why a saga is where it is, its plan and its
// past, and what an operator does about it, seen at once without a reload. How it is started: see
// product.mjs. On the built product the sagas are real: platforms are its own sandbox and a server that
// misbehaves on demand.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLiar } from "./liar.mjs";
import { DEMO, NARROW, WIDE, base, command, done, fits, open, shot, start, stop, until } from "./product.mjs";

let liar;
/** Streams of sagas: one that is being undone, one in doubt, some to be held. */
const saga = {};

const pageOf = (stream) => `/console/sagas/${stream}`;
const sentence = (page) => page.locator("#lede").innerText();
const why = (page) => page.locator("#sg-why").innerText();
const state = (page) => page.locator("#sg-state").innerText();
const heading = async (path) => (await (await fetch(base + path)).text());

/** Asks for a post to be published now; gives the stream of its saga. */
async function publish(body, platforms, minor) {
  const boost = minor && { minor, currency: "EUR" };
  if (DEMO) return (await command("POST", "/api/social/publish", { platforms, boost })).stream;
  const post = await command("POST", "/api/content/posts", { title: "Autumn sale, day 3", body });
  const wish = { post_id: post.id ?? post.stream.replace(/^post-/, ""), platforms, boost };
  const { id, stream } = await command("POST", "/api/social/publish", wish);
  const saga = `publish_post-${id ?? stream.replace(/^publication-/, "")}`;
  await until(`${saga} begins`, async () => (await fetch(base + pageOf(saga))).ok);
  return saga;
}

/**
 * Submits the action that is open, and again only when the answer is that the saga moved meanwhile, which one
 * that is retried by itself may do; then what it does is seen within 5 s.
 */
async function submit(page, press, happened) {
  await until("the action is taken", async () => {
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await press();
    const answer = await answered;
    if ([204, 303].includes(answer.status())) return true;
    assert.match(await answer.text(), /The saga moved from revision/);
    return false;
  });
  await happened.waitFor({ timeout: 5_000 });
}

/** The first saga that passes a filter. */
async function first(filter) {
  const html = await heading(`/console/sagas?filter=${encodeURIComponent(filter)}`);
  return html.match(/id="saga-([a-z_]+-[0-9a-f-]+)"/)?.[1];
}

before(async () => {
  liar = await startLiar();
  await start(["--bluesky-url", liar.url]);
  if (DEMO) {
    saga.undoing = await first("state:undoing waits:retry");
    saga.doubt = await first("state:in-doubt step:charge-boost");
    saga.done = await first("state:done type:publish-post");
    return;
  }
  await command("POST", "/api/social/connect", {
    platform: "bluesky", handle: "alice.test", access_token: "an-app-password",
  });
  saga.done = await publish("The winners of the photo contest.", ["mastodon"]);
  saga.doubt = await publish("Open house on Saturday [doubt]", ["bluesky", "mastodon"], 4900);
  await until("it is in doubt", async () => (await heading(pageOf(saga.doubt))).includes("</svg>in doubt</span>"), 60_000);
  saga.undoing = await publish("Everything 20 % off [stuck] [refuse on linkedin]", ["bluesky", "mastodon", "linkedin"], 490);
  await until("it is being undone", async () => (await heading(pageOf(saga.undoing))).includes("</svg>undoing</span>"), 60_000);
  await until("the read model knows", () => first("state:in-doubt"), 30_000);
});

after(async () => {
  await stop();
  liar?.stop();
});

const pages = () => ({
  pulse: "/console/pulse",
  sagas: "/console/sagas",
  "sagas-filtered": `/console/sagas?filter=${encodeURIComponent("type:publish-post state:parked,undoing sort:-risk")}`,
  "sagas-wrong": "/console/sagas?filter=state:stuck",
  "saga-undoing": pageOf(saga.undoing),
  "saga-in-doubt": pageOf(saga.doubt),
  "saga-done": pageOf(saga.done),
  "saga-past": `${pageOf(saga.undoing)}?at=9`,
  "saga-peek": `${pageOf(saga.undoing)}/peek`,
  "saga-hold": `${pageOf(saga.undoing)}/hold`,
});

for (const theme of ["light", "dark"]) {
  for (const [width, viewport] of [["1440", WIDE], ["320", NARROW]]) {
    test(`every page of sagas passes axe and fits, ${theme}, ${width} px`, async () => {
      const page = await open("/console/help", { viewport, colorScheme: theme });
      for (const [name, path] of Object.entries(pages())) {
        await page.goto(base + path);
        await fits(page, name);
        await shot(page, `${name}-${theme}-${width}`, width === "320");
      }
      await page.goto(base + pageOf(saga.doubt));
      await page.locator('a[href*="/resolve?"]').first().click();
      await page.locator("#dialog #act-t").waitFor();
      await fits(page, "action-dialog");
      await shot(page, `action-dialog-${theme}-${width}`);
      await done(page);
    });
  }
}

test("the pulse says first what needs a human, and leads to it", async () => {
  const page = await open("/console");
  await page.keyboard.press("g");
  await page.keyboard.press("p");
  await page.waitForURL(/\/console\/pulse$/);
  assert.match(await sentence(page), /\d+ sagas? needs? a human, the oldest for .*/);
  const row = page.locator("#queue tbody tr", { hasText: "happen?" }).first();
  assert.match(await row.innerText(), /in doubt/);
  assert.match(await page.locator("#heat").innerText(), /publish-post@\d+/);
  const [inDoubt] = await page.locator("#queue .tally b").allInnerTexts();
  assert.ok(Number(inDoubt) >= 1);
  await row.locator("a.rowlink").click();
  await page.waitForURL(/\/console\/sagas\//);
  assert.match(await why(page), /Parked at .* \(in doubt\)/s);
  await done(page);
});

test("the list is walked, peeked into, filtered, and says where a filter is wrong", async () => {
  const page = await open("/console/sagas");
  await page.keyboard.press("j");
  await page.keyboard.press(" ");
  await page.locator("#peek #peek-t").waitFor();
  assert.match(await page.locator("#peek").innerText(), /Out there/);
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#peek").isHidden());
  const row = () => page.evaluate(() => document.activeElement.closest("[data-row]")?.id);
  await until("the focus is back on the row", async () => /^saga-/.test(await row()), 5_000);
  // A patch puts other elements in the place of all rows.
  const id = await row();
  const first = await page.locator(`#${id}`).elementHandle();
  await page.locator(`#${id}`).evaluate((row) => htmx.swap("body", `<template>${row.outerHTML.replace("<tr", '<tr hx-swap-oob="true"')}</template>`, { swapStyle: "none" }));
  assert.ok(await first.evaluate((row) => !row.isConnected), "the row was replaced");
  assert.equal(await row(), id, "and the focus stays on it");
  await page.keyboard.press("/");
  await page.keyboard.type("state:stuck");
  await page.keyboard.press("Enter");
  await page.waitForURL(/stuck/);
  assert.match(await page.locator("#reads").innerText(), /character 7: found `stuck`; possible: waiting, running/);
  await page.keyboard.press("/");
  await page.keyboard.type("state:undoing");
  await page.keyboard.press("Enter");
  await page.waitForURL(/undoing/);
  const states = await page.locator("#list tbody .a-st").allInnerTexts();
  assert.ok(states.length > 0 && states.every((word) => word.trim() === "undoing"), states.join());
  assert.equal(await page.locator("#sg-total").innerText(), String(states.length));
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/console\/sagas\/\w+-/);
  await done(page);
});

test("a saga that is undone shows both lanes, what stands, and any moment of its past", async () => {
  const page = await open(pageOf(saga.undoing));
  assert.match(await state(page), /undoing/);
  assert.match(await why(page), /Undoing: .* (was refused|not allowed|no).*Still out there: €4\.90/s);
  const map = await page.locator("svg.map").getAttribute("aria-label");
  assert.match(map, /publish\/linkedin refused/);
  assert.match(map, /publish\/mastodon done.*its undo: undone/);
  assert.match(await page.locator("#sg-map").innerText(), /€4\.90 stands/);
  assert.match(await page.locator("#ledger").innerText(), /charge-boost\s+stands/);
  const events = await page.locator("#sg-events > li").count();
  assert.ok(events > 10);
  await page.evaluate(() => { window.same = true; });
  await page.keyboard.press("[");
  await page.waitForURL(/at=\d+/);
  assert.match(await why(page), /As it was after event/);
  await page.keyboard.press("t");
  await page.keyboard.press("Home");
  await page.waitForURL(/at=1$/);
  await until("the first event is shown", async () => /As it was after event 1 of/.test(await why(page)));
  assert.match(await page.locator("svg.map").getAttribute("aria-label"), /0 steps|not reached/);
  assert.ok(await page.evaluate(() => window.same), "no page was loaded on the way");
  await page.locator("#sg-why a", { hasText: "Back to now" }).click();
  await page.waitForURL((url) => !url.search);
  assert.match(await state(page), /undoing/);
  await done(page);
});

test("what is not possible says why, to everybody", async () => {
  const page = await open(pageOf(saga.undoing));
  const undo = page.locator("#act-undo-");
  assert.equal(await undo.getAttribute("aria-disabled"), "true");
  const no = await page.locator(`#${await undo.getAttribute("aria-describedby")}`).innerText();
  assert.match(no, /it is being undone/);
  await page.keyboard.press(".");
  assert.match(await page.locator(".whynot dl").innerText(), /it is being undone/);
  await done(page);
});

test("a parked saga is resolved in the dialog, and what came of it is seen at once without a reload", async () => {
  const pulse = await open("/console/pulse");
  const tally = () => pulse.locator("#queue .tally b").first().innerText();
  const before = Number(await tally());
  const page = await open(pageOf(saga.doubt));
  await page.evaluate(() => { window.same = true; });
  const revision = Number(await page.locator("#asof b").innerText());
  await page.locator('a[href*="/resolve?"]').first().click();
  const dialog = page.locator("#dialog");
  await dialog.locator("#act-t").waitFor();
  const offered = await dialog.innerText();
  assert.match(offered, new RegExp(`dry run on revision ${revision}`));
  assert.match(offered, /operated\s+resolve .* by owner/);
  assert.match(offered, /if it happened[\s\S]*if it did not/);
  await dialog.locator("button.go").click();
  assert.ok(await dialog.isVisible(), "without an answer and a reason it stays");
  // The next step needs Bluesky no more, whose breaker the saga that is stuck there keeps open.
  await dialog.locator("#happened-yes").check();
  await dialog.locator("#reason").fill("Their support says that it stands");
  await dialog.locator("#ticket").fill("INC-2291");
  const begun = Date.now();
  await page.keyboard.press("Control+Enter");
  await page.locator("#sg-events", { hasText: "Their support says that it stands" }).waitFor({ timeout: 5_000 });
  const seen = Date.now() - begun;
  await until("the state has changed", async () => !/in doubt/.test(await state(page)), 5_000);
  const moved = Date.now() - begun;
  console.log(`from the key to the event on the page: ${seen} ms, to the new state: ${moved} ms`);
  assert.ok(await dialog.isHidden(), "the dialog is closed");
  assert.ok(await page.evaluate(() => window.same), "the page was not loaded again");
  assert.ok(Number(await page.locator("#asof b").innerText()) > revision);
  assert.match(await page.locator("#operators").innerText(), /owner resolve .*Their support says that it stands\s+ticket INC-2291/s);
  await until("the pulse counts one less", async () => Number(await tally()) < before, 10_000);
  console.log(`to the pulse in another window: ${Date.now() - begun} ms`);
  await until("it ends", async () => /done/.test(await state(page)), 60_000);
  await shot(page, "saga-resolved-light-1440");
  await done(page);
  await done(pulse);
});

test("a dialog that was overtaken shows what changed, and is meant for the new revision then", async () => {
  const page = await open(pageOf(saga.undoing));
  await page.locator('a[href$="/hold"]').first().click();
  const dialog = page.locator("#dialog");
  await dialog.locator("#reason").fill("We wait for Bluesky to recover");
  const other = await open(pageOf(saga.undoing));
  await other.locator('a[href*="/retry?"]').first().click();
  await other.locator("#dialog #reason").fill("One try to see whether it is back");
  const keys = () => other.keyboard.press("Control+Enter");
  await submit(other, keys, other.locator("#sg-events", { hasText: "One try to see" }));
  await dialog.locator("button.go").click();
  await dialog.locator("[role=alert]").waitFor();
  const says = await dialog.innerText();
  assert.match(says, /The saga moved from revision \d+ to \d+/);
  assert.match(says, /Changed since revision \d+[\s\S]*operated/);
  assert.equal(await dialog.locator("#reason").inputValue(), "We wait for Bluesky to recover");
  await fits(page, "stale dialog");
  await shot(page, "action-stale-light-1440");
  assert.doesNotMatch(await page.locator("#sg-events").innerText(), /We wait for Bluesky/, "nothing was done");
  await done(other);
  await done(page);
});

test("new sagas wait behind a bar; rows change where they stand", async () => {
  const page = await open("/console/sagas");
  await page.evaluate(() => { window.same = true; });
  await page.waitForTimeout(300);
  const rows = await page.locator("#list tbody tr").count();
  const begun = Date.now();
  const stream = await publish("Recipe: rye bread in 20 minutes", ["mastodon"]);
  await page.locator("#newbar a").waitFor({ timeout: 10_000 });
  console.log(`from the command to the bar: ${Date.now() - begun} ms`);
  assert.match(await page.locator("#newbar").innerText(), /\+\d+ new saga/);
  assert.equal(await page.locator("#list tbody tr").count(), rows, "nothing moves before it is asked for");
  await page.keyboard.press("n");
  const row = page.locator(`[id="saga-${stream}"]`);
  await row.waitFor();
  await until("the row changes in place", async () => /done/.test(await row.innerText()), 30_000);
  assert.ok(await page.evaluate(() => window.same), "the page was not loaded again");
  await done(page);
});

test("the id of a saga leads to it from anywhere", async () => {
  const page = await open("/console/log");
  for (const id of [saga.doubt, saga.doubt.slice(saga.doubt.indexOf("-") + 1)]) {
    await page.keyboard.press("Control+k");
    await page.keyboard.type(id);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/console\/(sagas|go)/);
    // A publication shares the number of its saga: then both are offered.
    const found = page.locator(`#found a[href$="${saga.doubt}"]`);
    if (await found.count()) await found.click();
    await page.waitForURL(new RegExp(`/console/sagas/${saga.doubt}`));
    await page.goto(`${base}/console/log`);
  }
  await done(page);
});

test("without a script one reads, filters, travels, holds and releases", async () => {
  const page = await open("/console/sagas", { javaScriptEnabled: false });
  await page.locator("#q").fill("state:undoing");
  await page.locator("#q").press("Enter");
  await page.locator("#list a.rowlink").first().click();
  const at = page.url();
  await page.locator("#travel a", { hasText: "Previous" }).click();
  assert.match(await why(page), /As it was after event/);
  await page.locator("#sg-why a", { hasText: "Back to now" }).click();
  await page.locator('a[href$="/hold"]').first().click();
  const go = () => page.locator("button.go").click();
  await page.locator("#reason").fill("Wait until Monday, please");
  await submit(page, go, page.locator("#operators", { hasText: "Wait until Monday, please" }));
  assert.equal(page.url(), at);
  assert.match(await state(page), /held/);
  await page.locator('a[href$="/release"]').first().click();
  await page.locator("#reason").fill("It is Monday already");
  await submit(page, go, page.locator("#operators", { hasText: "It is Monday already" }));
  assert.doesNotMatch(await state(page), /held/);
  await done(page);
});
