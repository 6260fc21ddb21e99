// Elements, made and changed without markup: data only ever becomes text or an attribute, so that nothing it says runs.

export type Child = globalThis.Node | string | null | undefined | false;

type Listeners = { [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K]) => void };
export type Properties = Listeners & { [attribute: string]: unknown };

/** An element with attributes (false and null are left out), listeners (`onclick`, ..) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  apply(element, properties);
  element.append(...children.filter(isThere));
  return element;
}

/** The same for SVG. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(element, properties);
  element.append(...children.filter(isThere));
  return element;
}

function isThere(child: Child): child is globalThis.Node | string {
  return child !== null && child !== undefined && child !== false;
}

function apply(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else setAttribute(element, name, value);
  }
}

/** Sets an attribute where it differs; null and false remove it. */
export function setAttribute(element: Element, name: string, value: unknown): void {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? "" : value)) {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Sets the text where it differs: what does not change is not touched, and keeps a reader's selection. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces all children. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter(isThere));
}

export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) element.hidden = !shown;
}

/** A list whose elements live as long as their keys: focus and selection stay where they are. */
export class Keyed<T, E extends Element> {
  private elements = new Map<string, E>();

  constructor(
    private readonly parent: Element,
    private readonly key: (item: T) => string,
    private readonly create: (item: T) => E,
    private readonly update: (element: E, item: T) => void,
  ) {}

  set(items: readonly T[]): void {
    const old = this.elements;
    this.elements = new Map();
    for (const item of items) {
      const element = old.get(this.key(item)) ?? this.create(item);
      this.update(element, item);
      this.elements.set(this.key(item), element);
    }
    this.arrange();
  }

  private arrange(): void {
    const wanted = [...this.elements.values()];
    for (const child of [...this.parent.children]) if (!wanted.includes(child as E)) child.remove();
    wanted.forEach((element, place) => {
      if (this.parent.children[place] !== element) this.parent.insertBefore(element, this.parent.children[place] ?? null);
    });
  }
}
