// Keyboard, switches, dialogs, copying, times in the reader's zone. Every page works without it:
// it presses links and buttons that are there, and keeps no state but the cookies of the settings.

const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);

// --- status line: one voice, polite
const say = (text) => {
  const status = one("#status");
  if (status) status.textContent = text;
};

// --- settings: a cookie, and at once on the page
const SETTINGS = {
  theme: { words: ["system", "light", "dark"], quiet: "system" },
  zone: { words: ["utc", "local"], quiet: "utc" },
};
const setting = (name) => root.dataset[name] ?? SETTINGS[name].quiet;
function flip(name) {
  const { words, quiet } = SETTINGS[name];
  const word = words[(words.indexOf(setting(name)) + 1) % words.length];
  if (word === quiet) delete root.dataset[name];
  else root.dataset[name] = word;
  document.cookie = `recount_${name}=${word}; Path=/console; Max-Age=31536000; SameSite=Lax`;
  if (name === "zone") times();
  say(`${name}: ${word}`);
}

// --- times: written in UTC by the server, shown in the reader's zone when they ask for it
const offset = Number(one("meta[name=now]")?.content ?? Date.now()) - Date.now();
const now = () => Date.now() + offset;
const pad = (n) => String(n).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
function words(at, local) {
  const get = (date, part) => date[`get${local ? "" : "UTC"}${part}`]();
  const date = new Date(at);
  const today = new Date(now());
  const same = (part) => get(date, part) === get(today, part);
  const clock = `${pad(get(date, "Hours"))}:${pad(get(date, "Minutes"))}`;
  if (same("FullYear") && same("Month") && same("Date")) return `${clock}:${pad(get(date, "Seconds"))}`;
  const day = `${get(date, "Date")} ${MONTHS[get(date, "Month")]}`;
  return same("FullYear") ? `${day} ${clock}` : `${day} ${get(date, "FullYear")} ${clock}`;
}
function times(within = document) {
  const local = setting("zone") === "local";
  for (const time of all("time.tm", within)) {
    time.textContent = words(time.dateTime, local);
    time.title = local ? `${time.dateTime} = ${new Date(time.dateTime)}` : time.dateTime;
  }
}
/** `40 ms` aside, as the server writes durations. */
function span(s) {
  return s < 60 ? `${s} s`
    : s < 3600 ? `${Math.trunc(s / 60)} m ${pad(s % 60)} s`
    : s < 86400 ? `${Math.trunc(s / 3600)} h ${pad(Math.trunc((s % 3600) / 60))} m`
    : `${Math.trunc(s / 86400)} d ${pad(Math.trunc((s % 86400) / 3600))} h`;
}
/** Countdowns, as `00:41`, and durations that go on. */
function counts() {
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  for (const count of all("[data-until]")) {
    const s = Math.max(0, Math.ceil((Number(count.dataset.until) - now()) / 1000));
    put(count, s < 3600 ? `${pad(Math.trunc(s / 60))}:${pad(s % 60)}` : span(s));
  }
  for (const count of all("[data-since]")) {
    put(count, span(Math.max(0, Math.trunc((now() - Number(count.dataset.since)) / 1000))));
  }
}
function ages() {
  counts();
  for (const age of all(".ago[data-at]")) {
    const s = Math.trunc((now() - Number(age.dataset.at)) / 1000);
    const text =
      s < -1 ? "ahead of this clock"
      : s < 2 ? "now"
      : s < 60 ? `${s} s ago`
      : s < 3600 ? `${Math.trunc(s / 60)} m ago`
      : s < 86400 ? `${Math.trunc(s / 3600)} h ${pad(Math.trunc((s % 3600) / 60))} m ago`
      : `${Math.trunc(s / 86400)} d ago`;
    if (age.textContent !== text) age.textContent = text;
  }
}

// --- copying
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context the clipboard is not offered; the old way still is.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button?.focus();
  }
  say("copied");
  if (!button) return;
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, 1500);
}
/** The address of what is shown: a stream's page without a place means "now", and now moves on. */
function link() {
  const place = new URL(location.href);
  const shown = one("#scrub");
  if (shown && !place.searchParams.get("at")) place.searchParams.set("at", shown.value);
  return place.href;
}

// --- dialogs
async function ask(href) {
  const dialog = one("#dialog");
  await htmx.ajax("GET", href, { target: "#dialog", select: "#act", swap: "innerHTML" });
  if (one("form", dialog)) {
    dialog.showModal();
    one("#act-t", dialog)?.focus();
  } else {
    location.href = href;
  }
}

/** A small box over a list, with what a row is about. */
async function peek(row) {
  const box = one("#peek");
  await htmx.ajax("GET", row.dataset.peek, { target: "#peek", select: "#peek-c", swap: "innerHTML" });
  if (!one("#peek-t", box)) return;
  box.showModal();
  box.addEventListener("close", () => stand(row.id), { once: true });
  one("#peek-t", box).focus();
}
// An action was taken: the page learns what came of it by its own stream.
document.addEventListener("acted", (event) => {
  const dialog = one("#dialog");
  if (!dialog.open) location.href = event.detail.to;
  dialog.close();
  say(event.detail.says);
});

