// Models side by side. What was chosen is in window.fashionganCompare; what is shown of it comes from the server.
const P = window.Plotly;  // other components may load an older one over it later
const WORDS = /*WORDS*/{}, SCORES = /*SCORES*/[];
const root = element.querySelector('.compare'), find = s => root.querySelector(s), part = name => find(`[data-part=${name}]`);
const COLORS = ['#3b6fd4', '#d55e00', '#009e73', '#b0568f', '#8a7000', '#4a9cc7'], PATTERNS = ['', '/', 'x', '.', '-', '+'];
const BOTH = 'both losses', SPACES = {pixels: 'in pixels', features: 'in features'};
const INVITE = 'Point at a picture, or reach it with Tab and the arrow keys, to see it beside the nearest real garment.';
let got = {models: '', rows: '', near: ''};  // for which choice each part is shown
let models = [], table = {}, rows = [], near = null, sort = null, at = [0, 0], which = BOTH;
let busy = false, again = false, stamp = '', run = '', listed = null, scorer = {busy: false};

const choice = () => window.fashionganCompare || {names: [], seed: 0, near: false};
const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};
const title = name => (models.find(m => m.name === name) || {}).title || name;
const index = name => models.findIndex(m => m.name === name);
// A letter stands with every color.
const badge = i => {
  const node = make('span', {className: 'badge', textContent: 'ABCDEF'[i]});
  node.style.setProperty('--color', COLORS[i]);
  return node;
};
const known = name => make('span', {className: 'name'}, badge(index(name)), make('span', {textContent: title(name)}));

function complain(text) {
  if (find('.error').textContent === (text || '')) return;  // said once is enough
  find('.error').hidden = !text;
  find('.error').textContent = text || '';
}

// What is asked for and not shown yet is fetched, one part after the other; a newer choice is looked at next.
async function refresh() {
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
  const {names, seed, near: wanted} = choice(), few = !names || names.length < 2;
  find('.empty').hidden = !few;
  find('.content').hidden = few || !models.length;
  if (few) { complain(''); root.dataset.state = 'empty'; return; }
  root.setAttribute('aria-busy', 'true');
  const whole = JSON.stringify([names, stamp]), drawn = JSON.stringify([names, seed, run]);
  if (got.models !== whole) {
    const found = await server.models(names);
    if (found.error) return refuse(found.error);
    table = found; models = found.models; got.models = whole;
    showVerdicts(); showScores(); showBars(); showCurves();
  }
  if (got.rows !== drawn) {
    const found = await server.pictures([names, seed]);
    if (found.error) return refuse(found.error);
    rows = found.rows; near = null; got.rows = drawn; got.near = '';
  }
  showGrid(wanted);
  find('.content').hidden = false;
  drawPlots();
  if (wanted && got.near !== drawn) await fetchNear(drawn);
  complain('');
  Object.assign(root.dataset, {state: 'ready', drawn: got.rows, scored: models.filter(m => m.values).length});
}

function refuse(sentence) {
  complain(sentence);
  root.dataset.state = 'refused';
}

async function fetchNear(drawn) {
  const found = await server.neighbours(JSON.parse(drawn).slice(0, 2));
  if (found.error) return refuse(found.error);
  if (got.rows !== drawn) return;
  near = found.rows; got.near = drawn;
  showGrid(choice().near);
}

// The grid

const told = (garment, i, entry) => `Picture ${i + 1} of ${title(entry.name)}${garment.label ? `, asked for: ${garment.label}` : ''}`;
const neighbour = (entry, space, i) => {
  const found = near && near.find(n => n.name === entry.name);
  return found && found[space] && found[space][i];
};
const beside = (found, space) => `Nearest real garment ${SPACES[space]}: ${found.label}, ${found.far.toFixed(1)} away`;

