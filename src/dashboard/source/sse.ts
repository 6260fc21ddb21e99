// Server-sent events from a byte stream (WHATWG HTML, "Server-sent events", parsing). Read by hand, because the
// browser's own EventSource cannot send a token. Pure: bytes in, events out.

export interface ServerEvent {
  event: string;
  data: string;
}

/** Longest line or event that is kept; a stream that never ends its line must not fill the memory. */
const EVENT_CHARACTERS_MAX = 64 * 1024 * 1024;

export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private size = 0;

  /** Takes in text as it comes; the events that it completes. */
  push(text: string): ServerEvent[] {
    this.rest += text;
    const events: ServerEvent[] = [];
    // A lone CR at the end may be half of a CRLF.
    const complete = this.rest.endsWith("\r") ? this.rest.slice(0, -1) : this.rest;
    const lines = complete.split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + (complete === this.rest ? "" : "\r");
    for (const line of lines) this.line(line, events);
    if (this.rest.length + this.size > EVENT_CHARACTERS_MAX) throw new Error("an event is longer than any should be");
    return events;
  }

  private line(line: string, events: ServerEvent[]): void {
    if (line === "") return this.dispatch(events);
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    if (field === "data") {
      this.data.push(value);
      this.size += value.length;
    }
  }

  private dispatch(events: ServerEvent[]): void {
    if (this.data.length > 0) events.push({ event: this.event || "message", data: this.data.join("\n") });
    [this.event, this.data, this.size] = ["", [], 0];
  }
}
