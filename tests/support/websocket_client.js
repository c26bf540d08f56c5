// A plain WebSocket: a line {"text": ...} goes out as it is, {"packet": ...} as OSC; what comes goes the same way.
// node websocket_client.js URL [ORIGIN]
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const osc = require("osc");
const WebSocket = require("ws");
const [url, origin] = process.argv.slice(2);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const socket = new WebSocket(url, origin ? { origin } : {});
socket.on("open", () => {
  tell({ ready: true });
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const { text, packet } = JSON.parse(line);
      socket.send(packet ? osc.writePacket(packet, { metadata: true }) : text);
    })
    .on("close", () => process.exit(0));
});
socket.on("message", (data, isBinary) =>
  tell(isBinary ? osc.readPacket(data, { metadata: true }) : { text: data.toString() }),
);
socket.on("error", (error) => tell({ error: String(error) }));
