// @ts-check
// One picture under attack, the curve, and a defence in training. What was chosen is in window.fashionganRobust.
const {root, find, part, complain, tell, refuse, offline, calm, listen, poll, fit} = panel(element, '.robust');
const slider = find('.strength input[type=range]'), typed = find('.strength input[type=number]');
const DASHES = ['solid', 'dash', 'dot', 'dashdot'], LEVELS = 255;
const STATES = {running: 'Computing', finished: 'Finished', stopped: 'Stopped', failed: 'Failed', paused: 'Paused'};
let shown = '', least = '', states = '', versions = [-1, -1], began = 0, frame = 0;
/** @type {any[]} */
let points = [], fitted = [];

const choice = () => /** @type {any} */ (window).fashionganRobust;
const strength = () => +slider.value;
const levels = eps => `${+(eps * LEVELS).toFixed(1)}/255`;
const noise = eps => `${eps.toFixed(3)} (${levels(eps)})`;

const refresh = latest(async newer => {
  const asked = choice();
  if (!asked || !root.clientWidth) return;
  const key = JSON.stringify([asked, slider.value]);
  if (shown !== key) {
    const begin = performance.now(), found = await server.look([asked, strength()]);
    shown = key;
    if (found.error) {
      find('.content').hidden = true;  // no picture beside a sentence that is not about it
      return refuse(found.error);
    }
    complain();
    show(found);
    tell('ready', {shown: key, took: Math.round(performance.now() - begin)});
  }
  if (newer() || least === JSON.stringify(asked)) return;
  part('least').textContent = 'Looking for the least that fools it...';
  const found = await server.smallest(asked);
  least = JSON.stringify(asked);
  if (!found.error) {
    part('least').textContent = found.least === 0 ? 'It is fooled without any noise.'
      : found.least == null ? `Not even the strongest noise fools it (${found.by}).`
      : `The least that fools it: ${noise(found.least / LEVELS)}, found by ${found.by}.`;
  }
  root.dataset.least = found.least ?? '';
}, offline, calm);

function show(/** @type {any} */ found) {
  const [first, second] = found.said, times = found.magnified;
  set(part('before'), {src: found.before, alt: `the garment, taken for ${first}`});
  set(part('added'), {src: found.added, alt: `what was added: ${found.changed} pixels moved`});
  set(part('after'), {src: found.after, alt: `the garment after the attack, taken for ${second}`});
  part('magnified').textContent = !times ? 'nothing added'
    : `added, ${times >= 10 ? Math.round(times) : +times.toFixed(1)} times as strong`;
  const taken = !found.target ? `It is ${found.fooled ? '' : 'still '}taken for ${second}.`
    : found.fooled ? `It is taken for ${found.target}, as was wanted.`
    : `It is not taken for ${found.target}, but for ${second}.`;
  find('.verdict').textContent = `${found.known ? 'It is' : 'Before'}: ${found.class}. ${
    found.eps ? `With noise of ${noise(found.eps)}` : 'Without noise'}: ${found.fooled ? '' : 'not '}fooled. ${taken}`;
  root.dataset.fooled = found.fooled;
  const cell = (v, side) => make('td', {className: side}, make('i', {style: `width: ${100 * v}%`}),
    make('span', {textContent: percent(v)}));
  find('.bars tbody').replaceChildren(...found.labels.map((label, i) => {
    const [a, b] = found.confidences.map(row => row[i]), is = label === found.class;
    const title = is ? (found.known ? 'what it is' : 'what it was taken for at first') : '';
    return make('tr', {className: label === second ? 'said' : ''}, cell(a, 'left'),
      make('th', {scope: 'row', textContent: label + (is ? ' ✓' : ''), title}), cell(b, 'right'));
  }));
  find('.content').hidden = false;
}

function moved() {
  find('.strength output').textContent = levels(strength());
  slider.setAttribute('aria-valuetext', noise(strength()));
  refresh();
  drawSoon();
}
slider.addEventListener('input', () => { typed.value = strength(); moved(); });
typed.addEventListener('change', () => {
  const value = +typed.value;
  if (typed.value === '' || !(value >= 0 && value <= 1)) {
    return complain('Noise strength takes a number from 0 to 1, where 1 is from black to white.');
  }
  slider.value = value;
  shown = '';  // what was complained about is over
  moved();
});

// The curve

const label = p => [p.classifier.split('/').pop().replace('.safetensors', ''), props.titles[p.attack] || p.attack,
  p.mask === 'garment' ? 'garment only' : 'all pixels'].join(', ');

/** The points of one curve each, in order of noise. */
function curves() {
  const found = {};
  for (const p of points) (found[JSON.stringify([p.classifier, p.attack, p.mask])] ||= []).push(p);
  return Object.values(found).map(list => list.toSorted((a, b) => a.eps - b.eps));
}

function drawCurve() {
  const all = curves(), at = strength();
  find('.drawn').hidden = !all.length;
  if (!all.length || !root.clientWidth) return;
  const classifiers = [...new Set(points.map(p => p.classifier))];
  const kinds = [...new Set(points.map(p => p.attack + p.mask))];
  plot(find('[data-plot=curve]'), all.map(list => {
    const [p] = list, c = classifiers.indexOf(p.classifier), k = kinds.indexOf(p.attack + p.mask);
    return {
      x: list.map(q => q.eps), y: list.map(q => q.accuracy), name: label(p), mode: 'lines+markers',
      line: {width: 2, color: COLORS[c % 6], dash: DASHES[k % 4]},
      marker: {size: 7, symbol: list.map(q => MARKS[k % 6] + (q.whole ? '' : '-open'))},
      customdata: list.map(q => {
        const [mean, low, high] = [q.accuracy, q.low, q.high].map(v => (100 * v).toFixed(1));
        return `${noise(q.eps)}: ${mean} %, 95 % interval ${low} to ${high}, ${q.n} pictures`;
      }),
      hovertemplate: '%{fullData.name}<br>%{customdata}<extra></extra>',
    };
  }), {tall: 280, uirevision: 'curve', x: {rangemode: 'tozero', title: 'noise strength (epsilon)'},
    y: {...SHARE, title: 'named right'}, shapes: [rule('x', 0.1, 'dash'), rule('y', at)]});
  showPairs(all, at);
  find('.curve').dataset.points = points.filter(p => p.whole).length;
}

