// The help page: what this server has in force, the words of labels, and commands to copy.
import { Problem, api, offline, pause, whereText } from '/assets/app.js';

const address = location.origin;
EM.put('curl', [
  `TOKEN=…   # of the address that the server printed`,
  `AUTH="Authorization: Bearer $TOKEN"`,
  '',
  '# send a clip; the answer has its id',
  `curl -H "$AUTH" --data-binary @film.mp4 "${address}/api/jobs?name=film.mp4"`,
  '',
  '# its state, its result, and the end of it',
  `curl -H "$AUTH" ${address}/api/jobs/ID`,
  `curl -H "$AUTH" -o film.csv "${address}/api/jobs/ID/result?format=csv"`,
  `curl -H "$AUTH" -X DELETE ${address}/api/jobs/ID`,
].join('\n'));

const start = async () => {
  for (;;) {
    try {
      const [status, { emotions, words }] = await Promise.all(
        [api('/api/status'), api('/assets/words.json')]);
      offline(null);
      EM.put('where', whereText(status));
      EM.put('locked', status.locked ? `The process that reads them is contained: ${status.locked}` : '');
      EM.put('words', emotions.flatMap((name) => [EM.el('dt', {}, EM.chip(name)),
        EM.el('dd', {}, Object.keys(words).filter((word) => words[word] === name).join(', '))]));
      break;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      offline(problem);
      await pause(2000);
    }
  }
  document.body.dataset.ready = 'yes';
};
start();
