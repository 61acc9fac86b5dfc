// @ts-check
// One picture under attack, the curve, and a defence in training. What was chosen is in window.fashionganRobust.
const {root, find, part, ask, fresh, newest, differs, complain, tell, listen, poll, fit} = panel(element, '.robust');
const slider = find('.strength input[type=range]'), typed = find('.strength input[type=number]');
let versions = [-1, -1], frame = 0;
let curve = /** @type {any} */ (null), fitted = /** @type {any} */ (null);  // what their plots show

const choice = () => /** @type {any} */ (window).fashionganRobust;
const strength = () => +slider.value;

function nameUnit() {
  const unit = +slider.max > 1 ? 'Euclidean' : `${+(strength() * 255).toFixed(1)}/255`;
  find('.strength output').textContent = unit;
  slider.setAttribute('aria-valuetext', `${strength().toFixed(3)} (${unit})`);
}

const refresh = newest(async newer => {
  const request = choice();
  if (!request || !root.clientWidth) return;
  slider.max = typed.max = String(props.strongest[request.attack]);
  nameUnit();
  const attack = [request, strength()], answer = await fresh('attack', attack);
  if (answer) show(root, answer);
  if (answer || root.dataset.state === 'offline') {
    complain();
    tell('ready', {shown: JSON.stringify(attack)});
  }
  if (newer()) return;
  if (differs('attacked', request)) part('least').textContent = 'Looking for the least that fools it...';
  const least = await fresh('smallest', request);
  if (!least) return;
  show(root, least);
  root.dataset.least = least.levels ?? '';
});

function moved() {
  nameUnit();
  refresh();
  drawSoon();
}
slider.addEventListener('input', () => { typed.value = strength(); moved(); });
typed.addEventListener('change', () => {
  if (typed.value === '' || !(+typed.value >= 0 && +typed.value <= +typed.max)) {
    return complain(`Noise strength takes a number from 0 to ${typed.max}, where 1 is from black to white.`);
  }
  complain();
  slider.value = typed.value;
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
  part('proven').hidden = !curve.proven;
  // What is confused most, at the computed strength that is nearest to the slider's; no attack has one yet at first.
  const [first, ...others] = curve.strengths;
  if (first) show(root, others.reduce((a, b) => Math.abs(b.eps - at) < Math.abs(a.eps - at) ? b : a, first));
  find('.curve').dataset.points = curve.points;
}

function drawSoon() { cancelAnimationFrame(frame); frame = requestAnimationFrame(drawCurve); }

find('[data-do=csv]').addEventListener('click', async () =>
  save(new Blob([await ask('csv')], {type: 'text/csv'}), 'robustness.csv'));
find('[data-do=png]').addEventListener('click', () => {
  const {data, layout} = find('[data-plot=curve]'), [guessing] = layout.shapes, size = {width: 1000, height: 600};
  // Dark letters on white, whatever the page looks like, and without the slider's line.
  const ink = {paper_bgcolor: '#fff', plot_bgcolor: '#fff', font: {...layout.font, color: '#222'},
    shapes: [{...guessing, line: {...guessing.line, color: '#222'}}]};
  const drawn = {data, layout: {...layout, ...size, ...ink}};
  P.downloadImage(drawn, {format: 'png', ...size, scale: 2, filename: 'robustness'});
});

// The fit, and what is new of both jobs

function drawFit() {
  if (!fitted) return;
  plot(find('[data-plot=fit]'), fitted.traces, {tall: 180, hovermode: 'x unified', uirevision: 'fit', y: SHARE,
    x: {rangemode: 'tozero', title: 'epoch'}});
  find('.fit').dataset.points = fitted.points;
}

const refreshStatus = newest(async () => {
  if (document.hidden || !root.clientWidth) return;
  const answer = await ask('status', versions), jobs = {curve: answer.curve, fit: answer.fit};
  for (const [name, job] of Object.entries(jobs)) {
    find(`.${name}`).dataset.state = job.state;
    show(find(`.${name}`), job);
  }
  if (jobs.curve.plot) { curve = jobs.curve.plot.traces.length ? jobs.curve.plot : null; drawSoon(); }
  if (jobs.fit.plot) { fitted = jobs.fit.plot.points ? jobs.fit.plot : null; drawFit(); }
  versions = [jobs.curve.version, jobs.fit.version];
  if (differs('jobs', [answer.names, jobs.curve.state, jobs.fit.state])) trigger('change');
  await refresh();
});

moved();
fit(() => { drawCurve(); drawFit(); });
listen('fashiongan-robust', refresh);
listen('fashiongan-robust-update', refreshStatus);
poll(refreshStatus, () => root.clientWidth && root.querySelector('[data-state=running]') ? 1000 : 2000);
