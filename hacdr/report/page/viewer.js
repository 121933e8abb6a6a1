'use strict';

// The viewer: one photograph, and its lesions at the thresholds that sliders choose. The
// script of the page calls show() and has a function step(by) for the next photograph.

const lesions = JSON.parse(document.getElementById('lesions').textContent);
const viewer = document.querySelector('.viewer');
const switches = [...viewer.querySelectorAll('.switch')];
const sliders = [...viewer.querySelectorAll('.slider')];
const marks = document.getElementById('marks');
const green = document.getElementById('green');
const frame = document.getElementById('frame');
const trouble = document.getElementById('trouble');
const canvas = document.getElementById('photograph');
const context = canvas.getContext('2d');
// Within a dialog nothing scrolls that the wheel could be meant for.
const alone = viewer.closest('dialog') !== null;
// Components of fewer pixels get a sign beside their pattern.
const SMALL = 60;
const LARGEST_ZOOM = 16;
const HIT = 1, MISSED = 2, FALSE = 3;
// The photograph's top left corner in the frame and the size of its pixels, in the
// pixels of the page.
const view = {x: 0, y: 0, scale: 1};
let shown = null;
let turn = 0;

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

// Browsers that guard against being recognised may falsify what a page reads of an image.
function readsTruly() {
  const probe = document.createElement('canvas');
  probe.width = 256;
  probe.height = 1;
  const drawing = probe.getContext('2d', {willReadFrequently: true});
  for (let i = 0; i < 256; i++) {
    drawing.fillStyle = `rgb(${i} ${i} ${i})`;
    drawing.fillRect(i, 0, 1, 1);
  }
  const {data} = drawing.getImageData(0, 0, 256, 1);
  // Some change a value by one, which does not matter here.
  return data.every((value, i) => i % 4 === 3 || Math.abs(value - (i >> 2)) <= 1);
}

