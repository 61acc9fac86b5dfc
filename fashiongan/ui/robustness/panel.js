// One picture under attack, the curve, and a defence in training. What was chosen is in window.fashionganRobust.
const P = window.Plotly;  // other components may load an older one over it later
const TITLES = /*TITLES*/{};
const root = element.querySelector('.robust'), find = s => root.querySelector(s), part = name => find(`[data-part=${name}]`);
const slider = find('.strength input[type=range]'), typed = find('.strength input[type=number]'), COLORS = ['#3b6fd4', '#d55e00', '#009e73', '#b0568f', '#8a7000', '#4a9cc7'];
const DASHES = ['solid', 'dash', 'dot', 'dashdot'], MARKS = ['circle', 'square', 'diamond', 'triangle-up', 'x', 'star'];
const LEVELS = 255;
let shown = '', least = '', known = null, busy = false, again = false;
let versions = [-1, -1], points = [], fitted = [], names = '', states = '';

const choice = () => window.fashionganRobust;
const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};
const percent = v => v >= 0.9995 ? '100 %' : v < 0.0005 ? '0 %' : v < 0.1 ? `${(100 * v).toFixed(1)} %` : `${Math.round(100 * v)} %`;
const strength = () => +slider.value;
const short = name => name.split('/').pop().replace('.safetensors', '');

function complain(text) {
  const at = find('.robust > .error');
  if (at.textContent === (text || '')) return;
  at.hidden = !text;
  at.textContent = text || '';
}

// The newest question is asked next; those in between are never asked.
async function refresh() {
  if (!choice() || !root.clientWidth) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    do { again = false; await step(); } while (again);
  } catch (e) {
    complain('The studio does not answer; trying again.');
    root.dataset.state = 'offline';
  } finally {
    busy = false;
    root.setAttribute('aria-busy', 'false');
  }
}

async function step() {
  const asked = choice(), key = JSON.stringify([asked, slider.value]);
  if (shown !== key) {
    const begin = performance.now();
    const found = await server.look([asked, strength()]);
    if (found.error) {
      complain(found.error);
      find('.content').hidden = true;  // no picture beside a sentence that is not about it
      root.dataset.state = 'refused';
      shown = key;
      return;
    }
    complain('');
    shown = key;
    show(found);
    Object.assign(root.dataset, {state: 'ready', shown: key, took: Math.round(performance.now() - begin)});
  }
  if (again || least === JSON.stringify(asked)) return;
  part('least').textContent = 'Looking for the least that fools it...';
  const found = await server.smallest(asked);
  least = JSON.stringify(asked);
  if (!found.error) tellLeast(found);
  root.dataset.least = found.least ?? '';
}

function show(found) {
  known = found;
  for (const name of ['before', 'added', 'after']) part(name).src = found[name];
  part('before').alt = `the garment, taken for ${found.said[0]}`;
  part('added').alt = `what was added: ${found.changed} pixels moved`;
  part('after').alt = `the garment after the attack, taken for ${found.said[1]}`;
  part('magnified').textContent = found.magnified ? `added, ${found.magnified >= 10 ? Math.round(found.magnified) : +found.magnified.toFixed(1)} times as strong` : 'nothing added';
  const what = found.known ? `It is: ${found.class}.` : `Before: ${found.class}.`;
  const wish = found.target ? (found.fooled ? `It is taken for ${found.target}, as was wanted.` : `It is not taken for ${found.target}, but for ${found.said[1]}.`)
    : found.fooled ? `It is taken for ${found.said[1]}.` : `It is still taken for ${found.said[1]}.`;
  find('.verdict').textContent = `${what} ${found.eps ? `With noise of ${tell(found.eps)}: ` : 'Without noise: '}${found.fooled ? 'fooled. ' : 'not fooled. '}${wish}`;
  root.dataset.fooled = found.fooled;
  find('.bars tbody').replaceChildren(...found.labels.map((label, i) => {
    const [a, b] = found.confidences.map(row => row[i]);
    const cell = (v, side) => {
      const bar = make('i'), td = make('td', {className: side}, bar, make('span', {textContent: percent(v)}));
      bar.style.width = `${100 * v}%`;
      return td;
    };
    const is = label === found.class, name = make('th', {scope: 'row', textContent: label + (is ? ' ✓' : '')});
    if (is) name.title = found.known ? 'what it is' : 'what it was taken for at first';
    const row = make('tr', {className: label === found.said[1] ? 'said' : ''}, cell(a, 'left'), name, cell(b, 'right'));
    return row;
  }));
  find('.content').hidden = false;
}

const tell = eps => `${eps.toFixed(3)} (${+(eps * LEVELS).toFixed(1)}/255)`;
function tellLeast(found) {
  part('least').textContent = found.least === 0 ? 'It is fooled without any noise.'
    : found.least == null ? `Not even the strongest noise fools it (${found.by}).`
    : `The least that fools it: ${tell(found.least / LEVELS)}, found by ${found.by}.`;
}

