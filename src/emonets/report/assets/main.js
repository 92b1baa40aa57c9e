// The page of one clip: joins the parts, keeps the edits, and listens to keys.
'use strict';

EM.say = (text) => EM.put('status', text);

EM.unpacked = (data) => {
  const row = (values) => {
    const made = {};
    data.fields.forEach((name, i) => { made[name] = values[i]; });
    return {
      source: data.sources[made.source], person: made.person, start: made.start, end: made.end,
      found: made.label != null, usable: made.usable, speech: made.speech, speaks: made.speaks,
      label: made.label, p: values.slice(data.fields.length),
    };
  };
  return { ...data, rows: data.rows.map(row), shown: data.shown.map(row) };
};

EM.start = () => {
  const data = EM.unpacked(EM.read('data'));
  EM.emotions = data.emotions;
  let edits = data.edits || EM.noEdits(data);
  let view = null;
  let chosen = null;
  let from = null; // where an excluded stretch begins
  let saved = true;

  document.title = `${data.file} – EmoNets`;
  EM.put('title', data.file);
  if (data.status !== 'ok' || data.message) {
    EM.put('message', `${data.status === 'ok' ? 'note' : data.status}: ${data.message}`);
  }
  if (data.film.note && data.film.src) EM.put('film-note', data.film.note);
  const slider = document.getElementById('seek');
  const player = new EM.Player(data);
  const seek = (time) => player.seek(time);
  const curves = new EM.Curves(data, seek);
  const inputs = new EM.Inputs(data);
  const choose = (id) => { chosen = id; render(); };
  const ribbons = new EM.Ribbons(document.getElementById('ribbons'), data.span, seek, choose);
  ribbons.sound = data.film.sound;
  ribbons.without = data.no_face ? 'No face' : 'Sound';
  [slider.min, slider.max] = data.span;
  slider.step = data.film.step;

  const name = () => {
    const person = view.persons.find((one) => one.id === chosen);
    return person ? person.name : 'Clip';
  };
  // rows of the chosen person, and of the sources that know no persons, such as sound
  const rowsOf = () => {
    const own = view.rows.filter((row) => row.person === chosen && chosen != null);
    const has = new Set(own.map((row) => row.source));
    return [...own, ...view.rows.filter((row) => row.person == null && !has.has(row.source))]
      .sort((a, b) => a.start - b.start);
  };
  let current = [];

  const values = (time) => EM.showValues(
    current, data.sources.filter((s) => current.some((row) => row.source === s)), time, name(),
    data);

  const render = () => {
    view = EM.apply(data, edits);
    view.edits = edits;
    if (!view.persons.some((person) => person.id === chosen)) {
      chosen = view.persons.length ? view.persons[0].id : null;
    }
    current = rowsOf();
    player.show(view, chosen);
    ribbons.show(view, chosen, edits);
    curves.show(current, name());
    inputs.show(chosen, name(), edits.people);
    EM.showPeople(view, chosen, act);
    EM.showStretches(edits, act);
    EM.showUncertain(EM.uncertainStretches(view, data), data, act);
    EM.put('method', EM.methodText(data, view, edits));
    EM.put('facts', facts(data, view));
    values(player.now);
    inputs.move(player.now);
  };

  const change = (text) => { saved = false; EM.say(text); render(); };
  const nextId = () => Math.max(-1, ...view.persons.map((person) => person.id),
    ...data.persons.map((seen) => seen.person), ...edits.people.map((e) => e.new ?? -1)) + 1;
  const act = {
    seek, choose,
    rename(id, text) {
      const clean = text.trim();
      if (clean && clean !== `Person ${id}`) edits.names[id] = clean;
      else delete edits.names[id];
      change('The name is changed.');
    },
    merge(id, into) {
      const [one, other] = [id, into].map((n) => view.persons.find((p) => p.id === n));
      if (EM.seenTogether(one, other)) {
        render();
        EM.say(`${one.name} and ${other.name} are seen at the same time and stay two persons.`);
        return;
      }
      edits.people.push({ op: 'merge', from: id, into });
      chosen = into;
      change(`${one.name} is now ${other.name}. Undo takes it back.`);
    },
    split(id) {
      const made = nextId();
      edits.people.push({ op: 'split', person: id, at: Number(player.now.toFixed(3)), new: made });
      change(`From ${EM.clock(player.now)} on it is Person ${made}. Undo takes it back.`);
    },
    include(i) { edits.excluded.splice(i, 1); change('The stretch counts again.'); },
    unmark(i) { edits.events.splice(i, 1); change('The event is removed.'); },
    nameEvent(i, text) { edits.events[i].name = text.trim(); change('The event is named.'); },
    mark() {
      edits.events.push({ time: Number(player.now.toFixed(3)), name: '' });
      edits.events.sort((a, b) => a.time - b.time);
      change(`Event marked at ${EM.clock(player.now)}.`);
    },
    undo() {
      if (!edits.people.length) { EM.say('There is no merge and no split to undo.'); return; }
      edits.people.pop();
      change('The last merge or split is undone.');
    },
    exclude() {
      const button = document.getElementById('exclude');
      if (from == null) {
        from = Number(player.now.toFixed(3));
        button.textContent = `Exclude from ${EM.clock(from)} to here`;
        EM.say(`The stretch begins at ${EM.clock(from)}. Seek to its end and press again.`);
        return;
      }
      const [start, end] = [from, Number(player.now.toFixed(3))].sort((a, b) => a - b);
      from = null;
      button.textContent = 'Exclude from here';
      if (end - start < 0.01) { EM.say('The stretch has no length; nothing is excluded.'); return; }
      edits.excluded.push({ start, end });
      edits.excluded.sort((a, b) => a.start - b.start);
      change(`${EM.clock(start)} to ${EM.clock(end)} is excluded.`);
    },
  };

  const stem = EM.stem(data.file);
  const saves = {
    save() {
      EM.download(`${stem}.edits.json`, 'application/json', EM.editsText(edits));
      saved = true;
      EM.say('Saved. Give the file to: emonets report … --edits FILE');
    },
    // of a page that a server made: it makes the page anew with them
    async keep() {
      try {
        const answer = await fetch(data.save, {
          method: 'PUT', body: EM.editsText(edits), headers: { 'Content-Type': 'application/json' },
        });
        if (!answer.ok) throw new Error((await answer.json()).error);
        saved = true;
        EM.say('Saved on this computer. The page has them when it is opened again.');
      } catch (error) {
        EM.say(`Not saved: ${error.message}. Save them as a file instead.`);
      }
    },
    csv() { EM.download(`${stem}.csv`, 'text/csv', EM.csvText(view, data)); },
    vtt() { EM.download(`${stem}.vtt`, 'text/vtt', EM.vttText(view, data)); },
    async copy() {
      const text = document.getElementById('method').textContent;
      try {
        await navigator.clipboard.writeText(text);
        EM.say('The paragraph is copied.');
      } catch {
        getSelection().selectAllChildren(document.getElementById('method'));
        EM.say('The paragraph is selected: copy it with Ctrl-C.');
      }
    },
  };
  const buttons = {
    play: () => player.toggle(), back: () => player.step(-1), on: () => player.step(1),
    mark: act.mark, exclude: act.exclude, undo: act.undo, ...saves,
    mute: () => {
      if (!player.media) return;
      player.media.muted = !player.media.muted;
      document.getElementById('mute').setAttribute('aria-pressed', String(player.media.muted));
    },
    limits: () => document.getElementById('notice').showModal(),
    close: () => document.getElementById('notice').close(),
  };
  for (const [id, run] of Object.entries(buttons)) {
    document.getElementById(id).addEventListener('click', run);
  }
  document.getElementById('speed').addEventListener('change', (event) => {
    if (player.media) player.media.playbackRate = Number(event.target.value);
  });
  slider.addEventListener('input', () => seek(Number(slider.value)));

  player.onTime((time) => {
    slider.value = time;
    slider.setAttribute('aria-valuetext', `${EM.clock(time)} of ${EM.clock(data.span[1])}`);
    EM.put('clock', `${EM.clock(time)} / ${EM.clock(data.span[1])}`);
    ribbons.move(time);
    curves.move(time);
    values(time);
    inputs.move(time);
  });

  const other = (by) => {
    const ids = view.persons.map((person) => person.id);
    if (ids.length) choose(ids[(ids.indexOf(chosen) + by + ids.length) % ids.length]);
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, select, textarea, dialog')) return;
    const isButton = event.target.closest('button, summary, a');
    const run = {
      ' ': isButton ? null : () => player.toggle(),
      ArrowLeft: () => (event.shiftKey ? seek(player.now - 1) : player.step(-1)),
      ArrowRight: () => (event.shiftKey ? seek(player.now + 1) : player.step(1)),
      ArrowUp: view.persons.length > 1 ? () => other(-1) : null,
      ArrowDown: view.persons.length > 1 ? () => other(1) : null,
      e: act.mark,
    }[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
  window.addEventListener('beforeunload', (event) => { if (!saved) event.preventDefault(); });

  for (const id of ['play', 'back', 'on', 'speed', 'mute']) {
    document.getElementById(id).disabled = data.film.kind === 'picture';
  }
  document.getElementById('keep').hidden = !data.save;
  if (data.save) document.getElementById('save').textContent = 'Save edits as a file';
  document.getElementById('save').classList.toggle('main', !data.save);
  document.getElementById('mute').hidden = !player.media || !data.film.has_sound;
  document.getElementById('speed').parentElement.hidden = !player.media;
  render();
  player.tell(data.span[0]);
  document.body.dataset.ready = 'yes';
};

function facts(data, view) {
  const count = view.persons.length;
  const list = [
    `${EM.clock(data.span[1] - data.span[0])} long`,
    data.no_face ? 'no face' : `${count} ${count === 1 ? 'person' : 'persons'}`,
    data.no_voice ? 'no voice' : null,
    data.clip_label ? `whole clip: ${data.clip_label}` : null,
    `model: ${data.model}`,
  ];
  return list.filter(Boolean).map((text) => EM.el('li', {}, text));
}

EM.start();
