// What the stage shows, without a face: the phase, the way with every border, and the verdict.

import { find, make } from "./elements.js";
import { listen, send } from "./link.js";

const PHASES = ["attract", "consent", "portrait", "search", "border", "jury", "meeting", "doppelganger", "farewell"];
const JUDGED = ["search", "border", "jury", "doppelganger"];
const LABELS_Y = [80, 117, 69, 128]; // judges whose borders are close stand one above the other
const across = (t) => 40 + 240 * Math.min(Math.max(t, 0), 1);

const jury = new Map();
let black = false;
let phase = "";

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

function drawScreen() {
  const judged = JUDGED.includes(phase);
  find("way").style.display = judged && !black ? "" : "none";
  find("screen-text").textContent = black ? "black" : judged ? "" : phase;
}

listen("/visit/phase", ([name, reason]) => {
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
listen("/visit/progress", ([share]) => find("progress").setAttribute("width", 320 * share));
listen("/border/t", ([t]) => {
  find("shown").style.display = t < 0 ? "none" : "";
  find("shown").setAttribute("cx", across(t));
});
listen("/border/verdict", ([judge, same, distance]) => {
  find("shown").classList.toggle("other", !same);
  find("verdict").textContent = `${judge}: ${same ? "the same person" : "someone else"}, ${distance.toFixed(3)}`;
});
listen("/jury/verdict", ([judge, , , border]) => {
  jury.set(judge, border);
  drawBorders();
});
listen("/show/blackout", ([on]) => {
  black = on;
  find("blackout").setAttribute("aria-pressed", on);
  drawScreen();
});
listen("/show/open", ([open]) => {
  find("open").setAttribute("aria-pressed", open);
  find("open").textContent = open ? "open" : "closed";
});

find("phases").append(...PHASES.map((name) => make("li", {}, name)));
find("blackout").addEventListener("click", () => send("/show/blackout", "T", [!black]));
find("open").addEventListener("click", () => send(find("open").getAttribute("aria-pressed") === "true" ? "/show/stop" : "/show/start"));