function showGrid(wanted) {
  const body = make('tbody', {role: 'rowgroup'});
  rows.forEach((entry, r) => {
    const m = models.find(m => m.name === entry.name) || {};
    const head = make('th', {scope: 'row', role: 'rowheader'}, known(entry.name), make('small', {textContent: m.about || ''}));
    const row = make('tr', {role: 'row'}, head);
    if (entry.error) row.append(make('td', {colSpan: 10, className: 'sorry', textContent: entry.error}));
    (entry.pictures || []).forEach((garment, i) => {
      const closest = Object.keys(SPACES).map(s => neighbour(entry, s, i) && beside(neighbour(entry, s, i), s)).filter(Boolean);
      const label = [told(garment, i, entry), ...closest].join('. ');
      const button = make('button', {type: 'button', title: label, tabIndex: r === at[0] && i === at[1] ? 0 : -1}, make('img', {src: garment.src, alt: ''}));
      button.setAttribute('aria-label', label);
      Object.assign(button.dataset, {row: r, column: i});
      row.append(make('td', {role: 'cell'}, button));
    });
    body.append(row);
    if (wanted && entry.pictures) body.append(...Object.keys(SPACES).map(s => nearRow(entry, s)).filter(Boolean));
  });
  const lacking = wanted && (near || []).find(n => n.lacking);
  part('lacking').textContent = lacking ? lacking.lacking : '';
  const focused = document.activeElement && document.activeElement.closest('.compare .grid button') ? [...at] : null;
  find('.grid').replaceChildren(body);
  if (!find('.grid button[tabindex="0"]')) { const first = find('.grid button'); if (first) { first.tabIndex = 0; at = [+first.dataset.row, +first.dataset.column]; } }
  if (focused) { const again = cell(...focused); if (again) again.focus({preventScroll: true}); }
  look();
}

function nearRow(entry, space) {
  const found = near && near.find(n => n.name === entry.name);
  const row = make('tr', {className: 'near', role: 'row'}, make('th', {scope: 'row', role: 'rowheader', textContent: `nearest ${SPACES[space]}`}));
  if (!found) {
    if (space === 'features') return null;
    row.append(make('td', {colSpan: 10, textContent: 'Looking for the nearest real garments...'}));
  } else if (found.error) {
    if (space === 'features') return null;
    row.append(make('td', {colSpan: 10, textContent: found.error}));
  } else if (!found[space]) {
    return null;
  } else {
    row.append(...found[space].map(f => make('td', {role: 'cell'},
      make('img', {src: f.src, alt: beside(f, space), title: beside(f, space)}), make('small', {textContent: f.far.toFixed(1)}))));
  }
  return row;
}

const cell = (r, i) => find(`.grid button[data-row="${r}"][data-column="${i}"]`);

// The picture under the pointer or the focus, large, beside its nearest real garments.
function look() {
  const [r, i] = at, entry = rows[r], garment = entry && entry.pictures && entry.pictures[i];
  const views = find('.loupe .views'), text = find('.loupe p');
  if (!garment || !root.dataset.looking) {
    views.replaceChildren();
    text.textContent = INVITE;
    return;
  }
  const figure = (src, caption) => make('figure', {}, make('img', {src, alt: ''}), make('figcaption', {textContent: caption}));
  const closest = Object.keys(SPACES).map(s => [s, neighbour(entry, s, i)]).filter(([, n]) => n);
  views.replaceChildren(figure(garment.src, 'drawn'), ...closest.map(([s, n]) => figure(n.src, `real, ${SPACES[s]}`)));
  const lacking = near ? closest.length ? ['0 would be the same picture.'] : [] : ['Looking for the nearest real garment...'];
  text.textContent = [told(garment, i, entry), ...closest.map(([s, n]) => beside(n, s)), ...lacking].join('. ');
}

