// A question in a dialog: with a text, fields for numbers, and two buttons. Escape means no.

import { h } from "../dom";

export interface Question {
  title: string;
  text: string;
  fields?: { name: string; label: string }[];
  action: string;
  danger?: boolean;
}

/** The fields' values (null where one is empty), or null where the answer was no. */
export function ask(question: Question): Promise<Record<string, number | null> | null> {
  return new Promise((resolve) => {
    const inputs = (question.fields ?? []).map(({ name, label }) => [name, h("input", { type: "number", min: 1, step: "any", inputmode: "decimal" }), label] as const);
    const answer: { values: Record<string, number | null> | null } = { values: null };
    const yes = (event: Event) => {
      event.preventDefault();
      answer.values = Object.fromEntries(inputs.map(([name, input]) => [name, input.value === "" ? null : input.valueAsNumber]));
      dialog.close();
    };
    const no = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const go = h("button", { type: "submit", class: question.danger ? "danger" : "primary" }, question.action);
    const rows = inputs.map(([, input, label]) => h("label", {}, label, input));
    const form = h("form", { onsubmit: yes }, h("h2", { id: "ask-title" }, question.title), h("p", {}, question.text), ...rows, h("div", { class: "buttons" }, no, go));
    const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title" }, form);
    dialog.addEventListener("close", () => (dialog.remove(), resolve(answer.values)));
    document.body.append(dialog);
    dialog.showModal();
  });
}
