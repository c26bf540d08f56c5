// What the page does beyond showing itself: the wipe, sharing, and the time that passes.
"use strict";

function wipe(pair) {
  const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, step: 0.5, value: 50 });
  range.setAttribute("aria-label", pair.querySelector(".other img").alt + " / " + pair.querySelector(".same img").alt);
  const show = () => pair.style.setProperty("--cut", range.value + "%");
  const follow = (event) => {
    const box = pair.getBoundingClientRect();
    range.value = (100 * (event.clientX - box.left)) / box.width;
    show();
  };
  pair.classList.add("wipe");
  pair.append(range);
  range.addEventListener("input", show);
  pair.addEventListener("pointerdown", (event) => {
    pair.setPointerCapture(event.pointerId);
    follow(event);
  });
  pair.addEventListener("pointermove", (event) => {
    if (pair.hasPointerCapture(event.pointerId)) follow(event);
  });
}

// Phones share files only from a page that came by HTTPS.
async function share(button) {
  if (!window.isSecureContext || !navigator.canShare) return;
  const answer = await fetch(button.dataset.card, { cache: "no-store" });
  const content = { files: [new File([await answer.blob()], button.dataset.name, { type: "image/jpeg" })] };
  if (!navigator.canShare(content)) return;
  button.hidden = false;
  // Whoever closes the sheet has chosen not to share.
  button.addEventListener("click", () => navigator.share(content).catch(() => {}));
}

// By the clock on the wall: the other one stands still while the phone sleeps.
function passTime(line) {
  const end = Date.now() + 1000 * line.dataset.livesS;
  const show = () => {
    const left = (end - Date.now()) / 60000;
    if (left <= 0) location.reload();
    else line.textContent = line.dataset.words.replace("{minutes}", Math.ceil(left));
  };
  setInterval(show, 5000);
}

// Some browsers keep a page that was left, and show it on *back* without asking whether it is still there.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

const pair = document.getElementById("pair");
if (pair) wipe(pair);
share(document.getElementById("share"));
passTime(document.getElementById("stays"));
