// The page put together: store, ways to ask, panels; then kept up to date.

import { Api } from "./api";
import { type Context, Details } from "./context";
import { h } from "./dom";
import { Live } from "./live";
import { tokenFromAddress } from "./panels/access";
import { Banner } from "./panels/banner";
import { BestPanel } from "./panels/best";
import { CloudPanel } from "./panels/cloud";
import { CoursePanel } from "./panels/course";
import { Detail, individualFromAddress } from "./panels/detail";
import { Figures } from "./panels/figures";
import { Header } from "./panels/header";
import { MakersPanel } from "./panels/makers";
import { NodesPanel } from "./panels/nodes";
import { Notices } from "./panels/notices";
import { TablePanel } from "./panels/table";
import { TroublePanel } from "./panels/trouble";
import { Store } from "./store";
import { ThemeSwitch } from "./theme";

function start(): void {
  const asked = individualFromAddress();
  const [store, api, notices] = [new Store(), new Api(), new Notices()];
  store.on(["token"], () => (api.token = store.token));
  const themes = new ThemeSwitch(store);
  const live = new Live(store, api);
  const context: Context = {
    store,
    api,
    details: new Details(api),
    open: (id) => detail.open(id),
    notify: (text, kind) => notices.say(text, kind),
  };
  const detail = new Detail(context);
  layOut(context, themes, live, notices);
  store.setToken(tokenFromAddress());
  store.on(["token"], () => live.retry());
  void live.keep();
  if (asked !== null) detail.open(asked);
  addEventListener("hashchange", () => followAddress(store, detail));
}

// An address that is typed or followed while the page is open.
function followAddress(store: Store, detail: Detail): void {
  const id = individualFromAddress();
  const token = tokenFromAddress();
  if (token !== null && token !== store.token) store.setToken(token);
  if (id !== null) detail.open(id);
}

function layOut(context: Context, themes: ThemeSwitch, live: Live, notices: Notices): void {
  const build = (Panel: new (context: Context) => { root: HTMLElement }) => new Panel(context).root;
  const left = h("div", { class: "stack wide" }, build(BestPanel));
  const right = h("div", { class: "stack" }, ...[NodesPanel, MakersPanel, TroublePanel].map(build));
  const main = h("main", { id: "main" }, new Banner(context, () => live.retry()).root, new Figures(context).root);
  main.append(h("div", { class: "panels" }, ...[CoursePanel, CloudPanel].map(build), left, right, build(TablePanel)));
  document.body.append(new Header(context, themes).root, main, notices.root);
}

start();
