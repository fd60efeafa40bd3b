// The draft, the thread and the settings live in this tab's session storage and nowhere else.

const PREFIX = "playground:";

/** Remembers one value for one person in one organization; what others left in this tab is thrown away. */
export class Memory {
  constructor(owner) {
    this.key = `${PREFIX}${owner}`;
    this.full = false;
    try {
      for (const key of Object.keys(sessionStorage)) {
        if (key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}${owner.split(":")[0]}:`)) sessionStorage.removeItem(key);
      }
    } catch {
      this.full = true;
    }
  }

  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key)) || {};
    } catch {
      return {};
    }
  }

  /** Whether it was kept; a very long conversation does not fit. */
  write(value) {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(value));
      this.full = false;
    } catch {
      this.full = true;
    }
    return !this.full;
  }
}
