// Clips side by side: ribbons on one axis of time, shares, and a table.
import { Problem, api, count, csv, follow, link, offline, onClick, pause } from '/assets/app.js';

const by = (id) => document.getElementById(id);
let data = null;
let order = 'given';
let down = false;

// ---- what is ordered: an entry a person, and one a whole clip

const entries = (clips) => clips.flatMap((clip) => [
  { clip, who: 'whole clip', one: clip, whole: true },
  ...clip.persons.map((person) => ({ clip, who: person.name, one: person, whole: false })),
]);

const value = (entry) => {
  const { clip, who, one } = entry;
  if (order.startsWith('p:')) return one.probabilities[order.slice(2)];
  return {
    given: data.clips.indexOf(clip), clip: clip.name, person: who, label: one.label,
    certainty: one.certainty, usable: one.usable ?? null, speaks: one.speaks ?? null,
    'given label': clip.given,
  }[order];
};

const compare = (a, b) => {
  const [x, y] = [value(a), value(b)];
  if (x == null || y == null) return (x == null) - (y == null); // what is not known is last
  const way = typeof x === 'string' ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
  return (down ? -way : way) || data.clips.indexOf(a.clip) - data.clips.indexOf(b.clip);
};

const ordered = () => entries(data.clips).sort(compare);

// Clips in the order of their first entry.
const orderedClips = () => [...new Set(ordered().map((entry) => entry.clip))];

// ---- ribbons

class Timeline extends EM.Ribbons {
  constructor(place, span, clip) {
    super(place, span, () => {}, () => {});
    this.clip = clip;
  }

  line(row) {
    const line = super.line({ ...row, id: null }, false);
    const [start, end] = this.span;
    const length = end - start || 1;
    // what is no part of the clip is blank, and not hatched
    const cover = (name, from, to) => {
      const made = EM.el('div', { class: name, 'aria-hidden': 'true', hidden: to - from < 1e-3 });
      made.style.left = `${100 * (from - start) / length}%`;
      made.style.width = `${100 * (to - from) / length}%`;
      line.querySelector('.track').append(made);
    };
    cover('before', start, this.clip.start);
    cover('after', this.clip.end, end);
    if (row.person) line.querySelector('.who').prepend(EM.face(row.person));
    return line;
  }
}

const unpacked = (rows) => rows.map(([start, end, label, speaks, p]) => ({
  start, end, label, speaks, p: [p],
}));

const showRibbons = () => {
  by('ribbons').replaceChildren();
  for (const clip of orderedClips()) {
    const lines = EM.el('div', {});
    const notes = [
      clip.given ? `label given: ${clip.given}` : null,
      clip.label ? `whole clip: ${clip.label} (${EM.percent(clip.certainty)})` : 'no label',
      clip.no_face ? 'no face' : null, clip.no_voice ? 'no voice' : null,
      clip.status === 'damaged' ? 'damaged' : null,
      clip.edited ? 'persons merged or split on its page are not merged or split here' : null,
    ].filter(Boolean).join(' · ');
    by('ribbons').append(EM.el('div', { class: 'clip' },
      EM.el('h3', {}, link(clip.name, clip.page)), EM.el('p', { class: 'small' }, notes), lines));
    const ribbons = new Timeline(lines, data.span, clip);
    ribbons.edits = { excluded: [], events: [] };
    const rows = clip.persons.length
      ? clip.persons.map((person) => ({ name: person.name, rows: unpacked(person.rows), person }))
      : [{ name: clip.no_face ? 'No face' : 'Clip', rows: unpacked(clip.rows) }];
    ribbons.drawn = [];
    lines.replaceChildren(...rows.map((row) => ribbons.line(row)));
    ribbons.redraw();
  }
  by('ribbons').append(axis(data.span));
};

const axis = ([start, end]) => {
  const length = end - start || 1;
  const steps = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
  const step = steps.find((one) => length / one <= 6) || Math.ceil(length / 6);
  const ticks = [];
  for (let k = 0; k * step <= length + 1e-6; k += 1) ticks.push(start + k * step);
  return EM.el('div', { class: 'axis', 'aria-hidden': 'true' }, ticks.map((time) => {
    const tick = EM.el('span', {}, EM.clock(time));
    tick.style.left = `${100 * (time - start) / length}%`;
    if (time === start) tick.className = 'first';
    else if (end - time < 0.03 * length) tick.className = 'last';
    return tick;
  }));
};

const showShares = () => {
  const bars = ordered().filter(({ whole, clip }) => !whole || !clip.persons.length).map(
    ({ clip, who, one, whole }) => [
      EM.el('div', {}, whole ? clip.name : `${clip.name}: ${who}`),
      EM.shareBar(Object.fromEntries(Object.entries(one.shares).filter(([, s]) => s > 0)))]);
  by('shares').className = 'bars';
  EM.put('shares', bars.flat());
};

// ---- table

const columns = () => [
  ['clip', 'clip'], ['person', 'person'], ['given label', 'given label'], ['label', 'label'],
  ['certainty', 'certainty'], ['usable', 'usable'], ['speaks', 'speaks'],
  ...data.emotions.map((name) => [`p:${name}`, name]),
];