// Show a photograph once its layers, which may be promised, are there and decoded;
// nothing, if another was asked for meanwhile. A table's numbers stand beside the counts.
async function show(name, promised, tabled = null) {
  const mine = ++turn;
  document.getElementById('shown').textContent = name;
  try {
    const layers = await promised;
    if (!readsTruly()) {
      throw new Error('This browser falsifies what a page reads of images, which protects '
        + 'against fingerprinting: allow this page to read canvases, or use another browser.');
    }
    const {width, height} = layers;
    const compared = layers.ground_truth !== undefined;
    const [photograph, ...maps] = await Promise.all(
      [layers.photograph, ...layers.planes, ...compared ? [layers.ground_truth] : []].map(load));
    if (mine !== turn) return;
    const planes = maps.map(map => grey(map, width, height));
    const groundTruth = compared ? planes.pop() : null;
    shown = {name, width, height, photograph, green: null, planes, groundTruth, tabled, marks: []};
    trouble.hidden = true;
  } catch (error) {
    if (mine !== turn) return;
    shown = null;
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
  frame.style.aspectRatio = shown ? `${shown.width} / ${shown.height}` : '';
  switches.forEach((_, k) => find(k));
  fit();
  draw();
}

// --- lesions ----------------------------------------------------------------------

// Find the lesions of one kind: what is told of them, and how they are marked.
function find(k) {
  const threshold = Number(sliders[k].value);
  const found = document.getElementById(`found${k}`);
  document.getElementById(`at${k}`).textContent = (threshold / 255).toFixed(3);
  found.textContent = '';
  if (!shown) return;
  const state = compare(k, threshold);
  const {lesions: drawn, hit, wrong, signs} = components(state);
  if (shown.groundTruth) {
    found.textContent = `${hit} of ${drawn} found, ${wrong} false`;
    shown.marks[k] = {signs, areas: [HIT, MISSED, FALSE].map(wanted => [wanted, area(state, wanted)])};
  } else {
    found.textContent = `${wrong} here; table: ${shown.tabled[k]}`;
    shown.marks[k] = {lines: outline(shown.planes[k], threshold)};
  }
}

function compare(k, threshold) {
  const {groundTruth} = shown;
  const plane = shown.planes[k];
  const state = new Uint8Array(plane.length);
  for (let i = 0; i < plane.length; i++) {
    const there = groundTruth ? groundTruth[i] : 0;
    if (there & lesions.ignored_bit) continue;
    if (plane[i] >= threshold) state[i] = there >> k & 1 ? HIT : FALSE;
    else if (there >> k & 1) state[i] = MISSED;
  }
  return state;
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
  one.hit = one.hits > 0 && one.hits >= lesions.overlap * one.size;
  one.x /= one.size;
  one.y /= one.size;
  return one;
}

// The pixels of one state, as rows of them.
function area(state, wanted) {
  const {width} = shown;
  const path = new Path2D();
  for (let i = 0; i < state.length; i++) {
    if (state[i] !== wanted) continue;
    const start = i, x = i % width;
    while (state[i + 1] === wanted && (i + 1) % width) i++;
    path.rect(x, (start - x) / width, i + 1 - start, 1);
  }
  return path;
}

// From which side of a square to which its line runs (0 top, 1 right, 2 bottom, 3 left),
// by which of its corners are inside (1 top left, 2 top right, 4 bottom right, 8 bottom
// left), these to the left hand. Corners that meet across the square belong together,
// as 8 neighbours do.
const SIDES = [
  [], [3, 0], [0, 1], [3, 1], [1, 2], [1, 0, 3, 2], [0, 2], [3, 2],
  [2, 3], [2, 0], [0, 3, 2, 1], [2, 1], [1, 3], [1, 0], [0, 3], [],
];

// The lines along which a plane reaches a threshold, through the squares between the
// centres of the pixels (marching squares), each with the box it is in. They are closed:
// outside all is 0.
function outline(plane, threshold) {
  const {width, height} = shown;
  const level = threshold - .5;
  const value = (x, y) => x < 0 || y < 0 || x >= width || y >= height ? 0 : plane[y * width + x];
  // A side's number: even for the top of a square, odd for its left.
  const number = (x, y, side) =>
    2 * ((y + 1 + (side === 2)) * (width + 2) + x + 1 + (side === 1)) + side % 2;
  const after = new Map();
  for (let y = -1; y < height; y++) {
    let b = 0, c = 0;
    for (let x = -1; x < width; x++) {
      const a = b, d = c;
      b = value(x + 1, y);
      c = value(x + 1, y + 1);
      const sides = SIDES[(a > level) | (b > level) << 1 | (c > level) << 2 | (d > level) << 3];
      for (let i = 0; i < sides.length; i += 2) {
        after.set(number(x, y, sides[i]), number(x, y, sides[i + 1]));
      }
    }
  }
  const lines = [];
  for (const [start] of after) {
    const line = {path: new Path2D(), left: width, top: height, right: 0, bottom: 0};
    let side = start;
    while (after.has(side)) {
      const place = side >> 1;
      const x = place % (width + 2) - 1, y = Math.floor(place / (width + 2)) - 1;
      const here = value(x, y), there = side % 2 ? value(x, y + 1) : value(x + 1, y);
      const part = (level - here) / (there - here);
      const u = x + .5 + (side % 2 ? 0 : part), v = y + .5 + (side % 2 ? part : 0);
      if (side === start) line.path.moveTo(u, v);
      else line.path.lineTo(u, v);
      line.left = Math.min(line.left, u);
      line.right = Math.max(line.right, u);
      line.top = Math.min(line.top, v);
      line.bottom = Math.max(line.bottom, v);
      const next = after.get(side);
      after.delete(side);
      side = next;
    }
    line.path.closePath();
    lines.push(line);
  }
  return lines;
}

// --- drawing ----------------------------------------------------------------------

function draw() {
  const ratio = Math.min(2, devicePixelRatio);
  canvas.width = Math.round(frame.clientWidth * ratio);
  canvas.height = Math.round(frame.clientHeight * ratio);
  document.getElementById('zoom').textContent = shown ? `${Math.round(100 * view.scale)} %` : '';
  if (!shown) return;
  const scale = ratio * view.scale;
  context.imageSmoothingQuality = 'high';
  context.setTransform(scale, 0, 0, scale, ratio * view.x, ratio * view.y);
  context.drawImage(green.checked ? greenChannel() : shown.photograph, 0, 0);
  switches.forEach((box, k) => {
    if (!marks.checked || !box.checked) return;
    const {lines, areas, signs} = shown.marks[k];
    const {colour} = lesions.each[k];
    if (lines) {
      stroke(lines.filter(inSight).map(line => line.path), colour);
    } else {
      areas.forEach(([state, area]) => fill(area, state, colour, ratio));
      stroke(signs.map(sign => draught(...sign)), colour);
    }
  });
  canvas.setAttribute('aria-label', `${shown.name}: `
    + lesions.each.map(({name}, k) => `${name} ${document.getElementById(`found${k}`).textContent}`).join('; '));
}

function inSight({left, top, right, bottom}) {
  const {x, y, scale} = view;
  return x + scale * right >= 0 && x + scale * left <= frame.clientWidth
    && y + scale * bottom >= 0 && y + scale * top <= frame.clientHeight;
}

// Lines with a halo, as wide on the screen at any zoom.
function stroke(paths, colour) {
  context.lineJoin = 'bevel';
  for (const [style, width] of [['#000b', 3.5], [colour, 1.75]]) {
    context.strokeStyle = style;
    context.lineWidth = width / view.scale;
    paths.forEach(path => context.stroke(path));
  }
}

function draught(sign, x, y) {
  const path = new Path2D();
  const pixel = 1 / view.scale;
  if (sign === '○') {
    path.arc(x + .5, y + .5, 7 * pixel, 0, 2 * Math.PI);
  } else {
    for (const by of [-5 * pixel, 5 * pixel]) {
      path.moveTo(x + .5 - 5 * pixel, y + .5 - by);
      path.lineTo(x + .5 + 5 * pixel, y + .5 + by);
    }
  }
  return path;
}

// Hits are filled; what is missed is hatched, and what is false dotted, on the screen
// alike at any zoom.
function fill(path, state, colour, ratio) {
  context.fillStyle = colour;
  context.globalAlpha = state === HIT ? .6 : 1;
  if (state !== HIT) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const drawing = tile.getContext('2d');
    drawing.strokeStyle = drawing.fillStyle = colour;
    if (state === MISSED) {
      drawing.lineWidth = 2;
      drawing.stroke(new Path2D('M-3 3 3-3M-3 9 9-3M3 9 9 3'));
    } else {
      drawing.fillRect(1, 1, 3, 3);
    }
    const pattern = context.createPattern(tile, 'repeat');
    pattern.setTransform(context.getTransform().inverse().scale(ratio));
    context.fillStyle = pattern;
  }
  context.fill(path);
  context.globalAlpha = 1;
}

