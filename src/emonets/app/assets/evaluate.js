// A labelled folder: what is missing, scores with intervals, confusion matrices, wrong answers.
import { Problem, api, count, csv, follow, link, onClick } from '/assets/app.js';

const by = (id) => document.getElementById(id);
const ALL = 'all together';
const batch = new URLSearchParams(location.search).get('batch');
let data = null;
let shown = ALL;

const number = (x) => (x == null ? '–' : `${(100 * x).toFixed(1)}\u00a0%`);
const between = (s) => (s ? `${(100 * s.low).toFixed(1)} to ${number(s.high)}` : '–');

const showCounted = () => {
  const { n, scored, missing, unfinished } = data;
  by('busy').hidden = !unfinished;
  if (unfinished) {
    EM.put('busy', `${count(unfinished, 'clip')} ${unfinished === 1 ? 'is' : 'are'} not done yet. `
      + 'The scores change as they come.');
  }
  const all = data.sources.find((one) => one.source === ALL);
  const rest = all && all.labelled > all.n ? ` Counted as wrong, they would make the accuracy ${
    number(all.accuracy_of_all)} of ${count(all.labelled, 'labelled clip')}.` : '';
  EM.put('counted', missing.length
    ? `${scored} of ${count(n, 'clip')} ${scored === 1 ? 'is' : 'are'} scored. ${missing.length} `
      + `${missing.length === 1 ? 'is' : 'are'} missing and in none of the scores below.${rest}`
    : `All ${count(n, 'clip')} have a label and an answer, and are scored.`);
  by('missing').hidden = !missing.length;
  EM.put('missing-title', `${count(missing.length, 'missing clip')} and why`);
  EM.put('missing-list', missing.map((one) => EM.el('li', {}, link(one.name, one.page),
    `${one.label ? ` (${one.label})` : ''}: ${one.why}`)));
};

const showScores = () => EM.put('scores', data.sources.map((one) => EM.el('tr', {},
  EM.el('th', { scope: 'row' }, one.source), EM.el('td', {}, one.n), EM.el('td', {}, one.right),
  EM.el('td', { class: 'most' }, number(one.accuracy.value)), EM.el('td', {}, between(one.accuracy)),
  EM.el('td', { class: 'most' }, number(one.uar.value)), EM.el('td', {}, between(one.uar)))));

const honest = () => {
  const { trained_on: known } = data;
  const said = ['These scores are only honest for people that the model has not learned from.'];
  if (known.clips.length) {
    said.push(`${known.clips.length} of these ${count(known.checked, 'clip')} `
      + `${known.clips.length === 1 ? 'is' : 'are'} among its training clips: the scores are too high.`);
  } else if (known.checked) {
    said.push(`None of these files is a training clip of it, byte by byte. Copies in another `
      + 'encoding, and other clips of the same people, are not found by this check; the command '
      + '“emonets evaluate” compares fingerprints, too.');
  }
  if (!known.checked) said.push('Whether it has learned from these clips was not checked.');
  const corpora = [...new Set(Object.values(known.corpora).flat())];
  by('learned').hidden = !corpora.length;
  EM.put('learned-list', corpora.map((name) => EM.el('li', {}, name)));
  if (known.unchecked.length) {
    said.push(`Of some training data its bundle keeps names only, so they were not compared: ${
      known.unchecked.join(', ')}.`);
  }
  by('honest').className = known.clips.length ? 'bad' : 'note';
  EM.put('honest', said.join(' '));
};

const source = () => data.sources.find((one) => one.source === shown) || data.sources[0];

const showMatrix = () => {
  const one = source();
  by('pick').hidden = data.sources.length < 2;
  EM.put('pick', data.sources.map(({ source: name }) => EM.el('button', {
    'aria-pressed': String(name === one.source), 'data-source': name,
    onclick: () => {
      shown = name;
      showDetails();
      [...by('pick').children].find((button) => button.dataset.source === name).focus();
    },
  }, name)));
  const sums = one.confusion.map((row) => row.reduce((a, b) => a + b, 0));
  by('matrix').replaceChildren(
    EM.el('caption', { class: 'sr' }, `Confusion matrix of ${one.source}, ${count(one.n, 'clip')}`),
    EM.el('thead', {}, EM.el('tr', {}, EM.el('th', { scope: 'col' }, 'true ↓ answer →'),
      data.emotions.map((name) => EM.el('th', { scope: 'col' }, EM.chip(name))),
      EM.el('th', { scope: 'col' }, 'clips'))),
    EM.el('tbody', {}, one.confusion.map((row, i) => EM.el('tr', {},
      EM.el('th', { scope: 'row' }, EM.chip(data.emotions[i])),
      row.map((n, j) => cell(n, sums[i], i === j)), EM.el('td', {}, sums[i])))));
};

