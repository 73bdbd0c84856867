"use strict";
// One page of an audit. It asks for tasks, shows them, and sends answers; what it shows is text or
// pictures, never markup. The next task is loaded ahead, so that an answer shows it at once.

const AHEAD = 2; // tasks held: the one looked at, and the next
const LEAST_MS = 120; // between a task's appearing and its answer: what is quicker was meant before
const POLL_MS = 5000;
const AGAIN = "Answered before: answer it anew, u for the one before it, Esc leaves it as it is.";
const SEEN = "Its given label was shown: a change enters no bound. Esc leaves it as it is.";
const MOST_SCALED = 20; // times its size that a picture is shown: larger pixels hide what they are of
const $ = (id) => document.getElementById(id);

const state = {
  classes: [], keys: [], shows: "picture", budget: null,
  current: null, ahead: [], last: null, asked: false, over: null, ended: false, sending: Promise.resolve(),
  known: { busy: false, again: false },
};

const page = pageName();

function pageName() {
  const kind = performance.getEntriesByType("navigation")[0]?.type;
  let name = kind === "reload" ? sessionStorage.getItem("page") : null;
  name ||= crypto.randomUUID();
  sessionStorage.setItem("page", name);
  return name;
}

// ---- talking to the server --------------------------------------------------------------------

class Refused extends Error {}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ page, by: $("by").value.trim(), ...body }),
  };
  const response = await fetch(path, options);
  if (response.status === 204) return null;
  const said = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw new Refused([said.error, said.help].filter(Boolean).join("\n"));
  return said;
}

function inTurn(work) {
  state.sending = state.sending.then(work).catch(fail);
  return state.sending;
}

function fail(error) {
  if (state.ended) return;
  const gone = !(error instanceof Refused);
  trouble(gone
    ? "alfs does not answer any more. All that was answered before is saved: give the same command " +
      "again, and open the address that it prints."
    : error.message);
  if (gone) stop();
}

function trouble(text) {
  $("trouble").textContent = text ?? "";
  $("trouble").hidden = !text;
}

// ---- tasks ------------------------------------------------------------------------------------

async function begin() {
  const told = await ask("begin", {});
  Object.assign(state, { classes: told.classes, shows: told.shows, budget: told.budget });
  $("name").textContent = told.name;
  document.title = `alfs audit: ${told.name}`;
  $("promise").textContent =
    `The intervals hold at all times, each side with a risk of ${percent(told.risk)}, whatever the ` +
    "noise depends on. They rest on the random draws and on your answers." +
    (told.show_given ? " The given label is shown: this audit is not blind." : "") +
    (told.hidden.length ? ` Not shown, for they tell the given label: ${told.hidden.join(", ")}.` : "");
  $("zoom").hidden = told.shows !== "picture";
  $("box").classList.toggle("rows", told.shows !== "picture");
  makeClasses();
  await fill();
  known();
}

async function fill() {
  while (state.ahead.length + (state.current ? 1 : 0) < AHEAD) {
    const { task } = await ask("next", { second: $("second").checked });
    if (!task) break;
    take(task);
  }
  if (!state.current) advance();
}

function take(task) {
  if (!task || task.draw === state.current?.draw && task.repeat === state.current?.repeat) return;
  if (task.picture) {
    task.image = new Image();
    task.image.alt = "the example to be judged";
    task.loaded = new Promise((done) => {
      task.image.onload = () => done(true);
      task.image.onerror = () => done(false);
    });
    task.image.src = task.picture;
  }
  state.ahead.push(task);
}

function advance() {
  state.current = state.ahead.shift() ?? null;
  closeZoom();
  if (state.current) show(state.current);
  else wait();
}

function wait() {
  delete $("box").dataset.draw;
  $("box").replaceChildren();
  $("given").hidden = true;
  hint(state.over ? "" : "Nothing is open for you at this moment ...");
  enable();
}