function told() {
  find('.strength output').textContent = `${+(strength() * LEVELS).toFixed(1)}/255`;
  slider.setAttribute('aria-valuetext', tell(strength()));
}
function moved() {
  told();
  refresh();
  drawSoon();
}
slider.addEventListener('input', () => { typed.value = strength(); moved(); });
typed.addEventListener('change', () => {
  const value = +typed.value;
  if (typed.value === '' || !(value >= 0 && value <= 1)) { complain('Noise strength takes a number from 0 to 1, where 1 is from black to white.'); return; }
  slider.value = value;
  shown = '';  // what was complained about is over
  moved();
});
told();

// The curve

const label = p => [short(p.classifier), TITLES[p.attack] || p.attack, p.mask === 'garment' ? 'garment only' : 'all pixels'];
function series() {
  const found = new Map();
  for (const p of points) {
    const key = JSON.stringify([p.classifier, p.attack, p.mask]);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(p);
  }
  return [...found.values()].map(list => list.sort((a, b) => a.eps - b.eps));
}

function look_of_plots() {
  const style = getComputedStyle(root), line = style.getPropertyValue('--border-color-primary');
  const axis = {gridcolor: line, zerolinecolor: line, linecolor: line};
  return {axis, layout: {
    height: 360, margin: {l: 52, r: 12, t: 30, b: 48}, showlegend: true, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {color: style.getPropertyValue('--body-text-color'), size: 12, family: 'system-ui, sans-serif'},
    legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0}, hoverlabel: {bgcolor: style.getPropertyValue('--block-background-fill')},
  }};
}

function drawCurve() {
  const all = series();
  find('.drawn').hidden = !all.length;
  if (!P || !all.length || !root.clientWidth) return;
  const classifiers = [...new Set(points.map(p => p.classifier))], kinds = [...new Set(points.map(p => p.attack + p.mask))];
  const {axis, layout} = look_of_plots(), at = strength();
  P.react(find('[data-plot=curve]'), all.map(list => {
    const [p] = list, c = classifiers.indexOf(p.classifier), k = kinds.indexOf(p.attack + p.mask);
    return {
      x: list.map(q => q.eps), y: list.map(q => q.accuracy), name: label(p).join(', '), mode: 'lines+markers',
      line: {width: 2, color: COLORS[c % 6], dash: DASHES[k % 4]}, marker: {size: 7, symbol: list.map(q => MARKS[k % 6] + (q.whole ? '' : '-open'))},
      customdata: list.map(q => `${q.eps.toFixed(3)} (${(q.eps * LEVELS).toFixed(1)}/255): ${(100 * q.accuracy).toFixed(1)} %, 95 % interval ${(100 * q.low).toFixed(1)} to ${(100 * q.high).toFixed(1)}, ${q.n} pictures`),
      hovertemplate: '%{fullData.name}<br>%{customdata}<extra></extra>',
    };
  }), {...layout, uirevision: 'curve', xaxis: {...axis, rangemode: 'tozero', title: {text: 'noise strength (epsilon)', standoff: 6}},
    yaxis: {...axis, range: [-0.03, 1.03], tickformat: '.0%', title: {text: 'named right', standoff: 4}},
    shapes: [{type: 'line', xref: 'paper', x0: 0, x1: 1, y0: 0.1, y1: 0.1, line: {color: layout.font.color, width: 1, dash: 'dash'}},
             {type: 'line', yref: 'paper', y0: 0, y1: 1, x0: at, x1: at, line: {color: layout.font.color, width: 1}}],
  }, {responsive: true, displayModeBar: false});
  showPairs(all, at);
  find('.curve').dataset.points = points.filter(p => p.whole).length;
}

// What is confused most, at the strength computed that is nearest to the slider's.
function showPairs(all, at) {
  const near = points.map(p => p.eps).reduce((a, b) => Math.abs(b - at) < Math.abs(a - at) ? b : a);
  part('at').textContent = `Most often confused at ${tell(near)}`;
  find('.pairs').replaceChildren(...all.map(list => {
    const p = list.find(q => q.eps === near);
    const told = !p ? 'not computed yet' : p.confused.length ? p.confused.slice(0, 3).map(([a, b, n]) => `${n} ${a} taken for ${b}`).join('; ') : 'nothing';
    return make('tr', {}, make('th', {scope: 'row', textContent: label(list[0]).join(', ')}), make('td', {textContent: p ? percent(p.accuracy) : ''}), make('td', {textContent: told}));
  }));
}

let frame = 0;
function drawSoon() { cancelAnimationFrame(frame); frame = requestAnimationFrame(drawCurve); }

