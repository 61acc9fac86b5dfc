// @ts-check
// What every panel needs: elements, a complaint in its place, questions of which only the newest counts, and listeners
// that end with the panel. `html_panel` in panel.py puts this, plots.js and a tab's panel.js into one function.

const OFFLINE = 'The studio does not answer; trying again.';

/**
 * A function that runs `ask`, and once more after its answer if it was called meanwhile: never twice at once.
 * @param {(newer: () => boolean) => Promise<unknown>} ask `newer()` tells whether a newer question waits
 * @param {(error: unknown) => void} failed
 * @param {() => void} [done] after the last answer
 */
function latest(ask, failed, done = () => {}) {
  let busy = false, again = false;
  return async () => {
    if (busy) { again = true; return; }
    busy = true;
    do {
      again = false;
      try { await ask(() => again); } catch (error) { failed(error); }
    } while (again);
    busy = false;
    done();
  };
}

/**
 * Give an element properties; a name with a hyphen, and `role`, is an attribute.
 * @param {any} node
 * @param {Record<string, any>} values
 */
function set(node, values) {
  for (const [name, value] of Object.entries(values)) {
    if (name.includes('-') || name === 'role') node.setAttribute(name, String(value)); else node[name] = value;
  }
  return node;
}

/**
 * A new element. Its children are elements, strings that stay text whatever is in them, or nothing.
 * @param {string} tag
 * @param {Record<string, any>} [values]
 * @param {...(Node | string | false | undefined)} children
 */
function make(tag, values = {}, ...children) {
  const node = set(document.createElement(tag), values);
  node.append(...children.filter(Boolean));
  return node;
}

/**
 * What the server has drawn (elements.py): text, or an element as [tag, properties, children]. An element that stood in
 * its place with the same properties is used again, so that no picture flickers.
 * @param {any} drawn
 * @param {any} [old]
 * @returns {Node | string}
 */
function built(drawn, old) {
  if (typeof drawn === 'string') return drawn;
  const [tag, values, children] = drawn, like = [tag, ...Object.keys(values)].join();
  const node = old?.like === like ? set(old, values) : make(tag, {...values, like}), before = [...node.childNodes];
  node.replaceChildren(...children.map((child, i) => built(child, before[i])));
  return node;
}

/** Put what the server has drawn into an element. The focus stays on what has the same `data-key`. */
function fill(/** @type {any} */ host, /** @type {any[]} */ drawn) {
  const focused = /** @type {any} */ (document.activeElement), key = host.contains(focused) && focused.dataset.key;
  const before = [...host.childNodes];
  host.replaceChildren(...drawn.map((child, i) => built(child, before[i])));
  if (key) host.querySelector(`[data-key="${key}"]`)?.focus({preventScroll: true});
}

/** Sort a table's first body by the column that was chosen; cells without `data-value` come last. */
function sortRows(/** @type {HTMLTableElement} */ table) {
  const {sort, order} = table.dataset, buttons = [...table.querySelectorAll('thead button')];
  for (const button of /** @type {any[]} */ (buttons)) {
    const heading = button.closest('th'), chosen = button.dataset.key === sort;
    heading.setAttribute('aria-sort', chosen ? order : 'none');
    if (!chosen) continue;
    const sign = order === 'ascending' ? 1 : -1;
    const value = (/** @type {any} */ row) => sign * (row.cells[heading.cellIndex].dataset.value ?? sign * Infinity);
    const [body] = table.tBodies;
    body.append(...[...body.rows].toSorted((a, b) => Math.sign(value(a) - value(b)) || 0));
  }
}

/** Let the buttons in a table's head sort it: first in the order of their `data-first`, then the other way round. */
function sortable(/** @type {HTMLTableElement} */ table) {
  table.addEventListener('click', e => {
    const {key, first} = /** @type {any} */ (e.target).closest('thead button')?.dataset || {};
    if (!key) return;
    const other = table.dataset.order === 'ascending' ? 'descending' : 'ascending';
    Object.assign(table.dataset, {order: table.dataset.sort === key ? other : first, sort: key});
    sortRows(table);
  });
}

