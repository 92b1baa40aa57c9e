// The seven curves of one person, of each source that is switched on. Drawn by uPlot.
'use strict';

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [1, 2]];

EM.Curves = class {
  constructor(data, onSeek) {
    this.data = data;
    this.onSeek = onSeek;
    this.place = document.getElementById('curves');
    this.on = new Set([data.shown_source]);
    this.off = new Set();
    this.head = EM.el('div', { class: 'playhead' });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    new ResizeObserver(() => this.resize()).observe(this.place);
  }

  // rows: of the person, and of sources without persons.
  show(rows, name) {
    const names = [...new Set(rows.map((row) => row.source))];
    this.sources = this.data.sources.filter((source) => names.includes(source));
    if (!this.sources.some((source) => this.on.has(source))) this.on.add(this.sources[0]);
    this.rows = rows;
    this.name = name;
    EM.put('sources', this.sources.map((source, i) => this.box(source, this.on, true, [
      ` ${EM.sourceName(source)}`, this.sources.length > 1 ? dash(i) : null])));
    EM.put('emotions', EM.emotions.map((label) => this.box(label, this.off, false,
      [EM.chip(label)])));
    this.draw();
  }

  box(value, set, whenIn, content) {
    return EM.el('label', { class: 'switch' }, EM.el('input', {
      type: 'checkbox', value, checked: set.has(value) === whenIn,
      onchange: (event) => {
        if (event.target.checked === whenIn) set.add(value);
        else set.delete(value);
        this.draw();
      },
    }), content);
  }

  draw() {
    if (this.plot) this.plot.destroy();
    this.place.replaceChildren();
    const shown = this.sources.filter((source) => this.on.has(source));
    const { xs, series, ys } = this.columns(shown);
    this.place.setAttribute('aria-label', `Seven probabilities over time: ${this.name}. `
      + 'The table of values has the numbers at the playhead.');
    if (!xs.length) {
      this.place.append(EM.el('p', { class: 'note' }, 'No values: switch on a source.'));
      return;
    }
    const ink = getComputedStyle(document.body).color;
    const grid = EM.isDark() ? '#3a4047' : '#dfe3e8';
    const axis = { font: '11px system-ui, sans-serif', gap: 3, stroke: ink, grid: { stroke: grid }, ticks: { stroke: grid } };
    const wide = this.place.clientWidth;
    this.plot = new uPlot({
      width: wide, height: 220, legend: { show: false }, cursor: { drag: { x: false, y: false } },
      padding: [8, 0, 0, 0],
      scales: { x: { time: false, range: this.data.span }, y: { range: [0, 1] } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((t) => this.tick(t)) },
        { ...axis, size: EM.leftColumn(), values: (_, ticks) => ticks.map(
          (t) => `${Math.round(100 * t)} %`) },
      ],
      series: [{}, ...series],
    }, [xs, ...ys], this.place);
    this.plot.over.append(this.head);
    this.plot.over.addEventListener('click', () => {
      this.onSeek(this.plot.posToVal(this.plot.cursor.left, 'x'));
    });
    this.move(this.now || 0);
  }

  // The last label would be cut at the edge.
  tick(time) {
    const [start, end] = this.data.span;
    const near = (end - time) / (end - start || 1) * this.place.clientWidth < 24;
    return near ? '' : EM.clock(time).replace(/\.0$/, '');
  }

  // Windows as steps: one column of times for all, at both ends of each window and just after it,
  // and a value where a source has one. A stretch without a window is a gap.
  columns(shown) {
    const own = shown.map((source) => this.rows.filter(
      (row) => row.source === source && row.found && !row.excluded));
    const little = 1e-4;
    const xs = [...new Set(own.flat().flatMap(
      (row) => [row.start, row.end - little, row.end + little]))].sort((a, b) => a - b);
    const at = own.map((rows) => xs.map((x) => EM.rowAt(rows, x)));
    const series = [];
    const ys = [];
    shown.forEach((source, s) => EM.emotions.forEach((label, k) => {
      if (this.off.has(label)) return;
      ys.push(at[s].map((row) => (row ? row.p[k] : null)));
      series.push({
        stroke: EM.colours[label], width: 2, points: { show: false },
        dash: DASHES[this.sources.indexOf(source) % DASHES.length],
      });
    }));
    return { xs, series, ys };
  }

  resize() {
    if (this.plot && Math.abs(this.plot.width - this.place.clientWidth) > 1) this.draw();
  }

  move(time) {
    this.now = time;
    if (this.plot) this.head.style.left = `${this.plot.valToPos(time, 'x')}px`;
  }
};

// The ribbons and the curves share one axis of time: both begin right of this many pixels.
EM.leftColumn = () => (matchMedia('(max-width: 640px)').matches ? 44 : 132);

EM.sourceName = (source) => (source.includes('+') ? `combined (${source})` : source);

function dash(i) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  for (const [name, value] of [['width', 30], ['height', 8], ['aria-hidden', 'true']]) {
    svg.setAttribute(name, value);
  }
  for (const [name, value] of [['x1', 0], ['x2', 30], ['y1', 4], ['y2', 4], ['stroke-width', 2],
    ['stroke', 'currentColor'], ['stroke-dasharray', DASHES[i % DASHES.length].join(' ')]]) {
    line.setAttribute(name, value);
  }
  svg.append(line);
  return svg;
}
