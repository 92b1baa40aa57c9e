// The pictures that the models were given of the chosen person, at the playhead.
'use strict';

// Of a person after merges and splits: the sheets, and which pictures of each are this person's.
EM.inputsOf = (data, id, people) => data.persons.flatMap((seen) => (seen.inputs || []).map(
  (sheet) => ({
    ...sheet,
    own: sheet.times.map((_, i) => i).filter(
      (i) => EM.personAt(seen.person, sheet.times[i], people) === id),
  }))).filter((sheet) => sheet.own.length);

EM.Inputs = class {
  constructor(data) {
    this.data = data;
    this.place = document.getElementById('inputs');
    this.place.hidden = !data.persons.some((seen) => (seen.inputs || []).length);
    this.sheets = [];
  }

  show(id, name, people) {
    this.name = name;
    this.sheets = EM.inputsOf(this.data, id, people);
  }

  move(time) {
    if (this.place.hidden) return;
    const sources = [...new Set(this.data.persons.flatMap(
      (seen) => (seen.inputs || []).map((sheet) => sheet.source)))];
    EM.put('inputs-list', sources.map((source) => this.figure(source, time)));
  }

  // The nearest kept picture of a source, unless it is further away than twice their distance.
  figure(source, time) {
    let best = null;
    for (const sheet of this.sheets.filter((own) => own.source === source)) {
      for (const i of sheet.own) {
        const off = Math.abs(sheet.times[i] - time);
        if (!best || off < best.off) best = { sheet, i, off };
      }
    }
    if (best && best.off > 2 * this.data.inputs_every) best = null;
    const text = best ? `${source} at ${EM.clock(best.sheet.times[best.i])}` : `${source}: none here`;
    return EM.el('figure', {}, best ? this.picture(best, text) : null,
      EM.el('figcaption', { class: 'small' }, text));
  }

  picture({ sheet, i }, text) {
    const rows = Math.ceil(sheet.times.length / sheet.columns);
    const scale = 96 / Math.max(sheet.width, sheet.height);
    const made = EM.el('div', {
      class: 'input', role: 'img', 'data-source': sheet.source, 'data-at': String(i),
      'aria-label': `the picture that ${text.replace(' at ', ' was given at ')}, ${this.name}`,
    });
    const [wide, high] = [sheet.width * scale, sheet.height * scale];
    Object.assign(made.style, {
      width: `${wide}px`, height: `${high}px`,
      backgroundImage: `url("data:image/jpeg;base64,${sheet.sheet}")`,
      backgroundSize: `${wide * sheet.columns}px ${high * rows}px`,
      backgroundPosition: `${-wide * (i % sheet.columns)}px ${-high * Math.floor(i / sheet.columns)}px`,
    });
    return made;
  }
};
