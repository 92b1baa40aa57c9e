// Edits: what a reader corrects. `EM.apply` gives the result as corrected; nothing else changes it.
'use strict';

EM.noEdits = (data) => ({
  schema: 'emonets.edits', version: 1, file: data.file, result: data.digest, names: {},
  people: [], excluded: [], events: [],
});

// The number of a person at a time, after merges and splits in the order they were made.
EM.personAt = (person, time, people) => people.reduce((now, step) => {
  if (step.op === 'merge') return now === step.from ? step.into : now;
  return now === step.person && time >= step.at ? step.new : now;
}, person);

EM.isExcluded = (time, edits) => edits.excluded.some((s) => time >= s.start && time < s.end);

const middle = (row) => (row.start + row.end) / 2;

// Rows of one span and source that a merge gave one person become one: their mean.
const joined = (rows) => {
  const groups = new Map();
  for (const row of rows) {
    const key = [row.source, row.person, row.start, row.end].join();
    if (groups.has(key)) groups.get(key).push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].map((group) => (group.length === 1 ? group[0] : EM.mean(group)));
};

// One row of several: means of those in which something was found.
EM.mean = (group) => {
  const found = group.filter((row) => row.found);
  const used = found.length ? found : group;
  const p = used[0].p.map((_, k) => used.reduce((sum, row) => sum + row.p[k], 0) / used.length);
  const doubt = used.every((row) => row.label === 'uncertain');
  const label = !found.length ? null : doubt ? 'uncertain' : EM.emotions[p.indexOf(Math.max(...p))];
  const known = group.filter((row) => row.usable != null);
  return {
    ...group[0], p, label, found: found.length > 0,
    speaks: group.some((row) => row.speaks === true) ? true : group[0].speaks,
    usable: known.length ? known.reduce((sum, row) => sum + row.usable, 0) / known.length : null,
  };
};

EM.apply = (data, edits) => {
  const moved = (rows) => joined(rows.map((row) => ({
    ...row,
    person: row.person == null ? null : EM.personAt(row.person, middle(row), edits.people),
    excluded: EM.isExcluded(middle(row), edits),
  })));
  const shown = moved(data.shown);
  const rows = moved(data.rows);
  const persons = new Map();
  const person = (id, seen) => {
    if (!persons.has(id)) {
      persons.set(id, {
        id, name: edits.names[id] || `Person ${id}`, picture: seen ? seen.picture : '',
        usable: null, tracks: [],
      });
    }
    return persons.get(id);
  };
  for (const seen of data.persons) {
    const pieces = new Map();
    seen.times.forEach((time, i) => {
      const id = EM.personAt(seen.person, time, edits.people);
      if (!pieces.has(id)) pieces.set(id, { times: [], boxes: [] });
      pieces.get(id).times.push(time);
      pieces.get(id).boxes.push(seen.boxes[i]);
    });
    if (!pieces.size) pieces.set(EM.personAt(seen.person, 0, edits.people), { times: [], boxes: [] });
    for (const [id, piece] of pieces) {
      const own = person(id, seen);
      // of a person that is split, each piece has its share of the usable frames
      const share = seen.times.length ? piece.times.length / seen.times.length : 1;
      own.usable = Math.min(1, (own.usable || 0) + seen.usable * share);
      own.tracks.push(piece);
    }
  }
  for (const row of shown) if (row.person != null) person(row.person, null);
  const list = [...persons.values()].sort((a, b) => a.id - b.id);
  for (const own of list) own.rows = shown.filter((row) => row.person === own.id);
  return { persons: list, shown, rows, together: together(shown) };
};

// A row a window of all persons: the mean. Windows without a face have their own row.
const together = (shown) => {
  const spans = new Map();
  for (const row of shown) {
    const key = `${row.start},${row.end}`;
    if (!spans.has(key)) spans.set(key, []);
    spans.get(key).push(row);
  }
  return [...spans.values()].map(EM.mean).sort((a, b) => a.start - b.start);
};

// label → share of the time, of rows that are found and not excluded.
EM.sharesOf = (rows) => {
  const used = rows.filter((row) => row.label && !row.excluded);
  const weight = (row) => row.end - row.start || 1;
  const total = used.reduce((sum, row) => sum + weight(row), 0);
  const shares = {};
  for (const row of used) shares[row.label] = (shares[row.label] || 0) + weight(row) / total;
  return shares;
};

// Whether two persons are seen at the same time, and so cannot be one.
EM.seenTogether = (one, other) => one.tracks.some((a) => other.tracks.some((b) => {
  const times = new Set(a.times.map((t) => Math.round(t * 20)));
  return b.times.some((t) => times.has(Math.round(t * 20)));
}));

// Where a person is at a time: [left, top, right, bottom] between two known boxes, or null.
EM.boxAt = (person, time) => {
  for (const { times, boxes } of person.tracks) {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (times[mid] <= time) low = mid + 1;
      else high = mid;
    }
    const before = low - 1;
    const gap = before >= 0 && low < times.length ? times[low] - times[before] : Infinity;
    if (gap <= 1) {
      const part = (time - times[before]) / gap;
      return boxes[before].map((v, k) => v + part * (boxes[low][k] - v));
    }
    if (before >= 0 && time - times[before] <= 0.25) return boxes[before];
    if (low < times.length && times[low] - time <= 0.1) return boxes[low];
  }
  return null;
};

// The row of a time: of rows that overlap, the one whose middle is nearest.
EM.rowAt = (rows, time) => {
  const inside = rows.filter((row) => time >= row.start && time < row.end
    || row.start === row.end);
  if (!inside.length) {
    const last = rows[rows.length - 1];
    return last && time >= last.end && time - last.end < 0.1 ? last : null;
  }
  return inside.reduce((best, row) => (
    Math.abs(middle(row) - time) < Math.abs(middle(best) - time) ? row : best));
};
