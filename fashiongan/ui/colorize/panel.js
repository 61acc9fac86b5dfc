// @ts-check
// One garment in color. What was chosen on the left is in window.fashionganColorize; colors and dots are kept here.
const {root, find, part, complain, tell, offline: unanswered, calm, listen, fit} = panel(element, '.dye');
const TEST = 'A test picture', OWN = 'My own', DRAWN = 'Drawn by hand', STEP = 0.02;
const CALM = 120;  // ms without a change after which what is small is drawn
const stage = find('.stage'), divider = find('.divider'), canvas = find('canvas'), pen = canvas.getContext('2d');
let palette = props.first, colors = props.palettes[palette], mode = 'palette', variant = 0;
let dots = /** @type {any[]} */ ([]), classic = /** @type {string[]} */ ([]);
let tone = 0, dot = -1;  // which well the next color goes into: a dot's, or a tone's
let own = 0, drawing = '', sheet = 'palettes', at = 40;
const masks = /** @type {Record<string, string>} */ ({});  // of uploads, as they were corrected: see mask.js
let shown = {preview: '', variants: '', ways: ''}, garment = '', reference = '', wells = '', n = 0, timer = 0;

const choice = () => /** @type {any} */ (window).fashionganColorize;
const uploads = () => JSON.parse(choice().uploads || '[]');
const tones = () => choice().tones || 1;
const current = k => colors[(variant + k) % colors.length];
const chosen = k => mode === 'classic' && classic[0] || current(k);
const garmentNow = () => {
  const {kind, number} = choice();
  if (kind === OWN) return {kind, key: (uploads()[own] || {}).key || ''};
  return kind === DRAWN ? {kind, drawing} : {kind, number};
};
function requestFor(some = {}) {
  const {checkpoint, label, strength, seed, keep} = choice(), free = mode === 'idea' || mode === 'classic';
  const spec = {colors: free ? [] : colors, hints: dots, tones: tones(), label, seed: seed ?? 0, strength};
  return {garment: masked(garmentNow()), checkpoint, spec, classic: mode === 'classic', variant, keep, ...some};
}

// What is large first; what is small when nothing has changed for a while.

function offline() {
  unanswered();
  shown = {preview: '', variants: '', ways: ''};
  setTimeout(() => element.isConnected && changed(), 2000);
}

function changed() {
  if (!choice() || !root.clientWidth) return;
  adapt();
  showColors();
  root.setAttribute('aria-busy', 'true');
  for (const part of ['.variants', '.ways']) find(part).classList.add('stale');
  clearTimeout(timer);
  refresh();
}

// What follows from a choice on the left.
function adapt() {
  const {kind, n: wanted} = choice();
  if (own >= uploads().length) own = 0;
  find('.draw').hidden = kind !== DRAWN;
  if (kind === DRAWN && !drawing) draw(find('[data-draw]').dataset.draw);
  const now = kind === DRAWN ? kind : JSON.stringify(garmentNow());
  if (now !== garment) { if (garment) { dots = []; dot = -1; } garment = now; }
  if (wanted !== n) { if (variant >= wanted) variant = 0; n = wanted; }
  if (tone >= tones()) tone = 0;
  if (choice().reference !== reference) {  // colors were taken from a photograph
    reference = choice().reference;
    if (reference) { colors = reference.split(', '); palette = ''; mode = 'own'; variant = tone = 0; dot = -1; }
  }
  const more = Object.values(props.palettes).flat().filter(c => !colors.includes(c));
  if (colors.length < tones()) colors = [...colors, ...more.slice(0, tones() - colors.length)];
}

const refresh = latest(async newer => {
  const request = requestFor(), key = JSON.stringify(request);
  if (shown.preview !== key) {
    const begin = performance.now(), answer = await server.preview(request);
    shown.preview = key;
    find('.content').hidden = Boolean(answer.error);  // no picture beside a sentence that is not about it
    complain(answer.error);
    if (answer.error) refusedMask();
    tell(answer.error ? 'refused' : 'ready', {shown: key, took: Math.round(performance.now() - begin)});
    if (!answer.error) show(answer);
  }
  if (newer()) return;
  calm();
  clearTimeout(timer);
  timer = setTimeout(rest, CALM);
}, offline);

function show(/** @type {any} */ {colored, about}) {
  set(part('before'), {src: colored.before, alt: 'the garment, gray'});
  set(part('after'), {src: colored.after, alt: 'the garment in color'});
  stage.classList.toggle('sharp', colored.sharp);
  stage.style.setProperty('--ratio', colored.shape[0] / colored.shape[1]);
  find('.about').textContent = about;
  classic = colored.colors;
  showMask(colored);
  showColors();
}

