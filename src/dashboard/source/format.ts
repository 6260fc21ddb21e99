// How figures are written: short, in the reader's units, never "NaN". Knows nothing of pages.

/** What stands where there is no figure. */
export const NOTHING = "–";

export type Task = "classification" | "regression";

const THIN = "\u202f";

/** A whole number with thin spaces: 1 234 567. */
export function grouped(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const digits = String(Math.round(Math.abs(value)));
  const parts = digits.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  return value < 0 && digits !== "0" ? `−${parts}` : parts;
}

/** At most three significant digits and a prefix: 950, 12.3k, 4.56M. */
export function compact(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const steps: [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const size = Math.abs(value);
  const step = steps.find(([unit]) => size >= unit * 0.9995);
  if (!step) return significant(value);
  return significant(value / step[0]) + step[1];
}

function significant(value: number): string {
  const size = Math.abs(value);
  const decimals = size >= 99.95 || size === 0 ? 0 : size >= 9.995 ? 1 : 2;
  const text = value.toFixed(decimals);
  return decimals > 0 ? text.replace(/\.?0+$/, "") : text;
}

/** A score as its task's readers expect it: 98.76 % or 0.9876. */
export function score(value: number | null | undefined, task: Task, decimals = 2): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  if (task === "classification") return `${(value * 100).toFixed(decimals)}${THIN}%`;
  return value.toFixed(decimals + 2);
}

/** A share: 37 %. */
export function percent(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  return `${Math.round(value * 100)}${THIN}%`;
}

/** A loss or another small real number. */
export function real(value: number | null | undefined, digits = 4): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)) return value.toExponential(2);
  return value.toPrecision(digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** A length of time with its two greatest units: 4.2 s, 3 min 20 s, 5 h 04 min, 2 d 3 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NOTHING;
  if (seconds < 0) return `−${duration(-seconds)}`;
  return written(seconds).replaceAll(" ", "\u00a0");
}

function written(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** A moment of a run on an axis: 0:45, 12:30, 3:05:00. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A word of the protocol as it reads in a sentence: `worker_lost` becomes `worker lost`. */
export function words(text: string): string {
  return text.replaceAll("_", " ");
}

const STAGES: Record<string, string> = {
  search: "searching",
  crown: "comparing the best at full length",
  final: "training the winner",
  test: "testing the winner",
};

/** What a run does at a stage. */
export function stageWords(stage: string): string {
  return Object.hasOwn(STAGES, stage) ? STAGES[stage] : words(stage);
}

const KINDS: Record<string, string> = { crown: "comparison at full length", final: "final training" };

/** What an evaluation is for. */
export function kindWords(kind: string): string {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind] : words(kind);
}

/** An amount of memory: 412 MiB. */
export function bytes(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const steps: [number, string][] = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];
  const step = steps.find(([unit]) => value >= unit);
  return step ? `${significant(value / step[0])}\u00a0${step[1]}` : `${value}\u00a0B`;
}

/** `1 restart`, `3 restarts`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** What a score is called. */
export function scoreName(name: string): string {
  return name === "r_squared" ? "R²" : words(name);
}
