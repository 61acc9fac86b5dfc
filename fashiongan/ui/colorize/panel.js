// One garment in color. What was chosen on the left is in window.fashionganColorize; colors and dots are kept here.
const KNOWN = /*KNOWN*/{};
const root = element.querySelector('.dye'), find = s => root.querySelector(s), part = name => find(`[data-part=${name}]`);
const TEST = 'A test picture', OWN = 'My own', DRAWN = 'Drawn by hand', MANY = 10, STEP = 0.02;
const CALM = 120;  // ms without a change after which what is small is drawn
const stage = find('.stage'), divider = find('.divider'), canvas = find('canvas'), pen = canvas.getContext('2d');
let palette = KNOWN.first, colors = KNOWN.palettes[palette], mode = 'palette', variant = 0;
let dots = [], tone = 0, dot = -1;  // which well the next color goes into: a dot's, or a tone's
let own = 0, drawing = '', sheet = 'palettes', at = 40, pictures = 0, classic = [];
let shown = {look: '', variants: '', ways: ''}, garment = '', rows = '', n = 0, timer = 0;

const choice = () => window.fashionganColorize;
const uploads = () => JSON.parse(choice().uploads || '[]');
const tones = () => choice().tones || 1;
const current = k => colors[(variant + k) % colors.length];
const garmentNow = () => {
  const {kind, number} = choice();
  if (kind === OWN) return {kind, key: (uploads()[own] || {}).key || ''};
  return kind === DRAWN ? {kind, drawing} : {kind, number};
};
function ask(some = {}) {
  const {checkpoint, label, strength, seed, keep} = choice();
  const wish = {colors: mode === 'idea' || mode === 'classic' ? [] : colors, hints: dots, tones: tones(), label, seed: seed ?? 0, strength};
  return {garment: garmentNow(), checkpoint, wish, classic: mode === 'classic', variant, keep, ...some};
}

function complain(text) {
  const place = find('.dye > .error');
  if (place.textContent === (text || '')) return;
  place.hidden = !text;
  place.textContent = text || '';
}

// What is large first; what is small when nothing has changed for a while.

function offline() {
  complain('The studio does not answer; trying again.');
  root.dataset.state = 'offline';
  shown = {look: '', variants: '', ways: ''};
  setTimeout(() => element.isConnected && changed(), 2000);
}
const refresh = latest(look, offline), rest = latest(small, offline);

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
  const {kind, n: wanted} = choice(), mine = uploads();
  if (own >= mine.length) own = 0;
  find('.draw').hidden = kind !== DRAWN;
  if (kind === DRAWN && !drawing) draw('shirt');
  const now = kind === DRAWN ? kind : JSON.stringify(garmentNow());
  if (now !== garment) { if (garment) { dots = []; dot = -1; } garment = now; }
  if (wanted !== n) { if (variant >= wanted) variant = 0; n = wanted; }
  if (tone >= tones()) tone = 0;
  const more = Object.values(KNOWN.palettes).flat().filter(c => !colors.includes(c));
  if (colors.length < tones()) colors = [...colors, ...more.slice(0, tones() - colors.length)];
}

async function look(newer) {
  const asked = ask(), key = JSON.stringify(asked);
  if (shown.look !== key) {
    const begin = performance.now(), found = await server.look(asked);
    shown.look = key;
    root.dataset.shown = key;
    find('.content').hidden = Boolean(found.error);  // no picture beside a sentence that is not about it
    complain(found.error);
    Object.assign(root.dataset, {state: found.error ? 'refused' : 'ready', took: Math.round(performance.now() - begin)});
    if (!found.error) show(found);
  }
  if (newer()) return;
  root.setAttribute('aria-busy', 'false');
  clearTimeout(timer);
  timer = setTimeout(rest, CALM);
}

function show(found) {
  const [wide, high] = found.shape, [full, tall] = found.size;
  part('before').src = found.before;
  part('after').src = found.after;
  part('before').alt = 'the garment, gray';
  part('after').alt = 'the garment in color';
  stage.classList.toggle('sharp', found.sharp);
  stage.style.setProperty('--ratio', wide / high);
  const what = found.name || (choice().kind === DRAWN ? 'drawn by hand' : `test picture ${choice().number}`);
  const facts = [what, found.class, `${full} x ${tall} pixels`, `by ${found.checkpoint.split('/').pop()}`].filter(Boolean).join(' · ');
  find('.about').textContent = facts + (found.was_colored ? '. It was in color: it is made gray first.' : '') + (found.note ? (found.was_colored ? ' ' : '. ') + found.note : '');
  pictures = found.pictures || pictures;
  classic = found.colors;
  showColors();
}

