// What all pages of the server share: requests, the long poll, messages, words for sizes and times.
// `EM` is of base.js, a plain script that stands before every module.

const GONE = 'The server does not answer. Is the window of “emonets serve” still open? '
  + 'This page tries again by itself.';
const NO_TOKEN = 'The server was started again, and this address is no longer valid. '
  + 'Open the address that it printed.';
const SILENT = 4000; // ms between two messages for screen readers, at least

export class Problem extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status; // of HTTP; 0: no answer at all
  }
}

// The sentence of an answer that is an error.
export const sentenceOf = (status, text) => {
  if (status === 401 || status === 403) return NO_TOKEN;
  try {
    const { error } = JSON.parse(text);
    if (typeof error === 'string' && error) return error;
  } catch { /* not JSON */ }
  return status ? `The server answers with the error ${status}.` : GONE;
};

export const api = async (path, options = {}) => {
  let answer;
  let text;
  try {
    answer = await fetch(path, { cache: 'no-store', ...options });
    text = await answer.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(GONE, 0);
  }
  if (!answer.ok) throw new Problem(sentenceOf(answer.status, text), answer.status);
  return text ? JSON.parse(text) : null;
};

// The banner of a server that does not answer. A null takes it away.
export const offline = (problem) => {
  const banner = document.getElementById('offline');
  const text = problem ? problem.message : '';
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !problem;
  document.body.dataset.online = problem ? 'no' : 'yes';
};

export const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

const shown = () => new Promise((done) => {
  if (!document.hidden) done();
  else document.addEventListener('visibilitychange', () => done(), { once: true });
});

// Calls `onJobs(jobs)` with all jobs after each change, as long as the page is open. A page that
// nobody sees holds no request, because browsers allow six at a time to one server.
export const follow = async (onJobs) => {
  let version = null;
  for (;;) {
    try {
      const since = version == null ? '' : `?since=${encodeURIComponent(version)}`;
      const answer = await api(`/api/jobs${since}`);
      offline(null);
      if (answer.version !== version) onJobs(answer.jobs);
      version = answer.version;
      await (document.hidden ? Promise.race([shown(), pause(4000)]) : pause(150));
      if (document.hidden) version = null; // the next request is answered at once
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      offline(problem);
      version = null;
      await pause(2000);
    }
  }
};

// Messages for screen readers: joined, and seldom.
const waiting = [];
let last = -Infinity;
let timer = null;
const tell = () => {
  timer = null;
  last = performance.now();
  const more = waiting.length > 3 ? ` And ${waiting.length - 3} more messages.` : '';
  EM.put('status', waiting.splice(0).slice(0, 3).join(' ') + more);
};
export const say = (text) => {
  waiting.push(text);
  if (timer == null) timer = setTimeout(tell, Math.max(50, SILENT - (performance.now() - last)));
};

export const size = (bytes) => {
  if (bytes == null) return '';
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let value = bytes;
  let k = 0;
  while (value >= 999.5 && k < units.length - 1) { value /= 1000; k += 1; }
  return `${k && value < 9.95 ? value.toFixed(1) : Math.round(value)}\u00a0${units[k]}`;
};

export const duration = (seconds) => {
  if (seconds < 50) return `${Math.max(1, Math.round(seconds))}\u00a0s`;
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))}\u00a0min`;
  return `${(seconds / 3600).toFixed(seconds < 36000 ? 1 : 0).replace('.0', '')}\u00a0h`;
};

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

// Where clips are and when they go: a sentence of /api/status.
export const whereText = (status) => {
  const place = status.folder ? ` in ${status.folder}` : '';
  return `Clips and results are kept on this computer only${place}. They are deleted `
    + `${duration(status.keep_seconds)} after the last work on them.`;
};

export const csv = (rows) => {
  const cell = (value) => {
    if (value == null) return '';
    if (typeof value !== 'string') return String(value);
    // a text that a spreadsheet would take for a formula begins with an apostrophe
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(',')).join('\n')}\n`;
};

export const onClick = (handlers) => {
  for (const [id, run] of Object.entries(handlers)) {
    document.getElementById(id).addEventListener('click', run);
  }
};

export const link = (text, href) => (href ? EM.el('a', { href }, text) : text);

const notice = document.getElementById('notice');
onClick({ limits: () => notice.showModal(), close: () => notice.close() });