const rest = latest(async newer => {
  if (root.dataset.state !== 'ready') return;
  const {variant: _, ...same} = requestFor({n: Math.max(choice().n, variant + 1)}), host = find('.variants');
  await fresh('variants', server.variants, same);
  press(host.children, (_, i) => i === variant);
  host.classList.remove('stale');
  root.dataset.variants = host.children.length;
  if (newer()) return;
  const request = requestFor({variant: 0, ...(sheet === 'palettes' ? {classic: false} : wholeSheet())});
  if (sheet === 'palettes') request.spec.colors = [];
  await fresh('ways', server[sheet], request);
  const ways = find('.ways').querySelectorAll('.tile');
  press(ways, isShown);
  root.dataset.ways = ways.length;
  if (!newer()) find('.ways').classList.remove('stale');
}, offline);

const wholeSheet = () => ({many: sheet === 'many', uploads: uploads().map(u => u.key)});

/** Send the request, unless its answer is already on show, and show the answer. */
async function fresh(place, question, request) {
  const key = JSON.stringify([sheet, request]);
  if (shown[place] === key) return;
  const answer = await question(request);
  if (answer.error) return;
  shown[place] = key;
  fill(find(`.${place}`), answer.tiles);
  if (answer.hint) say(part('ways'), answer.hint);
}

/** Whether a tile of the sheet is what stands large above it. */
function isShown({dataset: tile}) {
  const now = garmentNow();
  if (tile.way) return mode === 'palette' && tile.way === palette && +tile.variant === variant;
  return tile.kind === now.kind
    && (now.kind === DRAWN || (now.kind === OWN ? tile.upload === now.key : +tile.number === now.number));
}

// A garment of the sheet becomes the large one, in the color that it has there.
function wear(/** @type {any} */ tile) {
  variant = mode === 'palette' ? tile.variant % colors.length : 0;
  if (tile.kind === OWN) own = Math.max(0, uploads().findIndex(u => u.key === tile.upload));
  else if (tile.kind === TEST) {
    const field = document.querySelector('#gray_number input');
    if (choice().kind !== TEST) /** @type {any} */ (document.querySelector('#gray_kind input')).click();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, tile.number);
    field?.dispatchEvent(new Event('input', {bubbles: true}));
  }
  changed();
}

// Colors

function whole(name, i = 0) {
  palette = name; colors = props.palettes[name]; mode = 'palette'; variant = i; tone = 0; dot = -1;
  changed();
}

function pick(value) {
  if (dots[dot]) dots[dot].color = value;
  else {
    colors = Array.from({length: tones()}, (_, k) => k === tone ? value : current(k));
    palette = ''; mode = 'own'; variant = 0;
  }
  changed();
}

function well(name, get, choose, remove) {
  const input = make('input', {type: 'color', 'aria-label': `color of ${name}`});
  input.addEventListener('focus', () => { choose(); showColors(); });
  input.addEventListener('input', () => { choose(); pick(input.value); });
  const label = `remove ${name}`, onclick = e => { e.preventDefault(); remove(); };
  const away = () => make('button', {type: 'button', textContent: '×', title: label, 'aria-label': label, onclick});
  const fresh = on => { if (input.value !== get()) input.value = get(); node.classList.toggle('chosen', on); };
  const node = make('label', {className: 'well', fresh}, input, make('span', {textContent: name}), remove && away());
  return node;
}

function showColors() {
  const wanted = `${tones()} ${dots.length}`, host = find('.wells');
  if (wells !== wanted) {
    wells = wanted;
    const names = [['the garment'], ['upper', 'lower'], ['upper', 'middle', 'lower']][tones() - 1];
    host.replaceChildren(...names.map((name, k) => well(name, () => chosen(k), () => { dot = -1; tone = k; })),
      ...dots.map((_, k) => well(`dot ${k + 1}`, () => dots[k].color, () => { dot = k; }, () => without(k))));
    find('.dots').replaceChildren(...dots.map((_, k) => spot(k)));
  }
  [...host.children].forEach((node, k) => {
    node.fresh(k < tones() ? !dots[dot] && tone === k : dot === k - tones());
    node.classList.toggle('off', k < tones() && mode === 'idea');
  });
  [...find('.dots').children].forEach((node, k) => set(node, {
    style: `left: ${100 * dots[k].x}%; top: ${100 * dots[k].y}%; background: ${dots[k].color}`,
    'aria-label': `dot ${k + 1}, ${dots[k].color}: arrow keys move it, Delete removes it`, 'aria-pressed': dot === k}));
  find('[data-do=undot]').hidden = !dots.length;
  press(root.querySelectorAll('[data-mode]'), b => b.dataset.mode === mode);
  press(root.querySelectorAll('.name[data-palette]'), b => mode === 'palette' && b.dataset.palette === palette);
  root.dataset.dots = dots.length;
}

// Dots: a color at a place

function without(k) { dots.splice(k, 1); dot = -1; wells = ''; changed(); }

