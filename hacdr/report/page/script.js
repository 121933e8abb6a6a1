'use strict';

const lesions = JSON.parse(document.getElementById('lesions').textContent);
const colours = lesions.colours.map(hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16)));
const sources = [...document.querySelectorAll('script.photograph')];
const switches = [...document.querySelectorAll('.switch')];
const sliders = [...document.querySelectorAll('.slider')];
const marks = document.getElementById('marks');
const large = document.getElementById('large');
const canvas = document.getElementById('photograph');
const context = canvas.getContext('2d', {willReadFrequently: true});
const body = document.querySelector('#list tbody');
const more = document.getElementById('more');
// As many photographs are listed at first.
const FIRST = 10;
// Components of fewer pixels get a sign beside their pattern.
const SMALL = 60;
const HIT = 1, MISSED = 2, FALSE = 3;
let all = body.rows.length <= FIRST;
let shown = null;

// --- the list ---------------------------------------------------------------------

function list() {
  [...body.rows].forEach((row, i) => { row.hidden = !all && i >= FIRST; });
  more.hidden = all;
}

function sort(button) {
  const column = Number(button.dataset.column);
  const header = button.parentElement;
  const rising = header.getAttribute('aria-sort') !== 'ascending';
  document.querySelectorAll('#list [aria-sort]').forEach(one => one.setAttribute('aria-sort', 'none'));
  header.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
  const value = row => row.cells[column].dataset.value;
  const order = column === 0
    ? (a, b) => value(a).localeCompare(value(b), 'en', {numeric: true})
    : (a, b) => value(a) - value(b);
  const rows = [...body.rows];
  // What is not defined stays at the end either way.
  const defined = rows.filter(row => value(row) !== '');
  defined.sort((a, b) => (rising ? 1 : -1) * order(a, b));
  body.append(...defined, ...rows.filter(row => value(row) === ''));
  list();
}

// --- one photograph ---------------------------------------------------------------

function load(uri) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error('an image cannot be decoded'));
    image.src = uri;
  });
}

function pixels(image, width, height) {
  const hidden = document.createElement('canvas');
  hidden.width = width;
  hidden.height = height;
  const drawing = hidden.getContext('2d', {willReadFrequently: true});
  drawing.drawImage(image, 0, 0);
  return drawing.getImageData(0, 0, width, height).data;
}

function grey(image, width, height) {
  const data = pixels(image, width, height);
  return Uint8Array.from({length: width * height}, (_, i) => data[4 * i]);
}

async function open(row) {
  const source = JSON.parse(sources[row.dataset.index].textContent);
  body.querySelectorAll('[aria-current]').forEach(one => one.removeAttribute('aria-current'));
  row.setAttribute('aria-current', 'true');
  const {width, height} = source;
  const images = await Promise.all([source.photograph, source.ground_truth, ...source.planes].map(load));
  if (!row.hasAttribute('aria-current')) return;
  const [photograph, groundTruth, ...planes] = images;
  shown = {
    width, height,
    photograph: pixels(photograph, width, height),
    groundTruth: grey(groundTruth, width, height),
    planes: planes.map(plane => grey(plane, width, height)),
  };
  document.getElementById('shown').textContent = source.name;
  canvas.width = width;
  canvas.height = height;
  draw();
}

function step(by) {
  const rows = [...body.rows].filter(row => !row.hidden);
  const at = rows.findIndex(row => row.hasAttribute('aria-current'));
  // From a row that is not listed, next is the first and previous the last.
  const from = at < 0 && by < 0 ? 0 : at;
  open(rows[(from + by + rows.length) % rows.length]);
}

// --- the overlay ------------------------------------------------------------------

function draw() {
  if (!shown) return;
  const {width, height} = shown;
  const painted = new ImageData(new Uint8ClampedArray(shown.photograph), width, height);
  const signs = [];
  switches.forEach((box, k) => {
    const threshold = Number(sliders[k].value);
    document.getElementById(`at${k}`).textContent = (threshold / 255).toFixed(3);
    const state = compare(k, threshold);
    const found = components(state);
    document.getElementById(`found${k}`).textContent =
      `${found.hit} of ${found.lesions} found, ${found.wrong} false`;
    if (!marks.checked || !box.checked) return;
    paint(painted.data, state, colours[k]);
    signs.push([k, found.signs]);
  });
  context.putImageData(painted, 0, 0);
  signs.forEach(([k, list]) => list.forEach(sign => write(lesions.colours[k], ...sign)));
  canvas.setAttribute('aria-label', `${document.getElementById('shown').textContent}: `
    + lesions.names.map((name, k) => `${name} ${document.getElementById(`found${k}`).textContent}`).join('; '));
}