async function small(newer) {
  if (root.dataset.state !== 'ready') return;
  const {variant: _, ...same} = ask({n: Math.max(choice().n, variant + 1)}), key = JSON.stringify(same);
  if (shown.variants !== key) {
    const found = await server.variants(same);
    if (found.error) return;
    shown.variants = key;
    tiles(find('.variants'), found.tiles, i => `variant ${i + 1}`, i => { variant = i; changed(); });
  }
  press(find('.variants'), i => i === variant);
  find('.variants').classList.remove('stale');
  root.dataset.variants = find('.variants').children.length;
  if (newer()) return;
  if (sheet === 'palettes') await showPalettes(); else await showMany();
  if (!newer()) find('.ways').classList.remove('stale');
}

function tiles(host, urls, name, picked) {
  while (host.children.length > urls.length) host.lastChild.remove();
  urls.forEach((url, i) => {
    if (!host.children[i]) host.append(make('button', {type: 'button', className: 'tile'}, make('img', {alt: ''})));
    const button = host.children[i];
    button.querySelector('img').src = url;
    button.title = name(i);
    button.setAttribute('aria-label', name(i));
    button.onclick = () => picked(i);
  });
}
const press = (host, on) => [...host.children].forEach((b, i) => b.setAttribute('aria-pressed', on(i)));

async function showPalettes() {
  const asked = ask({variant: 0, classic: false});
  asked.wish.colors = [];
  const key = JSON.stringify(['palettes', asked]), host = find('.ways');
  if (shown.ways !== key) {
    const found = await server.palettes(asked);
    if (found.error) return;
    shown.ways = key;
    if (host.dataset.sheet !== 'palettes') host.replaceChildren(...found.rows.map(([name]) => make('div', {className: 'way'}, make('h5', {textContent: name}), make('div', {className: 'tiles'}))));
    host.dataset.sheet = 'palettes';
    found.rows.forEach(([name, urls], k) => tiles(host.children[k].lastChild, urls, i => `${name}, ${KNOWN.palettes[name][i]}`, i => { whole(name, i); }));
    part('ways').textContent = 'Press one to see it large.';
  }
  [...host.children].forEach(row => press(row.lastChild, i => mode === 'palette' && row.firstChild.textContent === palette && i === variant));
  root.dataset.ways = host.querySelectorAll('.tile').length;
}

function garments() {
  const {kind, number} = choice(), mine = uploads().map(u => ({kind: OWN, key: u.key}));
  if (kind === OWN && mine.length > 1) return mine.slice(0, MANY);
  const first = kind === TEST ? [] : [garmentNow()];
  return [...first, ...Array.from({length: MANY - first.length}, (_, i) => ({kind: TEST, number: kind === TEST && pictures ? (number + i) % pictures : i}))];
}

async function showMany() {
  const list = garments(), asked = ask({variant: 0, garments: list});
  const key = JSON.stringify(['many', asked]), host = find('.ways');
  if (shown.ways !== key) {
    const found = await server.many(asked);
    if (found.error) return;
    shown.ways = key;
    if (host.dataset.sheet !== 'many') host.replaceChildren(make('div', {className: 'tiles wide'}));
    host.dataset.sheet = 'many';
    tiles(host.firstChild, found.tiles, i => `garment ${i + 1}`, i => wear(list[i], i));
    part('ways').textContent = uploads().length > 1 ? 'Press one to see it large.' : 'Press one to see it large. Upload several pictures to see them all in these colors.';
  }
  const now = JSON.stringify(garmentNow());
  press(host.firstChild, i => JSON.stringify(list[i]) === now);
  root.dataset.ways = host.querySelectorAll('.tile').length;
}

// A garment of the sheet becomes the large one, in the color that it has there.
function wear(one, i) {
  variant = mode === 'palette' ? i % colors.length : 0;
  if (one.kind === OWN) own = Math.max(0, uploads().findIndex(u => u.key === one.key));
  else if (one.kind === TEST) {
    const field = document.querySelector('#gray_number input');
    if (choice().kind !== TEST) document.querySelector('#gray_kind input').click();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, one.number);
    field.dispatchEvent(new Event('input', {bubbles: true}));
  }
  changed();
}

// Colors

function whole(name, i = 0) { palette = name; colors = KNOWN.palettes[name]; mode = 'palette'; variant = i; tone = 0; dot = -1; changed(); }

function pick(value) {
  if (dots[dot]) dots[dot].color = value;
  else {
    const now = Array.from({length: tones()}, (_, k) => current(k));
    now[tone] = value;
    colors = now; palette = ''; mode = 'own'; variant = 0;
  }
  changed();
}