let dwell = 0, seeking = false;
async function seek() {
  if (seeking || got.near === got.rows) return;
  seeking = true;
  try { await fetchNear(got.rows); } catch (e) { complain('The studio does not answer; trying again.'); } finally { seeking = false; }
}
function pointAt(button) {
  at = [+button.dataset.row, +button.dataset.column];
  root.dataset.looking = 'yes';
  look();
  clearTimeout(dwell);
  // Searching costs a third of a second of the machine's time: not for a pointer that only passes by.
  if (!near) dwell = setTimeout(seek, 250);
}
const onGarment = f => e => { const button = e.target.closest('button'); if (button) f(button, e); };
find('.grid').addEventListener('pointerover', onGarment(pointAt));
find('.grid').addEventListener('pointerleave', () => {
  if (near || seeking || find('.grid').contains(document.activeElement)) return;
  clearTimeout(dwell);
  delete root.dataset.looking;
  look();
});
find('.grid').addEventListener('focusin', onGarment(button => {
  root.querySelectorAll('.grid button[tabindex="0"]').forEach(b => { b.tabIndex = -1; });
  button.tabIndex = 0;
  pointAt(button);
}));
find('.grid').addEventListener('keydown', onGarment((button, e) => {
  const r = +button.dataset.row, i = +button.dataset.column;
  const to = {ArrowLeft: [r, i - 1], ArrowRight: [r, i + 1], ArrowUp: [r - 1, i], ArrowDown: [r + 1, i], Home: [r, 0], End: [r, 9]}[e.key];
  if (!to) return;
  e.preventDefault();
  const next = cell(...to);
  if (next) next.focus();
}));

// Verdicts and scores

const unscored = name => !scorer.busy ? 'Not scored yet: press Score them.' : scorer.name === name ? 'Being scored now.'
  : scorer.waiting.includes(name) ? 'Waiting to be scored.' : 'Not scored yet: press Score them.';

function showVerdicts() {
  find('.verdicts').replaceChildren(...models.map(m => make('li', {}, known(m.name), ' ',
    make('span', {textContent: m.verdict || unscored(m.name)}))));
  const absent = models.filter(m => !m.values).map(m => m.title);
  part('unscored').textContent = absent.length && absent.length < models.length ? `Not in the table, for want of scores: ${absent.join(', ')}.` : '';
}

const figures = (key, v) => v == null ? '' : key === 'missed' ? String(v)
  : Math.abs(v) >= 1000 ? Math.round(v).toLocaleString('en') : Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : v.toFixed(Math.abs(v) < 0.1 ? 3 : 2);
const wishes = c => c.better === 'near' ? `near ${c.ideal} is better` : `${c.better} is better`;

