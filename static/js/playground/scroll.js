// Follow an answer as it grows, but only for somebody who is at its end.

const NEAR = 48;
const PAINT_EVERY = 50;

export class Follower {
  constructor(log, composer, button) {
    this.log = log;
    this.composer = composer;
    this.button = button;
    button.addEventListener("click", () => {
      this.toEnd();
      button.hidden = true;
    });
  }

  // On a wide screen the log scrolls, on a phone the page does.
  get scrollsItself() {
    return getComputedStyle(this.log).overflowY === "auto";
  }

  get isAtEnd() {
    const { log, composer } = this;
    if (this.scrollsItself) return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    return composer.getBoundingClientRect().bottom - window.innerHeight < NEAR * 2;
  }

  toEnd() {
    if (this.scrollsItself) this.log.scrollTop = this.log.scrollHeight;
    else this.composer.scrollIntoView({ block: "end" });
  }

  /** Change the page with `draw`, staying at the end when one is there. */
  around(draw) {
    const follow = this.isAtEnd;
    draw();
    if (follow) this.toEnd();
    this.button.hidden = follow;
  }
}

/** Calls `draw` at once, then at most every 50 ms. */
export class Painter {
  constructor(draw) {
    this.draw = draw;
    this.last = 0;
    this.timer = 0;
  }

  soon() {
    if (this.timer) return;
    const wait = PAINT_EVERY - (performance.now() - this.last);
    if (wait <= 0) this.now();
    else this.timer = setTimeout(() => this.now(), wait);
  }

  now() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.last = performance.now();
    this.draw();
  }
}
