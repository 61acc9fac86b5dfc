// @ts-check
// Models side by side. What was chosen is in window.fashionganCompare; what is shown of it the server draws.
const {root, find, part, complain, tell, refuse, offline, calm, listen, poll, fit} = panel(element, '.compare');
const INVITE = 'Point at a picture, or reach it with Tab and arrow keys, to see it beside the nearest real garment.';
const got = {board: '', rows: '', near: ''};  // for which choice each part is shown
let board = /** @type {any} */ (null), rows = /** @type {any[]} */ ([]);
let at = [0, 0], stamp = '', run = '', listed = '', dwell = 0;

const choice = () => /** @type {any} */ (window).fashionganCompare || {names: [], seed: 0, near: false};
const cell = (r, i) => find(`.grid [data-key="${r} ${i}"]`);
const placeOf = button => [+button.dataset.row, +button.dataset.column];

// What is asked for and not shown yet is fetched, one part after the other; a newer choice is looked at next.
const refresh = latest(async () => {
  const {names, seed, near} = choice(), few = !names || names.length < 2;
  find('.empty').hidden = !few;
  find('.content').hidden = few || !board;
  if (few) { complain(); tell('empty'); return; }
  root.setAttribute('aria-busy', 'true');
  const whole = JSON.stringify([names, stamp]), drawn = JSON.stringify([names, seed, run]);
  if (got.board !== whole) {
    const answer = await server.models(names);
    if (answer.error) return refuse(answer.error);
    board = answer; got.board = whole;
    showBoard();
  }
  if (got.rows !== drawn) {
    const answer = await server.pictures([names, seed]);
    if (answer.error) return refuse(answer.error);
    ({rows} = answer); got.rows = drawn; got.near = '';
  }
  showGrid();
  find('.content').hidden = false;
  drawPlots();
  if (near) await seek();
  complain();
  tell('ready', {drawn: got.rows, scored: board.scored});
}, offline, calm);

const seek = latest(async () => {
  const drawn = got.rows;
  if (got.near === drawn) return;
  const answer = await server.neighbours(JSON.parse(drawn).slice(0, 2));
  if (answer.error) return refuse(answer.error);
  if (got.rows !== drawn) return;
  ({rows} = answer); got.near = drawn;
  showGrid();
}, offline);

// The grid

function showGrid() {
  const {near} = choice(), all = rows.flatMap(entry => near ? [entry.row, ...entry.near] : [entry.row]);
  fill(find('.grid'), [['tbody', {role: 'rowgroup'}, all]]);
  part('lacking').textContent = near && rows.map(entry => entry.lacking).find(Boolean) || '';
  const reached = cell(...at) || find('.grid button');  // by the Tab key
  if (reached) { at = placeOf(reached); reached.tabIndex = 0; }
  look();
}

// The picture under the pointer or the focus, large, beside its nearest real garments.
function look() {
  const [r, i] = at, views = root.dataset.looking && rows[r]?.views[i] || [];
  fill(find('.loupe .views'), views);
  const rest = !got.near ? 'Looking for the nearest real garment...'
    : views.length > 1 ? '0 would be the same picture.' : '';
  find('.loupe p').textContent = views.length ? [cell(r, i).title, rest].filter(Boolean).join('. ') : INVITE;
}

function pointAt(button) {
  at = placeOf(button);
  root.dataset.looking = 'yes';
  look();
  clearTimeout(dwell);
  // Searching costs a third of a second of the machine's time: not for a pointer that only passes by.
  if (!got.near) dwell = setTimeout(seek, 250);
}
const onGarment = (event, f) => find('.grid').addEventListener(event, e => {
  const button = e.target.closest('button');
  if (button) f(button, e);
});
onGarment('pointerover', pointAt);
find('.grid').addEventListener('pointerleave', () => {
  if (got.near || find('.grid').contains(document.activeElement)) return;
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
  const [r, i] = placeOf(button), step = arrow(e.key);
  const to = step ? [r + step[1], i + step[0]] : {Home: [r, 0], End: [r, 9]}[e.key];
  if (!to) return;
  e.preventDefault();
  cell(...to)?.focus();
});

// Verdicts, scores and plots

function showBoard() {
  const {value} = part('which');
  for (const name of ['verdicts', 'scores', 'meanings', 'which']) fill(part(name), board[name]);
  for (const name of ['unscored', 'caption', 'uncurved']) say(part(name), board[name]);
  sortRows(part('scores'));
  part('which').value = value;
  if (!part('which').value) part('which').selectedIndex = 0;
  find('.scored').hidden = !board.scored;
  find('.barred').hidden = !board.bars.length;
  find('.curved').hidden = !board.curves.length;
}
sortable(part('scores'));

function drawPlots() {
  if (!root.clientWidth || !board) return;
  plot(find('[data-plot=bars]'), board.bars, {tall: 230, barmode: 'group', bargap: 0.25, hovermode: 'x unified',
    x: {fixedrange: true}, y: {rangemode: 'tozero', fixedrange: true}, shapes: [rule('x', 1, 'dash')],
    annotations: [{text: 'real garments', showarrow: false, xref: 'paper', x: 1, xanchor: 'right', y: 1,
      yanchor: 'bottom'}]});
  const {value, selectedIndex} = part('which'), shown = selectedIndex ? [value] : ['d_loss', 'g_loss'];
  plot(find('[data-plot=curves]'), board.curves.filter(({meta}) => shown.includes(meta.curve)),
    {tall: 230, hovermode: 'x unified', uirevision: got.board + value, x: {title: 'step'}});
}
part('which').addEventListener('change', drawPlots);

// The scorer, and checkpoints that come and go

const watchServer = latest(async () => {
  if (document.hidden || !root.clientWidth) return;
  const answer = await server.status(null), before = listed;
  ({run, stamp} = answer);
  find('.scorer').hidden = !answer.scoring;
  find('.scorer .bar').hidden = !answer.busy;
  say(find('.scorer p'), answer.scoring);
  progress(root, answer.percent);
  listed = JSON.stringify([answer.names, stamp]);
  root.dataset.scorer = answer.busy ? 'busy' : 'idle';
  if (before && before !== listed) trigger('change');
  await refresh();
}, offline);

fit(drawPlots);
listen('fashiongan-compare', refresh);
listen('fashiongan-scored', watchServer);
poll(watchServer, () => root.dataset.scorer === 'busy' ? 1000 : 3000);