function showScores() {
  const scored = models.filter(m => m.values);
  find('.scored').hidden = !scored.length;
  if (!scored.length) return;
  const column = (sort && table.columns.find(c => c.key === sort.key)) || null;
  if (column) scored.sort((a, b) => {
    const x = a.values[column.key], y = b.values[column.key];
    return x == null || y == null ? (x == null) - (y == null) : sort.up ? x - y : y - x;
  });
  const head = make('tr', {}, make('th', {scope: 'col', textContent: 'model'}), ...table.columns.map(c => {
    const order = column === c ? (sort.up ? 'ascending' : 'descending') : 'none';
    const button = make('button', {type: 'button', title: c.tip}, c.title, make('small', {textContent: wishes(c)}));
    button.dataset.key = c.key;
    const th = make('th', {scope: 'col'}, button);
    th.setAttribute('aria-sort', order);
    return th;
  }));
  const body = scored.map(m => make('tr', {}, make('th', {scope: 'row'}, known(m.name), ...(m.copies ? [make('small', {className: 'copies', textContent: 'copies its training pictures'})] : [])),
    ...table.columns.map(c => {
      const best = (table.best[c.key] || []).includes(m.name);
      const td = make('td', {className: best ? 'best' : ''}, ...(best ? [make('span', {className: 'star', textContent: '★ '}), make('span', {className: 'unseen', textContent: 'best: '})] : []), figures(c.key, m.values[c.key]) || '–');
      if (best) td.querySelector('.star').setAttribute('aria-hidden', 'true');
      return td;
    })));
  const floors = table.floors.map(f => make('tr', {className: 'floor'}, make('th', {scope: 'row'}, 'real garments', ...(table.floors.length > 1 ? [' of ', ...f.of.map(name => badge(index(name)))] : [])),
    ...table.columns.map(c => make('td', {textContent: figures(c.key, f.values[c.key]),
      title: c.key in f.halves ? `one half of the real training pictures against the other: ${figures(c.key, f.halves[c.key])}` : ''}))));
  const focused = document.activeElement && document.activeElement.closest('.compare .scores') && document.activeElement.dataset.key;
  find('.scores').replaceChildren(make('thead', {}, head), make('tbody', {}, ...body, ...floors));
  if (focused) find(`.scores button[data-key="${focused}"]`).focus();
  part('meanings').replaceChildren(...table.columns.flatMap(c => [make('dt', {textContent: c.title}), make('dd', {textContent: `${c.tip}; ${wishes(c)}`})]));
  part('caption').textContent = `${table.caption} ★ is the best of its column, among models that do not copy. Real garments: what as many real pictures get. Press a heading to sort.`;
}
find('.scores').addEventListener('click', e => {
  const button = e.target.closest('button');
  if (!button) return;
  const c = table.columns.find(c => c.key === button.dataset.key);
  sort = {key: c.key, up: sort && sort.key === c.key ? !sort.up : c.better !== 'more'};  // the best comes first
  showScores();
});

// Plots

function look_of_plots() {
  const style = getComputedStyle(root), line = style.getPropertyValue('--border-color-primary');
  const axis = {gridcolor: line, zerolinecolor: line, linecolor: line};
  return {axis, layout: {
    height: 300, margin: {l: 46, r: 8, t: 30, b: 40}, showlegend: true, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {color: style.getPropertyValue('--body-text-color'), size: 12, family: 'system-ui, sans-serif'},
    legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0}, hoverlabel: {bgcolor: style.getPropertyValue('--block-background-fill')},
  }};
}
const legend = m => `${'ABCDEF'[index(m.name)]} ${m.title}`;
let plots = {};

function showBars() {
  const scored = models.filter(m => m.bars && Object.keys(m.bars).length);
  find('.barred').hidden = !scored.length;
  const titles = Object.fromEntries((table.columns || []).map(c => [c.key, c.title.replace(/ \(KID\).*/, '').replace(' distance', '<br>distance').replace('-style', '<br>-style')]));
  const keys = SCORES.filter(k => scored.some(m => k in m.bars));
  const {axis, layout} = look_of_plots();
  plots.bars = scored.length && [scored.map(m => ({
    type: 'bar', name: legend(m), x: keys.map(k => titles[k]), y: keys.map(k => m.bars[k] ?? null), hovertemplate: '%{y:.2f}',
    marker: {color: COLORS[index(m.name)], pattern: {shape: PATTERNS[index(m.name)], bgcolor: COLORS[index(m.name)], fgcolor: '#fff', size: 7, solidity: 0.25}},
  })), {...layout, barmode: 'group', bargap: 0.25, hovermode: 'x unified', xaxis: {...axis, fixedrange: true}, yaxis: {...axis, rangemode: 'tozero', fixedrange: true},
    shapes: [{type: 'line', xref: 'paper', x0: 0, x1: 1, y0: 1, y1: 1, line: {color: layout.font.color, width: 1, dash: 'dash'}}],
    annotations: [{xref: 'paper', x: 1, xanchor: 'right', y: 1, yanchor: 'bottom', text: 'real garments', showarrow: false, font: {size: 11}}]}];
}