// --- rows
/** Puts the focus into a row by its id: the row itself may be another element by now. */
function stand(id) {
  const row = id && document.getElementById(id);
  if (row && !row.contains(document.activeElement)) one("a", row)?.focus({ preventScroll: true });
}
const rows = () => all("[data-row]").filter((row) => row.offsetParent !== null);
function move(by) {
  const list = rows();
  const here = list.findIndex((row) => row.contains(document.activeElement));
  const next = list[Math.max(0, Math.min(list.length - 1, here < 0 ? 0 : here + by))];
  const target = next && one("a", next);
  target?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

// --- keys
const typing = (target) =>
  target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
  (target.tagName === "INPUT" && target.type !== "range");
let going = -Infinity;
function press(key) {
  const target = one(`[data-key="${CSS.escape(key)}"]`);
  if (!target) return false;
  if (target.matches("input")) target.focus();
  else target.click();
  return true;
}
function single(event) {
  const { key } = event;
  if (performance.now() - going < 1500) {
    going = -Infinity;
    const goal = one(`.rail [data-go="${CSS.escape(key)}"]`);
    if (goal) goal.click();
    return Boolean(goal);
  }
  switch (key) {
    case "g": going = performance.now(); return true;
    case "j": move(1); return true;
    case "k": move(-1); return true;
    case "z": flip("zone"); return true;
    case "/": {
      const field = one('[data-focus="/"]') ?? one("#omni");
      field.focus();
      field.select();
      return true;
    }
    case "?": one("#help").showModal(); return true;
    case " ": {
      const row = document.activeElement.closest("[data-peek]");
      if (row) peek(row);
      return Boolean(row);
    }
    case "c": case "n": case "t": case "[": case "]": case "r": case "u": case ".": return press(key);
    default: return false;
  }
}
document.addEventListener("keydown", (event) => {
  const ctrl = event.ctrlKey || event.metaKey;
  const dialog = one("dialog[open]");
  if (event.key === "Enter" && dialog?.id === "peek" && event.target.id === "peek-t") {
    one("a.go", dialog).click();
  } else if (ctrl && event.key === "Enter" && dialog) {
    one('[data-key="ctrl-enter"]', dialog)?.click();
  } else if (ctrl && !event.altKey && event.key.toLowerCase() === "k" && !dialog) {
    const field = one("#omni");
    field.focus();
    field.select();
  } else if (event.key === "Escape" && !dialog && typing(event.target)) {
    event.target.blur();
    return;
  } else {
    if (ctrl || event.altKey || dialog || typing(event.target)) return;
    if (root.dataset.keys === "off" || !single(event)) return;
  }
  event.preventDefault();
});

// --- pointers and forms
document.addEventListener("click", (event) => {
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);
  const target = event.target.closest("[data-copy], [data-copy-link], [data-dialog], [data-close], [data-help]");
  if (!target || !plain) return;
  if (target.matches("[data-close]")) {
    const dialog = target.closest("dialog");
    if (!dialog) return;
    dialog.close();
  } else if (target.matches("[data-copy]")) copy(target.dataset.copy, target);
  else if (target.matches("[data-copy-link]")) copy(link(), target);
  else if (target.matches("[data-help]")) one("#help").showModal();
  else ask(target.href);
  event.preventDefault();
});
document.addEventListener("submit", (event) => {
  const name = event.target.dataset.pref;
  if (!name || !SETTINGS[name]) return;
  flip(name);
  event.preventDefault();
});

// --- scrubbing: the slider shows a state as soon as it rests for a moment
let resting;
document.addEventListener("input", (event) => {
  const slider = event.target.closest("#scrub");
  if (!slider) return;
  clearTimeout(resting);
  resting = setTimeout(() => {
    const place = new URL(slider.dataset.base, location.href);
    place.searchParams.set("at", slider.value);
    if (slider.dataset.vs) place.searchParams.set("vs", slider.dataset.vs);
    htmx.ajax("GET", place.href, { target: "#main", select: "#main", swap: "outerHTML show:none", source: slider })
      .then(() => history.replaceState(history.state, "", place));
  }, 90);
});

// --- after every patch and every exchange of the page's content
document.addEventListener("htmx:load", (event) => {
  if (setting("zone") === "local") times(event.detail.elt.parentNode ?? document);
});
// A patch replaces rows: who stood in one stands in it afterwards.
let stood;
document.addEventListener("htmx:oobBeforeSwap", () => {
  stood = document.activeElement?.closest("[data-row]")?.id;
});
document.addEventListener("htmx:oobAfterSwap", () => stand(stood));
// After a lost connection the server sends again what is on the page already: once is enough.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  for (const item of event.detail.fragment?.querySelectorAll?.("[data-once]") ?? []) {
    if (document.getElementById(item.id)) item.remove();
  }
  counts();
});
// The frame says when nothing new can arrive: the page shows the last known values, with their age.
const lost = (away) => { one("#fresh")?.classList.toggle("lost", away); };
document.addEventListener("htmx:sseOpen", () => lost(false));
document.addEventListener("htmx:sseError", () => lost(true));
// A step through history that failed still leads somewhere: to the page that says why.
document.addEventListener("htmx:responseError", (event) => {
  const path = event.detail.pathInfo?.requestPath;
  if (path) location.href = path;
});

times();
ages();
setInterval(ages, 1000);
