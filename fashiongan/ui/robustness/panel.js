// @ts-check
// One picture under attack, the curve, and a defence in training. What was chosen is in window.fashionganRobust.
const {root, find, part, complain, tell, refuse, offline, calm, listen, poll, fit} = panel(element, '.robust');
const slider = find('.strength input[type=range]'), typed = find('.strength input[type=number]');
let shown = '', least = '', states = '', versions = [-1, -1], frame = 0;
let curve = /** @type {any} */ (null), fitted = /** @type {any} */ (null);  // what their plots show

const choice = () => /** @type {any} */ (window).fashionganRobust;
const strength = () => +slider.value;
const levels = eps => `${+(eps * 255).toFixed(1)}/255`;

const refresh = latest(async newer => {
  const request = choice();
  if (!request || !root.clientWidth) return;
  const key = JSON.stringify([request, slider.value]);
  if (shown !== key) {
    const begin = performance.now(), answer = await server.attack([request, strength()]);
    shown = key;
    if (answer.error) {
      find('.content').hidden = true;  // no picture beside a sentence that is not about it
      return refuse(answer.error);
    }
    complain();
    show(answer);
    tell('ready', {shown: key, took: Math.round(performance.now() - begin)});
  }
  if (newer() || least === JSON.stringify(request)) return;
  part('least').textContent = 'Looking for the least that fools it...';
  const answer = await server.smallest(request);
  least = JSON.stringify(request);
  if (!answer.error) part('least').textContent = answer.sentence;
  root.dataset.least = answer.least ?? '';
}, offline, calm);

function show(/** @type {any} */ answer) {
  for (const name of ['before', 'added', 'after']) set(part(name), answer[name]);
  part('magnified').textContent = answer.magnified;
  find('.verdict').textContent = answer.verdict;
  fill(find('.bars tbody'), answer.bars);
  root.dataset.fooled = answer.fooled;
  find('.content').hidden = false;
}

function moved() {
  find('.strength output').textContent = levels(strength());
  slider.setAttribute('aria-valuetext', `${strength().toFixed(3)} (${levels(strength())})`);
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

function drawCurve() {
  const at = strength();
  find('.drawn').hidden = !curve;
  if (!curve || !root.clientWidth) return;
  plot(find('[data-plot=curve]'), curve.traces, {tall: 280, uirevision: 'curve',
    x: {rangemode: 'tozero', title: 'noise strength (epsilon)'}, y: {...SHARE, title: 'named right'},
    shapes: [rule('x', 0.1, 'dash'), rule('y', at)]});
  // What is confused most, at the computed strength that is nearest to the slider's.
  const near = curve.strengths.reduce((a, b) => Math.abs(b.eps - at) < Math.abs(a.eps - at) ? b : a);
  part('at').textContent = near.title;
  fill(find('.pairs'), near.rows);
  find('.curve').dataset.points = curve.points;
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

// The fit, and what is new of both jobs

function drawFit() {
  if (!fitted) return;
  plot(find('[data-plot=fit]'), fitted.traces, {tall: 180, hovermode: 'x unified', uirevision: 'fit', y: SHARE,
    x: {rangemode: 'tozero', title: 'epoch'}});
  find('.fit').dataset.points = fitted.points;
}

/** How far a job is. */
function showJob(/** @type {any} */ host, /** @type {any} */ job) {
  host.dataset.state = job.state;
  host.querySelector('.bar').hidden = job.state !== 'running';
  progress(host, job.percent);
  const words = [...job.status, timeLeft(job.seconds_left)].filter(Boolean);
  if (job.state !== 'idle') say(host.querySelector('.status'), words.join(' · '));
  say(host.querySelector('.error'), job.error);
}

async function showStatus() {
  const answer = await server.status(versions), {curve: computed, fit: defence} = answer;
  showJob(find('.curve'), computed);
  find('.fit').hidden = defence.state === 'idle';
  showJob(find('.fit'), defence);
  find('.fit code').textContent = answer.command;
  if (computed.plot) { curve = computed.plot.traces.length ? computed.plot : null; drawSoon(); }
  if (defence.plot) { fitted = defence.plot.points ? defence.plot : null; drawFit(); }
  versions = [computed.version, defence.version];
  const now = JSON.stringify([answer.names, computed.state, defence.state]);
  if (states !== now) { states = now; trigger('change'); }
  if (root.dataset.state === 'offline') { shown = ''; complain(); }
  await refresh();
}
const refreshStatus = latest(async () => { if (!document.hidden && root.clientWidth) await showStatus(); }, offline);

moved();
fit(() => { drawCurve(); drawFit(); });
listen('fashiongan-robust', refresh);
listen('fashiongan-robust-update', refreshStatus);
poll(refreshStatus, () => root.clientWidth && /running/.test(states) ? 1000 : 2000);
