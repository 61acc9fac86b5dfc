// Watches the run: asks the server every second or two for what is new, and never for what it already has.
const P = window.Plotly;  // other components may load an older one over it later
const WORDS = /*WORDS*/{};
const root = element.querySelector('.live'), find = s => root.querySelector(s);
const slider = find('input'), image = find('img'), caption = find('figcaption');
const COLORS = ['#3b6fd4', '#d55e00', '#009e73', '#b0568f', '#8a7000', '#4a9cc7'], DASHES = ['solid', 'solid', 'dot', 'dash'];
const POINTS = 800;  // drawn per curve; more cannot be told apart
const SELDOM = 8000;  // ms between two drawings, at the most
let run = '', generation = -1, rows = 0, sheet = -1, columns = {}, epochs = [], newest = '', state = '', busy = false, again = false, nextDraw = 0, undrawn = false;

const minutes = s => s == null ? '' : s < 90 ? `${Math.max(1, Math.round(s))} s left`
  : s < 5400 ? `${Math.round(s / 60)} min left` : `${(s / 3600).toFixed(1)} h left`;
const SAID = {idle: 'Nothing is training', running: 'Training', paused: 'Paused', stopped: 'Stopped', finished: 'Finished', failed: 'Failed'};

function describe(s) {
  if (s.state === 'idle') return;
  const parts = [`${SAID[s.state]}: ${s.run}`, `step ${s.step.toLocaleString('en')} of ${s.steps.toLocaleString('en')}`,
                 `epoch ${s.epoch.toFixed(1)}`];
  if (s.state === 'running') parts.push(`${Math.round(s.images_per_second).toLocaleString('en')} pictures/s`, minutes(s.seconds_left));
  find('.status').textContent = s.step || s.state !== 'running' ? parts.filter(Boolean).join(' · ') : `Starting ${s.run}...`;
  const percent = s.steps ? 100 * s.step / s.steps : 0;
  find('.bar i').style.width = percent + '%';
  find('.bar').setAttribute('aria-valuenow', percent.toFixed(0));
  find('.remarks').replaceChildren(...s.remarks.map(text => Object.assign(document.createElement('li'), {textContent: text})));
  find('.queue').hidden = !s.queue.length;
  find('.queue').textContent = `Waiting: ${s.queue.map(w => w.gan).join(', then ')}`;
  find('.error').hidden = !s.error;
  find('.error').textContent = s.error || '';
}

function thin(values) {
  const every = Math.ceil(values.length / POINTS);
  if (every < 2) return values;
  const out = [];
  for (let i = 0; i < values.length; i += every) {
    const part = values.slice(i, i + every).filter(v => v != null);
    out.push(part.length ? part.reduce((a, b) => a + b, 0) / part.length : null);
  }
  return out;
}

function draw() {
  const style = getComputedStyle(root), text = style.getPropertyValue('--body-text-color'), line = style.getPropertyValue('--border-color-primary');
  const x = thin(columns.step || []);
  const names = Object.keys(columns).filter(n => n !== 'step' && n !== 'epoch');
  const far = n => n === 'distance';
  const groups = {loss: names.filter(n => !n.includes('accuracy') && !far(n)), accuracy: names.filter(n => n.includes('accuracy')),
                  distance: names.filter(far)};
  find('.distance').hidden = !groups.distance.length;
  groups.loss.sort((a, b) => b.endsWith('_loss') - a.endsWith('_loss'));
  for (const [group, members] of Object.entries(groups)) {
    const host = find(`[data-plot=${group}]`);
    const traces = members.map((n, i) => ({
      x, y: thin(columns[n]), name: WORDS[n] || n, mode: far(n) ? 'lines+markers' : 'lines', connectgaps: true, line: {width: 1.5, color: COLORS[i % 6], dash: DASHES[i % 4]},
      visible: group === 'loss' && !n.endsWith('_loss') ? 'legendonly' : true, hovertemplate: '%{y:.3f}',
    }));
    const axis = {gridcolor: line, zerolinecolor: line, linecolor: line};
    P.react(host, traces, {
      uirevision: run, height: group === 'distance' ? 180 : 230, margin: {l: 42, r: 8, t: 42, b: 34}, hovermode: 'x unified', showlegend: true,
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', font: {color: text, size: 11, family: 'system-ui, sans-serif'},
      legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0}, hoverlabel: {bgcolor: style.getPropertyValue('--block-background-fill')},
      xaxis: {...axis, title: {text: 'step', standoff: 4}},
      yaxis: {...axis, ...(group === 'accuracy' ? {range: [-0.03, 1.03], tickformat: '.0%'} : group === 'distance' ? {rangemode: 'tozero'} : {})},
    }, {responsive: true, displayModeBar: false});
  }
  root.dataset.points = x.length;
}

