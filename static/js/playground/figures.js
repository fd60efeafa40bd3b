// Numbers in words. Amounts arrive as exact decimal strings from the ledger; here they are only shortened for the eye.

const NANO_DIGITS = 9;
const counts = new Intl.NumberFormat("en-US");

export const count = (number) => counts.format(number);

/** Nano-USD of an exact decimal string such as "0.000217". */
export function nano(usd) {
  const [whole, fraction = ""] = usd.split(".");
  return BigInt(whole + fraction.padEnd(NANO_DIGITS, "0").slice(0, NANO_DIGITS));
}

/** The exact sum of two such strings. */
export function addedUp(one, other) {
  const digits = (nano(one) + nano(other)).toString().padStart(NANO_DIGITS + 1, "0");
  return `${digits.slice(0, -NANO_DIGITS)}.${digits.slice(-NANO_DIGITS)}`;
}

/** An amount as the console writes it: two decimals from $1 on, four from $0.01 on, below that six. */
export function money(amount) {
  if (amount === 0n) return "$0.00";
  if (amount < 1_000n) return "<$0.000001";
  const places = amount >= 1_000_000_000n ? 2 : amount >= 10_000_000n ? 4 : 6;
  const unit = 10n ** BigInt(NANO_DIGITS - places);
  const rest = amount % unit;
  const up = rest * 2n > unit || (rest * 2n === unit && (amount / unit) % 2n === 1n);
  const digits = (amount / unit + (up ? 1n : 0n)).toString().padStart(places + 1, "0");
  return `$${counts.format(BigInt(digits.slice(0, -places)))}.${digits.slice(-places)}`;
}

/** A duration in milliseconds: 840 ms, 1.24 s, 1 min 12 s. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export const tokens = (number) => `${count(number)} ${number === 1 ? "token" : "tokens"}`;

/** Seconds of a header such as 120ms, 1s or 6m0s. */
export function seconds(text) {
  const found = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?$/.exec(text || "");
  if (!found || !text) return null;
  const [, hours = 0, minutes = 0, whole = 0, milli = 0] = found;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(whole) + Number(milli) / 1000;
}
