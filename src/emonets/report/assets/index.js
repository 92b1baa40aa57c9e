// The index: a card a clip.
'use strict';

EM.indexCard = (clip) => {
  const title = clip.page ? EM.el('a', { href: clip.page }, clip.file) : clip.file;
  const persons = clip.persons.map((person) => EM.el('li', {}, EM.face(person),
    EM.el('div', {}, EM.el('strong', {}, person.name),
      EM.el('p', { class: 'small' }, `usable in ${EM.percent(person.usable)} of the frames`),
      EM.shareBar(person.shares))));
  const facts = [
    clip.seconds == null ? null : `${EM.clock(clip.seconds)} long`,
    clip.label ? `whole clip: ${clip.label}` : null,
    clip.no_face ? 'no face' : null,
    clip.no_voice ? 'no voice' : null,
  ].filter(Boolean).join(' · ');
  const problem = clip.status === 'ok' && !clip.message ? null
    : EM.el('p', { class: clip.status === 'error' ? 'bad' : 'note' },
      `${clip.status === 'ok' ? 'note' : clip.status}: ${clip.message}`);
  return EM.el('li', { class: 'card' },
    clip.picture ? EM.el('img', {
      class: 'poster', alt: '', src: `data:image/jpeg;base64,${clip.picture}`,
    }) : EM.el('div', { class: 'poster empty', 'aria-hidden': 'true' },
      clip.status === 'error' ? 'no page' : 'no picture'),
    EM.el('h2', {}, title), EM.el('p', { class: 'small' }, facts), problem,
    clip.persons.length ? EM.el('ul', { class: 'cast' }, persons)
      : clip.page ? EM.shareBar(clip.shares) : null);
};

EM.startIndex = () => {
  const data = EM.read('data');
  EM.emotions = data.emotions;
  EM.put('cards', data.clips.map(EM.indexCard));
  const bad = data.clips.filter((clip) => clip.status === 'error').length;
  EM.put('count', `${data.clips.length} ${data.clips.length === 1 ? 'clip' : 'clips'}`
    + `${bad ? `, ${bad} could not be read` : ''} · model: ${data.model}`);
  document.getElementById('limits').addEventListener(
    'click', () => document.getElementById('notice').showModal());
  document.getElementById('close').addEventListener(
    'click', () => document.getElementById('notice').close());
  document.body.dataset.ready = 'yes';
};

EM.startIndex();
