// @ts-check
// Watches the run: asks the server every second or two for what is new, and never for what it already has.
const {root, find, ask, newest, differs, tell, listen, poll, fit} = panel(element, '.live');
const slider = find('input'), image = find('img'), caption = find('figcaption');
const DASHES = ['solid', 'solid', 'dot', 'dash'];
const SELDOM = 8000;  // ms between two drawings, at the most
let run = '', generation = -1, rows = 0, sheet = -1, nextDraw = 0, undrawn = false, newestSheet = '', opponent = '';
let linked = false;  // whether the two plots share their x axis
let columns = /** @type {Record<string, (number?)[]>} */ ({}), epochs = /** @type {number[]} */ ([]);

const GROUPS = {
  loss: {has: n => !/accuracy|^distance$/.test(n), tall: 125, x: {showticklabels: false}},
  accuracy: {has: n => n.includes('accuracy'), tall: 125, y: SHARE},
  distance: {has: n => n === 'distance', tall: 110, y: {rangemode: 'tozero'}},
};

function draw() {
  if (!rows || !root.clientWidth) return;
  const x = thin(columns.step);
  const names = Object.keys(columns).filter(n => n !== 'step' && n !== 'epoch');
  names.sort((a, b) => Number(b.endsWith('_loss')) - Number(a.endsWith('_loss')));
  find('.distance').hidden = !names.includes('distance');
  for (const [group, {has, tall, x: axis = {title: 'step'}, y = {}}] of Object.entries(GROUPS)) {
    const series = names.filter(has).map((n, i) => ({
      x, y: thin(columns[n]), name: (props.words[n] || n).replace('discriminator', opponent), connectgaps: true,
      mode: group === 'distance' ? 'lines+markers' : 'lines', hovertemplate: '%{y:.3f}',
      line: {width: 1.5, dash: DASHES[i % 4]},
      visible: group === 'loss' && !n.endsWith('_loss') ? 'legendonly' : true,
    }));
    plot(find(`[data-plot=${group}]`), series, {tall, hovermode: 'x unified', uirevision: run, x: axis, y});
  }
  if (P && !linked) shareX(find('[data-plot=loss]'), find('[data-plot=accuracy]'));
  linked = Boolean(P);
  tell(root.dataset.state || '', {points: x.length});
}

const follows = () => +slider.value >= epochs.length;  // the last place of the slider is "newest"

async function showEpoch() {
  if (follows()) {
    if (newestSheet) image.src = newestSheet;
    caption.textContent = 'newest samples';
    return;
  }
  const epoch = epochs[+slider.value], url = await ask('sheet', epoch);
  if (url && epochs[+slider.value] === epoch && !follows()) {
    image.src = url;
    caption.textContent = epoch ? `after epoch ${epoch}` : 'before training';
  }
}
slider.addEventListener('input', showEpoch);

/** What the server has sent: the rows from `d.first` on, and the newest sheet. */
function take(/** @type {any} */ d) {
  if (d.first === 0) columns = {};
  for (const [name, values] of Object.entries(d.columns)) {
    columns[name] = (columns[name] || []).slice(0, d.first).concat(values);
  }
  ({generation, sheets: sheet} = d);
  rows = (columns.step || []).length;
  undrawn = undrawn || rows !== d.first;
  const following = follows();
  epochs = d.epochs;
  set(slider, {max: epochs.length, disabled: !epochs.length});
  if (d.sheet) newestSheet = d.sheet;
  if (following) {
    slider.value = slider.max;
    showEpoch();
  }
  find('.sheet').hidden = !newestSheet;
  find('.plots').hidden = !rows;
}

const look = newest(async () => {
  if (document.hidden) return;
  const {update: d, ...about} = await ask('update', [run, generation, rows, sheet]), s = d.status;
  if (s.run && s.run !== run) {
    run = s.run; columns = {}; rows = 0; newestSheet = ''; epochs = []; nextDraw = 0;
    slider.value = slider.max = 0;
    tell(s.state, {points: 0});  // the curves of the run before are no points of this one
  }
  ({opponent} = about);
  show(root, about);
  if (d.columns) take(d);
  // Watching must not slow the run: drawing takes about an eightieth of the time, painting as much again. But where it
  // is slow, as the first time is, nobody waits longer than SELDOM for a curve to move.
  if (d.columns && undrawn && root.clientWidth && (performance.now() >= nextDraw || s.state !== 'running')) {
    const begin = performance.now();
    draw();
    undrawn = false;
    nextDraw = performance.now() + Math.min(SELDOM, 80 * (performance.now() - begin));
  }
  tell(s.state, {run, step: s.step});
  if (differs('state', [run, s.state, Boolean(s.checkpoint), s.queue.map(w => w.number)])) trigger('change');
});

fit(draw);
listen('fashiongan-update', look);  // a button was answered: look at once
poll(look, () => root.dataset.state === 'running' ? 2000 : 1000);  // every look costs the run a little