async function show(task) {
  task.ready = false;
  enable();
  $("given").hidden = task.given === null;
  $("given").textContent = task.given === null ? "" : `Given label: ${task.given}`;
  if (task.image) {
    const good = await task.loaded;
    if (state.current !== task) return;
    $("box").replaceChildren(good ? task.image : text("p", "This picture cannot be read: answer ?"));
    fit(task.image);
  } else {
    const list = document.createElement("dl");
    for (const [name, cell] of task.cells) list.append(text("dt", name), text("dd", cell));
    $("box").replaceChildren(list);
    $("box").scrollTop = 0;
  }
  hint(task.again ? (task.seen ? SEEN : AGAIN) : "");
  task.ready = true;
  $("box").dataset.draw = task.draw;
  task.since = performance.now();
  enable();
}

function fit(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  image.style.maxWidth = `${MOST_SCALED * width}px`;
  image.style.maxHeight = `${MOST_SCALED * height}px`;
}

function answer(label) {
  const task = state.current;
  if (!task?.ready || state.ended || performance.now() - task.since < LEAST_MS) return;
  const seconds = Math.round(performance.now() - task.since) / 1000;
  trouble();
  clearSearch();
  advance();
  lastIs(task, label);
  const body = {
    draw: task.draw, repeat: task.repeat, answer: label, seconds,
    more: state.ahead.length + (state.current ? 1 : 0) < AHEAD, second: $("second").checked,
  };
  inTurn(async () => {
    try {
      const said = await ask("answer", body);
      if (said.task) take(said.task);
      if (state.last?.task === task) state.last.saved = true;
    } catch (error) {
      if (state.last?.task === task) lastIs(null);
      if (state.current) state.ahead.unshift(state.current);
      state.current = task;
      show(task);
      throw error;
    }
    if (!state.current) await fill();
    if ($("always").checked) await reveal(task);
    known();
  });
}

// ---- the last answer, and what that example was given ------------------------------------------

function lastIs(task, label, none = "None yet.") {
  state.last = task && { task, label, saved: false };
  $("told").replaceChildren();
  $("said").textContent = !task ? none :
    label === null ? "You cannot tell." : `You said: ${state.classes[label]}`;
  enable();
}

function look() {
  const { last } = state;
  if (last && !state.ended) inTurn(() => reveal(last.task));
}

async function reveal(task) {
  if (state.last?.task !== task || !state.last.saved || state.last.told) return;
  const said = await ask("given", { draw: task.draw });
  task.seen = true;
  if (state.last?.task !== task) return;
  state.last.told = true;
  const isSame = said.given === said.answer;
  const words = isSame ? `It was given that label, too: ${said.given}` : `It was given: ${said.given}`;
  $("told").replaceChildren(text("p", words, "told"), ...nearest(said.near));
  enable();
}

function nearest(found) {
  if (!found.length) return [];
  const list = document.createElement("ol");
  list.className = found[0].picture ? "near" : "near texts";
  for (const { picture, text: words, given } of found) {
    const item = document.createElement("li");
    if (picture) {
      const image = new Image();
      image.alt = `an example that is given ${given}`;
      image.src = picture;
      item.append(image, text("span", given, "small"));
    } else item.append(text("span", words, "small"), text("b", given, "small"));
    list.append(item);
  }
  return [text("p", "The most alike, and what they are given:", "soft small"), list];
}

function undo() {
  if (state.ended) return;
  inTurn(async () => {
    const before = state.current?.again ? state.current.draw : null;
    const { task } = await ask("undo", { before });
    if (task) lastIs(null, null, "Taken back, to be answered anew.");
    if (!task) return hint(before === null ? "Nothing to take back." : `${AGAIN} It was the first.`);
    if (state.current) state.ahead.unshift(state.current);
    const queue = state.ahead;
    state.ahead = [];
    state.current = null;
    take(task);
    state.ahead[0].again = true;
    state.ahead.push(...queue);
    state.over = null;
    $("end").hidden = true;
    advance();
  });
}

function keep() {
  if (!state.current?.again || state.ended) return;
  inTurn(async () => {
    advance();
    if (!state.current) await fill();
    known();
  });
}

// ---- what is known ----------------------------------------------------------------------------

async function known() {
  const turn = state.known;
  if (turn.busy) { turn.again = true; return; }
  turn.busy = true;
  try {
    do {
      turn.again = false;
      tell(await ask(`known?page=${encodeURIComponent(page)}`));
    } while (turn.again);
  } catch (error) {
    fail(error);
  } finally {
    turn.busy = false;
  }
}

