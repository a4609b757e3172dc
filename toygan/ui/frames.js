// Keyframes as they travel: a JSON head, then packed arrays, little endian.
// A keyframe stays packed (10 kB) in the store; the two that are on the stage are unpacked into slots that are reused.

const GRID = 64;
const CELLS = GRID * GRID;
const textDecoder = new TextDecoder();

function readHead(bytes, at) {
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  const start = at + 4;
  return { head: JSON.parse(textDecoder.decode(bytes.subarray(start, start + length))), body: start + length };
}

/** A feed message taken apart: its runs, each with keyframes that have their own copy of their bytes, and its page. */
function splitMessage(bytes) {
  const { head, body } = readHead(bytes, 0);
  let at = body;
  const runs = head.runs.map(({ sizes, seconds, lanes, ...rest }) => {
    const frames = sizes.map((size, i) => {
      const frame = readFrame(bytes.slice(at, at + size));
      at += size;
      return Object.assign(frame, { seconds: seconds?.[i] ?? 0, lanes: lanes?.[i] ?? null });
    });
    return { ...rest, frames };
  });
  return { runs, page: head.page ?? null };
}

/** A packed keyframe with its head read: everything but the arrays. */
function readFrame(bytes) {
  const { head, body } = readHead(bytes, 0);
  const { step, metrics = {}, histogram = [], failed = null } = head;
  return { step, head, metrics, histogram, failed, bytes, body, midpoint: midpointOf(metrics) };
}

/** The critic's value halfway between real and fake, or null where it was not measured. */
function midpointOf({ real_mean: real, fake_mean: fake }) {
  return Number.isFinite(real) && Number.isFinite(fake) ? (real + fake) / 2 : null;
}

/** Room for one unpacked keyframe. */
function createSlot() {
  return {
    frame: null,
    grid: new Float32Array(CELLS),
    points: new Float32Array(0),
    mesh: new Float32Array(0),
    arrows: new Float32Array(0),
    side: 0,
  };
}

function unpackInto(slot, frame) {
  if (slot.frame === frame) return slot;
  const { head, bytes } = frame;
  const side = head.mesh ?? 0;
  slot.frame = frame;
  slot.side = side;
  slot.points = sized(slot.points, 2 * head.n);
  slot.mesh = sized(slot.mesh, 2 * side * side);
  slot.arrows = sized(slot.arrows, 2 * (head.arrows ?? 0));
  let at = unpackGrid(slot.grid, bytes, frame.body, head.lo, head.hi);
  at = unpackPoints(slot.points, bytes, at, head.box);
  at = unpackPoints(slot.mesh, bytes, at, head.box);
  unpackArrows(slot.arrows, bytes, at, head.arrow_scale);
  return slot;
}

/** The same array if it has the size already, so that playing allocates nothing. */
function sized(array, length) {
  return array.length === length ? array : new Float32Array(length);
}

/** Two 12-bit values in three bytes, linear between lo and hi; row 0 is the lowest y. */
function unpackGrid(out, bytes, at, lo, hi) {
  const scale = (hi - lo) / 4095;
  for (let i = 0; i < CELLS; i += 2, at += 3) {
    const middle = bytes[at + 1];
    out[i] = lo + (bytes[at] | ((middle & 15) << 8)) * scale;
    out[i + 1] = lo + ((middle >> 4) | (bytes[at + 2] << 4)) * scale;
  }
  return at;
}

/** Pairs of u16, linear over [-box, box]. */
function unpackPoints(out, bytes, at, box) {
  const scale = (2 * box) / 65535;
  for (let i = 0; i < out.length; i++, at += 2) {
    out[i] = (bytes[at] | (bytes[at + 1] << 8)) * scale - box;
  }
  return at;
}

function unpackArrows(out, bytes, at, longest) {
  const scale = (longest ?? 0) / 127;
  for (let i = 0; i < out.length; i++, at++) out[i] = ((bytes[at] << 24) >> 24) * scale;
}

/** Points sent once as base64 text, packed as in a keyframe. */
function unpackBase64(text, box) {
  const raw = atob(text ?? "");
  const bytes = Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  const out = new Float32Array(bytes.length >> 1);
  unpackPoints(out, bytes, 0, box);
  return out;
}