function save(blob, name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
find('[data-do=csv]').addEventListener('click', async () => save(new Blob([await server.csv(null)], {type: 'text/csv'}), 'robustness.csv'));
find('[data-do=png]').addEventListener('click', async () => {
  const {data, layout} = find('[data-plot=curve]');
  // Dark letters on white, whatever the page looks like, and without the slider's line.
  const ink = {...layout, width: 1000, height: 600, autosize: false, paper_bgcolor: '#fff', plot_bgcolor: '#fff', font: {...layout.font, color: '#222'}, shapes: [{...layout.shapes[0], line: {...layout.shapes[0].line, color: '#222'}}]};
  const url = await P.toImage({data, layout: ink}, {format: 'png', width: 1000, height: 600, scale: 2});
  save(await (await fetch(url)).blob(), 'robustness.png');
});

// The fit

function drawFit() {
  if (!P || !fitted.length || !root.clientWidth) return;
  const {axis, layout} = look_of_plots(), ends = fitted.filter(n => n.held_out != null);
  const traces = [
    {x: fitted.map(n => n.epoch), y: fitted.map(n => n.accuracy), name: 'on what it learns from', mode: 'lines', line: {width: 1.5, color: COLORS[0]}},
    {x: ends.map(n => n.epoch), y: ends.map(n => n.held_out), name: 'held out', mode: 'lines+markers', line: {width: 1.75, color: COLORS[2], dash: 'dash'}, marker: {symbol: 'square'}},
  ];
  if (ends.some(n => n.attacked != null)) traces.push({x: ends.map(n => n.epoch), y: ends.map(n => n.attacked), name: 'held out, under attack', mode: 'lines+markers', line: {width: 1.75, color: COLORS[1], dash: 'dot'}, marker: {symbol: 'diamond'}});
  P.react(find('[data-plot=fit]'), traces.map(t => ({...t, hovertemplate: '%{y:.1%}'})), {...layout, height: 260, hovermode: 'x unified', uirevision: 'fit',
    xaxis: {...axis, rangemode: 'tozero', title: {text: 'epoch', standoff: 4}}, yaxis: {...axis, range: [-0.03, 1.03], tickformat: '.0%'}}, {responsive: true, displayModeBar: false});
  find('.fit').dataset.points = fitted.length;
}

// News of both jobs

const SAID = {running: 'Computing', finished: 'Finished', stopped: 'Stopped', failed: 'Failed', paused: 'Paused'};
const minutes = s => s < 90 ? `${Math.max(1, Math.round(s))} s left` : `${Math.round(s / 60)} min left`;
function progress(host, job, told) {
  host.dataset.state = job.state;
  const share = job.steps ? 100 * job.step / job.steps : 0, bar = host.querySelector('.bar');
  bar.hidden = job.state !== 'running';
  bar.querySelector('i').style.width = share + '%';
  bar.setAttribute('aria-valuenow', share.toFixed(0));
  if (told && host.querySelector('.status').textContent !== told) host.querySelector('.status').textContent = told;
  host.querySelector('.error').hidden = !job.error;
  host.querySelector('.error').textContent = job.error || '';
}

let began = 0;
async function news() {
  if (document.hidden || !root.clientWidth) return;
  try {
    const found = await server.news(versions), {curve, fit} = found;
    if (curve.state !== 'running') began = 0; else began = began || performance.now();
    const left = began && curve.step ? minutes((performance.now() - began) / 1000 * (curve.steps - curve.step) / curve.step) : '';
    progress(find('.curve'), curve, curve.state === 'idle' ? '' : [`${SAID[curve.state]}: ${curve.about}`, curve.state === 'running' ? `${Math.round(100 * curve.step / (curve.steps || 1))} %` : '', curve.state === 'running' ? left : ''].filter(Boolean).join(' · '));
    find('.fit').hidden = fit.state === 'idle';
    const eta = fit.step ? minutes(fit.seconds * (fit.steps - fit.step) / fit.step) : '';
    if (fit.state !== 'idle') progress(find('.fit'), fit, [`${{...SAID, running: 'Training'}[fit.state]}: ${fit.name}`, `step ${fit.step.toLocaleString('en')} of ${fit.steps.toLocaleString('en')}`, ...(fit.state === 'running' ? [`${Math.round(fit.speed).toLocaleString('en')} pictures/s`, eta] : [])].filter(Boolean).join(' · '));
    find('.fit code').textContent = fit.command;
    if (curve.points) { points = curve.points; drawSoon(); }
    if (fit.news) { fitted = fit.news; drawFit(); }
    versions = [curve.version, fit.version];
    const now = JSON.stringify([found.names, curve.state, fit.state]);
    if (states !== now) { states = now; trigger('change'); }
    if (root.dataset.state === 'offline') { shown = ''; complain(''); }
    await refresh();
  } catch (e) {
    complain('The studio does not answer; trying again.');
    root.dataset.state = 'offline';
  }
}

new ResizeObserver(() => { if (P && root.clientWidth) root.querySelectorAll('.js-plotly-plot').forEach(p => P.Plots.resize(p)); }).observe(root);
const LISTENERS = {'fashiongan-robust': refresh, 'fashiongan-robust-news': news};
for (const [name, f] of Object.entries(LISTENERS)) document.addEventListener(name, f);
async function watch() {
  if (!element.isConnected) {
    for (const [name, f] of Object.entries(LISTENERS)) document.removeEventListener(name, f);
    return;
  }
  await news();
  setTimeout(watch, root.clientWidth && /running/.test(states) ? 1000 : 2000);
}
watch();
