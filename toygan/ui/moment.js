// The moment between two keyframes: same index, same latent, so a straight line between them is a motion.

const BLENDED = ["points", "mesh", "arrows"];

function createMoment() {
  const none = new Float32Array(0);
  const field = new Float32Array(CELLS);
  return { field, points: none, mesh: none, arrows: none, side: 0, neutral: 0, reach: 1, low: 0, high: 0 };
}

class Blender {
  constructor() {
    this.near = createSlot(); // the keyframe at or before the position
    this.far = createSlot(); // the one after it
    this.moment = createMoment();
  }

  /** What is unpacked is not what the next keyframes will be read as: another run, or another neutral value. */
  forget() {
    this.near.frame = this.far.frame = null;
  }

  /** The moment at a position in keyframes; `kind` says where the critic is neutral, "zero" or "midpoint". */
  at(frames, position, kind) {
    const index = Math.min(frames.length - 1, Math.floor(position));
    const share = position - index;
    const [frame, next] = [frames[index], frames[index + 1]];
    if (this.far.frame === frame) [this.near, this.far] = [this.far, this.near];
    this.load(this.near, frame, kind);
    if (share > 0 && next) this.load(this.far, next, kind);
    const { near, moment } = this;
    const far = share > 0 && next ? this.far : near;
    for (const name of BLENDED) {
      moment[name] = sized(moment[name], near[name].length);
      blend(moment[name], near[name], far[name].length === near[name].length ? far[name] : near[name], share);
    }
    blend(moment.field, near.grid, far.grid, share);
    moment.side = near.side;
    moment.neutral = near.neutral + (far.neutral - near.neutral) * share;
    moment.low = Math.min(near.frame.head.lo, far.frame.head.lo);
    moment.high = Math.max(near.frame.head.hi, far.frame.head.hi);
    moment.reach = near.reach + (far.reach - near.reach) * share;
    return moment;
  }

  load(slot, frame, kind) {
    if (slot.frame === frame) return;
    unpackInto(slot, frame);
    slot.neutral = kind === "midpoint" ? frame.midpoint : 0;
    slot.reach = reachOf(slot.grid, slot.neutral);
  }
}
