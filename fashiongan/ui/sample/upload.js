// @ts-check
// Of the fold "Start from my picture": the mask over the picture. Corrected, it goes to the studio, which starts again.
const fold = /** @type {any} */ (element.querySelector('.mask'));
const see = maskEditor(fold, mask => trigger('submit', {mask}));
watch('value', () => {
  fold.hidden = !props.value;
  if (props.value) see(props.value);
});
