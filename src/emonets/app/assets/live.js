// The live tab: camera and microphone go to EmoNets on this computer, answers come back.
/* global EM */
import { onClick } from './app.js';
import { now, openMedia, Pictures, Sounds } from './live_media.js';
import { Result } from './live_result.js';
import { Talk } from './live_talk.js';
import { Answers, drawBoxes, labelOf, Minute, nameOf } from './live_view.js';

const $ = (id) => document.getElementById(id);
const KEPT = 5000; // answers whose ages are kept
const SHOWN = 3; // seconds over which rates are counted
const SLOW = 0.12; // seconds between numbers, which nobody reads faster
const TOLD = 4; // seconds between sentences for a screen reader

const live = { state: '', ages: [] };
EM.live = live;

let talk = null;
let pictures = null;
let sounds = null;
let view = null;
let result = null;
let newest = null; // number and time of the camera's latest frame
let sent = null; // number of the frame that was sent last
const flying = new Map(); // its time and width, of each frame that has no answer yet

function setState(state, sentence) {
  live.state = state;
  document.body.dataset.state = state;
  if (sentence != null) EM.put('status', sentence);
  const idle = state === 'idle';
  for (const id of ['camera', 'microphone', 'window']) $(id).disabled = !idle;
  $('start').disabled = state === 'opening' || state === 'finishing';
  $('start').textContent = idle ? 'Start' : 'Stop';
}

function problem(...sentences) {
  $('problems').append(...sentences.map((sentence) => EM.el('li', {}, sentence)));
}

async function listDevices() {
  const media = navigator.mediaDevices;
  const found = media && media.enumerateDevices ? await media.enumerateDevices().catch(() => []) : [];
  for (const [id, kind] of [['camera', 'videoinput'], ['microphone', 'audioinput']]) {
    const chosen = $(id).value;
    const own = found.filter((device) => device.kind === kind && device.deviceId
      && device.deviceId !== 'default');
    const options = [['', `the browser's choice`], ...own.map(
      (device, i) => [device.deviceId, device.label || `${id} ${i + 1}`]), ['none', `no ${id}`]];
    $(id).replaceChildren(...options.map(([value, text]) => EM.el('option', { value }, text)));
    $(id).value = options.some(([value]) => value === chosen) ? chosen : '';
  }
}

async function start() {
  $('problems').replaceChildren();
  setState('opening', 'Allow the camera and the microphone in the window of the browser.');
  const { tracks, problems } = await openMedia($('camera').value, $('microphone').value);
  problem(...problems);
  listDevices();
  const [camera] = tracks.filter((track) => track.kind === 'video');
  const [microphone] = tracks.filter((track) => track.kind === 'audio');
  if (!tracks.length) {
    setState('idle', 'Nothing was started.');
    return;
  }
  for (const track of tracks) track.onended = () => lost(track);
  live.ages = [];
  view = null;
  newest = null;
  sent = null;
  flying.clear();
  $('result').hidden = true;
  result = null;
  $('no-picture').textContent = camera ? '' : 'No camera: sound only';
  $('stage').classList.toggle('without', !camera);
  if (microphone) {
    try {
      sounds = new Sounds((time, samples) => talk?.sound(time, samples));
      await sounds.open(microphone);
    } catch (error) {
      problem(`The sound of the microphone cannot be read (${error.message}).`);
      microphone.stop();
      sounds = null;
    }
  }
  if (camera) {
    try {
      pictures = new Pictures($('video'), came);
      await pictures.open(camera);
    } catch (error) {
      problem(`The picture of the camera cannot be shown (${error.message}).`);
      pictures.close();
      pictures = null;
    }
  }
  if (!sounds && !pictures) {
    setState('idle', 'Nothing was started.');
    return;
  }
  setState('loading', 'The models are being loaded. The first start takes some seconds.');
  talk = new Talk(
    { window: Number($('window').value), rate: sounds ? sounds.rate : null },
    { ready, update, result: finished, error: failed },
  );
}

function ready(message) {
  EM.emotions = message.emotions;
  view = {
    answers: new Answers($('now'), message.emotions), minute: new Minute($('ribbons'), $('axis')),
    window: message.window, told: -Infinity, shown: -Infinity, counted: -Infinity,
  };
  EM.put('now-title', 'Now');
  const parts = [pictures && 'the picture', sounds && 'the sound'].filter(Boolean).join(' and ');
  setState('running', `Running, with ${parts}. Answers are about the last ${message.window} seconds.`);
}

// A frame of the camera has come.
function came(number, time) {
  newest = { number, time };
  const { videoWidth: w, videoHeight: h } = $('video');
  const ratio = `${w / h}`;
  if (ratio !== live.ratio) {
    live.ratio = ratio;
    $('stage').style.setProperty('--ratio', ratio);
  }
  send();
}

