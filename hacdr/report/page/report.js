// The report's photographs: a table that sorts, with the layers in the page itself.

const sources = [...document.querySelectorAll('script.photograph')];
const body = document.querySelector('#list tbody');
const more = document.getElementById('more');
// As many photographs are listed at first.
const FIRST = 10;
let all = body.rows.length <= FIRST;

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

function open(row) {
  body.querySelectorAll('[aria-current]').forEach(one => one.removeAttribute('aria-current'));
  row.setAttribute('aria-current', 'true');
  const {name, ...layers} = JSON.parse(sources[row.dataset.index].textContent);
  return show(name, layers);
}

function step(by) {
  const rows = [...body.rows].filter(row => !row.hidden);
  const at = rows.findIndex(row => row.hasAttribute('aria-current'));
  // From a row that is not listed, next is the first and previous the last.
  const from = at < 0 && by < 0 ? 0 : at;
  open(rows[(from + by + rows.length) % rows.length]);
}

document.querySelectorAll('#list thead button').forEach(button =>
  button.addEventListener('click', () => sort(button)));
body.addEventListener('click', event => {
  if (!event.target.matches('.open')) return;
  open(event.target.closest('tr')).then(() => document.getElementById('shown').focus());
});
more.addEventListener('click', () => { all = true; list(); });
list();
open(body.rows[0]);