function compare(k, threshold) {
  const plane = shown.planes[k];
  const state = new Uint8Array(plane.length);
  for (let i = 0; i < plane.length; i++) {
    if (shown.groundTruth[i] & lesions.ignored_bit) continue;
    const there = shown.groundTruth[i] >> k & 1;
    if (plane[i] >= threshold) state[i] = there ? HIT : FALSE;
    else if (there) state[i] = MISSED;
  }
  return state;
}

function paint(data, state, colour) {
  const {width} = shown;
  for (let i = 0; i < state.length; i++) {
    if (!state[i]) continue;
    const x = i % width, y = (i - x) / width;
    let share = 0;
    if (state[i] === HIT) share = .6;
    else if (state[i] === MISSED) share = (x + y) % 5 < 2 ? 1 : 0;
    else share = x % 4 < 2 && y % 4 < 2 ? 1 : 0;
    for (let c = 0; c < 3; c++) data[4 * i + c] += share * (colour[c] - data[4 * i + c]);
  }
}

// Lesions and those of them that are found; findings that are false, as in the tables.
function components(state) {
  const result = {lesions: 0, hit: 0, wrong: 0, signs: []};
  for (const [wanted, other, sign] of [[MISSED, FALSE, '○'], [FALSE, MISSED, '×']]) {
    const seen = new Uint8Array(state.length);
    for (let i = 0; i < state.length; i++) {
      if (!state[i] || state[i] === other || seen[i]) continue;
      const one = flood(i, state, other, seen);
      if (wanted === MISSED) {
        result.lesions += 1;
        if (one.hit) result.hit += 1;
      } else if (!one.hit) {
        result.wrong += 1;
      }
      if (!one.hit && one.size < SMALL) result.signs.push([sign, one.x, one.y]);
    }
  }
  return result;
}

// The component (8 neighbours) at a pixel, all states but one being part of it.
function flood(start, state, other, seen) {
  const {width, height} = shown;
  const waiting = [start];
  const one = {size: 0, x: 0, y: 0, hits: 0};
  seen[start] = 1;
  while (waiting.length) {
    const i = waiting.pop();
    const x = i % width, y = (i - x) / width;
    one.size += 1;
    one.x += x;
    one.y += y;
    if (state[i] === HIT) one.hits += 1;
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const j = v * width + u;
        if (state[j] && state[j] !== other && !seen[j]) {
          seen[j] = 1;
          waiting.push(j);
        }
      }
    }
  }
  one.hit = one.hits >= lesions.overlap * one.size;
  one.x /= one.size;
  one.y /= one.size;
  return one;
}

function write(colour, sign, x, y) {
  context.beginPath();
  if (sign === '○') {
    context.arc(x + .5, y + .5, 7, 0, 2 * Math.PI);
  } else {
    for (const by of [-1, 1]) {
      context.moveTo(x - 5, y - 5 * by);
      context.lineTo(x + 6, y + 6 * by);
    }
  }
  context.lineWidth = 3;
  context.strokeStyle = '#000b';
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.stroke();
}

// --- wiring -----------------------------------------------------------------------

document.querySelectorAll('#list thead button').forEach(button =>
  button.addEventListener('click', () => sort(button)));
body.addEventListener('click', event => {
  if (!event.target.matches('.open')) return;
  open(event.target.closest('tr')).then(() => document.getElementById('shown').focus());
});
more.addEventListener('click', () => { all = true; list(); });
document.getElementById('previous').addEventListener('click', () => step(-1));
document.getElementById('next').addEventListener('click', () => step(1));
[...switches, ...sliders, marks].forEach(control => control.addEventListener('input', draw));
large.addEventListener('input', () => canvas.classList.toggle('large', large.checked));
list();
open(body.rows[0]);