function follow() { return +slider.value >= epochs.length; }  // the last place of the slider is "newest"

async function travel() {
  if (follow()) {
    if (newest) image.src = newest;
    caption.textContent = 'newest samples';
    return;
  }
  const epoch = epochs[+slider.value], url = await server.sheet(epoch);
  if (url && epochs[+slider.value] === epoch && !follow()) {
    image.src = url;
    caption.textContent = epoch ? `after epoch ${epoch}` : 'before training';
  }
}
slider.addEventListener('input', travel);

async function tick() {
  if (document.hidden) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    const d = await server.news([run, generation, rows, sheet]), s = d.status;
    if (s.run && s.run !== run) {
      run = s.run; columns = {}; rows = 0; newest = ''; epochs = []; nextDraw = 0;
      slider.value = slider.max = 0;
    }
    describe(s);
    if (d.columns) {
      if (d.first === 0) columns = {};
      for (const [name, values] of Object.entries(d.columns)) columns[name] = (columns[name] || []).slice(0, d.first).concat(values);
      generation = d.generation; sheet = d.sheets;
      rows = (columns.step || []).length;
      undrawn = undrawn || rows !== d.first;
      const following = follow();
      epochs = d.epochs;
      slider.max = epochs.length;
      slider.disabled = !epochs.length;
      if (following) slider.value = slider.max;
      if (d.sheet) newest = d.sheet;
      if (d.sheet && following) image.src = newest;
      find('.sheet').hidden = !newest;
      find('.plots').hidden = !rows;
      // Watching must not slow the run: drawing takes about an eightieth of the time, painting as much again. But
      // where it is slow, as the first time is, nobody waits longer than SELDOM for a curve to move.
      if (P && rows && undrawn && root.clientWidth && (performance.now() >= nextDraw || s.state !== 'running')) {
        const begin = performance.now();
        draw();
        undrawn = false;
        nextDraw = performance.now() + Math.min(SELDOM, 80 * (performance.now() - begin));
      }
    }
    root.dataset.run = run; root.dataset.state = s.state; root.dataset.step = s.step;
    const now = `${run} ${s.state} ${Boolean(s.checkpoint)} ${s.queue.map(w => w.number)}`;
    if (now !== state) { state = now; trigger('change'); }
  } catch (e) {
    root.dataset.state = 'offline';
    find('.status').textContent = 'The studio does not answer; trying again.';
  } finally {
    busy = false;
    if (again) { again = false; tick(); }
  }
}

new ResizeObserver(() => { if (P && rows && root.clientWidth) root.querySelectorAll('.js-plotly-plot').forEach(p => P.Plots.resize(p)); }).observe(root);
document.addEventListener('fashiongan-news', tick);  // a button was answered: look at once
async function watch() {
  if (!element.isConnected) return document.removeEventListener('fashiongan-news', tick);
  await tick();
  setTimeout(watch, root.dataset.state === 'running' ? 2000 : 1000);  // every look costs the run a little
}
watch();