function greenChannel() {
  if (!shown.green) {
    const {width, height, photograph} = shown;
    const data = pixels(photograph, width, height);
    for (let i = 0; i < data.length; i += 4) data[i] = data[i + 2] = data[i + 1];
    shown.green = document.createElement('canvas');
    shown.green.width = width;
    shown.green.height = height;
    shown.green.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
  }
  return shown.green;
}

// --- zoom -------------------------------------------------------------------------

function smallestZoom() {
  return Math.min(frame.clientWidth / shown.width, frame.clientHeight / shown.height);
}

function fit() {
  if (shown) view.scale = smallestZoom();
  place();
}

function isFitted() {
  return !shown || view.scale <= smallestZoom() * 1.001;
}

// Zoom so that what lies at a point of the frame stays there.
function zoom(factor, x = frame.clientWidth / 2, y = frame.clientHeight / 2) {
  if (!shown) return;
  const least = smallestZoom();
  const scale = Math.max(least, Math.min(Math.max(LARGEST_ZOOM, 4 * least), factor * view.scale));
  view.x = x + (view.x - x) * scale / view.scale;
  view.y = y + (view.y - y) * scale / view.scale;
  view.scale = scale;
  place();
}

function pan(x, y) {
  view.x += x;
  view.y += y;
  place();
}

