// The start page: clips in, progress, results as they come.
import {
  Problem, api, count, duration, follow, offline, onClick, pause, say, whereText,
} from '/assets/app.js';
import { batchName, chosen as chosenFiles, dropped, labelled, leftOut } from '/assets/collect.js';
import { Card, isOpen } from '/assets/jobs.js';
import { Uploads } from '/assets/uploads.js';

const by = (id) => document.getElementById(id);
const cards = new Map(); // id → Card
const chosen = new Set();
const deleted = new Set();
const listed = new Set(); // ids that the server has listed once
let status = { formats: [] };
let words = null;
let jobs = [];
let known = null; // id → state, to state changes once

const refuse = (text) => {
  by('refused').hidden = !text;
  if (text) EM.put('refused', text);
};

const failed = (problem) => {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 0) offline(problem);
  else refuse(problem.message);
};

// ---- clips in

const uploads = new Uploads(by('uploads'), {
  onChange: () => {
    by('sending').hidden = !uploads.items.length;
    EM.put('sending-facts', uploads.facts());
    showEmpty();
  },
  onJob: (job) => {
    if (!jobs.some((one) => one.id === job.id)) show([...jobs, job]);
  },
});

const options = () => {
  const boxes = [...document.querySelectorAll('#models-list input')];
  const read = boxes.filter((box) => box.checked).map((box) => box.value).join(',');
  return { window: by('window').value, models: read === (status.active || []).join(',') ? '' : read };
};

const send = (clips, more = []) => {
  refuse(more.filter(Boolean).join(' '));
  if (clips.length) uploads.add(clips, options());
};

const sendFiles = (found) => send(
  found.map(({ file, path }) => ({ file, name: path.split('/').pop() })), [unread(found)]);

const unread = (found) => (found.unread?.length
  ? `${count(found.unread.length, 'file')} could not be read: ${found.unread.slice(0, 3).join(', ')}.`
  : '');

// A folder. It must have class folders where it was chosen as a labelled one.
const sendFolder = (found, needsLabels) => {
  const folder = labelled(found, words);
  const name = folder.root || 'The folder';
  if (!folder.clips.length) {
    refuse([`${name} has no film and no sound file. Choose a folder with clips.`,
      leftOut(folder.left), unread(found)].filter(Boolean).join(' '));
    return;
  }
  if (!folder.classes.size) {
    const known = 'angry, disgust, fear, happy, sad, surprise, neutral';
    if (needsLabels) {
      refuse(`${name} has no folder whose name is an emotion, so its clips have no labels. Name the `
        + `folders ${known} (or words such as Anger and Happiness), and choose it again.`);
      return;
    }
    send(folder.clips, [leftOut(folder.left), unread(found),
      `No folder in ${name} is named after an emotion: the clips have no labels.`]);
    return;
  }
  const batch = batchName(folder.root);
  const missing = folder.unlabelled
    ? `${count(folder.unlabelled, 'clip')} of ${name} ${folder.unlabelled === 1 ? 'lies' : 'lie'} in no `
      + 'folder (or in several) of an emotion and will not be scored.' : '';
  send(folder.clips.map((clip) => ({ ...clip, batch })),
    [missing, leftOut(folder.left), unread(found)]);
};

const choose = (id, run) => by(id).addEventListener('change', () => {
  const found = chosenFiles(by(id));
  if (found.length) run(found);
  by(id).value = ''; // the same file can be chosen again
});
choose('files', sendFiles);
choose('folder', (found) => sendFolder(found, true));

const zone = by('drop');
for (const kind of ['dragenter', 'dragover']) {
  document.addEventListener(kind, (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    zone.classList.add('over');
  });
}
document.addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) zone.classList.remove('over');
});
document.addEventListener('drop', async (event) => {
  event.preventDefault(); // elsewhere on the page, too: a browser would open the file
  zone.classList.remove('over');
  const found = await dropped(event.dataTransfer);
  if (!found.length) refuse(unread(found) || 'Nothing in what was dropped is a file.');
  else if (found.some(({ path }) => path.includes('/'))) sendFolder(found, false);
  else sendFiles(found);
});

window.addEventListener('beforeunload', (event) => { if (uploads.active) event.preventDefault(); });

// ---- jobs

