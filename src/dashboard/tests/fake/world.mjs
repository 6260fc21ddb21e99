// A made-up run: individuals, nodes and their troubles, from one seed. It stands in for a coordinator while the page is
// worked on; nothing of it is served by Hatchery.

/** mulberry32: small, and the same everywhere. */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const OUTCOMES = ["completed", "stopped", "degenerate", "diverged", "out_of_memory", "timed_out", "crashed", "worker_lost"];
const MAKERS = ["breeder", "refiner", "user"];
const EVIL = '<script>document.title="run";window.ran=true</script><img src=x onerror="window.ran=true">';

export class World {
  constructor({ count = 0, seed = 1, hostile = false, ended = false, nodes = 2, slots = 1, rate = 2 }) {
    Object.assign(this, { hostile, rate, random: chance(seed) });
    this.rows = [];
    this.nodes = Array.from({ length: nodes }, (_, k) => this.newNode(hostile && k === 0 ? EVIL : `worker-${k + 1}`, slots));
    this.counts = { outcomes: OUTCOMES.map(() => 0), makers: MAKERS.map(() => 0) };
    this.failures = [];
    this.paused = false;
    this.reason = null;
    this.max = Math.max(200, count * 2);
    this.clock = 0;
    for (let k = 0; k < count; k++) this.finish(this.nodes[k % nodes], null);
    this.ending = ended ? "the budget of evaluations is spent" : null;
    this.started = Date.now() - this.clock * 1000;
    if (!ended) for (const node of this.nodes) for (const slot of node.slots) this.begin(slot);
  }

  newNode(name, slots) {
    const row = (slot) => ({ slot, kind: "search", evaluation: null, individual: null, epoch: null, epochs: null, seconds: null, score: null, summary: "" });
    return {
      name, host: "host-a", state: "here", reason: null, device: "CPU, 1 thread", joined_s: 0.4, silent_s: 0.3,
      evaluations: 0, failures: 0, restarts: 0, utilisation: 0.93, http: "127.0.0.1:4001",
      slots: Array.from({ length: slots }, (_, k) => row(k)),
    };
  }

  get best() {
    return this.bestRow === undefined ? null : this.rows[this.bestRow];
  }

  begin(slot) {
    const id = this.rows.length + 1 + Math.floor(this.random() * 3);
    Object.assign(slot, { evaluation: id, individual: id, epoch: 0, epochs: 8, seconds: 0, score: null, summary: this.summary(id) });
  }

  summary(id) {
    if (this.hostile && id % 7 === 0) return EVIL;
    const filters = 8 + ((id * 7) % 56);
    return `conv ${filters} 3x3 relu, max pool 2, conv ${filters * 2} 3x3 relu, dense ${32 + ((id * 13) % 200)} relu; adam 0.002, batch 32`;
  }

  finish(node, slot) {
    const { random } = this;
    const id = this.rows.length + 1;
    const luck = random();
    const outcome = luck < 0.68 ? 0 : luck < 0.9 ? 1 : luck < 0.94 ? 2 : luck < 0.965 ? 3 : luck < 0.975 ? 4 : luck < 0.985 ? 5 : luck < 0.995 ? 6 : 7;
    const skill = 1 - Math.exp(-id / 60);
    const parameters = Math.round(10 ** (2.6 + 3 * random() * (0.6 + 0.4 * random())));
    const ceiling = 0.9 + 0.085 * Math.min(1, (Math.log10(parameters) - 2.4) / 2.2) + 0.012 * skill;
    const error = (1 - ceiling) * (1 + 9 * (1 - skill) * random()) + 0.06 * random() ** 4 + (outcome === 1 ? 0.05 * random() : 0);
    const score = outcome <= 1 ? Math.min(1, Math.max(0, 1 - error)) : outcome === 2 ? 0.1 + 0.02 * random() : null;
    const seconds = 1 + (parameters / 60_000) * (1 + random());
    this.clock += seconds / this.nodes.length;
    const parents = id < 12 ? [] : [1 + Math.floor(random() ** 0.4 * (id - 2)), 1 + Math.floor(random() ** 0.4 * (id - 2))];
    if (id >= 12 && this.best && random() < 0.5) parents[0] = this.best.id;
    const row = { id, finished_s: this.clock, score, parameters, multiply_adds: parameters * (8 + Math.round(20 * random())), seconds, outcome, maker: id <= 2 ? 2 : random() < 0.25 + 0.4 * skill * random() ? 1 : 0, parents: [...new Set(parents)], node: node.name };
    this.rows.push(row);
    this.counts.outcomes[outcome] += 1;
    this.counts.makers[row.maker] += 1;
    if (outcome >= 3) this.failures = [row, ...this.failures].slice(0, 50);
    if (score !== null && (!this.best || score > this.best.score)) this.bestRow = this.rows.length - 1;
    node.evaluations += 1;
    if (outcome >= 3) node.failures += 1;
    if (slot) this.begin(slot);
    return row;
  }

