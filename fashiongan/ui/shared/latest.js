// Questions to the server, of which only the newest counts: `ask` is called again after it has answered if somebody
// wanted that meanwhile, and never twice at once.
function latest(ask, failed) {
  let busy = false, again = false;
  return async function wanted() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await ask(() => again); } while (again);
    } catch (e) {
      failed(e);
    } finally {
      busy = false;
    }
  };
}

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

function save(blob, name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