const number = (x, digits = 2) => (x == null ? '–' : x.toFixed(digits));
const percent = (x) => (x == null ? '–' : EM.percent(x));

const showTable = () => {
  EM.put('head', EM.el('tr', {}, columns().map(([key, word]) => EM.el('th', {
    scope: 'col', 'aria-sort': order === key ? (down ? 'descending' : 'ascending') : null,
  }, EM.el('button', { onclick: () => sortBy(key, order === key ? !down : key.startsWith('p:')) },
    `${word}${order === key ? (down ? ' ↓' : ' ↑') : ''}`)))));
  EM.put('body', ordered().map(({ clip, who, one, whole }) => {
    const most = Math.max(...Object.values(one.probabilities).map((p) => p ?? -1));
    return EM.el('tr', { class: whole ? 'whole' : null },
      EM.el('th', { scope: 'row' }, link(clip.name, clip.page)),
      EM.el('td', {}, who), EM.el('td', {}, clip.given || '–'),
      EM.el('td', {}, one.label && EM.colours[one.label] ? EM.chip(one.label) : '–'),
      EM.el('td', {}, percent(one.certainty)), EM.el('td', {}, percent(one.usable)),
      EM.el('td', {}, percent(one.speaks)),
      data.emotions.map((name) => EM.el('td', {
        class: one.probabilities[name] === most ? 'most' : null,
      }, number(one.probabilities[name]))));
  }));
};

const sortBy = (key, descending) => {
  order = key;
  down = descending;
  by('sort').value = key;
  const had = document.activeElement?.closest('#head th')?.cellIndex;
  render();
  if (had != null) by('head').querySelectorAll('button')[had].focus();
  EM.put('status', `Ordered by ${key.replace('p:', '')}, ${down ? 'largest' : 'smallest'} first.`);
};

const table = () => {
  const head = ['clip', 'person', 'given_label', 'status', 'start', 'end', 'label', 'certainty',
    'usable', 'speaks', ...data.emotions, ...data.labels.map((name) => `share_${name}`)];
  return csv([head, ...ordered().map(({ clip, who, one, whole }) => [
    clip.name, whole ? '' : who, clip.given, clip.status, clip.start, clip.end, one.label,
    one.certainty, one.usable, one.speaks, ...data.emotions.map((n) => one.probabilities[n]),
    ...data.labels.map((n) => one.shares[n]),
  ])]);
};

const render = () => {
  showRibbons();
  showShares();
  showTable();
};

// ---- start

const showMissing = () => EM.put('missing', data.missing.map(({ name, why }) => EM.el(
  'li', { class: 'note' }, `${name} is not shown: ${why}`)));

const chooser = (jobs) => {
  const done = jobs.filter((job) => job.state === 'done' && job.page);
  by('chooser').hidden = false;
  if (!done.length) {
    EM.put('status', '');
    EM.put('choices', EM.el('li', {}, 'No clip is done yet. ', link('Add clips', '/'), '.'));
    by('show').hidden = true;
    return;
  }
  const kept = new Set([...document.querySelectorAll('#choices input:checked')].map((i) => i.value));
  EM.put('status', 'Choose two clips or more.');
  by('show').hidden = false;
  const tell = () => {
    by('show').disabled = document.querySelectorAll('#choices input:checked').length < 1;
  };
  EM.put('choices', done.reverse().map((job) => EM.el('li', {}, EM.el('label', {},
    EM.el('input', { type: 'checkbox', value: job.id, checked: kept.has(job.id), onchange: tell }),
    EM.el('span', {}, job.name), job.emotion && EM.colours[job.emotion] ? EM.chip(job.emotion) : null))));
  tell();
};

const load = async (ids) => {
  for (;;) {
    try {
      data = await api(`/api/comparison?ids=${ids.map(encodeURIComponent).join(',')}`);
      offline(null);
      break;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status) {
        EM.put('status', problem.message);
        by('status').className = 'bad';
        return;
      }
      offline(problem);
      await pause(2000);
    }
  }
  EM.emotions = data.emotions;
  showMissing();
  if (!data.clips.length) { EM.put('status', 'None of these clips has a result.'); return; }
  EM.put('status', count(data.clips.length, 'clip'));
  by('sort').replaceChildren(...[['given', 'as they were chosen'], ...columns()].map(
    ([key, word]) => EM.el('option', { value: key }, word)));
  by('sort').addEventListener('change', () => sortBy(by('sort').value,
    by('sort').value.startsWith('p:')));
  by('compared').hidden = false;
  render();
};

onClick({
  csv: () => EM.download('comparison.csv', 'text/csv', table()),
  show: () => {
    const ids = [...document.querySelectorAll('#choices input:checked')].map((box) => box.value);
    location.assign(`/compare?ids=${ids.map(encodeURIComponent).join(',')}`);
  },
});

const ids = (new URLSearchParams(location.search).get('ids') || '').split(',').filter(Boolean);
if (ids.length) {
  load(ids).then(() => { document.body.dataset.ready = 'yes'; });
} else {
  follow((jobs) => { chooser(jobs); document.body.dataset.ready = 'yes'; });
}
