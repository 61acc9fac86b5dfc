// @ts-check
// Where the garment is in one's own picture: its mask, white on black, over it, and a brush to correct it. A filter in
// panel.html tints it. What was corrected is kept in `masks` and goes with every question; the studio keeps none of it.
const maskFold = find('.mask'), maskView = find('.masked');
let paint = 'add', maskKey = '', painting = false;

// A mask to be corrected must stay there, also where it was refused.
function refusedMask() { maskFold.hidden = !(masks[keyNow()] && keyNow() === maskKey); }

async function showMask({mask: url, shape}) {
  const key = keyNow(), mask = new Image();
  maskFold.hidden = !key || !url;
  if (maskFold.hidden) { maskKey = ''; return; }
  mask.src = url;
  await mask.decode();
  if (key !== keyNow() || painting) return;
  maskKey = key;
  [maskView.width, maskView.height] = shape;
  maskView.getContext('2d').drawImage(mask, 0, 0);
  part('photo').style.backgroundImage = `url(${part('before').src})`;
}

function corrected(mask) {
  if (mask) masks[maskKey] = mask; else delete masks[maskKey];
}

function chooseMask(what) {
  if (what === 'add' || what === 'remove') paint = what;
  else corrected(what === 'all' ? what : '');
}

brush(maskView, () => {
  painting = true;
  const lineWidth = part('maskbrush').value / 100 * Math.max(maskView.width, maskView.height);
  return {strokeStyle: paint === 'add' ? '#fff' : '#000', lineWidth};
});
maskView.addEventListener('lostpointercapture', () => {
  painting = false;
  corrected(maskView.toDataURL('image/png'));
  changed();
});
