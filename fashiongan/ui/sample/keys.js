// @ts-check
// Of the Sample tab: the address that draws the same picture, the garment that the arrows choose, those that are liked,
// and what a slider does.

const BUTTONS = {k: '#keep', r: '#roll', z: '#undo', y: '#redo', Escape: '#back'};
const find = (/** @type {string} */ s) => /** @type {any} */ (document.querySelector(s));
const part = (/** @type {string} */ s) => /** @type {any} */ (element.querySelector(s));
const ring = make('div', {className: 'ring', hidden: true});
const liked = new Set();
const address = () => new URLSearchParams(drawn.address).get('sample') || '';
const note = make('p', {className: 'note', role: 'status', hidden: true});
let drawn = props.value || {}; // what came with the sheet that is shown
let chosen = -1, pointed = 0, name = '', sheet = '', later = 0, patience = 0, shown = '';

/** Put a ring round garment `i` of the sheet; desk.css says where that is. */
function around(/** @type {any} */ ring, /** @type {number} */ i) {
  const {columns, n, side} = drawn;
  const where = {x: i % columns, y: Math.floor(i / columns), columns, rows: Math.ceil(n / columns), cell: side + 2};
  for (const [name, value] of Object.entries(where)) ring.style.setProperty(`--${name}`, value);
  find('#sheet .image-frame')?.append(ring);
}

/** Let the arrows' ring be round garment `i`; no ring if there is none of that number. */
function choose(/** @type {number} */ i) {
  chosen = i < drawn.n ? i : -1;
  ring.hidden = chosen < 0;
  if (chosen >= 0) around(ring, chosen);
  if (pointed && shown !== subject()) preview();
}

/** Like garment `i`, or no longer. */
function like(/** @type {number} */ i) {
  if (!liked.delete(i)) liked.add(i);
  showLiked();
}

function showLiked() {
  document.querySelectorAll('#sheet .liked').forEach(mark => mark.remove());
  for (const i of liked) around(make('div', {className: 'ring liked'}, '\u2665'), i);
  part('.round').hidden = !liked.size && !liking();
  set(part('.more'), {disabled: liked.size < 2 || liked.size > 8, textContent: `More like these ${liked.size || ''}`});
}

const liking = () => part('.like').getAttribute('aria-pressed') === 'true';

/** While several are being liked, a click likes and does not open. */
function clicked(/** @type {MouseEvent} */ e) {
  const image = /** @type {any} */ (e.target);
  if (!liking() || !image.matches?.('#sheet img')) return;
  e.stopPropagation();
  const {columns, n} = drawn, [x, y] = place(e, image), i = Math.floor(y * Math.ceil(n / columns)) * columns;
  if (i + Math.floor(x * columns) < n) like(i + Math.floor(x * columns));
}

/** What a slider's strip of pictures shows: the garment as it is drawn, wherever that slider itself is now. */
function subject() {
  const now = JSON.parse(address() || '{}');
  /** @type {number[]} */
  const sliders = now.sliders || [], others = sliders.map((x, i) => i === pointed - 1 ? 0 : x);
  return JSON.stringify([pointed, Math.max(0, chosen), {...now, sliders: others.some(Boolean) ? others : []}]);
}

const preview = latest(async newer => {
  shown = subject();
  const request = {address: address(), slider: pointed, number: Math.max(0, chosen)};
  const answer = pointed ? await server.slider(request) : {};
  if (newer()) return;
  part('figure').hidden = !answer.picture;
  part('figure img').src = answer.picture || '';
  part('figcaption').textContent = name;
}, () => { part('figure').hidden = true; });

/** The slider under the pointer or the focus, from 1; 0 for none. */
function point(/** @type {any} */ e) {
  const slider = e.target.closest?.('[id^=slider_]'), i = slider ? +slider.id.slice(7) : 0;
  if (i === pointed || !element.isConnected) return;
  pointed = i;
  name = i ? slider.querySelector('label span').textContent : '';
  preview();
}

function pressed(/** @type {KeyboardEvent} */ e) {
  const target = /** @type {any} */ (e.target);
  const typing = target.matches('input:not([type=range]), textarea, select, [contenteditable]');
  if (!element.offsetParent || typing || e.ctrlKey || e.metaKey || e.altKey || part('dialog').open) return;
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key, to = arrow(key);
  if (key === '?') part('dialog').showModal();
  else if (to && !target.matches('input, [role]')) {
    const next = chosen < 0 ? 0 : chosen + to[0] + to[1] * drawn.columns;
    if (next >= 0 && next < drawn.n) choose(next);
  } else if (key === 'Enter' && chosen >= 0 && !target.closest('button, a, input')) trigger('select', {number: chosen});
  else if (key === 'l' && chosen >= 0) like(chosen);
  else if (key === 'k' && chosen >= 0) trigger('submit', {number: chosen});
  else if (BUTTONS[key]) find(BUTTONS[key])?.click();
  else return;
  e.preventDefault();
}

document.addEventListener('keydown', pressed);
document.addEventListener('pointerover', point);
document.addEventListener('focusin', point);
document.addEventListener('click', clicked, true);
part('.help').addEventListener('click', () => part('dialog').showModal());
part('.like').addEventListener('click', () => {
  press([part('.like')], () => !liking());
  showLiked();
});
part('.more').addEventListener('click', () => {
  trigger('like', {numbers: [...liked], blend: part('.blend').checked});
  press([part('.like')], () => false);
});

/** Put the newest state into the address; browsers refuse that at every move of a slider. */
function tell() {
  const now = new URL(location.href);
  now.searchParams.set('sample', address());
  history.replaceState(history.state, '', now);
}

/** Show how far a search for colors is, until the sheet comes or no more is heard of it. */
function progress(/** @type {string} */ text) {
  if (!note.isConnected) find('#pictures')?.append(note);
  set(note, {hidden: !text, textContent: text});
  clearTimeout(patience);
  if (text) patience = setTimeout(() => progress(''), 60_000);
}

watch('value', () => {
  progress(props.value.searching || '');
  if (props.value.searching) { trigger('input', {}); return; } // for more of it
  drawn = props.value;
  const other = sheet !== drawn.sheet;
  sheet = drawn.sheet;
  if (other) liked.clear();
  if (other || liked.size) showLiked();
  clearTimeout(later);
  later = setTimeout(tell, 150);
  choose(chosen);
});
