// @ts-check
// Models side by side. What was chosen is in window.fashionganCompare; what is shown of it comes from the server.
const {root, find, part, complain, tell, refuse, offline, calm, listen, poll, fit} = panel(element, '.compare');
const BOTH = 'both losses', LETTERS = 'ABCDEF', SPACES = {pixels: 'in pixels', features: 'in features'};
const INVITE = 'Point at a picture, or reach it with Tab and arrow keys, to see it beside the nearest real garment.';
const got = {models: '', rows: '', near: ''};  // for which choice each part is shown
let table = /** @type {any} */ ({models: []}), scorer = /** @type {any} */ ({busy: false});
let rows = /** @type {any[]} */ ([]), near = /** @type {any} */ (null), sort = /** @type {any} */ (null);
let at = [0, 0], which = BOTH, stamp = '', run = '', listed = '', dwell = 0;

const choice = () => /** @type {any} */ (window).fashionganCompare || {names: [], seed: 0, near: false};
const index = name => table.models.findIndex(m => m.name === name);
const title = name => (table.models[index(name)] || {}).title || name;
// A letter stands with every color.
const badge = i => make('span', {className: 'badge', textContent: LETTERS[i], style: `--color: ${COLORS[i]}`});
const text = (tag, textContent, className = '') => make(tag, {textContent, className});
const labelled = name => make('span', {className: 'name'}, badge(index(name)), text('span', title(name)));
const small = (said, className) => text('small', said, className);
const focusIn = selector => document.activeElement?.closest(`.compare ${selector}`);

// What is asked for and not shown yet is fetched, one part after the other; a newer choice is looked at next.
const refresh = latest(async () => {
  const {names, seed, near: wanted} = choice(), few = !names || names.length < 2;
  find('.empty').hidden = !few;
  find('.content').hidden = few || !table.models.length;
  if (few) { complain(); tell('empty'); return; }
  root.setAttribute('aria-busy', 'true');
  const whole = JSON.stringify([names, stamp]), drawn = JSON.stringify([names, seed, run]);
  if (got.models !== whole) {
    const found = await server.models(names);
    if (found.error) return refuse(found.error);
    table = found; got.models = whole;
    showVerdicts(); showScores();
  }
  if (got.rows !== drawn) {
    const found = await server.pictures([names, seed]);
    if (found.error) return refuse(found.error);
    rows = found.rows; near = null; got.rows = drawn; got.near = '';
  }
  showGrid();
  find('.content').hidden = false;
  drawPlots();
  if (wanted) await seek();
  complain();
  tell('ready', {drawn: got.rows, scored: table.models.filter(m => m.values).length});
}, offline, calm);

const seek = latest(async () => {
  const drawn = got.rows;
  if (got.near === drawn) return;
  const found = await server.neighbours(JSON.parse(drawn).slice(0, 2));
  if (found.error) return refuse(found.error);
  if (got.rows !== drawn) return;
  near = found.rows; got.near = drawn;
  showGrid();
}, offline);

// The grid

const describe = (garment, i, entry) =>
  `Picture ${i + 1} of ${title(entry.name)}${garment.label ? `, asked for: ${garment.label}` : ''}`;
const nearOf = entry => near && near.find(n => n.name === entry.name);
/** A picture's nearest real garments: [space, garment, sentence] of each space in which they are known. */
const closest = (entry, i) => Object.keys(SPACES).flatMap(space => {
  const garment = nearOf(entry)?.[space]?.[i];
  return garment ? [[space, garment, beside(garment, space)]] : [];
});
const beside = (found, space) => `Nearest real garment ${SPACES[space]}: ${found.label}, ${found.far.toFixed(1)} away`;
const cell = (r, i) => find(`.grid button[data-row="${r}"][data-column="${i}"]`);

