// Asking the coordinator, and telling it what to do. One function for each request; answers are decoded, errors are
// sentences. Keeps no state but the token that it is given.

import * as decode from "./decode";
import type { Individual, Listing, Node, PointBatch, Run } from "./model";

/** Longest wait for an answer. A hundred thousand points over a slow line take some of it. */
const TIMEOUT_MS = 30_000;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Query {
  sort: string;
  q: string;
  outcome: string;
  maker: string;
  offset: number;
  limit: number;
}

export class Api {
  token: string | null = null;

  async run(): Promise<Run> {
    return decode.run(await this.json("run"));
  }

  async nodes(): Promise<Node[]> {
    return decode.nodes(await this.json("nodes"));
  }

  async points(after: number): Promise<PointBatch> {
    return decode.points(await this.json(`points?after=${after}`));
  }

  async individual(id: number): Promise<Individual> {
    return decode.individual(await this.json(`individuals/${id}`));
  }

  async individuals(query: Query): Promise<Listing> {
    const given = Object.entries(query).filter(([, value]) => value !== "");
    const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    return decode.listing(await this.json(`individuals?${search}`));
  }

  /** The network as a picture, for an `<img>`: what it says is never part of the page. */
  async drawing(id: number): Promise<Blob> {
    return (await this.ask(`individuals/${id}/drawing.svg`)).blob();
  }

  async model(id: number): Promise<Blob> {
    return (await this.ask(`individuals/${id}/model.onnx`)).blob();
  }

  /** The stream of events, with the points after those that are known; it ends when `signal` says so. */
  events(after: number, signal: AbortSignal): Promise<Response> {
    return this.ask(`events?after=${after}`, { signal, headers: { Accept: "text/event-stream" } });
  }

  /** Tells the coordinator to do something; its words of what it has done. */
  async command(path: string, body: object = {}): Promise<string> {
    const headers = { "Content-Type": "application/json" };
    const answer = await this.ask(path, { method: "POST", headers, body: JSON.stringify(body) });
    const said: unknown = await answer.json();
    return String((said as { done?: unknown }).done ?? "done");
  }

  private async json(path: string): Promise<unknown> {
    return (await this.ask(path)).json();
  }

  private async ask(path: string, options: RequestInit = {}): Promise<Response> {
    const headers = new Headers(options.headers);
    if (this.token !== null) headers.set("Authorization", `Bearer ${this.token}`);
    const signal = options.signal ?? AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(`api/v1/${path}`, { cache: "no-store", ...options, headers, signal });
    if (!answer.ok) throw new ApiError(answer.status, await complaint(answer));
    return answer;
  }
}

async function complaint(answer: Response): Promise<string> {
  try {
    const said = ((await answer.json()) as { error?: { message?: unknown; remedy?: unknown } }).error;
    const parts = [said?.message, said?.remedy].filter((part) => typeof part === "string" && part !== "");
    if (parts.length > 0) return parts.join("; ");
  } catch {
    // Not JSON: the status has to do.
  }
  return `the coordinator answers ${answer.status} ${answer.statusText}`.trim();
}
