// Files that the page makes itself: edits, a table of windows, subtitles.
'use strict';

EM.stem = (file) => file.replace(/\.[^.]*$/, '').replace(/[^\p{L}\p{N}._-]+/gu, '_')
  .replace(/^[_.]+|[_.]+$/g, '').slice(0, 80) || 'clip';

EM.editsText = (edits) => `${JSON.stringify(edits, null, 1)}\n`;

// A text that a spreadsheet would take for a formula begins with an apostrophe.
const quoted = (value) => {
  if (value == null) return '';
  if (typeof value !== 'string') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

EM.csvText = (view, data) => {
  const names = new Map(view.persons.map((person) => [person.id, person.name]));
  const head = ['file', 'person', 'name', 'start', 'end', 'model', ...EM.emotions, 'label',
    'usable', 'speaks', 'excluded'];
  const lines = view.shown.map((row) => [
    data.file, row.person, row.person == null ? '' : names.get(row.person), row.start.toFixed(3),
    row.end.toFixed(3), row.source, ...row.p.map((p) => p.toFixed(4)), row.label || '', row.usable,
    row.speaks, row.excluded,
  ]);
  return `${[head, ...lines].map((line) => line.map(quoted).join(',')).join('\n')}\n`;
};

const stamp = (seconds) => {
  const ms = Math.round(seconds * 1000);
  const two = (value) => String(value).padStart(2, '0');
  return `${two(Math.floor(ms / 3600000))}:${two(Math.floor(ms / 60000) % 60)}:`
    + `${two(Math.floor(ms / 1000) % 60)}.${String(ms % 1000).padStart(3, '0')}`;
};

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  .replaceAll('>', '&gt;').replace(/\s+/g, ' ');

// https://www.w3.org/TR/webvtt1/: cues in order of their start. Excluded stretches have none.
EM.vttText = (view, data) => {
  const cues = [];
  const owners = view.persons.length ? view.persons
    : [{ name: 'Clip', rows: view.together }];
  for (const { name, rows } of owners) {
    rows.forEach((row, i) => {
      if (!row.label || row.excluded) return;
      const stop = i + 1 < rows.length ? Math.min(row.end, rows[i + 1].start) : row.end;
      if (stop <= row.start) return;
      const text = `${escaped(name)}: ${row.label} ${EM.percent(Math.max(...row.p))}`;
      cues.push([row.start, stop, `<v ${escaped(name)}>${text}</v>`]);
    });
  }
  for (const event of view.edits.events) {
    cues.push([event.time, event.time + 1, `${escaped(event.name || 'event')}`]);
  }
  cues.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const note = `NOTE file: ${data.file.replace(/\s+/g, ' ').replaceAll('-->', '->')}`;
  return `${['WEBVTT', note, ...cues.map(
    ([a, b, text]) => `${stamp(a)} --> ${stamp(b)}\n${text}`)].join('\n\n')}\n`;
};

EM.methodText = (data, view, edits) => {
  const people = edits.people.length + Object.keys(edits.names).length;
  const said = [data.method];
  if (edits.people.length) {
    said.push(`Persons were merged or split by hand (${edits.people.length} steps), which left `
      + `${view.persons.length}.`);
  }
  if (edits.excluded.length) {
    const seconds = edits.excluded.reduce((sum, s) => sum + s.end - s.start, 0);
    said.push(`${edits.excluded.length} stretches (${seconds.toFixed(1)} s in all) were excluded `
      + 'by hand.');
  }
  return people || edits.excluded.length ? said.join(' ') : data.method;
};