function showGrid() {
  const body = make('tbody', {role: 'rowgroup'}), wanted = choice().near;
  rows.forEach((entry, r) => {
    const about = table.models[index(entry.name)]?.about || '';
    const head = make('th', {scope: 'row', role: 'rowheader'}, labelled(entry.name), small(about));
    const row = make('tr', {role: 'row'}, head);
    if (entry.error) row.append(make('td', {colSpan: 10, className: 'sorry', textContent: entry.error}));
    (entry.pictures || []).forEach((garment, i) => {
      const label = [describe(garment, i, entry), ...closest(entry, i).map(c => c[2])].join('. ');
      const button = {type: 'button', title: label, 'aria-label': label, tabIndex: -1, 'data-row': r, 'data-column': i};
      row.append(make('td', {role: 'cell'}, make('button', button, make('img', {src: garment.src, alt: ''}))));
    });
    body.append(row, ...(wanted && entry.pictures ? Object.keys(SPACES).flatMap(s => nearRow(entry, s)) : []));
  });
  part('lacking').textContent = wanted && (near || []).find(n => n.lacking)?.lacking || '';
  const focused = focusIn('.grid button');
  find('.grid').replaceChildren(body);
  const first = find('.grid button');
  if (first && !cell(...at)) at = [+first.dataset.row, +first.dataset.column];
  if (first) cell(...at).tabIndex = 0;
  if (focused) cell(...at)?.focus({preventScroll: true});
  look();
}

function nearRow(entry, space) {
  const found = nearOf(entry), note = !found ? 'Looking for the nearest real garments...' : found.error;
  if (note ? space === 'features' : !found[space]) return [];
  const cells = note ? [make('td', {colSpan: 10, textContent: note})] : found[space].map(f => make('td', {role: 'cell'},
    make('img', {src: f.src, alt: beside(f, space), title: beside(f, space)}), small(f.far.toFixed(1))));
  const head = make('th', {scope: 'row', role: 'rowheader', textContent: `nearest ${SPACES[space]}`});
  return [make('tr', {className: 'near', role: 'row'}, head, ...cells)];
}

// The picture under the pointer or the focus, large, beside its nearest real garments.
function look() {
  const [r, i] = at, entry = rows[r], garment = entry?.pictures?.[i], views = find('.loupe .views');
  const shown = garment && root.dataset.looking, found = shown ? closest(entry, i) : [];
  const figure = (src, caption) => make('figure', {}, make('img', {src, alt: ''}), text('figcaption', caption));
  views.replaceChildren(...(shown ? [figure(garment.src, 'drawn')] : []),
    ...found.map(([s, n]) => figure(n.src, `real, ${SPACES[s]}`)));
  const rest = !near ? 'Looking for the nearest real garment...' : found.length ? '0 would be the same picture.' : '';
  const words = shown ? [describe(garment, i, entry), ...found.map(f => f[2]), rest] : [INVITE];
  find('.loupe p').textContent = words.filter(Boolean).join('. ');
}

function pointAt(button) {
  at = [+button.dataset.row, +button.dataset.column];
  root.dataset.looking = 'yes';
  look();
  clearTimeout(dwell);
  // Searching costs a third of a second of the machine's time: not for a pointer that only passes by.
  if (!near) dwell = setTimeout(seek, 250);
}
const onGarment = (event, f) => find('.grid').addEventListener(event, e => {
  const button = e.target.closest('button');
  if (button) f(button, e);
});
onGarment('pointerover', pointAt);
find('.grid').addEventListener('pointerleave', () => {
  if (near || find('.grid').contains(document.activeElement)) return;
  clearTimeout(dwell);
  delete root.dataset.looking;
  look();
});
onGarment('focusin', button => {
  root.querySelectorAll('.grid button[tabindex="0"]').forEach(b => b.setAttribute('tabindex', '-1'));
  button.tabIndex = 0;
  pointAt(button);
});
onGarment('keydown', (button, e) => {
  const r = +button.dataset.row, i = +button.dataset.column, [right, down] = arrow(e.key) || [0, 0];
  const to = {Home: [r, 0], End: [r, 9]}[e.key] || [r + down, i + right];
  if (!arrow(e.key) && !/^(Home|End)$/.test(e.key)) return;
  e.preventDefault();
  cell(...to)?.focus();
});

// Verdicts and scores

