// The gallery: a card an image, and the viewer over them, which loads what it shows of
// an image from a file beside the page.

const images = JSON.parse(document.getElementById('images').textContent);
const dialog = document.querySelector('dialog');
const grid = document.getElementById('grid');
const order = document.getElementById('order');
const search = document.getElementById('search');
const warned = document.getElementById('warned');
const more = document.getElementById('more');
// So many cards are laid out at once: thousands would take seconds.
const PART = 120;
const cards = [];
let listed = [];
let laid = 0;
// Whether the page itself put the address of the image in the history.
let followed = false;
// Whether the viewer was closed by an address without an image.
let left = false;

// --- the cards --------------------------------------------------------------------

function card(image) {
  const item = document.getElementById('card').content.cloneNode(true).firstElementChild;
  item.querySelector('a').href = `#${image.url}`;
  item.querySelector('img').src = `viewer/${image.url}.jpg`;
  item.querySelector('.name').textContent = image.name;
  item.querySelectorAll('.number').forEach((one, k) => { one.textContent = image.numbers[k]; });
  item.querySelector('.amount').textContent = `${percent(total(image))} of the field of view`;
  const warnings = item.querySelector('.warnings');
  warnings.replaceChildren(...paragraphs(image.warnings));
  return item;
}

function paragraphs(texts) {
  return texts.map(text => {
    const one = document.createElement('p');
    one.textContent = text;
    return one;
  });
}

function percent(share) {
  return `${(100 * share).toFixed(share && share < .001 ? 3 : 2)} %`;
}

function total(image) {
  return image.shares.reduce((sum, share) => sum + share, 0);
}

const names = new Intl.Collator('en', {numeric: true});

function byName(a, b) {
  return names.compare(images[a].name, images[b].name);
}

// What the images are sorted by, the largest first.
function key(image) {
  const [what, k] = order.value.split(' ');
  if (what === 'warnings') return image.warnings.length;
  if (what === 'name') return 0;
  return k === undefined ? total(image) : image[what][k];
}

function list() {
  const keys = images.map(key);
  const wanted = search.value.toLowerCase();
  listed = [...images.keys()]
    .filter(i => (!warned.checked || images[i].warnings.length)
      && images[i].name.toLowerCase().includes(wanted))
    .sort((a, b) => keys[b] - keys[a] || byName(a, b));
  document.getElementById('listed').textContent = `${listed.length} of ${images.length} listed`;
  grid.replaceChildren();
  laid = 0;
  layOut(PART);
}

// Lay out the cards of as many of the images that are listed.
function layOut(number) {
  const added = listed.slice(laid, number);
  added.forEach(i => { cards[i] = cards[i] || card(images[i]); });
  grid.append(...added.map(i => cards[i]));
  laid += added.length;
  more.hidden = laid === listed.length;
}

// --- the viewer -------------------------------------------------------------------

const waiting = new Map();

// The file of an image calls this.
function receiveLayers(layers) {
  waiting.get(document.currentScript)(layers);
}

function loadLayers(image) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const end = () => {
      waiting.delete(script);
      script.remove();
      // Of no effect where the layers came.
      reject(new Error(`viewer/${image.output}.js cannot be loaded: is it beside the page, and whole?`));
    };
    script.onload = script.onerror = end;
    waiting.set(script, resolve);
    script.src = `viewer/${image.url}.js`;
    document.head.append(script);
  });
}

function current() {
  return images.findIndex(image => location.hash === `#${image.url}`);
}

// The image that the address names is in the viewer; without one there is none.
function route() {
  const at = current();
  document.body.classList.toggle('viewing', at >= 0);
  if (at < 0) {
    left = dialog.open;
    dialog.close();
    return;
  }
  const image = images[at];
  const facts = document.getElementById('facts');
  facts.replaceChildren(...paragraphs([...image.warnings, ...image.notes, image.size]));
  [...facts.children].slice(0, image.warnings.length).forEach(one => one.classList.add('warning'));
  if (!dialog.open) dialog.showModal();
  show(image.name, loadLayers(image),
    image.numbers.map((number, k) => `${number}, ${percent(image.shares[k])}`));
}

function step(by) {
  const at = listed.indexOf(current());
  const from = at < 0 && by < 0 ? 0 : at;
  const next = images[listed[(from + by + listed.length) % listed.length]];
  if (next) location.replace(`#${next.url}`);
}

dialog.addEventListener('close', () => {
  // It comes late: the address may name an image again, where somebody went forward.
  if (left) {
    left = false;
    return;
  }
  const at = current();
  if (at < 0) return;
  if (followed) history.back();
  else location.replace('#');
  layOut(listed.indexOf(at) + 1);
  if (cards[at]) cards[at].querySelector('a').focus();
});

// --- wiring -----------------------------------------------------------------------

grid.addEventListener('click', event => {
  if (event.target.closest('a') && !event.ctrlKey && !event.metaKey) followed = true;
});
document.getElementById('close').addEventListener('click', () => dialog.close());
more.addEventListener('click', () => layOut(laid + PART));
new IntersectionObserver(([entry]) => {
  if (entry.isIntersecting) layOut(laid + PART);
}, {rootMargin: '1000px'}).observe(more);
order.addEventListener('change', list);
[search, warned].forEach(control => control.addEventListener('input', list));
// Back from the viewer, the last image is in sight.
history.scrollRestoration = 'manual';
addEventListener('hashchange', route);
list();
route();
