// From what a user chose or dropped to clips: their files, names and labels.
import { count } from '/assets/app.js';

// Files of a drop, with their paths within the folders that were dropped.
export const dropped = async (transfer) => {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const out = [];
  const unread = [];
  const walk = async (entry, before) => {
    const path = before ? `${before}/${entry.name}` : entry.name;
    try {
      if (entry.isFile) {
        out.push({ file: await new Promise((done, no) => { entry.file(done, no); }), path });
        return;
      }
      const reader = entry.createReader();
      for (;;) { // a reader gives a hundred entries at a time
        const some = await new Promise((done, no) => { reader.readEntries(done, no); });
        if (!some.length) return;
        for (const one of some) await walk(one, path);
      }
    } catch {
      unread.push(path);
    }
  };
  for (const entry of entries) await walk(entry, '');
  out.unread = unread;
  return out;
};

export const chosen = (input) => [...input.files].map(
  (file) => ({ file, path: file.webkitRelativePath || file.name }));

const hidden = (name) => name.startsWith('.') || name.startsWith('__');
const ending = (name) => {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot).toLowerCase();
};

// The files of a folder that can be clips, each with the label of its class folder.
// Returns {root, clips: [{file, name, label}], classes, unlabelled, left: [name]}.
export const labelled = (found, words) => {
  const emotion = (name) => {
    const word = name.trim().toLowerCase();
    return Object.hasOwn(words.words, word) ? words.words[word] : null;
  };
  const suffixes = new Set(words.suffixes);
  const left = [];
  const rows = [];
  let root = '';
  for (const { file, path } of found) {
    const parts = path.split('/');
    const name = parts.pop();
    root = root || parts[0] || '';
    if (hidden(name) || parts.slice(1).some(hidden)) continue;
    if (!suffixes.has(ending(name))) { left.push(name); continue; }
    const classes = parts.slice(1).filter(emotion);
    rows.push({ file, name, root: parts[0], label: classes.length === 1 ? emotion(classes[0]) : null });
  }
  // a folder that is itself one class, such as "happy"
  if (!rows.some((row) => row.label)) {
    for (const row of rows) row.label = (row.root && emotion(row.root)) || null;
  }
  const clips = rows.map(({ file, name, label }) => ({ file, name, label }));
  const classes = new Set(clips.map((clip) => clip.label).filter(Boolean));
  return {
    root, clips, left, classes, unlabelled: clips.filter((clip) => !clip.label).length,
  };
};

export const leftOut = (left) => (left.length
  ? `${count(left.length, 'file')} ${left.length === 1 ? 'was' : 'were'} left out, because the ending `
    + `is of no film or sound file: ${left.slice(0, 3).join(', ')}${left.length > 3 ? ' …' : ''}.`
  : '');

// A name for the clips of one upload, which no other upload has.
export const batchName = (root) => {
  const now = new Date();
  const two = (n) => String(n).padStart(2, '0');
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${root || 'folder'} (${day} ${two(now.getHours())}:${two(now.getMinutes())}:`
    + `${two(now.getSeconds())})`;
};