function showCurves() {
  const curved = models.filter(m => m.curves.step);
  find('.curved').hidden = !curved.length;
  const without = models.filter(m => !m.curves.step).map(m => m.title);
  part('uncurved').textContent = without.length ? `No curves are kept of ${without.join(', ')}.` : '';
  const names = [...new Set(curved.flatMap(m => Object.keys(m.curves)))].filter(n => n !== 'step');
  if (which !== BOTH && !names.includes(which)) which = BOTH;
  part('which').replaceChildren(...[BOTH, ...names].map(n => make('option', {value: n, textContent: WORDS[n] || n, selected: n === which})));
  const {axis, layout} = look_of_plots();
  const shown = which === BOTH ? ['d_loss', 'g_loss'] : [which];
  plots.curves = curved.length && [curved.flatMap(m => shown.filter(n => m.curves[n]).map(n => ({
    x: m.curves.step, y: m.curves[n], name: shown.length > 1 ? `${legend(m)}: ${n === 'd_loss' ? 'discriminator' : 'generator'}` : legend(m), mode: which === 'distance' ? 'lines+markers' : 'lines',
    connectgaps: true, line: {width: 1.75, color: COLORS[index(m.name)], dash: n === 'g_loss' ? 'dash' : 'solid'}, hovertemplate: '%{y:.3g}',
  }))), {...layout, hovermode: 'x unified', uirevision: got.models + which, xaxis: {...axis, title: {text: 'step', standoff: 4}}, yaxis: axis}];
}
part('which').addEventListener('change', e => { which = e.target.value; showCurves(); drawPlots(); });

// Drawn once they have a width: not while their tab is hidden.
function drawPlots() {
  if (!P || !root.clientWidth) return;
  for (const [name, made] of Object.entries(plots)) if (made) P.react(find(`[data-plot=${name}]`), ...made, {responsive: true, displayModeBar: false});
}

// The scorer, and checkpoints that come and go

function showScorer() {
  find('.scorer').hidden = !scorer.busy && !scorer.error;
  find('.scorer .bar').hidden = !scorer.busy;
  const percent = Math.round(100 * scorer.share), waiting = scorer.waiting.map(n => n.split('/').pop());
  const told = scorer.busy ? [`Scoring ${scorer.name}: ${scorer.doing}, ${percent} %`, waiting.length ? `then ${waiting.join(', ')}` : ''] : [];
  const text = [...told, scorer.error ? `Could not score ${scorer.error}` : ''].filter(Boolean).join(' · ');
  if (find('.scorer p').textContent !== text) find('.scorer p').textContent = text;
  find('.scorer i').style.width = percent + '%';
  find('.scorer .bar').setAttribute('aria-valuenow', percent);
}

async function news() {
  if (document.hidden || !root.clientWidth) return;
  try {
    const found = await server.news(null), names = found.names;
    scorer = found.scorer;
    showScorer();
    run = found.run;  // its weights are others once it has ended
    const now = JSON.stringify([scorer.busy, scorer.name, scorer.waiting, scorer.error, run]);
    root.dataset.scorer = scorer.busy ? 'busy' : 'idle';
    const news = JSON.stringify([names, now]), changed = listed !== null && listed !== news;
    stamp = now;
    listed = news;
    if (changed) trigger('change');
    await refresh();
  } catch (e) {
    complain('The studio does not answer; trying again.');
  }
}

new ResizeObserver(() => { if (P && root.clientWidth) root.querySelectorAll('.js-plotly-plot').forEach(p => P.Plots.resize(p)); }).observe(root);
const LISTENERS = {'fashiongan-compare': refresh, 'fashiongan-scored': news};
for (const [name, f] of Object.entries(LISTENERS)) document.addEventListener(name, f);
async function watch() {
  if (!element.isConnected) {
    for (const [name, f] of Object.entries(LISTENERS)) document.removeEventListener(name, f);
    return;
  }
  await news();
  setTimeout(watch, root.dataset.scorer === 'busy' ? 1000 : 3000);
}
watch();
