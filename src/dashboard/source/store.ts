// What the page knows, in one place, and who wants to hear of it. Fetches and draws nothing.

import type { Node, PointBatch, Run } from "./model";
import { BestSoFar } from "./math/best";
import { Points } from "./points";

export type Connection =
  | { kind: "connecting" }
  | { kind: "live" }
  /** The coordinator has listeners enough: the page asks now and then. */
  | { kind: "polling" }
  | { kind: "lost"; why: string; retryAt_ms: number }
  | { kind: "refused" };

export type Topic = "run" | "nodes" | "points" | "connection" | "token" | "hovered" | "theme";

/** How much of each node's recent past is kept. */
const BUSY_MAX = 120;

export class Store {
  run: Run | null = null;
  nodes: Node[] | null = null;
  points = new Points();
  best = new BestSoFar();
  connection: Connection = { kind: "connecting" };
  token: string | null = null;
  /** Row that the pointer or the keyboard is at, in any chart. */
  hovered: number | null = null;
  /** When points first came, even if there were none. */
  pointsCame = false;
  /** For each node, the share of its slots that trained, at each of its latest reports. */
  readonly busy = new Map<string, number[]>();
  private readonly listeners = new Map<Topic, (() => unknown)[]>();

  on(topics: Topic[], hear: () => unknown): void {
    for (const topic of topics) this.listeners.set(topic, [...(this.listeners.get(topic) ?? []), hear]);
  }

  tell(topic: Topic): void {
    for (const hear of this.listeners.get(topic) ?? []) hear();
  }

  setRun(run: Run): void {
    const another = this.run !== null && (this.run.directory !== run.directory || this.run.name !== run.name);
    if (another) this.forget();
    this.run = run;
    this.tell("run");
  }

  setNodes(nodes: Node[]): void {
    this.nodes = nodes;
    for (const node of nodes) this.note(node);
    this.tell("nodes");
  }

  addPoints(batch: PointBatch): void {
    this.points.append(batch);
    this.best.extend(this.points.scores, this.points.length);
    this.pointsCame = true;
    this.tell("points");
  }

  setConnection(connection: Connection): void {
    this.connection = connection;
    this.tell("connection");
  }

  setToken(token: string | null): void {
    this.token = token;
    this.tell("token");
  }

  hover(row: number | null): void {
    if (row === this.hovered) return;
    this.hovered = row;
    this.tell("hovered");
  }

  // Another run is served at this address: nothing of the old one may stay.
  private forget(): void {
    this.points = new Points();
    this.best = new BestSoFar();
    this.busy.clear();
    this.pointsCame = false;
    this.hovered = null;
    this.tell("points");
  }

  private note(node: Node): void {
    const training = node.slots.filter((slot) => slot.evaluation !== null || slot.individual !== null).length;
    const share = node.state === "gone" || node.slots.length === 0 ? 0 : training / node.slots.length;
    const past = this.busy.get(node.name) ?? [];
    past.push(share);
    if (past.length > BUSY_MAX) past.shift();
    this.busy.set(node.name, past);
  }
}
