// A terminal for osc.js: a line of JSON in becomes an OSC packet, a packet that comes becomes a line out.
// node osc_client.js udp|tcp HOST PORT
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const osc = createRequire(import.meta.url)("osc");
const [transport, address, port] = process.argv.slice(2);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const options =
  transport === "tcp"
    ? { address, port: Number(port), metadata: true }
    : { localAddress: "127.0.0.1", localPort: 0, remoteAddress: address, remotePort: Number(port), metadata: true };
const opened = transport === "tcp" ? new osc.TCPSocketPort(options) : new osc.UDPPort(options);

opened.on("ready", () => {
  tell({ ready: true });
  createInterface({ input: process.stdin })
    .on("line", (line) => opened.send(JSON.parse(line)))
    .on("close", () => process.exit(0));
});
opened.on("message", (message) => tell(message));
opened.on("error", (error) => tell({ error: String(error) }));
opened.open();
