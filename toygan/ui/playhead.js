// Where playing stands, in keyframes: 12.4 is two fifths of the way from keyframe 12 to keyframe 13.
// Keyframes come in bursts; the head moves at their measured rate and keeps just enough in hand to never stand still:
// it aims at some half a keyframe left when the next one comes, more when arrivals are irregular. It never moves back.

const CALM = 0.4; // keyframes in hand when the next arrives, if arrivals are regular
const CATCH_UP = 5; // keyframes behind from which playing hurries
const CATCH_UP_TIME = 1.2; // seconds to make up for it
const PAUSE = 8; // seconds without arrivals that say nothing about the rate: a full class waits for half as long
const SLOWEST = 0.15; // keyframes a second

function createPlayhead() {
  let lastArrival = -Infinity;
  let frames = 4; // decayed counts: rate = frames / seconds
  let seconds = 1;
  let slack = CALM;
  let wobble = 0.1;
  let speed = 3;

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const rate = () => clamp(frames / seconds, SLOWEST, 60);

  function targetSpeed(lag) {
    const excess = slack - (CALM + Math.min(1.6 * wobble, 1.5));
    const correction = excess < 0 ? 0.6 * excess : 0.25 * excess;
    const steady = rate() * (1 + clamp(correction, -0.4, 0.4));
    if (lag > CATCH_UP) return Math.max(steady, lag / CATCH_UP_TIME);
    return steady;
  }

  return {
    position: 0,

    /** `added` keyframes came at time `now` (ms); the newest now has index `newest`. */
    arrived(added, newest, now) {
      const gap = (now - lastArrival) / 1000;
      lastArrival = now;
      if (gap > PAUSE) return;
      frames = 0.88 * frames + added;
      seconds = 0.88 * seconds + gap;
      const left = clamp(newest - added - this.position, 0, CATCH_UP);
      wobble += 0.15 * (Math.abs(left - slack) - wobble);
      slack += 0.3 * (left - slack);
    },

    /** Playing began or ended: the time until the next arrival says nothing about the rate. */
    rest() {
      lastArrival = -Infinity;
    },

    /** Moves on by `elapsed` seconds, at most to `end`; true while there is somewhere left to go. */
    advance(elapsed, end) {
      const lag = end - this.position;
      if (lag <= 0) return false;
      speed += (targetSpeed(lag) - speed) * (1 - Math.exp(-elapsed / 0.2));
      // Near the end of what is there it eases, so that a late keyframe is a slowing and not a standstill.
      const eased = lag < CALM ? speed * Math.max(0.3, lag / CALM) : speed;
      this.position = Math.min(end, this.position + eased * elapsed);
      return this.position < end;
    },
  };
}
