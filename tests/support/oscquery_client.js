// The npm package oscquery, asked for everything it finds at HOST PORT: one line of JSON.
// node oscquery_client.js HOST PORT        asks there
// node oscquery_client.js --discover PORT  looks for the service of that port with zeroconf first
import { createRequire } from "node:module";

const { OSCQueryDiscovery } = createRequire(import.meta.url)("oscquery");
const [host, port] = process.argv.slice(2);
const discovery = new OSCQueryDiscovery();

function tell(service) {
  process.stdout.write(JSON.stringify({ host: service.hostInfo, methods: service.flat() }) + "\n");
  process.exit(0);
}

if (host === "--discover") {
  discovery.on("up", (service) => service.port === Number(port) && tell(service));
  discovery.start();
} else {
  discovery.queryNewService(host, Number(port)).then(tell);
}
