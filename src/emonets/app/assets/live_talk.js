// The WebSocket: what is sent and what comes back. docs/howto/live.md describes it.

const FRAME = 1;
const SOUND = 2;
const AHEAD = 2;
const PATIENCE = 5000; // ms after which a frame is taken for lost

export class Talk {
  // on: ready, update, result, error, each called with the message
  constructor(start, on) {
    this.on = on;
    this.ready = false;
    this.ended = false;
    this.waiting = []; // numbers of the frames that have no answer yet
    this.since = 0; // when it was sent
    this.first = null; // time of what was sent first; what lies before has no answer
    this.sounds = 0;
    this.socket = new WebSocket(`ws://${location.host}/api/live`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.socket.send(JSON.stringify({ type: 'start', ...start }));
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = () => this.end({
      error: 'EmoNets has ended, or the connection to it is lost. Start emonets serve again.',
    });
  }

  take(message) {
    if (message.type === 'ready') this.ready = true;
    if (message.type === 'update') {
      this.waiting = this.waiting.filter((number) => number > message.number);
    }
    if (message.type === 'error') this.end(message);
    else {
      if (message.type === 'result') this.ended = true;
      this.on[message.type](message);
    }
  }

  end(message) {
    if (this.ended) return;
    this.ended = true;
    this.ready = false;
    this.on.error(message.error);
  }

  // Whether a frame would be examined soon: one may be on its way while another is examined. More
  // would only grow old; after the next answer a newer one is sent.
  get free() {
    return this.ready && (this.waiting.length < AHEAD || performance.now() > this.since + PATIENCE);
  }

  frame(number, time, { width, height, data }) {
    this.first ??= time;
    if (time < this.first) return;
    const message = head(FRAME, number, time, 4 + data.length);
    const view = new DataView(message);
    view.setUint16(16, width, true);
    view.setUint16(18, height, true);
    new Uint8Array(message, 20).set(data);
    this.waiting.push(number);
    this.since = performance.now();
    this.socket.send(message);
  }

  sound(time, samples) {
    if (!this.ready) return;
    this.first ??= time;
    this.sounds += 1;
    const message = head(SOUND, this.sounds, time, 4 * samples.length);
    new Float32Array(message, 16).set(samples); // every browser is little endian
    this.socket.send(message);
  }

  stop() {
    if (this.ready) this.socket.send('{"type":"stop"}');
    this.ready = false;
  }

  close() {
    this.ended = true;
    this.socket.close();
  }
}

function head(kind, number, time, more) {
  const message = new ArrayBuffer(16 + more);
  const view = new DataView(message);
  view.setUint8(0, kind);
  view.setUint32(4, number % 2 ** 32, true);
  view.setFloat64(8, time, true);
  return message;
}