function well(name, get, set, choose, remove) {
  const input = make('input', {type: 'color'});
  const node = make('label', {className: 'well'}, input, make('span', {textContent: name}));
  input.setAttribute('aria-label', `color of ${name}`);
  input.addEventListener('focus', () => { choose(); showColors(); });
  input.addEventListener('input', () => { choose(); set(input.value); });
  if (remove) {
    const button = make('button', {type: 'button', textContent: '×', title: `remove ${name}`});
    button.setAttribute('aria-label', `remove ${name}`);
    button.addEventListener('click', e => { e.preventDefault(); remove(); });
    node.append(button);
  }
  node.fresh = chosen => { if (input.value !== get()) input.value = get(); node.classList.toggle('chosen', chosen); };
  return node;
}

function showColors() {
  const wanted = `${tones()} ${dots.length}`, host = find('.wells');
  if (rows !== wanted) {
    rows = wanted;
    const names = tones() === 1 ? ['the garment'] : ['upper', tones() === 3 ? 'middle' : 'lower', 'lower'].slice(0, tones());
    const bases = names.map((name, k) => well(name, () => mode === 'classic' && classic[0] || current(k), pick, () => { dot = -1; tone = k; }));
    const placed = dots.map((_, k) => well(`dot ${k + 1}`, () => dots[k].color, pick, () => { dot = k; }, () => without(k)));
    host.replaceChildren(...bases, ...placed);
    find('.dots').replaceChildren(...dots.map((_, k) => spot(k)));
  }
  [...host.children].forEach((node, k) => {
    node.fresh(k < tones() ? !dots[dot] && tone === k : dot === k - tones());
    node.classList.toggle('off', k < tones() && mode === 'idea');
  });
  [...find('.dots').children].forEach((node, k) => {
    node.style.cssText = `left: ${100 * dots[k].x}%; top: ${100 * dots[k].y}%; background: ${dots[k].color}`;
    node.setAttribute('aria-label', `dot ${k + 1}, ${dots[k].color}: arrow keys move it, Delete removes it`);
    node.setAttribute('aria-pressed', dot === k);
  });
  find('[data-do=undot]').hidden = !dots.length;
  root.querySelectorAll('[data-mode]').forEach(b => b.setAttribute('aria-pressed', b.dataset.mode === mode));
  root.querySelectorAll('[data-palette]').forEach(b => b.setAttribute('aria-pressed', mode === 'palette' && b.dataset.palette === palette));
  root.dataset.dots = dots.length;
}

find('.palettes').replaceChildren(...Object.entries(KNOWN.palettes).map(([name, list]) => {
  const title = make('button', {type: 'button', className: 'name', textContent: name, title: `the whole palette ${name}`});
  title.dataset.palette = name;
  title.addEventListener('click', () => whole(name));
  const swatches = list.map(c => {
    const swatch = make('button', {type: 'button', className: 'swatch', title: c});
    swatch.style.background = c;
    swatch.dataset.swatch = c;
    swatch.setAttribute('aria-label', `${c} of ${name}`);
    swatch.addEventListener('click', () => pick(c));
    return swatch;
  });
  const safe = KNOWN.blind.includes(name) ? [make('span', {className: 'safe', textContent: 'color-blind safe'})] : [];
  return make('div', {className: 'palette'}, make('div', {}, title, ...safe), make('div', {className: 'swatches'}, ...swatches));
}));

// Dots: a color at a place

function without(k) { dots.splice(k, 1); dot = -1; rows = ''; changed(); }

function place(x, y) {
  if (dots.length >= KNOWN.hints) { complain(`${KNOWN.hints} places on a garment can be colored, no more: remove a dot first.`); return; }
  dots.push({x, y, color: dots[dot] ? dots[dot].color : mode === 'classic' && classic[0] || current(tone)});
  dot = dots.length - 1;
  changed();
}

const inside = v => Math.min(1, Math.max(0, v));
function where(e) {
  const box = stage.getBoundingClientRect();
  return [inside((e.clientX - box.left) / box.width), inside((e.clientY - box.top) / box.height)];
}

function spot(k) {
  const node = make('button', {type: 'button', className: 'dot'});
  node.addEventListener('pointerdown', e => { node.setPointerCapture(e.pointerId); dot = k; showColors(); });
  node.addEventListener('pointermove', e => {
    if (!node.hasPointerCapture(e.pointerId) || !(e.movementX || e.movementY)) return;
    [dots[k].x, dots[k].y] = where(e);
    changed();
  });
  node.addEventListener('focus', () => { dot = k; showColors(); });
  node.addEventListener('click', e => e.stopPropagation());
  node.addEventListener('keydown', e => {
    const [dx, dy] = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]}[e.key] || [0, 0];
    if (e.key === 'Delete' || e.key === 'Backspace') without(k);
    else if (dx || dy) { dots[k].x = inside(dots[k].x + dx); dots[k].y = inside(dots[k].y + dy); changed(); }
    else return;
    e.preventDefault();
  });
  return node;
}
stage.addEventListener('click', e => { if (!e.target.closest('.divider')) place(...where(e)); });

