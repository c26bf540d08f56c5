// OSC messages as bytes: what a WebSocket of OSCQuery carries.

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const padded = (length) => (length + 4) & ~3;

function text(value) {
  const bytes = encoder.encode(value);
  const block = new Uint8Array(padded(bytes.length));
  block.set(bytes);
  return block;
}

function number(write) {
  const view = new DataView(new ArrayBuffer(4));
  write(view);
  return new Uint8Array(view.buffer);
}

// The message with these arguments; `tags` are their types, T for a switch.
export function encode(address, tags, values) {
  const blocks = [text(address)];
  let really = ",";
  [...tags].forEach((tag, place) => {
    const value = values[place];
    if (tag === "T" || tag === "F") really += value ? "T" : "F";
    else really += tag;
    if (tag === "f") blocks.push(number((view) => view.setFloat32(0, value)));
    if (tag === "i") blocks.push(number((view) => view.setInt32(0, value)));
    if (tag === "s") blocks.push(text(value));
  });
  blocks.splice(1, 0, text(really));
  return new Blob(blocks);
}

// {address, values} of a message.
export function decode(buffer) {
  const view = new DataView(buffer);
  let at = 0;
  const string = () => {
    let end = at;
    while (view.getUint8(end) !== 0) end += 1;
    const found = decoder.decode(new Uint8Array(buffer, at, end - at));
    at += padded(end - at);
    return found;
  };
  const readers = {
    f: () => view.getFloat32((at += 4) - 4),
    i: () => view.getInt32((at += 4) - 4),
    h: () => Number(view.getBigInt64((at += 8) - 8)),
    s: string,
    T: () => true,
    F: () => false,
  };
  const address = string();
  const tags = string().slice(1);
  return { address, values: [...tags].map((tag) => readers[tag]()) };
}
