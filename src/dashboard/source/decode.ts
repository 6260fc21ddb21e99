// From JSON to the model. What is missing, null or of another kind becomes an empty value, so that a page never breaks
// on a journal of another version; it must not fetch or draw anything.

import type * as model from "./model";

type Json = Record<string, unknown>;

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function list<T>(value: unknown, each: (item: unknown) => T): T[] {
  return Array.isArray(value) ? value.map(each) : [];
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function count(value: unknown): number {
  return number(value) ?? 0;
}

function shape(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join("×") : text(value);
}

export function run(value: unknown): model.Run {
  const from = object(value);
  const data = object(from.data);
  return {
    name: text(from.name),
    directory: text(from.directory),
    version: text(from.version),
    task: from.task === "regression" ? "regression" : "classification",
    score_name: text(from.score_name) || "score",
    objectives: list(from.objectives, text),
    seed: text(from.seed),
    data: { source: text(data.source), samples: number(data.samples), inputs: shape(data.inputs), classes: number(data.classes) },
    stage: text(from.stage),
    paused: from.paused === true,
    paused_reason: text(from.paused_reason),
    ending: text(from.ending),
    started_at: text(from.started_at),
    elapsed_s: number(from.elapsed_s),
    seconds_left: number(from.seconds_left),
    evaluations: count(from.evaluations),
    evaluations_max: number(from.evaluations_max),
    individuals: count(from.individuals),
    per_hour: number(from.per_hour),
    utilisation: number(from.utilisation),
    outcomes: Object.entries(object(from.outcomes)).map(([word, value]) => [word, count(value)]),
    best: typeof from.best === "object" && from.best !== null ? best(from.best) : null,
    makers: list(from.makers, maker),
    incidents: list(from.incidents, text),
    failures: list(from.failures, failure),
  };
}

function best(value: unknown): model.Best {
  const from = object(value);
  return {
    id: count(from.id),
    score: number(from.score),
    loss: number(from.loss),
    parameters: number(from.parameters),
    multiply_adds: number(from.multiply_adds),
    summary: text(from.summary),
  };
}

function maker(value: unknown): model.Maker {
  const from = object(value);
  return { name: text(from.name), share: number(from.share), births: count(from.births) };
}

function failure(value: unknown): model.Failure {
  const from = object(value);
  return {
    evaluation: number(from.evaluation),
    outcome: text(from.outcome),
    message: text(from.message),
    node: text(from.node),
    at_s: number(from.at_s),
  };
}

export function nodes(value: unknown): model.Node[] {
  return list(object(value).nodes, node);
}

function node(value: unknown): model.Node {
  const from = object(value);
  return {
    name: text(from.name),
    host: text(from.host),
    state: text(from.state),
    reason: text(from.reason),
    device: text(from.device),
    joined_s: number(from.joined_s),
    silent_s: number(from.silent_s),
    evaluations: count(from.evaluations),
    failures: count(from.failures),
    restarts: count(from.restarts),
    utilisation: number(from.utilisation),
    memory_bytes: number(from.memory_bytes),
    slots: list(from.slots, slot),
  };
}

function slot(value: unknown): model.Slot {
  const from = object(value);
  return {
    slot: text(from.slot),
    kind: text(from.kind),
    evaluation: number(from.evaluation),
    individual: number(from.individual),
    epoch: number(from.epoch),
    epochs: number(from.epochs),
    seconds: number(from.seconds),
    score: number(from.score),
    summary: text(from.summary),
  };
}

/** Columns are taken as they are: a hundred thousand values are not looked at one by one before they are kept. */
export function points(value: unknown): model.PointBatch {
  const from = object(value);
  const column = <T>(value: unknown): T[] => (Array.isArray(value) ? value : []);
  return {
    after: number(from.after),
    next: count(from.next),
    ids: column(from.ids),
    finished_s: column(from.finished_s),
    scores: column(from.scores),
    parameters: column(from.parameters),
    multiply_adds: column(from.multiply_adds),
    seconds: column(from.seconds),
    outcomes: column(from.outcomes),
    outcome_words: list(from.outcome_words, text),
    makers: column(from.makers),
    maker_words: list(from.maker_words, text),
  };
}

export function listing(value: unknown): model.Listing {
  const from = object(value);
  return { total: count(from.total), items: list(from.items, item) };
}

function item(value: unknown): model.Item {
  const from = object(value);
  return {
    ...best(value),
    outcome: text(from.outcome),
    maker: text(from.maker),
    born_s: number(from.born_s),
    seconds: number(from.seconds),
  };
}

export function individual(value: unknown): model.Individual {
  const from = object(value);
  return {
    ...item(value),
    parents: list(from.parents, count),
    operation: text(from.operation),
    genome: from.genome,
    layers: list(from.layers, layer),
    training: Object.entries(object(from.training)).map(([name, value]) => [name, text(value) || JSON.stringify(value)]),
    evaluations: list(from.evaluations, evaluation),
    lineage: list(from.lineage, relative),
  };
}

function layer(value: unknown): model.Layer {
  const from = object(value);
  return {
    kind: text(from.kind),
    words: text(from.words),
    output_shape: shape(from.output_shape),
    parameters: number(from.parameters),
    multiply_adds: number(from.multiply_adds),
  };
}

function evaluation(value: unknown): model.Evaluation {
  const from = object(value);
  return {
    id: number(from.id),
    kind: text(from.kind),
    state: text(from.state),
    attempt: number(from.attempt),
    outcome: text(from.outcome),
    message: text(from.message),
    node: text(from.node),
    seconds: number(from.seconds),
    curve: list(from.curve, curvePoint),
  };
}

function curvePoint(value: unknown): model.CurvePoint {
  const from = object(value);
  return {
    epoch: count(from.epoch),
    training_loss: number(from.training_loss),
    validation_loss: number(from.validation_loss),
    validation_score: number(from.validation_score),
  };
}

function relative(value: unknown): model.Relative {
  const from = object(value);
  return {
    id: count(from.id),
    parents: list(from.parents, count),
    score: number(from.score),
    maker: text(from.maker),
    summary: text(from.summary),
  };
}