  /** Lets a quarter of a second pass. */
  tick() {
    if (this.ending || this.paused) return [];
    const fresh = [];
    for (const node of this.nodes.filter((node) => node.state === "here")) {
      for (const slot of node.slots) {
        slot.seconds += 0.25;
        slot.epoch = Math.min(8, slot.epoch + this.rate / 4);
        slot.score = slot.epoch >= 1 ? 0.9 + 0.01 * slot.epoch - 0.01 * this.random() : null;
        if (slot.epoch >= 8) fresh.push(this.finish(node, slot));
      }
    }
    return fresh;
  }

  kill(name) {
    const node = this.nodes.find((node) => node.name === name);
    if (!node) return;
    Object.assign(node, { state: "gone", reason: "signal 9", silent_s: 5 });
  }

  revive(name) {
    const node = this.nodes.find((node) => node.name === name);
    if (!node) return;
    Object.assign(node, { state: "here", reason: null, silent_s: 0.2, restarts: node.restarts + 1 });
    for (const slot of node.slots) this.begin(slot);
  }

  run() {
    const elapsed = this.ending ? this.clock : (Date.now() - this.started) / 1000;
    const counts = Object.fromEntries(OUTCOMES.map((word, k) => [word, this.counts.outcomes[k]]));
    const shares = [0.62, 0.38, 0];
    return {
      name: this.hostile ? EVIL : "digits", directory: "runs/digits-1", version: "0.1.0", task: "classification", score_name: "accuracy", objectives: ["error"], seed: 3,
      data: { source: this.hostile ? `csv:${EVIL}.csv` : "digits", samples: 1797, inputs: [1, 8, 8], classes: 10 },
      stage: this.ending ? "done" : "search", paused: this.paused, paused_reason: this.reason, ending: this.ending, started_at: new Date(this.started).toISOString(),
      elapsed_s: elapsed, seconds_left: this.ending ? 0 : 900, evaluations: this.rows.length, evaluations_max: this.max, individuals: this.rows.length + 4,
      per_hour: (this.rows.length / Math.max(1, elapsed)) * 3600, utilisation: 0.94, outcomes: counts, best: this.best && this.item(this.best),
      makers: MAKERS.map((name, k) => ({ name, share: shares[k], births: this.counts.makers[k] })).filter(({ births }) => births > 0),
      incidents: this.nodes.filter((node) => node.restarts > 0).map((node) => `${node.name} was started again after signal 9`),
      failures: this.failures.map((row) => this.failure(row)),
    };
  }

  failure(row) {
    const messages = { 3: "loss became infinite in epoch 2", 4: "needs 2.1 GiB, the limit is 2.0 GiB", 5: "over its 60 s", 6: "signal 11; last words: corrupted size vs. prev_size", 7: "the worker fell silent" };
    const message = this.hostile ? `${messages[row.outcome]}: ${EVIL}` : messages[row.outcome];
    return { evaluation: row.id, outcome: OUTCOMES[row.outcome], message, node: row.node, at_s: row.finished_s };
  }

  points(after) {
    const rows = this.rows.slice(after);
    const column = (key) => rows.map((row) => row[key]);
    return {
      after, next: this.rows.length, ids: column("id"), finished_s: column("finished_s"), scores: column("score"), parameters: column("parameters"),
      multiply_adds: column("multiply_adds"), seconds: column("seconds"), outcomes: column("outcome"), outcome_words: OUTCOMES, makers: column("maker"), maker_words: MAKERS,
    };
  }

  item(row) {
    return {
      id: row.id, score: row.score, loss: row.score === null ? null : (1 - row.score) * 3.1, parameters: row.parameters, multiply_adds: row.multiply_adds,
      outcome: OUTCOMES[row.outcome], maker: MAKERS[row.maker], born_s: Math.max(0, row.finished_s - row.seconds), seconds: row.seconds, summary: this.summary(row.id),
    };
  }

