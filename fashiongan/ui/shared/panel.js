// @ts-check
// What every panel needs: elements, a complaint in its place, questions of which only the newest counts, and listeners
// that end with the panel. `html_panel` in panel.py puts this, plots.js and a tab's panel.js into one function.

const OFFLINE = 'The studio does not answer; trying again.';
const Refusal = class extends Error {};  // its message is the studio's sentence

/**
 * A function that runs `ask`, and once more after its answer if it was called meanwhile: never twice at once. `newer()`
 * tells whether a newer question waits. `done` is called after the last answer.
 * @type {(ask: (newer: () => boolean) => unknown, failed: (e: unknown) => void, done?: () => void) => () => unknown}
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

/** Give an element properties; a name with a hyphen, and `role`, is an attribute. */
function set(/** @type {any} */ node, /** @type {Record<string, any>} */ values) {
  for (const [name, value] of Object.entries(values)) {
    if (name.includes('-') || name === 'role') node.setAttribute(name, String(value)); else node[name] = value;
  }
  return node;
}

/** A new element. Its children are elements, strings that stay text whatever is in them, or nothing. */
function make(/** @type {string} */ tag, values = {}, .../** @type {(Node | string | false)[]} */ children) {
  const node = set(document.createElement(tag), values);
  node.append(...children.filter(Boolean));
  return node;
}

/**
 * What the server has drawn (elements.py): text, or an element as [tag, properties, children]. An element that stood in
 * its place with the same properties is used again, so that no picture flickers.
 */
function built(/** @type {any} */ drawn, /** @type {any} */ old) {
  if (typeof drawn === 'string') return old?.data === drawn ? old : new Text(drawn);
  const [tag, values, children] = drawn, like = [tag, ...Object.keys(values)].join();
  const node = old?.like === like ? set(old, values) : make(tag, {...values, like});
  fill(node, children);
  return node;
}

/** Put what the server has drawn into an element. The focus stays on what has the same `data-key`. */
function fill(/** @type {any} */ host, /** @type {any[]} */ drawn) {
  const focused = /** @type {any} */ (document.activeElement), key = host.contains(focused) && focused.dataset.key;
  const before = [...host.childNodes], after = drawn.map((child, i) => built(child, before[i]));
  // What is taken out and put in again would lose the focus, and a color field its open chooser.
  if (before.length !== after.length || after.some((node, i) => node !== before[i])) host.replaceChildren(...after);
  if (key) host.querySelector(`[data-key="${key}"]`)?.focus({preventScroll: true});
}

/** Show each part of an answer, by the name of the element that it is for: elements, properties, or a sentence. */
function show(/** @type {HTMLElement} */ host, /** @type {Record<string, any>} */ answer) {
  for (const [name, value] of Object.entries(answer)) {
    const node = host.querySelector(`[data-part="${name}"]`);
    if (!node) continue;
    if (Array.isArray(value)) fill(node, value);
    else if (value && typeof value === 'object') set(node, value);
    else say(node, value);
  }
}

/** Sort a table's first body by the column that was chosen; cells without `data-value` come last. */
function sortRows(/** @type {HTMLTableElement} */ table) {
  const {sort, order} = table.dataset, sign = order === 'ascending' ? 1 : -1, [body] = table.tBodies;
  for (const button of /** @type {any} */ (table.querySelectorAll('thead button'))) {
    const heading = button.closest('th'), chosen = button.dataset.key === sort;
    heading.setAttribute('aria-sort', chosen ? order : 'none');
    if (!chosen) continue;
    const value = (/** @type {any} */ row) => sign * (row.cells[heading.cellIndex].dataset.value ?? sign * Infinity);
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

/** Tell `moved` of a pointer that is held down on an element or on a part of it, wherever it goes. */
function drag(/** @type {any} */ node, /** @type {(e: any) => void} */ moved, begun = (/** @type {any} */ _) => {}) {
  node.addEventListener('pointerdown', e => { e.target.setPointerCapture(e.pointerId); begun(e); });
  node.addEventListener('pointermove', e => { if (e.target.hasPointerCapture(e.pointerId)) moved(e); });
}

/** What belongs to the panel whose root `selector` finds; gone with it when the page forgets `element`. */
function panel(/** @type {HTMLElement} */ element, /** @type {string} */ selector) {
  const root = /** @type {HTMLElement} */ (element.querySelector(selector));
  COLORS.forEach((color, i) => root.style.setProperty(`--hue-${i}`, color));
  const find = (/** @type {string} */ s) => /** @type {any} */ (root.querySelector(s));
  const complain = (/** @type {string?} */ text = '') => say(find(':scope > .error'), text);
  const seen = /** @type {Record<string, string>} */ ({});
  const tell = (/** @type {string} */ state, more = {}) => Object.assign(root.dataset, {state, ...more});
  /** The answer of a function of the server. */
  const ask = async (/** @type {string} */ name, /** @type {any} */ request = null) => {
    const answer = await server[name](request);
    if (answer?.error) throw new Refusal(answer.error);
    return answer;
  };
  /** Whether a value is another than in the last call of that name. */
  const differs = (/** @type {string} */ name, /** @type {any} */ value) => {
    const before = seen[name];
    seen[name] = JSON.stringify(value);
    return seen[name] !== before;
  };
  return {
    root, find, complain, tell, ask, differs,
    part: (/** @type {string} */ name) => find(`[data-part=${name}]`),
    /** The answer to a request, or null if the last one was the same. `since`: what the answer depends on as well. */
    fresh: async (/** @type {string} */ name, /** @type {any} */ request, since = '') => {
      const key = JSON.stringify([request, since]);
      if (seen[name] === key) return null;
      delete seen[name];  // what is refused is asked again
      const answer = await ask(name, request);
      seen[name] = key;
      return answer;
    },
    /** As `latest`. A refusal, and that nobody answers, is shown, and then `failed` is called. */
    newest: (/** @type {(newer: () => boolean) => Promise<unknown>} */ f, failed = () => {}) => latest(f, error => {
      const refused = error instanceof Refusal;
      complain(refused ? error.message : OFFLINE);
      tell(refused ? 'refused' : 'offline');
      failed();
    }, () => root.setAttribute('aria-busy', 'false')),
    /** Listen to what the rest of the page tells the document. */
    listen: (/** @type {string} */ event, /** @type {(e: any) => unknown} */ f) => {
      const heard = (/** @type {any} */ e) => element.isConnected ? f(e) : document.removeEventListener(event, heard);
      document.addEventListener(event, heard);
    },
    /** Do it now, and again after so many ms, for as long as the panel is there. */
    poll: async (/** @type {() => Promise<unknown>} */ f, /** @type {() => number} */ pause) => {
      for (; element.isConnected; await new Promise(r => setTimeout(r, pause()))) await f();
    },
    /** Draw again when the panel has another width, and between light and dark. */
    fit: (/** @type {() => void} */ draw) => {
      new ResizeObserver(() => { if (differs('width', root.clientWidth)) draw(); }).observe(root);
      const dark = new MutationObserver(() => element.isConnected ? draw() : dark.disconnect());
      dark.observe(document.body, {attributeFilter: ['class']});
    },
  };
}
