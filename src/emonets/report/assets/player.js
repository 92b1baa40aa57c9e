// The film, its clock, and the boxes over it. Without a film that plays, a clock runs alone.
'use strict';

EM.Player = class {
  constructor(data) {
    this.data = data;
    this.listeners = [];
    this.now = data.span[0];
    this.playing = false;
    this.stage = document.getElementById('stage');
    this.canvas = document.getElementById('overlay');
    this.media = this.makeMedia(data.film);
    if (this.media) this.follow();
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  makeMedia(film) {
    const place = document.getElementById('film');
    if (data_has_picture(film)) {
      this.stage.style.setProperty('--ratio', `${film.width / film.height}`);
    } else {
      this.stage.classList.add('without');
    }
    if (film.kind === 'picture') {
      place.append(EM.el('img', { src: film.src, alt: 'the clip, a picture' }));
      return null;
    }
    if (film.thumbnails) {
      this.strip = EM.el('div', { class: 'strip', role: 'img', 'aria-label': 'a picture a second' });
      place.append(this.strip);
      return null;
    }
    if (!film.src) {
      place.append(EM.el('p', { class: 'note' }, film.note || 'The film is not beside this page.'));
      return null;
    }
    const sound = film.kind === 'sound';
    const media = EM.el(sound ? 'audio' : 'video', {
      src: film.src, preload: 'auto', playsinline: true, tabindex: '-1',
      'aria-label': sound ? 'the sound' : 'the film',
    });
    media.addEventListener('click', () => this.toggle());
    media.addEventListener('error', () => EM.say(
      'This browser cannot play the film. The ribbons and values still work.'));
    place.append(media);
    if (sound) place.append(EM.el('p', { class: 'note' }, 'This clip has sound and no pictures.'));
    return media;
  }

  // mediaTime is the time stamp of the frame that is shown; currentTime may be ahead of it.
  follow() {
    const { media } = this;
    const tell = () => this.tell(media.currentTime);
    if (media.requestVideoFrameCallback) {
      const next = (_, about) => {
        this.tell(about.mediaTime);
        media.requestVideoFrameCallback(next);
      };
      media.requestVideoFrameCallback(next);
    } else {
      media.addEventListener('timeupdate', tell);
    }
    media.addEventListener('seeking', tell);
    // a browser that shows the same frame again calls nobody back
    media.addEventListener('seeked', () => { if (media.paused) this.tell(this.frameAt(media.currentTime)); });
    media.addEventListener('ended', tell);
    for (const name of ['play', 'pause', 'ended']) {
      media.addEventListener(name, () => this.setPlaying(!media.paused && !media.ended));
    }
  }

  setPlaying(playing) {
    this.playing = playing;
    const button = document.getElementById('play');
    button.textContent = playing ? 'Pause' : 'Play';
  }

  onTime(listener) {
    this.listeners.push(listener);
  }

  tell(time) {
    this.now = time;
    if (this.strip) this.showThumbnail(time);
    for (const listener of this.listeners) listener(time);
    this.draw();
  }

  // The picture of a time, out of sheets of many.
  showThumbnail(time) {
    const { times, columns, rows, sheets } = this.data.film.thumbnails;
    const later = times.findIndex((t) => t > time + 1e-3);
    const at = Math.max((later < 0 ? times.length : later) - 1, 0);
    const sheet = Math.floor(at / (columns * rows));
    const here = Math.min(times.length - sheet * columns * rows, columns * rows);
    const wide = Math.min(columns, here);
    const high = Math.ceil(here / wide);
    const own = at - sheet * columns * rows;
    const part = (i, count) => (count > 1 ? 100 * i / (count - 1) : 0);
    Object.assign(this.strip.style, {
      backgroundImage: `url("${encodeURI(sheets[sheet])}")`,
      backgroundSize: `${100 * wide}% ${100 * high}%`,
      backgroundPosition: `${part(own % wide, wide)}% ${part(Math.floor(own / wide), high)}%`,
    });
  }

  toggle() {
    if (this.media) {
      if (this.media.paused) this.media.play().catch(() => {});
      else this.media.pause();
      return;
    }
    this.setPlaying(!this.playing);
    let before = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      this.tell(Math.min(this.now + (now - before) / 1000, this.data.span[1]));
      before = now;
      if (this.now >= this.data.span[1]) this.setPlaying(false);
      else requestAnimationFrame(tick);
    };
    if (this.playing) requestAnimationFrame(tick);
  }

  seek(time) {
    const [start, end] = this.data.span;
    const inside = Math.min(Math.max(time, start), end);
    if (this.media) this.media.currentTime = inside;
    this.tell(inside);
  }

  // The time stamp of the frame that is shown at a time.
  frameAt(time) {
    const { times, step, kind } = this.data.film;
    if (kind === 'sound') return time;
    if (times && times.length) {
      const later = times.findIndex((t) => t > time + 1e-3);
      return times[Math.max((later < 0 ? times.length : later) - 1, 0)];
    }
    return Math.floor(time / step + 1e-3) * step;
  }

  // By whole frames: into the middle of a frame, so that rounding never shows its neighbour.
  step(frames) {
    const { times, step } = this.data.film;
    if (this.media) this.media.pause();
    if (times && times.length) {
      let at = times.findIndex((t) => t > this.now + 1e-3) - 1;
      if (at < -1) at = times.length - 1;
      const to = Math.min(Math.max(at + frames, 0), times.length - 1);
      const next = to + 1 < times.length ? times[to + 1] : times[to] + step;
      this.seek((times[to] + next) / 2);
    } else {
      this.seek((Math.floor(this.now / step + 1e-3) + frames + 0.5) * step);
    }
  }

  show(view, chosen) {
    this.view = view;
    this.chosen = chosen;
    this.draw();
  }

  draw() {
    const { canvas, view, data } = this;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const dots = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * dots)) canvas.width = Math.round(width * dots);
    if (canvas.height !== Math.round(height * dots)) canvas.height = Math.round(height * dots);
    const pen = canvas.getContext('2d');
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!view || !data.film.width) return;
    const scale = width / data.film.width;
    for (const person of view.persons) {
      const box = EM.boxAt(person, this.now);
      if (box) this.drawBox(pen, person, box.map((v) => v * scale), width);
    }
  }

  drawBox(pen, person, [left, top, right, bottom], width) {
    const row = EM.rowAt(person.rows, this.now);
    const label = row && row.label && !row.excluded ? row.label : null;
    const colour = label ? EM.colours[label] : '#FFFFFF';
    pen.lineWidth = person.id === this.chosen ? 5 : 3;
    pen.strokeStyle = '#000000';
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.lineWidth -= 2;
    pen.strokeStyle = colour;
    pen.strokeRect(left, top, right - left, bottom - top);
    const sure = label ? ` ${EM.letters[label]} ${EM.percent(Math.max(...row.p))}` : '';
    pen.font = '600 13px system-ui, sans-serif';
    const text = `${person.name.slice(0, 24)}${sure}`;
    const wide = pen.measureText(text).width + 10;
    const x = Math.min(Math.max(left, 0), Math.max(width - wide, 0));
    const y = top > 22 ? top - 21 : bottom + 3;
    pen.fillStyle = 'rgba(0,0,0,0.78)';
    pen.fillRect(x, y, wide, 18);
    pen.fillStyle = colour;
    pen.fillRect(x, y, 4, 18);
    pen.fillStyle = '#FFFFFF';
    pen.fillText(text, x + 7, y + 13.5);
  }
};

function data_has_picture(film) {
  return film.width > 0 && (film.src || film.kind === 'thumbnails') && film.kind !== 'sound';
}
