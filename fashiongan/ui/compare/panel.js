// @ts-check
// Models side by side. What was chosen is in window.fashionganCompare; what is shown of it the server draws.
const {root, find, part, ask, fresh, newest, differs, complain, tell, listen, poll, fit} = panel(element, '.compare');
const INVITE = 'Point at a picture, or reach it with Tab and arrow keys, to see it beside the nearest real garment.';
let board = /** @type {any} */ (null), rows = /** @type {any[]} */ ([]);
let drawn = /** @type {any[]} */ ([]), sought = drawn;  // what the grid shows, and what neighbours are known of
let at = [0, 0], stamp = '', run = '', dwell = 0;

const choice = () => /** @type {any} */ (window).fashionganCompare || {names: [], seed: 0, near: false};
const cell = (r, i) => find(`.grid [data-key="${r} ${i}"]`);

// What is asked for and not shown yet is fetched, one part after the other; a newer choice is looked at next.
const refresh = newest(async () => {
  const {names, seed, near} = choice();
  if (!names || names.length < 2) { complain(); tell('empty'); return; }
  root.setAttribute('aria-busy', 'true');
  const scores = await fresh('models', names, stamp);
  if (scores) showBoard(scores);
  const pictures = await fresh('pictures', [names, seed], run);
  if (pictures) {
    ({rows} = pictures);
    drawn = [names, seed, run];
  }
  showGrid();
  root.dataset.drawn = JSON.stringify(drawn);
  drawPlots();
  if (near) await seek();
  complain();
  tell('ready', {scored: board.scored});
});

const seek = newest(async () => {
  const these = drawn;
  if (sought === these) return;
  const answer = await ask('neighbours', these.slice(0, 2));
  if (drawn !== these) return;
  ({rows} = answer);
  sought = these;
  showGrid();
});

// The grid

function showGrid() {
  const {near} = choice(), all = rows.flatMap(entry => near ? [entry.row, ...entry.near] : [entry.row]);
  fill(find('.grid'), [['tbody', {role: 'rowgroup'}, all]]);
  part('lacking').textContent = near && rows.map(entry => entry.lacking).find(Boolean) || '';
  const reached = cell(...at) || find('.grid button');
  if (reached) reach(reached);
  look();
}

/** Let a picture be the one that the Tab key reaches. */
function reach(button) {
  for (const other of find('.grid').querySelectorAll('button[tabindex="0"]')) other.tabIndex = -1;
  button.tabIndex = 0;
  at = [+button.dataset.row, +button.dataset.column];
}

// The picture under the pointer or the focus, large, beside its nearest real garments.
function look() {
  const [r, i] = at, views = root.dataset.looking && rows[r]?.views[i] || [];
  fill(find('.loupe .views'), views);
  const rest = sought !== drawn ? 'Looking for the nearest real garment...'
    : views.length > 1 ? '0 would be the same picture.' : '';
  find('.loupe p').textContent = views.length ? [cell(r, i).title, rest].filter(Boolean).join('. ') : INVITE;
}

function pointAt({target}) {
  const button = target.closest('button');
  if (!button) return;
  reach(button);
  root.dataset.looking = 'yes';
  look();
  clearTimeout(dwell);
  // Searching costs a third of a second of the machine's time: not for a pointer that only passes by.
  if (sought !== drawn) dwell = setTimeout(seek, 250);
}
find('.grid').addEventListener('pointerover', pointAt);
find('.grid').addEventListener('focusin', pointAt);
find('.grid').addEventListener('pointerleave', () => {
  if (sought === drawn || find('.grid').contains(document.activeElement)) return;
  clearTimeout(dwell);
  delete root.dataset.looking;
  look();
});
find('.grid').addEventListener('keydown', e => {
  const r = +e.target.dataset.row, i = +e.target.dataset.column, step = arrow(e.key);
  const to = step ? [r + step[1], i + step[0]] : {Home: [r, 0], End: [r, 9]}[e.key];
  if (!to) return;
  e.preventDefault();
  cell(...to)?.focus();
});

// Verdicts, scores and plots

function showBoard(/** @type {any} */ scores) {
  const {value} = part('which');
  board = scores;
  show(root, board);
  sortRows(part('scores'));
  part('which').value = value;
  if (!part('which').value) part('which').selectedIndex = 0;
}
sortable(part('scores'));

function drawPlots() {
  if (!root.clientWidth || !board) return;
  plot(find('[data-plot=bars]'), board.bars, {...board.around, shapes: [rule('x', 1, 'dash')]});
  const {value, selectedIndex} = part('which'), shown = selectedIndex ? [value] : ['d_loss', 'g_loss'];
  plot(find('[data-plot=curves]'), board.curves.filter(({meta}) => shown.includes(meta.curve)),
    {tall: 230, hovermode: 'x unified', uirevision: `${drawn[0]} ${stamp} ${value}`, x: {title: 'step'}});
}
part('which').addEventListener('change', drawPlots);

// The scorer, and checkpoints that come and go

const watchServer = newest(async () => {
  if (document.hidden || !root.clientWidth) return;
  const answer = await ask('status');
  ({run, stamp} = answer);
  show(root, answer);
  root.dataset.scorer = answer.busy ? 'busy' : 'idle';
  if (differs('list', [answer.names, stamp])) trigger('change');
  await refresh();
});

fit(drawPlots);
listen('fashiongan-compare', refresh);
listen('fashiongan-scored', watchServer);
poll(watchServer, () => root.dataset.scorer === 'busy' ? 1000 : 3000);
