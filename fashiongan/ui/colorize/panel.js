// @ts-check
// One garment in color. What was chosen on the left is in window.fashionganColorize; colors and dots are kept here.
const {root, find, part, ask, fresh, newest, differs, complain, tell, listen, poll, fit} = panel(element, '.dye');
const OWN = 'My own', DRAWN = 'Drawn by hand', STEP = 0.02;
const TONES = [['the garment'], ['upper', 'lower'], ['upper', 'middle', 'lower']];
const CALM = 120;  // ms without a change after which what is small is drawn
const stage = find('.stage'), divider = find('.divider'), canvas = find('canvas'), pen = canvas.getContext('2d');
let mode = props.first;  // a palette's name, or own, idea or classic
let colors = props.palettes[mode], variant = 0;
let dots = /** @type {any[]} */ ([]), classic = /** @type {string[]} */ ([]);
let tone = 0, dot = -1;  // which well the next color goes into: a dot's, or a tone's
let own = 0, drawing = '', sheet = 'palettes', at = 40;
const masks = /** @type {Record<string, string>} */ ({});  // of uploads, as they were corrected: see mask.js
let timer = 0;

const choice = () => /** @type {any} */ (window).fashionganColorize;
const uploads = () => JSON.parse(choice().uploads || '[]');
const tones = () => choice().tones || 1;
const current = k => colors[(variant + k) % colors.length];
const chosen = k => mode === 'classic' && classic[0] || current(k);
const keyNow = () => choice().kind === OWN && uploads()[own]?.key || '';
const garmentNow = () => {
  const {kind, number} = choice(), key = keyNow();
  if (kind === OWN) return {kind, key, mask: masks[key]};
  return kind === DRAWN ? {kind, drawing} : {kind, number};
};
function requestFor(some = {}) {
  const {checkpoint, label, strength, seed, keep} = choice(), free = mode === 'idea' || mode === 'classic';
  const spec = {colors: free ? [] : colors, hints: dots, tones: tones(), label, seed: seed ?? 0, strength};
  return {garment: garmentNow(), checkpoint, spec, classic: mode === 'classic', variant, keep, ...some};
}

// What is large first; what is small when nothing has changed for a while.

function changed() {
  if (!choice() || !root.clientWidth) return;
  if (root.dataset.state === 'ready') complain();
  adapt();
  showColors();
  root.setAttribute('aria-busy', 'true');
  for (const name of ['variants', 'ways']) part(name).classList.add('stale');
  clearTimeout(timer);
  refresh();
}

// What follows from a choice on the left.
function adapt() {
  const {kind, number, n: most} = choice();
  if (own >= uploads().length) own = 0;
  find('.draw').hidden = kind !== DRAWN;
  if (kind === DRAWN && !drawing) draw(find('[data-draw]').dataset.draw);
  if (differs('garment', [kind, keyNow(), kind === DRAWN || number])) { dots = []; dot = -1; }
  if (differs('n', most) && variant >= most) variant = 0;
  if (tone >= tones()) tone = 0;
  const more = Object.values(props.palettes).flat().filter(c => !colors.includes(c));
  if (colors.length < tones()) colors = [...colors, ...more.slice(0, tones() - colors.length)];
}

const refresh = newest(async newer => {
  const request = requestFor(), answer = await fresh('preview', request);
  if (answer) {
    if (root.dataset.state !== 'ready') complain();  // what is complained of meanwhile stays
    tell('ready', {shown: JSON.stringify(request)});
    showGarment(answer);
  }
  if (newer()) return;
  clearTimeout(timer);
  timer = setTimeout(rest, CALM);
}, () => { if (root.dataset.state === 'refused') refusedMask(); });

function showGarment(/** @type {any} */ answer) {
  show(root, answer);
  stage.classList.toggle('sharp', answer.sharp);
  stage.style.setProperty('--ratio', answer.shape[0] / answer.shape[1]);
  classic = answer.colors;
  showMask(answer);
  showColors();
}

const rest = newest(async newer => {
  if (root.dataset.state !== 'ready') return;
  const {variant: _, ...same} = requestFor({n: Math.max(choice().n, variant + 1)});
  await showTiles('variants', same);
  if (newer()) return;
  const ways = requestFor({variant: 0, ...wholeSheet()});
  if (sheet === 'palettes') Object.assign(ways, {classic: false, spec: {...ways.spec, colors: []}});
  await showTiles('ways', ways);
});

const wholeSheet = () => ({many: sheet === 'many', uploads: uploads().map(u => u.key)});

async function showTiles(name, request) {
  const answer = await fresh(name, request), host = part(name);
  if (answer) show(root, answer);
  showChosen();
  host.classList.remove('stale');
  root.dataset[name] = host.querySelectorAll('.tile').length;
}

// Colors

function choose(name, i = 0) {
  mode = name; colors = props.palettes[name] || colors; variant = i; tone = 0; dot = -1;
}

function pick(value) {
  if (dots[dot]) { dots[dot].color = value; return; }
  colors = Array.from({length: tones()}, (_, k) => k === tone ? value : current(k));
  mode = 'own'; variant = 0;
}

/** Let the next color go into the well of a tone or of a dot. */
function take(/** @type {any} */ {tone: k, dot: d}) {
  if (!k && !d) return;
  dot = d ? +d : -1;
  if (k) tone = +k;
  showColors();
}

/** The field of a color, as `fill` takes it; that of a dot can be removed. */
function well(name, value, chosen, into) {
  const title = `remove ${name}`, away = {type: 'button', title, 'aria-label': title, 'data-remove': into['data-dot']};
  return ['label', {className: chosen ? 'well chosen' : 'well'}, [
    ['input', {type: 'color', value, 'aria-label': `color of ${name}`, ...into}, []], ['span', {}, [name]],
    ...('data-dot' in into ? [['button', away, ['×']]] : []),
  ]];
}

