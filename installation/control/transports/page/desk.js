// How the piece is: its parts, today's visits, the cue list, the last lines of the log.

import { button, find, make } from "./elements.js";
import { listen, send } from "./link.js";

const RESTARTABLE = { // what a restart ends
  camera: "A visit that is being photographed ends.",
  tracker: "A visit that is being photographed may have to begin again.",
  engine: "A visit that waits for its pictures ends without them. It takes as long as at the start.",
  delivery: "Links that phones have now end.",
};
const LOG_LINES = 40;

const health = new Map();
listen("/health/service", ([name, condition, message, advice]) => {
  if (!health.has(name)) health.set(name, find("health").appendChild(make("li")));
  const item = health.get(name);
  item.className = condition;
  const told = make("div", {}, make("strong", {}, name), " ", make("span", {}, condition === "ok" ? message : `${condition}: ${message}`));
  if (advice) told.append(make("em", {}, advice));
  item.replaceChildren(told);
  if (name in RESTARTABLE) {
    const restart = button("restart", "/service/restart", () => send("/service/restart", "s", [name]), `Restart the ${name}? ${RESTARTABLE[name]}`);
    restart.setAttribute("aria-label", `restart ${name}`);
    item.append(restart);
  }
});
listen("/health/frame", ([ms]) => (find("frame").textContent = `longest frame of the last second: ${ms.toFixed(0)} ms`));

const counts = new Map();
listen("/visit/today", ([what, number]) => {
  if (!counts.has(what)) {
    counts.set(what, make("dd"));
    find("today").append(make("div", {}, make("dt", {}, what), counts.get(what)));
  }
  counts.get(what).textContent = number;
  counts.get(what).parentElement.classList.toggle("none", number === 0);
});

listen("/cue/count", ([count]) => {
  [...find("cues").children].slice(count).forEach((item) => item.remove());
  find("cue-next").textContent = count ? "" : "The list is empty: cues.toml, in the folder of the show.";
});
listen("/cue/entry", ([number, when, what]) => {
  const go = button("go", "/cue/go", () => send("/cue/go", "i", [number]));
  go.setAttribute("aria-label", `go cue ${number}`);
  while (find("cues").children.length <= number) find("cues").append(make("li"));
  find("cues").children[number].replaceChildren(make("div", {}, make("strong", {}, when), make("code", {}, what)), go);
});
listen("/cue/next", ([number, when]) => {
  if (number >= 0) find("cue-next").textContent = `next: ${when}`;
  [...find("cues").children].forEach((item, place) => item.classList.toggle("next", place === number));
});

listen("/log/line", ([number, level, line]) => {
  const item = make("li", { class: level }, line);
  item.dataset.number = number;
  // After a lost connection lines come again, and not in their order.
  const others = [...find("log").children].filter((each) => Number(each.dataset.number) !== number);
  const lines = [...others, item].sort((one, other) => one.dataset.number - other.dataset.number);
  const log = find("log");
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  log.replaceChildren(...lines.slice(-LOG_LINES));
  if (atEnd) log.scrollTop = log.scrollHeight;
});
