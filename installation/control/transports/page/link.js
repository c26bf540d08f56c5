// The WebSocket to the installation: messages out, and whoever wants to know of those that come in.

import { decode, encode } from "./osc.js";

const LEASE_S = 3600;
const RETRY_MS = 1500;

let socket = null;
const listeners = new Map(); // address -> what to do with the values that come

export function send(address, tags = "", values = []) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(encode(address, tags, values));
}

// Calls `act` with the values of each message to this address. A later call takes the place of an earlier one.
export const listen = (address, act) => listeners.set(address, act);

// Connects, and again whenever the connection is lost. `describe` runs before each connection and may fail;
// `report` is told whether there is one.
export async function connect(describe, report) {
  const again = () => {
    report(false);
    setTimeout(() => connect(describe, report), RETRY_MS);
  };
  try {
    await describe();
  } catch {
    again();
    return;
  }
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);
  socket.binaryType = "arraybuffer";
  const subscribe = () => send("/subscribe", "f", [LEASE_S]);
  let renewing = null;
  socket.addEventListener("open", () => {
    report(true);
    subscribe();
    renewing = setInterval(subscribe, (LEASE_S * 1000) / 2);
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") return; // PATH_CHANGED: the presets, which are told anyway
    const { address, values } = decode(data);
    listeners.get(address)?.(values);
  });
  socket.addEventListener("close", () => {
    clearInterval(renewing);
    again();
  });
}
