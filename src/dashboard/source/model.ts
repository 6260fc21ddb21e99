// What the coordinator tells, as the page keeps it: the contract's names, with every gap filled. Data only.

import type { Task } from "./format";

export interface Best {
  id: number;
  score: number | null;
  loss: number | null;
  parameters: number | null;
  multiply_adds: number | null;
  summary: string;
}

export interface Maker {
  name: string;
  share: number | null;
  births: number;
}

export interface Failure {
  evaluation: number | null;
  outcome: string;
  message: string;
  node: string;
  at_s: number | null;
}

export interface Run {
  name: string;
  directory: string;
  version: string;
  task: Task;
  score_name: string;
  objectives: string[];
  seed: string;
  data: { source: string; samples: number | null; inputs: string; classes: number | null };
  stage: string;
  paused: boolean;
  paused_reason: string;
  ending: string;
  started_at: string;
  elapsed_s: number | null;
  seconds_left: number | null;
  evaluations: number;
  evaluations_max: number | null;
  individuals: number;
  per_hour: number | null;
  utilisation: number | null;
  outcomes: [word: string, count: number][];
  best: Best | null;
  makers: Maker[];
  incidents: string[];
  failures: Failure[];
}

export interface Slot {
  slot: string;
  /** `search`, `crown`, `final` or `test`. */
  kind: string;
  evaluation: number | null;
  individual: number | null;
  epoch: number | null;
  epochs: number | null;
  seconds: number | null;
  score: number | null;
  summary: string;
}

export interface Node {
  name: string;
  host: string;
  state: string;
  reason: string;
  device: string;
  joined_s: number | null;
  silent_s: number | null;
  evaluations: number;
  failures: number;
  restarts: number;
  utilisation: number | null;
  memory_bytes: number | null;
  slots: Slot[];
}

/** Rows of evaluations that have ended, as columns. */
export interface PointBatch {
  after: number | null;
  next: number;
  ids: number[];
  finished_s: (number | null)[];
  scores: (number | null)[];
  parameters: (number | null)[];
  multiply_adds: (number | null)[];
  seconds: (number | null)[];
  outcomes: number[];
  outcome_words: string[];
  makers: number[];
  maker_words: string[];
}

export interface Item {
  id: number;
  score: number | null;
  loss: number | null;
  parameters: number | null;
  multiply_adds: number | null;
  outcome: string;
  maker: string;
  born_s: number | null;
  seconds: number | null;
  summary: string;
}

export interface Listing {
  total: number;
  items: Item[];
}

export interface Layer {
  kind: string;
  words: string;
  output_shape: string;
  parameters: number | null;
  multiply_adds: number | null;
}

export interface CurvePoint {
  epoch: number;
  training_loss: number | null;
  validation_loss: number | null;
  validation_score: number | null;
}

export interface Evaluation {
  id: number | null;
  /** `search`, `crown` (the best, compared at full length), `final` or `test`. */
  kind: string;
  /** `queued`, `running` or `finished`. */
  state: string;
  attempt: number | null;
  outcome: string;
  message: string;
  node: string;
  seconds: number | null;
  curve: CurvePoint[];
}

export interface Relative {
  id: number;
  parents: number[];
  score: number | null;
  maker: string;
  summary: string;
}

export interface Individual extends Item {
  parents: number[];
  /** How it came from them. */
  operation: string;
  genome: unknown;
  layers: Layer[];
  training: [name: string, value: string][];
  evaluations: Evaluation[];
  lineage: Relative[];
}
