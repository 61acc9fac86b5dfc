// @ts-check
// Gradio counts the seconds of whatever it waits for at every frame, and 6.31 goes on counting for its loading screen
// when that has long left the page: three seconds of a core in every minute, taken from what trains on it. Five times a
// second is enough for a number with one decimal.
{
  const ask = window.requestAnimationFrame, counts = /performance\.now\(\).*\/1e3/;
  window.requestAnimationFrame = f =>
    counts.test(String(f)) ? setTimeout(() => f(performance.now()), 200) : ask.call(window, f);
}
// A browser that blocks storage throws when it is asked for it, and gradio then shows no page. What would be kept
// in it, the board for example, is kept for this visit.
try { window.localStorage.getItem(''); } catch {
  const kept = new Map();
  const storage = {
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => { kept.set(key, String(value)); },
    removeItem: (/** @type {string} */ key) => { kept.delete(key); },
  };
  Object.defineProperty(window, 'localStorage', {value: storage});
}
