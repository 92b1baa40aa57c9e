// Cards of the persons, excluded stretches and events: what a reader can correct.
'use strict';

EM.showPeople = (view, chosen, act) => {
  EM.put('people', view.persons.map((person) => personCard(person, view, chosen, act)),
    view.persons.length ? null : EM.el('li', { class: 'note' }, 'No face was found in this clip.'));
};

function personCard(person, view, chosen, act) {
  const name = EM.el('input', {
    type: 'text', value: person.name, maxlength: '80', 'aria-label': `Name of person ${person.id}`,
    onchange: (event) => act.rename(person.id, event.target.value),
  });
  const others = view.persons.filter((other) => other !== person);
  const merge = EM.el('select', {
    'aria-label': `${person.name} is the same person as`,
    onchange: (event) => act.merge(person.id, Number(event.target.value)),
  }, EM.el('option', { value: '' }, 'same person as …'),
  others.map((other) => EM.el('option', { value: other.id }, other.name)));
  return EM.el('li', { class: person.id === chosen ? 'person chosen' : 'person' },
    EM.face(person),
    EM.el('div', {}, name,
      EM.el('p', { class: 'small' }, `usable in ${EM.percent(person.usable)} of the frames`),
      EM.shareBar(EM.sharesOf(person.rows)),
      EM.el('div', { class: 'tools' },
        EM.el('button', {
          onclick: () => act.choose(person.id), 'aria-pressed': String(person.id === chosen),
        }, 'Curves'),
        others.length ? merge : null,
        EM.el('button', {
          onclick: () => act.split(person.id),
          title: 'From the playhead on, this is another person',
        }, 'Split here'))));
}

EM.showStretches = (edits, act) => {
  EM.put('excluded', edits.excluded.map((stretch, i) => EM.el('li', {},
    EM.el('button', { class: 'link', onclick: () => act.seek(stretch.start) },
      `${EM.clock(stretch.start)} to ${EM.clock(stretch.end)}`),
    EM.el('button', {
      onclick: () => act.include(i),
      'aria-label': `Remove the excluded stretch at ${EM.clock(stretch.start)}`,
    }, 'Remove'))),
  edits.excluded.length ? null : EM.el('li', { class: 'small' }, 'none'));
  EM.put('events', edits.events.map((event, i) => EM.el('li', {},
    EM.el('button', { class: 'link', onclick: () => act.seek(event.time) }, EM.clock(event.time)),
    EM.el('input', {
      type: 'text', value: event.name, maxlength: '80',
      'aria-label': `Name of the event at ${EM.clock(event.time)}`,
      onchange: (change) => act.nameEvent(i, change.target.value),
    }),
    EM.el('button', {
      onclick: () => act.unmark(i), 'aria-label': `Remove the event at ${EM.clock(event.time)}`,
    }, 'Remove'))),
  edits.events.length ? null : EM.el('li', { class: 'small' }, 'none'));
};

EM.showUncertain = (stretches, data, act) => {
  EM.put('uncertain-note', data.has_uncertain
    ? 'Labels that the threshold of the result calls uncertain.'
    : `Windows in which no emotion has ${EM.percent(data.uncertain_below)} or more.`);
  const most = 40;
  EM.put('uncertain', stretches.slice(0, most).map((s) => EM.el('li', {}, EM.el('button', {
    class: 'link', onclick: () => { act.choose(s.id); act.seek(s.start); },
  }, `${EM.clock(s.start)} to ${EM.clock(s.end)}, ${s.name}`))),
  stretches.length ? null : EM.el('li', { class: 'small' }, 'none'),
  stretches.length > most ? EM.el('li', { class: 'small' },
    `and ${stretches.length - most} more`) : null);
};