/** What is confused most, at the computed strength that is nearest to the slider's. */
function showPairs(/** @type {any[][]} */ all, /** @type {number} */ at) {
  const near = points.map(p => p.eps).reduce((a, b) => Math.abs(b - at) < Math.abs(a - at) ? b : a);
  part('at').textContent = `Most often confused at ${noise(near)}`;
  find('.pairs').replaceChildren(...all.map(list => {
    const p = list.find(q => q.eps === near), worst = p ? p.confused.slice(0, 3) : [];
    const none = p ? 'nothing' : 'not computed yet';
    const pairs = worst.map(([a, b, n]) => `${n} ${a} taken for ${b}`).join('; ') || none;
    return make('tr', {}, make('th', {scope: 'row', textContent: label(list[0])}),
      make('td', {textContent: p ? percent(p.accuracy) : ''}), make('td', {textContent: pairs}));
  }));
}

function drawSoon() { cancelAnimationFrame(frame); frame = requestAnimationFrame(drawCurve); }

find('[data-do=csv]').addEventListener('click', async () =>
  save(new Blob([await server.csv(null)], {type: 'text/csv'}), 'robustness.csv'));
find('[data-do=png]').addEventListener('click', async () => {
  const {data, layout} = find('[data-plot=curve]'), size = {width: 1000, height: 600};
  // Dark letters on white, whatever the page looks like, and without the slider's line.
  const [guessing] = layout.shapes, shapes = [{...guessing, line: {...guessing.line, color: '#222'}}];
  const font = {...layout.font, color: '#222'}, paper = {paper_bgcolor: '#fff', plot_bgcolor: '#fff'};
  const ink = {data, layout: {...layout, ...size, ...paper, font, shapes}};
  const url = await P.toImage(ink, {format: 'png', ...size, scale: 2});
  save(await (await fetch(url)).blob(), 'robustness.png');
});

// The fit

function drawFit() {
  if (!fitted.length || !root.clientWidth) return;
  const ends = fitted.filter(n => n.held_out != null);
  const line = (rows, key, name, k) => ({x: rows.map(n => n.epoch), y: rows.map(n => n[key]), name,
    hovertemplate: '%{y:.1%}', mode: k ? 'lines+markers' : 'lines', marker: {symbol: MARKS[k]},
    line: {width: 1.75, color: COLORS[k], dash: DASHES[k]}});
  const series = [line(fitted, 'accuracy', 'on what it learns from', 0), line(ends, 'held_out', 'held out', 1)];
  if (ends.some(n => n.attacked != null)) series.push(line(ends, 'attacked', 'held out, under attack', 2));
  plot(find('[data-plot=fit]'), series, {tall: 180, hovermode: 'x unified', uirevision: 'fit', y: SHARE,
    x: {rangemode: 'tozero', title: 'epoch'}});
  find('.fit').dataset.points = fitted.length;
}

// What is new of both jobs

/** How far a job is: `words` where it has any to say. */
function showJob(/** @type {any} */ host, /** @type {any} */ job, /** @type {any[]} */ words) {
  host.dataset.state = job.state;
  host.querySelector('.bar').hidden = job.state !== 'running';
  progress(host, job.steps ? 100 * job.step / job.steps : 0);
  if (job.state !== 'idle') say(host.querySelector('.status'), words.filter(Boolean).join(' · '));
  say(host.querySelector('.error'), job.error);
}

async function showNews() {
  const found = await server.news(versions), {curve, fit: defence} = found;
  const computing = curve.state === 'running', training = defence.state === 'running';
  began = computing ? began || performance.now() : 0;
  const pace = (job, seconds) => job.step ? timeLeft(seconds * (job.steps - job.step) / job.step) : '';
  showJob(find('.curve'), curve, [`${STATES[curve.state]}: ${curve.about}`,
    computing && `${Math.round(100 * curve.step / (curve.steps || 1))} %`,
    computing && pace(curve, (performance.now() - began) / 1000)]);
  find('.fit').hidden = defence.state === 'idle';
  showJob(find('.fit'), defence, [`${training ? 'Training' : STATES[defence.state]}: ${defence.name}`,
    `step ${count(defence.step)} of ${count(defence.steps)}`, training && `${count(defence.speed)} pictures/s`,
    training && pace(defence, defence.seconds)]);
  find('.fit code').textContent = defence.command;
  if (curve.points) { points = curve.points; drawSoon(); }
  if (defence.news) { fitted = defence.news; drawFit(); }
  versions = [curve.version, defence.version];
  const now = JSON.stringify([found.names, curve.state, defence.state]);
  if (states !== now) { states = now; trigger('change'); }
  if (root.dataset.state === 'offline') { shown = ''; complain(); }
  await refresh();
}
const look = latest(async () => { if (!document.hidden && root.clientWidth) await showNews(); }, offline);

moved();
fit(() => { drawCurve(); drawFit(); });
listen('fashiongan-robust', refresh);
listen('fashiongan-robust-news', look);
poll(look, () => root.clientWidth && /running/.test(states) ? 1000 : 2000);