function tell(now) {
  const budget = state.budget === null ? "" : ` of at most ${number(state.budget)}`;
  const changed = now.changed ? `, ${number(now.changed)} changed after the given label was shown` : "";
  const people = now.people > 1 ? `, ${now.people} pages open` : "";
  $("progress").textContent =
    `${number(now.answers)} answered${budget}, ${number(now.cannot_tell)} can't tell${changed}${people}`;
  $("rate").textContent = now.claims.some((c) => c.text.startsWith("noise-rate "))
    ? "" : `Wrong labels: ${now.noise_rate}`;
  $("claims").replaceChildren(...now.claims.map(claim));
  if (now.over && !state.current?.again) end(now);
  else if (!now.over && !state.current && !state.ended) inTurn(fill);
}

const WORDS = { accepted: "\u2713 accepted", rejected: "\u2717 rejected", undecided: "\u2026 undecided" };

function claim(said) {
  const part = document.createElement("section");
  part.className = `claim ${said.status}`;
  part.append(text("h3", said.text), text("p", WORDS[said.status], "status"));
  if (said.bar) part.append(bar(said.bar));
  part.append(text("p", said.known), text("p", said.missing || `${number(said.answers)} answers`, "soft small"));
  return part;
}

function bar({ low, high, limit }) {
  // the scale ends at 1, or sooner where all of it lies to the left
  const top = Math.min(1, Math.max(0.02, 1.25 * Math.max(Math.min(high, 6 * limit), 1.6 * limit)));
  const at = (share) => 200 * Math.min(1, share / top);
  const picture = svg("svg", { viewBox: "0 0 200 14", preserveAspectRatio: "none", "aria-hidden": "true" });
  picture.append(
    svg("rect", { class: "track", x: 0, y: 6, width: 200, height: 2 }),
    svg("rect", { class: "range", x: at(low), y: 4, width: Math.max(1.5, at(high) - at(low)), height: 6 }),
    svg("rect", { class: "limit", x: Math.min(198.5, at(limit)), y: 0, width: 1.5, height: 14 }),
  );
  return picture;
}

const ENDS = {
  decided: ["All is decided", "Every claim is accepted or rejected. No more answers are needed."],
  budget: ["The budget is spent", "As many answers are given as were to be asked for."],
  "all answered": ["Every example is answered", "Nothing is left to ask."],
};

function end(now) {
  if (state.over) return;
  state.over = now.over;
  [$("end-title").textContent, $("end-text").textContent] = ENDS[now.over];
  $("end").hidden = false;
  state.current = null;
  state.ahead = [];
  wait();
  hint($("end-title").textContent);
  $("finish").focus();
}

function finish() {
  if (!state.over || state.ended) return;
  inTurn(async () => {
    await ask("finish", {});
    stop();
    $("end-title").textContent = "Finished";
    $("end-text").textContent = "The results are where alfs was started. This page may be closed.";
    for (const button of $("end").querySelectorAll("button")) button.hidden = true;
  });
}

function stop() {
  state.ended = true;
  enable();
}

// ---- the page itself --------------------------------------------------------------------------

function makeClasses() {
  const names = state.classes;
  const areDigits = names.length <= 10 && names.every((name) => /^[0-9]$/.test(name));
  const usual = names.length === 10 ? "1234567890" : "123456789";
  state.keys = names.map((name, i) => (areDigits ? name : usual[i] ?? ""));
  $("classes").classList.toggle("many", names.length > 24);
  $("searching").hidden = names.length <= 10;
  $("classes").replaceChildren(...names.map((name, i) => {
    const button = text("button", "");
    button.type = "button";
    if (state.keys[i]) {
      button.append(text("kbd", state.keys[i]));
      button.setAttribute("aria-keyshortcuts", state.keys[i]);
    }
    button.append(name);
    button.addEventListener("click", () => answer(i));
    return button;
  }));
}

function matches() {
  const typed = $("search").value.trim().toLowerCase();
  const order = (i) => state.classes[i].toLowerCase().indexOf(typed);
  const found = state.classes.map((_, i) => i).filter((i) => !typed || order(i) >= 0);
  return { typed, found: typed ? found.sort((a, b) => order(a) - order(b) || a - b) : found };
}

