// Asks for a picture, draws it, asks for the next. Where none comes, nothing stays on the screen.

const SILENCE_MS = 3000; // the server sends one a second at least
const RETRY_MS = 1000;

const canvas = document.getElementById("picture");
const context = canvas.getContext("2d");

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/pictures`);
  socket.binaryType = "blob";
  let ended = false;
  let silence;

  function end() {
    if (ended) return;
    ended = true;
    clearTimeout(silence);
    socket.close();
    context.clearRect(0, 0, canvas.width, canvas.height);
    setTimeout(connect, RETRY_MS);
  }

  function ask() {
    clearTimeout(silence);
    silence = setTimeout(end, SILENCE_MS);
    socket.send("next");
  }

  silence = setTimeout(end, SILENCE_MS);
  socket.onopen = ask;
  socket.onclose = end;
  socket.onmessage = async (message) => {
    const picture = await createImageBitmap(message.data).catch(() => null);
    if (ended) return;
    if (picture) context.drawImage(picture, 0, 0);
    ask();
  };
}

connect();
