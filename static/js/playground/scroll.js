// Follow an answer as it grows, but only for somebody who is at its end.

const NEAR = 48;
const PAINT_EVERY = 50;

export class Follower {
  constructor(log, composer, button) {
    this.log = log;
    this.composer = composer;
    this.button = button;
    // Whether an answer is growing: only then there is a latest to jump to.
    this.live = false;
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
    // At once: a smooth scroll would lag behind the text and look as if somebody had scrolled up.
    if (this.scrollsItself) this.log.scrollTo({ top: this.log.scrollHeight, behavior: "instant" });
    else this.composer.scrollIntoView({ block: "end", behavior: "instant" });
  }

  /** Change the page with `draw`, staying at the end when one is there. */
  around(draw) {
    const follow = this.isAtEnd;
    draw();
    if (follow) this.toEnd();
    this.button.hidden = follow || !this.live;
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
