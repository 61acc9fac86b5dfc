// @ts-check
// Where the garment is in one's own picture: its mask over it, and a brush to correct it.
// What was corrected is kept in `masks` and goes with every question; the studio keeps none of it.
const maskFold = find('.mask'), maskView = find('.masked');
const maskLayer = document.createElement('canvas'), tint = document.createElement('canvas');
const maskPen = maskLayer.getContext('2d', {willReadFrequently: true}), photo = new Image();
let painting = 'add', brushed = null, maskKey = '';

function masked(one) { return one.kind === OWN && masks[one.key] ? {...one, mask: masks[one.key]} : one; }
const keyNow = () => choice().kind === OWN ? (uploads()[own] || {}).key || '' : '';

// A mask to be corrected must stay there, also where it was refused.
function refusedMask() { maskFold.hidden = !(masks[keyNow()] && keyNow() === maskKey); }

async function showMask(found) {
  const key = keyNow();
  maskFold.hidden = !key || !found.mask;
  if (maskFold.hidden) { maskKey = ''; return; }
  const [wide, high] = found.shape, alpha = new Image();
  alpha.src = found.mask;
  photo.src = found.before;
  await Promise.all([alpha.decode(), photo.decode()]);
  if (key !== keyNow() || brushed) return;
  maskKey = key;
  for (const c of [maskView, maskLayer, tint]) Object.assign(c, {width: wide, height: high});
  maskPen.drawImage(alpha, 0, 0);
  const data = maskPen.getImageData(0, 0, wide, high);
  for (let i = 0; i < data.data.length; i += 4) {
    data.data[i + 3] = data.data[i];
    data.data[i] = data.data[i + 1] = data.data[i + 2] = 255;
  }
  maskPen.putImageData(data, 0, 0);
  showLayer();
}

function showLayer() {
  const over = tint.getContext('2d'), view = maskView.getContext('2d');
  over.globalCompositeOperation = 'copy';
  over.drawImage(maskLayer, 0, 0);
  over.globalCompositeOperation = 'source-in';
  over.fillStyle = '#d81b60';
  over.fillRect(0, 0, tint.width, tint.height);
  view.globalAlpha = 1;
  view.drawImage(photo, 0, 0, maskView.width, maskView.height);
  view.globalAlpha = 0.5;
  view.drawImage(tint, 0, 0);
}

function maskPlace(e) {
  const box = maskView.getBoundingClientRect();
  return [(e.clientX - box.left) / box.width * maskView.width, (e.clientY - box.top) / box.height * maskView.height];
}

function paintMask(to) {
  maskPen.globalCompositeOperation = painting === 'add' ? 'source-over' : 'destination-out';
  const wide = part('maskbrush').value / 100 * Math.max(maskView.width, maskView.height);
  Object.assign(maskPen, {lineWidth: wide, lineCap: 'round', lineJoin: 'round', strokeStyle: '#fff'});
  maskPen.beginPath();
  maskPen.moveTo(...brushed);
  maskPen.lineTo(to[0] + 0.01, to[1]);
  maskPen.stroke();
  maskPen.globalCompositeOperation = 'source-over';
  brushed = to;
  showLayer();
}

function corrected(mask) {
  if (mask) masks[maskKey] = mask; else delete masks[maskKey];
  root.dataset.corrected = Boolean(mask);
  changed();
}

maskView.addEventListener('pointerdown', e => {
  maskView.setPointerCapture(e.pointerId);
  brushed = maskPlace(e);
  paintMask(brushed);
});
maskView.addEventListener('pointermove', e => { if (brushed) paintMask(maskPlace(e)); });
maskView.addEventListener('pointerup', () => {
  if (!brushed) return;
  brushed = null;
  const flat = document.createElement('canvas');
  Object.assign(flat, {width: maskLayer.width, height: maskLayer.height});
  const flatPen = flat.getContext('2d');
  flatPen.fillRect(0, 0, flat.width, flat.height);
  flatPen.drawImage(maskLayer, 0, 0);
  corrected(flat.toDataURL('image/png'));
});
maskView.addEventListener('pointercancel', () => { brushed = null; });
root.querySelectorAll('[data-mask]').forEach(b => b.addEventListener('click', () => {
  if (b.dataset.mask === 'all') corrected('all');
  else if (b.dataset.mask === 'forget') corrected('');
  else {
    painting = b.dataset.mask;
    root.querySelectorAll('[data-mask][aria-pressed]').forEach(x => x.setAttribute('aria-pressed', x === b));
  }
}));