const unscored = name => scorer.busy && scorer.name === name ? 'Being scored now.'
  : scorer.busy && scorer.waiting.includes(name) ? 'Waiting to be scored.' : 'Not scored yet: press Score them.';

function showVerdicts() {
  find('.verdicts').replaceChildren(...table.models.map(m =>
    make('li', {}, labelled(m.name), ' ', text('span', m.verdict || unscored(m.name)))));
  const absent = table.models.filter(m => !m.values).map(m => m.title), some = absent.length < table.models.length;
  say(part('unscored'), absent.length && some ? `Not in the table, for want of scores: ${absent.join(', ')}.` : '');
}

const figure = (key, v) => v == null ? '' : key === 'missed' ? String(v) : figures(v);
const better = c => c.better === 'near' ? `near ${c.ideal} is better` : `${c.better} is better`;

/** Models by a column, those without a value last. */
function sorted(models) {
  if (!sort) return models;
  return models.toSorted(({values: {[sort.key]: x}}, {values: {[sort.key]: y}}) =>
    x == null || y == null ? Number(x == null) - Number(y == null) : sort.up ? x - y : y - x);
}

function showScores() {
  const scored = sorted(table.models.filter(m => m.values)), {columns, floors} = table;
  find('.scored').hidden = !scored.length;
  if (!scored.length) return;
  const order = c => sort?.key !== c.key ? 'none' : sort.up ? 'ascending' : 'descending';
  const head = columns.map(c => make('th', {scope: 'col', 'aria-sort': order(c)},
    make('button', {type: 'button', title: c.tip, 'data-key': c.key}, c.title, small(better(c)))));
  const body = scored.map(m => make('tr', {},
    make('th', {scope: 'row'}, labelled(m.name), m.copies && small('copies its training pictures', 'copies')),
    ...columns.map(c => {
      const best = (table.best[c.key] || []).includes(m.name);
      const mark = best ? [make('span', {className: 'star', textContent: '★ ', 'aria-hidden': 'true'}),
        text('span', 'best: ', 'unseen')] : [];
      return make('td', {className: best ? 'best' : ''}, ...mark, figure(c.key, m.values[c.key]) || '–');
    })));
  const of = f => floors.length > 1 ? [' of ', ...f.of.map(name => badge(index(name)))] : [];
  const half = 'one half of the real training pictures against the other: ';
  const real = floors.map(f => make('tr', {className: 'floor'}, make('th', {scope: 'row'}, 'real garments', ...of(f)),
    ...columns.map(c => make('td', {textContent: figure(c.key, f.values[c.key]),
      title: c.key in f.halves ? half + figure(c.key, f.halves[c.key]) : ''}))));
  const focused = focusIn('.scores') && /** @type {any} */ (document.activeElement).dataset.key;
  find('.scores').replaceChildren(
    make('thead', {}, make('tr', {}, make('th', {scope: 'col', textContent: 'model'}), ...head)),
    make('tbody', {}, ...body, ...real));
  if (focused) find(`.scores button[data-key="${focused}"]`).focus();
  const meaning = c => [text('dt', c.title), text('dd', `${c.tip}; ${better(c)}`)];
  part('meanings').replaceChildren(...columns.flatMap(meaning));
  part('caption').textContent = `${table.caption} ★ is the best of its column, among models that do not copy. `
    + 'Real garments: what as many real pictures get. Press a heading to sort.';
}
find('.scores').addEventListener('click', e => {
  const key = e.target.closest('button')?.dataset.key, c = table.columns.find(c => c.key === key);
  if (!c) return;
  sort = {key, up: sort?.key === key ? !sort.up : c.better !== 'more'};  // the best comes first
  showScores();
});

// Plots

const legend = m => `${LETTERS[index(m.name)]} ${m.title}`;

