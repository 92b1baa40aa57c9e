// The numbers at the playhead: of the chosen person, a column a source.
'use strict';

EM.showValues = (rows, sources, time, name, data) => {
  const at = sources.map((source) => EM.rowAt(rows.filter((row) => row.source === source), time));
  const shown = at[sources.indexOf(data.shown_source)] || at.find((row) => row) || null;
  const cell = (row, k) => {
    if (!row || !row.found) return EM.el('td', {}, '–');
    const top = row.p[k] === Math.max(...row.p);
    return EM.el('td', { class: top ? 'most' : null }, row.p[k].toFixed(2));
  };
  EM.put('values-head', EM.el('tr', {}, EM.el('th', { scope: 'col' }, 'emotion'),
    sources.map((source) => EM.el('th', { scope: 'col' }, source.replaceAll('+', ' + ')))));
  EM.put('values-body', EM.emotions.map((label, k) => EM.el('tr', { 'data-label': label },
    EM.el('th', { scope: 'row' }, EM.chip(label)), at.map((row) => cell(row, k)))),
  EM.el('tr', {}, EM.el('th', { scope: 'row' }, 'label'), at.map(
    (row) => EM.el('td', {}, row ? row.label || 'nothing found' : '–'))));
  EM.put('values-title', `${name} at ${EM.clock(time)}`);
  EM.put('values-note', shown ? sentence(shown) : 'No window at this time.');
};

function sentence(row) {
  const said = [`Window ${EM.clock(row.start)} to ${EM.clock(row.end)}.`];
  if (row.person != null && row.speaks != null) {
    said.push(row.speaks ? 'This person speaks.' : 'This person does not speak.');
  } else if (row.speech != null) said.push(`Somebody speaks in ${EM.percent(row.speech)} of it.`);
  if (row.usable != null) said.push(`The face can be used in ${EM.percent(row.usable)} of it.`);
  if (row.excluded) said.push('This stretch is excluded.');
  return said.join(' ');
}

// Stretches to check by eye: no certain label. Neighbours are joined.
EM.uncertainStretches = (view, data) => {
  const below = data.uncertain_below;
  const out = [];
  const owners = view.persons.length ? view.persons
    : [{ name: 'Clip', rows: view.together, id: null }];
  for (const person of owners) {
    for (const row of person.rows) {
      const doubt = row.label === 'uncertain'
        || (row.found && !data.has_uncertain && Math.max(...row.p) < below);
      if (!doubt || row.excluded) continue;
      const last = out[out.length - 1];
      if (last && last.id === person.id && Math.abs(last.end - row.start) < 1e-3) last.end = row.end;
      else out.push({ id: person.id, name: person.name, start: row.start, end: row.end });
    }
  }
  return out.sort((a, b) => a.start - b.start);
};
