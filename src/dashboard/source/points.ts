// Every evaluation that has ended, in typed columns that grow: what charts draw from. Knows nothing of charts.

import type { PointBatch } from "./model";

/** Rows that the columns have room for at first. */
const ROOM_FIRST = 4096;

const COLUMNS = ["ids", "finished_s", "scores", "parameters", "multiply_adds", "seconds"] as const;
type Column = (typeof COLUMNS)[number];

export class Points {
  length = 0;
  /** Cursor for what comes after. */
  next = 0;
  ids = new Float64Array(ROOM_FIRST);
  finished_s = new Float64Array(ROOM_FIRST);
  /** NaN where there is none. */
  scores = new Float64Array(ROOM_FIRST);
  parameters = new Float64Array(ROOM_FIRST);
  multiply_adds = new Float64Array(ROOM_FIRST);
  seconds = new Float64Array(ROOM_FIRST);
  /** Index into `outcomeWords`. */
  outcomes = new Uint8Array(ROOM_FIRST);
  /** Index into `makerWords`. */
  makers = new Uint8Array(ROOM_FIRST);
  outcomeWords: string[] = [];
  makerWords: string[] = [];
  private overtaken = new Uint8Array(ROOM_FIRST);
  private readonly rows = new Map<number, number>();

  /** The row of an individual, the latest where it was evaluated again. */
  rowOf(id: number): number | undefined {
    return this.rows.get(id);
  }

  /** Whether a row has been overtaken by a later evaluation of the same individual. */
  isOvertaken(row: number): boolean {
    return this.overtaken[row] === 1;
  }

  append(batch: PointBatch): void {
    this.reserve(this.length + batch.ids.length);
    for (const column of COLUMNS) this.fill(column, batch[column]);
    this.fillWords(this.outcomes, batch.outcomes, batch.outcome_words, this.outcomeWords);
    this.fillWords(this.makers, batch.makers, batch.maker_words, this.makerWords);
    batch.ids.forEach((id, k) => this.place(id, this.length + k));
    this.length += batch.ids.length;
    this.next = batch.next;
  }

  private place(id: number, row: number): void {
    const before = this.rows.get(id);
    if (before !== undefined) this.overtaken[before] = 1;
    this.rows.set(id, row);
  }

  private fill(column: Column, values: (number | null)[]): void {
    const into = this[column];
    for (let k = 0; k < values.length; k++) into[this.length + k] = values[k] ?? NaN;
  }

  // Each batch has a list of words of its own.
  private fillWords(into: Uint8Array, values: number[], words: string[], known: string[]): void {
    const places = words.map((word) => {
      if (!known.includes(word)) known.push(word);
      return known.indexOf(word);
    });
    for (let k = 0; k < values.length; k++) into[this.length + k] = places[values[k]] ?? 255;
  }

  private reserve(rows: number): void {
    if (rows <= this.ids.length) return;
    const room = Math.max(rows, this.ids.length * 2);
    for (const column of COLUMNS) this[column] = grown(this[column], new Float64Array(room));
    this.outcomes = grown(this.outcomes, new Uint8Array(room));
    this.makers = grown(this.makers, new Uint8Array(room));
    this.overtaken = grown(this.overtaken, new Uint8Array(room));
  }
}

function grown<T extends Float64Array | Uint8Array>(old: T, into: T): T {
  into.set(old);
  return into;
}
