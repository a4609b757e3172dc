// Play or pause, asked for until the page says that it is so: a message can be lost while the page reruns.

const WISHES = 4; // times the page is asked
const WISH_PAUSE = 1500; // ms between them

class Wish {
  /** `now()` is whether the page plays, `tell(playing)` asks it. */
  constructor(now, tell) {
    this.now = now;
    this.tell = tell;
  }

  ask(playing, tries = WISHES) {
    this.drop();
    if (!tries || this.now() === playing) return;
    this.wanted = playing;
    this.tell(playing);
    this.timer = setTimeout(() => this.ask(playing, tries - 1), WISH_PAUSE);
  }

  /** The page has spoken. */
  settle() {
    if (this.now() === this.wanted) this.drop();
  }

  drop() {
    clearTimeout(this.timer);
  }
}
