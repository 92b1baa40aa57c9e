// Names, colours and small tools that all other files use. Everything hangs on one object, EM.
'use strict';
const EM = {};

// Okabe and Ito: colour-blind readers tell these apart. Two letters stand beside each colour.
EM.colours = {
  angry: '#D55E00', disgust: '#009E73', fear: '#CC79A7', happy: '#E69F00', sad: '#0072B2',
  surprise: '#56B4E9', neutral: '#7F7F7F', uncertain: '#BBBBBB',
};
EM.letters = {
  angry: 'An', disgust: 'Di', fear: 'Fe', happy: 'Ha', sad: 'Sa', surprise: 'Su', neutral: 'Ne',
  uncertain: '?',
};

EM.read = (id) => JSON.parse(document.getElementById(id).textContent);

// An element. Texts are always text, so that a name can never be markup.
EM.el = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
};

EM.put = (id, ...children) => document.getElementById(id).replaceChildren(
  ...children.flat().filter((child) => child != null));

EM.percent = (share) => (share == null ? 'not known' : `${Math.round(100 * share)}\u00a0%`);

// 75.25 → 1:15.2; tenths are cut, not rounded, so that a time never lies in the next window.
EM.clock = (seconds) => {
  const tenths = Math.floor(10 * Math.max(0, seconds) + 1e-6);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
};

const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

EM.isDark = () => matchMedia('(prefers-color-scheme: dark)').matches
  && !matchMedia('print').matches;

// The colour of a label; the less certain (1/7..1), the nearer to the background.
EM.shade = (label, certainty) => {
  const paper = EM.isDark() ? [34, 38, 43] : [255, 255, 255];
  const strength = 0.35 + 0.65 * (Math.min(Math.max(certainty, 1 / 7), 1) - 1 / 7) / (6 / 7);
  const mixed = parts(EM.colours[label]).map((c, i) => Math.round(
    paper[i] + strength * (c - paper[i])));
  return `rgb(${mixed.join(',')})`;
};

// Black or white, whichever has more contrast on rgb(r,g,b).
EM.ink = (colour) => {
  const linear = colour.match(/\d+/g).map((c) => c / 255).map(
    (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return light > 0.179 ? '#000' : '#fff';
};

EM.chip = (label) => {
  const fill = EM.shade(label, 1);
  const made = EM.el('span', { class: 'chip' }, EM.letters[label]);
  made.style.background = fill;
  made.style.color = EM.ink(fill);
  return EM.el('span', { class: 'chipped' }, made, ` ${label}`);
};

// A bar of label shares, and the same in words. shares: label → 0..1.
EM.shareBar = (shares) => {
  const found = Object.entries(shares).filter(([, share]) => share > 0)
    .sort((a, b) => b[1] - a[1]);
  const words = found.map(([label, share]) => `${label} ${EM.percent(share)}`).join(', ');
  const bar = EM.el('span', { class: 'shares', 'aria-hidden': 'true' }, found.map(
    ([label, share]) => {
      const fill = EM.shade(label, 1);
      const piece = EM.el('span', {}, share > 0.12 ? EM.letters[label] : '');
      piece.style.flexGrow = share;
      piece.style.background = fill;
      piece.style.color = EM.ink(fill);
      return piece;
    }));
  return EM.el('div', { class: 'shared' }, found.length ? bar : null,
    EM.el('span', { class: 'small' }, words || 'no label'));
};

EM.download = (name, type, text) => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  EM.el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
};