/** Let an element say something, or nothing. What it says already is not said again: screen readers would repeat it. */
function say(/** @type {any} */ node, /** @type {string?} */ text = '') {
  node.hidden = !text;
  if (node.textContent !== (text || '')) node.textContent = text || '';
}

/** The buttons of a group that are pressed. */
function press(/** @type {Iterable<Element>} */ buttons, /** @type {(button: any, i: number) => boolean} */ on) {
  [...buttons].forEach((button, i) => button.setAttribute('aria-pressed', String(on(button, i))));
}

/** How far a progress bar within `host` has come. */
function progress(/** @type {any} */ host, /** @type {number} */ percent) {
  host.querySelector('.bar i').style.width = `${percent}%`;
  host.querySelector('.bar').setAttribute('aria-valuenow', percent.toFixed(0));
}

/** Save bytes as a file of the visitor's. */
function save(/** @type {Blob} */ blob, /** @type {string} */ name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Where a key of the arrows points: [right, down], or null. */
function arrow(/** @type {string} */ key) {
  return {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[key] || null;
}

const between = (/** @type {number} */ lo, /** @type {number} */ v, /** @type {number} */ hi) =>
  Math.min(hi, Math.max(lo, v));

/** Where a pointer is on an element: [from the left, from the top], each from 0 to 1. */
function place(/** @type {PointerEvent | MouseEvent} */ e, /** @type {Element} */ node) {
  const box = node.getBoundingClientRect();
  return [between(0, (e.clientX - box.left) / box.width, 1), between(0, (e.clientY - box.top) / box.height, 1)];
}

/**
 * Tell `moved` of a pointer that is held down on an element, wherever it goes.
 * @param {HTMLElement} node @param {(e: PointerEvent) => void} moved @param {(e: PointerEvent) => void} begun
 */
function drag(node, moved, begun = () => {}) {
  node.addEventListener('pointerdown', e => { node.setPointerCapture(e.pointerId); begun(e); });
  node.addEventListener('pointermove', e => { if (node.hasPointerCapture(e.pointerId)) moved(e); });
}

/**
 * What belongs to one panel; gone with it when the page forgets `element`.
 * @param {HTMLElement} element
 * @param {string} selector of the panel's root within it
 */
function panel(element, selector) {
  const root = /** @type {HTMLElement} */ (element.querySelector(selector));
  COLORS.forEach((color, i) => root.style.setProperty(`--hue-${i}`, color));
  const find = (/** @type {string} */ s) => /** @type {any} */ (root.querySelector(s));
  const complain = (/** @type {string?} */ text = '') => say(find(':scope > .error'), text);
  /** @param {string} state @param {Record<string, any>} [more] */
  const tell = (state, more = {}) => Object.assign(root.dataset, {state, ...more});
  return {
    root, find, complain, tell,
    part: (/** @type {string} */ name) => find(`[data-part=${name}]`),
    refuse: (/** @type {string} */ sentence) => { complain(sentence); tell('refused'); },
    offline: () => { complain(OFFLINE); tell('offline'); },
    calm: () => root.setAttribute('aria-busy', 'false'),
    /** Listen to what the rest of the page tells the document. */
    listen: (/** @type {string} */ event, /** @type {() => unknown} */ f) => {
      const heard = () => element.isConnected ? f() : document.removeEventListener(event, heard);
      document.addEventListener(event, heard);
    },
    /** Do it now, and again after so many ms, for as long as the panel is there. */
    poll: async (/** @type {() => Promise<unknown>} */ f, /** @type {() => number} */ pause) => {
      for (; element.isConnected; await new Promise(r => setTimeout(r, pause()))) await f();
    },
    /** Draw again when the panel has another width, and between light and dark. */
    fit: (/** @type {() => void} */ draw) => {
      let width = 0;
      const sized = () => { if (width !== root.clientWidth) { width = root.clientWidth; draw(); } };
      new ResizeObserver(sized).observe(root);
      const dark = new MutationObserver(() => element.isConnected ? draw() : dark.disconnect());
      dark.observe(document.body, {attributeFilter: ['class']});
    },
  };
}
