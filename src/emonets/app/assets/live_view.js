// What is shown while a session runs: boxes on the picture, bars, ribbons of the last minute.
/* global EM */

const MINUTE = 60;
const BIN = 0.5; // seconds of a piece of a ribbon
const HELD = 4; // pieces
const HEIGHT = 26;
const MOST_ROWS = 8;

export const nameOf = (person) => `Person ${person.person}`;
export const labelOf = (answer) => (answer.uncertain ? 'uncertain' : answer.label);
const most = (answer) => Math.max(...answer.probabilities);

function fitted(canvas, width, height) {
  const dots = window.devicePixelRatio || 1;
  const size = [Math.round(width * dots), Math.round(height * dots)];
  if (canvas.width !== size[0]) [canvas.width] = size;
  if (canvas.height !== size[1]) [, canvas.height] = size;
  const pen = canvas.getContext('2d');
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// Boxes: in pixels of the frame that was sent, whose width is given.
export function drawBoxes(canvas, persons, frameWidth, mirrored) {
  const width = canvas.clientWidth;
  const pen = fitted(canvas, width, canvas.clientHeight);
  const scale = width / frameWidth;
  for (const person of persons) {
    const [a, top, b, bottom] = person.box.map((value) => value * scale);
    const [left, right] = mirrored ? [width - b, width - a] : [a, b];
    const label = labelOf(person);
    const colour = EM.colours[label] || '#FFFFFF';
    for (const [line, style] of [[5, '#000000'], [3, colour]]) {
      pen.lineWidth = line;
      pen.strokeStyle = style;
      pen.strokeRect(left, top, right - left, bottom - top);
    }
    const sure = label ? `${EM.letters[label]} ${EM.percent(most(person))}` : 'no answer';
    const text = `${nameOf(person)} ${sure}`;
    pen.font = '600 14px system-ui, sans-serif';
    const wide = pen.measureText(text).width + 14;
    const x = Math.min(Math.max(left, 0), Math.max(width - wide, 0));
    const y = top > 24 ? top - 23 : bottom + 3;
    pen.fillStyle = 'rgba(0,0,0,0.8)';
    pen.fillRect(x, y, wide, 20);
    pen.fillStyle = colour;
    pen.fillRect(x, y, 5, 20);
    pen.fillStyle = '#FFFFFF';
    pen.fillText(text, x + 9, y + 14.5);
  }
}

// A card of seven bars for each person, and one for the voice.
export class Answers {
  constructor(place, emotions) {
    this.place = place;
    this.emotions = emotions;
    this.cards = new Map();
    place.replaceChildren();
  }

  show(entries) {
    const there = new Set(entries.map(([key]) => key));
    for (const [key, card] of this.cards) {
      if (!there.has(key)) {
        card.made.remove();
        this.cards.delete(key);
      }
    }
    entries.forEach(([key, name, answer, note], i) => {
      const kind = answer ? 'bars' : 'none';
      let card = this.cards.get(key);
      if (!card || card.kind !== kind) {
        if (card) card.made.remove();
        card = answer ? this.bars(name) : this.none(name);
        card.kind = kind;
        this.cards.set(key, card);
      }
      if (this.place.children[i] !== card.made) {
        this.place.insertBefore(card.made, this.place.children[i] || null);
      }
      if (answer) this.fill(card, answer);
      else if (card.head.textContent !== note) card.head.textContent = note;
    });
  }

  none(name) {
    const head = EM.el('span');
    return { head, made: EM.el('div', { class: 'answer none' }, EM.el('h3', {}, name, head)) };
  }

  bars(name) {
    const head = EM.el('span');
    const rows = this.emotions.map((emotion) => {
      const bar = EM.el('span');
      bar.style.background = EM.shade(emotion, 1);
      const value = EM.el('span');
      const level = EM.el('span', { class: 'level', 'aria-hidden': 'true' }, bar);
      return { bar, value, row: EM.el('li', {}, EM.el('span', {}, emotion), level, value) };
    });
    const list = EM.el('ul', {}, rows.map(({ row }) => row));
    return {
      head, rows, made: EM.el('div', { class: 'answer' }, EM.el('h3', {}, name, head), list),
    };
  }

  fill(card, answer) {
    const label = labelOf(answer);
    const best = most(answer);
    const stem = label === 'uncertain' && answer.label !== 'uncertain' ? `; most probable: ${answer.label}` : '';
    const speaks = answer.speaks === true ? '; speaks' : '';
    const text = `${label}${stem}${speaks}`;
    if (card.text !== text) {
      card.text = text;
      card.head.replaceChildren(EM.chip(label), `${stem}${speaks}`);
    }
    answer.probabilities.forEach((p, i) => {
      const { bar, value, row } = card.rows[i];
      bar.style.width = `${100 * p}%`;
      value.textContent = EM.percent(p);
      row.classList.toggle('most', p === best);
    });
  }
}

// A row of labels for each person and the voice, which moves to the left.
export class Minute {
  constructor(place, axis) {
    Object.assign(this, { place, axis, rows: new Map(), begun: null, drawn: -Infinity });
    place.replaceChildren();
    axis.hidden = true;
  }

  // entries: of Answers.show; time: seconds.
  add(entries, time) {
    if (this.begun == null) this.begun = time;
    const bin = Math.floor(time / BIN);
    for (const [key, name, answer] of entries) {
      if (key === 'none') continue;
      if (!this.rows.has(key)) this.open(key, name);
      const { cells } = this.rows.get(key);
      const cell = answer && { label: labelOf(answer), certainty: most(answer) };
      if (cells.length && cells.at(-1).bin === bin) cells.at(-1).cell = cell;
      else {
        // an answer counts until the next one, if that comes soon
        const last = cells.at(-1);
        for (let b = last ? last.bin + 1 : bin; b < bin && bin - last.bin <= HELD; b += 1) {
          cells.push({ bin: b, cell: last.cell });
        }
        cells.push({ bin, cell });
      }
    }
    for (const [key, row] of this.rows) {
      while (row.cells.length && (row.cells[0].bin + 1) * BIN < time - MINUTE) row.cells.shift();
      if (!row.cells.length) this.close(key);
    }
    if (time > this.drawn + 0.2) this.draw(time);
  }

  open(key, name) {
    const canvas = EM.el('canvas', { class: 'ribbon', role: 'img', 'aria-label': name });
    const line = EM.el('div', { class: 'line' }, EM.el('span', { class: 'who' }, name),
      EM.el('div', { class: 'track' }, canvas));
    this.rows.set(key, { name, canvas, line, cells: [] });
    const persons = [...this.rows.keys()].filter((own) => own !== 'voice');
    if (persons.length > MOST_ROWS) this.close(persons[0]);
    const voice = this.rows.get('voice');
    this.place.insertBefore(line, voice && voice.line !== line && voice.line.parentNode ? voice.line : null);
    this.axis.hidden = false;
  }

  close(key) {
    this.rows.get(key).line.remove();
    this.rows.delete(key);
  }

  draw(time) {
    this.drawn = time;
    for (const row of this.rows.values()) {
      const width = row.canvas.clientWidth;
      if (width) drawRow(fitted(row.canvas, width, HEIGHT), row.cells, width, time, this.begun);
      const words = `${row.name}, last minute: ${shares(row.cells)}`;
      if (time > (row.told || 0) + 5) {
        row.told = time;
        row.canvas.setAttribute('aria-label', words);
      }
    }
  }
}

function shares(cells) {
  const counts = {};
  for (const { cell } of cells) if (cell) counts[cell.label] = (counts[cell.label] || 0) + 1;
  const all = Object.values(counts).reduce((a, b) => a + b, 0);
  return Object.entries(counts).sort((a, b) => b[1] - a[1])
    .map(([label, count]) => `${label} ${EM.percent(count / all)}`).join(', ') || 'no label';
}

function drawRow(pen, cells, width, time, begun) {
  const x = (t) => (t - time + MINUTE) / MINUTE * width;
  const start = Math.max(x(begun), 0);
  hatch(pen, start, width);
  let i = 0;
  while (i < cells.length) {
    const { bin, cell } = cells[i];
    let j = i + 1; // as far as the label stays
    while (j < cells.length && cells[j].bin === cells[j - 1].bin + 1
      && cells[j].cell?.label === cell?.label) j += 1;
    const left = Math.max(x(bin * BIN), start);
    const right = Math.min(x((cells[j - 1].bin + 1) * BIN), width);
    if (cell) {
      for (let k = i; k < j; k += 1) {
        pen.fillStyle = EM.shade(cell.label, cells[k].cell.certainty);
        const from = Math.max(x(cells[k].bin * BIN), start);
        pen.fillRect(from, 0, Math.min(x((cells[k].bin + 1) * BIN), width) - from + 0.5, HEIGHT);
      }
      if (right - left > 20) letters(pen, cell.label, cells[i].cell.certainty, (left + right) / 2);
    }
    i = j;
  }
}

function letters(pen, label, certainty, x) {
  pen.fillStyle = EM.ink(EM.shade(label, certainty));
  pen.font = '600 13px system-ui, sans-serif';
  pen.textAlign = 'center';
  pen.fillText(EM.letters[label], x, HEIGHT / 2 + 4.5);
}

export function hatch(pen, left, right, top = 0) {
  const dark = EM.isDark();
  pen.save();
  pen.beginPath();
  pen.rect(left, top, right - left, HEIGHT);
  pen.clip();
  pen.fillStyle = dark ? '#22262b' : '#ffffff';
  pen.fillRect(left, top, right - left, HEIGHT);
  pen.strokeStyle = dark ? '#6b7480' : '#9aa0a6';
  pen.beginPath();
  for (let x = left - HEIGHT; x < right; x += 7) {
    pen.moveTo(x, top + HEIGHT);
    pen.lineTo(x + HEIGHT, top);
  }
  pen.stroke();
  pen.restore();
}
