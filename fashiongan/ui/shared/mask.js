// @ts-check
// A brush, and what Colorize and Sample correct a mask with: mask.html's canvas over the picture, white on black, which
// a filter there tints. Nothing of it is kept here.

/** Let a pointer draw on a canvas, as `how` says at each stroke. `moved` is called after each part of one. */
function brush(/** @type {any} */ surface, /** @type {() => object} */ how, moved = () => {}) {
  const pen = surface.getContext('2d');
  const line = (/** @type {PointerEvent} */ e, back = 0) => {
    const [x, y] = place(e, surface);
    pen.lineTo(x * surface.width - back, y * surface.height);
  };
  const stroke = (/** @type {PointerEvent} */ e) => { line(e); pen.stroke(); moved(); };
  drag(surface, stroke, e => {
    Object.assign(pen, {lineCap: 'round', lineJoin: 'round', ...how()});
    pen.beginPath();
    line(e, 0.01);  // not nothing: a touch is a dot
    stroke(e);
  });
}

/**
 * Let a mask be corrected in `fold`. `corrected` gets it after each stroke as a PNG's data URL, or "all" for all of the
 * picture, or "" for the mask that was found. Returns a function that shows a mask over a picture, unless one is being
 * painted or `still()` is not so.
 * @type {(fold: any, corrected: (mask: string) => void) => (see: any, still?: () => boolean) => Promise<boolean>}
 */
function maskEditor(fold, corrected) {
  const view = fold.querySelector('.masked'), pen = view.getContext('2d');
  let remove = false, painting = false;
  brush(view, () => {
    painting = true;
    const share = fold.querySelector('input').value / 100;
    return {strokeStyle: remove ? '#000' : '#fff', lineWidth: share * Math.max(view.width, view.height)};
  });
  view.addEventListener('lostpointercapture', () => {
    painting = false;
    corrected(view.toDataURL('image/png'));
  });
  fold.addEventListener('click', (/** @type {any} */ e) => {
    const what = e.target.dataset.mask;
    if (what === 'add' || what === 'remove') {
      remove = what === 'remove';
      press(fold.querySelectorAll('[aria-pressed]'), b => b.dataset.mask === what);
    } else if (what) corrected(what === 'all' ? what : '');
  });
  return async ({mask: src, picture, shape}, still = () => true) => {
    const mask = set(new Image(), {src});
    await mask.decode();
    if (painting || !still()) return false;
    [view.width, view.height] = shape;
    pen.drawImage(mask, 0, 0);
    view.parentElement.style.backgroundImage = `url(${picture})`;
    return true;
  };
}
