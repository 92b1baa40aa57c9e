// Runs beside the page, in the thread of the sound: hands on samples as they are.

const BLOCK = 2048;

class Sound extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.count = 0;
    this.first = 0; // number of the block's first sample, by the clock of the context
  }

  process([channels]) {
    const length = channels.length ? channels[0].length : 0;
    for (let i = 0; i < length; i += 1) {
      if (this.count === 0) this.first = currentFrame + i;
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.block[this.count] = sum / channels.length;
      this.count += 1;
      if (this.count === BLOCK) {
        this.port.postMessage({ first: this.first, samples: this.block }, [this.block.buffer]);
        this.block = new Float32Array(BLOCK);
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor('emonets-sound', Sound);
