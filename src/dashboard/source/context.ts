// What every panel is given: the store, the ways to ask, and how to open an individual.

import type { Api } from "./api";
import type { Individual } from "./model";
import type { Store } from "./store";

export interface Context {
  store: Store;
  api: Api;
  details: Details;
  /** Opens an individual beside the page. */
  open: (id: number) => void;
  /** Says something at the foot of the page, and to screen readers. */
  notify: (text: string, kind?: "good" | "bad") => void;
}

/** How many individuals are remembered; more are asked for again. */
const REMEMBERED_MAX = 200;

/** Individuals that were asked for lately. */
export class Details {
  private readonly known = new Map<number, Individual>();

  constructor(private readonly api: Api) {}

  /** What is remembered of one. */
  peek(id: number): Individual | undefined {
    return this.known.get(id);
  }

  /** Asks for one, anew. */
  async fetch(id: number): Promise<Individual> {
    const individual = await this.api.individual(id);
    this.known.delete(id);
    this.known.set(id, individual);
    const [oldest] = this.known.keys();
    if (this.known.size > REMEMBERED_MAX && oldest !== undefined) this.known.delete(oldest);
    return individual;
  }

  /** What is remembered of one, else what the coordinator says. */
  async get(id: number): Promise<Individual> {
    return this.known.get(id) ?? this.fetch(id);
  }
}
