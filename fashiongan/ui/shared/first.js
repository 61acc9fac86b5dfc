// @ts-check
// Gradio counts the seconds of whatever it waits for at every frame, and 6.31 goes on counting for its loading screen
// when that has long left the page: three seconds of a core in every minute, taken from what trains on it. Five times a
// second is enough for a number with one decimal.
{
  const ask = window.requestAnimationFrame, counts = /performance\.now\(\).*\/1e3/;
  window.requestAnimationFrame = f =>
    counts.test(String(f)) ? setTimeout(() => f(performance.now()), 200) : ask.call(window, f);
}
// In a frame of another origin, as on a Space, a browser may keep nothing, and even looking throws: then what gradio
// and the board keep lasts for the visit.
try {
  void window.localStorage;
} catch {
  for (const name of ['localStorage', 'sessionStorage']) {
    const kept = new Map();
    const storage = {
      getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => { kept.set(key, String(value)); },
      removeItem: (/** @type {string} */ key) => { kept.delete(key); },
      clear: () => kept.clear(),
      key: (/** @type {number} */ i) => [...kept.keys()][i] ?? null,
      get length() { return kept.size; },
    };
    Object.defineProperty(window, name, {value: storage});
  }
  const shown = {textContent: '#no_storage { display: block !important; }'};  // the note that words.py has ready
  document.head.append(Object.assign(document.createElement('style'), shown));
}