const ask = async (job) => {
  EM.put('sure-what', `${job.name}: the clip, its results and your corrections are removed from this `
    + 'computer.');
  const dialog = by('sure');
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((done) => { dialog.addEventListener('close', done, { once: true }); });
  return dialog.returnValue === 'yes';
};

const drop = (id) => {
  const card = cards.get(id);
  if (!card) return;
  const next = card.li.nextElementSibling || card.li.previousElementSibling;
  const had = card.li.contains(document.activeElement) || document.activeElement === document.body;
  card.li.remove();
  cards.delete(id);
  chosen.delete(id);
  if (!had) return;
  const near = [...(next?.querySelectorAll('.acts a, .acts button') || [])].find((one) => !one.hidden);
  (near || by('results-title')).focus();
};

const act = {
  choose(job, on) {
    if (on) chosen.add(job.id); else chosen.delete(job.id);
    showChosen();
  },
  async cancel(job) {
    try { await api(`/api/jobs/${job.id}/cancel`, { method: 'POST' }); } catch (e) { failed(e); }
  },
  async again(job) {
    try { await api(`/api/jobs/${job.id}/again`, { method: 'POST' }); } catch (e) { failed(e); }
  },
  async remove(job) {
    if (job.state !== 'expired') {
      if (job.state === 'done' && !await ask(job)) return;
      deleted.add(job.id);
      try {
        await api(`/api/jobs/${job.id}`, { method: 'DELETE' });
      } catch (problem) {
        if (problem.status !== 404) {
          deleted.delete(job.id);
          failed(problem);
          return;
        }
      }
    }
    deleted.add(job.id);
    drop(job.id);
    say(`${job.name} is deleted.`);
    show(jobs.filter((one) => one.id !== job.id));
  },
};

const place = (list, ordered) => {
  const active = document.activeElement;
  let before = null;
  for (const job of ordered) {
    const { li } = cards.get(job.id);
    const at = before ? before.nextElementSibling : list.firstElementChild;
    if (at !== li) list.insertBefore(li, at);
    before = li;
  }
  // an element that was moved has lost the focus
  if (active && active !== document.activeElement && list.contains(active)) active.focus();
};

const asExpired = (job) => {
  if (job.state === 'expired') return job;
  const over = job.expires && job.expires * 1000 < Date.now() + 60000;
  const why = over ? 'The time is over: the clip and its results are deleted.'
    : 'The clip and its results were deleted in another window.';
  return { ...job, state: 'expired', page: null, card: null, why };
};

const show = (now) => {
  const there = new Set(now.map((job) => job.id));
  // what is gone by itself stays as a note until it is removed by hand
  const gone = jobs.filter((job) => !there.has(job.id) && !deleted.has(job.id));
  // a list that was asked for before a clip came does not have it yet
  const coming = gone.filter((job) => !listed.has(job.id));
  const expired = gone.filter((job) => listed.has(job.id)).map(asExpired);
  jobs = [...now.filter((job) => !deleted.has(job.id)), ...coming, ...expired];
  for (const job of jobs) {
    const card = cards.get(job.id);
    if (card) card.update(job);
    else cards.set(job.id, new Card(job, { formats: status.formats, act }));
    if (job.state !== 'done') chosen.delete(job.id);
  }
  const rank = (job) => (job.state === 'running' ? 0 : job.place || 1e9);
  const open = jobs.filter(isOpen).sort((a, b) => rank(a) - rank(b));
  const rest = jobs.filter((job) => !isOpen(job)).reverse();
  place(by('queue'), open);
  place(by('results'), rest);
  by('working').hidden = !open.length;
  EM.put('working-title', `In work: ${count(open.length, 'clip')}`);
  showBatches();
  showChosen();
  showEmpty();
  tellChanges();
  uploads.setRoom((status.limits?.jobs ?? Infinity)
    - jobs.filter((job) => job.state === 'waiting').length);
  const done = jobs.length - open.length;
  document.title = open.length ? `${done} of ${jobs.length} done – EmoNets` : 'EmoNets';
  document.body.dataset.jobs = String(jobs.length);
};