const cell = (n, sum, right) => {
  if (!sum) return EM.el('td', { class: 'none' }, '–');
  const share = n / sum;
  const dark = EM.isDark();
  const [low, high] = dark ? [[22, 25, 29], [86, 180, 233]] : [[255, 255, 255], [0, 84, 140]];
  const fill = `rgb(${low.map((c, k) => Math.round(c + share * (high[k] - c))).join(',')})`;
  const made = EM.el('td', { class: right ? 'right' : null }, n,
    EM.el('small', {}, `${Math.round(100 * share)}\u00a0%`));
  made.style.background = fill;
  made.style.color = EM.ink(fill);
  return made;
};

const showRecall = () => {
  const one = source();
  EM.put('recall', data.emotions.map((name) => {
    const { n, recall } = one.classes[name];
    const bar = EM.el('span', {});
    const ends = EM.el('i', {});
    bar.style.width = `${100 * (recall ? recall.value : 0)}%`;
    if (recall) {
      ends.style.left = `${100 * recall.low}%`;
      ends.style.width = `${100 * (recall.high - recall.low)}%`;
    }
    return EM.el('li', {}, EM.chip(name),
      EM.el('div', { class: 'meter', 'aria-hidden': 'true' }, bar, recall ? ends : null),
      EM.el('span', { class: 'small' }, recall
        ? `${number(recall.value)} of ${count(n, 'clip')} (${between(recall)})` : 'no clip'));
  }));
};

const showWrong = () => {
  const wrong = data.clips.filter((clip) => !clip.right);
  EM.put('wrong', wrong.map((clip) => EM.el('li', {}, link(clip.name, clip.page),
    `: ${clip.label}, answered ${clip.answer} (${EM.percent(clip.certainty)})`)),
  wrong.length ? null : EM.el('li', { class: 'small' }, data.scored ? 'none' : 'nothing is scored'));
};

const showDetails = () => { showMatrix(); showRecall(); };

const table = () => csv([
  ['clip', 'label', 'answer', 'certainty', 'right', 'missing'],
  ...data.clips.map((c) => [c.name, c.label, c.answer, c.certainty, c.right, '']),
  ...data.missing.map((c) => [c.name, c.label, '', '', '', c.why]),
]);

const render = () => {
  EM.emotions = data.emotions;
  EM.put('status', data.batch);
  by('scored').hidden = false;
  showCounted();
  const some = data.sources.length > 0;
  for (const id of ['scores', 'matrix', 'recall', 'wrong']) {
    by(id).closest('section').hidden = !some;
  }
  if (!some) return;
  showScores();
  honest();
  showDetails();
  showWrong();
};

const chooser = (jobs) => {
  const batches = [...new Set(jobs.map((job) => job.batch).filter(Boolean))].reverse();
  by('chooser').hidden = false;
  EM.put('status', batches.length ? '' : 'No labelled folder is here.');
  EM.put('choices', batches.map((name) => EM.el('li', {},
    link(name, `/evaluate?batch=${encodeURIComponent(name)}`))),
  EM.el('li', {}, link(batches.length ? 'Add another folder' : 'Choose a labelled folder', '/')));
};

let asked = 0;
const load = async () => {
  asked += 1;
  const mine = asked;
  try {
    const made = await api(`/api/evaluation?batch=${encodeURIComponent(batch)}`);
    if (mine !== asked) return;
    data = made;
    render();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status) {
      by('status').className = 'bad';
      EM.put('status', problem.message);
    }
  }
  document.body.dataset.ready = 'yes';
};

onClick({ csv: () => EM.download('evaluation.csv', 'text/csv', table()) });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => data && showDetails());
for (const moment of ['beforeprint', 'afterprint']) {
  window.addEventListener(moment, () => data?.sources.length && showDetails());
}

let before = null;
follow((jobs) => {
  if (!batch) { chooser(jobs); document.body.dataset.ready = 'yes'; return; }
  const own = jobs.filter((job) => job.batch === batch).map((job) => [job.id, job.state]);
  const key = JSON.stringify(own);
  if (key !== before) { before = key; load(); } // the scores change when a clip is done
});
