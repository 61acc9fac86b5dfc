// @ts-check
// Plots of every panel: their axes, series, legend, and the page's own colors, light or dark. plotly draws them.

const P = /** @type {any} */ (window).Plotly;  // other components may load an older one over it later
// Six colors that people who see fewer can tell apart; a dash, a mark or a letter always stands with them.
const COLORS = ['#3b6fd4', '#d55e00', '#009e73', '#b0568f', '#781ef0', '#4a9cc7'];
const FONT = 12, ROW = 19, SYMBOL = 42;  // pixels: letters, a row of the legend, and a sign in it with its gaps
const SHARE = {range: [-0.03, 1.03], tickformat: '.0%'};  // an axis from none to all

/** At most `most` values for a curve: more cannot be told apart. Neighbors are averaged, without what is missing. */
function thin(/** @type {(number?)[]} */ values, most = 800) {
  const every = Math.ceil(values.length / most);
  if (every < 2) return values;
  return Array.from({length: Math.ceil(values.length / every)}, (_, i) => {
    const part = /** @type {number[]} */ (values.slice(i * every, (i + 1) * every).filter(v => v != null));
    return part.length ? part.reduce((a, b) => a + b, 0) / part.length : null;
  });
}

/** How many rows a legend of these names has within a width: plotly's columns are as wide as the longest. */
function legendRows(/** @type {string[]} */ names, /** @type {number} */ width) {
  const widths = names.map(n => SYMBOL + 0.56 * FONT * n.length), sum = widths.reduce((a, b) => a + b, 0);
  return sum <= width ? 1 : Math.ceil(names.length / Math.max(1, Math.floor(width / Math.max(...widths))));
}

/** A straight line across a plot, along x or y, at some value. */
function rule(/** @type {'x' | 'y'} */ along, /** @type {number} */ at, dash = 'solid') {
  const across = along === 'x' ? 'y' : 'x';
  return {type: 'line', [`${along}ref`]: 'paper', [`${along}0`]: 0, [`${along}1`]: 1, [`${across}0`]: at,
    [`${across}1`]: at, line: {width: 1, dash}};
}

/**
 * A plot's layout: the legend has room above the curves, so that nothing reaches the headings around. `tall`: pixels of
 * the curves alone.
 * @type {(series: {name: string}[], how: Record<string, any>, colors: Record<string, string>) => Record<string, any>}
 */
function layoutOf(series, {width, tall, x = {}, y = {}, shapes = [], ...more}, colors) {
  const l = y.title ? 66 : 52, t = 12 + ROW * legendRows(series.map(s => s.name), width - l - 10);
  const margin = {l, r: 10, t, b: x.showticklabels === false ? 10 : 44}, color = colors.line;
  const axis = (/** @type {any} */ a) => ({gridcolor: color, zerolinecolor: color, linecolor: color, ...a,
    title: {text: a.title || '', standoff: 5, font: {size: FONT}}});
  return {
    width, height: tall + margin.t + margin.b, margin, showlegend: true,
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {color: colors.text, size: FONT, family: 'system-ui, sans-serif'},
    legend: {orientation: 'h', y: 1, yanchor: 'bottom', x: 0}, hoverlabel: {bgcolor: colors.ground},
    shapes: shapes.map((/** @type {any} */ s) => ({...s, line: {color: colors.text, ...s.line}})),
    xaxis: axis(x), yaxis: axis(y), ...more,
  };
}

/** Let two plots, drawn already, stand over one x axis: who zooms one zooms the other. */
function shareX(/** @type {any} */ one, /** @type {any} */ other) {
  for (const [from, to] of [[one, other], [other, one]]) {
    from.on('plotly_relayout', () => {
      const {range, autorange} = from.layout.xaxis;
      if (`${range}` === `${to.layout.xaxis.range}`) return;
      P.relayout(to, autorange ? {'xaxis.autorange': true} : {'xaxis.range': [...range]});
    });
  }
}

/**
 * Draw a plot, or draw it anew; not while it has no width, as in a hidden tab. `series`: plotly's traces; each has the
 * color number `meta.hue`, or that of its place. `how`: as for `layoutOf`.
 * @type {(host: HTMLElement, series: any[], how: Record<string, any>) => void}
 */
function plot(host, series, how) {
  if (!P || !host.clientWidth) return;
  const style = getComputedStyle(host), color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const colors = {text: color('--body-text-color'), line: color('--border-color-primary'),
    ground: color('--block-background-fill')};
  const layout = layoutOf(series, {...how, width: host.clientWidth}, colors);
  host.style.height = `${layout.height}px`;
  const colored = series.map((trace, i) => {
    const own = {color: COLORS[(trace.meta?.hue ?? i) % 6]};
    return {...trace, line: {...trace.line, ...own}, marker: {...trace.marker, ...own}};
  });
  P.react(host, colored, layout, {displayModeBar: false});
}
