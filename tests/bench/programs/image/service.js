// A service: objects and buffers that fill and stay, and the garbage of its requests.
//   node service.js HEAP_MIB BUFFERS_MIB SECONDS MIB_A_SECOND
//   node service.js leak MIB_A_MINUTE      buffers that are never given back, in even steps
const MIB = 1024 * 1024;
const PIECE = 16 * 1024;
const heap = [];
const buffers = [];
let garbage = null;

// Small objects, as parsed requests are: about PIECE bytes of them.
function objects(number) {
  const rows = new Array(PIECE / 64);
  for (let at = 0; at < rows.length; at++) rows[at] = { id: number + at, value: at * 1.5, next: null };
  return rows;
}

function take(kept, size, made) {
  while (kept.length * PIECE < size) kept.push(made(kept.length));
}

const buffer = () => Buffer.alloc(PIECE, 1);
const [first, ...rest] = process.argv.slice(2);
const begin = Date.now();
const age = () => (Date.now() - begin) / 1000;

if (first === "leak") {
  const rate = (Number(rest[0]) * MIB) / 60;
  setInterval(() => take(buffers, rate * age(), buffer), 500);
} else {
  const [live, outside, seconds, churn] = [first, ...rest].map(Number);
  setInterval(() => {
    const share = Math.min(1, age() / seconds);
    take(heap, live * MIB * share, objects);
    take(buffers, outside * MIB * share, buffer);
    for (let size = 0; size < (churn * MIB) / 10; size += PIECE) garbage = objects(size);
  }, 100);
}
