// All parameters, as the tree describes them: a control each, search, and the way back to the default.

import { button, find, make } from "./elements.js";
import { listen, send } from "./link.js";

const UNITS = { "time.second": "s", "time.ms": "ms", "time.hz": "Hz", "distance.pixels": "px", "angle.degree": "°" };

const updates = new Map(); // address -> shows a value
const known = new Map(); // address -> the value that came last

const round = (value) => String(Number(value.toPrecision(6)));
const readable = (value) => (typeof value === "number" ? round(value) : value === "" ? "(empty)" : String(value));

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
  const title = make("span", { class: "name" }, name);
  const when = node.APPLIES === "next scene" ? " (from the next scene on)" : "";
  const description = `${node.DESCRIPTION.replaceAll("*", "")}${when}`;
  const reset = button(`reset to ${readable(node.DEFAULT)} ${unit}`, "/config/reset", () => send("/config/reset", "s", [node.FULL_PATH]));
  reset.setAttribute("aria-label", `reset ${node.FULL_PATH.replace("/scene/", "")}`);
  const update = ([value]) => {
    known.set(node.FULL_PATH, [value]);
    const changed = readable(value) !== readable(node.DEFAULT);
    title.classList.toggle("changed", changed);
    reset.hidden = !changed;
    show(value);
  };
  updates.set(node.FULL_PATH, update);
  listen(node.FULL_PATH, update);
  update(node.VALUE);
  if (unit) controls.splice(1, 0, make("span", { class: "unit" }, unit));
  const address = make("code", { class: "address" }, node.FULL_PATH);
  const hint = make("p", { class: "hint" }, description, " ", address);
  const row = make("div", { class: "parameter" }, make("label", {}, title, ...controls), hint, reset);
  row.dataset.found = `${node.FULL_PATH} ${description}`.toLowerCase();
  return row;
}

function scene(name, node) {
  const body = Object.entries(node.CONTENTS).map(([key, each]) => parameter(key, each));
  const details = make("details", {}, make("summary", {}, name), ...body);
  details.dataset.scene = name;
  return details;
}

// Draws every parameter anew from the tree. Scenes that are open stay so.
export async function describe() {
  const answer = await fetch("/scene", { headers: { Accept: "application/json" } });
  const tree = await answer.json();
  const open = new Set([...document.querySelectorAll("details[open]")].map((each) => each.dataset.scene));
  const scenes = Object.entries(tree.CONTENTS).map(([name, node]) => scene(name, node));
  scenes.forEach((each) => (each.open = open.has(each.dataset.scene)));
  find("scenes").replaceChildren(...scenes);
  if (find("search").value) search();
}

// What was refused is not so: the control shows again what is.
export const showKnown = (address) => updates.get(address)?.(known.get(address));

// --- search ---

// Shows the parameters whose address or description has every word of the field, and opens their scenes.
function search() {
  const wanted = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  document.querySelectorAll("#scenes details").forEach((details) => {
    const rows = [...details.querySelectorAll(".parameter")];
    rows.forEach((row) => (row.hidden = !wanted.every((word) => row.dataset.found.includes(word))));
    const found = rows.filter((row) => !row.hidden).length;
    count += found;
    details.hidden = found === 0;
    details.open = wanted.length > 0 && found > 0;
  });
  find("found").textContent = wanted.length ? `${count} found` : "";
}

find("search").addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=range]):not([type=checkbox]), select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    find("search").focus();
  } else if (event.key === "Escape" && event.target === find("search")) {
    find("search").value = "";
    search();
  } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !typing) {
    event.preventDefault();
    send("/config/undo");
  }
});
