// Camera and microphone, and one clock for both: seconds of performance.now().

const MOST_PIXELS = 480 * 360;
const LONGEST = 480;
// what a browser would change of a voice, EmoNets must hear as it is
const VOICE = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

export const now = () => performance.now() / 1000;

// Why a device cannot be had, as a sentence.
export function whyNot(what, error) {
  const reasons = {
    NotAllowedError: `The ${what} was refused. Allow it beside the address of this page, then start again.`,
    SecurityError: `The ${what} is blocked in this browser. Allow it in its settings, then start again.`,
    NotFoundError: `No ${what} was found. Connect one, then start again.`,
    OverconstrainedError: `The chosen ${what} is not there any more. Choose another one.`,
    NotReadableError: `The ${what} is used by another program, or broken. End that program, then start again.`,
  };
  return reasons[error.name] || `The ${what} cannot be opened (${error.name}: ${error.message}).`;
}

const asked = (id, more) => (id === 'none' ? false : {
  ...more, ...(id ? { deviceId: { exact: id } } : {}),
});

// What is wanted and can be had. If one is refused or missing, the other still comes.
export async function openMedia(camera, microphone) {
  const media = navigator.mediaDevices;
  if (!media || !media.getUserMedia) {
    return { tracks: [], problems: ['This browser gives no camera here. Open the page as http://127.0.0.1.'] };
  }
  const video = asked(camera, {
    width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30, max: 30 },
  });
  const audio = asked(microphone, VOICE);
  if (!video && !audio) return { tracks: [], problems: ['Choose a camera or a microphone.'] };
  if (video && audio) {
    try {
      return { tracks: (await media.getUserMedia({ video, audio })).getTracks(), problems: [] };
    } catch { /* each alone tells which one it is */ }
  }
  const tracks = [];
  const problems = [];
  for (const [what, wish] of [['camera', { video }], ['microphone', { audio }]]) {
    if (!Object.values(wish)[0]) continue;
    try {
      tracks.push(...(await media.getUserMedia(wish)).getTracks());
    } catch (error) {
      problems.push(whyNot(what, error));
    }
  }
  return { tracks, problems };
}

// The frames of a video element, with their times.
export class Pictures {
  constructor(video, onFrame) {
    this.video = video;
    this.onFrame = onFrame;
    this.canvas = document.createElement('canvas');
    this.pen = this.canvas.getContext('2d', { willReadFrequently: true, alpha: false });
    this.number = 0;
    this.presented = 0;
    this.last = -Infinity;
  }

  async open(track) {
    this.track = track;
    this.video.muted = true;
    this.video.srcObject = new MediaStream([track]);
    await this.video.play();
    this.next();
  }

  next() {
    const { video } = this;
    if (video.requestVideoFrameCallback) {
      video.requestVideoFrameCallback((at, about) => this.came(at, about));
    } else {
      requestAnimationFrame((at) => this.came(at, {}));
    }
  }

  came(at, about) {
    if (!this.track) return;
    this.next();
    // frames for which there was no call count too
    const many = about.presentedFrames ? about.presentedFrames - this.presented : 1;
    this.number += this.presented || !about.presentedFrames ? Math.max(many, 1) : 1;
    this.presented = about.presentedFrames || 0;
    // captureTime: when the camera took it, by the clock of performance.now()
    const taken = about.captureTime;
    const time = (taken > at - 10000 && taken <= at ? taken : at) / 1000;
    if (!(time > this.last) || !this.video.videoWidth) return;
    this.last = time;
    this.onFrame(this.number, time);
  }

  // The pixels of the frame that is shown: RGBA, 480 × 360 at most: larger ones take longer to send
  // than to examine.
  pixels() {
    const { videoWidth: w, videoHeight: h } = this.video;
    const scale = Math.min(1, LONGEST / Math.max(w, h), Math.sqrt(MOST_PIXELS / (w * h)));
    const width = Math.max(Math.floor(w * scale), 16);
    const height = Math.max(Math.floor(h * scale), 16);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    this.pen.drawImage(this.video, 0, 0, width, height);
    return this.pen.getImageData(0, 0, width, height);
  }

  close() {
    if (this.track) this.track.stop();
    this.track = null;
    this.video.srcObject = null;
  }
}

// When a sample was heard, on the clock of the pictures. The sound has a clock of its own, in the
// device. A block of samples reaches the page some time after its end: the shortest delay of the
// last second is taken for none. The clock follows slowly, so that no sample is lost by it; a jump,
// as after sleep, it follows at once.
export class SoundClock {
  constructor(rate, latency = 0) {
    Object.assign(this, { rate, latency, offset: null, least: [Infinity, Infinity], since: 0 });
    this.time = -Infinity;
  }

  timeOf(first, count, came) {
    if (came > this.since + 1) {
      this.least = [Infinity, this.least[0]];
      this.since = came;
    }
    this.least[0] = Math.min(this.least[0], came - (first + count) / this.rate);
    const best = Math.min(...this.least);
    if (this.offset == null || Math.abs(best - this.offset) > 0.1) this.offset = best;
    else this.offset += Math.min(Math.max(best - this.offset, -0.0002), 0.0002);
    // times never go back: what overlaps is cut by the session
    this.time = Math.max(first / this.rate + this.offset - this.latency, this.time);
    return this.time;
  }
}

// The samples of a microphone.
export class Sounds {
  constructor(onSound) {
    this.onSound = onSound;
    this.context = new AudioContext();
  }

  get rate() { return this.context.sampleRate; }

  async open(track) {
    const { context } = this;
    this.track = track;
    await context.audioWorklet.addModule('/assets/live_sound.js');
    await context.resume();
    const clock = new SoundClock(this.rate, track.getSettings().latency || 0);
    const ears = new AudioWorkletNode(context, 'emonets-sound');
    ears.port.onmessage = ({ data: { first, samples } }) => {
      this.onSound(clock.timeOf(first, samples.length, now()), samples);
    };
    // a node that leads nowhere is not run by every browser; nothing is heard of it
    const silent = new GainNode(context, { gain: 0 });
    context.createMediaStreamSource(new MediaStream([track])).connect(ears).connect(silent)
      .connect(context.destination);
  }

  close() {
    if (this.track) this.track.stop();
    this.context.close().catch(() => {});
  }
}
