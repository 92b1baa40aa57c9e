// The result of a session: files to save, and a picture of its ribbons.
/* global EM */
import { hatch } from './live_view.js';

const WIDTH = 1000;
const LEFT = 110;
const LINE = 36;
const TOP = 44;

export class Result {
  constructor(message) {
    this.message = message;
    this.saved = false;
    [this.status] = message.result.files;
    const { rows, models } = message.result;
    this.end = Math.max(0, ...rows.map((row) => row.end));
    // of all specialists together, where there are several
    const fused = [...models].filter((name) => !name.includes('/'))
      .sort((a, b) => b.split('+').length - a.split('+').length)[0];
    this.rows = rows.filter((row) => row.model === fused && row.level !== 'frame');
  }

  get stem() { return this.status.file.replaceAll(/[ .:]/g, '_'); }

  get text() {
    const { result, note } = this.message;
    const count = result.persons.length;
    const who = `${count} ${count === 1 ? 'person' : 'persons'}`;
    const clip = this.rows.find((row) => row.level === 'clip');
    const whole = clip && clip.label ? ` In all: ${clip.label}.` : '';
    const state = this.status.status === 'ok' ? '' : ` Status: ${this.status.status}.`;
    const more = this.status.message ? ` Note: ${this.status.message}.` : '';
    return `${EM.clock(this.end)} min, ${who}.${whole}${state}${more} ${note}`.trim();
  }

  save(kind) {
    this.saved = true;
    const { csv, result, page } = this.message;
    if (kind === 'csv') EM.download(`${this.stem}.csv`, 'text/csv', csv);
    if (kind === 'json') EM.download(`${this.stem}.json`, 'application/json', `${JSON.stringify(result, null, 1)}\n`);
    if (kind === 'page') EM.download(`${this.stem}.html`, 'text/html', page);
    if (kind === 'picture') {
      this.picture().toBlob((blob) => EM.download(`${this.stem}.png`, 'image/png', blob));
    }
  }

  lines() {
    const lines = new Map();
    for (const row of this.rows) {
      if (row.level === 'clip') continue;
      const name = row.person == null ? 'Without a face' : `Person ${row.person}`;
      lines.set(name, [...(lines.get(name) || []), row]);
    }
    if (!lines.size) lines.set('All', this.rows);
    return [...lines].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  }

  picture() {
    const lines = this.lines();
    const canvas = document.createElement('canvas');
    canvas.width = 2 * WIDTH;
    canvas.height = 2 * (TOP + LINE * lines.length + 30);
    const pen = canvas.getContext('2d');
    pen.scale(2, 2);
    const [paper, ink] = EM.isDark() ? ['#16191d', '#eceff2'] : ['#ffffff', '#1b1f23'];
    pen.fillStyle = paper;
    pen.fillRect(0, 0, WIDTH, canvas.height);
    const write = (text, x, y, align = 'left', colour = ink, weight = '') => {
      pen.fillStyle = colour;
      pen.font = `${weight} 13px system-ui, sans-serif`;
      pen.textAlign = align;
      pen.fillText(text, x, y);
    };
    write(`EmoNets, ${this.status.file}`, 10, 24, 'left', ink, '600');
    write('Estimates of what faces and voices show, not of feelings.', WIDTH - 10, 24, 'right');
    const x = (time) => LEFT + time / (this.end || 1) * (WIDTH - LEFT - 10);
    lines.forEach(([name, rows], i) => {
      const top = TOP + LINE * i;
      write(name, 10, top + 18);
      hatch(pen, LEFT, WIDTH - 10, top);
      for (const row of rows) {
        if (!row.label) continue;
        const p = EM.emotions.map((emotion) => row[emotion]);
        const fill = EM.shade(row.label, Math.max(...p));
        const [a, b] = [x(row.start), x(row.end)];
        pen.fillStyle = fill;
        pen.fillRect(a, top, Math.max(b - a - 1, 1), 26);
        if (b - a > 20) write(EM.letters[row.label], (a + b) / 2, top + 18, 'center', EM.ink(fill), '600');
      }
    });
    const foot = TOP + LINE * lines.length + 12;
    write('0:00.0', LEFT, foot);
    write(EM.clock(this.end), WIDTH - 10, foot, 'right');
    return canvas;
  }
}
