// @ts-check
// Where the garment is in one's own picture, over it. What was corrected is kept in `masks` and goes with every
// question; the studio keeps none of it.
const maskFold = find('.mask');
let maskKey = '';
const seeMask = maskEditor(maskFold, mask => {
  if (mask) masks[maskKey] = mask; else delete masks[maskKey];
  changed();
});

// A mask to be corrected must stay there, also where it was refused.
function refusedMask() { maskFold.hidden = !(masks[keyNow()] && keyNow() === maskKey); }

async function showMask({mask, shape}) {
  const key = keyNow();
  maskFold.hidden = !key || !mask;
  if (maskFold.hidden) maskKey = '';
  else if (await seeMask({mask, shape, picture: part('before').src}, () => key === keyNow())) maskKey = key;
}