function drawBars() {
  const scored = table.models.filter(m => m.bars && Object.keys(m.bars).length);
  find('.barred').hidden = !scored.length;
  if (!scored.length) return;
  const short = name => name.replace(/ \(KID\).*/, '').replace(/ ?(distance|-style)/, '<br>$1');
  const titles = Object.fromEntries(table.columns.map(c => [c.key, short(c.title)]));
  const keys = props.scores.filter(k => scored.some(m => k in m.bars));
  plot(find('[data-plot=bars]'), scored.map(m => {
    const i = index(m.name), color = COLORS[i], white = {fgcolor: '#fff', size: 7, solidity: 0.25};
    return {type: 'bar', name: legend(m), x: keys.map(k => titles[k]), y: keys.map(k => m.bars[k] ?? null),
      hovertemplate: '%{y:.2f}', marker: {color, pattern: {shape: PATTERNS[i], bgcolor: color, ...white}}};
  }), {tall: 230, barmode: 'group', bargap: 0.25, hovermode: 'x unified', x: {fixedrange: true},
    y: {rangemode: 'tozero', fixedrange: true}, shapes: [rule('x', 1, 'dash')], annotations: [{text: 'real garments',
      showarrow: false, xref: 'paper', x: 1, xanchor: 'right', y: 1, yanchor: 'bottom'}]});
}

function drawCurves() {
  const curved = table.models.filter(m => m.curves.step), without = table.models.filter(m => !m.curves.step);
  find('.curved').hidden = !curved.length;
  part('uncurved').textContent = without.length ? `No curves are kept of ${without.map(m => m.title).join(', ')}.` : '';
  const names = [...new Set(curved.flatMap(m => Object.keys(m.curves)))].filter(n => n !== 'step');
  if (!names.includes(which)) which = BOTH;
  part('which').replaceChildren(...[BOTH, ...names].map(n =>
    make('option', {value: n, textContent: props.words[n] || n, selected: n === which})));
  const shown = which === BOTH ? ['d_loss', 'g_loss'] : [which];
  const player = (m, n) => which !== BOTH ? '' : n === 'd_loss' ? `: ${opponent(m.about)}` : ': generator';
  plot(find('[data-plot=curves]'), curved.flatMap(m => shown.filter(n => m.curves[n]).map(n => ({
    x: m.curves.step, y: m.curves[n], name: legend(m) + player(m, n), connectgaps: true, hovertemplate: '%{y:.3g}',
    mode: which === 'distance' ? 'lines+markers' : 'lines',
    line: {width: 1.75, color: COLORS[index(m.name)], dash: n === 'g_loss' ? 'dash' : 'solid'},
  }))), {tall: 230, hovermode: 'x unified', uirevision: got.models + which, x: {title: 'step'}});
}
function drawPlots() { if (root.clientWidth && table.columns) { drawBars(); drawCurves(); } }
part('which').addEventListener('change', e => { which = e.target.value; drawCurves(); });

// The scorer, and checkpoints that come and go

function showScorer() {
  const share = Math.round(100 * scorer.share), waiting = scorer.waiting.map(n => n.split('/').pop());
  const doing = scorer.busy && `Scoring ${scorer.name}: ${scorer.doing}, ${share} %`;
  const text = [doing, doing && waiting.length && `then ${waiting.join(', ')}`,
    scorer.error && `Could not score ${scorer.error}`].filter(Boolean).join(' · ');
  find('.scorer').hidden = !text;
  find('.scorer .bar').hidden = !scorer.busy;
  say(find('.scorer p'), text);
  progress(root, share);
}

const watchServer = latest(async () => {
  if (document.hidden || !root.clientWidth) return;
  const found = await server.news(null), before = listed;
  ({scorer, run} = found);  // its weights are others once it has ended
  showScorer();
  stamp = JSON.stringify([scorer.busy, scorer.name, scorer.waiting, scorer.error, run]);
  listed = JSON.stringify([found.names, stamp]);
  root.dataset.scorer = scorer.busy ? 'busy' : 'idle';
  if (before && before !== listed) trigger('change');
  await refresh();
}, offline);

fit(drawPlots);
listen('fashiongan-compare', refresh);
listen('fashiongan-scored', watchServer);
poll(watchServer, () => root.dataset.scorer === 'busy' ? 1000 : 3000);
