// Which colour and which mark stand for a maker or an outcome. A mark tells what a colour tells, for who sees no colour.

export type Shape = "circle" | "square" | "diamond" | "triangle" | "cross";

export interface Mark {
  /** Index of a series colour. */
  series: number;
  shape: Shape;
}

const MAKERS: Record<string, Mark> = {
  breeder: { series: 0, shape: "circle" },
  refiner: { series: 1, shape: "square" },
  user: { series: 2, shape: "diamond" },
};

const OUTCOMES: Record<string, Mark> = {
  completed: { series: 0, shape: "circle" },
  stopped: { series: 5, shape: "square" },
  degenerate: { series: 1, shape: "triangle" },
  diverged: { series: 4, shape: "triangle" },
  out_of_memory: { series: 3, shape: "diamond" },
  timed_out: { series: 6, shape: "diamond" },
  crashed: { series: 4, shape: "cross" },
  worker_lost: { series: 7, shape: "cross" },
};

const OTHERS: Mark[] = [
  { series: 3, shape: "triangle" },
  { series: 6, shape: "diamond" },
  { series: 5, shape: "square" },
  { series: 7, shape: "circle" },
];

function among(table: Record<string, Mark>, word: string, place: number): Mark {
  return Object.hasOwn(table, word) ? table[word] : OTHERS[place % OTHERS.length];
}

/** Mark of a maker; of one that is not known, by its place in the list. */
export function makerMark(name: string, place = 0): Mark {
  return among(MAKERS, name.toLowerCase(), place);
}

/** Mark of an outcome. */
export function outcomeMark(word: string, place = 0): Mark {
  return among(OUTCOMES, word.toLowerCase().replaceAll(" ", "_"), place);
}

/** Whether an outcome is one that a scientist should look at. */
export function isTrouble(outcome: string): boolean {
  return !["", "completed", "stopped"].includes(outcome.toLowerCase());
}
