// The curators' desk: an OSCQuery client like any other, which draws what the tree describes.

import "./stage.js";
import "./desk.js";
import { button, find, make, notice } from "./elements.js";
import { connect, listen, send } from "./link.js";
import { describe, showKnown } from "./parameters.js";

listen("/preset/list", (names) => {
  const buttons = names.map((name) => button(name, "/preset/load", () => send("/preset/load", "sf", [name, Number(find("fade").value)])));
  find("presets").replaceChildren(...buttons.map((each) => make("li", {}, each)));
});
listen("/error", ([address, reason]) => {
  notice(`${address}: ${reason}`);
  showKnown(address);
});
listen("/done", ([address, detail]) => {
  if (address !== "/subscribe") notice(`${address} ${detail}`);
});

document.querySelectorAll("[data-send]").forEach((each) => {
  each.title = each.dataset.send;
  each.addEventListener("click", () => {
    if (!each.dataset.asks || confirm(each.dataset.asks)) send(each.dataset.send);
  });
});

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

connect(describe, (yes) => {
  document.body.classList.toggle("connected", yes);
  find("connection").textContent = yes ? "connected" : "not connected; trying again …";
});
