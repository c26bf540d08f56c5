// The page is an OSCQuery client like any other: it draws what the tree describes.

import { decode, encode } from "./osc.js";

const UNITS = { "time.second": "s", "time.ms": "ms", "time.hz": "Hz", "distance.pixels": "px", "angle.degree": "°" };
const PHASES = ["attract", "consent", "portrait", "search", "border", "jury", "doppelganger", "farewell"];
const LEASE_S = 3600;
const RETRY_MS = 1500;

const find = (id) => document.getElementById(id);
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
};

let socket = null;
const shows = new Map(); // address -> what to do with a value that comes
const known = new Map(); // address of a parameter -> the value that came last
const jury = new Map();

function send(address, tags = "", values = []) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(encode(address, tags, values));
}

function notice(words) {
  find("notice").textContent = words;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (find("notice").textContent = ""), 4000);
}

// --- parameters ---

const round = (value) => String(Number(value.toPrecision(6)));

// At most one message a frame, the newest one, however fast a finger is.
function eachFrame(act) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      act();
    });
  };
}

function slider(node) {
  const { MIN: min, MAX: max } = node.RANGE[0];
  const whole = node.TYPE === "i";
  const step = whole ? 1 : "any";
  const range = make("input", { type: "range", min, max, step, "aria-label": node.FULL_PATH });
  const field = make("input", { type: "number", min, max, step, inputmode: "decimal", "aria-label": `${node.FULL_PATH}, number` });
  const tell = eachFrame(() => send(node.FULL_PATH, node.TYPE, [Number(range.value)]));
  const draw = () => range.style.setProperty("--share", `${(100 * (range.value - min)) / (max - min)}%`);
  let held = false;
  range.addEventListener("pointerdown", () => (held = true));
  ["pointerup", "pointercancel"].forEach((name) =>
    range.addEventListener(name, () => {
      held = false;
      // What came meanwhile, from another hand or a fade, was not shown. It is asked for after the last move.
      requestAnimationFrame(() => send(node.FULL_PATH));
    }),
  );
  range.addEventListener("input", () => {
    field.value = round(Number(range.value));
    draw();
    tell();
  });
  field.addEventListener("change", () => {
    if (field.value !== "") send(node.FULL_PATH, node.TYPE, [Number(field.value)]);
  });
  const show = (value) => {
    if (held) return;
    range.value = value;
    if (document.activeElement !== field || Number(field.value) !== value) field.value = round(value);
    draw();
  };
  return { controls: [field, range], show };
}

function toggle(node) {
  const box = make("input", { type: "checkbox", "aria-label": node.FULL_PATH });
  box.addEventListener("change", () => send(node.FULL_PATH, "T", [box.checked]));
  return { controls: [box], show: (value) => (box.checked = value) };
}

function choice(node) {
  const select = make("select", { "aria-label": node.FULL_PATH }, ...node.RANGE[0].VALS.map((name) => make("option", {}, name)));
  select.addEventListener("change", () => send(node.FULL_PATH, "s", [select.value]));
  return { controls: [select], show: (value) => (select.value = value) };
}

function words(node) {
  const colour = node.EXTENDED_TYPE?.[0] === "color";
  const field = make("input", { type: colour ? "color" : "text", dir: "auto", "aria-label": node.FULL_PATH });
  field.addEventListener(colour ? "input" : "change", () => send(node.FULL_PATH, "s", [field.value]));
  return { controls: [field], show: (value) => (field.value = value) };
}

function control(node) {
  if (node.TYPE === "T" || node.TYPE === "F") return toggle(node);
  if (node.TYPE === "f" || node.TYPE === "i") return slider(node);
  return node.RANGE?.[0]?.VALS ? choice(node) : words(node);
}

function parameter(name, node) {
  const { controls, show } = control(node);
  const unit = UNITS[node.UNIT?.[0]] ?? node.UNIT?.[0] ?? "";
  // The address's own name with its unit: without it, `breath_s` and `breath_percent` would look alike.
  const title = make("span", { class: "name", title: node.FULL_PATH }, name);
  const when = node.APPLIES === "next scene" ? " (from the next scene on)" : "";
  const hint = make("span", { class: "hint" }, `${node.DESCRIPTION.replaceAll("*", "")}${when}`);
  const update = ([value]) => {
    known.set(node.FULL_PATH, [value]);
    const comparable = (each) => (typeof each === "number" ? round(each) : each);
    title.classList.toggle("changed", comparable(value) !== comparable(node.DEFAULT));
    show(value);
  };
  shows.set(node.FULL_PATH, update);
  update(node.VALUE);
  if (unit) controls.splice(1, 0, make("span", { class: "unit" }, unit));
  return make("div", { class: "parameter" }, make("label", {}, title, ...controls), hint);
}

function scene(name, node) {
  const body = Object.entries(node.CONTENTS).map(([key, each]) => parameter(key, each));
  const details = make("details", {}, make("summary", {}, name), ...body);
  details.dataset.scene = name;
  return details;
}

// --- the stage, without a face ---

const LABELS_Y = [80, 117, 69, 128]; // judges whose borders are close stand one above the other
const across = (t) => 40 + 240 * Math.min(Math.max(t, 0), 1);