function addDot([x, y]) {
  if (dots.length >= props.hints) {
    return complain(`${props.hints} places on a garment can be colored, no more: remove a dot first.`);
  }
  dots.push({x, y, color: dots[dot] ? dots[dot].color : chosen(tone)});
  dot = dots.length - 1;
  changed();
}

function spot(k) {
  const node = make('button', {type: 'button', className: 'dot', onclick: e => e.stopPropagation()});
  const take = () => { dot = k; showColors(); };
  const move = ([x, y]) => { Object.assign(dots[k], {x, y}); changed(); };
  drag(node, e => { if (e.movementX || e.movementY) move(place(e, stage)); }, take);
  node.addEventListener('focus', take);
  node.addEventListener('keydown', e => {
    const to = arrow(e.key);
    if (e.key === 'Delete' || e.key === 'Backspace') without(k);
    else if (to) move([between(0, dots[k].x + STEP * to[0], 1), between(0, dots[k].y + STEP * to[1], 1)]);
    else return;
    e.preventDefault();
  });
  return node;
}
stage.addEventListener('click', e => { if (!e.target.closest('.divider')) addDot(place(e, stage)); });

// The divider

function divide(share) {
  at = Math.round(between(0, share, 100));
  stage.style.setProperty('--at', `${at}%`);
  set(divider, {'aria-valuenow': at, 'aria-valuetext': `${at} % gray`});
}
drag(divider, e => divide(100 * place(e, stage)[0]));
divider.addEventListener('keydown', e => {
  const [right, down] = arrow(e.key) || [0, 0], to = {Home: 0, End: 100}[e.key] ?? at + 5 * (right - down);
  if (!arrow(e.key) && !/^(Home|End)$/.test(e.key)) return;
  e.preventDefault();
  divide(to);
});
divide(at);

// Drawing by hand

function draw(shape) {
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, 224, 224);
  const light = pen.createLinearGradient(40, 0, 184, 0), gray = v => `rgb(${v}, ${v}, ${v})`;
  for (const [x, v] of [[0, 120], [0.3, 205], [0.55, 225], [1, 130]]) light.addColorStop(x, gray(v));
  pen.fillStyle = light;
  // oxlint-disable-next-line no-array-fill-with-reference-type -- a path is filled
  pen.fill(new Path2D(shape));
  drawing = canvas.toDataURL('image/png');
}

/** Let a pointer draw on a canvas, as `how` says at each stroke. */
function brush(surface, how, moved = () => {}) {
  const pen = surface.getContext('2d');
  let last = /** @type {number[]} */ ([]);
  const stroke = e => {
    const [x, y] = place(e, surface), to = [x * surface.width, y * surface.height];
    Object.assign(pen, {lineCap: 'round', lineJoin: 'round', ...how()});
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...to);
    pen.stroke();
    last = to;
    moved();
  };
  drag(surface, stroke, e => {
    const [x, y] = place(e, surface);
    last = [x * surface.width - 0.01, y * surface.height];  // not nothing: a touch is a dot
    stroke(e);
  });
}
brush(canvas, () => {
  const gray = part('shade').value;
  return {strokeStyle: `rgb(${gray}, ${gray}, ${gray})`, lineWidth: part('brush').value};
}, () => {
  drawing = canvas.toDataURL('image/png');
  changed();
});

// Buttons

async function download(button, question) {
  const label = button.textContent;
  set(button, {disabled: true, textContent: 'Coloring...'});
  try {
    const answer = await question();
    complain(answer.error);
    if (!answer.error) save(await (await fetch(answer.url)).blob(), answer.name);
  } catch {
    complain('The studio does not answer: try again.');
  }
  set(button, {disabled: false, textContent: label});
}
const DO = {
  download: b => download(b, () => server.download(requestFor())),
  sheet: b => download(b, () => server.sheet(requestFor(wholeSheet()))),
  dot: () => { addDot([0.5, Math.min(1, 0.4 + 0.1 * dots.length)]); find('.dots').lastChild?.focus(); },
  undot: () => { dots = []; dot = -1; changed(); },
  settings: () => document.querySelector('#gray_kind')?.scrollIntoView({block: 'start'}),
};
root.addEventListener('click', e => {
  const button = /** @type {any} */ (e.target).closest('button'), what = button?.dataset || {};
  DO[what.do]?.(button);
  if ('draw' in what) { draw(what.draw); changed(); }
  if (what.mask) chooseMask(what.mask);
  if (what.palette) whole(what.palette);
  if (what.kind) wear(what);
  else if (what.way) whole(what.way, +what.variant);
  else if (what.variant) { variant = +what.variant; changed(); }
  if (what.swatch) pick(what.swatch);
  if (what.mode) { mode = what.mode; palette = ''; dot = -1; changed(); }
  if (what.sheet) {
    sheet = what.sheet;
    press(root.querySelectorAll('button[data-sheet]'), b => b.dataset.sheet === sheet);
    rest();
  }
});

listen('fashiongan-colorize', changed);
fit(changed);
