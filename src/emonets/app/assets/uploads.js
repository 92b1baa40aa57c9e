// The clips on their way to the server: two at once, the others wait in the page.
import { Problem, api, count, say, sentenceOf, size } from '/assets/app.js';

const AT_ONCE = 2;
const clean = (text) => (text.toWellFormed ? text.toWellFormed() : text);

export class Uploads {
  constructor(place, { onChange, onJob }) {
    Object.assign(this, {
      place, onChange, onJob, items: [], made: 0, most: Infinity, room: Infinity, timer: null,
    });
  }

  // How many more clips the server lets wait.
  setRoom(room) {
    this.room = room;
    this.next();
  }

  // clips: [{file, name, label, batch}]; options: {window, models}
  add(clips, options) {
    for (const clip of clips) {
      const item = { ...clip, options, key: this.made, state: 'waiting', sent: 0, why: '' };
      this.made += 1;
      if (!item.file.size) this.fail(item, 'It is empty. Copy or download it again.', false);
      else if (item.file.size > this.most) {
        this.fail(item, `It has ${size(item.file.size)}, and the server takes ${size(this.most)} at `
          + 'most. Cut it, or start the server with a larger --max-bytes.', false);
      }
      item.row = this.row(item);
      this.items.push(item);
      this.place.append(item.row.li);
      this.show(item);
    }
    this.next();
    this.onChange();
  }

  get active() { return this.items.filter((item) => item.state !== 'failed').length; }

  facts() {
    const failed = this.items.length - this.active;
    const sent = this.items.filter((item) => item.state !== 'failed');
    const bytes = sent.reduce((sum, item) => sum + item.file.size - item.sent, 0);
    return [
      this.active ? `${count(this.active, 'clip')} to send, ${size(bytes)}` : '',
      failed ? `${failed} not sent` : '',
    ].filter(Boolean).join(' · ');
  }

  row(item) {
    const bar = EM.el('progress', { max: '100', value: '0', 'aria-label': `Sent of ${item.name}` });
    const state = EM.el('span', { class: 'small' });
    const going = EM.el('div', { class: 'going' }, bar, state);
    const why = EM.el('p', { class: 'bad', hidden: true });
    const again = EM.el('button', {
      hidden: true, 'aria-label': `Try again: send ${item.name}`, onclick: () => this.again(item),
    }, 'Try again');
    const stop = EM.el('button', {
      onclick: () => this.drop(item, true),
    }, 'Cancel');
    const badge = item.label ? EM.el('span', { class: 'badge' }, `labelled ${item.label}`) : null;
    const li = EM.el('li', { class: 'job plain', 'data-upload': item.name },
      EM.el('div', {}, EM.el('h3', {}, item.name),
        EM.el('p', { class: 'small facts' }, `${size(item.file.size)} `, badge), going, why),
      EM.el('div', { class: 'acts' }, again, stop));
    return { li, bar, state, going, why, again, stop };
  }

  show(item) {
    const { row } = item;
    if (!row) return;
    const failed = item.state === 'failed';
    const part = item.file.size ? item.sent / item.file.size : 0;
    row.bar.value = Math.round(100 * part);
    row.going.hidden = failed;
    row.why.hidden = !failed;
    row.why.textContent = item.why;
    row.again.hidden = !failed || !item.retry;
    row.stop.textContent = failed ? 'Remove' : 'Cancel';
    row.stop.setAttribute('aria-label', failed ? `Remove ${item.name}` : `Cancel sending ${item.name}`);
    const waits = this.room > 0 ? 'waits to be sent' : 'waits until clips in the queue are done';
    row.state.textContent = item.state === 'waiting' ? waits
      : part < 1 ? `${Math.round(100 * part)}\u00a0%` : 'sent';
  }

  next() {
    const busy = this.items.filter((item) => item.state === 'sending').length;
    const free = Math.max(0, Math.min(AT_ONCE, this.room) - busy);
    const waiting = this.items.filter((item) => item.state === 'waiting');
    for (const item of waiting.slice(0, free)) this.send(item);
    for (const item of waiting.slice(free)) this.show(item);
  }

  // The queue of the server is full: again in a while.
  hold(item) {
    Object.assign(item, { state: 'waiting', sent: 0 });
    this.room = 0;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.setRoom(1), 5000);
    this.show(item);
  }

  send(item) {
    const query = new URLSearchParams({ name: clean(item.name) });
    if (item.label) query.set('label', item.label);
    if (item.batch) query.set('batch', clean(item.batch));
    for (const [name, value] of Object.entries(item.options)) if (value) query.set(name, value);
    const request = new XMLHttpRequest();
    item.request = request;
    item.state = 'sending';
    item.sent = 0;
    request.upload.addEventListener('progress', (event) => {
      item.sent = Math.min(event.loaded, item.file.size);
      this.show(item);
      this.onChange();
    });
    request.addEventListener('load', () => {
      if (request.status === 201) {
        this.drop(item, false);
        this.onJob(JSON.parse(request.responseText));
      } else if (request.status === 429) this.hold(item);
      else this.fail(item, sentenceOf(request.status, request.responseText), true);
      this.next();
      this.onChange();
    });
    request.addEventListener('error', async () => {
      let why = 'The connection broke, or the file was moved or changed. Try again.';
      try {
        await api('/api/status');
      } catch (problem) {
        if (problem instanceof Problem) why = problem.message.replace(/ This page .*/, '');
      }
      if (item.state === 'gone') return;
      this.fail(item, why, true);
      this.next();
      this.onChange();
    });
    request.open('POST', `/api/jobs?${query}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.send(item.file);
    this.show(item);
  }

  fail(item, why, retry) {
    Object.assign(item, { state: 'failed', why, retry, sent: 0 });
    say(`${item.name} is not sent. ${why}`);
    this.show(item);
  }

  again(item) {
    item.state = 'waiting';
    this.show(item);
    item.row.stop.focus();
    this.next();
    this.onChange();
  }

  drop(item, byHand) {
    const at = this.items.indexOf(item);
    if (at < 0) return;
    if (item.state === 'sending' && byHand) item.request.abort();
    item.state = 'gone';
    this.items.splice(at, 1);
    const had = item.row.li.contains(document.activeElement);
    item.row.li.remove();
    if (had) {
      const near = this.items[Math.min(at, this.items.length - 1)];
      (near ? near.row.stop : document.getElementById('results-title')).focus();
    }
    if (byHand) { this.next(); this.onChange(); }
  }
}