function filter() {
  const { typed, found } = matches();
  const buttons = [...$("classes").children];
  buttons.forEach((button, i) => {
    button.hidden = !found.includes(i);
    button.classList.toggle("first", typed !== "" && i === found[0]);
  });
  if (typed) hint(found.length ? `Enter: ${state.classes[found[0]]}` : "No class has these letters.");
}

function clearSearch() {
  if (!$("search").value) return;
  $("search").value = "";
  $("search").blur();
  filter();
}

function enable() {
  const can = Boolean(state.current) && !state.ended;
  for (const button of [...$("classes").children, $("unknown"), $("zoom")]) button.disabled = !can;
  $("undo").disabled = state.ended;
  $("look").disabled = state.ended || !state.last || Boolean(state.last.told);
  $("keep").hidden = !state.current?.again;
}

function hint(words) { $("hint").textContent = words; }

function zoom() {
  if ($("large").open) return closeZoom();
  if (!state.current?.image) return;
  const large = new Image();
  large.alt = state.current.image.alt;
  large.src = `${state.current.picture}?large=1`;
  $("large").replaceChildren(large);
  $("large").showModal();
}

function closeZoom() {
  if ($("large").open) $("large").close();
}

function text(tag, content, kind) {
  const element = document.createElement(tag);
  element.textContent = content;
  if (kind) element.className = kind;
  return element;
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function number(count) { return count.toLocaleString("en"); }
function percent(share) { return `${+(100 * share).toFixed(2)} %`; }

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const field = event.target;
  if (field === $("search")) return inSearch(event);
  if (field === $("by")) {
    if (event.key === "Enter") field.blur();
    return;
  }
  const choice = state.keys.indexOf(event.key);
  const isLetter = event.key.length === 1 && /[\p{L}/]/u.test(event.key);
  if (event.repeat) {
    if (choice >= 0 || event.key === "?") event.preventDefault();
  } else if (state.over && event.key === "Enter" && field.tagName !== "BUTTON") finish();
  else if (choice >= 0) answer(choice);
  else if (event.key === "?") answer(null);
  else if (event.key === "u") undo();
  else if (event.key === "Escape" && !$("large").open) keep();
  else if (event.key === "z" && state.shows === "picture") zoom();
  else if (event.key === "g") look();
  else if (isLetter && !$("searching").hidden) {
    closeZoom();
    $("search").focus();
    if (event.key !== "/") return; // the letter is typed into the field
  } else return;
  event.preventDefault();
}

function inSearch(event) {
  if (event.key === "Enter") {
    const { typed, found } = matches();
    if (typed && found.length && !event.repeat) answer(found[0]);
    event.preventDefault();
  } else if (event.key === "Escape") {
    clearSearch();
    $("search").blur();
    hint("");
  }
}

function restart() {
  lastIs(null);
  state.current = null;
  state.ahead = [];
  state.over = null;
  $("end").hidden = true;
  sessionStorage.setItem("by", $("by").value.trim());
  inTurn(begin);
}

document.addEventListener("keydown", pressed);
$("search").addEventListener("input", filter);
$("unknown").addEventListener("click", () => answer(null));
$("undo").addEventListener("click", undo);
$("keep").addEventListener("click", keep);
$("take-back").addEventListener("click", undo);
$("zoom").addEventListener("click", zoom);
$("look").addEventListener("click", look);
$("always").addEventListener("change", () => {
  sessionStorage.setItem("always", $("always").checked ? "yes" : "");
  if ($("always").checked) look();
});
$("finish").addEventListener("click", finish);
$("box").addEventListener("click", () => state.shows === "picture" && zoom());
$("large").addEventListener("click", closeZoom);
$("by").addEventListener("change", restart);
$("second").addEventListener("change", restart);
addEventListener("pagehide", () => {
  if (!state.ended) navigator.sendBeacon("leave", JSON.stringify({ page }));
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
setInterval(() => { if (!state.ended && !document.hidden) known(); }, POLL_MS);

$("by").value = sessionStorage.getItem("by") ?? "";
$("always").checked = sessionStorage.getItem("always") === "yes";
inTurn(begin);