// The divider

function divide(share) {
  at = Math.round(Math.min(100, Math.max(0, share)));
  stage.style.setProperty('--at', `${at}%`);
  divider.setAttribute('aria-valuenow', at);
  divider.setAttribute('aria-valuetext', `${at} % gray`);
}
divider.addEventListener('pointerdown', e => { divider.setPointerCapture(e.pointerId); });
divider.addEventListener('pointermove', e => { if (divider.hasPointerCapture(e.pointerId)) divide(100 * where(e)[0]); });
divider.addEventListener('keydown', e => {
  const to = {ArrowLeft: at - 5, ArrowDown: at - 5, ArrowRight: at + 5, ArrowUp: at + 5, Home: 0, End: 100}[e.key];
  if (to === undefined) return;
  e.preventDefault();
  divide(to);
});
divide(at);

// Drawing by hand

const SHAPES = {
  shirt: [[76, 36], [94, 46], [130, 46], [148, 36], [200, 70], [180, 106], [158, 94], [160, 192], [64, 192], [66, 94], [44, 106], [24, 70]],
  dress: [[86, 24], [98, 24], [104, 48], [120, 48], [126, 24], [138, 24], [144, 96], [176, 204], [48, 204], [80, 96]],
};
function draw(shape) {
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, 224, 224);
  if (SHAPES[shape]) {
    const light = pen.createLinearGradient(40, 0, 184, 0);
    for (const [where, gray] of [[0, 120], [0.3, 205], [0.55, 225], [1, 130]]) light.addColorStop(where, `rgb(${gray}, ${gray}, ${gray})`);
    pen.fillStyle = light;
    pen.beginPath();
    SHAPES[shape].forEach(([x, y]) => pen.lineTo(x, y));
    pen.fill();
  }
  drawing = canvas.toDataURL('image/png');
}
let last = null;
function stroke(e) {
  const box = canvas.getBoundingClientRect(), to = [(e.clientX - box.left) * 224 / box.width, (e.clientY - box.top) * 224 / box.height];
  const gray = part('shade').value;
  Object.assign(pen, {lineCap: 'round', lineJoin: 'round', lineWidth: part('brush').value, strokeStyle: `rgb(${gray}, ${gray}, ${gray})`});
  pen.beginPath();
  pen.moveTo(...(last || to));
  pen.lineTo(...to);
  pen.stroke();
  last = to;
  drawing = canvas.toDataURL('image/png');
  changed();
}
canvas.addEventListener('pointerdown', e => { canvas.setPointerCapture(e.pointerId); last = null; stroke(e); });
canvas.addEventListener('pointermove', e => { if (canvas.hasPointerCapture(e.pointerId)) stroke(e); });

// Buttons

async function fetched(button, question) {
  const label = button.textContent;
  button.disabled = true;
  button.textContent = 'Coloring...';
  try {
    const found = await question();
    complain(found.error);
    if (!found.error) save(new Blob([Uint8Array.from(atob(found.png), c => c.charCodeAt(0))], {type: 'image/png'}), found.name);
  } catch (e) {
    complain('The studio does not answer: try again.');
  } finally {
    button.disabled = false;
    button.textContent = label;
  }
}
const DO = {
  download: b => fetched(b, () => server.download(ask())),
  sheet: b => fetched(b, () => server.sheet(ask({garments: sheet === 'many' ? garments() : []}))),
  dot: () => { place(0.5, inside(0.4 + 0.1 * dots.length)); find('.dots').lastChild?.focus(); },
  undot: () => { dots = []; dot = -1; changed(); },
  settings: () => document.querySelector('#gray_kind').scrollIntoView({block: 'start'}),
  shirt: () => { draw('shirt'); changed(); },
  dress: () => { draw('dress'); changed(); },
  clear: () => { draw(''); changed(); },
};
root.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (!button) return;
  if (DO[button.dataset.do]) DO[button.dataset.do](button);
  if (button.dataset.mode) { mode = button.dataset.mode; palette = ''; dot = -1; changed(); }
  if (button.dataset.sheet) {
    sheet = button.dataset.sheet;
    root.querySelectorAll('[data-sheet]').forEach(b => b.setAttribute?.('aria-pressed', b.dataset.sheet === sheet));
    rest();
  }
});

// Until the page forgets this panel.
const told = () => element.isConnected ? changed() : document.removeEventListener('fashiongan-colorize', told);
document.addEventListener('fashiongan-colorize', told);
new ResizeObserver(told).observe(root);
