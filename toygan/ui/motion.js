// A motion: the frames of a lab's figures, run through by a slider or by itself, without asking the server.

const HOLD = 900; // ms of rest at an end before a motion that does not go back begins again

class Motion {
  /** `show(index)` is called when another frame is due, `told(playing)` when it starts or stops. */
  constructor({ show, told }) {
    this.show = show;
    this.told = told;
    this.index = 0;
    this.playing = false;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** Another motion, or the same one with other frames: it goes on where it is. */
  update(motion, value) {
    const first = !this.motion;
    this.motion = motion;
    if (first) this.index = this.nearest(value);
    this.index = Math.min(this.index, this.last);
    if (first && motion.autoplay) this.begin();
  }

  /** Play once as the page opens. Who asks for less motion sees at once where that comes to rest. */
  begin() {
    if (!this.calm) this.play(true);
    else if (!this.motion.bounce) this.index = this.last;
  }

  get last() {
    return this.motion.values.length - 1;
  }

  get value() {
    return this.motion.values[this.index];
  }

  nearest(value) {
    const { values } = this.motion;
    return values.reduce((best, there, i) => (Math.abs(there - value) < Math.abs(values[best] - value) ? i : best), 0);
  }

  /** Run; `once` comes to rest where it began, or at the end where it does not go back. */
  play(once = false) {
    this.once = once;
    this.home = this.index;
    const atEnd = !this.motion.bounce && this.index === this.last;
    this.phase = atEnd ? 0 : this.index / Math.max(this.last, 1);
    this.travelled = 0;
    this.direction = this.phase >= 1 ? -1 : 1;
    this.rest = 0;
    this.before = undefined;
    this.set(true);
    cancelAnimationFrame(this.request);
    this.request = requestAnimationFrame((now) => this.step(now));
  }

  pause() {
    cancelAnimationFrame(this.request);
    this.set(false);
  }

  set(playing) {
    if (this.playing === playing) return;
    this.playing = playing;
    this.told(playing);
  }

  step(now) {
    if (!this.playing) return;
    this.request = requestAnimationFrame((next) => this.step(next));
    const passed = Math.min(now - (this.before ?? now), 100);
    this.before = now;
    if (this.rest > 0) {
      this.rest -= passed;
      if (this.rest <= 0) this.phase = 0;
      return;
    }
    this.advance(passed / (1000 * this.motion.seconds));
    const home = !this.playing && this.motion.bounce;
    this.go(home ? this.home : Math.round(this.phase * this.last));
  }

  /** Move by a share of the whole way, turning or resting at its ends. */
  advance(share) {
    this.phase += this.direction * share;
    this.travelled += share;
    if (this.phase < 0 || this.phase > 1) {
      this.phase = Math.min(Math.max(this.phase, 0), 1);
      if (this.motion.bounce) this.direction = -this.direction;
      else if (this.once) this.pause();
      else this.rest = HOLD;
    }
    if (this.once && this.motion.bounce && this.travelled >= 2) this.pause();
  }

  go(index) {
    if (index === this.index) return;
    this.index = index;
    this.show(index);
  }
}
