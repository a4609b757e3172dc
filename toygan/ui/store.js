// All keyframes the browser has, by run. One store a page, shared by the feed, the stage and the readouts.

const KEYFRAMES_KEPT = 400; // a run; about 4 MB packed
const RECENT_KEPT = 120; // the newest are never thinned
const HISTORY_KEPT = 1500; // points of the curves, several times as many as are drawn
const RUNS_KEPT = 12;
const RESEND_PAUSE = 1500; // ms between two requests for the same run

function createRun(hash) {
  return {
    hash,
    frames: [], // keyframes, by step
    history: [], // {step, metrics, histogram, seconds, lanes}, by step: outlives the thinned keyframes
    steps: new Set(), // every step ever received
    played: -1, // the step the server has played up to; live follows it
    shown: null, // the keyframe on the stage
    live: true,
    status: null,
    measured: new Map(), // step -> metrics measured on many samples
    askedAt: -Infinity,
    after: -1, // the last message said that the browser has everything up to this step
    version: 0, // counts changes of the history
  };
}

/** The index of the last entry at or before the step; 0 if there is none. */
function indexOfStep(entries, step) {
  let low = 0;
  let high = entries.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (entries[middle].step <= step) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Keyframes nearly always come in order; a gap that is filled later does not. */
function insertByStep(entries, entry) {
  let at = entries.length;
  while (at > 0 && entries[at - 1].step > entry.step) at--;
  entries.splice(at, 0, entry);
  return at;
}

/** Drops every other one of the older entries, so that the past grows sparser as it recedes. */
function thin(entries, limit, recent) {
  if (entries.length <= limit) return entries;
  const border = entries.length - recent;
  return entries.filter((_, i) => i >= border || i % 2 === 0);
}

function createStore() {
  const runs = new Map(); // in order of use: the first is the least recently used
  const listeners = new Set();
  const topics = new Map(); // what else is said on the page: topic -> who listens
  let resend = null;
  let latest = null; // what a message last said of the page

  function run(hash) {
    const found = runs.get(hash) ?? createRun(hash);
    runs.delete(hash);
    runs.set(hash, found);
    for (const oldest of runs.keys()) {
      if (runs.size <= RUNS_KEPT) break;
      runs.delete(oldest);
    }
    return found;
  }

  function notify(changed, what) {
    for (const listener of listeners) listener(changed, what);
  }

  function say(topic, value) {
    for (const listener of topics.get(topic) ?? []) listener(value);
  }

  function keep(target, frame) {
    if (target.steps.has(frame.step)) return;
    target.steps.add(frame.step);
    const at = insertByStep(target.frames, frame);
    // Not every keyframe carries the means: the neutral value of the one before is nearer than a guess.
    frame.midpoint ??= target.frames[at - 1]?.midpoint ?? (frame.head.lo + frame.head.hi) / 2;
    const { step, metrics, histogram, seconds, lanes } = frame;
    insertByStep(target.history, { step, metrics, histogram, seconds, lanes });
    target.version++;
  }

  function ingest(bytes) {
    const { runs: parts, page } = splitMessage(bytes);
    parts.forEach(ingestPart);
    latest = page ?? latest;
    say("page", page);
  }

  function ingestPart({ run: hash, after, frames, status }) {
    const target = run(hash);
    target.after = after;
    for (const frame of frames) keep(target, frame);
    target.frames = thin(target.frames, KEYFRAMES_KEPT, RECENT_KEPT);
    target.history = thin(target.history, HISTORY_KEPT, HISTORY_KEPT / 4);
    if (target.frames.length && status?.played !== undefined) target.played = status.played;
    target.status = status ?? null;
    const measured = status?.measured;
    if (measured) target.measured.set(measured.step, measured);
    askForMissing(target);
    notify(target, "frames");
  }

  /** The last step before the gap, if keyframes that the server sent have not arrived; undefined if none is missing. */
  function lastBeforeGap({ after, steps }) {
    if (after === -1 || steps.has(after)) return undefined;
    let last = -1;
    for (const step of steps) if (step < after && step > last) last = step;
    return last;
  }

  /** Asks until it is here: the first messages can come before there is anyone to ask, and an answer can be lost too. */
  function askForMissing(target) {
    const last = lastBeforeGap(target);
    const now = performance.now();
    if (last === undefined || now - target.askedAt < RESEND_PAUSE) return;
    target.askedAt = now;
    if (resend?.(target.hash, last) === false) return;
    setTimeout(() => askForMissing(target), RESEND_PAUSE + 50);
  }

  return {
    run,
    peek: (hash) => runs.get(hash),
    /** What a message last said of the page: it may have come before whoever wants to know was there. */
    get page() {
      return latest;
    },

    preferences: {}, // what the reader chose to see, kept while the stage is remounted

    /** Takes in the messages that wait in the inbox. A damaged one is skipped: the gap it leaves is asked for. */
    drain() {
      const inbox = toygan.inbox ?? [];
      for (const message of inbox.splice(0)) {
        try {
          ingest(message);
        } catch (error) {
          console.warn("toygan: a message of keyframes could not be read", error);
        }
      }
    },

    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /**
     * Listens to a topic of the comparison: "page", what a message says of the whole; "reading", where on their clock
     * the runs are on the stage; "seek", where a reader wants to go.
     */
    on(topic, listener) {
      const listening = topics.get(topic) ?? new Set();
      topics.set(topic, listening.add(listener));
      return () => listening.delete(listener);
    },

    say,

    /**
     * Who asks the server for what is missing: called with the run and the last step that is here, -1 for none. It
     * returns false where that run is not watched any more: what it lacks can wait until it is.
     */
    onResend(handler) {
      resend = handler;
    },

    /** Says which keyframe is on the stage; the readouts follow it. */
    present(target, frame, live) {
      if (target.shown === frame && target.live === live) return;
      target.shown = frame;
      target.live = live;
      notify(target, "shown");
    },

    /** Asks the stage that shows this run to go to a step. */
    seek(target, step) {
      target.wanted = step;
      notify(target, "seek");
    },
  };
}

const toygan = (window.toygan ??= {});
const store = (toygan.store ??= createStore());
store.drain();