const tellChanges = () => {
  const before = known;
  known = new Map(jobs.map((job) => [job.id, job.state]));
  if (!before) return;
  for (const job of jobs) {
    const was = before.get(job.id);
    if (was === undefined || was === job.state) continue;
    if (job.state === 'done') say(`${job.name} is done${job.emotion ? `: ${job.emotion}` : ''}.`);
    if (job.state === 'failed') say(`${job.name} failed. ${job.message || ''}`);
    if (job.state === 'cancelled') say(`${job.name} is cancelled.`);
  }
};

const showEmpty = () => {
  by('empty').hidden = jobs.some((job) => !isOpen(job));
  EM.put('empty', jobs.length || uploads.items.length
    ? 'No clip is done yet. Results come here as they are ready.'
    : 'No clip is here yet. Drop one above, or choose one.');
};

const showBatches = () => {
  const groups = new Map();
  for (const job of jobs) {
    if (!job.batch || job.state === 'expired') continue;
    if (!groups.has(job.batch)) groups.set(job.batch, []);
    groups.get(job.batch).push(job);
  }
  by('folders').hidden = !groups.size;
  const lines = [...groups].map(([name, own]) => {
    const open = own.filter(isOpen).length;
    return { name, text: `${own.length - open} of ${count(own.length, 'clip')} done` };
  });
  const key = JSON.stringify(lines);
  if (by('batches').dataset.key === key) return;
  const focused = document.activeElement?.dataset?.batch;
  by('batches').dataset.key = key;
  EM.put('batches', lines.map(({ name, text }) => EM.el('li', { class: 'job plain' },
    EM.el('div', {}, EM.el('h3', {}, name), EM.el('p', { class: 'small facts' }, text)),
    EM.el('div', { class: 'acts' }, EM.el('a', {
      class: 'button', href: `/evaluate?batch=${encodeURIComponent(name)}`, 'data-batch': name,
      'aria-label': `Scores of ${name}`,
    }, 'Scores')))));
  if (focused) {
    [...document.querySelectorAll('[data-batch]')].find((a) => a.dataset.batch === focused)?.focus();
  }
};

const showChosen = () => {
  const can = jobs.filter((job) => job.state === 'done' && job.page);
  by('choosing').hidden = can.length < 2;
  by('compare').disabled = chosen.size < 2;
  EM.put('chosen', chosen.size ? `${chosen.size} chosen` : 'Choose two or more to compare.');
  for (const [id, card] of cards) {
    card.box.checked = chosen.has(id);
    card.li.classList.toggle('chosen', chosen.has(id));
  }
};

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll('.drop-menu[open]')) {
    if (menu !== except) menu.open = false;
  }
};
document.addEventListener('click', (event) => closeMenus(event.target.closest('.drop-menu')));
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = document.activeElement?.closest('.drop-menu[open]');
  closeMenus(null);
  menu?.querySelector('summary').focus();
});

onClick({
  choose: () => by('files').click(),
  'choose-folder': () => by('folder').click(),
  all: () => {
    for (const job of jobs) if (job.state === 'done' && job.page) chosen.add(job.id);
    showChosen();
  },
  none: () => { chosen.clear(); showChosen(); },
  compare: () => {
    const ids = jobs.filter((job) => chosen.has(job.id)).map((job) => job.id);
    location.assign(`/compare?ids=${ids.map(encodeURIComponent).join(',')}`);
  },
  'sure-yes': () => by('sure').close('yes'),
  'sure-no': () => by('sure').close('no'),
});

const showStatus = () => {
  uploads.most = status.limits?.bytes ?? Infinity;
  EM.put('bundle', status.bundle || 'not known');
  EM.put('where', `${whereText(status)} ${status.limits?.seconds
    ? `Work on one clip may last ${duration(status.limits.seconds)}.` : ''}`);
  const models = status.models || [];
  by('models').hidden = models.length < 2;
  EM.put('models-list', models.map((name) => EM.el('label', { class: 'switch' },
    EM.el('input', {
      type: 'checkbox', value: name, checked: (status.active || models).includes(name),
    }), name)));
};

const start = async () => {
  for (;;) {
    try {
      [status, words] = await Promise.all([api('/api/status'), api('/assets/words.json')]);
      break;
    } catch (problem) {
      failed(problem);
      await pause(2000);
    }
  }
  showStatus();
  await follow((now) => {
    for (const job of now) listed.add(job.id);
    show(now);
    document.body.dataset.ready = 'yes';
  });
};
start();
