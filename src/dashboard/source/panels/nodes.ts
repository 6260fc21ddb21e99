// The nodes: who is here, what each of its slots trains, how busy it has been, what went wrong.

import type { Context } from "../context";
import { fill, h, Keyed, s, setAttribute, setText, show } from "../dom";
import { bytes, counted, duration, kindWords, percent, score } from "../format";
import type { Node, Slot } from "../model";
import { ask } from "./ask";
import { command } from "./controls";
import { panel } from "./panel";

/** Seconds of silence that are worth a word. */
const SILENCE_S = 10;

const KINDS: Record<string, string> = { here: "good", draining: "warn", excluded: "bad", gone: "bad" };
const ORDER = ["here", "draining", "excluded", "gone"];

interface NodeCard {
  root: HTMLElement;
  update: (node: Node) => void;
}

export class NodesPanel {
  readonly root: HTMLElement;
  private readonly cards = new Map<Element, NodeCard>();
  private readonly list = h("ul", { class: "nodes" });
  private readonly keyed: Keyed<Node, HTMLElement>;
  private readonly count = h("span", { class: "soft" });
  private readonly empty = h("p", { class: "empty" }, "No worker has joined yet.");

  constructor(private readonly context: Context) {
    const { root, tools } = panel("nodes", "Nodes", this.empty, this.list);
    tools.append(this.count);
    this.root = root;
    this.keyed = new Keyed(this.list, (node) => node.name, () => this.create(), (element, node) => this.cards.get(element)?.update(node));
    context.store.on(["nodes", "token", "run"], () => this.update());
  }

  private create(): HTMLElement {
    const card = nodeCard(this.context);
    this.cards.set(card.root, card);
    return card.root;
  }

  private update(): void {
    const { nodes } = this.context.store;
    if (!nodes) return;
    show(this.empty, nodes.length === 0);
    const here = nodes.filter((node) => node.state === "here").length;
    setText(this.count, nodes.length === 0 ? "" : `${here} of ${nodes.length} here`);
    const place = (node: Node) => (ORDER.indexOf(node.state) + ORDER.length + 1) % (ORDER.length + 1);
    this.keyed.set([...nodes].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name, "en", { numeric: true })));
    for (const element of this.cards.keys()) if (!element.isConnected) this.cards.delete(element);
  }
}

function nodeCard(context: Context): NodeCard {
  const [name, state, facts, reason] = [h("strong"), h("span"), h("p", { class: "facts" }), h("p", { class: "reason" })];
  const [busy, slots] = [h("div", { class: "busy" }), h("ul", { class: "slots" })];
  let shown = "";
  const drain = h("button", { type: "button", class: "quiet small", onclick: () => void askDrain(context, shown) }, "Drain …");
  const root = h("li", { class: "node" }, h("div", { class: "line" }, name, state, h("span", { class: "grow" }), busy, drain), facts, reason, slots);
  const rows = new Keyed<Slot, HTMLLIElement>(slots, (slot) => slot.slot, () => slotRow(context), updateSlot);
  const update = (node: Node) => {
    shown = node.name;
    setText(name, node.name);
    setText(state, node.state);
    setAttribute(state, "class", `chip ${KINDS[node.state] ?? "plain"}`);
    setAttribute(root, "class", `node ${node.state === "gone" ? "gone" : ""}`);
    const past = context.store.busy.get(node.name) ?? [];
    setText(facts, factsOf(node, past));
    setText(reason, node.reason);
    show(reason, node.reason !== "");
    show(drain, context.store.token !== null && node.state === "here" && context.store.run?.ending === "");
    fill(busy, busyStrip(past));
    rows.set(node.state === "gone" ? [] : node.slots);
    for (const row of slots.children) writeScore(row, context);
  };
  return { root, update };
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function factsOf(node: Node, busy: number[]): string {
  const parts = [
    node.device,
    node.host !== node.name && node.host,
    counted(node.evaluations, "evaluation"),
    node.memory_bytes !== null && bytes(node.memory_bytes),
    node.state !== "gone" && `${percent(node.utilisation ?? mean(busy))} busy${node.utilisation === null ? " of late" : ""}`,
    node.failures > 0 && counted(node.failures, "failure"),
    node.restarts > 0 && counted(node.restarts, "restart"),
    node.silent_s !== null && node.silent_s >= SILENCE_S && `silent for ${duration(node.silent_s)}`,
  ];
  return parts.filter((part) => part).join(" · ");
}

async function askDrain(context: Context, name: string): Promise<void> {
  const text = "It takes nothing more, finishes what it can, and hands the rest back with its state; another node goes on with that.";
  if (await ask({ title: `Drain ${name}?`, text, action: "Drain" })) await command(context, `nodes/${encodeURIComponent(name)}/drain`);
}

// How busy it was at its latest reports, oldest at the left.
function busyStrip(past: number[]): SVGSVGElement {
  const bars = past.slice(-40).map((share, k) => s("rect", { x: k * 2, width: 1.5, y: 12 - Math.max(1, share * 12), height: Math.max(1, share * 12), class: share > 0 ? "on" : "" }));
  return s("svg", { width: 80, height: 12, viewBox: "0 0 80 12", role: "img", "aria-label": "share of its slots that trained, of late" }, ...bars);
}

function slotRow(context: Context): HTMLLIElement {
  const who = h("button", { type: "button", class: "id" });
  who.addEventListener("click", () => who.dataset.id && context.open(Number(who.dataset.id)));
  const bar = h("div", { class: "bar", role: "progressbar", "aria-valuemin": 0 }, h("i"));
  return h("li", { class: "slot" }, who, bar, h("span", { class: "epochs" }), h("span", { class: "score" }), h("span", { class: "summary" }));
}

function updateSlot(row: HTMLLIElement, slot: Slot): void {
  const [who, bar, epochs, score, summary] = [...row.children] as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  const idle = slot.evaluation === null && slot.individual === null;
  setAttribute(row, "class", idle ? "slot idle" : "slot");
  setText(who, idle ? "idle" : `#${slot.individual ?? "?"}`);
  setAttribute(who, "disabled", idle || slot.individual === null);
  if (slot.individual !== null) who.dataset.id = String(slot.individual);
  setAttribute(who, "aria-label", idle ? "idle" : `open network ${slot.individual}`);
  const share = slot.epochs ? Math.min(1, (slot.epoch ?? 0) / slot.epochs) : 0;
  (bar.firstElementChild as HTMLElement).style.width = `${share * 100}%`;
  setAttribute(bar, "aria-valuemax", slot.epochs);
  setAttribute(bar, "aria-valuenow", slot.epoch);
  setAttribute(bar, "aria-label", "epochs");
  setText(epochs, idle ? "" : progressOf(slot));
  score.dataset.score = slot.score === null ? "" : String(slot.score);
  setText(summary, slot.summary);
  setAttribute(summary, "title", slot.summary);
}

function progressOf(slot: Slot): string {
  const epoch = `epoch ${slot.epoch ?? 0}${slot.epochs === null ? "" : `/${slot.epochs}`}`;
  const kind = slot.kind === "" || slot.kind === "search" ? "" : kindWords(slot.kind);
  return [kind, epoch, duration(slot.seconds)].filter((part) => part).join(" · ");
}

function writeScore(row: Element, context: Context): void {
  const cell = row.querySelector<HTMLElement>(".score");
  const value = cell?.dataset.score;
  if (cell) setText(cell, value ? score(Number(value), context.store.run?.task ?? "classification") : "");
}
