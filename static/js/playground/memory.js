// What this tab remembers of the playground: never anything that outlives the tab.

const PREFIX = "playground:";

/** Remembers one value for one person in one organization; what others left in this tab is thrown away. */
export class Memory {
  constructor(owner) {
    this.key = `${PREFIX}${owner}`;
    try {
      for (const key of Object.keys(sessionStorage)) {
        if (key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}${owner.split(":")[0]}:`)) sessionStorage.removeItem(key);
      }
    } catch {
      // Without a storage nothing is remembered; write() says so.
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
      return true;
    } catch {
      return false;
    }
  }
}