function showColors() {
  fill(find('.wells'), [
    ...TONES[tones() - 1].map((name, k) => well(name, chosen(k), !dots[dot] && tone === k, {'data-tone': k})),
    ...dots.map(({color}, k) => well(`dot ${k + 1}`, color, dot === k, {'data-dot': k})),
  ]);
  fill(find('.dots'), dots.map(({x, y, color}, k) => ['button', {
    type: 'button', className: 'dot', style: `left: ${100 * x}%; top: ${100 * y}%; background: ${color}`,
    'aria-label': `dot ${k + 1}, ${color}: arrow keys move it, Delete removes it`, 'aria-pressed': dot === k,
    'data-dot': k}, []]));
  find('[data-do=undot]').hidden = !dots.length;
  showChosen();
}

/** A button is pressed if all that it says is so. */
function showChosen() {
  root.dataset.mode = mode;
  const now = {mode, palette: mode, way: mode, variant: String(variant), sheet};
  press(root.querySelectorAll('.name, .modes button, .variants .tile, .way .tile'),
    b => Object.entries(b.dataset).every(([name, value]) => !(name in now) || now[name] === value));
}

// Dots: a color at a place

function without(k) { dots.splice(k, 1); dot = -1; }

function addDot([x, y]) {
  if (dots.length >= props.hints) {
    return complain(`${props.hints} places on a garment can be colored, no more: remove a dot first.`);
  }
  dots.push({x, y, color: dots[dot] ? dots[dot].color : chosen(tone)});
  dot = dots.length - 1;
  changed();
}

function moveDot(k, x, y) {
  Object.assign(dots[k], {x: between(0, x, 1), y: between(0, y, 1)});
  changed();
}
drag(find('.dots'), e => {
  if (e.movementX || e.movementY) moveDot(e.target.dataset.dot, ...place(e, stage));
}, e => take(e.target.dataset));
find('.dots').addEventListener('keydown', e => {
  const k = e.target.dataset.dot, to = arrow(e.key);
  if (e.key === 'Delete' || e.key === 'Backspace') { without(k); changed(); }
  else if (to) moveDot(k, dots[k].x + STEP * to[0], dots[k].y + STEP * to[1]);
  else return;
  e.preventDefault();
});
stage.addEventListener('click', e => { if (!e.target.closest('.divider, .dot')) addDot(place(e, stage)); });
root.addEventListener('focusin', e => take(/** @type {any} */ (e.target).dataset));
find('.wells').addEventListener('input', ({target: {dataset, value}}) => { take(dataset); pick(value); changed(); });

// The divider

function divide(share) {
  at = Math.round(between(0, share, 100));
  stage.style.setProperty('--at', `${at}%`);
  set(divider, {'aria-valuenow': at, 'aria-valuetext': `${at} % gray`});
}
drag(divider, e => divide(100 * place(e, stage)[0]));
divider.addEventListener('keydown', e => {
  const by = arrow(e.key), to = by ? at + 5 * (by[0] - by[1]) : {Home: 0, End: 100}[e.key];
  if (to == null) return;
  e.preventDefault();
  divide(to);
});
divide(at);

// Drawing by hand

/** Begin with one of panel.html's shapes, or with nothing. */
function draw(shape) {
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, 224, 224);
  if (shape) pen.drawImage(part(shape), 0, 0);
  drawing = canvas.toDataURL('image/png');
}

brush(canvas, () => {
  const gray = part('shade').value;
  return {strokeStyle: `rgb(${gray}, ${gray}, ${gray})`, lineWidth: part('brush').value};
}, () => {
  drawing = canvas.toDataURL('image/png');
  changed();
});

// Buttons

async function download(button, name, request) {
  const label = button.textContent;
  set(button, {disabled: true, textContent: 'Coloring...'});
  try {
    const answer = await ask(name, request);
    complain();
    save(await (await fetch(answer.url)).blob(), answer.name);
  } catch (error) {
    complain(error instanceof Refusal ? error.message : 'The studio does not answer: try again.');
  }
  set(button, {disabled: false, textContent: label});
}
const DO = {
  download: b => download(b, 'download', requestFor()),
  sheet: b => download(b, 'sheet', requestFor(wholeSheet())),
  dot: () => { addDot([0.5, Math.min(1, 0.4 + 0.1 * dots.length)]); find('.dots').lastChild?.focus(); },
  undot: () => { dots = []; dot = -1; changed(); },
  settings: () => document.querySelector('#gray_kind')?.scrollIntoView({block: 'start'}),
};
// What follows from each word that a button says.
const CHANGES = {
  draw, palette: choose, way: choose, swatch: pick, remove: without,
  mode: name => choose(name, variant),
  variant: i => { variant = +i; },
  wear: i => { variant = mode in props.palettes ? i % colors.length : 0; },  // the color that the garment has there
  upload: key => { own = Math.max(0, uploads().findIndex(u => u.key === key)); },
  number: i => trigger('select', {number: +i}),
  sheet: name => { sheet = name; },
};
root.addEventListener('click', e => {
  const button = /** @type {any} */ (e.target).closest('button'), words = Object.entries(button?.dataset || {});
  DO[button?.dataset.do]?.(button);
  for (const [name, value] of words) CHANGES[name]?.(value);
  if (words.some(([name]) => name in CHANGES)) changed();
});

listen('fashiongan-colorize', changed);
listen('fashiongan-photograph', e => { colors = e.detail.split(', '); choose('own'); changed(); });
fit(changed);
poll(async () => { if (root.dataset.state === 'offline') changed(); }, () => 2000);