function drawBorders() {
  const marks = [...jury].filter(([, border]) => border >= 0).map(([judge, border], place) => {
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "g");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const label = document.createElementNS("http://www.w3.org/2000/svg", "text");
    Object.entries({ x1: across(border), x2: across(border), y1: 86, y2: 106 }).forEach((each) => line.setAttribute(...each));
    Object.entries({ x: across(border), y: LABELS_Y[place % LABELS_Y.length] }).forEach((each) => label.setAttribute(...each));
    label.textContent = judge;
    mark.append(line, label);
    return mark;
  });
  find("borders").replaceChildren(...marks);
}

let black = false;
let phase = "";
function drawScreen() {
  const judged = ["search", "border", "jury", "doppelganger"].includes(phase);
  find("way").style.display = judged && !black ? "" : "none";
  find("screen-text").textContent = black ? "black" : judged ? "" : phase;
}

shows.set("/visit/phase", ([name, reason]) => {
  phase = name;
  if (name === "attract") {
    jury.clear();
    drawBorders();
    find("verdict").textContent = "";
  }
  find("phase").textContent = name;
  find("reason").textContent = reason;
  [...find("phases").children].forEach((item) => item.classList.toggle("now", item.textContent === name));
  drawScreen();
});
shows.set("/visit/progress", ([share]) => find("progress").setAttribute("width", 320 * share));
shows.set("/border/t", ([t]) => {
  find("shown").style.display = t < 0 ? "none" : "";
  find("shown").setAttribute("cx", across(t));
});
shows.set("/border/verdict", ([judge, same, distance]) => {
  find("shown").classList.toggle("other", !same);
  find("verdict").textContent = `${judge}: ${same ? "the same person" : "someone else"}, ${distance.toFixed(3)}`;
});
shows.set("/jury/verdict", ([judge, , , border]) => {
  jury.set(judge, border);
  drawBorders();
});
shows.set("/show/blackout", ([on]) => {
  black = on;
  find("blackout").setAttribute("aria-pressed", on);
  drawScreen();
});
shows.set("/show/open", ([open]) => {
  find("open").setAttribute("aria-pressed", open);
  find("open").textContent = open ? "open" : "closed";
});

// --- health, presets, answers ---

const health = new Map();
shows.set("/health/service", ([name, condition, message, advice]) => {
  if (!health.has(name)) health.set(name, find("health").appendChild(make("li")));
  const item = health.get(name);
  item.className = condition;
  const told = make("div", {}, make("strong", {}, name), " ", make("span", {}, condition === "ok" ? message : `${condition}: ${message}`));
  if (advice) told.append(make("em", {}, advice));
  item.replaceChildren(told);
});
shows.set("/health/frame", ([ms]) => (find("frame").textContent = `longest frame of the last second: ${ms.toFixed(0)} ms`));

shows.set("/preset/list", (names) => {
  const buttons = names.map((name) => {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => send("/preset/load", "sf", [name, Number(find("fade").value)]));
    return make("li", {}, button);
  });
  find("presets").replaceChildren(...buttons);
});

shows.set("/error", ([address, reason]) => {
  notice(`${address}: ${reason}`);
  if (address.startsWith("/scene/")) shows.get(address)?.(known.get(address)); // what was refused is not so
});
shows.set("/done", ([address, detail]) => {
  if (address !== "/subscribe") notice(`${address} ${detail}`);
});

// --- connection ---

async function describe() {
  const answer = await fetch("/scene", { headers: { Accept: "application/json" } });
  const tree = await answer.json();
  const open = new Set([...document.querySelectorAll("details[open]")].map((each) => each.dataset.scene));
  const scenes = Object.entries(tree.CONTENTS).map(([name, node]) => scene(name, node));
  scenes.forEach((each) => (each.open = open.has(each.dataset.scene)));
  find("scenes").replaceChildren(...scenes);
}

function connected(yes) {
  document.body.classList.toggle("connected", yes);
  find("connection").textContent = yes ? "connected" : "not connected; trying again …";
}

async function connect() {
  try {
    await describe();
  } catch {
    connected(false);
    setTimeout(connect, RETRY_MS);
    return;
  }
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);
  socket.binaryType = "arraybuffer";
  const subscribe = () => send("/subscribe", "f", [LEASE_S]);
  let renewing = null;
  socket.addEventListener("open", () => {
    connected(true);
    subscribe();
    renewing = setInterval(subscribe, (LEASE_S * 1000) / 2);
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") return; // PATH_CHANGED: the presets, which are told anyway
    const { address, values } = decode(data);
    shows.get(address)?.(values);
  });
  socket.addEventListener("close", () => {
    clearInterval(renewing);
    connected(false);
    setTimeout(connect, RETRY_MS);
  });
}

find("phases").append(...PHASES.map((name) => make("li", {}, name)));
document.querySelectorAll("[data-send]").forEach((button) =>
  button.addEventListener("click", () => {
    if (!button.dataset.asks || confirm(button.dataset.asks)) send(button.dataset.send);
  }),
);
find("blackout").addEventListener("click", () => send("/show/blackout", "T", [!black]));
find("open").addEventListener("click", () => send(find("open").getAttribute("aria-pressed") === "true" ? "/show/stop" : "/show/start"));
const showFade = () => {
  find("fade-value").textContent = `${find("fade").value} s`;
  find("fade").style.setProperty("--share", `${(100 * find("fade").value) / 60}%`);
};
find("fade").addEventListener("input", showFade);
showFade();
find("save").addEventListener("submit", (event) => {
  event.preventDefault();
  send("/preset/save", "s", [find("save-name").value]);
});
connect();
