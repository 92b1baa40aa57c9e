// The card of a job, which is changed in place: focus, open menus and choices stay.
import { count, duration, size } from '/assets/app.js';

const STAGES = {
  starting: 'starting', reading: 'reading pictures and sound', film: 'making the film of the page',
};
const STATUS = {
  damaged: 'damaged', 'no face': 'no face', 'no sound': 'no sound', 'no speech': 'no voice',
  'no motion': 'no motion',
};

export const isOpen = (job) => job.state === 'waiting' || job.state === 'running';

// Texts of a state, for the card and for screen readers.
export const stateText = (job) => {
  if (job.state === 'waiting') {
    if (!job.place) return 'waiting';
    return job.place === 1 ? 'waiting, is next' : `waiting, place ${job.place} in the queue`;
  }
  if (job.state === 'running') {
    const left = job.seconds_left == null ? 'time left not known yet'
      : `about ${duration(job.seconds_left)} left`;
    return `${STAGES[job.stage] || job.stage || 'starting'} · ${left}`;
  }
  return { cancelled: 'cancelled', failed: 'failed', done: 'done', expired: 'deleted' }[job.state];
};

// Messages of files go on from the name: "is empty; copy it again".
export const sentence = (message) => {
  if (!message) return '';
  const verb = /^(is|has|had|can|cannot|could|took|takes|needs|does|did|was|were|holds|ends|ended|lacks|gave)\b/;
  const text = verb.test(message) ? `This file ${message}` : message[0].toUpperCase() + message.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
};

const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

export class Card {
  constructor(job, { formats, act }) {
    this.job = job;
    this.act = act;
    const { name } = job;
    this.box = EM.el('input', {
      type: 'checkbox', 'aria-label': `Choose ${name} for the comparison`,
      onchange: () => act.choose(this.job, this.box.checked),
    });
    this.thumb = EM.el('div', { class: 'thumb none', 'aria-hidden': 'true' });
    this.title = EM.el('h3', {}, name);
    this.facts = EM.el('p', { class: 'small facts' });
    this.bar = EM.el('progress', { 'aria-label': `Read of ${name}` });
    this.state = EM.el('span', { class: 'small' });
    this.going = EM.el('div', { class: 'going' }, this.bar, this.state);
    this.problem = EM.el('p', { hidden: true });
    this.open = EM.el('a', { class: 'button main', hidden: true, 'aria-label': `Open ${name}` }, 'Open');
    this.menu = this.downloads(formats);
    const button = (word, verb, run) => EM.el('button', {
      'aria-label': `${verb} ${name}`, onclick: () => run(this.job), hidden: true,
    }, word);
    this.cancel = button('Cancel', 'Cancel', act.cancel);
    this.again = button('Again', 'Again: read', act.again);
    this.remove = button('Delete', 'Delete', act.remove);
    this.li = EM.el('li', { class: 'job', 'data-job': job.id, 'data-name': name },
      EM.el('div', { class: 'tick' }, this.box), this.thumb,
      EM.el('div', {}, this.title, this.facts, this.going, this.problem),
      EM.el('div', { class: 'acts' }, this.open, this.menu, this.cancel, this.again, this.remove));
    this.update(job);
  }

  downloads(formats) {
    const items = formats.map((format) => {
      const [name, about] = typeof format === 'string' ? [format, '']
        : [format.name, format.about || ''];
      return EM.el('li', {}, EM.el('a', {
        href: `/api/jobs/${this.job.id}/result?format=${encodeURIComponent(name)}`, download: '',
      }, name, about ? EM.el('small', {}, about) : null));
    });
    return EM.el('details', { class: 'drop-menu', hidden: true },
      EM.el('summary', { class: 'button', 'aria-label': `Download results of ${this.job.name}` },
        'Download'), EM.el('ul', {}, items));
  }

  update(job) {
    const before = this.job;
    this.job = job;
    const finished = job.state === 'done' || (job.state === 'failed' && job.page);
    this.li.dataset.state = job.state;
    this.box.hidden = !job.page || job.state !== 'done';
    if (this.drawn !== `${job.page} ${job.state}`) this.picture(job);
    this.showFacts(job);
    const running = job.state === 'running';
    this.going.hidden = !isOpen(job);
    this.bar.hidden = !running;
    if (running && job.total > 0 && job.stage !== 'starting') {
      this.bar.max = job.total;
      this.bar.value = Math.min(job.done || 0, job.total);
    } else this.bar.removeAttribute('value');
    put(this.state, stateText(job));
    this.showProblem(job);
    this.open.hidden = !job.page;
    if (job.page) this.open.href = job.page;
    this.menu.hidden = !finished;
    this.cancel.hidden = !isOpen(job);
    this.again.hidden = isOpen(job) || job.state === 'expired';
    this.remove.hidden = isOpen(job);
    const gone = job.state === 'expired';
    put(this.remove, gone ? 'Remove from the list' : 'Delete');
    this.remove.setAttribute('aria-label', `${gone ? 'Remove from the list:' : 'Delete'} ${job.name}`);
    return before.state !== job.state;
  }

  picture(job) {
    this.drawn = `${job.page} ${job.state}`;
    const empty = (text) => EM.el('div', { class: 'thumb none', 'aria-hidden': 'true' }, text);
    const sound = job.state === 'done' ? 'sound only' : 'no picture';
    let made = empty(job.state === 'failed' ? 'not read' : sound);
    if (job.card) {
      made = EM.el('img', {
        class: 'thumb', alt: '', src: job.card, width: '128', height: '72',
        onerror: () => { this.thumb.replaceWith(this.thumb = empty('sound only')); },
      });
    } else if (isOpen(job)) made = empty('');
    this.thumb.replaceWith(made);
    this.thumb = made;
  }

  showFacts(job) {
    const facts = [
      size(job.size),
      job.seconds > 0 ? `${EM.clock(job.seconds)} long` : null,
      job.persons == null || job.state !== 'done' ? null : count(job.persons, 'person'),
      job.batch ? `folder: ${job.batch}` : null,
    ].filter(Boolean).join(' · ');
    const key = JSON.stringify([facts, job.emotion, job.label, job.state, job.status, job.no_voice]);
    if (key === this.key) return;
    this.key = key;
    const note = job.state === 'done' ? STATUS[job.status] : null;
    this.facts.replaceChildren(...[
      job.emotion && EM.colours[job.emotion] ? EM.chip(job.emotion) : null,
      note ? EM.el('span', { class: 'badge' }, note) : null,
      job.state === 'done' && job.no_voice && note !== 'no voice'
        ? EM.el('span', { class: 'badge' }, 'no voice') : null,
      job.label ? EM.el('span', { class: 'badge' }, `labelled ${job.label}`) : null,
      EM.el('span', {}, facts),
    ].filter(Boolean));
  }

  showProblem(job) {
    let text = '';
    if (job.state === 'failed') text = sentence(job.message) || 'This file could not be read.';
    else if (job.state === 'cancelled') text = 'Cancelled. “Again” reads it from the start.';
    else if (job.state === 'expired') text = job.why;
    else if (job.state === 'done' && job.message) text = sentence(job.message);
    this.problem.hidden = !text;
    this.problem.className = job.state === 'failed' ? 'bad' : 'note';
    put(this.problem, text);
  }
}
