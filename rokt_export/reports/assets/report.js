"use strict";
(() => {
  const PAGE = 100, PRINTED = 2000;
  const ROW = 0, TRANSACTION = 1, OUTCOME = 2, STATUS = 3, RULE = 4, REASON = 5, REFERENCE = 6, CODE = 7,
    ATTEMPTS = 8, LATENCY = 9, ERROR = 10, STARTED = 11, CONFIRMATION = 12;
  const ROW_LINK = /^#row-(\d+)$/;
  const about = JSON.parse(document.getElementById("about").textContent);
  const at = (id) => document.getElementById(id);

  let rows = [], shown = [], haystack = null, deepened = null, page = 0, opened = -1, turn = 0;
  const wanted = { words: "", outcomes: new Set(), rule: "", status: "", deep: false, by: ROW, down: false };

  /** Make an element: attributes by name, text as text, so that nothing a partner sent is ever markup. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  async function unpacked(element) {
    const text = atob(element.textContent);
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  // --- recordings, unpacked a block at a time

  const blocks = [...document.querySelectorAll("script.block")].map((element) => ({
    element, first: Number(element.dataset.first), last: Number(element.dataset.last), data: null,
  }));

  async function entriesOf(block) {
    block.data ??= unpacked(block.element).then((text) => {
      const { entries, traces } = JSON.parse(text);
      return { entries: new Map(entries.map((entry) => [entry.row, entry])), traces };
    });
    return block.data;
  }

  async function recordingOf(row) {
    const block = blocks.find((one) => one.first <= row && row <= one.last);
    if (!block) return null;
    const { entries, traces } = await entriesOf(block);
    const entry = entries.get(row);
    return entry ? { ...entry, explanation: traces[entry.trace] ?? null } : null;
  }

  // --- which rows are shown

  function words(row) {
    return [row[ROW], row[TRANSACTION], about.outcomes[row[OUTCOME]][0] + row[CONFIRMATION], row[STATUS], row[REASON], row[REFERENCE],
      row[CODE], row[ERROR]].join("\n").toLowerCase();
  }

  async function deepWords() {
    const found = new Map();
    for (const block of blocks) {
      const { entries } = await entriesOf(block);
      for (const entry of entries.values()) found.set(entry.row, `${entry.request}\n${entry.response}`.toLowerCase());
    }
    return found;
  }

  async function select() {
    const mine = ++turn;
    const parts = wanted.words.toLowerCase().split(/\s+/).filter(Boolean);
    if (parts.length && !haystack) haystack = rows.map(words);
    if (parts.length && wanted.deep && !deepened) {
      at("state").textContent = "Reading requests and responses …";
      deepened = await deepWords();
      if (mine !== turn) return;
    }
    const rule = wanted.rule === "" ? null : Number(wanted.rule);
    const status = wanted.status === "" ? null : wanted.status === "none" ? "none" : Number(wanted.status);
    const found = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      if (wanted.outcomes.size && !wanted.outcomes.has(row[OUTCOME])) continue;
      if (rule !== null && row[RULE] !== rule) continue;
      if (status !== null && (row[STATUS] ?? "none") !== status) continue;
      if (parts.length) {
        const deep = wanted.deep ? deepened.get(row[ROW]) ?? "" : "";
        if (!parts.every((part) => haystack[index].includes(part) || deep.includes(part))) continue;
      }
      found.push(index);
    }
    shown = sorted(found);
    page = 0;
    show();
    keep();
  }

  // --- the filters, kept behind the # of the page's address, so that a link shows the same rows

  const naming = (number) => (number === -1 ? "none" : about.rules[number]);

  function keep() {
    const kept = new URLSearchParams();
    if (wanted.words) kept.set("search", wanted.words);
    if (wanted.outcomes.size) kept.set("outcome", [...wanted.outcomes].map((number) => about.outcomes[number][0]).join(","));
    if (wanted.rule !== "") kept.set("rule", naming(Number(wanted.rule)));
    if (wanted.status !== "") kept.set("status", wanted.status);
    if (wanted.deep) kept.set("deep", "1");
    const text = kept.toString();
    if (!text && (!location.hash || ROW_LINK.test(location.hash))) return;
    try { history.replaceState(null, "", text ? `#${text}` : location.href.split("#")[0]); } catch { /* a frame may forbid it */ }
  }

  function recall() {
    const kept = new URLSearchParams(location.hash.slice(1));
    const rule = kept.get("rule") === "none" ? -1 : about.rules.indexOf(kept.get("rule"));
    const names = (kept.get("outcome") ?? "").split(",");
    wanted.words = at("search").value = kept.get("search") ?? "";
    wanted.rule = at("rule").value = kept.has("rule") && (rule >= 0 || kept.get("rule") === "none") ? String(rule) : "";
    at("status").value = kept.get("status") ?? "";
    wanted.status = at("status").value;
    wanted.deep = at("deep").checked = kept.has("deep");
    wanted.outcomes = new Set(about.outcomes.flatMap(([name], number) => (names.includes(name) ? [number] : [])));
    for (const chip of at("chips").querySelectorAll("button")) chip.setAttribute("aria-pressed", wanted.outcomes.has(Number(chip.dataset.outcome)));
  }

  function sorted(found) {
    const { by, down } = wanted;
    if (by === ROW) return down ? found.reverse() : found;
    const sign = down ? -1 : 1;
    return found.sort((one, other) => {
      const a = rows[one][by], b = rows[other][by];
      if (a === b) return one - other;
      if (a === null || a === undefined) return 1;
      if (b === null || b === undefined) return -1;
      return a < b ? -sign : sign;
    });
  }

  // --- the table

  const COLUMNS = [
    { name: "Row", by: ROW, kind: "number", cell: (row) => opener(row) },
    { name: "Transaction", by: TRANSACTION, kind: "name", cell: (row) => row[TRANSACTION] },
    { name: "Outcome", by: OUTCOME, kind: "tight", cell: (row) => outcomeOf(row) },
    { name: "Status", by: STATUS, kind: "number", cell: (row) => row[STATUS] ?? "" },
    { name: "Rule", kind: "wide name", cell: (row) => ruleOf(row), needed: () => rows.some((row) => row[RULE] >= 0 && ruleOf(row) !== about.outcomes[row[OUTCOME]][0]) },
    { name: "Reason", kind: "why", cell: (row) => clipped(reasonOf(row)), needed: () => rows.some((row) => row[REASON] || row[ERROR]) },
    { name: "Reference", kind: "wide name", cell: (row) => row[REFERENCE] ?? "", needed: () => rows.some((row) => row[REFERENCE]) },
    { name: "Sent (UTC)", by: STARTED, kind: "tight wide", cell: (row) => clockOf(row[STARTED]) },
    { name: "ms", by: LATENCY, kind: "number tight", cell: (row) => millisecondsOf(row[LATENCY]) },
  ];
  let columns = COLUMNS;

  function outcomeOf(row) {
    const [name, mark] = about.outcomes[row[OUTCOME]];
    return make("span", {}, make("span", { class: `sign ink-${name}`, "aria-hidden": "true" }, mark), ` ${name}${row[CONFIRMATION]}`);
  }

  const ruleOf = (row) => (row[RULE] < 0 ? "" : about.rules[row[RULE]]);
  const reasonOf = (row) => (row[ERROR] && (!row[REASON] || row[ERROR].endsWith(row[REASON])) ? row[ERROR] : row[REASON]) ?? "";
  const millisecondsOf = (value) => (value === null ? "" : value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
  const momentOf = (seconds) => (seconds ? new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 23) : "");
  const clockOf = (seconds) => momentOf(seconds).slice(11, 23);
  const clipped = (text) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

  function heads() {
    at("heads").replaceChildren(...columns.map(({ name, by, kind }) => {
      if (by === undefined) return make("th", { scope: "col", class: kind }, make("span", {}, name));
      const chosen = wanted.by === by;
      const arrow = chosen ? (wanted.down ? " ↓" : " ↑") : "";
      const button = make("button", { type: "button", onclick: () => sort(by) }, name + arrow);
      return make("th", { scope: "col", class: kind, "aria-sort": chosen ? (wanted.down ? "descending" : "ascending") : null }, button);
    }));
  }

  function sort(by) {
    wanted.down = wanted.by === by ? !wanted.down : false;
    wanted.by = by;
    const place = columns.findIndex((column) => column.by === by);
    select().then(() => at("heads").children[place].firstChild.focus());
  }

  function opener(row) {
    return make("button", { type: "button", class: "open", "aria-haspopup": "dialog",
      "aria-label": `Open row ${row[ROW]}, ${row[TRANSACTION]}` }, String(row[ROW]));
  }

  function line(index, place) {
    const cells = columns.map(({ kind, cell }) => make("td", { class: kind }, cell(rows[index])));
    return make("tr", { "aria-rowindex": place + 2, "data-place": place }, ...cells);
  }

  // A search may end while somebody moves through the rows: the focus stays with its row, or else with the first one.
  function focusOf(element) {
    const head = [...at("heads").children].findIndex((each) => each.contains(element));
    if (head >= 0) return () => at("heads").children[head]?.firstChild.focus();
    const row = at("body").contains(element) && element.closest("tr").querySelector(".open").textContent;
    if (!row) return () => {};
    return () => {
      const offset = [...at("body").children].findIndex((line) => line.querySelector(".open").textContent === row);
      if (shown.length) focusRow(Math.max(0, offset)); else at("search").focus();
    };
  }

  function show(start = page * PAGE, end = start + PAGE) {
    const focusAgain = focusOf(document.activeElement);
    heads();
    at("grid").setAttribute("aria-rowcount", shown.length + 1);
    at("body").replaceChildren(...shown.slice(start, end).map((index, offset) => line(index, start + offset)));
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    at("page").textContent = `Page ${(page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
    at("first").disabled = at("previous").disabled = page === 0;
    at("next").disabled = at("last").disabled = page >= pages - 1;
    const total = rows.length.toLocaleString("en");
    at("state").textContent = shown.length === rows.length ? `${total} ${rows.length === 1 ? "row" : "rows"}`
      : shown.length ? `${shown.length.toLocaleString("en")} of ${total} rows` : `None of ${total} rows. Clear the search and the filters to see all.`;
    focusAgain();
  }

  function turnTo(number, focus) {
    const last = Math.max(0, Math.ceil(shown.length / PAGE) - 1);
    const next = Math.min(Math.max(number, 0), last);
    if (next === page) return;
    page = next;
    show();
    if (focus) focusRow(focus === "end" ? at("body").children.length - 1 : 0);
  }

  function focusRow(offset) {
    at("body").children[offset]?.querySelector("button").focus();
  }

  function step(offset) {
    const here = document.activeElement.closest?.("#body tr");
    if (!here) return focusRow(0);
    const next = [...at("body").children].indexOf(here) + offset;
    if (next < 0) return page > 0 ? turnTo(page - 1, "end") : at("search").focus();
    if (next >= at("body").children.length) return turnTo(page + 1, "start");
    focusRow(next);
  }

  // --- one delivery

  function fact(name, value) {
    return value === null || value === undefined || value === "" ? null : make("div", {}, make("dt", {}, name), make("dd", {}, value));
  }

  function phases(timings) {
    const names = ["DNS", "connect", "TLS", "first byte", "end"];
    return timings.map((value, index) => (value ? `${names[index]} ${millisecondsOf(value)} ms` : "")).filter(Boolean).join(", ");
  }

  function copying(text, what) {
    const button = make("button", { type: "button", class: "quiet" }, "Copy");
    button.setAttribute("aria-label", `Copy ${what()}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
      } catch {
        const area = make("textarea", { class: "unseen" });
        area.value = text();
        at("detail").append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
        button.focus();
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    return button;
  }

  function requestSection(entry) {
    const texts = { HTTP: entry.request, curl: entry.curl };
    let chosen = "HTTP";
    const pre = make("pre", { tabindex: 0, id: "request-text", role: "tabpanel" }, texts[chosen]);
    const copy = copying(() => texts[chosen], () => `the request as ${chosen}`);
    const tabs = Object.keys(texts).map((name) => make("button", { type: "button", role: "tab", "aria-controls": "request-text",
      id: `tab-${name}`, onclick: () => choose(name) }, name));
    const choose = (name) => {
      chosen = name;
      pre.textContent = texts[name];
      pre.setAttribute("aria-labelledby", `tab-${name}`);
      copy.setAttribute("aria-label", `Copy the request as ${name}`);
      for (const tab of tabs) {
        tab.setAttribute("aria-selected", tab.textContent === name);
        tab.tabIndex = tab.textContent === name ? 0 : -1;
      }
    };
    const list = make("div", { class: "tabs", role: "tablist", "aria-label": "Request as" }, ...tabs);
    list.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      event.preventDefault();
      event.stopPropagation();
      choose(chosen === "HTTP" ? "curl" : "HTTP");
      tabs.find((tab) => tab.textContent === chosen).focus();
    });
    choose("HTTP");
    const tokens = entry.tokens ? make("p", { class: "tokens" }, "Personal data is shown as tokens.") : null;
    const sharing = entry.sharing ? make("p", { class: "tokens" }, entry.sharing) : null;
    const bar = make("div", { class: "bar-of" }, make("h3", {}, "Request"), list, copy);
    return make("section", {}, bar, pre, tokens, sharing);
  }

  function responseSection(entry) {
    const pre = make("pre", { tabindex: 0, role: "region", "aria-label": "Response" }, entry.response);
    const copy = copying(() => entry.response, () => "the response");
    return make("section", {}, make("div", { class: "bar-of" }, make("h3", {}, "Response"), copy), pre);
  }

  function checkText(check) {
    const { what, found, wanted: wish, near_miss: near } = check;
    if (near && near.startsWith("found ")) return `${what}: ${near}`;
    const told = found === null && !wish ? "" : `: found ${found ?? "nothing"}`;
    return what + told + (wish ? `, wanted ${wish}` : "") + (near ? ` (${near})` : "");
  }

  /** Text with what stands between backticks as code. */
  function quoting(text) {
    return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
  }

  function traceSection(explanation) {
    const kinds = { matched: "matched", "not matched": "", "also matches, but comes later": "also" };
    const items = explanation.rules.map((rule) => {
      const of = rule.outcome === rule.rule ? "" : ` (${rule.outcome})`;
      const head = make("p", {}, make("strong", {}, rule.rule), of, make("span", { class: "verdict" }, `: ${rule.verdict}`));
      const checks = rule.checks.map((check) => make("li", {},
        make("span", { class: `sign ink-${check.held ? "delivered" : "unknown"}`, role: "img", "aria-label": check.held ? "holds" : "does not hold" }, check.held ? "✓" : "✗"),
        make("span", {}, "\u2003".repeat(check.depth), ...quoting(checkText(check)))));
      const all = checks.length ? checks : [make("li", {}, "", make("span", {}, "no conditions: matches every response"))];
      const missed = rule.missed.map((one) => make("li", {}, "",
        make("span", {}, ...quoting(`${one.name}: ${one.place} found nothing (${one.why})`))));
      return make("li", { class: kinds[rule.verdict] }, head, make("ul", {}, ...all, ...missed));
    });
    return make("section", {}, make("h3", {}, "Rule evaluation"), make("ul", { class: "trace" }, ...items));
  }

  async function open(place) {
    const row = rows[shown[place]];
    if (!row) return;
    opened = place;
    const entry = await recordingOf(row[ROW]);
    if (opened !== place) return;
    const dialog = at("detail");
    const title = make("h2", { id: "detail-title", tabindex: -1 }, outcomeOf(row), ` · row ${row[ROW]} · ${row[TRANSACTION]}`);
    const buttons = make("div", {},
      make("button", { type: "button", class: "quiet", disabled: place === 0, "aria-label": "Previous delivery", onclick: () => open(place - 1) }, "←"),
      make("button", { type: "button", class: "quiet", disabled: place >= shown.length - 1, "aria-label": "Next delivery", onclick: () => open(place + 1) }, "→"),
      make("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close"));
    const facts = make("dl", { class: "details" }, fact("Status", row[STATUS]), fact("Rule", ruleOf(row)),
      fact("Reason", row[REASON]), fact("Reference", row[REFERENCE]), fact("Code", row[CODE]), fact("Error", row[ERROR]),
      fact("Attempts", row[ATTEMPTS]), fact("Sent (UTC)", momentOf(row[STARTED])), fact("Latency", row[LATENCY] === null ? "" : `${millisecondsOf(row[LATENCY])} ms`),
      fact("Timing", entry ? phases(entry.timings) : ""));
    const missing = row[ATTEMPTS] ? "This exchange was not recorded; the run kept some of them only." : "Nothing was sent.";
    const inside = entry
      ? [make("div", { class: "pair" }, requestSection(entry), responseSection(entry)), entry.explanation ? traceSection(entry.explanation) : null]
      : [make("p", { class: "none" }, missing)];
    dialog.replaceChildren(make("div", { class: "head" }, title, buttons), make("div", { class: "inside" }, facts, ...inside.filter(Boolean)));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    title.focus();
  }

  function closed() {
    const place = opened;
    opened = -1;
    if (place < 0) return;
    const wish = Math.floor(place / PAGE);
    if (wish !== page) { page = wish; show(); }
    focusRow(place - page * PAGE);
  }

  // --- what the reader does

  function listen() {
    let pending = 0;
    at("search").addEventListener("input", (event) => {
      wanted.words = event.target.value;
      clearTimeout(pending);
      pending = setTimeout(select, 120);
    });
    at("rule").addEventListener("change", (event) => { wanted.rule = event.target.value; select(); });
    at("status").addEventListener("change", (event) => { wanted.status = event.target.value; select(); });
    at("deep").addEventListener("change", (event) => { wanted.deep = event.target.checked; select(); });
    at("tools").addEventListener("submit", (event) => event.preventDefault());
    at("tools").addEventListener("reset", () => {
      Object.assign(wanted, { words: "", rule: "", status: "", deep: false });
      wanted.outcomes.clear();
      for (const chip of at("chips").querySelectorAll("button")) chip.setAttribute("aria-pressed", "false");
      select();
    });
    at("body").addEventListener("click", (event) => {
      const line = event.target.closest("tr");
      if (line && !String(getSelection())) open(Number(line.dataset.place));
    });
    at("first").addEventListener("click", () => turnTo(0));
    at("previous").addEventListener("click", () => turnTo(page - 1));
    at("next").addEventListener("click", () => turnTo(page + 1));
    at("last").addEventListener("click", () => turnTo(Infinity));
    at("detail").addEventListener("close", closed);
    addEventListener("keydown", pressed);
    addEventListener("beforeprint", () => { if (!at("detail").open) show(0, PRINTED); });
    addEventListener("afterprint", () => { if (!at("detail").open) show(); });
    addEventListener("hashchange", () => {
      if (ROW_LINK.test(location.hash)) return openNamed();
      recall();
      select();
    });
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (at("detail").open) {
      if (event.target.closest("pre")) return;
      if (event.key === "ArrowLeft" && opened > 0) open(opened - 1);
      if (event.key === "ArrowRight" && opened < shown.length - 1) open(opened + 1);
      return;
    }
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && event.target === at("search") && wanted.words) { at("reset").click(); event.preventDefault(); return; }
    if (event.key === "ArrowDown" && event.target === at("search")) { focusRow(0); event.preventDefault(); return; }
    if (typing) return;
    const within = event.target.closest("#deliveries");
    const moves = {
      "/": () => at("search").focus(),
      ArrowDown: within && (() => step(1)),
      ArrowUp: within && (() => step(-1)),
      PageDown: within && (() => turnTo(page + 1, "start")),
      PageUp: within && (() => turnTo(page - 1, "start")),
      Home: within && (() => focusRow(0)),
      End: within && (() => focusRow(at("body").children.length - 1)),
    };
    if (moves[event.key]) { event.preventDefault(); moves[event.key](); }
  }

  function openNamed() {
    const named = ROW_LINK.exec(location.hash);
    if (!named) return;
    const place = shown.findIndex((index) => rows[index][ROW] === Number(named[1]));
    if (place >= 0) open(place);
  }

  function fill() {
    const counts = new Map(), statuses = new Map();
    for (const row of rows) {
      counts.set(row[OUTCOME], (counts.get(row[OUTCOME]) ?? 0) + 1);
      statuses.set(row[STATUS] ?? "none", (statuses.get(row[STATUS] ?? "none") ?? 0) + 1);
    }
    about.outcomes.forEach(([name, mark], number) => {
      if (!counts.has(number)) return;
      const chip = make("button", { type: "button", class: "chip", "aria-pressed": "false", "data-outcome": number },
        make("span", { class: `sign ink-${name}`, "aria-hidden": "true" }, mark), ` ${name} ${counts.get(number).toLocaleString("en")}`);
      chip.addEventListener("click", () => {
        if (!wanted.outcomes.delete(number)) wanted.outcomes.add(number);
        chip.setAttribute("aria-pressed", wanted.outcomes.has(number));
        select();
      });
      at("chips").append(chip);
    });
    at("rule").append(...about.rules.map((name, number) => make("option", { value: number }, name)), make("option", { value: -1 }, "none"));
    const order = [...statuses.keys()].sort((a, b) => (a === "none") - (b === "none") || a - b);
    at("status").append(...order.map((status) => make("option", { value: status }, `${status} (${statuses.get(status).toLocaleString("en")})`)));
  }

  function themes() {
    const names = ["auto", "light", "dark"], button = at("theme");
    let kept = "auto";
    try { kept = localStorage.getItem("rokt-export-theme") ?? "auto"; } catch { /* a page opened from a file may have no storage */ }
    const apply = (name) => {
      if (name === "auto") document.documentElement.removeAttribute("data-theme");
      else document.documentElement.dataset.theme = name;
      button.textContent = `Theme: ${name}`;
      kept = name;
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      apply(names[(names.indexOf(kept) + 1) % names.length]);
      try { localStorage.setItem("rokt-export-theme", kept); } catch { /* not kept, then */ }
    });
    apply(names.includes(kept) ? kept : "auto");
  }

  async function start() {
    themes();
    if (!("DecompressionStream" in globalThis)) {
      at("state").textContent = "This browser is too old to show the table: it needs one of 2023 or later.";
      return;
    }
    const text = await unpacked(at("rows"));
    rows = JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`);
    columns = COLUMNS.filter(({ needed }) => !needed || needed());
    fill();
    listen();
    for (const id of ["tools", "scroll", "pager"]) at(id).hidden = false;
    if (!ROW_LINK.test(location.hash)) recall();
    await select();
    openNamed();
  }

  start().catch((error) => {
    at("state").textContent = `The table cannot be shown: ${error.message}`;
  });
})();
