// Ribbons: a row of labels over the time of the clip, for each person and for all together.
'use strict';

const HEIGHT = 26;
const SPEECH = 5; // pixels of the line below, where the person speaks

EM.Ribbons = class {
  constructor(place, span, onSeek, onChoose) {
    Object.assign(this, { place, span, onSeek, onChoose, heads: [] });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
    window.addEventListener('beforeprint', () => this.redraw());
    window.addEventListener('afterprint', () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(place);
  }

  show(view, chosen, edits) {
    const rows = view.persons.map((person) => ({
      id: person.id, name: person.name, rows: person.rows, picture: person.picture,
    }));
    if (rows.length !== 1) {
      const name = rows.length ? 'All together' : this.without || 'Clip';
      rows.push({ id: null, name, rows: view.together });
    }
    this.edits = edits;
    this.heads = [];
    this.drawn = [];
    this.place.replaceChildren(...rows.map((row) => this.line(row, row.id === chosen)));
    if (this.sound) this.place.append(this.soundLine(this.sound));
    this.redraw();
    this.move(this.now || this.span[0]);
  }

  line(row, chosen) {
    const canvas = EM.el('canvas', {
      role: 'img', 'aria-label': `${row.name}: ${describe(row.rows)}`, class: 'ribbon',
    });
    const track = this.track(canvas, row.id ?? 'all');
    this.drawn.push([canvas, row.rows]);
    const title = row.id == null ? EM.el('span', { class: 'who' }, row.name)
      : EM.el('button', {
        class: 'who', 'aria-pressed': String(chosen), onclick: () => this.onChoose(row.id),
        title: `Show the curves of ${row.name}`,
      }, EM.face(row), EM.el('span', {}, row.name));
    return EM.el('div', { class: 'line' }, title, track);
  }

  // What lies along the time: a click or a drag seeks, and the playhead moves over it.
  track(content, name) {
    const head = EM.el('div', { class: 'playhead' });
    const track = EM.el('div', { class: 'track', 'data-person': name }, content, head);
    const seek = (event) => {
      const box = track.getBoundingClientRect();
      const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      this.onSeek(this.span[0] + part * (this.span[1] - this.span[0]));
    };
    track.addEventListener('pointerdown', (event) => {
      seek(event);
      track.setPointerCapture(event.pointerId);
      track.onpointermove = seek;
    });
    track.addEventListener('pointerup', () => { track.onpointermove = null; });
    this.heads.push(head);
    return track;
  }

  soundLine({ src, start, end, low, high }) {
    const length = this.span[1] - this.span[0] || 1;
    const picture = EM.el('img', {
      src, draggable: 'false', alt: `Sound from ${low} to ${high} hertz; loud tones are bright`,
    });
    picture.style.left = `${100 * (start - this.span[0]) / length}%`;
    picture.style.width = `${100 * (end - start) / length}%`;
    return EM.el('div', { class: 'line' }, EM.el('span', { class: 'who' }, 'Sound'),
      this.track(EM.el('div', { class: 'sound' }, picture), 'sound'));
  }

  move(time) {
    this.now = time;
    const length = this.span[1] - this.span[0] || 1;
    const part = Math.min(Math.max((time - this.span[0]) / length, 0), 1);
    for (const head of this.heads) head.style.left = `${100 * part}%`;
  }

  redraw() {
    for (const [canvas, rows] of this.drawn || []) this.draw(canvas, rows);
  }

  draw(canvas, rows) {
    const width = canvas.clientWidth;
    if (!width) return;
    const dots = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round((HEIGHT + SPEECH + 1) * dots);
    const pen = canvas.getContext('2d');
    pen.scale(dots, dots);
    const dark = EM.isDark();
    hatch(pen, 0, width, dark ? '#22262b' : '#ffffff', dark ? '#6b7480' : '#9aa0a6');
    const length = this.span[1] - this.span[0] || 1;
    const x = (time) => (time - this.span[0]) / length * width;
    rows.forEach((row, i) => {
      // of windows that overlap, each is shown up to the next one
      const stop = i + 1 < rows.length ? Math.min(row.end, Math.max(rows[i + 1].start, row.start))
        : row.end;
      const left = x(row.start);
      const wide = Math.max((row.start === row.end ? width : x(stop)) - left, 1);
      if (row.label) cell(pen, row, left, wide);
      if (row.speaks === true) {
        pen.fillStyle = dark ? '#f2f2f2' : '#1b1f23';
        pen.fillRect(left, HEIGHT + 1, wide, SPEECH);
      }
    });
    for (const { start, end } of this.edits.excluded) {
      pen.fillStyle = dark ? 'rgba(20,22,25,0.82)' : 'rgba(255,255,255,0.82)';
      pen.fillRect(x(start), 0, x(end) - x(start), HEIGHT);
      pen.strokeStyle = dark ? '#f2f2f2' : '#1b1f23';
      pen.setLineDash([3, 3]);
      pen.strokeRect(x(start) + 0.5, 0.5, x(end) - x(start) - 1, HEIGHT - 1);
      pen.setLineDash([]);
    }
    for (const { time } of this.edits.events) {
      pen.fillStyle = dark ? '#ffffff' : '#000000';
      pen.beginPath();
      pen.moveTo(x(time) - 5, 0);
      pen.lineTo(x(time) + 5, 0);
      pen.lineTo(x(time), 9);
      pen.fill();
    }
  }
};

function cell(pen, row, left, wide) {
  const fill = EM.shade(row.label, Math.max(...row.p));
  pen.fillStyle = fill;
  pen.fillRect(left, 0, wide, HEIGHT);
  if (wide > 4) {
    pen.fillStyle = EM.isDark() ? '#16191d' : '#ffffff';
    pen.fillRect(left + wide - 1, 0, 1, HEIGHT);
  }
  if (wide < 20) return;
  pen.fillStyle = EM.ink(fill);
  pen.font = '600 13px system-ui, sans-serif';
  pen.textAlign = 'center';
  pen.fillText(EM.letters[row.label], left + wide / 2, HEIGHT / 2 + 4.5);
}

function hatch(pen, left, width, paper, line) {
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, width, HEIGHT);
  pen.clip();
  pen.fillStyle = paper;
  pen.fillRect(left, 0, width, HEIGHT);
  pen.strokeStyle = line;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let x = left - HEIGHT; x < left + width; x += 7) {
    pen.moveTo(x, HEIGHT);
    pen.lineTo(x + HEIGHT, 0);
  }
  pen.stroke();
  pen.restore();
}

function describe(rows) {
  const shares = Object.entries(EM.sharesOf(rows)).sort((a, b) => b[1] - a[1]);
  return shares.map(([label, share]) => `${label} ${EM.percent(share)}`).join(', ') || 'no label';
}

EM.face = (person) => (person.picture ? EM.el('img', {
  class: 'face', src: `data:image/jpeg;base64,${person.picture}`, alt: '',
}) : EM.el('span', { class: 'face', 'aria-hidden': 'true' }));