let placed = false;

// Keep the photograph in the frame, and draw it with the screen's next image.
function place() {
  if (shown) {
    for (const [at, room, size] of [['x', frame.clientWidth, shown.width], ['y', frame.clientHeight, shown.height]]) {
      const spare = room - size * view.scale;
      view[at] = spare > 0 ? spare / 2 : Math.max(spare, Math.min(0, view[at]));
    }
  }
  frame.classList.toggle('zoomed', !isFitted());
  if (placed) return;
  placed = true;
  requestAnimationFrame(() => {
    placed = false;
    draw();
  });
}

// --- wiring -----------------------------------------------------------------------

const pointers = new Map();

function middle() {
  const [a, b = a] = pointers.values();
  return {x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y)};
}

function inFrame(event) {
  const box = frame.getBoundingClientRect();
  return {x: event.clientX - box.left - frame.clientLeft, y: event.clientY - box.top - frame.clientTop};
}

frame.addEventListener('pointerdown', event => {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, inFrame(event));
  frame.setPointerCapture(event.pointerId);
});
frame.addEventListener('pointermove', event => {
  if (!pointers.has(event.pointerId)) return;
  const before = middle();
  pointers.set(event.pointerId, inFrame(event));
  const now = middle();
  if (before.apart && now.apart) zoom(now.apart / before.apart, before.x, before.y);
  pan(now.x - before.x, now.y - before.y);
});
for (const kind of ['pointerup', 'pointercancel']) {
  frame.addEventListener(kind, event => pointers.delete(event.pointerId));
}
frame.addEventListener('wheel', event => {
  if (!alone && !event.ctrlKey) return;
  event.preventDefault();
  const {x, y} = inFrame(event);
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 16 : 1) / 400), x, y);
}, {passive: false});
frame.addEventListener('dblclick', event => {
  const {x, y} = inFrame(event);
  if (isFitted()) zoom(4, x, y);
  else fit();
});
new ResizeObserver(() => {
  // Whether it was fitted to the frame as that was.
  if (frame.classList.contains('zoomed')) zoom(1);
  else fit();
}).observe(frame);

function toggle(box) {
  box.checked = !box.checked;
  draw();
}

function reset() {
  sliders.forEach((slider, k) => {
    slider.value = slider.defaultValue;
    find(k);
  });
  draw();
}

const KEYS = {
  p: () => step(-1),
  n: () => step(1),
  '+': () => zoom(1.5),
  '=': () => zoom(1.5),
  '-': () => zoom(1 / 1.5),
  0: fit,
  m: () => toggle(marks),
  g: () => toggle(green),
  r: reset,
};
const ARROWS = {ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};

viewer.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  const box = switches[Number(event.key) - 1];
  if (arrow) {
    if (event.target.matches('.slider')) return;
    if (!isFitted()) pan(60 * arrow[0], 60 * arrow[1]);
    else if (arrow[0]) step(-arrow[0]);
    else return;
  } else if (KEYS[event.key]) KEYS[event.key]();
  else if (box) toggle(box);
  else return;
  event.preventDefault();
});
document.getElementById('previous').addEventListener('click', () => step(-1));
document.getElementById('next').addEventListener('click', () => step(1));
document.getElementById('closer').addEventListener('click', () => zoom(1.5));
document.getElementById('farther').addEventListener('click', () => zoom(1 / 1.5));
document.getElementById('fit').addEventListener('click', fit);
document.getElementById('reset').addEventListener('click', reset);
[...switches, marks, green].forEach(box => box.addEventListener('input', draw));
sliders.forEach((slider, k) => slider.addEventListener('input', () => {
  find(k);
  draw();
}));