// The latest frame is sent as soon as EmoNets can take it.
function send() {
  if (!talk?.free || !pictures || !newest || newest.number === sent) return;
  const image = pictures.pixels();
  sent = newest.number;
  flying.set(sent, { time: newest.time, width: image.width });
  talk.frame(sent, newest.time, image);
}

function update(message) {
  if (!view) return;
  const about = flying.get(message.number);
  for (const number of flying.keys()) if (number <= message.number) flying.delete(number);
  const { persons, voice } = message;
  const entries = persons.map((person) => [person.person, nameOf(person), person]);
  if (pictures && !persons.length) entries.push(['none', 'Face', null, 'no face']);
  const silence = sounds ? `no voice in the last ${view.window} s` : 'no microphone';
  entries.push(['voice', 'Voice', voice, silence]);
  if (about) drawBoxes($('overlay'), persons, about.width, $('mirror').checked);
  const time = now();
  if (about) {
    live.ages.push({ at: time, age: time - about.time });
    if (live.ages.length > KEPT) live.ages.shift();
  }
  send();
  view.minute.add(entries, time);
  if (time > view.shown + SLOW) {
    view.shown = time;
    view.answers.show(entries);
  }
  count(message, time);
  tell(entries, time);
}

// Rates, twice a second.
function count(message, time) {
  if (time < view.counted + 0.5) return;
  view.counted = time;
  const last = live.ages.filter(({ at }) => at > time - SHOWN);
  const facts = [];
  if (last.length > 1) {
    const seconds = last.at(-1).at - last[0].at;
    const middle = last.map(({ age }) => age).sort((a, b) => a - b)[Math.floor(last.length / 2)];
    facts.push(`${((last.length - 1) / seconds).toFixed(1)} answers a second`,
      `answer ${Math.round(1000 * middle)} ms after the picture`);
  }
  if (pictures) {
    const all = message.frames + message.dropped;
    facts.push(`${message.dropped} of ${all} frames dropped`);
  }
  EM.put('facts', facts.map((fact) => EM.el('li', {}, fact)));
}

// The labels in words, now and then, for who cannot see them.
function tell(entries, time) {
  if (time < view.told + TOLD) return;
  const text = entries.map(([, name, answer, note]) => `${name}: ${answer ? labelOf(answer) : note}`)
    .join('. ');
  if (text === view.text) return;
  Object.assign(view, { text, told: time });
  EM.put('heard', text);
}

function lost(track) {
  const what = track.kind === 'video' ? 'camera' : 'microphone';
  const rest = track.kind === 'video' ? sounds : pictures;
  problem(`The ${what} was taken away. ${rest ? 'The rest goes on.' : 'The session ends.'}`);
  if (track.kind === 'video') { pictures?.close(); pictures = null; } else { sounds?.close(); sounds = null; }
  if (!rest) stop();
}

function stopMedia() {
  pictures?.close();
  sounds?.close();
  pictures = null;
  sounds = null;
  drawBoxes($('overlay'), [], 1, false);
  $('no-picture').textContent = 'No picture';
}

function stop() {
  if (live.state === 'running') {
    setState('finishing', 'The result is being made.');
    talk.stop();
    stopMedia();
  } else if (live.state === 'loading') {
    talk.close();
    stopMedia();
    setState('idle', 'Stopped before the models were there. There is no result.');
  }
}

function finished(message) {
  stopMedia();
  EM.put('now-title', 'At the end');
  EM.put('facts');
  result = new Result(message);
  EM.put('result-text', result.text);
  $('result').hidden = false;
  setState('idle', 'Stopped. Save the result before you leave this page.');
  $('result-title').focus();
}

function failed(sentence) {
  stopMedia();
  problem(`The session has ended: ${sentence}`);
  setState('idle', 'Stopped, without a result.');
}

$('start').addEventListener('click', () => (live.state === 'idle' ? start() : stop()));
for (const kind of ['csv', 'json', 'page', 'picture']) {
  $(`save-${kind}`).addEventListener('click', () => result.save(kind));
}
const mirror = () => $('stage').classList.toggle('mirrored', $('mirror').checked);
$('mirror').addEventListener('change', mirror);
onClick({ tell: () => $('notice').showModal() });
navigator.mediaDevices?.addEventListener?.('devicechange', listDevices);
window.addEventListener('beforeunload', (event) => {
  if (result && !result.saved && result.end > 30) event.preventDefault();
});
window.addEventListener('pagehide', () => { talk?.close(); stopMedia(); });
mirror();
listDevices();
setState('idle');
document.body.dataset.ready = '';