  individuals(search) {
    const sort = search.get("sort") ?? "-score";
    const key = sort.replace(/^-/, "");
    const [outcome, maker, q] = [OUTCOMES.indexOf(search.get("outcome")), MAKERS.indexOf(search.get("maker")), search.get("q")];
    const wanted = (row) => (outcome < 0 || row.outcome === outcome) && (maker < 0 || row.maker === maker) && (!q || this.summary(row.id).includes(q));
    const value = (row) => row[key] ?? -Infinity;
    const rows = this.rows.filter(wanted).sort((a, b) => (value(a) - value(b)) * (sort.startsWith("-") ? -1 : 1));
    const [limit, offset] = [Number(search.get("limit") ?? 50), Number(search.get("offset") ?? 0)];
    return { total: rows.length, items: rows.slice(offset, offset + limit).map((row) => this.item(row)) };
  }

  individual(id) {
    const row = this.rows[id - 1];
    if (!row) return null;
    const epochs = row.outcome === 1 ? 4 : 8;
    const curve = Array.from({ length: row.score === null ? 2 : epochs }, (_, k) => {
      const left = Math.exp(-(k + 1) / 2.2);
      return { epoch: k + 1, training_loss: 0.06 + 2 * left, validation_loss: 0.11 + 1.9 * left + 0.004 * k, validation_score: row.score === null ? null : Math.max(0, row.score - 0.35 * left), seconds: row.seconds / epochs };
    });
    const word = this.hostile ? EVIL : "convolution 32 3x3 relu";
    const layers = [
      { kind: "convolution", words: word, output_shape: [32, 8, 8], parameters: 320, multiply_adds: 18_432 },
      { kind: "max_pool", words: "max pool 2x2", output_shape: [32, 4, 4], parameters: 0, multiply_adds: 0 },
      { kind: "residual", words: "residual 64 relu", output_shape: [64, 4, 4], parameters: 57_600, multiply_adds: 921_600 },
      { kind: "normalisation", words: "batch normalisation", output_shape: [64, 4, 4], parameters: 128, multiply_adds: 1024 },
      { kind: "dropout", words: "dropout 0.2", output_shape: [64, 4, 4], parameters: 0, multiply_adds: 0 },
      { kind: "dense", words: "dense 96 relu", output_shape: [96], parameters: 98_400, multiply_adds: 98_304 },
      { kind: "dense", words: "10 classes", output_shape: [10], parameters: 970, multiply_adds: 960 },
    ];
    const evaluation = { id: row.id, kind: "search", attempt: 1, outcome: OUTCOMES[row.outcome], message: row.outcome >= 3 ? this.failure(row).message : null, node: row.node, seconds: row.seconds, curve };
    return { ...this.item(row), parents: row.parents, genome: { layers: layers.map(({ kind }) => kind), training: { optimizer: "adam" } }, layers, training: { optimizer: "adam", learning_rate: 0.002, schedule: "cosine", batch_size: 32, weight_decay: 0.0001 }, evaluations: [evaluation], lineage: this.lineage(row) };
  }

  lineage(row) {
    const found = new Map();
    let generation = row.parents;
    while (generation.length > 0 && found.size < 60) {
      const next = [];
      for (const id of generation) {
        if (found.has(id) || found.size >= 60) continue;
        const parent = this.rows[id - 1];
        found.set(id, { id, parents: parent.parents, score: parent.score, maker: MAKERS[parent.maker], summary: this.summary(id) });
        next.push(...parent.parents);
      }
      generation = next;
    }
    return [...found.values()];
  }

  drawing(id) {
    const boxes = ["input 1x8x8", "convolution 32", "max pool", "residual 64", "dense 96", "10 classes"];
    const evil = this.hostile ? "<script>top.ran=true</script>" : "";
    const rows = boxes.map((words, k) => `<rect x="30" y="${10 + k * 58}" width="270" height="40" rx="6" fill="#cfe3ff" stroke="#5a5a66"/><text x="165" y="${34 + k * 58}" text-anchor="middle" font-size="12" font-family="sans-serif">${words}</text>`);
    return `<svg xmlns="http://www.w3.org/2000/svg" width="360" height="${boxes.length * 58 + 10}" viewBox="0 0 360 ${boxes.length * 58 + 10}">${evil}<title>network ${id}</title>${rows.join("")}</svg>`;
  }
}
